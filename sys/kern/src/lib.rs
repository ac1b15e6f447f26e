// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The kernel: isolated tasks, IPC, leases, timers, interrupts as notifications.
//!
//! The kernel is one state machine, [`Kernel`], generic over the [`Machine`] it runs on. Everything that decides (who runs,
//! who may touch what, what a system call means) is plain safe Rust that the host tests and property tests execute.
//! What only the hardware can do is behind [`Machine`]; on the target that is `board`, which is made of one instruction
//! set out of `arch` and of the devices in `device`.
//!
//! ```text
//!  task ─call──▶ arch entry ──▶ Kernel::system_call ──▶ send, receive, reply, borrow, ... ──▶ arch exit ──▶ task
//!  device ─────▶ arch entry ──▶ Kernel::interrupt ────▶ post ─────────────────────────────▶ arch exit ──▶ task
//!  task ─fault─▶ arch entry ──▶ Kernel::fault_current ▶ supervisor's notification ────────▶ arch exit ──▶ task
//! ```
//!
//! It is not preemptible: every exception runs to its end with interrupts masked, on one stack. A task's registers live
//! in its [`Task`] record and nowhere else while the kernel runs.
//!
//! No operation costs more than the number of tasks, and none depends on anything that a task controls except the length
//! of a copy.

#![cfg_attr(not(test), no_std)]

mod access;
pub mod arch;
#[cfg(target_os = "none")]
mod board;
mod borrow;
mod clock;
mod copy;
pub mod desc;
pub mod device;
mod interrupt;
mod ipc;
mod kernel;
mod kipc;
mod machine;
mod receive;
mod restart;
mod schedule;
mod status;
mod syscall;
mod task;
mod timer;

#[cfg(test)]
mod tests;

pub use access::Slice;
pub use arch::Registers;
#[cfg(target_os = "none")]
pub use board::{Board, TaskStorage, start};
pub use clock::Clock;
pub use desc::MAX_TASKS;
pub use kernel::Kernel;
pub use machine::{AccessError, InterruptState, Machine};
pub use status::Status;
pub use task::Task;
