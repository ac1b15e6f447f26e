// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Resources, and who holds them: the power task's decisions, without a kernel.
//!
//! A [`Resource`] is a list of [`Step`]s. [`Manager`] takes them in order when the first reference is taken, and undoes them in
//! reverse when the last one is given back:
//!
//! ```text
//!                    acquire: every step in order
//!        +------+ ------------------------------------> +------+
//!        | Down |   a step fails: those before undone   |  Up  |
//!        +------+ <------------------------------------ +------+
//!           ^    last release: every step in reverse       |
//!           |                                              |
//!           |  found down                         found up, or brought up again for those who hold it
//!           |            +---------+                       |
//!           +----------- | Unknown | ----------------------+
//!                        +---------+   at the start; after a restart of driver, device or platform; when
//!                             |        a step could not be undone: looked at again, less and less often
//!                             v
//!                        +--------+
//!                        | Absent |    the platform does not have it
//!                        +--------+
//! ```
//!
//! Every step looks before it acts: what is already as wanted is left alone. Nothing is assumed of hardware that this task has
//! not set itself.

#![cfg_attr(not(test), no_std)]

mod manager;
mod step;
#[cfg(test)]
mod tests;

pub use manager::{BACK_OFF_MAX_MS, BACK_OFF_MIN_MS, Manager, Resource};
pub use step::{Part, Step};
