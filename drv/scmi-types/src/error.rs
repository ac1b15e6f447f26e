// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Why something was not done ([`Refusal`]: nothing reached the device) or how it ended without an answer ([`Failure`]).

/// Nothing was sent, nothing was changed.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// There is no usable device.
    NoDevice,
    /// The device is being reset.
    Recovering,
    /// Recovery gave up for now.
    PlatformUnavailable,
    /// Every slot is in use (V25).
    Busy,
    /// The client holds as many slots as it may.
    SlotQuota,
    /// The client's slots are taken by commands that the platform never answered.
    SlotsLost,
    /// The task is not in the table of clients.
    NotAClient,
    /// The client may not use the protocol.
    ProtocolNotAllowed,
    /// The client may not use the message.
    MessageNotAllowed,
    /// The driver keeps this message to itself: it would change what all clients share. For the
    /// messages that switch events, there is `notify`.
    ReservedMessage,
    /// The client may not use the domain.
    DomainNotAllowed,
    /// Flags that contradict each other or mean nothing.
    InvalidArgument,
    /// More than 128 bytes (D03), or than 16 in a batch.
    RequestTooLong,
    /// More entries than the client may have in a batch.
    BatchTooLong,
    /// Not the handle of a live transfer of this task.
    BadHandle,
    /// The device has no event queue (V08).
    EventsUnavailable,
    /// No such event.
    UnknownEvent,
    /// No room for one more subscription.
    SubscriptionQuota,
    /// Not subscribed.
    NotSubscribed,
}

/// The end of a command without an answer, or of a subscription with a negative one.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Failure {
    /// The device was reset meanwhile.
    DeviceReset,
    /// No answer in time (D06).
    TimedOut,
    /// Accepted, but no delayed response in time (D14).
    DelayedTimedOut,
    /// Completed without header and status (W1).
    ShortReply,
    /// Completed with the header of another command (W3).
    WrongReply,
    /// The platform answered NOT_SUPPORTED to a subscription.
    EventNotSupported,
    /// The platform does not know the source of a subscription.
    UnknownSource,
    /// The platform refused a subscription for another reason.
    EventRefused,
}
