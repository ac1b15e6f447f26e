// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Generates the server, the notification bits, and the tables of `[tasks.thermal.config]`.

mod config;

use std::fs;

use anyhow::{Result, anyhow};

fn main() -> Result<()> {
    if !build_util::only_in_image(&["notifications.rs", "config.rs", "server_stub.rs"])? {
        return Ok(());
    }
    build_util::build_notifications()?;
    let scmi = build_util::scmi()?;
    let task = build_util::task_name()?;
    let code = config::generate(&build_util::task_config()?, &task, &scmi)?;
    fs::write(build_util::out_dir()?.join("config.rs"), code)?;
    idol::Generator::new()
        .build_server_support(
            "../../idl/thermal.idol",
            "server_stub.rs",
            idol::server::ServerStyle::InOrder,
        )
        .map_err(|error| anyhow!("{error}"))
}
