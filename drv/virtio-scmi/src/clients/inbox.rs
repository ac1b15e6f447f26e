// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Inboxes: a queue of events for each client, bounded, so that a slow client costs nobody else anything.

use crate::memory::DmaBuffer;
use drv_scmi_types::Event;
pub use drv_scmi_types::EventKind;
use scmi::events::EVENTS;
use scmi::limits::MAX_PAYLOAD;
use zerocopy::IntoBytes;

const NONE: u8 = u8::MAX;

/// Which word of an event's payload is the source, in all that have one.
pub(crate) const SOURCE_WORD: usize = {
    let mut i = 0;
    while i < EVENTS.len() {
        if let Some(at) = EVENTS[i].source_at {
            assert!(at == 4, "the source is the second word");
        }
        i += 1;
    }
    1
};

/// Place for one queued event: 128 bytes of payload and what is known of it.
pub struct Record {
    time: u64,
    generation: u32,
    len: u16,
    kind: EventKind,
    protocol: u8,
    event: u8,
    /// The next younger event of the queue, or the next free record of the client.
    next: u8,
    payload: [u32; MAX_PAYLOAD / 4],
}

impl Record {
    /// A record that holds nothing: zeros, which take no room in the image.
    pub const NEW: Self = Self {
        time: 0,
        generation: 0,
        len: 0,
        kind: EventKind::Empty,
        protocol: 0,
        event: 0,
        next: 0,
        payload: [0; MAX_PAYLOAD / 4],
    };
}

/// An event as it is put into queues.
#[derive(Copy, Clone)]
pub(crate) struct Arrival<'b> {
    pub(crate) time: u64,
    pub(crate) generation: u32,
    pub(crate) kind: EventKind,
    pub(crate) protocol: u8,
    pub(crate) event: u8,
    /// The number of the source, as it was read once: whatever the payload says by now, the client is told this one. `None`: the
    /// event has no source.
    pub(crate) source: Option<u32>,
    pub(crate) payload: Payload<'b>,
}

/// Where the payload of an [`Arrival`] is.
#[derive(Copy, Clone)]
pub(crate) enum Payload<'b> {
    /// After the header in a device's buffer; bytes.
    Buffer(&'b DmaBuffer, usize),
    /// The source alone.
    Source,
}

/// An event that a client fetches.
#[derive(Debug, Eq, PartialEq)]
pub struct Fetched<'r> {
    /// What it is.
    pub kind: EventKind,
    /// Milliseconds since boot when the driver took it from the device (N05).
    pub time: u64,
    /// Incarnation of the device that it came from.
    pub generation: u32,
    /// SCMI protocol.
    pub protocol: u8,
    /// Number of the notification.
    pub event: u8,
    /// Events dropped since the previous one that was fetched.
    pub lost: u32,
    /// More events are queued.
    pub more: bool,
    /// The payload, header not included.
    pub payload: &'r [u8],
}

impl Fetched<'_> {
    /// The event as it travels, without its payload.
    pub fn head(&self) -> Event {
        Event {
            time_ms: self.time,
            lost: self.lost,
            len: self.payload.len() as u32,
            kind: self.kind as u8,
            protocol: self.protocol,
            event: self.event,
            more: u8::from(self.more),
            generation: self.generation,
        }
    }
}

/// One client's queue: a list through its part of the records, oldest first.
pub(crate) struct Inbox {
    /// The client's records are `first .. first + depth` of the pool.
    first: u16,
    depth: u8,
    head: u8,
    tail: u8,
    free: u8,
    len: u8,
    lost: u32,
    /// Since when there is a reset to tell about: it goes before every event.
    resync: Option<u64>,
}

impl Inbox {
    pub(crate) const fn new() -> Self {
        Self {
            first: 0,
            depth: 0,
            head: NONE,
            tail: NONE,
            free: NONE,
            len: 0,
            lost: 0,
            resync: None,
        }
    }

    /// Gives the queue its records and empties it.
    pub(crate) fn assign(&mut self, records: &mut [Record], first: u16, depth: u8) {
        self.first = first;
        // At most 255, so that no record has the number NONE.
        self.depth = depth;
        self.clear(records);
    }

    /// Forgets everything: the client is gone.
    pub(crate) fn clear(&mut self, records: &mut [Record]) {
        self.head = NONE;
        self.tail = NONE;
        self.free = NONE;
        self.len = 0;
        self.lost = 0;
        self.resync = None;
        for number in (0..self.depth).rev() {
            let next = self.free;
            if let Some(record) = self.record(records, number) {
                record.next = next;
                self.free = number;
            }
        }
    }

    fn record<'r>(&self, records: &'r mut [Record], number: u8) -> Option<&'r mut Record> {
        if number >= self.depth {
            return None;
        }
        records.get_mut(usize::from(self.first) + usize::from(number))
    }

    /// Walks the queue: whether each of its records is either queued or free.
    pub(crate) fn is_sound(&self, records: &[Record]) -> bool {
        let walk = |mut number: u8| {
            let mut count = 0u16;
            while number < self.depth && count <= u16::from(self.depth) {
                count += 1;
                number = records
                    .get(usize::from(self.first) + usize::from(number))
                    .map_or(NONE, |record| record.next);
            }
            count
        };
        let queued = walk(self.head);
        queued == u16::from(self.len) && queued + walk(self.free) == u16::from(self.depth)
    }

    pub(crate) fn depth(&self) -> u8 {
        self.depth
    }

    /// The device was reset: queued events are overtaken by what the client will read back. That a subscription ended is not.
    pub(crate) fn resynchronise(&mut self, records: &mut [Record], time: u64) {
        let (mut before, mut number) = (NONE, self.head);
        while let Some(record) = self.record(records, number) {
            let (kind, next) = (record.kind, record.next);
            if kind == EventKind::Ended {
                before = number;
            } else {
                self.lost = self.lost.saturating_add(1);
                self.unlink(records, before, number, next);
            }
            number = next;
        }
        self.resync = Some(time);
    }

    /// Queues an event; `false`: another was dropped for it, or it could not be queued at all.
    ///
    /// A full queue drops the oldest event of the protocol that has the most events in it, the new one included; so a flood of
    /// one protocol displaces its own events and not those of others (N01). That a subscription ended is displaced by nothing.
    /// Costs O(depth) when full, O(1) otherwise.
    pub(crate) fn push(&mut self, records: &mut [Record], arrival: &Arrival<'_>) -> bool {
        let mut room = true;
        if self.free == NONE {
            room = false;
            self.lost = self.lost.saturating_add(1);
            self.drop_one(records, arrival);
        }
        let number = self.free;
        let Some(record) = self.record(records, number) else {
            return false;
        };
        let next_free = record.next;
        record.next = NONE;
        record.time = arrival.time;
        record.generation = arrival.generation;
        record.kind = arrival.kind;
        record.protocol = arrival.protocol;
        record.event = arrival.event;
        let source_at = match arrival.payload {
            Payload::Buffer(buffer, len) => {
                let len = len.min(MAX_PAYLOAD);
                record.len = len as u16;
                if let Some(words) = record.payload.get_mut(..len.div_ceil(4)) {
                    buffer.read_words(1, words);
                }
                SOURCE_WORD
            }
            Payload::Source => {
                record.len = 4;
                0
            }
        };
        if let Some(source) = arrival.source {
            record.payload[source_at] = source.to_le();
        }
        self.free = next_free;
        let tail = self.tail;
        match self.record(records, tail) {
            Some(last) => last.next = number,
            None => self.head = number,
        }
        self.tail = number;
        self.len = self.len.saturating_add(1);
        room
    }

    /// Frees the oldest record of the protocol that has the most, `incoming` counted as one more.
    #[cold]
    fn drop_one(&mut self, records: &mut [Record], incoming: &Arrival<'_>) {
        // By the low four bits, in which the protocols of the specification differ; vendors' may share a share.
        let mut counts = [0u16; 16];
        let mut most = incoming.protocol & 15;
        counts[usize::from(most)] = u16::from(incoming.kind == EventKind::Event);
        let mut number = self.head;
        while let Some(record) = self.record(records, number) {
            let group = record.protocol & 15;
            number = record.next;
            if record.kind == EventKind::Ended {
                continue;
            }
            let count = &mut counts[usize::from(group)];
            *count = count.saturating_add(1);
            if counts[usize::from(group)] > counts[usize::from(most)] {
                most = group;
            }
        }
        let (mut before, mut number) = (NONE, self.head);
        while let Some(record) = self.record(records, number) {
            let next = record.next;
            if record.protocol & 15 == most && record.kind != EventKind::Ended {
                self.unlink(records, before, number, next);
                return;
            }
            before = number;
            number = next;
        }
    }

    fn unlink(&mut self, records: &mut [Record], before: u8, number: u8, next: u8) {
        match self.record(records, before) {
            Some(record) => record.next = next,
            None => self.head = next,
        }
        if next == NONE {
            self.tail = before;
        }
        let free = self.free;
        if let Some(record) = self.record(records, number) {
            record.next = free;
            self.free = number;
        }
        self.len = self.len.saturating_sub(1);
    }

    /// Takes out the oldest event.
    pub(crate) fn pop<'r>(
        &mut self,
        records: &'r mut [Record],
        generation: u32,
    ) -> Option<Fetched<'r>> {
        if let Some(time) = self.resync.take() {
            return Some(Fetched {
                kind: EventKind::Resynchronise,
                time,
                generation,
                protocol: 0,
                event: 0,
                lost: core::mem::take(&mut self.lost),
                more: self.len > 0,
                payload: &[],
            });
        }
        let number = self.head;
        let next = self.record(records, number)?.next;
        self.unlink(records, NONE, number, next);
        let record = records.get(usize::from(self.first) + usize::from(number))?;
        Some(Fetched {
            kind: record.kind,
            time: record.time,
            generation: record.generation,
            protocol: record.protocol,
            event: record.event,
            lost: core::mem::take(&mut self.lost),
            more: self.len > 0,
            payload: record
                .payload
                .as_bytes()
                .get(..usize::from(record.len))
                .unwrap_or(&[]),
        })
    }
}
