// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Giving memory out, page after page.

use std::collections::BTreeMap;

use manifest::App;

use super::{PAGE, Range, listed};
use crate::error::Error;

/// What is left of each memory.
pub struct Free<'a> {
    app: &'a App,
    next: BTreeMap<&'a str, u32>,
    /// The bytes given out of each memory.
    pub used: BTreeMap<String, u32>,
    takers: BTreeMap<String, Vec<(String, u32)>>,
}

impl<'a> Free<'a> {
    /// Everything, but for a page below each memory that holds stacks.
    pub fn new(app: &'a App) -> Self {
        let next = app
            .memories
            .iter()
            .map(|(name, memory)| {
                // The page below a stack is its guard, and must not be the last page of whatever memory comes before.
                let guard = if memory.write { PAGE } else { 0 };
                (name.as_str(), memory.address + guard)
            })
            .collect();
        Self {
            app,
            next,
            used: BTreeMap::new(),
            takers: BTreeMap::new(),
        }
    }

    /// Takes the next pages of `memory` for `task`.
    pub fn take(&mut self, task: &str, memory: &str, size: u32) -> Result<Range, Error> {
        let output = &self.app.memories[memory];
        let Some(next) = self.next.get_mut(memory) else {
            return Err(Error::task(
                task,
                format!("there is no memory `{memory}`"),
                "name one of memory.toml",
            ));
        };
        let base = *next;
        let left = output.address + output.size - base;
        if size > left {
            let mut takers = self.takers.remove(memory).unwrap_or_default();
            takers.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
            takers.truncate(4);
            let takers: Vec<(&str, u32)> = takers
                .iter()
                .map(|(name, size)| (name.as_str(), *size))
                .collect();
            return Err(Error::task(
                task,
                format!(
                    "it needs {size} bytes of memory `{memory}` (in whole pages), and {left} of {} are left; the largest takers before it: {}",
                    output.size,
                    if takers.is_empty() {
                        "none".into()
                    } else {
                        listed(&takers)
                    }
                ),
                format!(
                    "make a task smaller, or raise `size` of `{memory}` in the chip's memory file by {} or more",
                    size - left
                ),
            ));
        }
        *next += size;
        *self.used.entry(memory.into()).or_default() += size;
        self.takers
            .entry(memory.into())
            .or_default()
            .push((task.into(), size));
        Ok(Range { base, size })
    }
}
