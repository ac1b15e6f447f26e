// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The status word that starts the payload of every reply and delayed response (DEN0056, "Status codes").

use core::fmt;

use num_derive::{FromPrimitive, ToPrimitive};
use num_traits::FromPrimitive as _;

/// The status codes that the specification defines.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, FromPrimitive, ToPrimitive)]
#[repr(i32)]
pub enum StatusCode {
    /// Done.
    Success = 0,
    /// The platform does not have this message or this feature. Asking again gives the same answer.
    NotSupported = -1,
    /// A parameter makes no sense to the platform: correct the request.
    InvalidParameters = -2,
    /// This agent may not do this.
    Denied = -3,
    /// There is no such domain, sensor, clock or other thing.
    NotFound = -4,
    /// A value lies outside what the thing allows.
    OutOfRange = -5,
    /// Something else is going on: try again later.
    Busy = -6,
    /// The message could not be carried as it should: its length or layout was wrong, or a link failed.
    CommsError = -7,
    /// It failed, and the platform does not say why.
    GenericError = -8,
    /// The hardware behind the platform failed.
    HardwareError = -9,
    /// The message breaks a rule of its protocol.
    ProtocolError = -10,
    /// The resource belongs to another agent at the moment (SCMI 3.2 and later).
    InUse = -11,
}

/// A status word as it was received. Every `i32` is one, and is preserved.
///
/// The known codes are constants, so a `match` reads well:
///
/// ```
/// use scmi::Status;
/// let advice = match Status::from_raw(-6) {
///     Status::SUCCESS => "done",
///     Status::BUSY => "try later",
///     _ => "give up",
/// };
/// assert_eq!(advice, "try later");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Status(i32);

/// Codes below this value belong to vendors.
const VENDOR_LIMIT: i32 = -127;

impl Status {
    /// See [`StatusCode::Success`].
    pub const SUCCESS: Self = Self(StatusCode::Success as i32);
    /// See [`StatusCode::NotSupported`].
    pub const NOT_SUPPORTED: Self = Self(StatusCode::NotSupported as i32);
    /// See [`StatusCode::InvalidParameters`].
    pub const INVALID_PARAMETERS: Self = Self(StatusCode::InvalidParameters as i32);
    /// See [`StatusCode::Denied`].
    pub const DENIED: Self = Self(StatusCode::Denied as i32);
    /// See [`StatusCode::NotFound`].
    pub const NOT_FOUND: Self = Self(StatusCode::NotFound as i32);
    /// See [`StatusCode::OutOfRange`].
    pub const OUT_OF_RANGE: Self = Self(StatusCode::OutOfRange as i32);
    /// See [`StatusCode::Busy`].
    pub const BUSY: Self = Self(StatusCode::Busy as i32);
    /// See [`StatusCode::CommsError`].
    pub const COMMS_ERROR: Self = Self(StatusCode::CommsError as i32);
    /// See [`StatusCode::GenericError`].
    pub const GENERIC_ERROR: Self = Self(StatusCode::GenericError as i32);
    /// See [`StatusCode::HardwareError`].
    pub const HARDWARE_ERROR: Self = Self(StatusCode::HardwareError as i32);
    /// See [`StatusCode::ProtocolError`].
    pub const PROTOCOL_ERROR: Self = Self(StatusCode::ProtocolError as i32);
    /// See [`StatusCode::InUse`].
    pub const IN_USE: Self = Self(StatusCode::InUse as i32);

    /// The status with this word.
    pub const fn from_raw(raw: i32) -> Self {
        Self(raw)
    }

    /// The word as it is on the wire.
    pub const fn raw(self) -> i32 {
        self.0
    }

    /// The code, when the specification defines it.
    pub fn code(self) -> Option<StatusCode> {
        StatusCode::from_i32(self.0)
    }

    /// Whether the command was carried out. Every other value is an error, positive ones included.
    pub const fn is_success(self) -> bool {
        self.0 == 0
    }

    /// Whether the code belongs to the platform's vendor (below -127).
    pub const fn is_vendor(self) -> bool {
        self.0 < VENDOR_LIMIT
    }

    /// The same request may succeed when it is made again later.
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::BUSY | Self::IN_USE | Self::COMMS_ERROR)
    }

    /// `Ok` on success, else the status itself as the error.
    pub const fn ok(self) -> Result<(), Self> {
        if self.is_success() { Ok(()) } else { Err(self) }
    }

    /// The name that the specification uses.
    pub fn name(self) -> Option<&'static str> {
        Some(match self.code()? {
            StatusCode::Success => "SUCCESS",
            StatusCode::NotSupported => "NOT_SUPPORTED",
            StatusCode::InvalidParameters => "INVALID_PARAMETERS",
            StatusCode::Denied => "DENIED",
            StatusCode::NotFound => "NOT_FOUND",
            StatusCode::OutOfRange => "OUT_OF_RANGE",
            StatusCode::Busy => "BUSY",
            StatusCode::CommsError => "COMMS_ERROR",
            StatusCode::GenericError => "GENERIC_ERROR",
            StatusCode::HardwareError => "HARDWARE_ERROR",
            StatusCode::ProtocolError => "PROTOCOL_ERROR",
            StatusCode::InUse => "IN_USE",
        })
    }
}

impl From<StatusCode> for Status {
    fn from(code: StatusCode) -> Self {
        Self(code as i32)
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "Status({name})"),
            None => write!(f, "Status({})", self.0),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(name), Some(code)) = (self.name(), self.code()) else {
            return if self.is_vendor() {
                write!(f, "vendor status {}: see the platform's manual", self.0)
            } else {
                write!(f, "status {} is not defined by SCMI", self.0)
            };
        };
        let meaning = match code {
            StatusCode::Success => "done",
            StatusCode::NotSupported => "the platform does not support this",
            StatusCode::InvalidParameters => "the platform rejects a parameter",
            StatusCode::Denied => "this agent has no permission",
            StatusCode::NotFound => "there is no such thing",
            StatusCode::OutOfRange => "a value is outside its limits",
            StatusCode::Busy => "the platform is busy, try again later",
            StatusCode::CommsError => "the message did not get through as it should",
            StatusCode::GenericError => "it failed for a reason not told",
            StatusCode::HardwareError => "the hardware failed",
            StatusCode::ProtocolError => "the message breaks its protocol",
            StatusCode::InUse => "another agent uses it, try again later",
        };
        write!(f, "{meaning} ({name})")
    }
}

impl core::error::Error for Status {}

#[cfg(test)]
mod tests {
    use super::*;

    // C2: 0 to -11 are known; everything else keeps its value.
    #[test]
    fn c2_every_code_is_known_and_no_other() {
        for raw in -130..=130 {
            let status = Status::from_raw(raw);
            assert_eq!(status.raw(), raw);
            assert_eq!(status.code().is_some(), (-11..=0).contains(&raw), "{raw}");
            assert_eq!(status.name().is_some(), status.code().is_some());
            assert_eq!(status.is_success(), raw == 0);
            assert_eq!(status.is_vendor(), raw < -127);
            if let Some(code) = status.code() {
                assert_eq!(Status::from(code), status);
            }
        }
        assert_eq!(Status::from_raw(i32::MIN).code(), None);
    }

    #[test]
    fn shown_for_people() {
        assert_eq!(
            Status::DENIED.to_string(),
            "this agent has no permission (DENIED)"
        );
        assert_eq!(
            Status::from_raw(-200).to_string(),
            "vendor status -200: see the platform's manual"
        );
        assert_eq!(
            Status::from_raw(7).to_string(),
            "status 7 is not defined by SCMI"
        );
        assert_eq!(format!("{:?}", Status::IN_USE), "Status(IN_USE)");
    }
}
