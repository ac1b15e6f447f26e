// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Events, as clients fetch them.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `source` that stands for every source of an event, in `notify`.
///
/// The platform is not asked for such a subscription: it receives what other subscriptions have enabled.
pub const ALL_SOURCES: u32 = u32::MAX;

/// An event of a source: what is subscribed to.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct EventSource {
    /// SCMI protocol.
    pub protocol: u8,
    /// Number of the notification.
    pub event: u8,
    /// The source, or [`ALL_SOURCES`].
    pub source: u32,
}

/// A wish to subscribe, or to end that, as it travels.
#[derive(
    Copy, Clone, Debug, Default, Eq, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct WireSubscription {
    /// As [`EventSource::source`].
    pub source: u32,
    /// The lower threshold of the one event that has them, the measurements of a power cap; otherwise, and to end, 0.
    pub low: u32,
    /// The upper threshold, likewise.
    pub high: u32,
    /// As [`EventSource::protocol`].
    pub protocol: u8,
    /// As [`EventSource::event`].
    pub event: u8,
    /// 0: end the subscription. Otherwise: subscribe.
    pub enable: u8,
    /// Nothing yet: 0.
    pub reserved: u8,
}

impl WireSubscription {
    /// The event and its source.
    pub const fn event(&self) -> EventSource {
        EventSource {
            protocol: self.protocol,
            event: self.event,
            source: self.source,
        }
    }
}

/// What `next_event` fetched.
#[derive(
    Copy, Clone, Debug, Default, Eq, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Event {
    /// When the driver took the event from the device, in milliseconds since boot.
    pub time_ms: u64,
    /// Events of this client that were dropped between the previous fetched one and this one.
    pub lost: u32,
    /// Bytes of payload, at most 128. More than the payload lease holds: the rest was cut.
    pub len: u32,
    /// [`EventKind`] as a number.
    pub kind: u8,
    /// SCMI protocol id.
    pub protocol: u8,
    /// Notification message id within the protocol.
    pub event: u8,
    /// 1: more events are queued. 0: none at the moment.
    pub more: u8,
    /// Which incarnation of the device the event came from, see [`ScmiInfo::generation`](crate::ScmiInfo::generation).
    pub generation: u32,
}

impl Event {
    /// What this is; a number that is not known reads as nothing.
    pub const fn kind(&self) -> EventKind {
        EventKind::from_raw(self.kind)
    }
}

/// The kind of an event that a client fetches from its queue.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum EventKind {
    /// The queue is empty.
    Empty = 0,
    /// An event of the platform.
    Event = 1,
    /// The device was reset: events may have been missed. Subscriptions stand, the driver has enabled them again; the client should
    /// read the state that it follows back from the platform. Protocol and event are zero.
    Resynchronise = 2,
    /// The platform refused to enable this event again after a reset: the subscription has ended. The payload is the source, a
    /// little-endian word.
    Ended = 3,
}

impl EventKind {
    /// Returns the kind with this number; a number that is not known reads as nothing.
    pub const fn from_raw(raw: u8) -> Self {
        match raw {
            1 => Self::Event,
            2 => Self::Resynchronise,
            3 => Self::Ended,
            _ => Self::Empty,
        }
    }
}
