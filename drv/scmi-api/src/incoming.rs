// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Events, with what they mean.

use scmi::{Notice, Protocol};

use crate::{Buffer, Error, EventKind, Exchange, ScmiError};

/// What came next.
#[derive(Copy, Clone, Debug)]
pub enum Incoming<'b> {
    /// Nothing for now: wait for the notification bit that `app.toml` names.
    Empty,
    /// An event of the platform.
    Notice {
        /// What it says.
        notice: Notice<'b>,
        /// When the driver took it from the device, in milliseconds since boot.
        time_ms: u64,
        /// How many events of this task were dropped before it: if any, read back what is followed.
        lost: u32,
    },
    /// An event whose payload is not what its protocol says. It is gone; go on.
    Malformed {
        /// Its protocol.
        protocol: u8,
        /// Its number.
        event: u8,
        /// As for a notice.
        lost: u32,
    },
    /// The device was reset. The subscriptions stand, but events may have been missed: read back what is followed.
    Resynchronise,
    /// After a reset the platform refused this event: the subscription has ended.
    Ended {
        /// The event's protocol.
        protocol: u8,
        /// The event's number.
        event: u8,
        /// Its source.
        source: u32,
    },
    /// The driver was restarted, and knows no subscription any more: subscribe again and read back what is followed.
    Restarted,
}

/// Fetches the next event into `buffer`. Call it until it gives [`Incoming::Empty`], then wait for the notification.
pub fn next_event<'b, E: Exchange + ?Sized>(
    exchange: &E,
    buffer: &'b mut Buffer,
) -> Result<Incoming<'b>, Error> {
    let event = match exchange.next_event(buffer) {
        Ok(event) => event,
        Err(ScmiError::ServerRestarted) => return Ok(Incoming::Restarted),
        Err(error) => return Err(error.into()),
    };
    let len = usize::try_from(event.len)
        .unwrap_or(usize::MAX)
        .min(buffer.len());
    let payload = buffer.get(..len).unwrap_or(&[]);
    let (protocol, number, lost) = (event.protocol, event.event, event.lost);
    Ok(match event.kind() {
        EventKind::Empty => Incoming::Empty,
        EventKind::Resynchronise => Incoming::Resynchronise,
        EventKind::Ended => Incoming::Ended {
            protocol,
            event: number,
            source: payload
                .first_chunk()
                .map_or(0, |word| u32::from_le_bytes(*word)),
        },
        EventKind::Event => match Notice::parse(protocol, number, payload) {
            Ok(notice) => Incoming::Notice {
                notice,
                time_ms: event.time_ms,
                lost,
            },
            Err(_) => Incoming::Malformed {
                protocol,
                event: number,
                lost,
            },
        },
    })
}

/// Declares the calls that subscribe to the events of a protocol.
macro_rules! subscriptions {
    ($handle:ident; $($(#[$doc:meta])* $name:ident: $event:path;)*) => {
        impl<E: $crate::Exchange + ?Sized> $handle<'_, E> {
            $(
                $(#[$doc])*
                ///
                /// `source` is the number of what is followed, or [`ALL_SOURCES`](crate::ALL_SOURCES) for what others have
                /// enabled. The events come from [`next_event`](crate::next_event).
                pub fn $name(&self, source: u32, enable: bool) -> Result<(), $crate::Error> {
                    use scmi::wire::Notification;
                    self.link.notify(<$event>::PROTOCOL, <$event>::EVENT, source, enable)
                }
            )*
        }
    };
}
pub(crate) use subscriptions;

/// The name of an event in the specification, for people.
pub fn event_name(protocol: Protocol, event: u8) -> Option<&'static str> {
    scmi::events::find(protocol.id(), event).map(|entry| entry.name)
}
