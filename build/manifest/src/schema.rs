// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What `app.toml`, `chip.toml` and `memory.toml` may say.
//!
//! Every table refuses keys that it does not know: a misspelt key that is silently ignored is a task without its interrupt.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Table;

/// The keys of `app.toml` outside `[tasks]`, `[kernel]` and `[config]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Top {
    /// Names the image, its folder under `target/image`, and its reports.
    pub name: String,
    /// The Rust target of every task and of the kernel.
    pub target: String,
    /// For a target without a proof of how deep stacks get: build all the same.
    #[serde(default)]
    pub unproven_stacks: bool,
    /// The board, told to tasks as `HUBRIS_BOARD`.
    pub board: String,
    /// The folder with `chip.toml` and `memory.toml`, from the manifest's folder or from the project's root.
    pub chip: String,
    /// The file in that folder that says what memory there is.
    #[serde(default = "memory_toml")]
    pub memory: String,
    /// The stack of every task that states none, in bytes.
    pub stacksize: Option<u32>,
    /// The memory that data, stack and zeroed variables go to.
    #[serde(default = "ram")]
    pub default_ram: String,
    /// Told to tasks as `HUBRIS_BUILD_EPOCH`.
    #[serde(default)]
    pub epoch: u32,
    /// Told to tasks as `HUBRIS_BUILD_VERSION`.
    #[serde(default)]
    pub version: u32,
}

fn memory_toml() -> String {
    "memory.toml".into()
}

fn ram() -> String {
    "ram".into()
}

/// `[kernel]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Kernel {
    /// The package that is the kernel's binary.
    pub name: String,
    /// How much of the kernel's memory is for `text`, `rodata` and `ram`, in bytes, whole pages.
    ///
    /// Fixed here, because the translation tables that protect them are computed before the kernel is linked.
    pub requires: BTreeMap<String, u32>,
    /// The stack on which system calls and interrupts are served, in bytes.
    pub stacksize: Option<u32>,
    /// Peripherals that the kernel itself uses.
    #[serde(default)]
    pub uses: Vec<String>,
    /// Cargo features of the kernel's package.
    #[serde(default)]
    pub features: Vec<String>,
    /// Whether to build it without its default features.
    #[serde(default)]
    pub no_default_features: bool,
}

/// `[tasks.NAME]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Task {
    /// The package with the task's binary.
    #[serde(rename = "name")]
    pub package: String,
    /// Strict priority: 0 is the most important.
    pub priority: u8,
    /// Whether it runs from boot on; otherwise the supervisor starts it.
    #[serde(default)]
    pub start: bool,
    /// The most it may need of each memory, in bytes.
    #[serde(default)]
    pub max_sizes: BTreeMap<String, u32>,
    /// Its stack in bytes.
    pub stacksize: Option<u32>,
    /// The depth that the build may find for its stack although `stacksize` is less, in bytes.
    pub accepted_stack_depth: Option<u32>,
    /// The tasks that it calls, each under the name by which its source knows it.
    #[serde(default)]
    pub task_slots: Vec<Slot>,
    /// Its notifications; the position is the bit.
    #[serde(default)]
    pub notifications: Vec<String>,
    /// Peripherals whose registers it may touch.
    #[serde(default)]
    pub uses: Vec<String>,
    /// Interrupts that reach it: `peripheral.name` to the notification that each posts.
    #[serde(default)]
    pub interrupts: BTreeMap<String, String>,
    /// Cargo features of its package.
    #[serde(default)]
    pub features: Vec<String>,
    /// Whether to build it without its default features.
    #[serde(default)]
    pub no_default_features: bool,
    /// The instructions that its code is made of.
    #[serde(default)]
    pub instruction_set: InstructionSet,
    /// Whatever the task's own build script understands.
    #[serde(default)]
    #[expect(
        dead_code,
        reason = "accepted here, and read by the task from the whole table"
    )]
    pub config: Table,
    /// Memories that are mapped whole, and laid out by the task itself.
    #[serde(default)]
    pub extern_regions: Vec<String>,
    /// Linker sections that go to a memory of their own.
    #[serde(default)]
    pub sections: BTreeMap<String, String>,
    /// The memory for its data, stack and zeroed variables.
    pub default_ram: Option<String>,
    /// What it may use beyond memory and devices: see [`GRANTS`].
    #[serde(default)]
    pub grants: Vec<String>,
    /// Kernel IPC operations that otherwise only the supervisor may use: see [`KIPC`].
    #[serde(default)]
    pub kipc: Vec<String>,
}

/// What a target is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// ARMv7-A, 32 bits: `armv7a-none-eabi`.
    Armv7a,
    /// ARMv8-A in AArch64, 64 bits: `aarch64-unknown-none-softfloat`.
    Armv8a,
}

impl Architecture {
    /// The architecture that `target` is for; for one that is not known, any.
    #[must_use]
    pub fn of(target: &str) -> Self {
        if target.starts_with("aarch64") {
            Self::Armv8a
        } else {
            Self::Armv7a
        }
    }

    /// Whether the build proves how deep stacks get.
    #[must_use]
    pub fn proves_stacks(self) -> bool {
        self == Self::Armv7a
    }

    /// What a stack pointer is a multiple of where functions are called.
    #[must_use]
    pub fn stack_alignment(self) -> u32 {
        match self {
            Self::Armv7a => 8,
            Self::Armv8a => 16,
        }
    }

    /// The MiB of the smallest part of memory that can be closed to the kernel's own execution as a whole.
    #[must_use]
    pub fn closed_mib(self) -> u32 {
        match self {
            Self::Armv7a => 1,
            Self::Armv8a => 2,
        }
    }
}

/// The instructions that a task's own code is made of, on ARMv7-A. The library `core` comes compiled, in A32, and calls go either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InstructionSet {
    /// Two or four bytes each (Thumb-2): smaller, and for tasks faster as well.
    #[default]
    T32,
    /// Four bytes each: for assembly that is written for it.
    A32,
}

/// An entry of `task-slots`: `"task"`, or `{ slot = "task" }`.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Slot {
    /// The slot has the name of the task.
    Task(String),
    /// The slot has its own name.
    Named(BTreeMap<String, String>),
}

/// What `grants` may hold.
pub const GRANTS: [&str; 1] = ["performance-counters"];

/// What `kipc` may hold, with the number of each operation: those that restart, fault, dump or reset.
///
/// The others only tell, and every task may use them.
pub const KIPC: [(&str, u16); 6] = [
    ("restart-task", 2),
    ("fault-task", 3),
    ("reset", 5),
    ("get-task-dump-region", 6),
    ("read-task-dump-region", 7),
    ("software-irq", 8),
];

/// One peripheral in `chip.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Peripheral {
    /// Its first address, on a page.
    pub address: u32,
    /// The bytes that its registers take, whole pages.
    pub size: u32,
    /// Its interrupts: name to the interrupt controller's identifier (32 + *n* for shared peripheral interrupt *n*).
    #[serde(default)]
    pub interrupts: BTreeMap<String, u16>,
    /// How its interrupt lines signal.
    #[serde(default)]
    pub trigger: Trigger,
    /// What it is to the kernel, if it is anything.
    pub kernel: Option<KernelUse>,
}

/// What a peripheral is to the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KernelUse {
    /// The distributor of a GICv2: while tasks run. The kernel cannot do without it, and no task may have it.
    Gicv2Distributor,
    /// The processor's interface to a GICv2: the same.
    Gicv2Cpu,
    /// A PL011 for the kernel's last words: only when the machine stops. Until then a task may have it.
    Pl011LastWords,
}

impl KernelUse {
    /// What each chip must have, as `chip.toml` calls it.
    pub const REQUIRED: [(Self, &'static str); 2] = [
        (Self::Gicv2Distributor, "gicv2-distributor"),
        (Self::Gicv2Cpu, "gicv2-cpu"),
    ];

    /// Returns `true` if the kernel uses the peripheral while tasks run.
    #[must_use]
    pub fn is_exclusive(self) -> bool {
        self != Self::Pl011LastWords
    }
}

/// How an interrupt line signals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// Asserted until the device is served.
    #[default]
    Level,
    /// A rising edge is the event.
    Edge,
}

/// One memory in `memory.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Memory {
    /// The image that it belongs to; there is only `default`.
    #[serde(default = "default_image")]
    pub name: String,
    /// Its first address, on a page.
    pub address: u32,
    /// Its length in bytes, whole pages.
    pub size: u32,
    /// Whether tasks may read it.
    #[serde(default)]
    pub read: bool,
    /// Whether tasks may write it.
    #[serde(default)]
    pub write: bool,
    /// Whether tasks may execute it.
    #[serde(default)]
    pub execute: bool,
    /// Whether a device reads and writes it: the kernel never takes it as a message or a lease.
    #[serde(default)]
    pub dma: bool,
}

fn default_image() -> String {
    "default".into()
}
