// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The thermal task: reads sensors, and keeps performance and power where the machine stays cool.
//!
//! ```toml
//! [tasks.thermal]
//! name = "task-thermal"
//! priority = 4                                  # less important than the driver, more than whoever calls it
//! start = true
//! stacksize = 4096
//! notifications = ["fault", "scmi", "timer"]
//! task-slots = [{ scmi = "virtio_scmi" }]
//!
//! [tasks.thermal.config]                        # times in milliseconds, all optional
//! deadline-ms = 200                             # for each question to the platform
//! poll-ms = 1000                                # between looks at a sensor whose trip points the platform does not tell
//! check-ms = 1000                               # between looks at the others, whose trip points somebody may have moved
//! blind-ms = 0                                  # a sensor that fails for so long makes its limits safe: at once
//!
//! [tasks.thermal.config.limits.gpu]             # what can be limited: `perf` or `cap`, by number
//! perf = 1
//! name = "gpu"                                  # optional: what the platform must call it
//! normal = 5                                    # when nothing is warm
//! safe = 1                                      # when it is not known how warm it is
//!
//! [tasks.thermal.config.zones.gpu]
//! sensor = 1
//! name = "gpu-temp"                             # optional, likewise
//! hysteresis = 5_000                            # a trip is left that far below it; unit and scale are the sensor's
//! trips = [                                     # from the lowest to the highest
//!     { at = 60_000, limits = { gpu = 3 } },
//!     { at = 75_000, limits = { gpu = 1 } },
//! ]
//!
//! [config.scmi.clients.thermal]
//! protocols = [0x13, 0x15, 0x18]
//! slots = 2
//! notification = "scmi"
//! ```
//!
//! The supervisor posts it `fault` (`on-task-fault`), for it to see when the driver restarts. The limits belong to this task: what
//! others make of them lasts until the next trip. A level that was lowered comes back by itself.
//!
//! The task fails safe: a sensor that gives no reading, for whatever reason, makes its limits `safe` until it reads again, and a
//! lost answer makes all of them safe for a moment. Without an answer of the platform limits become `safe` as soon as it takes
//! orders again. On a platform that does not have a sensor, and has never shown it, the limits of that sensor are left alone;
//! it is asked again every 10 s.
//!
//! # How warm is too warm
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
//!
//! # As a library
//!
//! The task's binary is [`serve`] and nothing else. Outside an image, on the host, the constants are those of the `app.toml` of this
//! tree.

#![cfg_attr(not(test), no_std)]

mod governor;
mod limit;
mod server;
#[cfg(test)]
mod tests;
mod zone;

use static_cell::ConstStaticCell;
use userlib::task_slot;

pub use governor::{Governor, Times};
pub use limit::{Limit, Target};
pub use server::{Configured, Server};
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

task_slot!(SCMI, scmi);

/// Governs until the image ends.
pub fn serve() -> ! {
    // Not on the stack, for it grows with the number of zones.
    static GOVERNOR: ConstStaticCell<Configured> = ConstStaticCell::new(Server::configured());
    Server::new(GOVERNOR.take(), SCMI.get_task_id()).serve()
}

include!(concat!(env!("OUT_DIR"), "/notifications.rs"));

/// `[tasks.thermal.config]`.
mod config {
    use crate::{Limit, Target, Times, Trip, Zone};
    include!(concat!(env!("OUT_DIR"), "/config.rs"));
}

/// Generated from `idl/thermal.idol`.
mod idl {
    use task_thermal_api::{LimitStatus, ThermalError, ZoneStatus};
    include!(concat!(env!("OUT_DIR"), "/server_stub.rs"));
}
