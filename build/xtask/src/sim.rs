// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The platform `sim`: `test/platform` of this tree, built when it is needed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::progress::Progress;
use crate::{command, image, workspace};

/// The package and its program.
const NAME: &str = "scmi-platform";
/// The file beside it that says which run of the tests built it.
const STAMP: &str = "scmi-platform.test-run";
/// Reading a scenario takes no time.
const CHECK_LIMIT: Duration = Duration::from_secs(60);

/// Builds the platform if it is not up to date.
///
/// # Errors
///
/// It does not build.
pub fn build() -> Result<PathBuf> {
    build_in(std::env::var(image::TEST_RUN).ok().as_deref())
}

/// As [`build`], once in each `run` of the tests.
///
/// # Errors
///
/// As [`build`].
pub fn build_in(run: Option<&str>) -> Result<PathBuf> {
    let folder = workspace::target_dir().join("release");
    let (program, stamp) = (folder.join(NAME), folder.join(STAMP));
    if run.is_some() && fs::read_to_string(&stamp).ok().as_deref() == run && program.is_file() {
        return Ok(program);
    }
    let _ = fs::remove_file(&stamp);
    // What takes long is said; what is there is not.
    let progress =
        (!program.exists()).then(|| Progress::start("building the SCMI platform (once)"));
    let mut cargo = workspace::cargo();
    cargo
        .args(["build", "--release", "--package", NAME])
        // The profile is made for small images; a program of the host is better off built in a fraction of the time.
        .args(["--config", "profile.release.lto=\"off\""])
        .args(["--config", "profile.release.codegen-units=16"])
        .args(["--config", "profile.release.debug=0"])
        .env("CARGO_TARGET_DIR", workspace::target_dir());
    command::check(NAME, &mut cargo, command::BUILD_LIMIT, |line| {
        if let Some(progress) = &progress {
            progress.line(line);
        }
    })?;
    if let Some(run) = run {
        fs::write(&stamp, run).with_context(|| format!("cannot write {}", stamp.display()))?;
    }
    Ok(program)
}

/// Checks a scenario.
///
/// # Errors
///
/// The first thing that is wrong in it, with its line.
pub fn check(program: &Path, scenario: &Path) -> Result<()> {
    let mut command = Command::new(program);
    // It opens no socket when it only checks, but wants to know of one.
    command
        .args(["--check", "--socket", "none", "--machine"])
        .arg(scenario);
    let outcome = command::run(NAME, &mut command, CHECK_LIMIT, |_| ())?;
    if !outcome.success() {
        let text = outcome.output.trim_end();
        bail!(
            "{}",
            text.strip_prefix(&format!("{NAME}: ")).unwrap_or(text)
        );
    }
    Ok(())
}
