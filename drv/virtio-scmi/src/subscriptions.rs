// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Subscriptions: which clients want which event of which source, and what the platform was told about it.
//!
//! An entry follows its users: the platform is asked to switch the event on for the first and off after the last (N07), one
//! command at a time, so that two of them can never overtake each other.
//!
//! ```text
//!            first user                answer: yes
//!    Off ----------------> Enabling ----------------> On
//!     ^   (slot free and      |                        |
//!     |    platform there)    | no: users dropped      | last user left
//!     |                       v                        v
//!     +---------------------(Off)<----------------- Disabling
//!                                     any answer
//! ```
//!
//! An event with thresholds (only the measurements of power caps have them) is asked for with the widest that its users want. When that
//! changes the platform is told once more:
//!
//! ```text
//!             somebody wants others        any answer: if it is no, the old ones hold
//!    On ---------------------------> Changing ---------------------------------------> On
//! ```
//!
//! After each answer, and after a reset, the entry is looked at again: what its users want may have changed meanwhile. A
//! subscription made while the platform is not there stays `Off` with a user, and is armed when the platform comes (N08).

use crate::quota::ClientId;
use scmi::events::Thresholds;

/// No entry.
const NONE: u8 = u8::MAX;
const BUCKETS: usize = 32;

/// Source of a subscription to every source: never sent to the platform.
pub const ALL_SOURCES: u32 = u32::MAX;

// In this order: in the last three the platform was told last that somebody wants the event.
#[derive(Copy, Clone, Debug, Eq, PartialEq, PartialOrd)]
pub(crate) enum Phase {
    Off,
    Disabling,
    On,
    Enabling,
    /// On, and other thresholds are asked for.
    Changing,
}

/// What there is to send for an entry.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Step {
    Enable,
    Disable,
}

/// One event of one source, and who wants it.
pub struct Subscription {
    pub(crate) protocol: u8,
    pub(crate) event: u8,
    pub(crate) source: u32,
    /// Clients that want it, a bit each. 0: the entry is free unless it is in a chain still being worked on.
    pub(crate) users: u32,
    /// Clients that are blocked until the platform has answered.
    pub(crate) waiting: u32,
    /// Clients that are blocked until the platform has answered the command after the one that is under way.
    pub(crate) later: u32,
    /// What the users want.
    wanted: Thresholds,
    /// What the platform was told last.
    told: Thresholds,
    /// What the platform was told before that.
    before: Thresholds,
    pub(crate) phase: Phase,
    /// In the queue of entries to look at.
    queued: bool,
    used: bool,
    next: u8,
    next_queued: u8,
}

impl Subscription {
    /// An entry that is free: zeros, which take no room in the image. The table links it when it is given to it.
    pub const NEW: Self = Self {
        protocol: 0,
        event: 0,
        source: 0,
        users: 0,
        waiting: 0,
        later: 0,
        wanted: Thresholds::NONE,
        told: Thresholds::NONE,
        before: Thresholds::NONE,
        phase: Phase::Off,
        queued: false,
        used: false,
        next: 0,
        next_queued: 0,
    };

    /// What the users want that the platform does not know yet.
    pub(crate) fn step(&self) -> Option<Step> {
        match (self.phase, self.users != 0) {
            _ if self.source == ALL_SOURCES => None,
            (Phase::Off, true) => Some(Step::Enable),
            (Phase::On, false) => Some(Step::Disable),
            (Phase::On, true) if self.wanted != self.told => Some(Step::Enable),
            _ => None,
        }
    }

    /// Makes a client a user with these thresholds, which replace those that it asked for before if it is the only one. While there are
    /// several the range only grows: whose wish was the widest is not kept.
    pub(crate) fn admit(&mut self, client: ClientId, thresholds: Thresholds) {
        self.wanted = match self.users & !client.bit() {
            0 => thresholds,
            _ => self.wanted.widest(thresholds),
        };
        self.users |= client.bit();
    }

    /// Whether the platform has been told just what the users want, though it may not have answered yet.
    pub(crate) fn is_told(&self) -> bool {
        self.phase >= Phase::On && self.wanted == self.told
    }

    /// A client is to be told of the answer to what it wants: the next one, or the one after.
    pub(crate) fn wait(&mut self, client: ClientId) {
        if self.phase >= Phase::Enabling && !self.is_told() {
            self.later |= client.bit();
        } else {
            self.waiting |= client.bit();
        }
    }

    /// The command of a step was sent.
    pub(crate) fn sent(&mut self, step: Step) {
        self.phase = match (step, self.phase) {
            (Step::Disable, _) => Phase::Disabling,
            (Step::Enable, Phase::On) => Phase::Changing,
            (Step::Enable, _) => Phase::Enabling,
        };
        if step == Step::Enable {
            self.before = self.told;
            self.told = self.wanted;
            self.waiting |= core::mem::take(&mut self.later);
        }
    }

    /// The platform refused other thresholds than it has: it keeps those, and so do the users.
    pub(crate) fn stay(&mut self) {
        self.phase = Phase::On;
        self.told = self.before;
        self.wanted = self.before;
    }

    /// What the next enabling command says.
    pub(crate) fn thresholds(&self) -> Thresholds {
        self.wanted
    }
}

/// All subscriptions: a hash table with chains, so that an event finds its users in O(1), and a queue of those to look at.
pub(crate) struct Table<'m> {
    entries: &'m mut [Subscription],
    buckets: [u8; BUCKETS],
    free: u8,
    /// Entries for all sources of an event.
    general: u8,
    /// Queue of entries for which something may be to do.
    first: u8,
    last: u8,
}

fn bucket(protocol: u8, event: u8, source: u32) -> usize {
    let mixed = source
        .wrapping_mul(0x9e37_79b1)
        .wrapping_add(u32::from(protocol) * 0x85eb + u32::from(event) * 0xc2b3);
    (mixed ^ mixed >> 16) as usize % BUCKETS
}

impl<'m> Table<'m> {
    pub(crate) const fn new() -> Self {
        Self {
            entries: &mut [],
            buckets: [NONE; BUCKETS],
            free: NONE,
            general: 0,
            first: NONE,
            last: NONE,
        }
    }

    /// Gives the table its entries, all free. Those past 255 are not used.
    pub(crate) fn provide(&mut self, entries: &'m mut [Subscription]) {
        let count = entries.len().min(usize::from(NONE));
        self.free = NONE;
        for (number, entry) in entries.iter_mut().enumerate().take(count).rev() {
            *entry = Subscription::NEW;
            entry.next = self.free;
            self.free = number as u8;
        }
        self.entries = entries;
    }

    pub(crate) fn get(&self, number: u16) -> Option<&Subscription> {
        self.entries.get(usize::from(number))
    }

    pub(crate) fn get_mut(&mut self, number: u16) -> Option<&mut Subscription> {
        self.entries.get_mut(usize::from(number))
    }

    pub(crate) fn find(&self, protocol: u8, event: u8, source: u32) -> Option<u16> {
        let mut number = *self.buckets.get(bucket(protocol, event, source))?;
        while let Some(entry) = self.get(u16::from(number)) {
            if entry.protocol == protocol && entry.event == event && entry.source == source {
                return Some(u16::from(number));
            }
            number = entry.next;
        }
        None
    }

    /// The users of an event of all sources.
    #[inline]
    pub(crate) fn general_users(&self, protocol: u8, event: u8) -> u32 {
        if self.general == 0 {
            return 0;
        }
        self.users(protocol, event, ALL_SOURCES)
    }

    /// The users of an event of a source; none if there is no entry.
    pub(crate) fn users(&self, protocol: u8, event: u8, source: u32) -> u32 {
        self.find(protocol, event, source)
            .and_then(|number| self.get(number))
            .map_or(0, |entry| entry.users)
    }

    /// Finds the entry, or makes one; `None`: the table is full.
    pub(crate) fn find_or_insert(&mut self, protocol: u8, event: u8, source: u32) -> Option<u16> {
        if let Some(number) = self.find(protocol, event, source) {
            return Some(number);
        }
        let number = self.free;
        let head = self.buckets.get_mut(bucket(protocol, event, source))?;
        let entry = self.entries.get_mut(usize::from(number))?;
        self.free = entry.next;
        *entry = Subscription {
            protocol,
            event,
            source,
            used: true,
            next: *head,
            ..Subscription::NEW
        };
        *head = number;
        self.general = self.general.wrapping_add(u8::from(source == ALL_SOURCES));
        Some(u16::from(number))
    }

    /// Puts an entry into the queue of those to look at; nothing if it is in.
    #[inline(never)]
    pub(crate) fn enqueue(&mut self, number: u16) {
        let Some(entry) = self.entries.get_mut(usize::from(number)) else {
            return;
        };
        if entry.queued {
            return;
        }
        entry.queued = true;
        entry.next_queued = NONE;
        let number = number as u8;
        match self.entries.get_mut(usize::from(self.last)) {
            Some(last) => last.next_queued = number,
            None => self.first = number,
        }
        self.last = number;
    }

    /// There is no entry to look at.
    #[inline]
    pub(crate) fn is_idle(&self) -> bool {
        self.first == NONE
    }

    /// The next entry to look at.
    pub(crate) fn first_queued(&self) -> Option<u16> {
        (self.first != NONE).then_some(u16::from(self.first))
    }

    /// Takes the next entry to look at out of the queue, and frees it if it is of no more use.
    pub(crate) fn dequeue(&mut self) {
        let number = self.first;
        let Some(entry) = self.entries.get_mut(usize::from(number)) else {
            return;
        };
        entry.queued = false;
        self.first = entry.next_queued;
        if self.first == NONE {
            self.last = NONE;
        }
        let idle = (entry.users | entry.waiting | entry.later) == 0 && entry.phase == Phase::Off;
        if idle && entry.used {
            self.release(number);
        }
    }

    fn release(&mut self, number: u8) {
        let Some(entry) = self.entries.get_mut(usize::from(number)) else {
            return;
        };
        let at = bucket(entry.protocol, entry.event, entry.source);
        let next = entry.next;
        let general = u8::from(entry.source == ALL_SOURCES);
        entry.used = false;
        entry.next = self.free;
        self.free = number;
        self.general = self.general.wrapping_sub(general);
        let Some(head) = self.buckets.get_mut(at) else {
            return;
        };
        if *head == number {
            *head = next;
            return;
        }
        let mut before = *head;
        while let Some(entry) = self.entries.get_mut(usize::from(before)) {
            if entry.next == number {
                entry.next = next;
                return;
            }
            before = entry.next;
        }
    }

    /// Takes a client out of every entry. Costs O(entries): when a client died.
    pub(crate) fn forget(&mut self, client: ClientId) {
        for number in 0..self.entries.len().min(usize::from(NONE)) as u16 {
            if let Some(entry) = self.get_mut(number)
                && (entry.users | entry.waiting | entry.later) & client.bit() != 0
            {
                entry.users &= !client.bit();
                entry.waiting &= !client.bit();
                entry.later &= !client.bit();
                self.enqueue(number);
            }
        }
    }

    /// The clients that wait for an entry for which nothing was sent yet; they wait no longer. Costs O(entries).
    pub(crate) fn stop_waiting(&mut self) -> u32 {
        let mut clients = 0;
        for entry in self.entries.iter_mut() {
            if entry.used && entry.phase < Phase::Enabling {
                clients |= core::mem::take(&mut entry.waiting);
                clients |= core::mem::take(&mut entry.later);
            }
        }
        clients
    }

    /// The device was reset: the platform knows of nothing any more. Costs O(entries).
    pub(crate) fn reset(&mut self) {
        for number in 0..self.entries.len().min(usize::from(NONE)) as u16 {
            if let Some(entry) = self.get_mut(number)
                && entry.used
            {
                entry.phase = Phase::Off;
                self.enqueue(number);
            }
        }
    }

    /// In how many entries a client is.
    pub(crate) fn count(&self, client: usize) -> usize {
        let bit = 1u32 << (client % 32);
        self.entries
            .iter()
            .filter(|entry| entry.used && entry.users & bit != 0)
            .count()
    }
}
