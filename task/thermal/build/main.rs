// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Generates the server, the notification bits, and the tables of `[tasks.thermal.config]`.

mod config;

use std::fs;

use anyhow::{Result, anyhow};

fn main() -> Result<()> {
    let code = if build_util::in_image() {
        build_util::build_notifications()?;
        let (task, scmi) = (build_util::task_name(), build_util::scmi()?);
        config::generate(&build_util::task_config()?, &task, &scmi)?
    } else {
        sample()?
    };
    fs::write(build_util::out_dir().join("config.rs"), code)?;
    idol::Generator::new()
        .build_server_support(
            "../../idl/thermal.idol",
            "server_stub.rs",
            idol::server::ServerStyle::InOrder,
        )
        .map_err(|error| anyhow!("{error}"))
}

/// For the host, where there is no image: what the `app.toml` of this tree says.
fn sample() -> Result<String> {
    fs::write(
        build_util::out_dir().join("notifications.rs"),
        "mod notifications {\n    pub const FAULT_MASK: u32 = 1 << 4;\n    pub const SCMI_MASK: u32 = 1 << 5;\n    \
         pub const TIMER_MASK: u32 = 1 << 6;\n}\n",
    )?;
    let (config, scmi) = build_util::sample("../../app.toml", "thermal")?;
    config::generate(&config, "thermal", &scmi)
}
