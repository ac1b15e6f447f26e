// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! All subscriptions: a hash table with chains, so that an event finds its users in O(1).

mod audit;

pub(crate) use audit::audit;

use super::bucket::{BUCKETS, bucket};
use super::counts::Counts;
use super::entry::{ALL_SOURCES, Entry, Key};
use super::lanes::{Lanes, Place, Queued};
use crate::clients::{ClientId, ClientSet};
use scmi::events::Thresholds;

/// No entry.
const NONE: u8 = u8::MAX;

/// What one client wants of one entry that has thresholds.
#[derive(Copy, Clone)]
struct Wish {
    client: ClientId,
    thresholds: Thresholds,
    /// The entry's next wish, or the next free one.
    next: u8,
}

impl Wish {
    const NONE: Self = Self {
        client: ClientId::FIRST,
        thresholds: Thresholds::NONE,
        next: 0,
    };
}

/// Where an entry stands in the table.
struct Links {
    used: bool,
    /// The next entry of the bucket, or the next free one.
    next: u8,
    /// Nobody wants it any more, and it counts to the client of its lane.
    left: bool,
    /// Wishes of the users that have thresholds. A user without one wants [`Thresholds::NONE`].
    wishes: u8,
    /// A place for a wish, of this or another entry.
    wish: Wish,
}

impl Links {
    /// Zeros, which take no room in the image. The table links an entry when it is given to it.
    const NEW: Self = Self {
        used: false,
        next: 0,
        left: false,
        wishes: 0,
        wish: Wish::NONE,
    };
}

/// An entry of the table. Each also has room for what one client wants of one entry, this or another: there are no more wishes than
/// subscriptions.
pub struct Subscription {
    entry: Entry,
    /// Where it waits to be looked at.
    place: Place,
    links: Links,
}

impl Subscription {
    /// An entry that is free: zeros, which take no room in the image.
    pub const NEW: Self = Self {
        entry: Entry::NEW,
        place: Place::NEW,
        links: Links::NEW,
    };
}

impl Queued for Subscription {
    fn place(&self) -> &Place {
        &self.place
    }

    fn place_mut(&mut self) -> &mut Place {
        &mut self.place
    }
}

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
    held: Counts,
    /// Entries that nobody wants any more, by the client that they count to: the one that left last, until the platform has been
    /// told, so that nobody fills the table for others.
    left: Counts,
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
            held: Counts::NONE,
            left: Counts::NONE,
        }
    }

    /// Gives the table its entries, all free. Those past 255 are not used.
    pub(crate) fn provide(&mut self, entries: &'m mut [Subscription]) {
        let count = entries.len().min(usize::from(NONE));
        let entries = entries.get_mut(..count).unwrap_or_default();
        self.free = NONE;
        self.free_wish = NONE;
        for (number, node) in (0..NONE).zip(entries.iter_mut()).rev() {
            *node = Subscription::NEW;
            node.links.next = self.free;
            self.free = number;
            node.links.wish.next = self.free_wish;
            self.free_wish = number;
        }
        self.entries = entries;
    }

    fn node(&self, number: u16) -> Option<&Subscription> {
        self.entries.get(usize::from(number))
    }

    fn node_mut(&mut self, number: u16) -> Option<&mut Subscription> {
        self.entries.get_mut(usize::from(number))
    }

    pub(super) fn get(&self, number: u16) -> Option<&Entry> {
        self.node(number).map(|node| &node.entry)
    }

    pub(super) fn get_mut(&mut self, number: u16) -> Option<&mut Entry> {
        self.node_mut(number).map(|node| &mut node.entry)
    }

    /// The same, if it is not free.
    pub(super) fn used_mut(&mut self, number: u16) -> Option<&mut Entry> {
        self.node_mut(number)
            .filter(|node| node.links.used)
            .map(|node| &mut node.entry)
    }

    /// The client in whose lane an entry waits, or would.
    pub(super) fn lane_of(&self, number: u16) -> ClientId {
        let node = self.node(number);
        node.map_or(ClientId::FIRST, |node| node.place.lane())
    }

    /// The numbers of all entries, those that are free included.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u16> + use<> {
        0..self.entries.len() as u16
    }

    /// The entry of an event of a source.
    pub(super) fn find(&self, key: Key) -> Option<u16> {
        let mut number = *self.buckets.get(bucket(key))?;
        while let Some(node) = self.node(u16::from(number)) {
            if node.entry.key() == key {
                return Some(u16::from(number));
            }
            number = node.links.next;
        }
        None
    }

    /// The users of an event of a source; none if there is no entry.
    pub(super) fn users(&self, key: Key) -> ClientSet {
        self.find(key)
            .and_then(|number| self.get(number))
            .map_or(ClientSet::EMPTY, Entry::users)
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
        self.held.of(client)
    }

    /// How many entries that nobody wants any more count to a client.
    pub(super) fn left_by(&self, client: ClientId) -> u8 {
        self.left.of(client)
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
        let node = self.entries.get_mut(usize::from(number))?;
        self.free = node.links.next;
        node.entry = Entry::of(key);
        node.links.used = true;
        node.links.next = *head;
        node.links.wishes = NONE;
        *head = number;
        let general = u8::from(key.source == ALL_SOURCES);
        self.general = self.general.wrapping_add(general);
        Some(u16::from(number))
    }

    /// Frees an entry.
    fn remove(&mut self, number: u8) {
        let Some(node) = self.entries.get_mut(usize::from(number)) else {
            return;
        };
        let (key, next, lane) = (node.entry.key(), node.links.next, node.place.lane());
        let left = core::mem::take(&mut node.links.left);
        node.links.used = false;
        node.links.next = self.free;
        self.free = number;
        let general = u8::from(key.source == ALL_SOURCES);
        self.general = self.general.wrapping_sub(general);
        self.left.add(lane, -i8::from(left));
        let Some(head) = self.buckets.get_mut(bucket(key)) else {
            return;
        };
        if *head == number {
            *head = next;
            return;
        }
        let mut before = *head;
        while let Some(node) = self.entries.get_mut(usize::from(before)) {
            if node.links.next == number {
                node.links.next = next;
                return;
            }
            before = node.links.next;
        }
    }

    /// Makes a client a user of an entry, with these thresholds in place of those that it asked for before.
    pub(super) fn admit(&mut self, number: u16, client: ClientId, thresholds: Thresholds) {
        self.forget_wish(number, client);
        if thresholds != Thresholds::NONE {
            self.remember_wish(number, client, thresholds);
        }
        if let Some(node) = self.entries.get_mut(usize::from(number)) {
            let new = node.entry.admit(client);
            let left = core::mem::take(&mut node.links.left);
            self.held.add(client, i8::from(new));
            self.left.add(node.place.lane(), -i8::from(left));
        }
        self.fit(number);
        self.lanes.change(self.entries, number, client);
    }

    /// Clients are no users of an entry any more. `by` is the one that the entry counts to if it was the last.
    pub(super) fn dismiss(&mut self, number: u16, clients: ClientSet, by: ClientId) {
        let users = self.get(number).map_or(ClientSet::EMPTY, Entry::users);
        for client in (users & clients).iter() {
            self.forget_wish(number, client);
            self.held.add(client, -1);
        }
        let Some(node) = self.node_mut(number) else {
            return;
        };
        if node.entry.dismiss(clients) && !node.links.left {
            node.links.left = true;
            self.lanes.change(self.entries, number, by);
            self.left.add(by, 1);
        } else {
            self.fit(number);
        }
    }

    fn remember_wish(&mut self, number: u16, client: ClientId, thresholds: Thresholds) {
        let place = self.free_wish;
        // There is one: no client has two wishes of an entry, and the table has a place for each subscription.
        let Some(node) = self.node(number) else {
            return;
        };
        let next = node.links.wishes;
        let Some(node) = self.node_mut(u16::from(place)) else {
            return;
        };
        let wish = Wish {
            client,
            thresholds,
            next,
        };
        self.free_wish = core::mem::replace(&mut node.links.wish, wish).next;
        if let Some(node) = self.node_mut(number) {
            node.links.wishes = place;
        }
    }

    fn forget_wish(&mut self, number: u16, client: ClientId) {
        let mut before = NONE;
        let mut place = self.node(number).map_or(NONE, |node| node.links.wishes);
        while let Some(wish) = self.node(u16::from(place)).map(|node| node.links.wish) {
            if wish.client != client {
                before = place;
                place = wish.next;
                continue;
            }
            if let Some(node) = self.node_mut(u16::from(before)) {
                node.links.wish.next = wish.next;
            } else if let Some(node) = self.node_mut(number) {
                node.links.wishes = wish.next;
            }
            let free = self.free_wish;
            if let Some(node) = self.node_mut(u16::from(place)) {
                node.links.wish.next = free;
            }
            self.free_wish = place;
            return;
        }
    }

    /// Works out anew what the users of an entry want together.
    fn fit(&mut self, number: u16) {
        let Some(node) = self.node(number) else {
            return;
        };
        let mut plain = node.entry.users();
        let mut wanted: Option<Thresholds> = None;
        let mut place = node.links.wishes;
        while let Some(node) = self.node(u16::from(place)) {
            let wish = node.links.wish;
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
        let Some(node) = self.node(number) else {
            return;
        };
        let idle = node.entry.is_idle() && node.links.used;
        if sent {
            self.lanes.pass_turn(node.place.lane());
        }
        self.lanes.leave(self.entries, number);
        if idle {
            self.remove(number as u8);
        }
    }
}
