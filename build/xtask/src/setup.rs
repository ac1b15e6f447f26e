// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Sets up what is missing on a fresh machine, and says so.
//!
//! Each part has `find`, which only looks, and `ensure`, which looks and then installs. Nothing is recorded: what is there
//! is found again in well under a second, so a second run does nothing, and a tool that was removed comes back.

pub mod apt;
pub mod daemon;
pub mod fuzz;
pub mod miri;
pub mod mutants;
pub mod qemu;
pub mod rust;
pub mod sources;
mod tool;
pub mod valgrind;

use std::process::Command;

use anyhow::{Result, ensure};

use crate::workspace;

/// Whether to change the machine, or only to say what would be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Install what is missing.
    Install,
    /// Ask the package manager to simulate, change nothing.
    DryRun,
}

/// What `setup` can be told.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Arguments {
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
}

/// `cargo xtask setup`: everything at once, with a line for each part.
///
/// # Errors
///
/// Something is missing and cannot be installed.
pub fn run(arguments: &Arguments) -> Result<()> {
    let mode = if arguments.dry_run {
        Mode::DryRun
    } else {
        Mode::Install
    };
    let mut missing = Vec::new();
    let mut there = |what: &str, found: Result<Option<String>>| match found {
        Ok(Some(found)) => say(&format!("{what}: {found}")),
        Ok(None) => say(&format!("{what}: would be installed")),
        Err(error) => missing.push(format!("{what}: {error:#}")),
    };
    there(
        "Rust for the image",
        rust::ensure(mode).map(|rust| Some(rust?.description)),
    );
    there(
        "QEMU",
        qemu::ensure(mode).map(|path| Some(path?.display().to_string())),
    );
    // Somebody who has to fetch an administrator should hear of everything at once, and not after minutes of compiling.
    ensure!(
        missing.is_empty(),
        "set-up is not complete:\n  {}",
        missing.join("\n  ")
    );
    let platform = daemon::ensure(mode)?;
    match platform {
        Some(path) => say(&format!("platform: {}", workspace::shown(&path))),
        None => say("platform: would be installed"),
    }
    Ok(())
}

/// A program of the nightly toolchain, by rustup's own proxy: the cargo that runs us belongs to another toolchain.
pub(crate) fn nightly(program: &str) -> Command {
    let mut command = Command::new(program);
    command.arg("+nightly").current_dir(workspace::root());
    workspace::scrub(&mut command);
    for key in [
        "CARGO",
        "RUSTC",
        "RUSTDOC",
        "RUSTUP_TOOLCHAIN",
        "CARGO_TARGET_DIR",
    ] {
        command.env_remove(key);
    }
    command
}

/// Prints one line about set-up. On standard error, so that a command's own output stays clean.
pub fn say(line: &str) {
    eprintln!("setup: {line}");
}
