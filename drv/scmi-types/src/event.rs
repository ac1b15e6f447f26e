// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Kinds of queued events.

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
