// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Programs from the package registry, in one version, in our own tools folder.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{Mode, say};
use crate::{command, workspace};

/// Some hundred crates on a small machine.
const LIMIT: Duration = Duration::from_secs(40 * 60);

/// A program that we use in one version.
pub(super) struct Tool {
    /// Its name, which is that of its package too.
    pub(super) name: &'static str,
    /// The version that we know.
    pub(super) version: &'static str,
    /// What makes it say its version.
    pub(super) ask: &'static [&'static str],
    /// What it is called when it could not be built.
    pub(super) what: &'static str,
}

impl Tool {
    /// The program, in our own tools folder or on the path.
    pub(super) fn find(&self) -> Option<PathBuf> {
        let own = workspace::tools_dir().join("bin").join(self.name);
        [Some(own), command::find_program(self.name)]
            .into_iter()
            .flatten()
            .find(|path| self.is_right(path))
    }

    fn is_right(&self, path: &Path) -> bool {
        command::is_executable(path)
            && command::query(Command::new(path).args(self.ask))
                .is_some_and(|text| text.split_whitespace().any(|word| word == self.version))
    }

    /// Finds the program, or builds it from the package registry into our own tools folder; `line` sees what cargo says. `None`: it is
    /// not there, and nothing is to be installed.
    pub(super) fn ensure(&self, mode: Mode, line: impl FnMut(&str)) -> Result<Option<PathBuf>> {
        if let Some(path) = self.find() {
            return Ok(Some(path));
        }
        let Self { name, version, .. } = self;
        let tools = workspace::tools_dir();
        let build = tools.join("build").join(name);
        let mut cargo = workspace::cargo();
        cargo
            .args(["install", "--locked", "--version", version, "--root"])
            .arg(&tools)
            .arg(name)
            .env("CARGO_TARGET_DIR", &build);
        say(&format!(
            "{name} {version} is not here; building it (some minutes, once)"
        ));
        say(&format!("  {}", command::describe(&cargo)));
        if mode == Mode::DryRun {
            return Ok(None);
        }
        command::check(name, &mut cargo, LIMIT, line)
            .with_context(|| format!("{} could not be built", self.what))?;
        // Only the program is wanted; its objects are many times larger.
        let _ = std::fs::remove_dir_all(&build);
        let found = self.find();
        found
            .map(Some)
            .with_context(|| format!("{name} was built, but {} does not run", tools.display()))
    }
}
