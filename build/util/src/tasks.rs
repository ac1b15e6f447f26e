// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Names of tasks, and their indices.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};

use crate::image::{env_var, or_stop};

/// The tasks of the image, in the order of their indices.
#[derive(Clone, Debug)]
pub struct TaskIds {
    names: Vec<String>,
}

/// The tasks of the image.
///
/// # Panics
///
/// Outside an image. The message says how to build it.
pub fn task_ids() -> TaskIds {
    TaskIds::parse(&or_stop(env_var("HUBRIS_TASKS")))
}

impl TaskIds {
    fn parse(list: &str) -> Self {
        Self {
            names: list.split(',').map(Into::into).collect(),
        }
    }

    /// Names, in the order of their indices.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The index of the task called `name`.
    pub fn get(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|task| task == name)
    }

    /// The index of the task called `name`, which `key` in `app.toml` mentions.
    ///
    /// # Errors
    ///
    /// When there is no such task; the message has the key and the names that there are.
    pub fn resolve(&self, name: &str, key: &str) -> Result<usize> {
        let Some(index) = self.get(name) else {
            bail!(
                "app.toml: {key}: there is no task called {name:?}; the tasks are {}",
                self.names.join(", ")
            );
        };
        Ok(index)
    }

    /// The indices of the tasks with these names, in the same order.
    ///
    /// # Errors
    ///
    /// When there is no such task.
    pub fn names_to_ids<S: AsRef<str>>(&self, names: &[S]) -> Result<Vec<usize>> {
        let names = names.iter();
        names
            .map(|name| self.resolve(name.as_ref(), "a list of tasks"))
            .collect()
    }

    /// Turns `allowed-callers` (operation to names of tasks) into operation to indices.
    ///
    /// # Errors
    ///
    /// When there is no such task.
    pub fn remap_allowed_caller_names_to_ids(
        &self,
        allowed_callers: &BTreeMap<String, Vec<String>>,
    ) -> Result<BTreeMap<String, Vec<usize>>> {
        let remap = |operation: &String, names: &Vec<String>| {
            let key = format!("allowed-callers.{operation}");
            let ids = names
                .iter()
                .map(|name| self.resolve(name, &key))
                .collect::<Result<_>>()?;
            Ok((operation.clone(), ids))
        };
        allowed_callers
            .iter()
            .map(|(operation, names)| remap(operation, names))
            .collect::<Result<_>>()
            .context("who may call which operation")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_indices() {
        let ids = TaskIds::parse("jefe,uart,idle");
        assert_eq!((ids.get("uart"), ids.get("nobody")), (Some(1), None));
        let callers = BTreeMap::from([(
            "restart".to_owned(),
            vec!["idle".to_owned(), "jefe".to_owned()],
        )]);
        let remapped = ids.remap_allowed_caller_names_to_ids(&callers).unwrap();
        assert_eq!(remapped["restart"], [2, 0]);
    }

    #[test]
    fn an_unknown_name_is_reported_with_its_key() {
        let ids = TaskIds::parse("jefe,uart");
        let callers = BTreeMap::from([("restart".to_owned(), vec!["urt".to_owned()])]);
        let error = format!(
            "{:#}",
            ids.remap_allowed_caller_names_to_ids(&callers).unwrap_err()
        );
        assert!(
            error.contains("allowed-callers.restart") && error.contains("\"urt\""),
            "{error}"
        );
        assert!(error.contains("jefe, uart"), "{error}");
    }
}
