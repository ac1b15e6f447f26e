// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! From the driver, the timer and the callers to the governor, and back.

use drv_scmi_api::{Buffer, Incoming, Lives, PAYLOAD_MAX, Scmi, next_event};
use idol_runtime::{Leased, NotificationHandler, RequestError, W};
use ringbuf::{ringbuf, ringbuf_entry};
use scmi::Notice;
use scmi::sensor::TripPointEvent;
use task_thermal_api::{LimitStatus, NAME_MAX, ThermalError, ZoneStatus};
use userlib::*;

use crate::config::{LIMITS, ZONES};
use crate::{Governor, config, idl, notifications};

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

/// The governor of what `[tasks.thermal.config]` says.
pub type Configured = Governor<{ ZONES.len() }, { LIMITS.len() }>;

/// The task: the governor, and the driver that it asks.
pub struct Server {
    governor: &'static mut Configured,
    scmi: Scmi,
    lives: Lives,
    /// Events are left from the last time.
    has_more_events: bool,
}

impl Server {
    /// A governor that knows nothing yet.
    #[must_use]
    pub const fn configured() -> Configured {
        Governor::new(&ZONES, &LIMITS, config::TIMES)
    }

    /// Nothing has been read yet.
    pub fn new(governor: &'static mut Configured, driver: TaskId) -> Self {
        Self {
            governor,
            scmi: Scmi::from(driver),
            lives: Lives::new(driver),
            has_more_events: false,
        }
    }

    /// Governs until the image ends.
    pub fn serve(&mut self) -> ! {
        self.run();
        let mut buffer = [0; idl::INCOMING_SIZE];
        loop {
            let next = match self.has_more_events {
                true => Some(now()),
                false => self.governor.next(),
            };
            sys_set_timer(next, notifications::TIMER_MASK);
            idol_runtime::dispatch(&mut buffer, self);
        }
    }

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
