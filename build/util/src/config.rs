// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Configuration tables of `app.toml`.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, anyhow};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::Scmi;
use crate::image::{env_var, in_image, task_name};

/// The table of a task, with its `config` as a `T`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TaskConfig<T> {
    /// The package with the task's binary.
    pub name: String,
    /// Its priority.
    pub priority: u8,
    /// Whether it runs from boot on.
    #[serde(default)]
    pub start: bool,
    /// Its notifications; the position is the bit.
    #[serde(default)]
    pub notifications: Vec<String>,
    /// Peripherals whose registers it may touch.
    #[serde(default)]
    pub uses: Vec<String>,
    /// Memories that it maps whole.
    #[serde(default)]
    pub extern_regions: Vec<String>,
    /// The cargo features that it is built with.
    #[serde(default)]
    pub features: Vec<String>,
    /// `peripheral.name` of its interrupts, to the notification that each posts.
    #[serde(default)]
    pub interrupts: BTreeMap<String, String>,
    /// `[tasks.NAME.config]`, when there is one.
    pub config: Option<T>,
}

impl<T> TaskConfig<T> {
    /// The bit of the notification called `name`.
    ///
    /// # Errors
    ///
    /// When the task has no such notification.
    pub fn notification_bit(&self, name: &str) -> Result<u8> {
        let bit = self.notifications.iter().position(|own| own == name);
        bit.and_then(|bit| bit.try_into().ok()).ok_or_else(|| {
            anyhow!(
                "app.toml: the task of package {} has no notification {name:?}; it has {:?}",
                self.name,
                self.notifications
            )
        })
    }

    /// The mask of the notification called `name`.
    ///
    /// # Errors
    ///
    /// When the task has no such notification.
    pub fn notification_mask(&self, name: &str) -> Result<u32> {
        Ok(1 << self.notification_bit(name)?)
    }
}

/// The app-wide table `[config]`.
///
/// # Errors
///
/// Outside an image, or when the table is not a `T`.
pub fn config<T: DeserializeOwned>() -> Result<T> {
    parse(&env_var("HUBRIS_APP_CONFIG")?, "[config]")
}

/// The app-wide table `[config]`, or `default` outside an image.
///
/// # Errors
///
/// When the table is not a `T`.
pub fn config_or<T: DeserializeOwned>(default: T) -> Result<T> {
    if in_image() { config() } else { Ok(default) }
}

/// `[tasks.NAME.config]` and `[config.scmi]` of a manifest, for a build on the host, where there is no image: what a task is tested
/// with. The path is relative to the package.
///
/// # Errors
///
/// The manifest cannot be read, or has no such tables.
pub fn sample<T: DeserializeOwned>(manifest: &str, task: &str) -> Result<(T, Scmi)> {
    #[derive(Deserialize)]
    struct App<T> {
        tasks: BTreeMap<String, Task<T>>,
        config: AppConfig,
    }
    #[derive(Deserialize)]
    struct Task<T> {
        config: Option<T>,
    }
    #[derive(Deserialize)]
    struct AppConfig {
        scmi: Scmi,
    }
    println!("cargo::rerun-if-changed={manifest}");
    // Naming one file leaves out all others, unless they are named too.
    println!("cargo::rerun-if-changed=build");
    let text = fs::read_to_string(manifest).with_context(|| format!("cannot read {manifest}"))?;
    let mut table: toml::Table =
        toml::from_str(&text).with_context(|| format!("{manifest} is not a manifest"))?;
    // Of the others, whose tables are of other types, nothing is wanted.
    if let Some(toml::Value::Table(tasks)) = table.get_mut("tasks") {
        tasks.retain(|name, _| name == task);
    }
    let mut app: App<T> = table
        .try_into()
        .with_context(|| format!("{manifest} has other tables"))?;
    let config = app.tasks.remove(task).and_then(|task| task.config);
    let config = config.with_context(|| format!("{manifest} has no [tasks.{task}.config]"))?;
    Ok((config, app.config.scmi))
}

/// `[tasks.NAME.config]` of this task.
///
/// # Errors
///
/// Outside an image, when there is no such table, or when it is not a `T`.
pub fn task_config<T: DeserializeOwned>() -> Result<T> {
    task_maybe_config()?.ok_or_else(|| {
        let name = task_name();
        anyhow!("app.toml has no [tasks.{name}.config], which this task needs; its documentation says what goes there")
    })
}

/// `[tasks.NAME.config]` of this task, when there is one.
///
/// # Errors
///
/// Outside an image, or when it is not a `T`.
pub fn task_maybe_config<T: DeserializeOwned>() -> Result<Option<T>> {
    Ok(task_full_config()?.config)
}

/// The whole table of this task.
///
/// # Errors
///
/// Outside an image, or when its `config` is not a `T`.
pub fn task_full_config<T: DeserializeOwned>() -> Result<TaskConfig<T>> {
    parse(
        &env_var("HUBRIS_TASK_CONFIG")?,
        &format!("[tasks.{}]", task_name()),
    )
}

/// The whole table of the task called `name`.
///
/// # Errors
///
/// Outside an image, when there is no such task, or when its `config` is not a `T`.
pub fn other_task_full_config<T: DeserializeOwned>(name: &str) -> Result<TaskConfig<T>> {
    let table = all_tasks::<toml::Table>()?
        .remove(name)
        .ok_or_else(|| anyhow!("app.toml has no task called {name:?}"))?;
    table
        .try_into()
        .with_context(|| format!("app.toml: in [tasks.{name}]"))
}

/// The whole table of this task, with its `config` as it is written.
///
/// # Errors
///
/// Outside an image.
pub fn task_full_config_toml() -> Result<TaskConfig<toml::Value>> {
    task_full_config()
}

/// The whole table of the task called `name`, with its `config` as it is written.
///
/// # Errors
///
/// Outside an image, or when there is no such task.
pub fn other_task_full_config_toml(name: &str) -> Result<TaskConfig<toml::Value>> {
    other_task_full_config(name)
}

/// The whole tables of all tasks, by name.
///
/// # Errors
///
/// Outside an image, or when the `config` of one is not a `T`.
pub fn all_tasks_full_config<T: DeserializeOwned>() -> Result<BTreeMap<String, TaskConfig<T>>> {
    all_tasks()
}

/// The whole tables of all tasks, by name, with their `config` as it is written.
///
/// # Errors
///
/// Outside an image.
pub fn all_tasks_full_config_toml() -> Result<BTreeMap<String, TaskConfig<toml::Value>>> {
    all_tasks()
}

/// Reads a `T` from text of `app.toml`.
///
/// # Errors
///
/// When it is not a `T`.
pub fn toml_from_str<T: DeserializeOwned>(text: &str) -> Result<T> {
    toml::from_str(text).context("a table of app.toml is not what the build script expects")
}

/// The tables of all tasks, by name.
pub(crate) fn all_tasks<T: DeserializeOwned>() -> Result<BTreeMap<String, T>> {
    parse(&env_var("HUBRIS_ALL_TASK_CONFIGS")?, "[tasks]")
}

/// Memories that this task maps whole: name to address and size in bytes, as a `T` that has both.
///
/// # Errors
///
/// Outside an image, or when they are not a `T`.
pub fn task_extern_regions<T: DeserializeOwned>() -> Result<BTreeMap<String, T>> {
    parse(&env_var("HUBRIS_TASK_EXTERN_REGIONS")?, "extern-regions")
}

pub(crate) fn parse<T: DeserializeOwned>(text: &str, table: &str) -> Result<T> {
    toml::from_str(text).with_context(|| format!("app.toml: in {table}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Own {
        size: u32,
    }

    #[test]
    fn a_task_table_with_config() {
        let text = "name = 'x'\npriority = 3\nnotifications = ['a']\nstacksize = 1024\n[config]\nsize = 7\n";
        let task: TaskConfig<Own> = parse(text, "[tasks.x]").unwrap();
        assert_eq!(
            (task.priority, task.start, task.config),
            (3, false, Some(Own { size: 7 }))
        );
        assert_eq!(task.notifications, ["a"]);
    }

    #[test]
    fn an_error_names_the_table_and_the_key() {
        let text = "name = 'x'\npriority = 3\n[config]\nsise = 7\n";
        let error = format!(
            "{:#}",
            parse::<TaskConfig<Own>>(text, "[tasks.x]").unwrap_err()
        );
        assert!(
            error.contains("[tasks.x]") && error.contains("sise"),
            "{error}"
        );
    }

    #[test]
    fn outside_an_image_a_library_gets_its_default() {
        assert_eq!(config_or(Own { size: 1 }).unwrap(), Own { size: 1 });
    }
}
