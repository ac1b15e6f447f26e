// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The machine that a TOML file describes, with every reference resolved and every number checked.
//!
//! Data flows one way: [`schema`] is the file as written, `check` turns it into a [`Machine`], and nothing after that can
//! meet an id that does not exist or a level that is out of range.

mod check;
mod error;
mod names;
pub mod schema;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use error::MachineError;
pub use schema::{Kind, Level};

/// The machine, ready to be simulated. Every `usize` is an index into the list that its name tells.
#[derive(Debug, Clone)]
pub struct Machine {
    /// Who the platform says it is, and what its device offers.
    pub platform: Platform,
    /// Names of the agents; 0 is the platform.
    pub agents: Vec<String>,
    /// Power domains.
    pub power: Vec<Power>,
    /// Performance domains.
    pub perf: Vec<Perf>,
    /// Clocks.
    pub clocks: Vec<Clock>,
    /// Sensors.
    pub sensors: Vec<Sensor>,
    /// Reset domains.
    pub resets: Vec<Reset>,
    /// Voltage domains.
    pub voltages: Vec<Voltage>,
    /// Power caps.
    pub powercaps: Vec<Powercap>,
    /// Power of the whole system, if the protocol exists.
    pub system: Option<System>,
    /// Pin control, if the protocol exists.
    pub pinctrl: Option<Pinctrl>,
    /// Bodies that heat up.
    pub bodies: Vec<Body>,
    /// Protocols of a vendor's own, by number.
    pub vendor_protocols: BTreeMap<u8, VendorProtocol>,
}

/// See [`schema::Platform`].
#[derive(Debug, Clone)]
pub struct Platform {
    /// Vendor, at most 15 bytes.
    pub vendor: String,
    /// Sub-vendor, at most 15 bytes.
    pub sub_vendor: String,
    /// Implementation version.
    pub implementation_version: u32,
    /// Offer `P2A_CHANNELS`.
    pub p2a: bool,
    /// Offer `EVENT_IDX`.
    pub event_idx: bool,
    /// Offer `VERSION_1`.
    pub version_1: bool,
    /// Microseconds that it works on the commands it found.
    pub busy_us: u64,
    /// Milliseconds until a delayed response leaves.
    pub delayed_response_ms: u64,
    /// Milliseconds between two steps of the physical model.
    pub step_ms: u64,
}

/// A power domain.
#[derive(Debug, Clone)]
pub struct Power {
    /// Name.
    pub name: String,
    /// On at the start.
    pub on: bool,
    /// Power it leaks while on, in milliwatts.
    pub leak_mw: u32,
    /// The guest may not change it.
    pub read_only: bool,
    /// May be changed asynchronously.
    pub asynchronous: bool,
}

/// A performance domain.
#[derive(Debug, Clone)]
pub struct Perf {
    /// Name.
    pub name: String,
    /// The power domain that must be on.
    pub power: Option<usize>,
    /// Levels, ascending, at least one.
    pub levels: Vec<Level>,
    /// Index of the level at the start.
    pub level: usize,
    /// Index of the sustained level.
    pub sustained: usize,
    /// The guest may not set a level.
    pub read_only: bool,
}

/// The values that a clock rate (hertz) or a voltage (microvolts) may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choices {
    /// Just these, ascending, at least one.
    List(Vec<i64>),
    /// From `low` to `high` in steps of `step`, which is positive.
    Range {
        /// Lowest.
        low: i64,
        /// Highest.
        high: i64,
        /// Step.
        step: i64,
    },
}

impl Choices {
    /// The lowest.
    pub fn low(&self) -> i64 {
        match self {
            Self::List(list) => list[0],
            Self::Range { low, .. } => *low,
        }
    }

    /// The highest.
    pub fn high(&self) -> i64 {
        match self {
            Self::List(list) => list[list.len() - 1],
            Self::Range { high, .. } => *high,
        }
    }

    /// Whether a value is one of them.
    pub fn contains(&self, value: i64) -> bool {
        match self {
            Self::List(list) => list.binary_search(&value).is_ok(),
            Self::Range { low, high, step } => {
                (*low..=*high).contains(&value) && (value - low) % step == 0
            }
        }
    }

    /// The highest one that is not above a value, or `None` if all are.
    pub fn at_most(&self, value: i64) -> Option<i64> {
        match self {
            Self::List(list) => list.iter().copied().rev().find(|&choice| choice <= value),
            Self::Range { low, high, step } => {
                let value = value.min(*high);
                (value >= *low).then(|| low + (value - low) / step * step)
            }
        }
    }

    /// The lowest one that is not below a value, or `None` if all are.
    pub fn at_least(&self, value: i64) -> Option<i64> {
        match self {
            Self::List(list) => list.iter().copied().find(|&choice| choice >= value),
            Self::Range { low, high, step } => {
                let steps = (value - low).max(0).div_ceil_by(*step);
                let choice = low + steps * step;
                (choice <= *high).then_some(choice)
            }
        }
    }
}

/// Division that rounds up, for values that are not negative.
trait DivCeil {
    fn div_ceil_by(self, divisor: Self) -> Self;
}

impl DivCeil for i64 {
    fn div_ceil_by(self, divisor: i64) -> i64 {
        self / divisor + i64::from(self % divisor != 0)
    }
}

/// A clock.
#[derive(Debug, Clone)]
pub struct Clock {
    /// Name.
    pub name: String,
    /// Its rates, in hertz.
    pub rates: Choices,
    /// Rate at the start, in hertz.
    pub rate: u64,
    /// The clocks that can feed it; the first does at the start.
    pub parents: Vec<usize>,
    /// Runs at the start.
    pub enabled: bool,
    /// The guest may not change it.
    pub read_only: bool,
}

/// Where a scalar sensor's reading comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Feed {
    /// Fixed values, one an axis, until the control socket changes them.
    Fixed(Vec<i64>),
    /// Temperature of a body.
    Body(usize),
    /// Power of a performance domain.
    PowerOf(usize),
    /// Level of a voltage domain.
    VoltageOf(usize),
}

/// A sensor.
#[derive(Debug, Clone)]
pub struct Sensor {
    /// Name.
    pub name: String,
    /// What it measures.
    pub kind: Kind,
    /// Power of ten from reading to unit.
    pub scale: i8,
    /// Where the reading comes from.
    pub feed: Feed,
    /// Names of the axes; empty for a scalar sensor.
    pub axes: Vec<String>,
    /// How many trip points there are.
    pub trip_points: u8,
    /// Update intervals, in milliseconds.
    pub intervals_ms: Vec<u32>,
    /// May be read asynchronously.
    pub asynchronous: bool,
    /// Measures at the start.
    pub enabled: bool,
}

/// A reset domain.
#[derive(Debug, Clone)]
pub struct Reset {
    /// Name.
    pub name: String,
    /// Held in reset at the start.
    pub asserted: bool,
    /// Time a reset takes, in microseconds.
    pub latency_us: u32,
    /// May be reset asynchronously.
    pub asynchronous: bool,
    /// The guest may not touch it.
    pub read_only: bool,
}

/// A voltage domain.
#[derive(Debug, Clone)]
pub struct Voltage {
    /// Name.
    pub name: String,
    /// Its levels, in microvolts.
    pub levels: Choices,
    /// Level at the start, in microvolts.
    pub level_uv: i32,
    /// On at the start.
    pub on: bool,
    /// The level may be set asynchronously.
    pub asynchronous: bool,
    /// The guest may not change it.
    pub read_only: bool,
}

/// A domain whose power can be limited.
#[derive(Debug, Clone)]
pub struct Powercap {
    /// Name.
    pub name: String,
    /// The power cap above it.
    pub parent: Option<usize>,
    /// The performance domains whose power it limits.
    pub limits: Vec<usize>,
    /// Smallest cap, largest cap and step, in milliwatts.
    pub range_mw: [u32; 3],
    /// Cap at the start, in milliwatts.
    pub cap_mw: u32,
    /// Averaging interval: smallest, largest and step, in milliseconds.
    pub interval_ms: [u32; 3],
}

/// Power of the whole system.
#[derive(Debug, Clone)]
pub struct System {
    /// Time that a graceful request gives the guest, in milliseconds.
    pub graceful_timeout_ms: u32,
    /// The guest may not change the state.
    pub read_only: bool,
}

/// Pin control.
#[derive(Debug, Clone)]
pub struct Pinctrl {
    /// Pin names.
    pub pins: Vec<String>,
    /// Groups: name and pins.
    pub groups: Vec<(String, Vec<usize>)>,
    /// Functions: name and groups.
    pub functions: Vec<(String, Vec<usize>)>,
}

/// What heats a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heater {
    /// A performance domain.
    Perf(usize),
    /// A power domain's leakage.
    Power(usize),
}

/// A body that heats up.
#[derive(Debug, Clone)]
pub struct Body {
    /// Name.
    pub name: String,
    /// What heats it.
    pub heated_by: Vec<Heater>,
    /// Temperature of the surroundings, in millidegrees Celsius.
    pub ambient_mc: i64,
    /// Final temperature above the surroundings, in millidegrees per watt.
    pub resistance_mc_per_w: i64,
    /// Time constant, in milliseconds; not zero.
    pub time_constant_ms: u64,
}

/// A vendor's protocol.
#[derive(Debug, Clone)]
pub struct VendorProtocol {
    /// The version that it tells.
    pub version: u32,
    /// Its messages by number, without those that every protocol has.
    pub messages: BTreeMap<u8, VendorAnswer>,
}

/// What a message of a vendor's protocol returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VendorAnswer {
    /// Its parameters.
    Parameters,
    /// Always these values.
    Values(Vec<u8>),
}

impl Machine {
    /// Reads a machine from the text of a file.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, with its line.
    pub fn parse(file: &str, text: &str) -> Result<Self, MachineError> {
        let parsed: schema::File =
            toml::from_str(text).map_err(|error| MachineError::from_toml(file, text, &error))?;
        check::machine(names::Source { file, text }, &parsed)
    }

    /// Reads a machine from a file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or the first thing that is wrong in it, with its line.
    pub fn load(path: &std::path::Path) -> Result<Self, MachineError> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| MachineError {
            file: file.clone(),
            line: None,
            message: format!("cannot be read: {error}"),
        })?;
        Self::parse(&file, &text)
    }

    /// The machine that `--platform sim` shows when no other is named.
    pub fn sample() -> Self {
        Self::parse("sample.toml", include_str!("../../machines/sample.toml"))
            .expect("the sample machine is checked by a test")
    }
}
