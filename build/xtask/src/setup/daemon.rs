// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! rust-vmm's `vhost-device-scmi`: an SCMI platform that is not ours.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{Mode, say};
use crate::{command, workspace};

const NAME: &str = "vhost-device-scmi";
/// The version that our tests were written against.
const VERSION: &str = "0.4.0";
/// Some hundred crates on a small machine.
const LIMIT: Duration = Duration::from_secs(40 * 60);

/// The daemon, in our own tools folder or on the path.
#[must_use]
pub fn find() -> Option<PathBuf> {
    let own = workspace::tools_dir().join("bin").join(NAME);
    [Some(own), command::find_program(NAME)]
        .into_iter()
        .flatten()
        .find(|path| is_right(path))
}

fn is_right(path: &Path) -> bool {
    command::is_executable(path)
        && command::query(Command::new(path).arg("--version"))
            .is_some_and(|text| text.split_whitespace().any(|word| word == VERSION))
}

/// Finds the daemon, or builds it from the package registry into our own tools folder.
///
/// # Errors
///
/// It cannot be fetched or built.
pub fn ensure(mode: Mode) -> Result<Option<PathBuf>> {
    if let Some(path) = find() {
        return Ok(Some(path));
    }
    let tools = workspace::tools_dir();
    let build = tools.join("build");
    let mut cargo = workspace::cargo();
    cargo
        .args(["install", "--locked", "--version", VERSION, "--root"])
        .arg(&tools)
        .arg(NAME)
        .env("CARGO_TARGET_DIR", &build);
    say(&format!(
        "{NAME} {VERSION} is not here; building it (some minutes, once)"
    ));
    say(&format!("  {}", command::describe(&cargo)));
    if mode == Mode::DryRun {
        return Ok(None);
    }
    command::check(NAME, &mut cargo, LIMIT, |line| {
        if line.trim_start().starts_with("Compiling vhost") || line.contains("Installed package") {
            say(&format!("    {}", line.trim()));
        }
    })
    .context("the SCMI platform vhost-device-scmi could not be built")?;
    // Only the program is wanted; its objects are many times larger.
    let _ = std::fs::remove_dir_all(&build);
    find()
        .map(Some)
        .with_context(|| format!("{NAME} was built, but {} does not run", tools.display()))
}
