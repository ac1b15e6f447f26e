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
//! check-ms = 10000                              # between looks at the others
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

#![no_std]
#![no_main]

use drv_scmi_api::{Buffer, Incoming, Lives, PAYLOAD_MAX, Scmi, next_event};
use idol_runtime::{Leased, NotificationHandler, RequestError, W};
use ringbuf::{ringbuf, ringbuf_entry};
use scmi::Notice;
use scmi::sensor::TripPointEvent;
use static_cell::ConstStaticCell;
use task_thermal_api::{LimitStatus, NAME_MAX, ThermalError, ZoneStatus};
use thermal_policy::Governor;
use userlib::*;

use config::{LIMITS, ZONES};

task_slot!(SCMI, scmi);

#[derive(Copy, Clone, PartialEq)]
enum Trace {
    None,
    /// The platform says that a trip point of this sensor was reached.
    Tripped(u32),
    /// Driver, device or platform restarted.
    Restarted,
    /// Words of the platform were lost.
    Lost(u32),
}

ringbuf!(Trace, 16, Trace::None);

/// Events that are fetched at a time: a flood does not keep sensors from being read.
const EVENTS_AT_ONCE: usize = 32;

#[unsafe(export_name = "main")]
fn main() -> ! {
    // Not on the stack, for it grows with the number of zones.
    static GOVERNOR: ConstStaticCell<Governor<{ ZONES.len() }, { LIMITS.len() }>> =
        ConstStaticCell::new(Governor::new(&ZONES, &LIMITS, config::TIMES));
    let governor = GOVERNOR.take();

    let driver = SCMI.get_task_id();
    let mut server = Server {
        governor,
        scmi: Scmi::from(driver),
        lives: Lives::new(driver),
        has_more_events: false,
    };
    server.run();
    let mut buffer = [0; idl::INCOMING_SIZE];
    loop {
        let next = match server.has_more_events {
            true => Some(now()),
            false => server.governor.next(),
        };
        sys_set_timer(next, notifications::TIMER_MASK);
        idol_runtime::dispatch(&mut buffer, &mut server);
    }
}

struct Server {
    governor: &'static mut Governor<{ ZONES.len() }, { LIMITS.len() }>,
    scmi: Scmi,
    lives: Lives,
    /// Events are left from the last time.
    has_more_events: bool,
}

impl Server {
    /// Does what is due.
    fn run(&mut self) {
        if self.lives.have_restarted(&self.scmi) {
            self.restarted();
        }
        self.governor.run(&self.scmi, now);
    }

    fn restarted(&mut self) {
        ringbuf_entry!(Trace::Restarted);
        self.governor.resynchronise(now());
    }

    /// Fetches what the driver has to tell.
    fn take_events(&mut self) {
        self.has_more_events = false;
        let mut buffer: Buffer = [0; PAYLOAD_MAX];
        for _ in 0..EVENTS_AT_ONCE {
            match next_event(&self.scmi, &mut buffer) {
                Ok(Incoming::Empty) | Err(_) => return,
                Ok(Incoming::Notice {
                    notice,
                    time_ms,
                    lost,
                }) => {
                    if let Notice::SensorTripPoint(TripPointEvent { sensor, .. }) = notice {
                        ringbuf_entry!(Trace::Tripped(sensor));
                        self.governor.tripped(sensor, time_ms);
                    }
                    self.note_lost(lost);
                }
                Ok(Incoming::Malformed { lost, .. }) => self.note_lost(lost),
                Ok(Incoming::Ended { .. } | Incoming::Resynchronise | Incoming::Restarted) => {
                    self.restarted();
                }
            }
        }
        // The rest comes after what is due.
        self.has_more_events = true;
    }

    fn note_lost(&mut self, lost: u32) {
        if lost > 0 {
            ringbuf_entry!(Trace::Lost(lost));
            self.governor.look_at_all(now());
        }
    }
}

fn now() -> u64 {
    sys_get_timer().now
}

/// Writes a name to a client's lease, as much as fits.
fn lend_name(name: &str, destination: &Leased<W, [u8]>) -> Result<u8, RequestError<ThermalError>> {
    let name = name.as_bytes();
    let name = name.get(..NAME_MAX).unwrap_or(name);
    let written = destination.write_front(name);
    Ok(written.map_err(|()| RequestError::went_away())? as u8)
}

impl NotificationHandler for Server {
    fn current_notification_mask(&self) -> u32 {
        notifications::FAULT_MASK | notifications::SCMI_MASK | notifications::TIMER_MASK
    }

    fn handle_notification(&mut self, bits: NotificationBits) {
        if self.has_more_events || bits.check_notification_mask(notifications::SCMI_MASK) {
            self.take_events();
        }
        self.run();
    }
}

impl idl::InOrderThermalImpl for Server {
    fn zone(
        &mut self,
        _: &RecvMessage,
        zone: u8,
    ) -> Result<ZoneStatus, RequestError<ThermalError>> {
        Ok(self.governor.zone(zone)?)
    }

    fn limit(
        &mut self,
        _: &RecvMessage,
        limit: u8,
    ) -> Result<LimitStatus, RequestError<ThermalError>> {
        Ok(self.governor.limit(limit)?)
    }

    fn zone_name(
        &mut self,
        _: &RecvMessage,
        zone: u8,
        name: Leased<W, [u8]>,
    ) -> Result<u8, RequestError<ThermalError>> {
        let zone = ZONES
            .get(usize::from(zone))
            .ok_or(ThermalError::NoSuchNumber)?;
        lend_name(zone.name, &name)
    }

    fn limit_name(
        &mut self,
        _: &RecvMessage,
        limit: u8,
        name: Leased<W, [u8]>,
    ) -> Result<u8, RequestError<ThermalError>> {
        let limit = LIMITS
            .get(usize::from(limit))
            .ok_or(ThermalError::NoSuchNumber)?;
        lend_name(limit.name, &name)
    }
}

include!(concat!(env!("OUT_DIR"), "/notifications.rs"));

/// `[tasks.thermal.config]`.
mod config {
    use thermal_policy::{Limit, Target, Times, Trip, Zone};
    include!(concat!(env!("OUT_DIR"), "/config.rs"));
}

/// Generated from `idl/thermal.idol`.
mod idl {
    use task_thermal_api::{LimitStatus, ThermalError, ZoneStatus};
    include!(concat!(env!("OUT_DIR"), "/server_stub.rs"));
}
