// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Linking a task, twice: once anywhere, to learn its sizes, and once where the layout put it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use manifest::{App, Task};

use crate::arch::Arch;
use crate::error::Error;
use crate::layout::{PAGE, Placement};

/// Where a task's parts are to be linked.
pub struct Addresses {
    text: u32,
    stack: u32,
    sections: BTreeMap<String, u32>,
}

impl Addresses {
    /// Anywhere, so long as nothing overlaps: for measuring. Distances do not matter, since instructions reach
    /// variables through whole addresses.
    pub fn measuring(app: &App, task: &Task) -> Self {
        let flash = app.memories[crate::layout::FLASH].address;
        Self {
            text: flash,
            stack: flash.wrapping_add(0x1000_0000),
            sections: task
                .sections
                .keys()
                .enumerate()
                .map(|(number, name)| {
                    (
                        name.clone(),
                        flash.wrapping_add(0x2000_0000 + 0x0400_0000 * number as u32),
                    )
                })
                .collect(),
        }
    }

    /// Where the layout says.
    pub fn placed(placement: &Placement) -> Self {
        Self {
            text: placement.text.base,
            stack: placement.stack.base,
            sections: placement
                .sections
                .iter()
                .map(|(name, range)| (name.clone(), range.base))
                .collect(),
        }
    }
}

/// The linker script of a task. `_start` copies `__sidata` to `__sdata`..`__edata` and zeroes `__sbss`..`__ebss`.
fn script(arch: &dyn Arch, app: &App, task: &Task, at: &Addresses) -> String {
    let mut script =
        String::from("/* Made by the build from the manifest. */\nENTRY(_start)\nSECTIONS\n{\n");
    let text = at.text;
    let stack = at.stack;
    let top = stack + task.stacksize;
    _ = write!(
        script,
        "    . = {text:#x};
    .text : {{ *(.text.start .text.start.*) *(.text .text.*) }}
    . = ALIGN({PAGE});
    .rodata : {{ *(.rodata .rodata.*) . = ALIGN(4); }}
    . = ALIGN(4);
    __sidata = .;

    __stack_base = {stack:#x};
    __stack_top = {top:#x};
    . = {top:#x};
    .data : AT(__sidata) {{ __sdata = .; *(.data .data.*) . = ALIGN(4); __edata = .; }}
    . = ALIGN(8);
    .bss (NOLOAD) : {{ __sbss = .; *(.bss .bss.* COMMON) . = ALIGN(4); __ebss = .; }}
"
    );
    for (name, address) in &at.sections {
        _ = write!(
            script,
            "
    . = {address:#x};
    .{name} (NOLOAD) : {{ *(.{name} .{name}.*) }}
"
        );
    }
    let unwinding: String = arch
        .unwind_sections()
        .iter()
        .map(|name| format!("{name} {name}.* "))
        .collect();
    _ = write!(
        script,
        "
    .task_slot_table 0 (INFO) : {{ KEEP(*(.task_slot_table)) }}
    .idolatry 0 (INFO) : {{ KEEP(*(.idolatry)) }}
    /DISCARD/ : {{ *({unwinding}.note .note.*) }}
}}
"
    );
    for name in &task.extern_regions {
        let memory = &app.memories[name];
        let name = name.to_uppercase().replace('-', "_");
        _ = writeln!(script, "__REGION_{name}_BASE = {:#x};", memory.address);
        _ = writeln!(
            script,
            "__REGION_{name}_END = {:#x};",
            memory.address + memory.size
        );
    }
    script
}

/// Links `object` to `output`, with the script beside it.
pub fn link(
    lld: &Path,
    arch: &dyn Arch,
    app: &App,
    task: &Task,
    object: &Path,
    output: &Path,
    at: &Addresses,
) -> Result<(), Error> {
    let script_path = output.with_extension("x");
    crate::write(&script_path, script(arch, app, task, at).as_bytes())?;
    let result = Command::new(lld)
        .args([
            "-flavor",
            "gnu",
            "--gc-sections",
            "--fatal-warnings",
            "--no-dynamic-linker",
            "-zmax-page-size=4096",
        ])
        .arg("-T")
        .arg(&script_path)
        .arg("-o")
        .arg(output)
        .arg(object)
        .output()
        .map_err(|error| Error::Machine(format!("cannot start {}: {error}", lld.display())))?;
    if result.status.success() {
        return Ok(());
    }
    let printed = String::from_utf8_lossy(&result.stderr);
    Err(Error::task(
        &task.name,
        format!("it does not link:\n{}", printed.trim_end()),
        "a symbol that is missing comes from a crate that the task must use (`use userlib as _;` for `_start`)",
    ))
}

/// rust-lld: `IMAGE_LLD`, or the one that comes with the compiler.
pub fn find_lld(rustc: &Path) -> Result<PathBuf, Error> {
    if let Some(lld) = std::env::var_os("IMAGE_LLD").filter(|lld| !lld.is_empty()) {
        return Ok(lld.into());
    }
    let ask = |arguments: &[&str]| -> Option<String> {
        let output = Command::new(rustc).args(arguments).output().ok()?;
        String::from_utf8(output.stdout).ok()
    };
    let sysroot = ask(&["--print", "sysroot"]);
    let host = ask(&["-vV"]).and_then(|text| {
        text.lines()
            .find_map(|line| line.strip_prefix("host: ").map(String::from))
    });
    if let (Some(sysroot), Some(host)) = (sysroot, host) {
        let lld = Path::new(sysroot.trim())
            .join("lib/rustlib")
            .join(host)
            .join("bin/rust-lld");
        if lld.exists() {
            return Ok(lld);
        }
    }
    Err(Error::Machine(
        "there is no rust-lld in the compiler's folder\n    remedy: install it (`rustup component add llvm-tools`, or the distribution's lld), and name it in the environment variable IMAGE_LLD"
            .into(),
    ))
}
