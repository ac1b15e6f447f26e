// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `cargo fuzz` and the nightly toolchain that it needs, for `cargo xtask fuzz` alone.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{nightly, say};
use crate::{command, workspace};

/// For a toolchain, and for cargo-fuzz on a small machine.
const LIMIT: Duration = Duration::from_secs(30 * 60);

/// `cargo fuzz` of the nightly toolchain.
#[must_use]
pub fn command() -> Command {
    let mut command = nightly("cargo");
    command.arg("fuzz");
    command
}

/// Makes sure that there are a nightly compiler and `cargo fuzz`, adding them if need be.
///
/// # Errors
///
/// Why there are none on this machine.
pub fn ensure() -> Result<()> {
    if command::query(nightly("rustc").arg("--version")).is_none() {
        let rustup = command::find_program("rustup").context(
            "fuzzing needs a nightly compiler (libFuzzer's instrumentation), and there is neither one nor rustup to add it",
        )?;
        let mut install = Command::new(rustup);
        install.args(["toolchain", "install", "nightly", "--profile", "minimal"]);
        say(&format!(
            "adding a nightly compiler: {}",
            command::describe(&install)
        ));
        command::check("rustup", &mut install, LIMIT, |_| ())
            .context("rustup cannot add a nightly compiler, which fuzzing needs")?;
    }
    if command::query(command().arg("--version")).is_none() {
        let mut install = workspace::cargo();
        install.args(["install", "--locked", "cargo-fuzz"]);
        say(&format!(
            "cargo-fuzz is not here; installing it (some minutes, once): {}",
            command::describe(&install)
        ));
        command::check("cargo install", &mut install, LIMIT, |_| ())
            .context("cargo-fuzz could not be installed")?;
        command::query(command().arg("--version"))
            .context("cargo-fuzz was installed, but `cargo +nightly fuzz` does not run")?;
    }
    Ok(())
}
