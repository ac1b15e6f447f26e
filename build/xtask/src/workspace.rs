// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Where things are, and how cargo is called.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::command;

/// The root of the source tree.
#[must_use]
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("build/xtask lies two folders below the root")
}

/// Where cargo puts what it builds.
#[must_use]
pub fn target_dir() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => std::path::absolute(&folder).unwrap_or_else(|_| folder.into()),
        None => root().join("target"),
    }
}

/// Names the variable that moves images elsewhere: the tests use the ones that were built clean.
pub const IMAGE_TARGET_DIR: &str = "IMAGE_TARGET_DIR";

/// Where images are built.
#[must_use]
pub fn image_target_dir() -> PathBuf {
    match std::env::var_os(IMAGE_TARGET_DIR) {
        Some(folder) => std::path::absolute(&folder).unwrap_or_else(|_| folder.into()),
        None => target_dir(),
    }
}

/// Tools that set-up installs for this project alone.
#[must_use]
pub fn tools_dir() -> PathBuf {
    target_dir().join("tools")
}

/// The cargo that runs us, from the root of the tree.
#[must_use]
pub fn cargo() -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(root());
    scrub(&mut command);
    command
}

/// The packages of the workspace, by cargo's own account.
///
/// # Errors
///
/// cargo fails, or what it prints is not JSON.
pub fn metadata() -> Result<Value> {
    let mut cargo = cargo();
    cargo.args(["metadata", "--format-version", "1", "--no-deps"]);
    let text = command::query(&mut cargo).context("cargo metadata fails")?;
    // cargo may print a note before it.
    let json = text
        .lines()
        .find(|line| line.starts_with('{'))
        .context("cargo metadata prints no JSON")?;
    Ok(serde_json::from_str(json)?)
}

/// Removes what `cargo run` told *us* about this package: a nested cargo, and a build script in it that watches the
/// environment, must see the same whether it is called from here or from a shell, or it builds again for nothing.
pub fn scrub(command: &mut Command) {
    const OURS: [&str; 6] = [
        "CARGO_PKG_",
        "CARGO_MANIFEST_",
        "CARGO_BIN_",
        "CARGO_CRATE_",
        "CARGO_PRIMARY_",
        "__CARGO",
    ];
    for (key, _) in std::env::vars_os() {
        let text = key.to_string_lossy();
        if OURS.iter().any(|prefix| text.starts_with(prefix)) || text == "OUT_DIR" {
            command.env_remove(&key);
        }
    }
}

/// `path` as a user sees it: relative to the root where it is inside.
#[must_use]
pub fn shown(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap_or(path)
        .display()
        .to_string()
}
