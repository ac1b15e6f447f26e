// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Lanes: entries for which something may be to do, oldest first, in a lane for each client.
//!
//! The lanes take turns: the burst of one client delays no other.

use crate::clients::{CLIENTS_MAX, ClientId, ClientSet};
use crate::error::ensure;

/// No entry.
const NONE: u8 = u8::MAX;

/// Where an entry waits.
pub(super) struct Place {
    /// The lane of the client that acted last.
    lane: ClientId,
    /// In that lane.
    queued: bool,
    next: u8,
}

impl Place {
    pub(super) const NEW: Self = Self {
        lane: ClientId::FIRST,
        queued: false,
        next: 0,
    };

    /// The client that acted last.
    pub(super) fn lane(&self) -> ClientId {
        self.lane
    }

    pub(super) fn is_queued(&self) -> bool {
        self.queued
    }
}

/// What can wait in a lane.
pub(super) trait Queued {
    /// Where it waits.
    fn place(&self) -> &Place;
    /// The same, for the lanes alone.
    fn place_mut(&mut self) -> &mut Place;
}

/// First and last entry of a lane.
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

/// The lanes of all clients, through a table of entries.
pub(super) struct Lanes {
    lanes: [Lane; CLIENTS_MAX],
    /// Clients whose lane is not empty.
    busy: ClientSet,
    /// The lane whose turn it is, or the first that is not empty after it.
    turn: ClientId,
}

impl Lanes {
    pub(super) const fn new() -> Self {
        Self {
            lanes: [Lane::EMPTY; CLIENTS_MAX],
            busy: ClientSet::EMPTY,
            turn: ClientId::FIRST,
        }
    }

    /// There is no entry to look at.
    pub(super) fn is_idle(&self) -> bool {
        self.busy.is_empty()
    }

    /// The next entry to look at: the first of the lane whose turn it is.
    pub(super) fn first(&self) -> Option<u16> {
        let client = self.busy.first_from(self.turn)?;
        Some(u16::from(self.lanes.get(client.index())?.first))
    }

    /// A command was sent for an entry of this lane: the next one has its turn.
    pub(super) fn pass_turn(&mut self, lane: ClientId) {
        self.turn = lane.next();
    }

    /// The entry is to be looked at in another client's lane from now on.
    pub(super) fn change(&mut self, entries: &mut [impl Queued], number: u16, client: ClientId) {
        let Some(entry) = entries.get_mut(usize::from(number)) else {
            return;
        };
        if entry.place().lane == client {
            return;
        }
        let queued = entry.place().queued;
        if queued {
            self.leave(entries, number);
        }
        if let Some(entry) = entries.get_mut(usize::from(number)) {
            entry.place_mut().lane = client;
        }
        if queued {
            self.enter(entries, number);
        }
    }

    /// Puts an entry into its lane, to be looked at; nothing if it is in.
    pub(super) fn enter(&mut self, entries: &mut [impl Queued], number: u16) {
        let Some(entry) = entries.get_mut(usize::from(number)) else {
            return;
        };
        if entry.place().queued {
            return;
        }
        entry.place_mut().queued = true;
        entry.place_mut().next = NONE;
        let lane = entry.place().lane;
        let number = number as u8;
        let Some(ends) = self.lanes.get_mut(lane.index()) else {
            return;
        };
        match entries.get_mut(usize::from(ends.last)) {
            Some(last) => last.place_mut().next = number,
            None => ends.first = number,
        }
        ends.last = number;
        self.busy |= lane.bit();
    }

    /// Takes an entry out of its lane; nothing if it is not in. Costs O(entries of the lane).
    pub(super) fn leave(&mut self, entries: &mut [impl Queued], number: u16) {
        let Some(entry) = entries.get_mut(usize::from(number)) else {
            return;
        };
        if !core::mem::take(&mut entry.place_mut().queued) {
            return;
        }
        let (lane, next) = (entry.place().lane, entry.place().next);
        let number = number as u8;
        let Some(ends) = self.lanes.get_mut(lane.index()) else {
            return;
        };
        let mut before = NONE;
        if ends.first == number {
            ends.first = next;
        } else {
            before = ends.first;
            while let Some(entry) = entries.get_mut(usize::from(before)) {
                if entry.place().next == number {
                    entry.place_mut().next = next;
                    break;
                }
                before = entry.place().next;
            }
        }
        if ends.last == number {
            ends.last = before;
        }
        if ends.first == NONE {
            self.busy &= !lane.bit();
        }
    }

    /// Checks the lanes against the entries.
    pub(super) fn audit(&self, entries: &[impl Queued]) -> Result<(), &'static str> {
        let queued = entries
            .iter()
            .filter(|entry| entry.place().is_queued())
            .count();
        let mut in_lanes = 0;
        for (client, lane) in ClientId::all().zip(&self.lanes) {
            let busy = self.busy.contains(client);
            ensure(busy == (lane.first != NONE), "a lane is forgotten")?;
            let (mut number, mut last) = (lane.first, NONE);
            while let Some(entry) = entries.get(usize::from(number))
                && in_lanes <= queued
            {
                in_lanes += 1;
                let right = entry.place().queued && entry.place().lane == client;
                ensure(right, "an entry is in another's lane")?;
                (last, number) = (number, entry.place().next);
            }
            ensure(last == lane.last, "a lane is torn")?;
        }
        ensure(in_lanes == queued, "an entry is in no lane")
    }
}
