// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! rust-vmm's `vhost-device-scmi`: an SCMI platform that is not ours.

use std::path::PathBuf;

use anyhow::Result;

use super::tool::Tool;
use super::{Mode, say};

const DAEMON: Tool = Tool {
    name: "vhost-device-scmi",
    // The version that our tests were written against.
    version: "0.4.0",
    ask: &["--version"],
    what: "the SCMI platform vhost-device-scmi",
};

/// The daemon, in our own tools folder or on the path.
#[must_use]
pub fn find() -> Option<PathBuf> {
    DAEMON.find()
}

/// Finds the daemon, or builds it from the package registry into our own tools folder.
///
/// # Errors
///
/// It cannot be fetched or built.
pub fn ensure(mode: Mode) -> Result<Option<PathBuf>> {
    DAEMON.ensure(mode, |line| {
        if line.trim_start().starts_with("Compiling vhost") || line.contains("Installed package") {
            say(&format!("    {}", line.trim()));
        }
    })
}
