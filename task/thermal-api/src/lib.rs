// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Client of the thermal task: how warm it is, and what is done about it.
//!
//! ```no_run
//! # use task_thermal_api::{Thermal, ThermalError};
//! # use userlib::task_slot;
//! # fn main() -> Result<(), ThermalError> {
//! task_slot!(THERMAL, thermal);
//!
//! let thermal = Thermal::from(THERMAL.get_task_id());
//! let warm = thermal.zone(0)?.passed > 0;
//! # Ok(())
//! # }
//! ```

#![cfg_attr(not(test), no_std)]

use core::fmt;

use derive_idol_err::IdolError;
use hubpack::SerializedSize;
use serde::{Deserialize, Serialize};
use userlib::FromPrimitive;

pub use drv_scmi_cause::Cause;

/// The longest name of a zone or a limit, in bytes.
pub const NAME_MAX: usize = 32;

/// How a zone stands.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Serialize, Deserialize, SerializedSize)]
pub enum ZoneState {
    /// Not looked at yet, or the first look failed a moment ago.
    Unknown,
    /// Its sensor is read, and the policy holds.
    Watched,
    /// Its sensor cannot be read: its limits are at their safe values.
    Blind,
    /// The platform does not have the sensor, and has never shown it: its limits are left alone, and the platform is asked
    /// again. [`ZoneStatus::trouble`] says why.
    Absent,
}

impl fmt::Display for ZoneState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Unknown => "unknown",
            Self::Watched => "watched",
            Self::Blind => "blind, safe",
            Self::Absent => "not available",
        })
    }
}

/// What there is to say of a zone. Times are in milliseconds since boot; counters stop at their highest value.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Serialize, Deserialize, SerializedSize)]
pub struct ZoneStatus {
    /// How it stands.
    pub state: ZoneState,
    /// The number of its sensor.
    pub sensor: u32,
    /// How many of its trips are in effect, the lowest first.
    pub passed: u8,
    /// How many trips it has.
    pub trips: u8,
    /// Whether the platform tells when the next trip is reached, or this one left. Else the sensor is polled.
    pub notified: bool,
    /// The last reading, in the unit and scale of the sensor.
    pub reading: i64,
    /// How often another number of trips came into effect.
    pub actions: u32,
    /// When that was last; 0 for never.
    pub last_action_ms: u64,
    /// From the platform's word that a trip was reached until all limits were lowered, the last time and the longest, in
    /// milliseconds.
    pub reaction_ms: u32,
    /// The longest of these.
    pub worst_reaction_ms: u32,
    /// How often the sensor could not be read.
    pub failures: u16,
    /// What went wrong the last time, unless all has been well since.
    pub trouble: Option<Cause>,
}

/// What there is to say of a limit.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Serialize, Deserialize, SerializedSize)]
pub struct LimitStatus {
    /// What it is to be; `None` while no zone with it is known.
    pub target: Option<u32>,
    /// What it was set to, or found to be; `None` when that is not known.
    pub applied: Option<u32>,
    /// What it is when nothing is warm.
    pub normal: u32,
    /// What it is when a sensor cannot be read, or when it is not certain that it could be lowered later.
    pub safe: u32,
    /// What went wrong the last time, unless all has been well since.
    pub trouble: Option<Cause>,
}

/// Why there is no answer.
#[derive(Copy, Clone, Debug, Eq, PartialEq, FromPrimitive, IdolError)]
#[repr(u32)]
pub enum ThermalError {
    /// There is no zone or limit with this number: the last one is the one before.
    NoSuchNumber = 1,
    /// Cannot happen: everything here is asked again when the thermal task restarts.
    #[idol(server_death)]
    ServerRestarted,
}

include!(concat!(env!("OUT_DIR"), "/client_stub.rs"));
