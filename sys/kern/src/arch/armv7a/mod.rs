// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! ARMv7-A.
//!
//! | file | does |
//! |---|---|
//! | `registers.rs` | a task's registers, and which of them a system call uses |
//! | `abort.rs` | what an abort's status means |
//! | `identity.rs` | what the identification registers say |
//! | `entry.rs` | from every exception vector to a Rust function and back to a task |
//! | `handlers.rs` | those functions: what each exception means to the kernel |
//! | `hyp.rs` | from the reset vector out of Hyp mode |
//! | `start.rs` | what user mode may not do, and the first task |
//! | `mmu.rs` | translation on, and from one task's address space to another's |
//! | `system.rs` | the system registers that `cortex-ar` does not have |
//! | `late.rs` | asynchronous aborts |
//! | `copy.rs` | copying memory so that a refused access is an error and no crash |
//! | `counter.rs` | the generic timer |
//! | `firmware.rs` | the way to the firmware |

pub mod abort;
pub mod identity;
mod registers;

pub use registers::Registers;

#[cfg(target_os = "none")]
mod copy;
#[cfg(target_os = "none")]
mod counter;
#[cfg(target_os = "none")]
mod entry;
#[cfg(target_os = "none")]
mod firmware;
#[cfg(target_os = "none")]
mod handlers;
#[cfg(target_os = "none")]
mod hyp;
#[cfg(target_os = "none")]
mod late;
#[cfg(target_os = "none")]
mod mmu;
#[cfg(target_os = "none")]
mod start;
#[cfg(target_os = "none")]
mod system;

/// What only the processor can do.
#[cfg(target_os = "none")]
pub(crate) mod target {
    pub(crate) use super::copy::{copy, fill, read_words};
    pub(crate) use super::counter::{set_alarm, ticks, ticks_per_second};
    pub(crate) use super::firmware::call_firmware;
    pub(crate) use super::late::{forget_task, late_abort_waits, take_late_abort};
    pub(crate) use super::mmu::{enter, translate};
    pub(crate) use super::start::{lack, run, set_up, wait_for_interrupt};
    pub(crate) use cortex_ar::asm::isb as synchronise;
}

// The reset vector, the vector table and the start-up code are linked in from there.
#[cfg(target_os = "none")]
use cortex_a_rt as _;
