// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Ends of transfers: by an answer, by time, by a reset, by the client's will or death; and what becomes of the slot.

use super::slot::{Slots, State};
use super::{Answer, Reply, SlotId, Transfers, Waiter};
use crate::clients::{Clients, Payer};
use crate::counters::Count;
use crate::error::Failure;
use crate::events::Events;
use crate::journal::Journal;
use crate::memory::DmaBuffer;
use crate::trace::Trace;
use scmi::limits::OVERHEAD;
use scmi::{Header, Status};
use virtqueue::Used;

/// Bits of a header that must come back as they were sent; the reserved ones are the device's to echo or not.
const MATCHED: u32 = 0x0fff_ffff;

/// A delayed response, in the event buffer that it came in.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Response {
    /// Its header, as it was read once.
    pub(crate) header: u32,
    /// The event buffer.
    pub(crate) buffer: u16,
    /// Its length in bytes, header included.
    pub(crate) len: usize,
}

/// A reply, as it was read once.
#[derive(Copy, Clone, Debug)]
struct Message {
    header: u32,
    status: i32,
    len: usize,
}

impl Message {
    /// Whether it answers a command with this header.
    fn answers(&self, sent: u32) -> bool {
        self.len >= OVERHEAD && self.header & MATCHED == sent
    }
}

/// What came with a chain of the command ring.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Came {
    /// Nothing that anybody is to be told.
    Nothing,
    /// The end of this transfer.
    End(SlotId),
    /// Late, the answer to a command of the driver's own: see [`Transfers::late_answer`].
    Late(SlotId),
    /// The reply to a transfer whose delayed response came before: the event buffer that keeps that is free.
    Unparked(u16),
}

impl<const RING: usize, const SLOTS: usize> Transfers<'_, RING, SLOTS> {
    /// A chain of the command ring came back.
    pub(crate) fn replied<const EVENTS: usize>(
        &mut self,
        used: Used,
        events: &Events<'_, EVENTS>,
        clients: &mut Clients<'_>,
        journal: &mut Journal,
        now: impl FnOnce() -> u64,
    ) -> Came {
        let id = SlotId::of_head(used.head);
        if used.excess {
            journal.count(Count::Clamped);
        }
        // Each word is read here, once.
        let reply = self.reply(id);
        let message = Message {
            header: reply.word(0),
            status: reply.word(1) as i32,
            len: used.len as usize,
        };
        let slot = self.books.slots.get_mut(id);
        slot.large |= message.len > DmaBuffer::SMALL;
        let sent = slot.header;
        if slot.state != State::Waiting {
            return self.replied_late(id, message, events, clients, journal);
        }
        let (polled, follows) = (slot.polled, slot.follows);
        self.stop_clock(id);
        if !message.answers(sent) {
            self.replied_wrongly(id, message, clients, journal, now());
            return Came::End(id);
        }
        journal.count(if polled {
            Count::ResponsePolledOk
        } else {
            Count::ResponseOk
        });
        if follows && message.status == 0 {
            if self.accepted(id) {
                return Came::Nothing;
            }
        } else {
            self.books.tokens.release(Header::unpack(sent).token);
            self.books.slots.get_mut(id).follows = false;
        }
        let answer = Answer {
            status: message.status,
            len: (message.len - OVERHEAD) as u16,
            parked: None,
        };
        self.leave_flight(id);
        self.books.slots.get_mut(id).finish(Ok(answer));
        journal.count(Count::Answered);
        Came::End(id)
    }

    /// A reply that is none: the descriptor says which command it ends (W1, W3).
    #[cold]
    fn replied_wrongly(
        &mut self,
        id: SlotId,
        message: Message,
        clients: &mut Clients<'_>,
        journal: &mut Journal,
        now: u64,
    ) {
        let failure = if message.len < OVERHEAD {
            // What the buffer holds is of an earlier use.
            journal.count(Count::ErrMsgInvalid);
            Failure::ShortReply
        } else {
            journal.unexpected(message.header);
            Failure::WrongReply
        };
        let slot = self.books.slots.get(id);
        let token = Header::unpack(slot.header).token;
        if slot.follows {
            // Whether the command was accepted is not known, so its delayed response may come.
            self.books.tokens.retire(token);
        } else {
            self.books.tokens.release(token);
        }
        self.conclude(id, Err(failure), clients, journal, now);
    }

    /// The platform accepted a command that it will answer later (D14). Returns whether the client waits for that.
    fn accepted(&mut self, id: SlotId) -> bool {
        let delayed = self.delayed;
        let slot = self.books.slots.get_mut(id);
        if !slot.delayed {
            // The response will come all the same: no other command may have the token, and `finish` will see to what is owed.
            return false;
        }
        slot.state = State::AwaitingDelayed;
        slot.patience = delayed;
        self.start_clock(id);
        true
    }

    /// The device gave a slot back whose transfer was over before.
    #[cold]
    fn replied_late<const EVENTS: usize>(
        &mut self,
        id: SlotId,
        message: Message,
        events: &Events<'_, EVENTS>,
        clients: &mut Clients<'_>,
        journal: &mut Journal,
    ) -> Came {
        let slot = self.books.slots.get(id);
        if !matches!(slot.state, State::Lost | State::Ended) {
            // The queue says that the device had the slot, so it is in no other state.
            debug_assert!(false);
            return Came::Nothing;
        }
        let payer = slot.payer;
        self.found(id, clients);
        self.review_losses(payer, clients);
        let slot = self.books.slots.get_mut(id);
        let token = Header::unpack(slot.header).token;
        let (state, follows, end, waiter) = (slot.state, slot.follows, slot.end, slot.waiter);
        let answered = message.answers(slot.header);
        if end.is_ok() {
            // D11: the delayed response was taken for both; this is the other half.
            self.books.tokens.release(token);
        } else {
            journal.unexpected(message.header);
            let accepted = follows && answered && message.status == 0;
            if accepted && state == State::Lost {
                // The platform is at work on it: the slot and the token stay taken until that is over.
                self.owe(id);
                return Came::Nothing;
            }
            // If it was accepted, `finish` will see to what is owed.
            slot.follows = accepted;
            if follows && !accepted {
                self.books.tokens.retire(token);
            } else if !follows {
                self.books.tokens.release(token);
            }
        }
        if state == State::Lost {
            self.release(id, clients);
            if let Waiter::Subscription(_) = waiter {
                // Kept until the slot is used again: the client is told in this very turn.
                self.books.slots.get_mut(id).end = if answered {
                    Ok(Answer {
                        status: message.status,
                        ..Answer::ZERO
                    })
                } else {
                    Err(Failure::WrongReply)
                };
                return Came::Late(id);
            }
        } else if let Ok(Answer {
            parked: Some(number),
            ..
        }) = end
        {
            // The reply buffer is ours now: the delayed response moves there, and its event buffer goes back.
            self.unpark(id, events);
            return Came::Unparked(number);
        }
        Came::Nothing
    }

    /// What came late: the subscription that it is for, and the answer.
    pub(crate) fn late_answer(&self, id: SlotId) -> Option<(u16, Result<Status, Failure>)> {
        let slot = self.books.slots.get(id);
        let Waiter::Subscription(number) = slot.waiter else {
            return None;
        };
        let end = slot.end.map(|answer| Status::from_raw(answer.status));
        Some((number, end))
    }

    /// A delayed response came in an event buffer: whose is it, and is it in time? Returns the transfer if it ended, and whether it keeps
    /// the buffer.
    pub(crate) fn responded<const EVENTS: usize>(
        &mut self,
        response: Response,
        events: &Events<'_, EVENTS>,
        clients: &mut Clients<'_>,
        journal: &mut Journal,
        now: u64,
    ) -> (Option<SlotId>, bool) {
        let (word, len) = (response.header, response.len);
        let header = Header::unpack(word);
        let Some(id) = self.books.tokens.slot(header.token) else {
            // D09, D12, D14: unknown, over, or too late.
            self.books.tokens.late_response(header.token);
            journal.unexpected(word);
            return (None, false);
        };
        let with_device = self.ring.with_device(id.head());
        let slot = self.books.slots.get_mut(id);
        let sent = Header::unpack(slot.header);
        let same = sent.protocol == header.protocol && sent.message == header.message;
        if !same || !slot.follows {
            // D10, W3.
            journal.unexpected(word);
            return (None, false);
        }
        if slot.state == State::Owed {
            // Nobody waits for it any more, and now nothing is owed.
            journal.unexpected(word);
            self.stop_clock(id);
            self.books.tokens.release(header.token);
            self.settle(id, clients);
            return (None, false);
        }
        let open = matches!(slot.state, State::Waiting | State::AwaitingDelayed);
        if !slot.delayed || !open {
            // Nobody asked for it, or its transfer is over: it is dropped, and after it no other can follow.
            journal.unexpected(word);
            slot.follows = false;
            if !with_device {
                self.books.tokens.release(header.token);
            }
            return (None, false);
        }
        let buffer = events.buffer(response.buffer);
        let answer = Answer {
            status: buffer.word(1) as i32,
            len: len.saturating_sub(OVERHEAD) as u16,
            parked: None,
        };
        if slot.state == State::AwaitingDelayed {
            slot.large |= len > DmaBuffer::SMALL;
            self.stop_clock(id);
            self.books.tokens.release(header.token);
            let end = if len < OVERHEAD {
                journal.count(Count::ErrMsgInvalid);
                Err(Failure::ShortReply)
            } else {
                journal.count(Count::DelayedResponseOk);
                self.reply(id).copy_from(buffer, len);
                Ok(answer)
            };
            self.conclude(id, end, clients, journal, now);
            return (Some(id), false);
        }
        if len < OVERHEAD {
            journal.invalid(word, len);
            return (None, false);
        }
        // D11. The device has the reply buffer, so the event buffer keeps what came, until it is collected or the reply comes. Half of the
        // ring may be kept so; beyond that the response is lost.
        journal.trace(Trace::EarlyDelayed { header: word });
        let room = events.may_park();
        slot.follows &= room;
        self.stop_clock(id);
        let end = if room {
            journal.count(Count::DelayedResponseOk);
            Ok(Answer {
                parked: Some(response.buffer),
                ..answer
            })
        } else {
            journal.count(Count::ErrMsgNomem);
            Err(Failure::DelayedTimedOut)
        };
        self.conclude(id, end, clients, journal, now);
        (Some(id), room)
    }

    /// Ends one transfer whose time is up, and returns it.
    pub(crate) fn expire(
        &mut self,
        now: u64,
        clients: &mut Clients<'_>,
        journal: &mut Journal,
    ) -> Option<SlotId> {
        loop {
            let books = &mut *self.books;
            let id = books.deadlines.expire(&mut books.slots, now)?;
            let slot = books.slots.get(id);
            let token = Header::unpack(slot.header).token;
            let failure = match slot.state {
                State::Owed => {
                    books.tokens.retire(token);
                    self.settle(id, clients);
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
        for id in Slots::<SLOTS>::ids() {
            if self.books.slots.get(id).in_flight() {
                self.stop_clock(id);
                self.conclude(id, Err(Failure::DeviceReset), clients, journal, now);
                self.books.untold.insert(id);
            }
        }
    }

    /// Whether a reset ended transfers whose waiters are to be told.
    pub(crate) fn has_untold(&self) -> bool {
        !self.books.untold.is_empty()
    }

    /// The next of these.
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
            if self.books.slots.get(id).payer != payer {
                continue;
            }
            if let Some(number) = self.give_up(id, now, clients, journal) {
                unparked(number);
            }
            if self.books.slots.get(id).state == State::Lost {
                self.orphan(id, clients);
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
        match self.books.slots.get(id).state {
            State::Waiting => {
                self.stop_clock(id);
                self.leave_flight(id);
                journal.count(Count::Failed);
                let slot = self.books.slots.get_mut(id);
                slot.state = State::Lost;
                slot.end = Err(Failure::TimedOut);
                self.lose(id, now, clients);
            }
            State::AwaitingDelayed => {
                // The platform is at work on it, so the slot stays taken until that is over. Its deadline stays too.
                self.leave_flight(id);
                journal.count(Count::Failed);
                self.books.slots.get_mut(id).state = State::Owed;
                self.owed = self.owed.wrapping_add(1);
            }
            State::Ended => return self.finish(id, clients),
            State::Filling => self.release(id, clients),
            State::Free | State::Lost | State::Owed | State::OutOfRing => {}
        }
        None
    }

    /// The waiter has the end of the transfer, or is gone: the slot is free, or lost as long as the device has it. Returns the event buffer
    /// that kept its answer.
    pub(crate) fn finish(&mut self, id: SlotId, clients: &mut Clients<'_>) -> Option<u16> {
        let with_device = self.ring.with_device(id.head());
        let slot = self.books.slots.get_mut(id);
        if slot.state != State::Ended {
            return None;
        }
        let mut unparked = None;
        if let Ok(answer) = &mut slot.end {
            unparked = answer.parked.take();
        }
        // Whether the platform is still at work on a command that is over for its client: its late reply said that it was accepted, or
        // the client does not want to know more.
        let owed = slot.follows
            && (slot.end == Err(Failure::TimedOut) || (slot.end.is_ok() && !slot.delayed));
        if !self.books.untold.is_empty() {
            self.books.untold.remove(id);
        }
        if with_device {
            // It is in the list of lost slots since it ended. If it had its answer, the reply that is still to come is no news.
            self.books.slots.get_mut(id).state = State::Lost;
        } else if owed {
            self.owe(id);
        } else {
            self.release(id, clients);
        }
        unparked
    }

    /// A transfer in flight ended, in time or not. It is off the clock.
    #[cold]
    fn conclude(
        &mut self,
        id: SlotId,
        end: Result<Answer, Failure>,
        clients: &mut Clients<'_>,
        journal: &mut Journal,
        now: u64,
    ) {
        self.leave_flight(id);
        let slot = self.books.slots.get_mut(id);
        slot.finish(end);
        let (header, polled) = (slot.header, slot.polled);
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

    /// A transfer in flight is over: `interruptible` and `in_flight` no longer count it. Before the state changes.
    fn leave_flight(&mut self, id: SlotId) {
        let slot = self.books.slots.get(id);
        if !slot.polled {
            self.interruptible = self.interruptible.wrapping_sub(1);
        }
        self.in_flight = self.in_flight.wrapping_sub(1);
    }

    /// The transfer in a slot is over, and the device has the slot.
    fn lose(&mut self, id: SlotId, now: u64, clients: &mut Clients<'_>) {
        let slot = self.books.slots.get_mut(id);
        slot.time = now;
        if let Some(account) = clients.account(slot.payer) {
            account.lose(now);
        }
        self.lost.push(&mut self.books.slots, id);
        self.books.deadlines.changed();
    }

    /// The device gave a lost slot back, or was reset.
    pub(super) fn found(&mut self, id: SlotId, clients: &mut Clients<'_>) {
        self.lost.remove(&mut self.books.slots, id);
        match clients.account(self.books.slots.get(id).payer) {
            Some(account) => account.recover(),
            None => self.orphans = self.orphans.wrapping_sub(1),
        }
    }

    /// A lost slot of an account came back. If others are lost and it is still short of slots, it has been so only since the ones that
    /// are lost now: a platform that gives everything back, though late, is not reset. Costs O(lost slots).
    fn review_losses(&mut self, payer: Payer, clients: &mut Clients<'_>) {
        let Some(account) = clients.account(payer) else {
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
        account.still_lost(oldest, short);
    }

    /// A client is gone whose slot is lost: the slot counts to nobody, as long as that takes none of what others are promised. So
    /// its next life need not wait for a reset.
    fn orphan(&mut self, id: SlotId, clients: &mut Clients<'_>) {
        if self.orphans >= clients.spare(self.in_use) {
            return;
        }
        if let Some(account) = clients.account(self.books.slots.get(id).payer) {
            account.recover();
            self.uncharge(id, clients);
            self.orphans = self.orphans.wrapping_add(1);
        }
    }

    /// A transfer that nobody waits for any more was accepted, and will be answered later.
    fn owe(&mut self, id: SlotId) {
        let slot = self.books.slots.get_mut(id);
        slot.state = State::Owed;
        slot.patience = self.delayed;
        self.owed = self.owed.wrapping_add(1);
        self.start_clock(id);
    }

    /// What a transfer was owed has come, or will not come any more: its slot is free.
    fn settle(&mut self, id: SlotId, clients: &mut Clients<'_>) {
        self.owed = self.owed.wrapping_sub(1);
        self.release(id, clients);
    }

    /// Gives a slot that the device does not have back to the pool (V07), at the tail.
    pub(super) fn release(&mut self, id: SlotId, clients: &mut Clients<'_>) {
        self.uncharge(id, clients);
        let slots = &mut self.books.slots;
        if id.index() < self.in_use {
            slots.get_mut(id).state = State::Free;
            self.free.push(slots, id);
        } else {
            slots.get_mut(id).state = State::OutOfRing;
        }
    }

    /// The slot no longer counts to anybody's account.
    pub(super) fn uncharge(&mut self, id: SlotId, clients: &mut Clients<'_>) {
        let slot = self.books.slots.get_mut(id);
        let payer = core::mem::replace(&mut slot.payer, Payer::Nobody);
        if let Some(account) = clients.account(payer) {
            account.give_back();
        }
    }

    /// The driver has the reply buffer again: a delayed response that an event buffer keeps moves to it.
    pub(super) fn unpark<const EVENTS: usize>(&mut self, id: SlotId, events: &Events<'_, EVENTS>) {
        let reply = self.reply(id);
        let slot = self.books.slots.get_mut(id);
        if let Ok(answer) = &mut slot.end
            && let Some(number) = answer.parked.take()
        {
            let len = Reply::FIRST * 4 + usize::from(answer.len);
            reply.copy_from(events.buffer(number), len);
            slot.large |= len > DmaBuffer::SMALL;
        }
    }
}
