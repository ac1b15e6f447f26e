// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The instruction set: everything that another processor does differently, in one folder for each.
//!
//! The rest of the kernel uses these names and no other, so a second folder with the same names is
//! a second instruction set:
//!
//! | name | is |
//! |---|---|
//! | [`Registers`] | what of the processor belongs to a task |
//! | `lack` | what the kernel needs of the processor and it does not have |
//! | `set_up`, `translate`, `enter`, `synchronise`, `run` | from reset to a task |
//! | `forget_task`, `late_abort_waits`, `take_late_abort` | what a task may leave behind |
//! | `copy`, `read_words`, `fill` | memory of tasks, with refusals as errors |
//! | `ticks`, `ticks_per_second`, `set_alarm` | the counter and its comparator |
//! | `wait_for_interrupt`, `call_firmware` | the rest |
//!
//! What needs no such processor to run, `Registers` among it, is compiled for the host too, where
//! its tests are.

pub mod armv7a;

pub use armv7a::Registers;
#[cfg(target_os = "none")]
pub(crate) use armv7a::target::*;
