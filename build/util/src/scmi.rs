// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `[config.scmi]`, for the tasks that are clients of the SCMI driver.

use std::collections::BTreeMap;

use anyhow::{Result, bail, ensure};
use serde::Deserialize;

/// The longest name of a sensor or domain as platforms tell it.
const PLATFORM_NAME_MAX: usize = 15;

/// `[config.scmi]`, as far as it concerns the driver's clients.
#[derive(Default, Deserialize)]
pub struct Scmi {
    #[serde(default)]
    clients: BTreeMap<String, Client>,
}

#[derive(Deserialize)]
struct Client {
    protocols: Protocols,
    notification: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Protocols {
    Listed(Vec<u8>),
    // "all": the manifest accepts no other word.
    Word(#[allow(dead_code)] String),
}

impl Scmi {
    /// Checks that the driver lets a task use the protocols that it needs, each with what it is needed for, and tells it of events
    /// by its notification `scmi`.
    ///
    /// # Errors
    ///
    /// It does not; the message names the key and what to write there.
    pub fn check_client(
        &self,
        task: &str,
        needs: impl IntoIterator<Item = (u8, String)>,
    ) -> Result<()> {
        let key = format!("app.toml: config.scmi.clients.{task}");
        let Some(client) = self.clients.get(task) else {
            bail!("{key} is missing: without it the driver refuses this task");
        };
        ensure!(
            client.notification.as_deref() == Some("scmi"),
            "{key}.notification: this task listens to \"scmi\""
        );
        let Protocols::Listed(listed) = &client.protocols else {
            return Ok(());
        };
        for (protocol, why) in needs {
            ensure!(
                listed.contains(&protocol),
                "{key}.protocols: {why}; add {protocol:#04x}"
            );
        }
        Ok(())
    }
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
