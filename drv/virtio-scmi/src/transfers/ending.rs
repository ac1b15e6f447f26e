// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Ends of transfers: by an answer, by time, by a reset, by the client's will or death; and what becomes of the slot.

use super::slot::{Slot, Slots, State};
use super::{Answer, Reply, SlotId, Transfers, Waiter};
use crate::clients::{ClientId, Clients, Payer};
use crate::counters::Count;
use crate::error::Failure;
use crate::events::Events;
use crate::journal::Journal;
use crate::trace::Trace;

impl<const RING: usize, const SLOTS: usize> Transfers<'_, RING, SLOTS> {
    /// Ends one transfer whose time is up, and returns it.
    pub(crate) fn expire(
        &mut self,
        now: u64,
        clients: &mut Clients<'_>,
        journal: &mut Journal,
    ) -> Option<SlotId> {
        loop {
            let books = &mut *self.books;
            let id = books.deadlines.expire(books.pool.slots_mut(), now)?;
            let slot = books.pool.get(id);
            let token = slot.token();
            let failure = match slot.state() {
                State::Owed => {
                    books.tokens.retire(token);
                    books.pool.settle(id, clients);
                    continue;
                }
                State::AwaitingDelayed => {
                    books.tokens.retire(token);
                    Failure::DelayedTimedOut
                }
                _ => Failure::TimedOut,
            };
            self.conclude(id, Err(failure), clients, journal, now);
            return Some(id);
        }
    }

    /// Everything in flight ends because the device is reset; who waits is told in the next turn. Costs O(slots).
    pub(crate) fn fail_all(&mut self, now: u64, clients: &mut Clients<'_>, journal: &mut Journal) {
        self.end_all(Failure::DeviceReset, now, clients, journal, |_| true);
    }

    /// The commands of a client's batch that are in flight end because its time is up. Costs O(slots).
    pub(crate) fn time_out_batch(
        &mut self,
        id: ClientId,
        now: u64,
        clients: &mut Clients<'_>,
        journal: &mut Journal,
    ) {
        self.end_all(
            Failure::TimedOut,
            now,
            clients,
            journal,
            |slot| matches!(slot.waiter(), Waiter::Batch { client, .. } if client == id),
        );
    }

    /// Ends those in flight that are `meant`; who waits is told in the next turn. Costs O(slots).
    fn end_all(
        &mut self,
        failure: Failure,
        now: u64,
        clients: &mut Clients<'_>,
        journal: &mut Journal,
        meant: impl Fn(&Slot) -> bool,
    ) {
        for id in Slots::<SLOTS>::ids() {
            let slot = self.books.pool.get(id);
            if slot.in_flight() && meant(slot) {
                self.stop_clock(id);
                self.conclude(id, Err(failure), clients, journal, now);
                self.books.untold.insert(id);
            }
        }
    }

    /// The next transfer that a reset, or the time of a batch, ended, and whose waiter is to be told.
    pub(crate) fn next_untold(&mut self) -> Option<SlotId> {
        self.books.untold.pop()
    }

    /// A client is gone: its transfers end. Costs O(slots). Returns the event buffers that kept answers of it, one by one, to `unparked`.
    pub(crate) fn forget(
        &mut self,
        payer: Payer,
        now: u64,
        clients: &mut Clients<'_>,
        journal: &mut Journal,
        mut unparked: impl FnMut(u16),
    ) {
        for id in Slots::<SLOTS>::ids() {
            if self.books.pool.get(id).payer() != payer {
                continue;
            }
            if let Some(number) = self.give_up(id, now, clients, journal) {
                unparked(number);
            }
            if self.books.pool.get(id).state() == State::Lost {
                self.books.pool.orphan(id, clients);
            }
        }
    }

    /// Ends a transfer for which nobody waits any more. Returns the event buffer that kept its answer.
    pub(crate) fn give_up(
        &mut self,
        id: SlotId,
        now: u64,
        clients: &mut Clients<'_>,
        journal: &mut Journal,
    ) -> Option<u16> {
        match self.books.pool.get(id).state() {
            State::Waiting => {
                self.stop_clock(id);
                self.leave_flight(id);
                journal.count(Count::Failed);
                self.books.pool.get_mut(id).lose_unanswered();
                self.lose(id, now, clients);
            }
            State::AwaitingDelayed => {
                // The platform is at work on it, so the slot stays taken until that is over. Its deadline stays too.
                self.leave_flight(id);
                journal.count(Count::Failed);
                self.books.pool.get_mut(id).owe();
                self.books.pool.owe();
            }
            State::Ended => return self.finish(id, clients),
            State::Filling => self.books.pool.release(id, clients),
            State::Free | State::Lost | State::Owed | State::OutOfRing => {}
        }
        None
    }

    /// The waiter has the end of the transfer, or is gone: the slot is free, or lost as long as the device has it. Returns the event buffer
    /// that kept its answer.
    pub(crate) fn finish(&mut self, id: SlotId, clients: &mut Clients<'_>) -> Option<u16> {
        // One that ended with the device is in the list of lost slots.
        let with_device = self.books.pool.lost() > 0 && self.ring.with_device(id.head());
        let slot = self.books.pool.get_mut(id);
        if slot.state() != State::Ended {
            return None;
        }
        let unparked = slot.parked();
        if unparked.is_some() {
            slot.unpark();
        }
        // Whether the platform is still at work on a command that is over for its client: its late reply said that it was accepted, or
        // the client does not want to know more.
        let end = slot.end();
        let owed = slot.is_followed()
            && (end == Err(Failure::TimedOut) || (end.is_ok() && !slot.is_delayed()));
        if !self.books.untold.is_empty() {
            self.books.untold.remove(id);
        }
        if with_device {
            // If it had its answer, the reply that is still to come is no news.
            self.books.pool.get_mut(id).lose();
        } else if owed {
            self.owe(id);
        } else {
            self.books.pool.release(id, clients);
        }
        unparked
    }

    /// A transfer in flight ended, in time or not. It is off the clock.
    #[cold]
    pub(super) fn conclude(
        &mut self,
        id: SlotId,
        end: Result<Answer, Failure>,
        clients: &mut Clients<'_>,
        journal: &mut Journal,
        now: u64,
    ) {
        self.leave_flight(id);
        let slot = self.books.pool.get_mut(id);
        slot.finish(end);
        let (header, polled) = (slot.header(), slot.is_polled());
        if self.ring.with_device(id.head()) {
            self.lose(id, now, clients);
        }
        let Err(failure) = end else {
            journal.count(Count::Answered);
            return;
        };
        match failure {
            Failure::TimedOut | Failure::DelayedTimedOut => {
                journal.count(Count::TimedOut);
                journal.count(if polled {
                    Count::XfersResponsePolledTimeout
                } else {
                    Count::XfersResponseTimeout
                });
            }
            _ => journal.count(Count::Failed),
        }
        journal.trace(Trace::Failed { header, failure });
    }

    /// A transfer is over that has the answer in its reply buffer, in time. It is off the clock.
    pub(super) fn answered(&mut self, id: SlotId, answer: Answer, journal: &mut Journal) {
        let slot = self.books.pool.get_mut(id);
        self.flight.end(slot.is_polled());
        slot.finish(Ok(answer));
        journal.count(Count::Answered);
    }

    /// A transfer in flight is over. Before its state changes.
    fn leave_flight(&mut self, id: SlotId) {
        self.flight.end(self.books.pool.get(id).is_polled());
    }

    /// The transfer in a slot is over, and the device has the slot.
    fn lose(&mut self, id: SlotId, now: u64, clients: &mut Clients<'_>) {
        self.books.pool.lose(id, now, clients);
        self.books.deadlines.changed();
    }

    /// A transfer that nobody waits for any more was accepted, and will be answered later.
    pub(super) fn owe(&mut self, id: SlotId) {
        self.books.pool.get_mut(id).owe_for(self.delayed);
        self.books.pool.owe();
        self.start_clock(id);
    }

    /// The driver has the reply buffer again: a delayed response that an event buffer keeps moves to it.
    pub(super) fn unpark<const EVENTS: usize>(&mut self, id: SlotId, events: &Events<'_, EVENTS>) {
        let reply = self.reply(id);
        let slot = self.books.pool.get_mut(id);
        if let Some((number, len)) = slot.unpark() {
            let len = Reply::FIRST * 4 + usize::from(len);
            slot.wrote(len);
            reply.copy_from(events.buffer(number), len);
        }
    }
}
