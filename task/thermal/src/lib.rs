// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! How warm is too warm, and what is done about it: the thermal task's decisions, without a kernel.
//!
//! A [`Zone`] has a sensor and trips; a [`Limit`] is the highest performance level of a domain, or a power cap. Each trip that
//! is in effect cuts limits, and of all cuts of a limit the lowest counts.
//!
//! ```text
//!    reading >= at of the next trip: one more in effect        reading < at - hysteresis of the last: one less
//!
//!    +---------+  first reading   +---------+  no reading for blind-ms   +-------+
//!    | Unknown | ---------------> | Watched | -------------------------> | Blind |  limits at their safe values;
//!    +---------+                  +---------+ <------------------------- +-------+  tried again, at least every second
//!       |   ^                          ^        a reading
//!       |   | restart of driver,       | a reading
//!       v   | device or platform       |
//!     +--------+                       |
//!     | Absent | ----------------------+
//!     +--------+
//!      the platform says that it does not have the sensor, and has never shown it: limits are left alone;
//!      tried again, at least every 10 s
//! ```
//!
//! A sensor that the platform has shown once is never absent again, whatever the platform says: it is blind. A limit is tried
//! again in the same way, whatever the platform said to it.
//!
//! An answer that does not come may cost a command slot of this task until the driver gets it back. Before the last one is at
//! stake all limits become safe, and stay so until the platform has answered for every zone, and for each limit without an answer.
//!
//! The platform is asked to tell when the reading leaves the band in which nothing changes: one trip point of the sensor rises
//! with the next trip, another one falls with the last. Where it cannot, the sensor is polled.

#![cfg_attr(not(test), no_std)]

mod governor;
mod limit;
#[cfg(test)]
mod tests;
mod zone;

pub use governor::{Governor, Times};
pub use limit::{Limit, Target};
pub use zone::{Trip, Zone};

/// The first pause before something is tried again, in milliseconds.
pub const BACK_OFF_MIN_MS: u64 = 100;
/// The longest pause, for what has worked before or may work in a moment: pauses double up to this.
pub const BACK_OFF_MAX_MS: u64 = 1000;
/// The longest pause, for what has never worked and is not there by the platform's word.
pub const ABSENT_PAUSE_MAX_MS: u64 = 10_000;
/// So long the task listens to whoever calls it before it asks the platform again by itself, in milliseconds. What the platform
/// tells does not wait for that.
pub const SERVE_MS: u64 = 50;
/// So long after an answer was lost the driver has its slot back at the latest.
pub const LOST_SLOT_MS: u64 = 30_000;
