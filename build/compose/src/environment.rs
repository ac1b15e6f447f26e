// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What a task's build script is told, and what it must not see.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use manifest::{App, Architecture, InstructionSet, Task};
use toml::{Table, Value};

use crate::error::Error;

/// The variables for one task, by name: `HUBRIS_*`, as `build-util` reads them.
pub fn of_task(app: &App, task: &Task) -> Result<BTreeMap<String, String>, Error> {
    let mut all = Table::new();
    for task in &app.tasks {
        all.insert(task.name.clone(), Value::Table(task.table.clone()));
    }
    let mut chip = Table::new();
    for name in &task.uses {
        let peripheral = &app.peripherals[name];
        let mut entry = Table::new();
        entry.insert("address".into(), Value::Integer(peripheral.address.into()));
        entry.insert("size".into(), Value::Integer(peripheral.size.into()));
        let interrupts = peripheral
            .interrupts
            .iter()
            .map(|(line, intid)| (line.clone(), Value::Integer((*intid).into())))
            .collect();
        entry.insert("interrupts".into(), Value::Table(interrupts));
        chip.insert(name.clone(), Value::Table(entry));
    }
    let mut regions = Table::new();
    for name in &task.extern_regions {
        let memory = &app.memories[name];
        let pair = [memory.address, memory.size].map(|number| Value::Integer(number.into()));
        regions.insert(name.clone(), Value::Array(pair.into()));
    }
    let names: Vec<&str> = app.tasks.iter().map(|task| task.name.as_str()).collect();
    Ok(BTreeMap::from([
        ("HUBRIS_TASKS".into(), names.join(",")),
        ("HUBRIS_TASK_NAME".into(), task.name.clone()),
        ("HUBRIS_TASK_CONFIG".into(), text(&task.table)?),
        ("HUBRIS_ALL_TASK_CONFIGS".into(), text(&all)?),
        ("HUBRIS_APP_CONFIG".into(), text(&app.config)?),
        ("HUBRIS_CHIP_CONFIG".into(), text(&chip)?),
        ("HUBRIS_TASK_EXTERN_REGIONS".into(), text(&regions)?),
        ("HUBRIS_BOARD".into(), app.board.clone()),
        ("HUBRIS_APP_TOML".into(), app.files[0].clone()),
        ("HUBRIS_BUILD_VERSION".into(), app.version.to_string()),
        ("HUBRIS_BUILD_EPOCH".into(), app.epoch.to_string()),
    ]))
}

fn text(table: &Table) -> Result<String, Error> {
    toml::to_string(table).map_err(|error| Error::Machine(format!("cannot write TOML: {error}")))
}

/// Set by the cargo that runs us for the package that it builds: a cargo that we start would take them for its own.
const OUTER: [&str; 21] = [
    "CARGO",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_MAKEFLAGS",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_TARGET_DIR",
    "CLIPPY_ARGS",
    "CLIPPY_CONF_DIR",
    "DEBUG",
    "HOST",
    "LD_LIBRARY_PATH",
    "MAKEFLAGS",
    "MFLAGS",
    "NUM_JOBS",
    "OPT_LEVEL",
    "OUT_DIR",
    "PROFILE",
    // Where in a build script an error about the manifest was made helps nobody who reads it.
    "RUST_BACKTRACE",
    "RUST_LIB_BACKTRACE",
    "RUSTC_LINKER",
    "RUSTFLAGS",
    "TARGET",
];

/// The same, for variables whose names only begin so.
const OUTER_PREFIXES: [&str; 9] = [
    "CARGO_BIN_",
    "CARGO_BUILD_TARGET",
    "CARGO_CFG_",
    "CARGO_FEATURE_",
    "CARGO_MANIFEST_",
    "CARGO_PKG_",
    "DEP_",
    "HUBRIS_",
    "RUSTC_W",
];

/// Takes the outer cargo's variables out of the environment of `command`.
pub fn scrub(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let Some(name) = name.to_str() else { continue };
        let outer = OUTER.contains(&name)
            || OUTER_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
            || (name.starts_with("CARGO_TARGET_") && name.ends_with("_RUSTFLAGS"));
        if outer {
            command.env_remove(name);
        }
    }
}

/// Compiler flags that keep this machine's folders out of the binaries, so that the same commit gives the same bytes
/// wherever it is built: `--remap-path-prefix` for the project, its target folder, cargo's home, and the compiler's.
///
/// The kernel is built by whoever runs cargo for the image, who should give it these as well.
pub fn remap_flags(root: &Path, target_dir: &Path, rustc: &Path) -> Vec<String> {
    let mut flags = Vec::new();
    // Of several that fit, the last counts: so from the outermost folder to the innermost.
    let mut remap =
        |from: &Path, to: &str| flags.push(format!("--remap-path-prefix={}={to}", from.display()));
    if let Some(home) = cargo_home() {
        remap(&home, "cargo");
        let registries = std::fs::read_dir(home.join("registry").join("src"));
        let mut registries: Vec<_> = registries
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .collect();
        registries.sort();
        for registry in registries {
            remap(&registry, "crates");
        }
    }
    let sysroot = Command::new(rustc).args(["--print", "sysroot"]).output();
    if let Some(sysroot) = sysroot
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok())
    {
        // The library's sources, where they are compiled along: as given, and where a link leads.
        let sources = Path::new(sysroot.trim()).join("lib/rustlib/src/rust");
        if let Ok(real) = sources.canonicalize() {
            remap(&real, "rust");
        }
        remap(&sources, "rust");
    }
    remap(root, ".");
    remap(target_dir, "target");
    flags
}

/// Compiler flags that make a task's code of its instruction set. The target's own is A32. Sources cannot see the feature, because it is
/// not stable, so `cfg(thumb)` says the same.
#[must_use]
pub fn instruction_set_flags(app: &App, task: &Task) -> Vec<String> {
    match task.instruction_set {
        _ if app.architecture() != Architecture::Armv7a => Vec::new(),
        InstructionSet::A32 => Vec::new(),
        InstructionSet::T32 => vec!["-Ctarget-feature=+thumb-mode".into(), "--cfg=thumb".into()],
    }
}

fn cargo_home() -> Option<PathBuf> {
    let in_home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo"));
    std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(in_home)
}

/// The folders of this machine that a binary might name.
pub fn folders(request: &crate::Request) -> Vec<PathBuf> {
    let mut folders = vec![
        request.root.clone(),
        request.images.clone(),
        request.tasks.clone(),
    ];
    folders.extend(cargo_home());
    folders
}
