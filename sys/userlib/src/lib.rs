// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! System calls and start-up code for tasks.
//!
//! A task is a `#![no_std]`, `#![no_main]` binary that links this crate and exports its main function:
//!
//! ```no_run
//! use userlib::*;
//!
//! task_slot!(UART, uart);
//!
//! #[cfg_attr(target_os = "none", unsafe(export_name = "main"))]
//! fn main() -> ! {
//!     loop {
//!         hl::sleep_for(1000);
//!     }
//! }
//! ```
//!
//! The crate brings the task's entry point `_start`, its panic handler, the system calls (`sys_*`), kernel IPC ([`kipc`]) and a few
//! conveniences ([`hl`]). Names and meanings are those of Hubris's `userlib`.
//!
//! # Features
//!
//! | feature | effect |
//! |---|---|
//! | `critical-section` (default) | crates that use `critical-section` link; a task has one thread, so it costs nothing |
//! | `panic-messages` | a panic leaves its message (up to 128 bytes) for the supervisor and the console |
//! | `counters` | the death of a server can be counted |
//! | `no-panic` | the task does not link as long as it contains a panic |
//!
//! # On the host
//!
//! The crate also compiles for the host, where [`host`] runs tasks on the kernel's own logic, so that servers and clients are tested
//! with the code that ships. A system call outside a task panics.

#![cfg_attr(target_os = "none", no_std)]

mod arch;
pub mod hl;
#[cfg(not(target_os = "none"))]
pub mod host;
#[doc(hidden)]
pub mod ipc;
pub mod kipc;
mod lease;
mod message;
mod notification;
mod panic;
#[cfg(all(target_arch = "arm", target_os = "none"))]
mod start;
mod syscall;
pub mod task_slot;
pub mod units;
mod unwrap_lite;

pub use abi::*;
pub use num_derive::{FromPrimitive, ToPrimitive};
pub use num_traits::{FromPrimitive, ToPrimitive};

pub use crate::lease::Lease;
pub use crate::message::{BorrowInfo, ClosedRecvError, RecvMessage, TimerState};
pub use crate::notification::NotificationBits;
pub use crate::panic::PANIC_MESSAGE_MAX_LEN;
pub use crate::syscall::*;
pub use crate::unwrap_lite::UnwrapLite;
