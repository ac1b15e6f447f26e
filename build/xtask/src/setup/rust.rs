// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A Rust toolchain that builds for the target.
//!
//! In order of preference: the toolchain at hand with the target's `core`; the toolchain at hand with the sources of `core`, which
//! cargo then builds; Debian's packages of both. Where none of them is there, rustup adds the target, or else `apt-get` the packages.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::apt::{self, Apt};
use super::{Mode, say};
use crate::{command, workspace};

/// The target of the image.
pub const TARGET: &str = "armv7a-none-eabi";
/// The same as an environment variable's name has it.
const TARGET_VARIABLE: &str = "CARGO_TARGET_ARMV7A_NONE_EABI_LINKER";
/// What builds `core` from its sources; passed on to every cargo run for the target.
const BUILD_STD: &str = "-Zbuild-std=core";
const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];
const LIMIT: Duration = Duration::from_secs(10 * 60);

/// How to call cargo so that it builds for the target.
#[derive(Clone, Debug)]
pub struct TargetRust {
    /// What it is, for people.
    pub description: String,
    /// Another cargo than the one that runs us.
    cargo: Option<PathBuf>,
    environment: Vec<(&'static str, OsString)>,
    /// Further arguments for cargo, after the subcommand.
    arguments: Vec<&'static str>,
}

impl TargetRust {
    /// `cargo <subcommand> --target …`, ready for a package and its options.
    #[must_use]
    pub fn cargo(&self, subcommand: &str) -> Command {
        let mut command = workspace::cargo();
        if let Some(cargo) = &self.cargo {
            command = Command::new(cargo);
            command.current_dir(workspace::root());
            workspace::scrub(&mut command);
            command.env_remove("RUSTUP_TOOLCHAIN").env("CARGO", cargo);
        }
        command
            .arg(subcommand)
            .args(["--target", TARGET])
            .args(&self.arguments);
        for (key, value) in &self.environment {
            command.env(key, value);
        }
        // The image's build script calls cargo for each task, in the same way.
        command.env("IMAGE_CARGO_ARGS", self.arguments.join(" "));
        command
    }
}

/// One toolchain: its compiler, and what it has.
struct Toolchain {
    rustc: PathBuf,
}

impl Toolchain {
    fn at_hand() -> Self {
        let rustc = std::env::var_os("RUSTC").map_or_else(|| "rustc".into(), PathBuf::from);
        Self { rustc }
    }

    fn print(&self, what: &[&str]) -> Option<PathBuf> {
        let text = command::query(
            Command::new(&self.rustc)
                .current_dir(workspace::root())
                .args(what),
        )?;
        Some(text.lines().next()?.into())
    }

    fn has_core(&self) -> bool {
        let libraries = self.print(&["--print", "target-libdir", "--target", TARGET]);
        libraries
            .and_then(|folder| std::fs::read_dir(folder).ok())
            .is_some_and(|entries| {
                entries
                    .flatten()
                    .any(|entry| entry.file_name().to_string_lossy().starts_with("libcore-"))
            })
    }

    /// Major and minor version.
    fn version(&self) -> Option<(u32, u32)> {
        let text = command::query(Command::new(&self.rustc).arg("--version"))?;
        apt::major_minor(text.strip_prefix("rustc ")?)
    }

    fn sysroot(&self) -> Option<PathBuf> {
        self.print(&["--print", "sysroot"])
    }

    fn has_core_source(&self) -> bool {
        self.sysroot().is_some_and(|root| {
            root.join("lib/rustlib/src/rust/library/core/src/lib.rs")
                .exists()
        })
    }

    fn lld(&self) -> Option<PathBuf> {
        let rustlib = self.sysroot()?.join("lib/rustlib");
        std::fs::read_dir(rustlib)
            .ok()?
            .flatten()
            .map(|entry| entry.path().join("bin/rust-lld"))
            .find(|path| command::is_executable(path))
    }
}

/// A toolchain that can build for the target as it is.
#[must_use]
pub fn find() -> Option<TargetRust> {
    let own = Toolchain::at_hand();
    if own.has_core() {
        return with_linker(
            &own,
            TargetRust {
                description: format!("the target {TARGET}"),
                cargo: None,
                environment: Vec::new(),
                arguments: Vec::new(),
            },
        );
    }
    if own.has_core_source() {
        return with_linker(
            &own,
            build_std(&own, None, "the toolchain's own sources of core"),
        );
    }
    find_debian(Path::new("/usr"))
}

fn find_debian(prefix: &Path) -> Option<TargetRust> {
    let (rustc, cargo) = (prefix.join("bin/rustc"), prefix.join("bin/cargo"));
    let debian = Toolchain { rustc };
    let needed = apt::major_minor(env!("CARGO_PKG_RUST_VERSION"));
    if !command::is_executable(&cargo) || debian.version() < needed || !debian.has_core_source() {
        return None;
    }
    with_linker(
        &debian,
        build_std(
            &debian,
            Some(cargo),
            "Debian's rustc-web and its sources of core",
        ),
    )
}

fn build_std(toolchain: &Toolchain, cargo: Option<PathBuf>, description: &str) -> TargetRust {
    let mut environment: Vec<(&str, OsString)> = vec![("RUSTC_BOOTSTRAP", "1".into())];
    if cargo.is_some() {
        environment.push(("RUSTC", toolchain.rustc.clone().into()));
    }
    TargetRust {
        description: format!("{description} ({BUILD_STD})"),
        cargo,
        environment,
        arguments: vec![BUILD_STD],
    }
}

/// Adds the linker, which a distribution's toolchain may lack; `None` if there is none at all.
fn with_linker(toolchain: &Toolchain, mut rust: TargetRust) -> Option<TargetRust> {
    if std::env::var_os("IMAGE_LLD").is_some() || toolchain.lld().is_some() {
        return Some(rust);
    }
    let linker = find_linker()?;
    rust.environment.push(("IMAGE_LLD", linker.clone().into()));
    rust.environment.push((TARGET_VARIABLE, linker.into()));
    Some(rust)
}

/// LLVM's linker: of any Rust toolchain here, or of a package.
fn find_linker() -> Option<PathBuf> {
    if let Some(linker) = Toolchain::at_hand().lld() {
        return Some(linker);
    }
    command::find_program("ld.lld").or_else(|| {
        let mut found: Vec<_> = std::fs::read_dir("/usr/lib")
            .ok()?
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().starts_with("llvm-"))
            .map(|entry| entry.path().join("bin/ld.lld"))
            .filter(|path| command::is_executable(path))
            .collect();
        found.sort();
        found.pop()
    })
}

/// Finds a toolchain for the target, or sets one up.
///
/// # Errors
///
/// Neither rustup nor Debian's packages can provide one; the message says what was tried.
pub fn ensure(mode: Mode) -> Result<Option<TargetRust>> {
    // What works comes first: where rustup cannot add the target it would try again, and wait, in every run.
    if let Some(rust) = find() {
        return Ok(Some(rust));
    }
    match rustup(mode) {
        Ok(()) if mode == Mode::DryRun => return Ok(None),
        Ok(()) => {}
        Err(error) => say(&format!("{error:#}")),
    }
    if let Some(rust) = find() {
        return Ok(Some(rust));
    }
    debian(mode).context(
        "no Rust for the target: neither `rustup target add armv7a-none-eabi` nor Debian's rustc-web, cargo-web and \
         rust-web-src could be set up",
    )?;
    if mode == Mode::DryRun {
        return Ok(None);
    }
    find().map(Some).with_context(|| {
        format!(
            "Debian's Rust packages were installed, but are older than {} (the security suite has newer ones), or incomplete",
            env!("CARGO_PKG_RUST_VERSION")
        )
    })
}

fn rustup(mode: Mode) -> Result<()> {
    let Some(rustup) = command::find_program("rustup") else {
        bail!("the Rust target {TARGET} is missing and there is no rustup to add it");
    };
    let mut command = Command::new(rustup);
    command
        .args(["target", "add", TARGET])
        .current_dir(workspace::root());
    say(&format!("the Rust target {TARGET} is missing; adding it"));
    say(&format!("  {}", command::describe(&command)));
    if mode == Mode::Install {
        command::check("rustup", &mut command, LIMIT, |_| ())
            .context("rustup cannot add the target")?;
    }
    Ok(())
}

fn debian(mode: Mode) -> Result<()> {
    let mut packages = DEBIAN_PACKAGES.to_vec();
    say(&format!(
        "falling back to Debian's {}, which build core from its sources",
        packages.join(", ")
    ));
    if find_linker().is_none() {
        packages.push("lld");
    }
    let apt = Apt::find(&packages.join(", "), mode)?;
    apt.update(&[])?;
    apt.install(&[], &packages)
}
