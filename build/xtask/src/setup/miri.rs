// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Miri, for the host tests of code that is unsafe or shares memory. It is optional: a machine may have no way to get it.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{nightly, say};
use crate::command;

const LIMIT: Duration = Duration::from_secs(15 * 60);

/// `cargo miri` of the nightly toolchain.
#[must_use]
pub fn command() -> Command {
    let mut command = nightly("cargo");
    command.arg("miri");
    command
}

fn is_there() -> bool {
    command::query(command().arg("--version")).is_some()
}

/// Makes sure that Miri runs, adding it by rustup if need be.
///
/// # Errors
///
/// Why there is no Miri on this machine.
pub fn ensure() -> Result<()> {
    if is_there() {
        return Ok(());
    }
    let rustup = command::find_program("rustup")
        .context("no nightly toolchain with Miri, and no rustup to add it")?;
    let mut install = Command::new(rustup);
    install.args([
        "toolchain",
        "install",
        "nightly",
        "--profile",
        "minimal",
        "--component",
        "miri,rust-src",
    ]);
    say(&format!("adding Miri: {}", command::describe(&install)));
    command::check("rustup", &mut install, LIMIT, |_| ()).context("rustup cannot add Miri")?;
    command::query(command().arg("--version")).context("rustup added Miri, but it does not run")?;
    Ok(())
}
