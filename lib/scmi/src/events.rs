// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What a platform may send unasked: the notifications of every protocol, and the delayed responses.
//!
//! A driver that carries messages for others needs just this of each protocol: which command switches a notification on and
//! off, which source it speaks of, and how long it may be.
//!
//! Every notification except those of Base and System carries the source (domain, clock or sensor number) in its second
//! word, after the agent that caused it. A delayed response starts with the status word, like a reply.

use crate::common::ProtocolVersion;
use crate::facts;
use crate::protocol::Protocol;

/// The shape of the command that switches a notification on and off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EnableShape {
    /// One word: enable. The notification concerns the platform as a whole.
    Enable,
    /// Two words: source, enable.
    SourceEnable,
    /// Four words: source, enable, low threshold, high threshold.
    SourceEnableThresholds,
}

impl EnableShape {
    /// The shape of a command of this length: its words are what tells the shapes apart.
    pub(crate) const fn of_len(len: usize) -> Self {
        match len {
            4 => Self::Enable,
            8 => Self::SourceEnable,
            _ => Self::SourceEnableThresholds,
        }
    }

    /// Where the source stands in the notification: after the agent, where there is one.
    pub(crate) const fn source_at(self) -> Option<usize> {
        match self {
            Self::Enable => None,
            Self::SourceEnable | Self::SourceEnableThresholds => Some(4),
        }
    }

    /// How many sources there are.
    pub(crate) const fn sources(self) -> Sources {
        match self {
            Self::Enable => Sources::Platform,
            Self::SourceEnable | Self::SourceEnableThresholds => Sources::Attributes,
        }
    }
}

/// How many sources a notification may come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sources {
    /// One: the platform as a whole, and the source number is 0.
    Platform,
    /// As many as bits `[15:0]` of the first word of PROTOCOL_ATTRIBUTES say.
    Attributes,
}

impl Sources {
    /// How many sources there are, given the first attributes word (the one after the status) of PROTOCOL_ATTRIBUTES.
    pub const fn count(self, attributes: u32) -> u32 {
        match self {
            Self::Platform => 1,
            Self::Attributes => attributes & 0xffff,
        }
    }
}

/// One kind of notification.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event {
    /// The protocol it belongs to.
    pub protocol: Protocol,
    /// Its number: the message id in the header of the notification.
    pub id: u8,
    /// Its name in the specification.
    pub name: &'static str,
    /// The version of the protocol that brought it: that of the message that switches it.
    pub since: ProtocolVersion,
    /// The message of the same protocol that switches it on and off.
    pub enabled_by: u8,
    /// The payload of that message.
    pub enable: EnableShape,
    /// Where the source number stands in the payload of the notification, in bytes.
    pub source_at: Option<usize>,
    /// How many sources there are.
    pub sources: Sources,
    /// Shortest payload, in bytes, header not included.
    pub min_len: usize,
    /// Longest payload of the versions that are known here, in bytes, header not included. Later versions append words.
    pub max_len: usize,
}

/// Power thresholds of the power cap measurement notification, in the domain's power unit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Thresholds {
    /// Notify when the power falls below this.
    pub low: u32,
    /// Notify when the power rises above this.
    pub high: u32,
}

impl Thresholds {
    /// None: every power above zero is told. Also what goes with a notification that has no thresholds.
    pub const NONE: Self = Self { low: 0, high: 0 };

    /// What tells of every power that either of the two tells of.
    ///
    /// Where they overlap, somebody wants every power. Platforms refuse a low threshold above the high one, so both are the same then,
    /// and just that one value is not told.
    #[must_use]
    pub const fn widest(self, other: Self) -> Self {
        let high = if self.high < other.high {
            self.high
        } else {
            other.high
        };
        let low = if self.low > other.low {
            self.low
        } else {
            other.low
        };
        Self {
            low: if low < high { low } else { high },
            high,
        }
    }
}

/// The payload of an enabling command: at most four words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EnableRequest {
    bytes: [u8; 16],
    len: usize,
}

impl EnableRequest {
    /// The payload.
    pub fn as_bytes(&self) -> &[u8] {
        // `len` is 4, 8 or 16 by construction; `get` keeps the panic path out.
        self.bytes.get(..self.len).unwrap_or(&[])
    }
}

impl Event {
    /// Whether this notification can be asked for with these thresholds: any that do not contradict each other, where it has
    /// thresholds, and none where it has not.
    pub fn takes(&self, thresholds: Thresholds) -> bool {
        match self.enable {
            EnableShape::SourceEnableThresholds => thresholds.low <= thresholds.high,
            _ => thresholds == Thresholds::NONE,
        }
    }

    /// The payload that switches this notification of `source` on or off.
    ///
    /// Where thresholds are needed they are both 0: every power above zero is told. Use
    /// [`Event::enable_request_with`] to choose.
    pub fn enable_request(&self, source: u32, enable: bool) -> EnableRequest {
        self.enable_request_with(source, enable, Thresholds::default())
    }

    /// Like [`Event::enable_request`], with thresholds for the one notification that has them. Others ignore them.
    pub fn enable_request_with(
        &self,
        source: u32,
        enable: bool,
        thresholds: Thresholds,
    ) -> EnableRequest {
        let enable = u32::from(enable);
        let (words, len) = match self.enable {
            EnableShape::Enable => ([enable, 0, 0, 0], 4),
            EnableShape::SourceEnable => ([source, enable, 0, 0], 8),
            EnableShape::SourceEnableThresholds => {
                ([source, enable, thresholds.low, thresholds.high], 16)
            }
        };
        let mut bytes = [0; 16];
        for (to, word) in bytes.chunks_exact_mut(4).zip(words) {
            to.copy_from_slice(&word.to_le_bytes());
        }
        EnableRequest { bytes, len }
    }

    /// Whether a payload of this length can be this notification: later versions append words, so only one that is too short cannot.
    pub const fn length_is_valid(&self, len: usize) -> bool {
        len >= self.min_len
    }

    /// Whether a payload is longer than that of any version that is known here. Its beginning means what it has always meant.
    pub const fn is_longer_than_known(&self, len: usize) -> bool {
        len > self.max_len
    }

    /// The source that a payload speaks of: 0 when the notification concerns the platform as a whole, `None` when the
    /// payload is too short to tell.
    pub fn source(&self, payload: &[u8]) -> Option<u32> {
        match self.source_at {
            None => Some(0),
            Some(at) => {
                let word = payload.get(at..)?.first_chunk::<4>()?;
                Some(u32::from_le_bytes(*word))
            }
        }
    }
}

/// A command that can be answered later, by a delayed response.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delayed {
    /// The protocol it belongs to.
    pub protocol: Protocol,
    /// The message number of the command, and of its delayed response.
    pub message: u8,
    /// The name of the delayed response in the specification.
    pub name: &'static str,
    /// Where the flags word of the request stands, in bytes.
    pub flags_at: usize,
    /// The bits of the flags word that decide whether a delayed response comes.
    pub flags_mask: u32,
    /// What these bits are where one comes: the bit that asks for it is set, and none says that the agent wants none, or that nothing is
    /// done asynchronously after all.
    pub flags_asking: u32,
    /// Length of the delayed response on success, status word included, header not.
    pub min_len: usize,
    /// Longest delayed response, likewise.
    pub max_len: usize,
}

impl Delayed {
    /// Whether this request brings a delayed response.
    pub fn asked_by(&self, request: &[u8]) -> bool {
        request
            .get(self.flags_at..)
            .and_then(<[u8]>::first_chunk::<4>)
            .is_some_and(|word| self.asked_by_flags(u32::from_le_bytes(*word)))
    }

    /// Whether a request with these flags does.
    pub const fn asked_by_flags(&self, flags: u32) -> bool {
        flags & self.flags_mask == self.flags_asking
    }
}

/// Every notification of every protocol, ordered by protocol and number. Voltage and pin control have none.
pub const EVENTS: &[Event] = facts::EVENTS;

/// Every command that can be answered by a delayed response.
pub const DELAYED: &[Delayed] = facts::DELAYED;

/// The first of the standard protocols.
const STANDARD: u8 = 0x10;
/// More than the number of any standard notification.
const IDS: usize = 4;

/// Where in [`EVENTS`] a notification is, by protocol and number; past its end: there is no such one.
#[expect(
    clippy::indexing_slicing,
    reason = "at compile time, where a mistake is an error"
)]
const PLACES: [[u8; IDS]; 16] = {
    let mut places = [[u8::MAX; IDS]; 16];
    let mut place = 0;
    while place < EVENTS.len() {
        let event = &EVENTS[place];
        places[(event.protocol.id() - STANDARD) as usize][event.id as usize] = place as u8;
        place += 1;
    }
    places
};

/// The notification with these numbers.
#[inline]
pub fn find(protocol: u8, event: u8) -> Option<&'static Event> {
    let of_protocol = PLACES.get(usize::from(protocol.wrapping_sub(STANDARD)))?;
    EVENTS.get(usize::from(*of_protocol.get(usize::from(event))?))
}

/// The notification that this command switches on and off.
pub fn enabled_by(protocol: u8, message: u8) -> Option<&'static Event> {
    EVENTS
        .iter()
        .find(|entry| entry.protocol.id() == protocol && entry.enabled_by == message)
}

/// The delayed response of this command.
pub fn delayed(protocol: u8, message: u8) -> Option<&'static Delayed> {
    DELAYED
        .iter()
        .find(|entry| entry.protocol.id() == protocol && entry.message == message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::MAX_PAYLOAD;

    #[test]
    fn every_event_is_reachable_and_enabled_by_a_command_of_its_protocol() {
        for event in EVENTS {
            assert_eq!(find(event.protocol.id(), event.id), Some(event));
            assert_eq!(
                enabled_by(event.protocol.id(), event.enabled_by),
                Some(event)
            );
            let command = event
                .protocol
                .message_name(event.enabled_by)
                .expect("a known command");
            assert!(command.contains("NOTIFY"), "{command}");
            assert!(event.min_len <= event.max_len && event.max_len <= MAX_PAYLOAD);
            assert!(event.source_at.is_none_or(|at| at + 4 <= event.min_len));
        }
        assert_eq!(find(Protocol::Voltage.id(), 0), None);
        assert_eq!(find(Protocol::Pinctrl.id(), 0), None);
        for protocol in 0..=u8::MAX {
            for id in 0..=u8::MAX {
                let slow = EVENTS
                    .iter()
                    .find(|event| event.protocol.id() == protocol && event.id == id);
                assert_eq!(find(protocol, id), slow, "{protocol:#x} {id}");
            }
        }
    }

    #[test]
    fn enable_requests_have_the_layout_of_their_command() {
        let system = find(0x12, 0).unwrap();
        assert_eq!(system.enable_request(9, true).as_bytes(), [1, 0, 0, 0]);
        let update = find(0x15, 1).unwrap();
        assert_eq!(update.enabled_by, 0xb);
        assert_eq!(
            update.enable_request(3, true).as_bytes(),
            [3, 0, 0, 0, 1, 0, 0, 0]
        );
        assert_eq!(
            update.enable_request(3, false).as_bytes(),
            [3, 0, 0, 0, 0, 0, 0, 0]
        );
        let measurements = find(0x18, 1).unwrap();
        let request = measurements.enable_request_with(
            2,
            true,
            Thresholds {
                low: 5,
                high: 0x0102_0304,
            },
        );
        assert_eq!(
            request.as_bytes(),
            [2, 0, 0, 0, 1, 0, 0, 0, 5, 0, 0, 0, 4, 3, 2, 1]
        );
    }

    #[test]
    fn the_widest_thresholds_tell_of_all_that_either_tells_of() {
        let values = [0, 1, 2, 5, 6, u32::MAX - 1, u32::MAX];
        let pairs = || {
            values.iter().flat_map(|&low| {
                let highs = values.iter().filter(move |&&high| low <= high);
                highs.map(move |&high| Thresholds { low, high })
            })
        };
        let tells = |pair: Thresholds, power: u32| power < pair.low || power > pair.high;
        for (one, other) in pairs().flat_map(|one| pairs().map(move |other| (one, other))) {
            let both = one.widest(other);
            assert_eq!(both, other.widest(one));
            assert!(both.low <= both.high, "{one:?} {other:?} {both:?}");
            for power in values {
                let wanted = tells(one, power) || tells(other, power);
                let untold = both.low == both.high && power == both.low;
                assert_eq!(tells(both, power), wanted && !untold, "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn thresholds_go_with_the_event_that_has_them() {
        let wrong = Thresholds { low: 6, high: 5 };
        let right = Thresholds { low: 5, high: 5 };
        for event in EVENTS {
            let has = event.name == "POWERCAP_MEASUREMENTS_CHANGED";
            assert!(event.takes(Thresholds::NONE) && !event.takes(wrong));
            assert_eq!(event.takes(right), has, "{}", event.name);
        }
    }

    #[test]
    fn the_source_is_found_or_said_to_be_missing() {
        let trip = find(0x15, 0).unwrap();
        assert_eq!(
            trip.source(&[0, 0, 0, 0, 7, 1, 0, 0, 0, 0, 0, 0]),
            Some(0x107)
        );
        assert_eq!(trip.source(&[0, 0, 0, 0, 7, 1, 0]), None);
        assert!(!trip.length_is_valid(11));
        assert!(trip.length_is_valid(12));
        assert_eq!(find(0x10, 0).unwrap().source(&[]), Some(0));
    }

    #[test]
    fn sources_are_counted_by_the_attributes() {
        assert_eq!(find(0x11, 0).unwrap().sources.count(0xabcd_0005), 5);
        assert_eq!(find(0x12, 0).unwrap().sources.count(0xabcd_0005), 1);
    }

    #[test]
    fn delayed_responses_are_asked_for_by_a_flag() {
        let reset = delayed(0x16, 4).unwrap();
        assert!(reset.asked_by(&[0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0]));
        assert!(!reset.asked_by(&[0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0]));
        assert!(!reset.asked_by(&[0, 0, 0, 0, 5]));
        assert!(delayed(0x14, 5).unwrap().asked_by(&[1, 0, 0, 0]));
        assert_eq!(delayed(0x12, 3), None);
        // Not where the agent wants none, or nothing is asynchronous.
        for (protocol, message, flags) in [(0x14, 5, 0b11), (0x18, 5, 0b11), (0x16, 4, 0b100)] {
            let entry = delayed(protocol, message).unwrap();
            assert!(!entry.asked_by_flags(flags), "{}", entry.name);
        }
        for entry in DELAYED {
            assert!(entry.protocol.message_name(entry.message).is_some());
        }
    }
}
