// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Generates the server, the notification bits, and the mailing lists of `[tasks.jefe.config]`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use anyhow::{Result, anyhow, bail};
use serde::Deserialize;

/// `[tasks.jefe.config]`: see the documentation of the task.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Config {
    /// Operation to the tasks that may call it.
    #[serde(default)]
    allowed_callers: BTreeMap<String, Vec<String>>,
    /// Task to the notification that tells it of a fault.
    #[serde(default)]
    on_task_fault: BTreeMap<String, String>,
    /// Task to the notification that tells it of a state change.
    #[serde(default)]
    on_state_change: BTreeMap<String, String>,
    /// Tasks that stay as they are when they fault.
    #[serde(default)]
    tasks_to_hold: Vec<String>,
    /// What is kept of tasks that faulted.
    #[serde(default)]
    dumps: Dumps,
}

/// `[tasks.jefe.config.dumps]`
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Dumps {
    /// How many are kept.
    count: u8,
    /// Bytes of stack that each keeps.
    stack: u16,
}

/// The orders: nobody may give one unless `allowed-callers` says so.
const ORDERS: [&str; 6] = [
    "request_reset",
    "set_state",
    "fault_task",
    "restart_task",
    "hold_task",
    "release_task",
];

fn main() -> Result<()> {
    let (code, allowed) = if build_util::in_image() {
        build_util::build_notifications()?;
        configured()?
    } else {
        sample()?
    };
    fs::write(build_util::out_dir().join("config.rs"), code)?;
    idol::Generator::new()
        .build_restricted_server_support(
            "../../idl/jefe.idol",
            "server_stub.rs",
            idol::server::ServerStyle::InOrder,
            &allowed,
        )
        .map_err(|error| anyhow!("{error}"))
}

/// For each operation that is restricted, the indices of the tasks that may call it.
type Allowed = BTreeMap<String, Vec<usize>>;

/// What app.toml says: constants, and who may give which order.
fn configured() -> Result<(String, Allowed)> {
    let name = build_util::task_name();
    let config = build_util::task_maybe_config::<Config>()?.unwrap_or_default();
    let tasks = build_util::task_ids();
    if tasks.get(&name) != Some(0) {
        bail!("app.toml: {name} must be the first task: the kernel's supervisor is task 0");
    }
    let mut held = Vec::new();
    for task in &config.tasks_to_hold {
        match tasks.resolve(task, &format!("tasks.{name}.config.tasks-to-hold"))? {
            0 => bail!(
                "app.toml: tasks.{name}.config.tasks-to-hold: the supervisor cannot hold itself"
            ),
            index => held.push(index),
        }
    }
    let Dumps { count, stack } = config.dumps;
    if count > 0 && (stack == 0 || !stack.is_multiple_of(8)) {
        bail!("app.toml: tasks.{name}.config.dumps.stack: {stack} is not a positive multiple of 8");
    }
    let code = held_tasks(&held)
        + &dumps(count, stack)
        + &mailing_list("ON_TASK_FAULT", "on-task-fault", &config.on_task_fault)?
        + &mailing_list(
            "ON_STATE_CHANGE",
            "on-state-change",
            &config.on_state_change,
        )?;
    let mut allowed = tasks.remap_allowed_caller_names_to_ids(&config.allowed_callers)?;
    for order in ORDERS {
        allowed.entry(order.into()).or_default();
    }
    Ok((code, allowed))
}

/// The constants of a small configuration, for the host, where there is no image: task 1 may give all orders and is told of everything,
/// and task 4 is to be held.
fn sample() -> Result<(String, Allowed)> {
    fs::write(
        build_util::out_dir().join("notifications.rs"),
        "mod notifications {\n    pub const FAULT_MASK: u32 = 1;\n    pub const TIMER_MASK: u32 = 2;\n}\n",
    )?;
    let code = held_tasks(&[4])
        + &dumps(3, 64)
        + &constant("ON_TASK_FAULT", "on-task-fault", "(1, 1 << 4)")
        + &constant("ON_STATE_CHANGE", "on-state-change", "(1, 1 << 5)");
    let allowed = ORDERS.map(|order| (order.to_owned(), vec![1]));
    Ok((code, allowed.into()))
}

fn held_tasks(held: &[usize]) -> String {
    format!(
        "/// Tasks that stay as they are when they fault.\npub const TASKS_TO_HOLD: &[usize] = &{held:?};\n"
    )
}

fn dumps(count: u8, stack: u16) -> String {
    format!(
        "/// How many dumps are kept.\npub const DUMPS: usize = {count};\n/// Bytes of stack in each.\npub const DUMP_STACK: usize = {stack};\n"
    )
}

/// The constant of a mailing list.
fn constant(constant: &str, key: &str, listeners: &str) -> String {
    format!(
        "/// `{key}` in app.toml: task and notification.\npub const {constant}: &[(usize, u32)] = &[{listeners}];\n"
    )
}

/// A constant with the index of each listener and the bit to post.
fn mailing_list(name: &str, key: &str, listeners: &BTreeMap<String, String>) -> Result<String> {
    let supervisor = build_util::task_name();
    let mut list = String::new();
    for (task, notification) in listeners {
        let key = format!("tasks.{supervisor}.config.{key}");
        let index = build_util::task_ids().resolve(task, &key)?;
        let listed =
            build_util::other_task_full_config::<serde::de::IgnoredAny>(task)?.notifications;
        let Some(bit) = listed.iter().position(|known| known == notification) else {
            bail!(
                "app.toml: {key}.{task}: {task} has no notification {notification:?}; add it to tasks.{task}.notifications"
            );
        };
        write!(list, "({index}, 1 << {bit}), ")?;
    }
    Ok(constant(name, key, &list))
}
