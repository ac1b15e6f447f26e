// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What the build tells the kernel about the image.
//!
//! `compose` writes values of these types as statics; the kernel reads them and never changes them.
//! Everything here is resolved at build time, so the kernel searches for nothing while it runs.

use core::num::NonZero;

use bitflags::bitflags;

/// The most tasks that an image may have: the kernel keeps sets of tasks in one machine word.
pub const MAX_TASKS: usize = 32;

/// The whole image.
#[derive(Debug)]
pub struct Image {
    /// Tasks in the order of `[tasks.*]` in `app.toml`; a task's position is its index. The first
    /// is the supervisor.
    pub tasks: &'static [TaskDesc],
    /// The interrupts that belong to tasks, in ascending order of `intid`.
    pub interrupts: &'static [InterruptDesc],
    /// For each interrupt identifier, its position in `interrupts`, or [`NO_INTERRUPT`].
    pub interrupt_of_intid: &'static [u8],
    /// Names the translation table that holds only the kernel's own global entries, as the
    /// processor wants it named.
    pub kernel_table: u32,
    /// Where the devices are that the kernel itself uses.
    pub devices: Devices,
    /// Identifies the build, for `read_image_id`.
    pub id: u64,
}

/// Where a device is. Nothing is at 0.
pub type Address = NonZero<usize>;

/// The devices that the kernel itself uses, as `chip.toml` describes them.
#[derive(Debug)]
pub struct Devices {
    /// The interrupt controller's registers that all processors share.
    pub interrupt_distributor: Address,
    /// Its registers for one processor.
    pub interrupt_cpu: Address,
    /// The console for the kernel's last words, if it has one.
    pub console: Option<Address>,
}

/// Marks an interrupt identifier that nobody in the image owns.
pub const NO_INTERRUPT: u8 = 0xff;

/// One task.
#[derive(Debug)]
pub struct TaskDesc {
    /// The task's name in `app.toml`, for messages.
    pub name: &'static str,
    /// Where it starts; bit 0 may mean a second instruction set, as in an address to call.
    pub entry: u32,
    /// Its first stack pointer, 8-byte aligned: one past the top of the stack.
    pub initial_stack: u32,
    /// The lowest address of its stack. The page below is never its own: user mode cannot touch it.
    pub stack_base: u32,
    /// Strict priority; a lower number is more important.
    pub priority: u8,
    /// How the kernel treats it.
    pub flags: TaskFlags,
    /// The kernel IPC operations that `app.toml` grants it: bit *n* allows operation *n*. The
    /// supervisor has all.
    pub kipc: u32,
    /// Names its translation table, as the processor wants it named.
    pub table: u32,
    /// Its address space identifier, never 0, which is the kernel's table's.
    pub address_space: u8,
    /// Everything it may touch, in ascending order of address, never adjacent with equal
    /// attributes, never overlapping.
    pub regions: &'static [RegionDesc],
    /// The positions in [`Image::interrupts`] of the interrupts it owns.
    pub interrupts: &'static [u8],
}

bitflags! {
    /// How the kernel treats a task.
    #[derive(Copy, Clone, Debug, PartialEq, Eq)]
    pub struct TaskFlags: u32 {
        /// Runs from boot on; without it the supervisor starts it.
        const START_AT_BOOT = 1 << 0;
        /// May use the performance counters from user mode.
        const PERFORMANCE_COUNTERS = 1 << 1;
    }

    /// What may be done with a region.
    #[derive(Copy, Clone, Debug, PartialEq, Eq)]
    pub struct RegionAttributes: u32 {
        /// The task may read it.
        const READ = 1 << 0;
        /// The task may write it.
        const WRITE = 1 << 1;
        /// The task may execute it.
        const EXECUTE = 1 << 2;
        /// It is device memory: the kernel never copies from or to it.
        const DEVICE = 1 << 3;
        /// A device reads or writes it: the kernel never takes it as a message or a lease, but
        /// copies between a lease and the borrower's own region of this kind.
        const DMA = 1 << 4;
        /// Another task may write it too: the kernel takes no lease table from it.
        const SHARED = 1 << 5;
    }
}

/// A range of memory that a task may touch. Base and size are multiples of 4096.
#[derive(Debug)]
pub struct RegionDesc {
    /// First address.
    pub base: u32,
    /// Length in bytes.
    pub size: u32,
    /// What the task may do with it.
    pub attributes: RegionAttributes,
}

/// An interrupt that reaches a task as a notification.
#[derive(Debug)]
pub struct InterruptDesc {
    /// The interrupt controller's identifier.
    pub intid: u16,
    /// The index of the task that owns it.
    pub task: u16,
    /// The one notification bit that it posts.
    pub notification: u32,
    /// Whether the line is edge triggered (otherwise level sensitive).
    pub edge: bool,
}
