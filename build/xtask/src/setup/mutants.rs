// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `cargo-mutants`, for `cargo xtask mutants` alone.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::say;
use crate::{command, workspace};

const NAME: &str = "cargo-mutants";
/// The version whose results we read.
const VERSION: &str = "27.1.0";
/// Some hundred crates on a small machine.
const LIMIT: Duration = Duration::from_secs(40 * 60);

fn find() -> Option<PathBuf> {
    let own = workspace::tools_dir().join("bin").join(NAME);
    [Some(own), command::find_program(NAME)]
        .into_iter()
        .flatten()
        .find(|path| is_right(path))
}

fn is_right(path: &Path) -> bool {
    let mut command = Command::new(path);
    command.args(["mutants", "--version"]);
    command::is_executable(path)
        && command::query(&mut command)
            .is_some_and(|text| text.split_whitespace().any(|word| word == VERSION))
}

/// Finds the program, or builds it from the package registry into our own tools folder.
///
/// # Errors
///
/// It cannot be fetched or built.
pub fn ensure() -> Result<PathBuf> {
    if let Some(path) = find() {
        return Ok(path);
    }
    let tools = workspace::tools_dir();
    let build = tools.join("build-mutants");
    let mut cargo = workspace::cargo();
    cargo
        .args(["install", "--locked", "--version", VERSION, "--root"])
        .arg(&tools)
        .arg(NAME)
        .env("CARGO_TARGET_DIR", &build);
    say(&format!(
        "{NAME} {VERSION} is not here; building it (some minutes, once): {}",
        command::describe(&cargo)
    ));
    command::check("cargo install", &mut cargo, LIMIT, |_| ())
        .with_context(|| format!("{NAME} could not be installed"))?;
    // Only the program is needed; its objects are many times larger.
    let _ = std::fs::remove_dir_all(&build);
    find().with_context(|| format!("{NAME} was installed, but {} does not run", tools.display()))
}
