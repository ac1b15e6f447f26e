// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! An event as people read it: what it is about by name, and numbers with their units.

use core::fmt;

use drv_scmi_api::{Kind, Powercaps, Sensors};
use scmi::units::{Hertz, Microseconds, PowerValue};
use scmi::{Notice, Protocol};

use crate::platform::Link;

/// An event, and the way to ask for names.
pub struct Told<'a> {
    /// The event.
    pub notice: Notice<'a>,
    /// Without it there are numbers in place of names.
    pub link: Option<Link<'a>>,
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.notice {
            Notice::PowerStateChanged(event) => {
                self.source(f, Protocol::Power, event.domain)?;
                write!(f, "{}, by agent {}", event.state, event.agent)
            }
            Notice::PowerStateChangeRequested(event) => {
                self.source(f, Protocol::Power, event.domain)?;
                write!(f, "agent {} wants {}", event.agent, event.state)
            }
            Notice::PerfLimitsChanged(event) => {
                self.source(f, Protocol::Perf, event.domain)?;
                write!(
                    f,
                    "limits {} to {}, by agent {}",
                    event.lowest, event.highest, event.agent
                )
            }
            Notice::PerfLevelChanged(event) => {
                self.source(f, Protocol::Perf, event.domain)?;
                write!(f, "level {}, by agent {}", event.level, event.agent)
            }
            Notice::ClockRateChanged(event) => {
                self.source(f, Protocol::Clock, event.clock)?;
                write!(f, "{}, by agent {}", Hertz(event.hertz), event.agent)
            }
            Notice::ClockRateChangeRequested(event) => {
                self.source(f, Protocol::Clock, event.clock)?;
                write!(f, "agent {} wants {}", event.agent, Hertz(event.hertz))
            }
            Notice::SensorTripPoint(event) => {
                self.source(f, Protocol::Sensor, event.sensor)?;
                let way = if event.passed.rising() {
                    "rose"
                } else {
                    "fell"
                };
                write!(f, "{way} through trip point {}", event.passed.trip_point())
            }
            Notice::SensorUpdate(page) => {
                self.source(f, Protocol::Sensor, page.head.sensor)?;
                f.write_str("reads")?;
                self.readings(
                    f,
                    page.head.sensor,
                    page.iter().map(|reading| reading.value),
                )
            }
            Notice::ResetIssued(event) => {
                self.source(f, Protocol::Reset, event.domain)?;
                write!(f, "reset ({}), by agent {}", event.state, event.agent)
            }
            Notice::PowercapCapChanged(event) => {
                self.source(f, Protocol::Powercap, event.domain)?;
                write!(f, "capped at ")?;
                self.power(f, event.domain, event.cap)?;
                let interval = Microseconds(event.interval_us);
                write!(f, " over {interval}, by agent {}", event.agent)
            }
            Notice::PowercapMeasurementsChanged(event) => {
                self.source(f, Protocol::Powercap, event.domain)?;
                f.write_str("takes ")?;
                self.power(f, event.domain, event.power)
            }
            Notice::BaseError(_) => write!(f, "base     {}", self.notice),
            Notice::SystemPowerState(_) => write!(f, "system   {}", self.notice),
            Notice::Unknown { payload, .. } => {
                write!(f, "{}:", self.notice)?;
                payload.iter().try_for_each(|byte| write!(f, " {byte:02x}"))
            }
        }
    }
}

impl Told<'_> {
    /// The protocol, and the name of the source.
    fn source(&self, f: &mut fmt::Formatter<'_>, protocol: Protocol, number: u32) -> fmt::Result {
        let kind = Kind::of(protocol);
        let known = self
            .link
            .zip(kind)
            .and_then(|(link, kind)| kind.name(link, number).ok());
        match known {
            Some(name) => write!(f, "{protocol:<8} {name:<16} "),
            None => write!(f, "{protocol:<8} {number:<16} "),
        }
    }

    /// Readings with their units; as they are, when the platform does not tell those.
    fn readings(
        &self,
        f: &mut fmt::Formatter<'_>,
        sensor: u32,
        mut values: impl Iterator<Item = i64>,
    ) -> fmt::Result {
        let sensors = self.link.and_then(|link| Sensors::over(link).ok());
        let base = sensors
            .as_ref()
            .and_then(|sensors| sensors.sensor(sensor).ok())
            .map(|sensor| sensor.base);
        if let (Some(sensors), Some(base)) = (sensors, base) {
            if base.scale.axes() == 0 {
                return values.try_for_each(|value| write!(f, " {}", base.scale.quantity(value)));
            }
            // An axis that cannot be asked leaves its value to what comes below.
            for axis in sensors.axes(sensor).flatten() {
                if let Some(value) = values.next() {
                    write!(
                        f,
                        " {} = {}",
                        axis.base.name,
                        axis.base.scale.quantity(value)
                    )?;
                }
            }
        }
        values.try_for_each(|value| write!(f, " {value} (unit not known)"))
    }

    fn power(&self, f: &mut fmt::Formatter<'_>, domain: u32, value: u32) -> fmt::Result {
        let caps = self.link.and_then(|link| Powercaps::over(link).ok());
        match caps.and_then(|caps| caps.domain(domain).ok()) {
            Some(info) => {
                let unit = info.attributes.unit();
                write!(f, "{}", PowerValue { value, unit })
            }
            None => write!(f, "{value} (unit not known)"),
        }
    }
}
