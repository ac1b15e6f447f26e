// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Batches: lists of small commands that a client waits for all together.
//!
//! A client has one at most, because it is blocked in it. Its entries are copied when it begins, and checked before the first is sent.
//! As many are in flight as the client's account allows; the next follow when answers came. All have one deadline.
//!
//! ```text
//!            begin              checked                 all entries ended
//!   nothing -------> unchecked ---------> under way ----------------------> nothing
//!                                        |         |        ^
//!                                        | sent    | ended  |  refused: never sent
//!                                        +---------+--------+
//! ```

pub use drv_scmi_types::{BATCH_MAX, BatchEntry};

use crate::clients::{ClientId, ClientSet, Owner};
use crate::error::{Refusal, ensure};

/// A batch as a whole.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Batch {
    /// How many entries it has, at least one.
    pub count: usize,
    /// Milliseconds until what has no answer by then is given up, all of it at once; 0 is the default of
    /// [`Limits`](crate::Limits).
    pub deadline_ms: u32,
    /// How many of the client's slots it may take at once; 0: all.
    pub slots: u8,
    /// Whatever [`System::entry_ended`](crate::System::entry_ended) is to be told with each end.
    pub tag: u32,
}

/// [`BatchEntry::len`] of an entry that is over without having been sent.
const OVER: u8 = u8::MAX;

/// A client's batch. Zeros at first, so that it takes no room in the image.
#[derive(Debug)]
pub struct BatchState {
    deadline: u64,
    owner: Owner,
    tag: u32,
    /// Where its entries are among all, and for how many there is room.
    first: u16,
    room: u8,
    /// Its entries; 0: the client has no batch.
    count: u8,
    /// The first that was not looked at yet.
    next: u8,
    /// Entries that were sent, and whose end was not told yet.
    open: u8,
    /// How many that may be; 0: as many as the client has slots.
    slots: u8,
    /// Whether all entries were checked.
    checked: bool,
}

impl BatchState {
    /// No batch.
    pub const NEW: Self = Self {
        deadline: 0,
        owner: Owner(0),
        tag: 0,
        first: 0,
        room: 0,
        count: 0,
        next: 0,
        open: 0,
        slots: 0,
        checked: false,
    };
}

/// The batches of all clients.
pub(crate) struct Batches<'m> {
    states: &'m mut [BatchState],
    entries: &'m mut [BatchEntry],
    /// Clients that have one.
    active: ClientSet,
    /// Whose turn it is to send, where slots are scarce: the one after who sent last.
    turn: ClientId,
}

impl<'m> Batches<'m> {
    /// No client may have one.
    pub(crate) const fn new() -> Self {
        Self {
            states: &mut [],
            entries: &mut [],
            active: ClientSet::EMPTY,
            turn: ClientId::FIRST,
        }
    }

    /// Each client, in order, gets as many entries as its configuration says (`rooms`); the last ones get what is left.
    pub(crate) fn provide(
        &mut self,
        states: &'m mut [BatchState],
        entries: &'m mut [BatchEntry],
        rooms: impl Iterator<Item = u8>,
    ) {
        let mut first = 0;
        for (state, room) in states.iter_mut().zip(rooms) {
            let left = entries.len().saturating_sub(first);
            let room = usize::from(room).min(left).min(BATCH_MAX);
            state.first = first as u16;
            state.room = room as u8;
            first += room;
        }
        self.states = states;
        self.entries = entries;
    }

    /// Where to write the entries of a client's new batch. It begins with [`Batches::begin`].
    pub(crate) fn prepare(
        &mut self,
        id: ClientId,
        count: usize,
    ) -> Result<&mut [BatchEntry], Refusal> {
        let state = self.states.get(id.index()).ok_or(Refusal::NotAClient)?;
        if count == 0 {
            return Err(Refusal::InvalidArgument);
        }
        if count > usize::from(state.room) {
            return Err(Refusal::BatchTooLong);
        }
        if state.count != 0 {
            // It cannot happen: a client that has a batch is blocked in it.
            return Err(Refusal::Busy);
        }
        let first = usize::from(state.first);
        let entries = self.entries.get_mut(first..first + count);
        entries.ok_or(Refusal::BatchTooLong)
    }

    /// The batch of a client begins, with the entries that were written.
    pub(crate) fn begin(&mut self, id: ClientId, owner: Owner, batch: &Batch, deadline: u64) {
        if let Some(state) = self.states.get_mut(id.index()) {
            state.deadline = deadline;
            state.owner = owner;
            state.tag = batch.tag;
            state.count = batch.count as u8;
            state.next = 0;
            state.open = 0;
            state.slots = batch.slots;
            state.checked = false;
            self.active |= id.bit();
        }
    }

    /// Clients that have a batch.
    pub(crate) fn active(&self) -> ClientSet {
        self.active
    }

    /// Takes the client out of a set whose turn it is to send.
    pub(crate) fn take_next(&self, clients: &mut ClientSet) -> Option<ClientId> {
        let id = clients.first_from(self.turn)?;
        *clients &= !id.bit();
        Some(id)
    }

    /// Whether no client has one.
    pub(crate) fn is_idle(&self) -> bool {
        self.active.is_empty()
    }

    /// When the first of all batches is to be given up. Costs O(batches).
    pub(crate) fn next_deadline(&self) -> Option<u64> {
        let deadlines = self.active.iter().filter_map(|id| self.get(id));
        deadlines.map(|state| state.deadline).min()
    }

    /// A client whose batch is to be given up. Costs O(batches).
    pub(crate) fn expired(&self, now: u64) -> Option<ClientId> {
        let is_over = |id: &ClientId| self.get(*id).is_some_and(|state| state.deadline <= now);
        self.active.iter().find(is_over)
    }

    fn get(&self, id: ClientId) -> Option<&BatchState> {
        self.states.get(id.index()).filter(|state| state.count > 0)
    }

    fn get_mut(&mut self, id: ClientId) -> Option<&mut BatchState> {
        self.states
            .get_mut(id.index())
            .filter(|state| state.count > 0)
    }

    /// Who waits for a client's batch, and its tag.
    pub(crate) fn waiter(&self, id: ClientId) -> Option<(Owner, u32)> {
        self.get(id).map(|state| (state.owner, state.tag))
    }

    /// How many entries of a client's batch are still to be checked; after that, none.
    pub(crate) fn take_unchecked(&mut self, id: ClientId) -> u8 {
        match self.get_mut(id) {
            Some(state) if !state.checked => {
                state.checked = true;
                state.count
            }
            _ => 0,
        }
    }

    /// An entry of a client's batch.
    pub(crate) fn entry(&self, id: ClientId, index: u8) -> Option<&BatchEntry> {
        let state = self.get(id).filter(|state| index < state.count)?;
        self.entries
            .get(usize::from(state.first) + usize::from(index))
    }

    /// An entry is over without having been sent.
    pub(crate) fn settle(&mut self, id: ClientId, index: u8) {
        let Some(state) = self.get(id) else {
            return;
        };
        let place = usize::from(state.first) + usize::from(index);
        if let Some(entry) = self.entries.get_mut(place) {
            entry.len = OVER;
        }
    }

    /// Whether a batch may take another slot.
    pub(crate) fn may_send(&self, id: ClientId) -> bool {
        self.get(id)
            .is_some_and(|state| state.slots == 0 || state.open < state.slots)
    }

    /// The next entry to send.
    pub(crate) fn next(&mut self, id: ClientId) -> Option<(u8, &BatchEntry)> {
        let state = self
            .states
            .get_mut(id.index())
            .filter(|state| state.count > 0)?;
        while state.next < state.count {
            let place = usize::from(state.first) + usize::from(state.next);
            let entry = self.entries.get(place)?;
            if entry.len != OVER {
                return Some((state.next, entry));
            }
            state.next += 1;
        }
        None
    }

    /// The entry that was next is sent.
    pub(crate) fn sent(&mut self, id: ClientId) {
        if let Some(state) = self.get_mut(id) {
            state.next = state.next.saturating_add(1);
            state.open = state.open.saturating_add(1);
        }
        self.turn = id.next();
    }

    /// An entry that was sent is over.
    pub(crate) fn ended(&mut self, id: ClientId) {
        if let Some(state) = self.get_mut(id) {
            state.open = state.open.saturating_sub(1);
        }
    }

    /// Ends a client's batch if all of its entries are over. Returns who waits for it.
    pub(crate) fn take_over(&mut self, id: ClientId) -> Option<Owner> {
        let state = self.get(id)?;
        let owner = state.owner;
        if state.open > 0 || !state.checked || self.next(id).is_some() {
            return None;
        }
        self.forget(id);
        Some(owner)
    }

    /// Nobody waits for a client's batch any more.
    pub(crate) fn forget(&mut self, id: ClientId) {
        if let Some(state) = self.get_mut(id) {
            state.count = 0;
        }
        self.active &= !id.bit();
    }

    /// Checks the books against what the transfers say: `open` tells how many of a client's transfers are part of its batch, ended or
    /// not.
    pub(crate) fn audit(&self, open: impl Fn(ClientId) -> u16) -> Result<(), &'static str> {
        for (state, id) in self.states.iter().zip(ClientId::all()) {
            let active = self.active.contains(id);
            ensure(active == (state.count > 0), "a batch is forgotten")?;
            if active {
                ensure(state.count <= state.room, "a batch has entries of others")?;
                ensure(state.next <= state.count, "a batch is longer than it is")?;
                ensure(
                    u16::from(state.open) == open(id),
                    "the open entries of a batch are miscounted",
                )?;
            }
        }
        Ok(())
    }
}
