// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Why a call to the SCMI platform failed, in a form that travels between tasks.
//!
//! Tasks that use SCMI for others tell them the platform's own words: DENIED stays DENIED.

#![cfg_attr(not(test), no_std)]

use core::fmt;

use drv_scmi_api::{Error, ScmiError};
use hubpack::SerializedSize;
use scmi::Status;
use serde::{Deserialize, Serialize};
use userlib::FromPrimitive;

/// Why the platform did not do something.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Serialize, Deserialize, SerializedSize)]
pub enum Cause {
    /// The platform refused, with this SCMI status.
    Refused(i32),
    /// There is no answer of the platform: the number of a [`ScmiError`].
    NoAnswer(u16),
    /// The platform does not have the protocol.
    NoProtocol,
    /// The platform calls what has this number by another name than `app.toml`.
    WrongName,
    /// The platform's answer makes no sense.
    Malformed,
    /// The platform speaks a version of the protocol that cannot do this, or that is not known here.
    OtherVersion,
}

impl Cause {
    /// Returns `true` if the platform or the driver says that there is no such thing.
    ///
    /// That may be a mistake of a moment: the status NOT_SUPPORTED has all its bits set, and so has an answer that was
    /// overwritten. Only what has never worked may be called "not available" for it, and must be asked again all the same.
    pub fn says_absent(self) -> bool {
        match self {
            Self::Refused(status) => {
                matches!(
                    Status::from_raw(status),
                    Status::NOT_FOUND | Status::NOT_SUPPORTED
                )
            }
            Self::NoAnswer(_) => matches!(
                self.scmi_error(),
                Some(
                    ScmiError::NoDevice
                        | ScmiError::DeviceUnusable
                        | ScmiError::NotAClient
                        | ScmiError::ProtocolNotAllowed
                        | ScmiError::MessageNotAllowed
                        | ScmiError::ReservedMessage
                        | ScmiError::DomainNotAllowed
                )
            ),
            Self::NoProtocol | Self::WrongName | Self::OtherVersion => true,
            Self::Malformed => false,
        }
    }

    /// Whether it may have been done all the same.
    pub fn is_uncertain(self) -> bool {
        match self {
            Self::Refused(_) | Self::NoProtocol | Self::WrongName | Self::OtherVersion => false,
            Self::NoAnswer(_) => self.scmi_error().is_none_or(|error| !error.nothing_sent()),
            Self::Malformed => true,
        }
    }

    /// Returns `true` if a command slot of the caller may be gone: an answer did not come in time, or the driver says that all
    /// slots are taken. A caller that sends one command at a time has then lost earlier ones.
    pub fn costs_slot(self) -> bool {
        matches!(
            self.scmi_error(),
            Some(
                ScmiError::TimedOut
                    | ScmiError::DelayedTimedOut
                    | ScmiError::SlotQuota
                    | ScmiError::SlotsLost
            )
        )
    }

    /// Why there is no answer.
    pub fn scmi_error(self) -> Option<ScmiError> {
        match self {
            Self::NoAnswer(number) => ScmiError::from_u16(number),
            _ => None,
        }
    }
}

impl From<Error> for Cause {
    fn from(error: Error) -> Self {
        match error {
            Error::NoAnswer(error) => Self::NoAnswer(error as u16),
            Error::Refused(status) => Self::Refused(status.raw()),
            Error::NoProtocol(_) => Self::NoProtocol,
            Error::Version(_) => Self::OtherVersion,
            Error::Malformed(_) | Error::Inconsistent(_) => Self::Malformed,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Refused(status) => {
                write!(f, "the platform refused: {}", Status::from_raw(status))
            }
            Self::NoAnswer(number) => match self.scmi_error() {
                Some(error) => error.fmt(f),
                None => write!(f, "the driver answered {number}"),
            },
            Self::NoProtocol => f.write_str("the platform does not have the protocol"),
            Self::WrongName => f.write_str("the platform has another name for it than app.toml"),
            Self::Malformed => f.write_str("the platform does not follow its protocol"),
            Self::OtherVersion => f.write_str(
                "the platform's version of the protocol cannot do this, or is newer than what is known here",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_platform_and_the_driver_say_comes_through() {
        for status in [Status::DENIED, Status::BUSY, Status::NOT_FOUND] {
            let cause = Cause::from(Error::Refused(status));
            assert_eq!(cause, Cause::Refused(status.raw()));
            assert!(cause.to_string().contains(&status.to_string()));
        }
        let cause = Cause::from(Error::NoAnswer(ScmiError::PlatformUnavailable));
        assert_eq!(cause.scmi_error(), Some(ScmiError::PlatformUnavailable));
        assert_eq!(
            cause.to_string(),
            ScmiError::PlatformUnavailable.to_string()
        );
    }

    #[test]
    fn absent_uncertain_or_without_a_slot() {
        let no_answer = |error| Cause::from(Error::NoAnswer(error));
        let refused = |status| Cause::from(Error::Refused(status));
        for (cause, absent, uncertain, slot) in [
            (refused(Status::NOT_FOUND), true, false, false),
            (refused(Status::from_raw(-1)), true, false, false),
            (refused(Status::BUSY), false, false, false),
            (Cause::WrongName, true, false, false),
            (Cause::Malformed, false, true, false),
            (Cause::from(Error::Version("")), true, false, false),
            (no_answer(ScmiError::NoDevice), true, false, false),
            (no_answer(ScmiError::Recovering), false, false, false),
            (no_answer(ScmiError::SlotQuota), false, false, true),
            (no_answer(ScmiError::SlotsLost), false, false, true),
            (no_answer(ScmiError::TimedOut), false, true, true),
            // A number of some other driver.
            (Cause::NoAnswer(9999), false, true, false),
        ] {
            let found = (
                cause.says_absent(),
                cause.is_uncertain(),
                cause.costs_slot(),
            );
            assert_eq!(found, (absent, uncertain, slot), "{cause:?}");
        }
    }
}
