// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The machine file, key by key.
//!
//! One `[[table]]` per thing; its `id` is the number that SCMI messages carry, so ids of one kind run from 0 without a hole.
//! Units stand in the key's name or in its comment. `doc/scenario.md` is the page for people who write such a file.

use serde::{Deserialize, Serialize};
use toml::Spanned;

/// A number with its place in the file, so that an error can name the line.
pub type Id = Spanned<u32>;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct File {
    /// Who the platform says it is, and what its device offers.
    #[serde(default)]
    pub platform: Platform,
    /// Who talks to it. The first is the platform itself, the second is the guest.
    #[serde(default)]
    pub agent: Vec<Agent>,
    /// Power domains.
    #[serde(default)]
    pub power: Vec<Power>,
    /// Performance domains.
    #[serde(default)]
    pub perf: Vec<Perf>,
    /// Clocks.
    #[serde(default)]
    pub clock: Vec<Clock>,
    /// Sensors.
    #[serde(default)]
    pub sensor: Vec<Sensor>,
    /// Reset domains.
    #[serde(default)]
    pub reset: Vec<Reset>,
    /// Voltage domains.
    #[serde(default)]
    pub voltage: Vec<Voltage>,
    /// Power caps.
    #[serde(default)]
    pub powercap: Vec<Powercap>,
    /// Power of the whole system; without it the protocol does not exist.
    pub system: Option<System>,
    /// Pins, groups and functions; without it the protocol does not exist.
    pub pinctrl: Option<Pinctrl>,
    /// Bodies that heat up: the physics behind sensors.
    #[serde(default)]
    pub thermal: Vec<Thermal>,
    /// Protocols of a vendor's own.
    #[serde(default)]
    pub vendor_protocol: Vec<VendorProtocol>,
}

/// `[platform]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Platform {
    /// Vendor, at most 15 bytes.
    pub vendor: Spanned<String>,
    /// Sub-vendor, at most 15 bytes.
    pub sub_vendor: Spanned<String>,
    /// Implementation version, any number.
    pub implementation_version: u32,
    /// Offer `P2A_CHANNELS`: events and delayed responses.
    pub p2a: bool,
    /// Offer `EVENT_IDX`.
    pub event_idx: bool,
    /// Offer `VERSION_1`.
    pub version_1: bool,
    /// Microseconds that it works on the commands it found, before it answers them and looks for more.
    pub busy_us: Spanned<u64>,
    /// Milliseconds until a delayed response leaves.
    pub delayed_response_ms: Spanned<u64>,
    /// Milliseconds between two steps of the physical model.
    pub step_ms: Spanned<u64>,
}

impl Default for Platform {
    fn default() -> Self {
        Self {
            vendor: Spanned::new(0..0, "scmi-platform".into()),
            sub_vendor: Spanned::new(0..0, "sim".into()),
            implementation_version: 1,
            p2a: true,
            event_idx: true,
            version_1: true,
            busy_us: Spanned::new(0..0, 0),
            delayed_response_ms: Spanned::new(0..0, 5),
            step_ms: Spanned::new(0..0, 20),
        }
    }
}

/// `[[agent]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Agent {
    /// Agent id; 0 is the platform.
    pub id: Id,
    /// Name, at most 15 bytes.
    pub name: Spanned<String>,
}

/// `[[power]]`: a power domain.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Power {
    /// Domain id.
    pub id: Id,
    /// Name, at most 63 bytes.
    pub name: Spanned<String>,
    /// Whether it is on at the start.
    #[serde(default)]
    pub on: bool,
    /// Power it leaks while it is on, in milliwatts.
    #[serde(default)]
    pub leak_mw: u32,
    /// The guest may not change it.
    #[serde(default)]
    pub read_only: bool,
    /// It may be changed asynchronously, with a delayed response.
    #[serde(default = "yes")]
    pub asynchronous: bool,
}

/// `[[perf]]`: a performance domain.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Perf {
    /// Domain id.
    pub id: Id,
    /// Name, at most 63 bytes.
    pub name: Spanned<String>,
    /// Name of the power domain that must be on for it to do anything.
    pub power: Option<Spanned<String>>,
    /// Levels in ascending order.
    pub levels: Spanned<Vec<Level>>,
    /// Level at the start; the first one if not given.
    pub level: Option<Id>,
    /// The level that can be kept up for ever; the last one if not given.
    pub sustained: Option<Id>,
    /// The guest may not set a level.
    #[serde(default)]
    pub read_only: bool,
}

/// One performance level.
#[derive(Debug, Deserialize, Clone, Copy)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Level {
    /// The level, in the platform's own unit.
    pub level: u32,
    /// Power it costs, in milliwatts.
    pub power_mw: u32,
    /// Time to reach it, in microseconds.
    #[serde(default)]
    pub latency_us: u16,
}

/// `[[clock]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Clock {
    /// Clock id.
    pub id: Id,
    /// Name, at most 63 bytes.
    pub name: Spanned<String>,
    /// The rates it can have, in hertz, ascending. Either this or `range`.
    #[serde(default)]
    pub rates: Vec<u64>,
    /// Lowest rate, highest rate and step in hertz.
    pub range: Option<Spanned<[u64; 3]>>,
    /// Rate at the start, in hertz; the lowest if not given.
    pub rate: Option<Spanned<u64>>,
    /// Names of the clocks that can feed it. The first one feeds it at the start.
    #[serde(default)]
    pub parents: Vec<Spanned<String>>,
    /// Whether it runs at the start.
    #[serde(default)]
    pub enabled: bool,
    /// The guest may not change it in any way.
    #[serde(default)]
    pub read_only: bool,
}

/// `[[sensor]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Sensor {
    /// Sensor id.
    pub id: Id,
    /// Name, at most 63 bytes.
    pub name: Spanned<String>,
    /// What it measures.
    pub kind: Kind,
    /// Power of ten that turns a reading into the unit: -3 makes a reading of 41500 mean 41.5.
    #[serde(default)]
    pub scale: i8,
    /// A sensor that is not fed by a body or a power: its reading until the control socket changes it.
    pub value: Option<i64>,
    /// Name of the `[[thermal]]` body whose temperature it reads.
    pub body: Option<Spanned<String>>,
    /// Name of the performance domain whose power it reads.
    pub power_of: Option<Spanned<String>>,
    /// Name of the voltage domain that it reads.
    pub voltage_of: Option<Spanned<String>>,
    /// More than one axis: one table each, instead of `value`.
    #[serde(default)]
    pub axes: Vec<Axis>,
    /// How many trip points the guest may set.
    #[serde(default)]
    pub trip_points: u8,
    /// Update intervals it offers, in milliseconds.
    #[serde(default)]
    pub intervals_ms: Vec<u32>,
    /// It may be read asynchronously, with a delayed response.
    #[serde(default)]
    pub asynchronous: bool,
    /// Whether it measures at the start.
    #[serde(default = "yes")]
    pub enabled: bool,
}

/// One axis of a sensor.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Axis {
    /// Name, at most 15 bytes.
    pub name: Spanned<String>,
    /// Its reading until the control socket changes it.
    #[serde(default)]
    pub value: i64,
}

/// What a sensor measures (its unit follows).
#[derive(Debug, Deserialize, Serialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Degrees Celsius.
    Temperature,
    /// Volts.
    Voltage,
    /// Amperes.
    Current,
    /// Watts.
    Power,
    /// Joules.
    Energy,
    /// Revolutions per minute.
    FanSpeed,
    /// Relative humidity in per cent.
    Humidity,
    /// Metres per second squared.
    Acceleration,
    /// Radians per second.
    AngularVelocity,
    /// No unit.
    Plain,
}

/// `[[reset]]`: a reset domain.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Reset {
    /// Domain id.
    pub id: Id,
    /// Name, at most 63 bytes.
    pub name: Spanned<String>,
    /// Whether it is held in reset at the start.
    #[serde(default)]
    pub asserted: bool,
    /// Time a reset takes, in microseconds.
    #[serde(default)]
    pub latency_us: u32,
    /// It may be reset asynchronously, with a delayed response.
    #[serde(default = "yes")]
    pub asynchronous: bool,
    /// The guest may not touch it.
    #[serde(default)]
    pub read_only: bool,
}

/// `[[voltage]]`: a voltage domain.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Voltage {
    /// Domain id.
    pub id: Id,
    /// Name, at most 63 bytes.
    pub name: Spanned<String>,
    /// The levels it can have, in microvolts, ascending. Either this or `range-uv`.
    #[serde(default)]
    pub levels_uv: Vec<i32>,
    /// Lowest level, highest level and step in microvolts.
    pub range_uv: Option<Spanned<[i32; 3]>>,
    /// Level at the start, in microvolts; the lowest if not given.
    pub level_uv: Option<Spanned<i32>>,
    /// Whether it is on at the start.
    #[serde(default)]
    pub on: bool,
    /// The level may be set asynchronously, with a delayed response.
    #[serde(default = "yes")]
    pub asynchronous: bool,
    /// The guest may not change it.
    #[serde(default)]
    pub read_only: bool,
}

/// `[[powercap]]`: a domain whose power can be limited.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Powercap {
    /// Domain id.
    pub id: Id,
    /// Name, at most 63 bytes.
    pub name: Spanned<String>,
    /// Name of the power cap above it, if it is not a root.
    pub parent: Option<Spanned<String>>,
    /// Names of the performance domains whose power it limits.
    pub limits: Vec<Spanned<String>>,
    /// Smallest cap, largest cap and step, in milliwatts.
    pub range_mw: Spanned<[u32; 3]>,
    /// Cap at the start, in milliwatts; the largest if not given.
    pub cap_mw: Option<Id>,
    /// Averaging interval: smallest, largest and step, in milliseconds.
    #[serde(default = "averaging")]
    pub interval_ms: Spanned<[u32; 3]>,
}

/// `[system]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct System {
    /// Time that a graceful request gives the guest, in milliseconds.
    #[serde(default)]
    pub graceful_timeout_ms: u32,
    /// The guest may not change the state.
    #[serde(default)]
    pub read_only: bool,
}

/// `[pinctrl]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Pinctrl {
    /// Pin names; the position is the id.
    pub pins: Vec<Spanned<String>>,
    /// Groups of pins.
    #[serde(default)]
    pub group: Vec<PinGroup>,
    /// Functions of groups.
    #[serde(default)]
    pub function: Vec<PinFunction>,
}

/// `[[pinctrl.group]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PinGroup {
    /// Name, at most 63 bytes.
    pub name: Spanned<String>,
    /// Names of its pins.
    pub pins: Vec<Spanned<String>>,
}

/// `[[pinctrl.function]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PinFunction {
    /// Name, at most 63 bytes.
    pub name: Spanned<String>,
    /// Names of the groups that can carry it.
    pub groups: Vec<Spanned<String>>,
}

/// `[[thermal]]`: a body that performance domains heat, between them and the surroundings.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Thermal {
    /// Name, for sensors to refer to.
    pub name: Spanned<String>,
    /// Names of the performance and power domains that heat it.
    pub heated_by: Vec<Spanned<String>>,
    /// Temperature of the surroundings, in millidegrees Celsius.
    #[serde(default = "room")]
    pub ambient_mc: Spanned<i64>,
    /// How much warmer than the surroundings it ends up, in millidegrees per watt.
    pub resistance_mc_per_w: Spanned<i64>,
    /// Time in which it covers 63 % of the way to its final temperature, in milliseconds.
    pub time_constant_ms: Spanned<u64>,
}

/// `[[vendor-protocol]]`: a protocol whose messages have the answers that stand here.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct VendorProtocol {
    /// Its number in the header.
    pub number: Spanned<u32>,
    /// The version that it tells, major in the upper half.
    #[serde(default = "one_zero")]
    pub version: u32,
    /// Its messages, beside those that every protocol has.
    #[serde(default)]
    pub messages: Vec<VendorMessage>,
}

/// One message of a vendor's protocol.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct VendorMessage {
    /// Its number in the header.
    pub number: Spanned<u32>,
    /// Return values, in hexadecimal; if not given, the parameters come back.
    pub values: Option<Spanned<String>>,
}

fn yes() -> bool {
    true
}

fn one_zero() -> u32 {
    0x1_0000
}

fn room() -> Spanned<i64> {
    Spanned::new(0..0, 25_000)
}

fn averaging() -> Spanned<[u32; 3]> {
    Spanned::new(0..0, [10, 1000, 10])
}
