// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Client of the sample driver, a clock with one alarm.

#![no_std]

use derive_idol_err::IdolError;
use hubpack::SerializedSize;
use idol_runtime::ServerDeath;
use serde::{Deserialize, Serialize};
use userlib::*;

/// What can go wrong.
#[derive(Copy, Clone, Debug, FromPrimitive, Eq, PartialEq, IdolError, counters::Count)]
#[repr(u32)]
pub enum RtcError {
    /// Another alarm is set. Wait for it.
    Busy = 1,
    /// Later than the driver's configuration allows. Choose an earlier time.
    TooFar = 2,
    /// The driver restarted, and the alarm is lost. Set it again.
    #[idol(server_death)]
    ServerRestarted,
}

/// Why there is no alarm to be told of.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Serialize, Deserialize, SerializedSize)]
pub enum NoAlarm {
    /// None was set in this life of the driver.
    Never,
    /// The last one fired.
    Fired {
        /// When it was due.
        at: u32,
    },
}

impl From<ServerDeath> for NoAlarm {
    fn from(_: ServerDeath) -> Self {
        Self::Never
    }
}

/// An alarm.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Serialize, Deserialize, SerializedSize)]
pub struct Alarm {
    /// When it is due.
    pub at: u32,
    /// How urgent it is.
    pub urgency: Option<Urgency>,
}

/// How urgent an alarm is.
#[derive(
    Copy,
    Clone,
    Debug,
    Eq,
    PartialEq,
    FromPrimitive,
    ToPrimitive,
    Serialize,
    Deserialize,
    SerializedSize,
)]
#[repr(u8)]
pub enum Urgency {
    /// Not at all.
    Low = 1,
    /// Very.
    High = 9,
}

include!(concat!(env!("OUT_DIR"), "/client_stub.rs"));
