// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `[config.scmi]`, for the SCMI driver and its clients.

use anyhow::{Context, Result, bail, ensure};
pub use manifest::{Client, Protocols, Scmi};
use serde::Deserialize;

use crate::config::config;

/// The longest name of a sensor or domain as platforms tell it.
const PLATFORM_NAME_MAX: usize = 15;

/// The part of `[config]` that is the driver's.
#[derive(Deserialize)]
struct AppConfig {
    scmi: Option<Scmi>,
}

/// `[config.scmi]`, which the image's build has checked.
///
/// # Errors
///
/// Outside an image, or when there is no such table.
pub fn scmi() -> Result<Scmi> {
    let AppConfig { scmi } = config()?;
    scmi.context("app.toml: [config.scmi] is missing; it needs at least `vring-size = 64`")
}

/// Checks that the driver lets a task use the protocols that it needs, each with what it is needed for, and tells it of events
/// by its notification `scmi`.
///
/// # Errors
///
/// It does not; the message names the key and what to write there.
pub fn check_scmi_client(
    scmi: &Scmi,
    task: &str,
    needs: impl IntoIterator<Item = (u8, String)>,
) -> Result<()> {
    let key = format!("app.toml: config.scmi.clients.{task}");
    let Some(client) = scmi.clients.get(task) else {
        bail!("{key} is missing: without it the driver refuses this task");
    };
    ensure!(
        client.notification.as_deref() == Some("scmi"),
        "{key}.notification: this task listens to \"scmi\""
    );
    for (protocol, why) in needs {
        ensure!(
            client.protocols.contain(protocol),
            "{key}.protocols: {why}; add {protocol:#04x}"
        );
    }
    Ok(())
}

/// Checks the `name` below `key` that is to be compared with what the platform calls something.
///
/// # Errors
///
/// No platform tells such a name.
pub fn check_platform_name(name: Option<&str>, key: &str) -> Result<()> {
    if let Some(name) = name {
        ensure!(
            !name.is_empty() && name.len() <= PLATFORM_NAME_MAX && name.is_ascii(),
            "{key}.name: platforms tell {PLATFORM_NAME_MAX} bytes of a name; write the first {PLATFORM_NAME_MAX} of it"
        );
    }
    Ok(())
}
