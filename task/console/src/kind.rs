// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Kinds of things that have numbers and names.

use core::fmt;

use scmi::Protocol;
use scmi::pinctrl::Selector;

/// A kind of thing that has numbers and names.
#[derive(Copy, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Power domains.
    Power,
    /// Performance domains.
    Perf,
    /// Clocks.
    Clock,
    /// Sensors.
    Sensor,
    /// Reset domains.
    Reset,
    /// Voltage domains.
    Voltage,
    /// Power caps.
    Cap,
    /// Pins, groups of pins, or functions.
    Pin(Selector),
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Power => f.write_str("power domain"),
            Self::Perf => f.write_str("performance domain"),
            Self::Clock => f.write_str("clock"),
            Self::Sensor => f.write_str("sensor"),
            Self::Reset => f.write_str("reset domain"),
            Self::Voltage => f.write_str("voltage domain"),
            Self::Cap => f.write_str("power cap"),
            Self::Pin(selector) => selector.fmt(f),
        }
    }
}

impl Kind {
    /// What the sources of a protocol's events are.
    pub fn of(protocol: Protocol) -> Option<Self> {
        Some(match protocol {
            Protocol::Power => Self::Power,
            Protocol::Perf => Self::Perf,
            Protocol::Clock => Self::Clock,
            Protocol::Sensor => Self::Sensor,
            Protocol::Reset => Self::Reset,
            Protocol::Voltage => Self::Voltage,
            Protocol::Powercap => Self::Cap,
            Protocol::Base | Protocol::System | Protocol::Pinctrl => return None,
        })
    }

    /// The command that lists them.
    pub fn listed_by(self) -> &'static str {
        match self {
            Self::Power => "power list",
            Self::Perf => "perf list",
            Self::Clock => "clock list",
            Self::Sensor => "sensor list",
            Self::Reset => "reset list",
            Self::Voltage => "voltage list",
            Self::Cap => "cap list",
            Self::Pin(_) => "pin list",
        }
    }
}
