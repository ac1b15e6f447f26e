// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! QEMU for 32-bit Arm with the SCMI device.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::apt::{self, Apt};
use super::sources::Backports;
use super::{Mode, say};
use crate::command;

const PROGRAM: &str = "qemu-system-arm";
const PACKAGE: &str = "qemu-system-arm";
/// The first release with `vhost-user-scmi`.
const MINIMUM: (u32, u32) = (8, 1);

/// A QEMU that has the device, or why there is none.
///
/// # Errors
///
/// It is not installed, or it is too old, or was built without the device.
pub fn find() -> Result<PathBuf> {
    let path = command::find_program(PROGRAM).context("qemu-system-arm is not installed")?;
    let devices = command::query(Command::new(&path).args(["-M", "virt", "-device", "help"]))
        .with_context(|| format!("{} -device help fails", path.display()))?;
    if !devices.contains("\"vhost-user-scmi") {
        let version = command::query(Command::new(&path).arg("--version")).unwrap_or_default();
        bail!(
            "{} ({}) has no device vhost-user-scmi; QEMU {}.{} is the first with it",
            path.display(),
            version.lines().next().unwrap_or("unknown version"),
            MINIMUM.0,
            MINIMUM.1
        );
    }
    Ok(path)
}

/// Finds QEMU, or installs it: from the distribution if its version is recent enough, else from Debian's backports.
///
/// # Errors
///
/// It cannot be installed here; the message says what to install.
pub fn ensure(mode: Mode) -> Result<Option<PathBuf>> {
    let missing = match find() {
        Ok(path) => return Ok(Some(path)),
        Err(missing) => missing,
    };
    say(&format!("{missing:#}; installing it"));
    install(mode).context("QEMU could not be installed")?;
    if mode == Mode::DryRun {
        return Ok(None);
    }
    find().map(Some).context("QEMU was installed, but")
}

/// What to install, for somebody who has to do it by hand.
fn wanted() -> String {
    let mut wanted = format!("{PACKAGE} {}.{} or later", MINIMUM.0, MINIMUM.1);
    if let Some((id, codename)) = apt::distribution()
        && id == "debian"
        && !is_recent(apt::candidate(PACKAGE).as_deref())
    {
        wanted.push_str(&format!(" from {codename}-backports"));
    }
    wanted
}

/// Whether this version has the device.
fn is_recent(version: Option<&str>) -> bool {
    version
        .and_then(apt::major_minor)
        .is_some_and(|version| version >= MINIMUM)
}

fn install(mode: Mode) -> Result<()> {
    let apt = Apt::find(&wanted(), mode)?;
    apt.update(&[])?;
    let candidate = apt::candidate(PACKAGE);
    if is_recent(candidate.as_deref()) {
        return apt.install(&[], &[PACKAGE]);
    }
    let offered = candidate.as_deref().unwrap_or("none");
    match apt::distribution() {
        Some((id, codename)) if id == "debian" => {
            say(&format!(
                "{codename} has version {offered}; taking it from {codename}-backports by the same mirror"
            ));
            let backports = Backports::prepare(&codename)?;
            apt.update(backports.options())?;
            let mut options = backports.options().to_vec();
            options.extend(["-t".into(), backports.suite().to_owned()]);
            apt.install(&options, &[PACKAGE])
        }
        _ => bail!("this distribution offers version {offered} only"),
    }
}
