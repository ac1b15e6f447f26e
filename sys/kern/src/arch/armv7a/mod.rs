// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! ARMv7-A, as QEMU's `virt` machine has it: one core, GICv2, generic timer, PL011, PSCI by HVC.
//!
//! | file | does |
//! |---|---|
//! | `entry.rs` | from every exception vector to a Rust function and back to a task |
//! | `handlers.rs` | those functions: what each exception means to the kernel |
//! | `hyp.rs` | from the reset vector out of Hyp mode |
//! | `needs.rs` | what the kernel needs of the machine |
//! | `start.rs` | from the reset vector's `kmain` to the first task |
//! | `mmu.rs` | translation on, and from one task's address space to another's |
//! | `cpu.rs` | system registers, and what user mode may not do with them |
//! | `copy.rs` | copying memory so that a refused access is an error and no crash |
//! | `board.rs` | the [`Machine`](crate::Machine) made of all of it |
//! | `gic.rs`, `timer.rs`, `psci.rs`, `uart.rs` | one device each |
//! | `last_words.rs` | what is printed when the machine stops |

mod board;
mod copy;
mod cpu;
mod entry;
mod gic;
mod handlers;
mod hyp;
mod last_words;
mod mmu;
mod needs;
mod psci;
mod start;
mod timer;
mod uart;

pub use board::Board;
pub use start::{TaskStorage, start};

// The reset vector, the vector table and the start-up code are linked in from there.
use cortex_a_rt as _;
