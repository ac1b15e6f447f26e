// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The pool of slots: which are free, lost or owed, and to whose account each counts.

use super::handle::SlotId;
use super::lists::{Fifo, List};
use super::slot::{Slot, Slots, State};
use crate::clients::{Clients, Payer};
use crate::error::ensure;

/// All slots. Zeros before a ring is laid out, so that it takes no room in the image.
// The slots are large, so they come last: what every command needs is within reach of short offsets.
#[repr(C)]
pub(super) struct Pool<const SLOTS: usize> {
    free: Fifo,
    /// Slots that the device has although nobody waits for their reply any more, oldest first.
    lost: List,
    /// Of these, the ones that count to nobody, because their client is gone.
    orphans: u16,
    /// Slots of transfers that are over, and of which the platform owes the delayed response.
    owed: u16,
    /// Slots of the ring at its present size.
    in_use: u16,
    slots: Slots<SLOTS>,
}

impl<const SLOTS: usize> Pool<SLOTS> {
    pub(super) const fn new() -> Self {
        Self {
            free: Fifo::EMPTY,
            lost: List::EMPTY,
            orphans: 0,
            owed: 0,
            in_use: 0,
            slots: Slots::new(),
        }
    }

    pub(super) fn get(&self, id: SlotId) -> &Slot {
        self.slots.get(id)
    }

    pub(super) fn get_mut(&mut self, id: SlotId) -> &mut Slot {
        self.slots.get_mut(id)
    }

    pub(super) fn slots(&self) -> &Slots<SLOTS> {
        &self.slots
    }

    /// For who keeps lists through them.
    pub(super) fn slots_mut(&mut self) -> &mut Slots<SLOTS> {
        &mut self.slots
    }

    /// Slots that are free.
    pub(super) fn free(&self) -> u16 {
        self.free.len()
    }

    /// Slots that the device has although nobody waits for their reply any more.
    pub(super) fn lost(&self) -> u16 {
        self.lost.len()
    }

    /// When the oldest of these was lost.
    pub(super) fn oldest_loss(&self) -> Option<u64> {
        Some(self.slots.get(self.lost.first()?).due().at())
    }

    /// Slots of transfers that are over, and of which the platform owes the delayed response.
    pub(super) fn owed(&self) -> u16 {
        self.owed
    }

    /// Slots of the ring at its present size.
    pub(super) fn in_use(&self) -> u16 {
        self.in_use
    }

    /// The device was reset: what it kept is ours, and no ring is laid out. What becomes of each slot is the caller's to say, by
    /// [`Pool::leave_ring`], of all but those that have an end for somebody.
    pub(super) fn take_back(&mut self, clients: &mut Clients<'_>) {
        while let Some(id) = self.lost.first() {
            self.found(id, clients);
        }
        self.free = Fifo::EMPTY;
        self.in_use = 0;
        self.orphans = 0;
        self.owed = 0;
    }

    /// A slot is nobody's, and not part of a ring.
    pub(super) fn leave_ring(&mut self, id: SlotId, clients: &mut Clients<'_>) {
        self.uncharge(id, clients);
        self.slots.get_mut(id).vacate(false);
    }

    /// The ring has so many slots.
    pub(super) fn resize(&mut self, in_use: u16) {
        self.in_use = in_use;
    }

    /// A slot became a part of the ring: it is free, unless it has an end for somebody.
    pub(super) fn enter_ring(&mut self, id: SlotId) {
        if self.slots.get(id).state() == State::OutOfRing {
            self.set_free(id);
        }
    }

    /// Takes the slot that rested longest out of the pool, on somebody's account.
    pub(super) fn take(&mut self, payer: Payer, clients: &mut Clients<'_>) -> Option<SlotId> {
        let id = self.free.pop(&self.slots)?;
        if let Some(account) = clients.account(payer) {
            account.take();
        }
        Some(id)
    }

    /// Gives a slot that the device does not have back to the pool (V07), at the tail.
    pub(super) fn release(&mut self, id: SlotId, clients: &mut Clients<'_>) {
        self.uncharge(id, clients);
        if id.index() < self.in_use {
            self.set_free(id);
        } else {
            self.slots.get_mut(id).vacate(false);
        }
    }

    fn set_free(&mut self, id: SlotId) {
        self.slots.get_mut(id).vacate(true);
        self.free.push(&mut self.slots, id);
    }

    /// The slot no longer counts to anybody's account.
    fn uncharge(&mut self, id: SlotId, clients: &mut Clients<'_>) {
        let payer = self.slots.get_mut(id).uncharge();
        if let Some(account) = clients.account(payer) {
            account.give_back();
        }
    }

    /// The transfer in a slot is over, and the device has the slot.
    pub(super) fn lose(&mut self, id: SlotId, now: u64, clients: &mut Clients<'_>) {
        let slot = self.slots.get_mut(id);
        slot.due_mut().note(now);
        if let Some(account) = clients.account(slot.payer()) {
            account.lose(now);
        }
        self.lost.push(&mut self.slots, id);
    }

    /// The device gave a lost slot back, or was reset.
    pub(super) fn found(&mut self, id: SlotId, clients: &mut Clients<'_>) {
        self.lost.remove(&mut self.slots, id);
        match clients.account(self.slots.get(id).payer()) {
            Some(account) => account.recover(),
            None => self.orphans = self.orphans.wrapping_sub(1),
        }
    }

    /// A lost slot of an account came back. If others are lost and it is still short of slots, it has been so only since the ones that
    /// are lost now: a platform that gives everything back, though late, is not reset. Costs O(lost slots).
    pub(super) fn review_losses(&self, payer: Payer, clients: &mut Clients<'_>) {
        let Some(account) = clients.account(payer) else {
            return;
        };
        if account.short_since().is_none() {
            return;
        }
        let shortage = account.shortage();
        let (mut count, mut oldest, mut short) = (0, None, None);
        for slot in self.lost.iter(&self.slots) {
            if slot.payer() == payer {
                count += 1;
                oldest = oldest.or(Some(slot.due().at()));
                if count == shortage {
                    short = Some(slot.due().at());
                    break;
                }
            }
        }
        account.still_lost(oldest, short);
    }

    /// A client is gone whose slot is lost: the slot counts to nobody, as long as that takes none of what others are promised. So
    /// its next life need not wait for a reset.
    pub(super) fn orphan(&mut self, id: SlotId, clients: &mut Clients<'_>) {
        if self.orphans >= clients.spare(self.in_use) {
            return;
        }
        if let Some(account) = clients.account(self.slots.get(id).payer()) {
            account.recover();
            self.uncharge(id, clients);
            self.orphans = self.orphans.wrapping_add(1);
        }
    }

    /// A transfer that nobody waits for any more was accepted, and will be answered later.
    pub(super) fn owe(&mut self) {
        self.owed = self.owed.wrapping_add(1);
    }

    /// What a transfer was owed has come, or will not come any more: its slot is free.
    pub(super) fn settle(&mut self, id: SlotId, clients: &mut Clients<'_>) {
        self.owed = self.owed.wrapping_sub(1);
        self.release(id, clients);
    }

    /// Compares the lists with what was counted by the slots themselves.
    pub(super) fn audit(
        &self,
        free: u16,
        lost: u16,
        orphans: u16,
        owed: u16,
    ) -> Result<(), &'static str> {
        ensure(free == self.free.len(), "the free list has another length")?;
        ensure(self.free.is_sound(&self.slots), "the free list is torn")?;
        ensure(lost == self.lost.len(), "the lost list has another length")?;
        ensure(self.lost.is_sound(&self.slots), "the lost list is torn")?;
        ensure(owed == self.owed, "owed is wrong")?;
        ensure(orphans == self.orphans, "orphans is wrong")
    }
}
