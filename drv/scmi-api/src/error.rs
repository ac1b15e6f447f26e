// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Why a typed call failed, and what to do about it.

use core::fmt;

use scmi::wire::Malformed;
use scmi::{Protocol, Status};

use crate::{DriverState, ScmiError};

/// Why a typed call failed.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Error {
    /// There is no answer of the platform: see the variants of [`ScmiError`].
    NoAnswer(ScmiError),
    /// The platform has answered, and refused.
    Refused(Status),
    /// The platform does not have this protocol.
    NoProtocol(Protocol),
    /// The platform's version of the protocol cannot do this, or is newer than what is known here, where it may mean something else:
    /// the text says which. Nothing was sent.
    Version(&'static str),
    /// The bytes of the answer are not what the protocol says, or the request does not fit a message.
    Malformed(Malformed),
    /// The answer has the right form, and makes no sense: the text says why.
    Inconsistent(&'static str),
}

/// What to do about an [`Error`].
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Advice {
    /// Nothing has happened yet: make the same call again in some ten milliseconds.
    TryAgain,
    /// Take a safe state and try again after seconds: the platform is away, or something else must end first.
    TryLater,
    /// Whether it has happened is not known: read the state back from the platform, then decide.
    ReadBack,
    /// The caller asks for something that cannot be: the code has to change, or the number was never there.
    Correct,
    /// `app.toml` does not give the caller this: the text names the key.
    Configure,
    /// This machine does not have it, or does not let this agent use it: go on without.
    DoWithout,
}

impl Error {
    /// What the caller should do.
    pub const fn advice(self) -> Advice {
        match self {
            Self::NoAnswer(error) => advice_without_answer(error),
            Self::Refused(status) => match status {
                Status::BUSY | Status::IN_USE => Advice::TryAgain,
                Status::NOT_SUPPORTED | Status::DENIED => Advice::DoWithout,
                Status::INVALID_PARAMETERS
                | Status::NOT_FOUND
                | Status::OUT_OF_RANGE
                | Status::PROTOCOL_ERROR => Advice::Correct,
                _ => Advice::ReadBack,
            },
            Self::NoProtocol(_) | Self::Version(_) => Advice::DoWithout,
            Self::Malformed(_) | Self::Inconsistent(_) => Advice::ReadBack,
        }
    }

    /// Whether the platform says by this that it lacks an optional message. Platforms differ: some have NOT_FOUND for a message number
    /// beyond the last that they know, and NOT_SUPPORTED for one between. Of a message that every platform has, NOT_FOUND says that
    /// the *thing* is not there.
    pub fn is_missing_message(self) -> bool {
        self.is(Status::NOT_SUPPORTED) || self.is(Status::NOT_FOUND)
    }

    /// Whether the platform refused for this reason.
    pub fn is(self, status: Status) -> bool {
        self == Self::Refused(status)
    }
}

const fn advice_without_answer(error: ScmiError) -> Advice {
    match error {
        ScmiError::Recovering | ScmiError::Busy | ScmiError::SlotQuota | ScmiError::SlotsLost => {
            Advice::TryAgain
        }
        ScmiError::PlatformUnavailable | ScmiError::EventRefused => Advice::TryLater,
        ScmiError::DeviceReset
        | ScmiError::TimedOut
        | ScmiError::DelayedTimedOut
        | ScmiError::ShortReply
        | ScmiError::WrongReply
        | ScmiError::ServerRestarted => Advice::ReadBack,
        ScmiError::InvalidArgument
        | ScmiError::RequestTooLong
        | ScmiError::BadHandle
        | ScmiError::UnknownEvent
        | ScmiError::UnknownSource
        | ScmiError::NotSubscribed
        | ScmiError::ReservedMessage => Advice::Correct,
        ScmiError::NotAClient
        | ScmiError::ProtocolNotAllowed
        | ScmiError::MessageNotAllowed
        | ScmiError::DomainNotAllowed
        | ScmiError::BatchTooLong
        | ScmiError::SubscriptionQuota => Advice::Configure,
        ScmiError::NoDevice
        | ScmiError::DeviceUnusable
        | ScmiError::EventsUnavailable
        | ScmiError::EventNotSupported => Advice::DoWithout,
    }
}

impl From<ScmiError> for Error {
    fn from(error: ScmiError) -> Self {
        Self::NoAnswer(error)
    }
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        Self::Refused(status)
    }
}

impl From<Malformed> for Error {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAnswer(error) => error.fmt(f),
            Self::Refused(status) => write!(f, "the platform refused: {status}"),
            Self::NoProtocol(protocol) => write!(
                f,
                "the platform does not have the {} protocol ({:#04x})",
                protocol.title(),
                protocol.id()
            ),
            Self::Version(why) => f.write_str(why),
            Self::Malformed(malformed) => {
                write!(f, "{malformed}: the platform does not follow its protocol")
            }
            Self::Inconsistent(why) => {
                write!(f, "{why}: the platform does not follow its protocol")
            }
        }
    }
}

impl core::error::Error for Error {}

impl fmt::Display for ScmiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoDevice => DriverState::NoDevice.describe(),
            Self::DeviceUnusable => "the SCMI device cannot be used: `info` says why",
            Self::PlatformUnavailable => DriverState::PlatformUnavailable.describe(),
            Self::Recovering => "the device is being reset: try again",
            Self::DeviceReset => "the device was reset before it answered: read the state back",
            Self::Busy => "all command slots are in use: try again",
            Self::SlotQuota => {
                "the task holds all the slots that it has by [config.scmi.clients] of app.toml: end a transfer first"
            }
            Self::NotAClient => {
                "the task is no client of the driver: add it to [config.scmi.clients] of app.toml"
            }
            Self::ProtocolNotAllowed => {
                "the task may not use this protocol: see `protocols` in its entry of [config.scmi.clients] of app.toml"
            }
            Self::MessageNotAllowed => {
                "the task may not use this message: see its entry of [config.scmi.clients] of app.toml"
            }
            Self::DomainNotAllowed => {
                "the task may not use this domain: see its entry of [config.scmi.clients] of app.toml"
            }
            Self::InvalidArgument => "the driver rejects the request: mend the caller",
            Self::RequestTooLong => "the request is longer than 128 bytes: mend the caller",
            Self::BatchTooLong => {
                "the batch has more commands than the task may send at once: see `batch` in its entry of [config.scmi.clients] of app.toml"
            }
            Self::TimedOut => "the platform did not answer in time: read the state back",
            Self::DelayedTimedOut => {
                "the platform accepted the command, but its delayed response did not come in time: read the state back"
            }
            Self::ShortReply => {
                "the device gave the command back without an answer: read the state back"
            }
            Self::WrongReply => "the answer belongs to another command: read the state back",
            Self::BadHandle => "the transfer does not exist any more",
            Self::EventsUnavailable => "the device has no event queue: poll the state instead",
            Self::UnknownEvent => "there is no such event: mend the caller",
            Self::EventNotSupported => {
                "the platform does not have this event: poll the state instead"
            }
            Self::UnknownSource => "the platform does not know this source: mend the caller",
            Self::EventRefused => "the platform refused to enable the event: poll the state instead",
            Self::SubscriptionQuota => {
                "there is no room for one more subscription: see `subscriptions` in [config.scmi.clients] of app.toml"
            }
            Self::NotSubscribed => "the task has not subscribed to this event",
            Self::ReservedMessage => {
                "the driver keeps this message to itself, because it changes what all tasks share; a task asks for events by `notify`"
            }
            Self::SlotsLost => {
                "commands of the task were never answered; the driver recovers their slots within seconds: try again"
            }
            Self::ServerRestarted => {
                "the driver restarted before it answered: subscribe again, and read the state back"
            }
        })
    }
}
