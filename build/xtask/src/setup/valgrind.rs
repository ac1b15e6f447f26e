// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Valgrind, whose callgrind counts instructions on the host.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::apt::Apt;
use super::{Mode, say};
use crate::command;

const PROGRAM: &str = "valgrind";

/// Finds valgrind, or installs the distribution's.
///
/// # Errors
///
/// It cannot be installed here; the message says what to install.
pub fn ensure(mode: Mode) -> Result<Option<PathBuf>> {
    if let Some(path) = command::find_program(PROGRAM) {
        return Ok(Some(path));
    }
    say("valgrind is not installed; installing it");
    let install = || {
        let apt = Apt::find(PROGRAM, mode)?;
        apt.update(&[])?;
        apt.install(&[], &[PROGRAM])
    };
    install().context("valgrind could not be installed; the host benches need it")?;
    if mode == Mode::DryRun {
        return Ok(None);
    }
    let path = command::find_program(PROGRAM);
    path.map(Some)
        .context("valgrind was installed, but is not found in PATH")
}
