// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The machine while it runs: states that commands change, and the physics between them.
//!
//! ```text
//! power domain on? --+
//! level, limits -----+--> effective level --> power --> body temperature --> sensor --> trip point
//! power caps --------+                          +-----> measured power
//! ```
//!
//! Time comes from outside ([`Model::advance`]), so that tests are exact. What happens by itself or as a consequence is
//! collected as [`Change`]s; the protocols turn those into notifications.

mod perf;
mod sensors;
#[cfg(test)]
mod tests;
mod thermal;

use crate::machine::{Feed, Machine};

pub use perf::PerfState;
pub use sensors::{SensorState, Trip, TripDirection};

/// Raw power state of a domain that is on.
pub const POWER_ON: u32 = 0;
/// Raw power state of a domain that is off and forgot its content.
pub const POWER_OFF: u32 = 1 << 30;

/// What happened, for whoever wants to be told. Numbers are indices into the machine's lists; units stand in the names.
#[allow(missing_docs, reason = "the fields' names say it")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A power domain has another state.
    Power { domain: usize, state: u32 },
    /// A performance domain runs at another level.
    Level { domain: usize, level: u32 },
    /// A performance domain has other limits.
    Limits { domain: usize, min: u32, max: u32 },
    /// A clock has another rate, in hertz.
    Rate { clock: usize, rate: u64 },
    /// A sensor crossed a trip point.
    Trip {
        sensor: usize,
        point: u8,
        rising: bool,
    },
    /// A sensor that reports by itself has a new reading.
    Update { sensor: usize },
    /// A reset domain was reset, asserted or released.
    Reset { domain: usize, state: u32 },
    /// A power cap, or its averaging interval in milliseconds, was changed.
    Cap {
        domain: usize,
        cap_mw: u32,
        interval_ms: u32,
    },
    /// The measured power of a power cap domain left the thresholds that were asked for.
    Measurement { domain: usize, power_mw: u32 },
    /// The system is asked to change its power state.
    System { graceful: bool, state: u32 },
}

/// A clock while it runs.
#[derive(Debug, Clone)]
pub struct ClockState {
    /// Rate, in hertz.
    pub rate: u64,
    /// Whether it runs.
    pub enabled: bool,
    /// The clock that feeds it.
    pub parent: Option<usize>,
}

/// A voltage domain while it runs.
#[derive(Debug, Clone)]
pub struct VoltageState {
    /// Level, in microvolts.
    pub level_uv: i32,
    /// Whether it is on.
    pub on: bool,
}

/// A power cap while it runs.
#[derive(Debug, Clone)]
pub struct CapState {
    /// The cap, in milliwatts.
    pub cap_mw: u32,
    /// Averaging interval, in milliseconds.
    pub interval_ms: u32,
    /// Power averaged over that interval, in microwatts, so that slow averages do not stick.
    average_uw: i64,
    /// Thresholds, in milliwatts, whose crossing is told.
    pub thresholds: Option<(u32, u32)>,
}

impl CapState {
    /// Average power, in milliwatts.
    pub fn power_mw(&self) -> u32 {
        ((self.average_uw + 500) / 1000).clamp(0, i64::from(u32::MAX)) as u32
    }
}

/// The machine while it runs.
#[derive(Debug, Clone)]
pub struct Model {
    /// What does not change.
    pub machine: Machine,
    /// Milliseconds since the start.
    pub now_ms: u64,
    /// Raw power states.
    pub power: Vec<u32>,
    /// Performance domains.
    pub perf: Vec<PerfState>,
    /// Clocks.
    pub clocks: Vec<ClockState>,
    /// Sensors.
    pub sensors: Vec<SensorState>,
    /// Whether each reset domain is held in reset.
    pub resets: Vec<bool>,
    /// Voltage domains.
    pub voltages: Vec<VoltageState>,
    /// Power caps.
    pub caps: Vec<CapState>,
    /// Temperatures of the bodies, in millidegrees Celsius.
    bodies: Vec<f64>,
    /// System power state as last set or requested (SCMI's numbers).
    pub system: u32,
    changes: Vec<Change>,
}

impl Model {
    /// The machine at its start.
    pub fn new(machine: Machine) -> Self {
        let mut model = Self {
            now_ms: 0,
            power: machine
                .power
                .iter()
                .map(|domain| if domain.on { POWER_ON } else { POWER_OFF })
                .collect(),
            perf: machine.perf.iter().map(PerfState::new).collect(),
            clocks: machine
                .clocks
                .iter()
                .map(|clock| ClockState {
                    rate: clock.rate,
                    enabled: clock.enabled,
                    parent: clock.parents.first().copied(),
                })
                .collect(),
            sensors: machine.sensors.iter().map(SensorState::new).collect(),
            resets: machine
                .resets
                .iter()
                .map(|domain| domain.asserted)
                .collect(),
            voltages: machine
                .voltages
                .iter()
                .map(|domain| VoltageState {
                    level_uv: domain.level_uv,
                    on: domain.on,
                })
                .collect(),
            caps: machine
                .powercaps
                .iter()
                .map(|domain| CapState {
                    cap_mw: domain.cap_mw,
                    interval_ms: domain.interval_ms[0].max(1),
                    average_uw: 0,
                    thresholds: None,
                })
                .collect(),
            bodies: machine
                .bodies
                .iter()
                .map(|body| body.ambient_mc as f64)
                .collect(),
            // Working, as SYSTEM_POWER_STATE_GET has it before anything was asked for.
            system: 0,
            changes: Vec::new(),
            machine,
        };
        model.settle();
        model.changes.clear();
        for domain in 0..model.caps.len() {
            model.caps[domain].average_uw = model.cap_power_mw(domain) * 1000;
        }
        model
    }

    /// Lets time pass until `now_ms`, in steps of the machine's `step-ms`.
    pub fn advance(&mut self, now_ms: u64) {
        let step = self.machine.platform.step_ms;
        while self.now_ms + step <= now_ms {
            self.now_ms += step;
            self.heat(step);
            self.measure(step);
            self.watch_sensors();
        }
    }

    /// What happened since the last call, oldest first.
    pub fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// Tells that something happened.
    pub fn changed(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// Sets a power domain's raw state.
    pub fn set_power(&mut self, domain: usize, state: u32) {
        if self.power[domain] != state {
            self.power[domain] = state;
            self.changed(Change::Power { domain, state });
            self.settle();
        }
    }

    /// Sets a clock's rate, in hertz.
    pub fn set_rate(&mut self, clock: usize, rate: u64) {
        if self.clocks[clock].rate != rate {
            self.clocks[clock].rate = rate;
            self.changed(Change::Rate { clock, rate });
        }
    }

    /// Holds a domain in reset or lets it go. `state` is what the notification says.
    pub fn set_reset(&mut self, domain: usize, asserted: bool, state: u32) {
        self.resets[domain] = asserted;
        self.changed(Change::Reset { domain, state });
    }

    /// Sets a power cap, in milliwatts.
    pub fn set_cap(&mut self, domain: usize, cap_mw: u32) {
        if self.caps[domain].cap_mw != cap_mw {
            self.caps[domain].cap_mw = cap_mw;
            self.cap_changed(domain);
            self.settle();
        }
    }

    /// Sets a power cap's averaging interval, in milliseconds.
    pub fn set_interval(&mut self, domain: usize, interval_ms: u32) {
        if self.caps[domain].interval_ms != interval_ms {
            self.caps[domain].interval_ms = interval_ms;
            self.cap_changed(domain);
        }
    }

    fn cap_changed(&mut self, domain: usize) {
        let CapState {
            cap_mw,
            interval_ms,
            ..
        } = self.caps[domain];
        self.changed(Change::Cap {
            domain,
            cap_mw,
            interval_ms,
        });
    }

    /// The reading of each axis of a sensor; one for a scalar sensor.
    pub fn reading(&self, sensor: usize) -> Vec<i64> {
        match &self.machine.sensors[sensor].feed {
            Feed::Fixed(_) => self.sensors[sensor].fixed.clone(),
            Feed::Body(body) => vec![self.temperature_mc(*body)],
            Feed::PowerOf(perf) => vec![self.perf_power_mw(*perf)],
            Feed::VoltageOf(domain) => {
                let VoltageState { level_uv, on } = self.voltages[*domain];
                vec![if on { i64::from(level_uv) } else { 0 }]
            }
        }
    }
}
