// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `notifications.rs`: the bits of every task, by name.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::config::all_tasks;
use crate::image::{out_dir, task_name};
use crate::tasks::task_ids;

/// The bit that belongs to the task library's sleep functions.
const RESERVED_BIT: usize = 31;

#[derive(Debug, Deserialize)]
struct Notified {
    #[serde(default)]
    notifications: Vec<String>,
}

/// Writes `$OUT_DIR/notifications.rs`, for the task to include in its crate root:
///
/// ```ignore
/// include!(concat!(env!("OUT_DIR"), "/notifications.rs"));
/// ```
///
/// It holds `mod notifications` with `<NAME>_BIT: u8` and `<NAME>_MASK: u32` for each of the task's own `notifications` in `app.toml`, and within
/// it one module for each other task with that task's: `notifications::console::INPUT_MASK`.
///
/// # Errors
///
/// Outside an image; when names cannot be told apart in Rust, or are too many; when the supervisor's first is not `fault`.
pub fn build_notifications() -> Result<()> {
    let task = task_name();
    let tasks = all_tasks::<Notified>()?;
    if task_ids().get(&task) == Some(0) {
        check_supervisor(&task, &tasks)?;
    }
    let path = out_dir().join("notifications.rs");
    fs::write(&path, generate(&task, &tasks)?)
        .with_context(|| format!("cannot write {}", path.display()))
}

/// The kernel posts bit 0 to the supervisor when a task faults.
fn check_supervisor(task: &str, tasks: &BTreeMap<String, Notified>) -> Result<()> {
    let first = tasks
        .get(task)
        .and_then(|table| table.notifications.first());
    if first.map(String::as_str) != Some("fault") {
        bail!(
            "app.toml: tasks.{task}.notifications: the supervisor's first notification must be \"fault\", which the kernel posts"
        );
    }
    Ok(())
}

fn generate(task: &str, tasks: &BTreeMap<String, Notified>) -> Result<String> {
    let Some(own) = tasks.get(task) else {
        bail!("app.toml has no task called {task:?}");
    };
    let mut text = String::from(
        "/// The bits of notifications, as app.toml lists them.\n#[allow(dead_code, missing_docs)]\npub mod notifications {\n",
    );
    text += &constants(task, &own.notifications)?;
    for (name, table) in tasks.iter().filter(|(name, _)| *name != task) {
        writeln!(
            text,
            "pub mod {} {{\n{}}}",
            name.replace('-', "_"),
            constants(name, &table.notifications)?
        )?;
    }
    text += "}\n";
    Ok(text)
}

fn constants(task: &str, names: &[String]) -> Result<String> {
    if names.len() > RESERVED_BIT {
        bail!(
            "app.toml: tasks.{task}.notifications: {} are too many; {RESERVED_BIT} is the most (bit {RESERVED_BIT} belongs to hl::sleep_*)",
            names.len()
        );
    }
    let mut text = String::new();
    for (bit, name) in names.iter().enumerate() {
        let constant = name.to_uppercase().replace('-', "_");
        if !constant
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_')
            || !constant.starts_with(|c: char| c.is_ascii_alphabetic())
        {
            bail!(
                "app.toml: tasks.{task}.notifications: {name:?} must be letters, digits and dashes, and start with a letter"
            );
        }
        if names[..bit]
            .iter()
            .any(|other| other.to_uppercase().replace('-', "_") == constant)
        {
            bail!("app.toml: tasks.{task}.notifications: {name:?} is there twice");
        }
        writeln!(
            text,
            "pub const {constant}_BIT: u8 = {bit};\npub const {constant}_MASK: u32 = 1 << {bit};"
        )?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tasks(text: &str) -> BTreeMap<String, Notified> {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn own_bits_and_those_of_others() {
        let tasks = tasks(
            "[a]\nnotifications = ['uart-irq', 'timer']\n[b-c]\nnotifications = ['go']\n[d]\n",
        );
        let text = generate("a", &tasks).unwrap();
        assert!(text.contains("pub const UART_IRQ_BIT: u8 = 0;"), "{text}");
        assert!(
            text.contains("pub const TIMER_MASK: u32 = 1 << 1;"),
            "{text}"
        );
        assert!(
            text.contains("pub mod b_c {\npub const GO_BIT: u8 = 0;"),
            "{text}"
        );
        assert!(text.contains("pub mod d {\n}"), "{text}");
    }

    #[test]
    fn the_supervisor_listens_to_faults_first() {
        let tasks = tasks("[jefe]\nnotifications = ['timer', 'fault']\n");
        let error = check_supervisor("jefe", &tasks).unwrap_err().to_string();
        assert!(
            error.contains("tasks.jefe.notifications") && error.contains("\"fault\""),
            "{error}"
        );
    }

    #[test]
    fn names_are_checked() {
        let twice = constants("t", &["a-b".into(), "a_b".into()])
            .unwrap_err()
            .to_string();
        assert!(twice.contains("\"a_b\" is there twice"), "{twice}");
        assert!(constants("t", &["1st".into()]).is_err());
        let many: Vec<_> = (0..32).map(|n| format!("n{n}")).collect();
        assert!(constants("t", &many[..31]).is_ok());
        let error = constants("t", &many).unwrap_err().to_string();
        assert!(error.contains("32 are too many"), "{error}");
    }
}
