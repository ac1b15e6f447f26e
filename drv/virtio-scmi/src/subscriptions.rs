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
//! A refusal counts for those whose wish the command carried first, blocked or not: their subscription ends. Others stay where the
//! platform had agreed to something before, or are asked for again without it. So a refusal is never asked for again as it was.
//!
//! After each answer, and after a reset, the entry is looked at again: what its users want may have changed meanwhile. A
//! subscription made while the platform is not there stays `Off` with a user, and is armed when the platform comes (N08).
//!
//! A command that is not answered in time leaves its entry *overdue*: the device still has the command, and may carry it out at any
//! moment. So nothing else is sent for the entry until that answer comes or the device is reset, and then the answer decides.
//!
//! Entries for which something may be to do wait in lanes, one for each client, and the lanes take turns: the burst of one client
//! delays no other. An entry that nobody wants any more counts to the client that left it last until the platform has been told, so
//! that nobody fills the table for others.

use crate::clients::{CLIENTS_MAX, ClientId, ClientSet};
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

/// What one client wants of one entry that has thresholds.
#[derive(Copy, Clone)]
struct Wish {
    client: ClientId,
    thresholds: Thresholds,
    /// The entry's next wish, or the next free one.
    next: u8,
}

/// One event of one source, and who wants it. Each also has room for what one client wants of one entry, this or another: there are no more wishes than
/// subscriptions.
pub struct Subscription {
    pub(crate) protocol: u8,
    pub(crate) event: u8,
    pub(crate) source: u32,
    /// Clients that want it. None: the entry is free unless it is in a chain still being worked on.
    pub(crate) users: ClientSet,
    /// Clients that are blocked until the platform has answered.
    pub(crate) waiting: ClientSet,
    /// Clients that are blocked until the platform has answered the command after the one that is under way.
    pub(crate) later: ClientSet,
    /// Users whose wish no command has carried yet, blocked or not.
    pub(crate) unsent: ClientSet,
    /// Users whose wish the last command carried first: if it is refused, it is refused to them.
    pub(crate) asked: ClientSet,
    /// What the users want.
    wanted: Thresholds,
    /// What the platform was told last.
    told: Thresholds,
    /// What the platform was told before that.
    before: Thresholds,
    pub(crate) phase: Phase,
    /// The command of this phase was not answered in time, and the device has it.
    pub(crate) overdue: bool,
    /// The lane of the client that acted last.
    lane: ClientId,
    /// In that lane.
    queued: bool,
    used: bool,
    /// Nobody wants it any more, and it counts to the client of its lane.
    left: bool,
    next: u8,
    next_queued: u8,
    /// Wishes of the users that have thresholds. A user without one wants [`Thresholds::NONE`].
    wishes: u8,
    /// A place for a wish, of this or another entry.
    wish: Wish,
}

impl Subscription {
    /// An entry that is free: zeros, which take no room in the image. The table links it when it is given to it.
    pub const NEW: Self = Self {
        protocol: 0,
        event: 0,
        source: 0,
        users: ClientSet::EMPTY,
        waiting: ClientSet::EMPTY,
        later: ClientSet::EMPTY,
        unsent: ClientSet::EMPTY,
        asked: ClientSet::EMPTY,
        wanted: Thresholds::NONE,
        told: Thresholds::NONE,
        before: Thresholds::NONE,
        phase: Phase::Off,
        overdue: false,
        lane: ClientId::FIRST,
        queued: false,
        used: false,
        left: false,
        next: 0,
        next_queued: 0,
        wishes: 0,
        wish: Wish {
            client: ClientId::FIRST,
            thresholds: Thresholds::NONE,
            next: 0,
        },
    };

    /// What the users want that the platform does not know yet.
    pub(crate) fn step(&self) -> Option<Step> {
        match (self.phase, !self.users.is_empty()) {
            _ if self.source == ALL_SOURCES => None,
            (Phase::Off, true) => Some(Step::Enable),
            (Phase::On, false) => Some(Step::Disable),
            (Phase::On, true) if self.wanted != self.told => Some(Step::Enable),
            _ => None,
        }
    }

    /// Whether the platform has been told just what the users want, though it may not have answered yet.
    pub(crate) fn is_told(&self) -> bool {
        self.phase >= Phase::On && self.wanted == self.told
    }

    /// A client is to be told of the answer to what it wants: of the next command's, where one is under way that was sent before. So
    /// nobody is refused for what another asked for.
    pub(crate) fn wait(&mut self, client: ClientId) {
        if self.phase >= Phase::Enabling {
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
            self.waiting |= self.later.drain();
            self.asked = self.unsent.drain();
        }
    }

    /// A client wants what the platform has not been told; whether it waits for the answer or not.
    pub(crate) fn ask(&mut self, client: ClientId) {
        self.unsent |= client.bit();
        self.asked &= !client.bit();
    }

    /// The platform refused other thresholds than it has: it keeps those. If nobody asked for the others, because they are what is left
    /// of what somebody wanted who is gone, they are not asked for again: whoever is left hears more than it wants.
    pub(crate) fn stay(&mut self) {
        self.phase = Phase::On;
        if !self.asked.is_empty() {
            self.told = self.before;
        }
    }

    /// The platform agreed to what it was told. Returns the clients that waited for that, or for something that it knows already.
    pub(crate) fn agreed(&mut self, waiting: ClientSet) -> ClientSet {
        self.phase = Phase::On;
        self.asked = ClientSet::EMPTY;
        waiting | self.settle()
    }

    /// Whoever wants what the platform has agreed to waits no longer.
    pub(crate) fn settle(&mut self) -> ClientSet {
        if self.phase != Phase::On || !self.is_told() {
            return ClientSet::EMPTY;
        }
        self.unsent = ClientSet::EMPTY;
        self.waiting.drain() | self.later.drain()
    }

    /// The client that acted last.
    pub(crate) fn lane(&self) -> ClientId {
        self.lane
    }

    /// What the command of a step says: to switch it off, what the platform knows.
    pub(crate) fn thresholds(&self, step: Step) -> Thresholds {
        match step {
            Step::Enable => self.wanted,
            Step::Disable => self.told,
        }
    }
}

/// Entries of one client for which something may be to do, oldest first.
#[derive(Copy, Clone)]
struct Lane {
    first: u8,
    last: u8,
}

impl Lane {
    const EMPTY: Self = Self {
        first: NONE,
        last: NONE,
    };
}

/// All subscriptions: a hash table with chains, so that an event finds its users in O(1), and the lanes of those to look at.
pub(crate) struct Table<'m> {
    entries: &'m mut [Subscription],
    buckets: [u8; BUCKETS],
    free: u8,
    free_wish: u8,
    /// Entries for all sources of an event.
    general: u8,
    lanes: [Lane; CLIENTS_MAX],
    /// Clients whose lane is not empty.
    busy: ClientSet,
    /// The lane whose turn it is, or the first that is not empty after it.
    turn: ClientId,
    /// Subscriptions of each client.
    held: [u8; CLIENTS_MAX],
    /// Entries that nobody wants any more, by the client that they count to.
    left: [u8; CLIENTS_MAX],
}

fn bucket(protocol: u8, event: u8, source: u32) -> usize {
    let mixed = source
        .wrapping_mul(0x9e37_79b1)
        .wrapping_add(u32::from(protocol) * 0x85eb + u32::from(event) * 0xc2b3);
    (mixed ^ mixed >> 16) as usize % BUCKETS
}

/// Counts one more or one less to a client.
fn add(counts: &mut [u8; CLIENTS_MAX], client: ClientId, change: i8) {
    if let Some(count) = counts.get_mut(client.index()) {
        *count = count.saturating_add_signed(change);
    }
}

impl<'m> Table<'m> {
    pub(crate) const fn new() -> Self {
        Self {
            entries: &mut [],
            buckets: [NONE; BUCKETS],
            free: NONE,
            free_wish: NONE,
            general: 0,
            lanes: [Lane::EMPTY; CLIENTS_MAX],
            busy: ClientSet::EMPTY,
            turn: ClientId::FIRST,
            held: [0; CLIENTS_MAX],
            left: [0; CLIENTS_MAX],
        }
    }

    /// Gives the table its entries, all free. Those past 255 are not used.
    pub(crate) fn provide(&mut self, entries: &'m mut [Subscription]) {
        let count = entries.len().min(usize::from(NONE));
        self.free = NONE;
        self.free_wish = NONE;
        for (number, entry) in entries.iter_mut().enumerate().take(count).rev() {
            *entry = Subscription::NEW;
            entry.next = self.free;
            self.free = number as u8;
            entry.wish.next = self.free_wish;
            self.free_wish = number as u8;
        }
        self.entries = entries;
    }

    pub(crate) fn get(&self, number: u16) -> Option<&Subscription> {
        self.entries.get(usize::from(number))
    }

    pub(crate) fn get_mut(&mut self, number: u16) -> Option<&mut Subscription> {
        self.entries.get_mut(usize::from(number))
    }

    /// Whether the device still has the command that was sent last for an entry, although its time is up.
    pub(crate) fn is_overdue(&self, number: u16) -> bool {
        self.get(number)
            .is_some_and(|entry| entry.used && entry.overdue)
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
    pub(crate) fn general_users(&self, protocol: u8, event: u8) -> ClientSet {
        if self.general == 0 {
            return ClientSet::EMPTY;
        }
        self.users(protocol, event, ALL_SOURCES)
    }

    /// The users of an event of a source; none if there is no entry.
    pub(crate) fn users(&self, protocol: u8, event: u8, source: u32) -> ClientSet {
        self.find(protocol, event, source)
            .and_then(|number| self.get(number))
            .map_or(ClientSet::EMPTY, |entry| entry.users)
    }

    /// How many subscriptions a client has.
    pub(crate) fn held_by(&self, client: ClientId) -> u8 {
        self.held.get(client.index()).copied().unwrap_or(0)
    }

    /// The clients that have subscriptions.
    pub(crate) fn followers(&self) -> ClientSet {
        let holders = ClientId::all().filter(|&client| self.held_by(client) > 0);
        holders.fold(ClientSet::EMPTY, |set, client| set | client.bit())
    }

    /// How many entries that nobody wants any more count to a client.
    pub(crate) fn left_by(&self, client: ClientId) -> u8 {
        self.left.get(client.index()).copied().unwrap_or(0)
    }

    /// Makes an entry; `None`: the table is full.
    pub(crate) fn insert(&mut self, protocol: u8, event: u8, source: u32) -> Option<u16> {
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
            wishes: NONE,
            // Perhaps another entry's.
            wish: entry.wish,
            ..Subscription::NEW
        };
        *head = number;
        self.general = self.general.wrapping_add(u8::from(source == ALL_SOURCES));
        Some(u16::from(number))
    }

    /// Makes a client a user of an entry, with these thresholds in place of those that it asked for before.
    pub(crate) fn admit(&mut self, number: u16, client: ClientId, thresholds: Thresholds) {
        self.forget_wish(number, client);
        if thresholds != Thresholds::NONE {
            self.remember_wish(number, client, thresholds);
        }
        if let Some(entry) = self.get_mut(number) {
            let new = !entry.users.contains(client);
            entry.users |= client.bit();
            let (left, lane) = (core::mem::take(&mut entry.left), entry.lane);
            add(&mut self.held, client, i8::from(new));
            add(&mut self.left, lane, -i8::from(left));
        }
        self.fit(number);
        self.change_lane(number, client);
    }

    /// Clients are no users of an entry any more. `by` is the one that the entry counts to if it was the last.
    pub(crate) fn dismiss(&mut self, number: u16, clients: ClientSet, by: ClientId) {
        let users = self
            .get(number)
            .map_or(ClientSet::EMPTY, |entry| entry.users);
        for client in (users & clients).iter() {
            self.forget_wish(number, client);
            add(&mut self.held, client, -1);
        }
        let Some(entry) = self.get_mut(number) else {
            return;
        };
        entry.users &= !clients;
        entry.unsent &= !clients;
        entry.asked &= !clients;
        if entry.users.is_empty() && !entry.left {
            entry.left = true;
            self.change_lane(number, by);
            add(&mut self.left, by, 1);
        } else {
            self.fit(number);
        }
    }

    fn remember_wish(&mut self, number: u16, client: ClientId, thresholds: Thresholds) {
        let place = self.free_wish;
        // There is one: no client has two wishes of an entry, and the table has a place for each subscription.
        let Some(entry) = self.get_mut(number) else {
            return;
        };
        let next = entry.wishes;
        let Some(wish) = self.get_mut(u16::from(place)).map(|entry| &mut entry.wish) else {
            return;
        };
        let free = wish.next;
        *wish = Wish {
            client,
            thresholds,
            next,
        };
        self.free_wish = free;
        if let Some(entry) = self.get_mut(number) {
            entry.wishes = place;
        }
    }

    fn forget_wish(&mut self, number: u16, client: ClientId) {
        let mut before = NONE;
        let mut place = self.get(number).map_or(NONE, |entry| entry.wishes);
        while let Some(wish) = self.get(u16::from(place)).map(|entry| entry.wish) {
            if wish.client != client {
                before = place;
                place = wish.next;
                continue;
            }
            if let Some(entry) = self.get_mut(u16::from(before)) {
                entry.wish.next = wish.next;
            } else if let Some(entry) = self.get_mut(number) {
                entry.wishes = wish.next;
            }
            let free = self.free_wish;
            if let Some(entry) = self.get_mut(u16::from(place)) {
                entry.wish.next = free;
            }
            self.free_wish = place;
            return;
        }
    }

    /// Works out anew what the users of an entry want together.
    fn fit(&mut self, number: u16) {
        let Some(entry) = self.get(number) else {
            return;
        };
        let mut plain = entry.users;
        let mut wanted: Option<Thresholds> = None;
        let mut place = entry.wishes;
        while let Some(entry) = self.get(u16::from(place)) {
            let wish = entry.wish;
            plain &= !wish.client.bit();
            place = wish.next;
            wanted = Some(wanted.map_or(wish.thresholds, |all| all.widest(wish.thresholds)));
        }
        if !plain.is_empty() {
            wanted = Some(wanted.map_or(Thresholds::NONE, |all| all.widest(Thresholds::NONE)));
        }
        if let (Some(entry), Some(wanted)) = (self.get_mut(number), wanted) {
            entry.wanted = wanted;
        }
    }

    /// The entry is to be looked at in another client's lane from now on.
    pub(crate) fn change_lane(&mut self, number: u16, client: ClientId) {
        let Some(entry) = self.get_mut(number) else {
            return;
        };
        if entry.lane == client {
            return;
        }
        let queued = entry.queued;
        if queued {
            self.unlink(number);
        }
        if let Some(entry) = self.get_mut(number) {
            entry.lane = client;
        }
        if queued {
            self.enqueue(number);
        }
    }

    /// Takes an entry out of its lane. Costs O(entries of the lane).
    fn unlink(&mut self, number: u16) {
        let Some(entry) = self.get_mut(number) else {
            return;
        };
        if !core::mem::take(&mut entry.queued) {
            return;
        }
        let (lane, next) = (entry.lane, entry.next_queued);
        let number = number as u8;
        let Some(ends) = self.lanes.get_mut(lane.index()) else {
            return;
        };
        let mut before = NONE;
        if ends.first == number {
            ends.first = next;
        } else {
            before = ends.first;
            while let Some(entry) = self.entries.get_mut(usize::from(before)) {
                if entry.next_queued == number {
                    entry.next_queued = next;
                    break;
                }
                before = entry.next_queued;
            }
        }
        if ends.last == number {
            ends.last = before;
        }
        if ends.first == NONE {
            self.busy &= !lane.bit();
        }
    }

    /// Puts an entry into its lane, to be looked at; nothing if it is in.
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
        let lane = entry.lane;
        let number = number as u8;
        let Some(ends) = self.lanes.get_mut(lane.index()) else {
            return;
        };
        match self.entries.get_mut(usize::from(ends.last)) {
            Some(last) => last.next_queued = number,
            None => ends.first = number,
        }
        ends.last = number;
        self.busy |= lane.bit();
    }

    /// There is no entry to look at.
    #[inline]
    pub(crate) fn is_idle(&self) -> bool {
        self.busy.is_empty()
    }

    /// The next entry to look at: the first of the lane whose turn it is.
    pub(crate) fn first_queued(&self) -> Option<u16> {
        let client = self.busy.first_from(self.turn)?;
        Some(u16::from(self.lanes.get(client.index())?.first))
    }

    /// Takes an entry that was looked at out of its lane, and frees it if it is of no more use.
    pub(crate) fn dequeue(&mut self, number: u16) {
        self.unlink(number);
        let Some(entry) = self.get(number) else {
            return;
        };
        let idle =
            (entry.users | entry.waiting | entry.later).is_empty() && entry.phase == Phase::Off;
        if idle && entry.used {
            self.release(number as u8);
        }
    }

    /// A command was sent for an entry: the next lane has its turn.
    pub(crate) fn pass_turn(&mut self, number: u16) {
        if let Some(entry) = self.get(number) {
            self.turn = entry.lane.next();
        }
    }

    fn release(&mut self, number: u8) {
        let Some(entry) = self.entries.get_mut(usize::from(number)) else {
            return;
        };
        let at = bucket(entry.protocol, entry.event, entry.source);
        let next = entry.next;
        let general = u8::from(entry.source == ALL_SOURCES);
        let (left, lane) = (core::mem::take(&mut entry.left), entry.lane);
        entry.used = false;
        entry.next = self.free;
        self.free = number;
        self.general = self.general.wrapping_sub(general);
        add(&mut self.left, lane, -i8::from(left));
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
                && (entry.users | entry.waiting | entry.later).contains(client)
            {
                entry.waiting &= !client.bit();
                entry.later &= !client.bit();
                self.dismiss(number, client.bit(), client);
                self.enqueue(number);
            }
        }
    }

    /// The clients that wait for an entry for which nothing was sent yet; they wait no longer. Costs O(entries).
    pub(crate) fn stop_waiting(&mut self) -> ClientSet {
        let mut clients = ClientSet::EMPTY;
        for entry in self.entries.iter_mut() {
            if entry.used && entry.phase < Phase::Enabling {
                clients |= entry.waiting.drain();
                clients |= entry.later.drain();
            }
        }
        clients
    }

    /// The device was reset: the platform knows of nothing any more. Costs O(entries).
    pub(crate) fn reset(&mut self) {
        for number in 0..self.entries.len().min(usize::from(NONE)) as u16 {
            let Some(entry) = self.get_mut(number) else {
                continue;
            };
            if !entry.used {
                continue;
            }
            entry.phase = Phase::Off;
            entry.overdue = false;
            entry.unsent |= entry.asked.drain();
            let users = entry.users;
            self.enqueue(number);
            if let Some(client) = users.first() {
                self.change_lane(number, client);
            }
        }
    }

    /// Checks the books of the table against one another.
    pub(crate) fn audit(&self) -> Result<(), &'static str> {
        let ensure = |holds: bool, otherwise| if holds { Ok(()) } else { Err(otherwise) };
        let (mut queued, mut left, mut wishes) = (0, [0; CLIENTS_MAX], 0);
        let mut held = [0; CLIENTS_MAX];
        for (number, entry) in self.entries.iter().enumerate() {
            if !entry.used {
                ensure(!entry.queued, "a free entry is looked at")?;
                ensure(!entry.left, "a free entry counts to a client")?;
                continue;
            }
            queued += usize::from(entry.queued);
            for client in entry.users.iter() {
                add(&mut held, client, 1);
            }
            if entry.left {
                add(&mut left, entry.lane, 1);
                ensure(entry.users.is_empty(), "an entry that was left has users")?;
            }
            let reachable = self.find(entry.protocol, entry.event, entry.source);
            ensure(reachable == Some(number as u16), "an entry cannot be found")?;
            let mut place = entry.wishes;
            while let Some(entry) = self.get(u16::from(place)) {
                wishes += 1;
                place = entry.wish.next;
            }
        }
        ensure(left == self.left, "what clients left is miscounted")?;
        ensure(held == self.held, "a client's subscriptions are miscounted")?;
        let mut free = self.free_wish;
        while let Some(entry) = self.get(u16::from(free)) {
            wishes += 1;
            free = entry.wish.next;
        }
        ensure(
            wishes == self.entries.len().min(usize::from(NONE)),
            "a wish is lost",
        )?;
        let mut in_lanes = 0;
        for (client, lane) in ClientId::all().zip(&self.lanes) {
            let busy = self.busy.contains(client);
            ensure(busy == (lane.first != NONE), "a lane is forgotten")?;
            let (mut place, mut last) = (lane.first, NONE);
            while let Some(entry) = self.get(u16::from(place))
                && in_lanes <= queued
            {
                in_lanes += 1;
                let right = entry.queued && entry.lane == client;
                ensure(right, "an entry is in another's lane")?;
                (last, place) = (place, entry.next_queued);
            }
            ensure(last == lane.last, "a lane is torn")?;
        }
        ensure(in_lanes == queued, "an entry is in no lane")
    }
}
