// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Generates the server, the notification bits, and the tables of `[tasks.power.config]`.

mod config;

use std::fs;

use anyhow::{Result, anyhow};

fn main() -> Result<()> {
    let code = if build_util::in_image() {
        build_util::build_notifications()?;
        configured()?
    } else {
        sample()?
    };
    fs::write(build_util::out_dir().join("config.rs"), code)?;
    idol::Generator::new()
        .build_server_support(
            "../../idl/power.idol",
            "server_stub.rs",
            idol::server::ServerStyle::InOrder,
        )
        .map_err(|error| anyhow!("{error}"))
}

fn configured() -> Result<String> {
    let task = build_util::task_name();
    let tasks = build_util::task_ids();
    let scmi = build_util::scmi()?;
    let image = config::Image {
        task: &task,
        tasks: tasks.names(),
        notifications: &|task| {
            let table = build_util::other_task_full_config::<serde::de::IgnoredAny>(task)?;
            Ok(table.notifications)
        },
        scmi: &scmi,
    };
    config::generate(&build_util::task_config()?, &image)
}

/// For the host, where there is no image: what the `app.toml` of this tree says, with other indices.
fn sample() -> Result<String> {
    fs::write(
        build_util::out_dir().join("notifications.rs"),
        "mod notifications {\n    pub const FAULT_MASK: u32 = 1 << 4;\n    pub const SCMI_MASK: u32 = 1 << 5;\n    \
         pub const TIMER_MASK: u32 = 1 << 6;\n}\n",
    )?;
    let (config, scmi) = build_util::sample("../../app.toml", "power")?;
    let tasks = ["jefe", "virtio_scmi", "power", "console", "other"].map(str::to_owned);
    let image = config::Image {
        task: "power",
        tasks: &tasks,
        notifications: &|_| Ok(Vec::new()),
        scmi: &scmi,
    };
    config::generate(&config, &image)
}
