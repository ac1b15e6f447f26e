// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What was composed, for tools: `layout.json`.

use std::collections::BTreeMap;

use manifest::App;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::layout::{self, Layout, Needs, Range};
use crate::stack::Depth;
use crate::tables::Tables;

/// The layout and the sizes of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// The image's name.
    pub name: String,
    /// What `read_image_id` answers.
    pub id: String,
    /// The manifest, by its path from the project's root.
    pub manifest: String,
    /// The kernel's parts.
    pub kernel: KernelReport,
    /// How full each memory is.
    pub memories: BTreeMap<String, MemoryReport>,
    /// The tasks in the order of their indices.
    pub tasks: Vec<TaskReport>,
}

/// Addresses and length in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// First address.
    pub base: u32,
    /// Length in bytes.
    pub size: u32,
}

impl From<Range> for Span {
    fn from(range: Range) -> Self {
        Self {
            base: range.base,
            size: range.size,
        }
    }
}

/// The kernel's parts: what is set aside, not what is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelReport {
    /// Instructions.
    pub text: Span,
    /// Constants.
    pub rodata: Span,
    /// Translation tables.
    pub tables: Span,
    /// Stacks and variables.
    pub ram: Span,
    /// How deep its stack can get, as far as can be known; only once the image is linked.
    #[serde(default)]
    pub depth: Depth,
}

/// How full a memory is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryReport {
    /// First address.
    pub address: u32,
    /// Length in bytes.
    pub size: u32,
    /// Bytes given out, in whole pages.
    pub used: u32,
}

/// One task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TaskReport {
    /// Its name.
    pub name: String,
    /// Its index.
    pub index: usize,
    /// Its package.
    pub package: String,
    /// Its binary, in the folder of this report.
    pub elf: String,
    /// Its priority.
    pub priority: u8,
    /// Where it starts; bit 0 set means Thumb.
    pub entry: u32,
    /// Its stack.
    pub stack: Span,
    /// How deep its stack can get, as far as can be known.
    #[serde(default)]
    pub depth: Depth,
    /// What it is made of, in bytes.
    pub sizes: Sizes,
    /// What it may touch.
    pub regions: Vec<RegionReport>,
    /// Notification names; the position is the bit.
    pub notifications: Vec<String>,
    /// Interrupts, by name, with the notification of each.
    pub interrupts: BTreeMap<String, String>,
    /// Slot name to task name.
    pub task_slots: BTreeMap<String, String>,
}

/// What a task is made of, in bytes, not rounded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sizes {
    /// Instructions.
    pub text: u32,
    /// Constants.
    pub rodata: u32,
    /// Variables with initial values.
    pub data: u32,
    /// Zeroed variables.
    pub bss: u32,
    /// Stack.
    pub stack: u32,
    /// Sections of their own, by name.
    pub sections: BTreeMap<String, u32>,
}

/// A region that a task may touch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionReport {
    /// What it is.
    pub name: String,
    /// First address.
    pub base: u32,
    /// Length in bytes.
    pub size: u32,
    /// `r`, `w`, `x`, `d` for a device, `m` for memory that a device uses, `-` for what it has not.
    pub access: String,
}

impl Report {
    pub(crate) fn new(
        app: &App,
        layout: &Layout,
        tables: &Tables,
        needs: &[Needs],
        entries: &[u32],
        depths: Vec<Depth>,
        id: u64,
    ) -> Self {
        let memories = app
            .memories
            .iter()
            .filter(|(name, _)| *name != layout::KERNEL)
            .map(|(name, memory)| {
                let used = layout.used.get(name).copied().unwrap_or(0);
                (
                    name.clone(),
                    MemoryReport {
                        address: memory.address,
                        size: memory.size,
                        used,
                    },
                )
            })
            .collect();
        let tasks = app
            .tasks
            .iter()
            .zip(depths)
            .enumerate()
            .map(|(index, (task, depth))| {
                let (placement, needs) = (&layout.tasks[index], &needs[index]);
                TaskReport {
                    name: task.name.clone(),
                    index,
                    package: task.package.clone(),
                    elf: format!("{}.elf", task.name),
                    priority: task.priority,
                    entry: entries[index],
                    stack: placement.stack.into(),
                    depth,
                    sizes: Sizes {
                        text: needs.text,
                        rodata: needs.rodata,
                        data: needs.data,
                        bss: needs.bss,
                        stack: task.stacksize,
                        sections: needs.sections.clone(),
                    },
                    regions: placement.regions.iter().map(RegionReport::from).collect(),
                    notifications: task.notifications.clone(),
                    interrupts: task.interrupts.clone(),
                    task_slots: task.task_slots.clone(),
                }
            })
            .collect();
        Self {
            name: app.name.clone(),
            id: format!("{id:#018x}"),
            manifest: app.files[0].clone(),
            kernel: KernelReport {
                text: layout.kernel.text.into(),
                rodata: layout.kernel.rodata.into(),
                tables: tables.range.into(),
                ram: tables.kernel_ram.into(),
                depth: Depth::default(),
            },
            memories,
            tasks,
        }
    }

    /// Writes a report down.
    ///
    /// # Errors
    ///
    /// None is known.
    pub fn to_json(&self) -> Result<String, Error> {
        serde_json::to_string_pretty(self)
            .map(|text| text + "\n")
            .map_err(|error| Error::Machine(format!("cannot write the layout report: {error}")))
    }

    /// Reads a report back.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        serde_json::from_str(text)
            .map_err(|error| Error::Machine(format!("cannot read the layout report: {error}")))
    }

    /// One line: how many tasks, and how full each memory is.
    pub fn summary(&self) -> String {
        let memories: Vec<String> = self
            .memories
            .iter()
            .map(|(name, memory)| {
                format!(
                    "{name} {} of {} KiB",
                    memory.used.div_ceil(1024),
                    memory.size / 1024
                )
            })
            .collect();
        format!("{} tasks, {}", self.tasks.len(), memories.join(", "))
    }
}

impl From<&layout::Region> for RegionReport {
    fn from(region: &layout::Region) -> Self {
        let access = region.access;
        let flags = [
            (access.read, 'r'),
            (access.write, 'w'),
            (access.execute, 'x'),
            (access.device, 'd'),
            (access.dma, 'm'),
        ];
        Self {
            name: region.name.clone(),
            base: region.range.base,
            size: region.range.size,
            access: flags
                .iter()
                .map(|(has, flag)| if *has { *flag } else { '-' })
                .collect(),
        }
    }
}
