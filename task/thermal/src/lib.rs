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
//!    +---------+                  +---------+ <------------------------- +-------+  tried again, less and less often
//!         |                                          a reading
//!         | the platform does not have the sensor
//!         v                                     driver, device or platform restart: everything is looked at and set anew
//!     +--------+
//!     | Absent |  its limits are left alone
//!     +--------+
//! ```
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
/// The longest pause: pauses double up to this.
pub const BACK_OFF_MAX_MS: u64 = 5000;
