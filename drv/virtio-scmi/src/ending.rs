// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Ends of transfers: by an answer, by time, by a reset, by the client's will or death; and what becomes of the slot.

use crate::channel::Channel;
use crate::counters::count;
use crate::error::Failure;
use crate::memory::DmaBuffer;
use crate::quota::{Account, ClientId, Owner, Payer};
use crate::slot::{SlotId, Slots, State};
use crate::trace::Trace;
use crate::transfer::{Answer, Reply};

impl<'m, const RING: usize, const SLOTS: usize, const EVENTS: usize>
    Channel<'m, RING, SLOTS, EVENTS>
{
    /// Ends a transfer for which nobody waits any more.
    pub(crate) fn drop_transfer(&mut self, id: SlotId, now: u64) {
        match self.books.slots.get(id).state {
            State::Waiting => {
                self.stop_clock(id);
                self.leave_flight(id);
                count(&mut self.counters.failed);
                let slot = self.books.slots.get_mut(id);
                slot.state = State::Lost;
                slot.end = Err(Failure::TimedOut);
                self.lose(id, now);
            }
            State::AwaitingDelayed => {
                // The platform is at work on it, so the slot stays taken until that is over. Its deadline stays too.
                self.leave_flight(id);
                count(&mut self.counters.failed);
                self.books.slots.get_mut(id).state = State::Owed;
                self.owed = self.owed.wrapping_add(1);
            }
            State::Ended => self.finish(id),
            State::Filling => self.release(id),
            State::Free | State::Lost | State::Owed | State::OutOfRing => {}
        }
    }

    /// The transfer in a slot is over, and the device has the slot.
    fn lose(&mut self, id: SlotId, now: u64) {
        self.books.slots.get_mut(id).time = now;
        self.lost.push(&mut self.books.slots, id);
        if let Some(account) = self.account(self.books.slots.get(id).payer) {
            account.lose(now);
        }
        self.turn.rearm = true;
    }

    /// The device gave a lost slot back, or was reset.
    pub(crate) fn found(&mut self, id: SlotId) {
        self.lost.remove(&mut self.books.slots, id);
        match self.books.slots.get(id).payer {
            Payer::Nobody => self.orphans = self.orphans.wrapping_sub(1),
            payer => {
                if let Some(account) = self.account(payer) {
                    account.recover();
                }
            }
        }
    }

    /// A lost slot of an account came back. If others are lost and it is still short of slots, it has been so only since the ones that
    /// are lost now: a platform that gives everything back, though late, is not reset. Costs O(lost slots).
    #[cold]
    pub(crate) fn review_losses(&mut self, payer: Payer) {
        let Some(account) = self.account(payer) else {
            return;
        };
        if account.short_since().is_none() {
            return;
        }
        let shortage = account.shortage();
        let (mut count, mut oldest, mut short) = (0, None, None);
        for slot in self.lost.iter(&self.books.slots) {
            if slot.payer == payer {
                count += 1;
                oldest = oldest.or(Some(slot.time));
                if count == shortage {
                    short = Some(slot.time);
                    break;
                }
            }
        }
        if let Some(account) = self.account(payer) {
            account.still_lost(oldest, short);
        }
    }

    pub(crate) fn account(&mut self, payer: Payer) -> Option<&mut Account> {
        match payer {
            Payer::Nobody => None,
            Payer::Client(id) => Some(&mut self.clients.get_mut(id.index())?.account),
            Payer::Driver => Some(&mut self.own),
        }
    }

    /// What a transfer was owed has come, or will not come any more: its slot is free.
    #[cold]
    pub(crate) fn settle(&mut self, id: SlotId) {
        self.owed = self.owed.wrapping_sub(1);
        self.release(id);
    }

    /// A transfer in flight is over: `interruptible` and `in_flight` no longer count it. Before the state changes.
    #[inline]
    pub(crate) fn leave_flight(&mut self, id: SlotId) {
        let slot = self.books.slots.get(id);
        if !slot.polled {
            self.interruptible = self.interruptible.wrapping_sub(1);
        }
        self.in_flight = self.in_flight.wrapping_sub(1);
    }

    /// A transfer in flight is answered. It is off the clock, and the device does not have its slot.
    #[inline]
    pub(crate) fn answer(&mut self, id: SlotId, answer: Answer) {
        self.leave_flight(id);
        let slot = self.books.slots.get_mut(id);
        slot.state = State::Ended;
        slot.end = Ok(answer);
        count(&mut self.counters.answered);
    }

    /// A transfer in flight ended, in time or not. It is off the clock.
    #[cold]
    pub(crate) fn conclude(&mut self, id: SlotId, end: Result<Answer, Failure>, now: u64) {
        self.leave_flight(id);
        let with_device = self.commands.with_device(id.head());
        let slot = self.books.slots.get_mut(id);
        slot.state = State::Ended;
        slot.end = end;
        let (header, polled) = (slot.header, slot.polled);
        if with_device {
            self.lose(id, now);
        }
        match end {
            Ok(_) => count(&mut self.counters.answered),
            Err(failure) => {
                match failure {
                    Failure::TimedOut | Failure::DelayedTimedOut => {
                        count(&mut self.counters.timed_out);
                        count(if polled {
                            &mut self.counters.xfers_response_polled_timeout
                        } else {
                            &mut self.counters.xfers_response_timeout
                        });
                    }
                    _ => count(&mut self.counters.failed),
                }
                self.trace(Trace::Failed { header, failure });
            }
        }
    }

    /// Gives a slot that the device does not have back to the pool (V07), at the tail.
    #[inline(never)]
    pub(crate) fn release(&mut self, id: SlotId) {
        self.release_here(id);
    }

    /// [`Channel::release`], on the path of ordinary commands.
    #[inline(always)]
    pub(crate) fn release_here(&mut self, id: SlotId) {
        self.uncharge(id);
        let slots = &mut self.books.slots;
        if id.index() < self.in_use {
            slots.get_mut(id).state = State::Free;
            self.free.push(slots, id);
        } else {
            slots.get_mut(id).state = State::OutOfRing;
        }
    }

    /// The slot no longer counts to anybody's account.
    #[inline]
    pub(crate) fn uncharge(&mut self, id: SlotId) {
        let slot = self.books.slots.get_mut(id);
        let payer = core::mem::replace(&mut slot.payer, Payer::Nobody);
        if let Payer::Client(client) = payer {
            if let Some(client) = self.clients.get_mut(client.index()) {
                client.account.give_back();
            }
        } else if payer == Payer::Driver {
            self.own.give_back();
        }
    }

    /// How many slots are nobody's by their quotas; all, where the quotas promise more than there is.
    fn spare(&self) -> u16 {
        let promised = self
            .clients
            .iter()
            .map(|client| u32::from(client.account.quota()))
            .sum::<u32>()
            + u32::from(self.own.quota());
        match u32::from(self.in_use).checked_sub(promised) {
            Some(spare) => spare as u16,
            None => self.in_use,
        }
    }

    /// A client is gone whose slot is lost: the slot counts to nobody, as long as that takes none of what others are promised. So
    /// its next life need not wait for a reset.
    fn orphan(&mut self, id: SlotId) {
        if self.orphans >= self.spare() {
            return;
        }
        let payer = self.books.slots.get(id).payer;
        if let Some(account) = self.account(payer) {
            account.recover();
            self.uncharge(id);
            self.orphans = self.orphans.wrapping_add(1);
        }
    }

    /// After a reset the driver has every reply buffer: a delayed response in an event buffer moves to its slot.
    pub(crate) fn unpark(&mut self, id: SlotId) {
        if let Ok(answer) = self.books.slots.get(id).end
            && let Some(number) = answer.parked
        {
            let len = Reply::FIRST * 4 + usize::from(answer.len);
            self.reply(id).copy_from(self.event(number), len);
            let slot = self.books.slots.get_mut(id);
            slot.large |= len > DmaBuffer::SMALL;
            slot.end = Ok(Answer {
                parked: None,
                ..answer
            });
        }
    }

    /// Everything in flight ends because the device is reset; who waits is told in the next turn. Costs O(slots).
    pub(crate) fn fail_in_flight(&mut self, now: u64) {
        for id in Slots::<SLOTS>::ids() {
            if self.books.slots.get(id).in_flight() {
                self.stop_clock(id);
                self.conclude(id, Err(Failure::DeviceReset), now);
                self.books.untold.insert(id);
            }
        }
    }

    /// A task ended, or is in another life: frees its slots, empties its queue, ends its subscriptions. Costs O(slots).
    ///
    /// To be called when the supervisor tells of it; a call from the task's next life does it too.
    #[cold]
    pub(crate) fn client_gone(&mut self, owner: Owner, now: u64) {
        if let Some(id) = self.client_number(owner)
            && let Some(client) = self.clients.get_mut(id.index())
            && client.owner == owner
        {
            client.owner = Owner::NOBODY;
            self.forget(id, owner, now);
        }
    }

    /// Who a client was when it last called, for a check whether it still lives. `None` past the last client, and for one
    /// that has nothing to lose.
    pub(crate) fn client_owner(&self, number: usize) -> Option<Owner> {
        self.clients.get(number).map(|client| client.owner)
    }

    #[cold]
    pub(crate) fn forget(&mut self, id: ClientId, owner: Owner, now: u64) {
        if let Some(client) = self.clients.get_mut(id.index()) {
            let held = client.account.held();
            client.subscriptions = 0;
            client.queue.clear(self.records);
            self.trace(Trace::ClientGone {
                task: owner.0,
                held,
            });
            if held > 0 {
                for slot in Slots::<SLOTS>::ids() {
                    if self.books.slots.get(slot).payer != Payer::Client(id) {
                        continue;
                    }
                    self.drop_transfer(slot, now);
                    if self.books.slots.get(slot).state == State::Lost {
                        self.orphan(slot);
                    }
                }
            }
        }
        self.subscriptions.forget(id);
        self.posts &= !id.bit();
        self.posts_first &= !id.bit();
        self.announce.0 &= !id.bit();
        self.kept &= !id.bit();
        self.turn.wanted = true;
    }
}
