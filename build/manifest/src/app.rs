// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A manifest that has been read: names resolved as far as they can be, values of the right types, not yet checked.

use std::collections::BTreeMap;

use toml::{Table, Value};

use crate::check;
use crate::problem::{Location, Problem};
use crate::schema::{self, Architecture, InstructionSet, KernelUse, Peripheral, Slot, Trigger};
use crate::scmi::Scmi;
use crate::tree::Tree;

/// Everything that `app.toml`, its fragments and the chip's files say.
#[derive(Clone, Debug)]
pub struct App {
    /// Names the image, its folder under `target/image`, and its reports.
    pub name: String,
    /// The Rust target of every task and of the kernel.
    pub target: String,
    /// Built although nobody knows how deep its stacks get.
    pub unproven_stacks: bool,
    /// The board's name.
    pub board: String,
    /// The chip's folder.
    pub chip: String,
    /// Told to tasks as `HUBRIS_BUILD_EPOCH`.
    pub epoch: u32,
    /// Told to tasks as `HUBRIS_BUILD_VERSION`.
    pub version: u32,
    /// The kernel.
    pub kernel: Kernel,
    /// The tasks in the order of their indices.
    pub tasks: Vec<Task>,
    /// `[config]`, as it stands.
    pub config: Table,
    /// `[config.scmi]`, if there is one.
    pub scmi: Option<Scmi>,
    /// What the chip has.
    pub peripherals: BTreeMap<String, Peripheral>,
    /// What memory there is.
    pub memories: BTreeMap<String, MemoryOutput>,
    /// Every file that was read, by its path from the project's root: the manifest first.
    pub files: Vec<String>,
    /// `app.toml` after merging, without `inherit`.
    pub(crate) tree: Tree,
    pub(crate) chip_tree: Tree,
    pub(crate) memory_tree: Tree,
}

/// The kernel's part of the manifest.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// The package that is the kernel's binary.
    pub package: String,
    /// Bytes for `text`, `rodata` and `ram`.
    pub requires: BTreeMap<String, u32>,
    /// The stack on which system calls and interrupts are served, in bytes.
    pub stacksize: u32,
    /// Peripherals that the kernel uses.
    pub uses: Vec<String>,
    /// Cargo features.
    pub features: Vec<String>,
    /// Whether to build it without its default features.
    pub no_default_features: bool,
}

/// One task.
#[derive(Clone, Debug)]
pub struct Task {
    /// Its name in `[tasks]`.
    pub name: String,
    /// The package with its binary.
    pub package: String,
    /// Strict priority: 0 is the most important.
    pub priority: u8,
    /// Whether it runs from boot on.
    pub start: bool,
    /// The most it may need of each memory, in bytes.
    pub max_sizes: BTreeMap<String, u32>,
    /// Its stack in bytes; 0 when nobody states one, which no checked manifest has.
    pub stacksize: u32,
    /// The depth that the build may find for its stack although `stacksize` is less, in bytes.
    pub accepted_stack_depth: Option<u32>,
    /// Slot name to task name.
    pub task_slots: BTreeMap<String, String>,
    /// Notification names; the position is the bit.
    pub notifications: Vec<String>,
    /// Peripherals that it uses.
    pub uses: Vec<String>,
    /// Interrupts as written: `peripheral.name` to notification.
    pub interrupts: BTreeMap<String, String>,
    /// Cargo features.
    pub features: Vec<String>,
    /// Whether to build it without its default features.
    pub no_default_features: bool,
    /// The instructions that its code is made of.
    pub instruction_set: InstructionSet,
    /// Memories that are mapped whole.
    pub extern_regions: Vec<String>,
    /// Linker section to memory.
    pub sections: BTreeMap<String, String>,
    /// The memory for data, stack and zeroed variables.
    pub ram: String,
    /// Use of the machine beyond memory and devices.
    pub grants: Vec<String>,
    /// Granted kernel IPC operations, by name.
    pub kipc: Vec<String>,
    /// The whole table as written, for the task's build script.
    pub table: Table,
}

/// A memory in which the build places things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryOutput {
    /// First address.
    pub address: u32,
    /// Length in bytes.
    pub size: u32,
    /// Tasks may read it.
    pub read: bool,
    /// Tasks may write it.
    pub write: bool,
    /// Tasks may execute it.
    pub execute: bool,
    /// A device reads and writes it.
    pub dma: bool,
}

/// An interrupt with its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interrupt {
    /// `peripheral.name`.
    pub name: String,
    /// The interrupt controller's identifier.
    pub intid: u16,
    /// The index of the task that owns it.
    pub task: usize,
    /// The notification bit that it posts.
    pub bit: u32,
    /// How the line signals.
    pub trigger: Trigger,
}

impl App {
    /// What the target is for.
    #[must_use]
    pub fn architecture(&self) -> Architecture {
        Architecture::of(&self.target)
    }

    /// The task called `name`.
    pub fn task(&self, name: &str) -> Option<&Task> {
        self.tasks.iter().find(|task| task.name == name)
    }

    /// The index of the task called `name`.
    pub fn index(&self, name: &str) -> Option<usize> {
        self.tasks.iter().position(|task| task.name == name)
    }

    /// Every interrupt with an owner, in ascending order of identifier.
    ///
    /// What does not resolve is left out; a checked manifest has nothing like that.
    pub fn interrupts(&self) -> Vec<Interrupt> {
        let mut list = Vec::new();
        for (index, task) in self.tasks.iter().enumerate() {
            for (name, notification) in &task.interrupts {
                let Some((peripheral, line)) = name.split_once('.') else {
                    continue;
                };
                let Some(peripheral) = self.peripherals.get(peripheral) else {
                    continue;
                };
                let Some(intid) = peripheral.interrupts.get(line) else {
                    continue;
                };
                let Some(bit) = task.bit(notification) else {
                    continue;
                };
                list.push(Interrupt {
                    name: name.clone(),
                    intid: *intid,
                    task: index,
                    bit,
                    trigger: peripheral.trigger,
                });
            }
        }
        list.sort_by_key(|interrupt| interrupt.intid);
        list
    }

    /// The address of the peripheral that the kernel uses as `role`, if it uses one.
    pub fn kernel_device(&self, role: KernelUse) -> Option<u32> {
        self.kernel
            .uses
            .iter()
            .filter_map(|name| self.peripherals.get(name))
            .find(|peripheral| peripheral.kernel == Some(role))
            .map(|peripheral| peripheral.address)
    }

    /// What the build lets pass and says.
    pub fn warnings(&self) -> Vec<Problem> {
        check::warnings(self)
    }

    /// The chip's files as they were read: what it has, and its memory.
    #[must_use]
    pub fn chip_files(&self) -> [String; 2] {
        [&self.chip_tree, &self.memory_tree]
            .map(|tree| toml::to_string(&tree.table).unwrap_or_default())
    }

    /// The merged manifest as TOML.
    pub fn expanded(&self) -> String {
        toml::to_string(&self.tree.table).unwrap_or_default()
    }

    /// A problem with `key` of `[tasks.NAME]`.
    pub(crate) fn task_problem(
        &self,
        task: &str,
        key: &str,
        fault: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Problem {
        let mut path = vec!["tasks", task];
        path.extend(key.split('\u{0}').filter(|part| !part.is_empty()));
        Problem {
            location: self.tree.locate(&path),
            table: format!("task `{task}`"),
            key: key.replace('\u{0}', "."),
            fault: fault.into(),
            remedy: remedy.into(),
        }
    }

    /// A problem at `path` of the merged manifest, outside `[tasks]`.
    pub(crate) fn problem(
        &self,
        path: &[&str],
        fault: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Problem {
        problem(self.tree.locate(path), path, fault, remedy)
    }

    /// A problem in one of the chip's files.
    pub(crate) fn chip_problem(
        &self,
        tree: &Tree,
        path: &[&str],
        fault: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Problem {
        problem(tree.locate(path), path, fault, remedy)
    }
}

pub(crate) fn problem(
    location: Option<Location>,
    path: &[&str],
    fault: impl Into<String>,
    remedy: impl Into<String>,
) -> Problem {
    let (key, tables) = path
        .split_last()
        .map_or(("", &[][..]), |(key, tables)| (*key, tables));
    Problem {
        location,
        table: match tables {
            [] => "top level".into(),
            ["tasks", task, ..] => format!("task `{task}`"),
            tables => format!("[{}]", tables.join(".")),
        },
        key: key.into(),
        fault: fault.into(),
        remedy: remedy.into(),
    }
}

impl Task {
    pub(crate) fn new(
        name: &str,
        read: schema::Task,
        stacksize: Option<u32>,
        ram: &str,
        table: &Value,
    ) -> Self {
        let task_slots = read
            .task_slots
            .into_iter()
            .flat_map(|slot| match slot {
                Slot::Task(task) => vec![(task.clone(), task)],
                Slot::Named(slots) => slots.into_iter().collect(),
            })
            .collect();
        Self {
            name: name.into(),
            package: read.package,
            priority: read.priority,
            start: read.start,
            max_sizes: read.max_sizes,
            stacksize: read.stacksize.or(stacksize).unwrap_or(0),
            accepted_stack_depth: read.accepted_stack_depth,
            task_slots,
            notifications: read.notifications,
            uses: read.uses,
            interrupts: read.interrupts,
            features: read.features,
            no_default_features: read.no_default_features,
            instruction_set: read.instruction_set,
            extern_regions: read.extern_regions,
            sections: read.sections,
            ram: read.default_ram.unwrap_or_else(|| ram.into()),
            grants: read.grants,
            kipc: read.kipc,
            table: table.as_table().cloned().unwrap_or_default(),
        }
    }

    /// The bit mask of the notification called `name`.
    pub fn bit(&self, name: &str) -> Option<u32> {
        let position = self.notifications.iter().position(|known| known == name)?;
        1u32.checked_shl(position as u32)
    }

    /// The kernel IPC operations granted: bit *n* allows operation *n*.
    pub fn kipc_mask(&self) -> u32 {
        schema::KIPC
            .iter()
            .filter(|(name, _)| self.kipc.iter().any(|granted| granted == name))
            .map(|(_, number)| 1 << number)
            .sum()
    }
}
