// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Generates the server, the notification bits, the device's address, and who owns the input.

use std::fs;

use anyhow::{Result, anyhow, bail};
use serde::Deserialize;

/// `[tasks.NAME.config]`: see the documentation of the task.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Config {
    owner: Owner,
    #[serde(default = "clock_hz")]
    clock_hz: u32,
    #[serde(default = "baud")]
    baud: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Owner {
    name: String,
    notification: String,
}

/// What QEMU's virt board says of its UART clock.
fn clock_hz() -> u32 {
    24_000_000
}

fn baud() -> u32 {
    115_200
}

fn main() -> Result<()> {
    let constants = if build_util::in_image() {
        build_util::build_notifications()?;
        build_util::build_peripherals()?;
        configured()?
    } else {
        sample()?
    };
    write("config.rs", &constants.code())?;
    idol::Generator::new()
        .build_server_support(
            "../../idl/uart.idol",
            "server_stub.rs",
            idol::server::ServerStyle::Deferred,
        )
        .map_err(|error| anyhow!("{error}"))
}

fn write(file: &str, text: &str) -> Result<()> {
    Ok(fs::write(build_util::out_dir().join(file), text)?)
}

/// What the task is built with.
struct Constants {
    owner: usize,
    /// Number of the notification.
    bit: usize,
    clock_hz: u32,
    baud: u32,
}

impl Constants {
    fn code(&self) -> String {
        let Self {
            owner,
            bit,
            clock_hz,
            baud,
        } = self;
        format!(
            "/// The index of the task that owns the input.\npub const OWNER: usize = {owner};\n\
             /// What is posted to it when there is some.\npub const OWNER_NOTIFICATION: u32 = 1 << {bit};\n\
             /// The frequency of the device's clock in hertz.\npub const CLOCK_HZ: u32 = {clock_hz};\n\
             /// Bits per second on the line.\npub const BAUD: u32 = {baud};\n"
        )
    }
}

/// What app.toml says.
fn configured() -> Result<Constants> {
    let task = build_util::task_name();
    if !build_util::peripherals()?.contains_key("uart") {
        bail!("app.toml: tasks.{task}.uses must list \"uart\", the device that this task drives");
    }
    let config: Config = build_util::task_config()?;
    let Owner { name, notification } = &config.owner;
    let owner = build_util::task_ids().resolve(name, &format!("tasks.{task}.config.owner.name"))?;
    let listed = build_util::other_task_full_config::<serde::de::IgnoredAny>(name)?.notifications;
    let Some(bit) = listed.iter().position(|known| known == notification) else {
        bail!(
            "app.toml: tasks.{task}.config.owner.notification: {name} has no notification {notification:?}; add it to tasks.{name}.notifications"
        );
    };
    // The divisor has 16 bits before the point; the driver crate refuses what does not fit, but only once the image runs.
    let divisor = config
        .clock_hz
        .checked_div(16)
        .and_then(|clock| clock.checked_div(config.baud))
        .unwrap_or(0);
    if !(1..=0xffff).contains(&divisor) {
        bail!(
            "app.toml: tasks.{task}.config: a clock of {} Hz cannot be divided to {} baud; check clock-hz and baud",
            config.clock_hz,
            config.baud
        );
    }
    Ok(Constants {
        owner,
        bit,
        clock_hz: config.clock_hz,
        baud: config.baud,
    })
}

/// The constants of a small configuration, for the host, where there is no image: the input is task 2's.
fn sample() -> Result<Constants> {
    write(
        "notifications.rs",
        "mod notifications {\n    pub const UART_IRQ_MASK: u32 = 1;\n}\n",
    )?;
    write(
        "peripherals.rs",
        "mod peripherals {\n    pub mod uart {\n        pub const ADDRESS: usize = 0x1000;\n    }\n}\n",
    )?;
    Ok(Constants {
        owner: 2,
        bit: 4,
        clock_hz: clock_hz(),
        baud: baud(),
    })
}
