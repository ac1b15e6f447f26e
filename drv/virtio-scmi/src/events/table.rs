// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! All subscriptions: a hash table with chains, so that an event finds its users in O(1).

use super::entry::{ALL_SOURCES, Key, Subscription, Wish};
use super::lanes::Lanes;
use crate::clients::{CLIENTS_MAX, ClientId, ClientSet};
use crate::error::ensure;
use scmi::events::Thresholds;

/// No entry.
const NONE: u8 = u8::MAX;
const BUCKETS: usize = 32;

/// All subscriptions, and the lanes of those to look at.
pub(crate) struct Table<'m> {
    entries: &'m mut [Subscription],
    buckets: [u8; BUCKETS],
    free: u8,
    free_wish: u8,
    /// Entries for all sources of an event.
    general: u8,
    lanes: Lanes,
    /// Subscriptions of each client.
    held: [u8; CLIENTS_MAX],
    /// Entries that nobody wants any more, by the client that they count to: the one that left last, until the platform has been
    /// told, so that nobody fills the table for others.
    left: [u8; CLIENTS_MAX],
}

fn bucket(key: Key) -> usize {
    let mixed = key
        .source
        .wrapping_mul(0x9e37_79b1)
        .wrapping_add(u32::from(key.protocol) * 0x85eb + u32::from(key.event) * 0xc2b3);
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
            lanes: Lanes::new(),
            held: [0; CLIENTS_MAX],
            left: [0; CLIENTS_MAX],
        }
    }

    /// Gives the table its entries, all free. Those past 255 are not used.
    pub(crate) fn provide(&mut self, entries: &'m mut [Subscription]) {
        let count = entries.len().min(usize::from(NONE));
        let entries = entries.get_mut(..count).unwrap_or_default();
        self.free = NONE;
        self.free_wish = NONE;
        for (number, entry) in (0..NONE).zip(entries.iter_mut()).rev() {
            *entry = Subscription::NEW;
            entry.links.next = self.free;
            self.free = number;
            entry.links.wish.next = self.free_wish;
            self.free_wish = number;
        }
        self.entries = entries;
    }

    pub(super) fn get(&self, number: u16) -> Option<&Subscription> {
        self.entries.get(usize::from(number))
    }

    pub(super) fn get_mut(&mut self, number: u16) -> Option<&mut Subscription> {
        self.entries.get_mut(usize::from(number))
    }

    /// The numbers of all entries, those that are free included.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u16> + use<> {
        0..self.entries.len() as u16
    }

    /// The entry of an event of a source.
    pub(super) fn find(&self, key: Key) -> Option<u16> {
        let mut number = *self.buckets.get(bucket(key))?;
        while let Some(entry) = self.get(u16::from(number)) {
            if entry.key() == key {
                return Some(u16::from(number));
            }
            number = entry.links.next;
        }
        None
    }

    /// The users of an event of a source; none if there is no entry.
    pub(super) fn users(&self, key: Key) -> ClientSet {
        self.find(key)
            .and_then(|number| self.get(number))
            .map_or(ClientSet::EMPTY, Subscription::users)
    }

    /// Who is to be told of an event: who follows all sources, and who else follows this one.
    pub(crate) fn followers_of(&self, key: Key) -> (ClientSet, ClientSet) {
        let mut all = ClientSet::EMPTY;
        if self.general > 0 {
            all = self.users(Key {
                source: ALL_SOURCES,
                ..key
            });
        }
        (all, self.users(key) & !all)
    }

    /// How many subscriptions a client has.
    pub(super) fn held_by(&self, client: ClientId) -> u8 {
        self.held.get(client.index()).copied().unwrap_or(0)
    }

    /// How many entries that nobody wants any more count to a client.
    pub(super) fn left_by(&self, client: ClientId) -> u8 {
        self.left.get(client.index()).copied().unwrap_or(0)
    }

    /// The clients that have subscriptions.
    pub(crate) fn followers(&self) -> ClientSet {
        let holders = ClientId::all().filter(|&client| self.held_by(client) > 0);
        holders.fold(ClientSet::EMPTY, |set, client| set | client.bit())
    }

    /// Makes an entry; `None`: the table is full.
    pub(super) fn insert(&mut self, key: Key) -> Option<u16> {
        let number = self.free;
        let head = self.buckets.get_mut(bucket(key))?;
        let entry = self.entries.get_mut(usize::from(number))?;
        self.free = entry.links.next;
        entry.begin(key);
        entry.links.used = true;
        entry.links.next = *head;
        entry.links.wishes = NONE;
        *head = number;
        self.general = self
            .general
            .wrapping_add(u8::from(key.source == ALL_SOURCES));
        Some(u16::from(number))
    }

    /// Frees an entry.
    fn remove(&mut self, number: u8) {
        let Some(entry) = self.entries.get_mut(usize::from(number)) else {
            return;
        };
        let (key, next, lane) = (entry.key(), entry.links.next, entry.place.lane());
        let left = core::mem::take(&mut entry.links.left);
        entry.links.used = false;
        entry.links.next = self.free;
        self.free = number;
        self.general = self
            .general
            .wrapping_sub(u8::from(key.source == ALL_SOURCES));
        add(&mut self.left, lane, -i8::from(left));
        let Some(head) = self.buckets.get_mut(bucket(key)) else {
            return;
        };
        if *head == number {
            *head = next;
            return;
        }
        let mut before = *head;
        while let Some(entry) = self.entries.get_mut(usize::from(before)) {
            if entry.links.next == number {
                entry.links.next = next;
                return;
            }
            before = entry.links.next;
        }
    }

    /// Makes a client a user of an entry, with these thresholds in place of those that it asked for before.
    pub(super) fn admit(&mut self, number: u16, client: ClientId, thresholds: Thresholds) {
        self.forget_wish(number, client);
        if thresholds != Thresholds::NONE {
            self.remember_wish(number, client, thresholds);
        }
        if let Some(entry) = self.entries.get_mut(usize::from(number)) {
            let new = entry.admit(client);
            let left = core::mem::take(&mut entry.links.left);
            add(&mut self.held, client, i8::from(new));
            add(&mut self.left, entry.place.lane(), -i8::from(left));
        }
        self.fit(number);
        self.lanes.change(self.entries, number, client);
    }

    /// Clients are no users of an entry any more. `by` is the one that the entry counts to if it was the last.
    pub(super) fn dismiss(&mut self, number: u16, clients: ClientSet, by: ClientId) {
        let users = self
            .get(number)
            .map_or(ClientSet::EMPTY, Subscription::users);
        for client in (users & clients).iter() {
            self.forget_wish(number, client);
            add(&mut self.held, client, -1);
        }
        let Some(entry) = self.get_mut(number) else {
            return;
        };
        if entry.dismiss(clients) && !entry.links.left {
            entry.links.left = true;
            self.lanes.change(self.entries, number, by);
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
        let next = entry.links.wishes;
        let Some(wish) = self
            .get_mut(u16::from(place))
            .map(|entry| &mut entry.links.wish)
        else {
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
            entry.links.wishes = place;
        }
    }

    fn forget_wish(&mut self, number: u16, client: ClientId) {
        let mut before = NONE;
        let mut place = self.get(number).map_or(NONE, |entry| entry.links.wishes);
        while let Some(wish) = self.get(u16::from(place)).map(|entry| entry.links.wish) {
            if wish.client != client {
                before = place;
                place = wish.next;
                continue;
            }
            if let Some(entry) = self.get_mut(u16::from(before)) {
                entry.links.wish.next = wish.next;
            } else if let Some(entry) = self.get_mut(number) {
                entry.links.wishes = wish.next;
            }
            let free = self.free_wish;
            if let Some(entry) = self.get_mut(u16::from(place)) {
                entry.links.wish.next = free;
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
        let mut plain = entry.users();
        let mut wanted: Option<Thresholds> = None;
        let mut place = entry.links.wishes;
        while let Some(entry) = self.get(u16::from(place)) {
            let wish = entry.links.wish;
            plain &= !wish.client.bit();
            place = wish.next;
            wanted = Some(wanted.map_or(wish.thresholds, |all| all.widest(wish.thresholds)));
        }
        if !plain.is_empty() {
            wanted = Some(wanted.map_or(Thresholds::NONE, |all| all.widest(Thresholds::NONE)));
        }
        if let (Some(entry), Some(wanted)) = (self.get_mut(number), wanted) {
            entry.want(wanted);
        }
    }

    /// There is no entry to look at.
    pub(crate) fn is_idle(&self) -> bool {
        self.lanes.is_idle()
    }

    /// The next entry to look at.
    pub(super) fn first_queued(&self) -> Option<u16> {
        self.lanes.first()
    }

    /// Puts an entry into its lane, to be looked at; into another's if that is given.
    pub(super) fn enqueue(&mut self, number: u16, lane: Option<ClientId>) {
        self.lanes.enter(self.entries, number);
        if let Some(lane) = lane {
            self.lanes.change(self.entries, number, lane);
        }
    }

    /// Takes an entry that was looked at out of its lane, and frees it if it is of no more use. `sent`: a command was sent for it, so
    /// another lane has its turn.
    pub(super) fn dequeue(&mut self, number: u16, sent: bool) {
        let Some(entry) = self.get(number) else {
            return;
        };
        let idle = entry.is_idle() && entry.links.used;
        if sent {
            self.lanes.pass_turn(entry.place.lane());
        }
        self.lanes.leave(self.entries, number);
        if idle {
            self.remove(number as u8);
        }
    }

    /// Checks the books of the table against one another.
    pub(crate) fn audit(&self) -> Result<(), &'static str> {
        let (mut left, mut held, mut wishes) = ([0; CLIENTS_MAX], [0; CLIENTS_MAX], 0);
        for (number, entry) in self.entries.iter().enumerate() {
            if !entry.links.used {
                ensure(!entry.place.is_queued(), "a free entry is looked at")?;
                ensure(!entry.links.left, "a free entry counts to a client")?;
                continue;
            }
            for client in entry.users().iter() {
                add(&mut held, client, 1);
            }
            if entry.links.left {
                add(&mut left, entry.place.lane(), 1);
                let unwanted = entry.users().is_empty();
                ensure(unwanted, "an entry that was left has users")?;
            }
            let reachable = self.find(entry.key());
            ensure(reachable == Some(number as u16), "an entry cannot be found")?;
            let mut place = entry.links.wishes;
            while let Some(entry) = self.get(u16::from(place)) {
                wishes += 1;
                place = entry.links.wish.next;
            }
        }
        ensure(left == self.left, "what clients left is miscounted")?;
        ensure(held == self.held, "a client's subscriptions are miscounted")?;
        let mut free = self.free_wish;
        while let Some(entry) = self.get(u16::from(free)) {
            wishes += 1;
            free = entry.links.wish.next;
        }
        ensure(wishes == self.entries.len(), "a wish is lost")?;
        self.lanes.audit(self.entries)
    }
}
