// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What can go wrong between a client and the platform, and what the client should do about it.

use derive_idol_err::IdolError;
use drv_scmi_types::{Failure, Refusal, Unanswered};
use userlib::FromPrimitive;

/// Why the driver did not deliver an answer of the platform.
///
/// A *negative answer* of the platform is not among these: that is a delivered answer, in [`Response::status`].
/// Each variant says what the caller should do. Values are reply codes on the wire.
///
/// [`Response::status`]: crate::Response::status
#[derive(Copy, Clone, Debug, Eq, PartialEq, FromPrimitive, IdolError)]
#[repr(u16)]
pub enum ScmiError {
    /// No virtio transport holds an SCMI device. Do without SCMI; trying again cannot help before a reset.
    NoDevice = 1,
    /// The device is there but cannot be driven (legacy, or a required feature is missing): `info` tells which.
    /// Do without SCMI; trying again cannot help before a reset.
    DeviceUnusable,
    /// Recovery gave up for now: the platform does not answer. Nothing was sent. Fall back to a safe state; try again
    /// after seconds, the driver keeps looking for the platform by itself.
    PlatformUnavailable,
    /// The driver is just resetting the device. Nothing was sent. Try again after some ten milliseconds.
    Recovering,
    /// The device was reset while this command was with it: whether it was carried out is not known. Read the state
    /// back, or send it again when that is harmless.
    DeviceReset,
    /// All command slots are in use. Nothing was sent. Try again when one of your own transfers ended, or later.
    Busy,
    /// The caller holds as many slots as `[config.scmi.clients]` gives it. Nothing was sent. Collect (`poll`) or
    /// cancel one of your own transfers first.
    SlotQuota,
    /// The caller has no entry in `[config.scmi.clients]`. Add one to `app.toml`.
    NotAClient,
    /// The caller's entry in `app.toml` does not allow this protocol. Nothing was sent.
    ProtocolNotAllowed,
    /// The caller's entry in `app.toml` does not allow this message of the protocol. Nothing was sent.
    MessageNotAllowed,
    /// The caller's entry in `app.toml` does not allow the domain in the request's first word. Nothing was sent.
    DomainNotAllowed,
    /// A flag, length or number is outside what the interface defines. Nothing was sent. Mend the caller.
    InvalidArgument,
    /// The request is longer than 128 bytes, or than 16 in a batch. Nothing was sent. Mend the caller.
    RequestTooLong,
    /// No answer before the deadline. The command may have been or still be carried out; its late answer will be
    /// discarded. Read the state back before deciding.
    TimedOut,
    /// The command was accepted, but the delayed response did not come in time. Read the state back.
    DelayedTimedOut,
    /// The device completed the command without an answer (no complete header and status). It may have been carried out.
    ShortReply,
    /// The answer's header belongs to another command. It was thrown away; treat as [`TimedOut`](Self::TimedOut).
    WrongReply,
    /// The handle names no live transfer of the caller: it ended, was cancelled, or never was. Forget it.
    BadHandle,
    /// The device has no event queue: neither events nor delayed responses exist. Poll the state instead.
    EventsUnavailable,
    /// The protocol has no such event, or the driver does not know how to ask for it. Mend the caller.
    UnknownEvent,
    /// The platform does not support this event. Poll the state instead.
    EventNotSupported,
    /// The platform does not know this source (domain, sensor, ...). Mend the caller.
    UnknownSource,
    /// The platform refused to enable the event for another reason. Poll the state, or try again later.
    EventRefused,
    /// The caller's `app.toml` entry, or the driver's table, has no room for one more subscription. End another first.
    SubscriptionQuota,
    /// The caller is not subscribed to this event of this source. Nothing to do.
    NotSubscribed,
    /// The driver alone sends this message, because it changes what all clients share: no entry in
    /// `app.toml` allows it. Nothing was sent. Mend the caller; for the messages that switch
    /// events, call `notify` instead.
    ReservedMessage,
    /// The caller's slots are taken by commands that the platform never answered. Nothing was sent.
    /// Try again: the driver recovers these slots within seconds.
    SlotsLost,
    /// More entries than the caller's entry in `app.toml` lets a batch have. Nothing was sent. Send several batches.
    BatchTooLong,
    /// The driver was restarted: transfers, handles and subscriptions are gone. Subscribe again; send again what is
    /// harmless to repeat.
    #[idol(server_death)]
    ServerRestarted,
}

impl ScmiError {
    /// Whether the request certainly never reached the device, so that sending it again cannot repeat it.
    pub const fn nothing_sent(self) -> bool {
        !matches!(
            self,
            Self::DeviceReset
                | Self::TimedOut
                | Self::DelayedTimedOut
                | Self::ShortReply
                | Self::WrongReply
                | Self::ServerRestarted
        )
    }
}

impl From<Refusal> for ScmiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoDevice => Self::NoDevice,
            Refusal::Recovering => Self::Recovering,
            Refusal::PlatformUnavailable => Self::PlatformUnavailable,
            Refusal::Busy => Self::Busy,
            Refusal::SlotQuota => Self::SlotQuota,
            Refusal::SlotsLost => Self::SlotsLost,
            Refusal::NotAClient => Self::NotAClient,
            Refusal::ProtocolNotAllowed => Self::ProtocolNotAllowed,
            Refusal::MessageNotAllowed => Self::MessageNotAllowed,
            Refusal::ReservedMessage => Self::ReservedMessage,
            Refusal::DomainNotAllowed => Self::DomainNotAllowed,
            Refusal::InvalidArgument => Self::InvalidArgument,
            Refusal::RequestTooLong => Self::RequestTooLong,
            Refusal::BatchTooLong => Self::BatchTooLong,
            Refusal::BadHandle => Self::BadHandle,
            Refusal::EventsUnavailable => Self::EventsUnavailable,
            Refusal::UnknownEvent => Self::UnknownEvent,
            Refusal::SubscriptionQuota => Self::SubscriptionQuota,
            Refusal::NotSubscribed => Self::NotSubscribed,
        }
    }
}

impl From<Failure> for ScmiError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::DeviceReset => Self::DeviceReset,
            Failure::TimedOut => Self::TimedOut,
            Failure::DelayedTimedOut => Self::DelayedTimedOut,
            Failure::ShortReply => Self::ShortReply,
            Failure::WrongReply => Self::WrongReply,
            Failure::EventNotSupported => Self::EventNotSupported,
            Failure::UnknownSource => Self::UnknownSource,
            Failure::EventRefused => Self::EventRefused,
        }
    }
}

impl From<Unanswered> for ScmiError {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::Refused(refusal) => refusal.into(),
            Unanswered::Failed(failure) => failure.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client hears the driver's own word.
    #[test]
    fn errors_keep_their_names() {
        use Failure as F;
        use Refusal as R;
        let refusals = [
            R::NoDevice,
            R::Recovering,
            R::PlatformUnavailable,
            R::Busy,
            R::SlotQuota,
            R::SlotsLost,
            R::NotAClient,
            R::ProtocolNotAllowed,
            R::MessageNotAllowed,
            R::ReservedMessage,
            R::DomainNotAllowed,
            R::InvalidArgument,
            R::RequestTooLong,
            R::BatchTooLong,
            R::BadHandle,
            R::EventsUnavailable,
            R::UnknownEvent,
            R::SubscriptionQuota,
            R::NotSubscribed,
        ];
        for refusal in refusals {
            let error = ScmiError::from(refusal);
            assert_eq!(format!("{error:?}"), format!("{refusal:?}"));
            assert!(error.nothing_sent(), "{error:?}");
        }
        let failures = [
            F::DeviceReset,
            F::TimedOut,
            F::DelayedTimedOut,
            F::ShortReply,
            F::WrongReply,
            F::EventNotSupported,
            F::UnknownSource,
            F::EventRefused,
        ];
        for failure in failures {
            let error = ScmiError::from(failure);
            assert_eq!(format!("{error:?}"), format!("{failure:?}"));
        }
    }
}
