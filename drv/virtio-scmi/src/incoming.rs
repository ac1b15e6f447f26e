// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What comes from the device: each word of it is read once, checked, and only then used.

use crate::channel::{Channel, Clock};
use crate::counters::count;
use crate::error::Failure;
use crate::memory::DmaBuffer;
use crate::slot::{SlotId, State, Waiter};
use crate::subscribers::{Arrival, EventKind, Payload, SOURCE_WORD};
use crate::trace::Trace;
use crate::transfer::Answer;
use scmi::limits::{HEADER_LEN, OVERHEAD};
use scmi::{Header, MessageType, Status};
use virtqueue::Used;

/// Bits of a header that must come back as they were sent; the reserved ones are the device's to echo or not.
const MATCHED: u32 = 0x0fff_ffff;

impl<'m, const RING: usize, const SLOTS: usize, const EVENTS: usize>
    Channel<'m, RING, SLOTS, EVENTS>
{
    /// A chain of the command ring came back. Returns the slot if its transfer ended.
    #[inline]
    pub(crate) fn command_used(&mut self, used: Used, clock: &mut impl Clock) -> Option<SlotId> {
        let id = SlotId(used.head / 2);
        if used.excess {
            count(&mut self.counters.clamped);
        }
        // Each word is read here, once.
        let reply = self.reply(id);
        let header = reply.word(0);
        let status = reply.word(1) as i32;
        let len = used.len as usize;
        let slot = self.books.slots.get_mut(id);
        if len > DmaBuffer::SMALL {
            slot.large = true;
        }
        let sent = slot.header;
        if slot.state != State::Waiting {
            self.late_reply(id, header, status, len, clock);
            return None;
        }
        let (polled, follows) = (slot.polled, slot.follows);
        self.take_off_clock(id);
        if len < OVERHEAD || header & MATCHED != sent {
            self.bad_reply(id, header, len, clock);
            return Some(id);
        }
        count(if polled {
            &mut self.counters.response_polled_ok
        } else {
            &mut self.counters.response_ok
        });
        let token = Header::unpack(sent).token;
        if follows && status == 0 {
            if self.accepted(id) {
                return None;
            }
        } else {
            self.books.tokens.release(token);
            self.books.slots.get_mut(id).follows = false;
        }
        let answer = Answer {
            status,
            len: (len - OVERHEAD) as u16,
            parked: None,
        };
        self.answer(id, answer);
        Some(id)
    }

    /// A reply that is none: the descriptor says which command it ends (W1, W3).
    #[cold]
    fn bad_reply(&mut self, id: SlotId, header: u32, len: usize, clock: &mut impl Clock) {
        let failure = if len < OVERHEAD {
            // What the buffer holds is of an earlier use.
            count(&mut self.counters.err_msg_invalid);
            Failure::ShortReply
        } else {
            self.unexpected(header);
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
        self.conclude(id, Err(failure), clock.now());
    }

    /// The platform accepted a command that it will answer later (D14). Returns whether the client waits for that.
    #[cold]
    fn accepted(&mut self, id: SlotId) -> bool {
        if !self.books.slots.get(id).delayed {
            // The response will come all the same: no other command may have the token, and `finish` will see to what is owed.
            return false;
        }
        let slot = self.books.slots.get_mut(id);
        slot.state = State::AwaitingDelayed;
        slot.patience = self.limits.delayed;
        self.leave_off_clock(id);
        true
    }

    /// The device gave a slot back whose transfer was over before.
    #[cold]
    fn late_reply(
        &mut self,
        id: SlotId,
        header: u32,
        status: i32,
        len: usize,
        clock: &mut impl Clock,
    ) {
        let slot = self.books.slots.get(id);
        if !matches!(slot.state, State::Lost | State::Ended) {
            // The queue says that the device had the slot, so it is in no other state.
            debug_assert!(false);
            return;
        }
        self.found(id);
        self.review_losses(self.books.slots.get(id).payer);
        let slot = self.books.slots.get(id);
        let token = Header::unpack(slot.header).token;
        let (state, follows, early) = (slot.state, slot.follows, slot.end.is_ok());
        let waiter = slot.waiter;
        let answered = len >= OVERHEAD && header & MATCHED == slot.header;
        if early {
            // D11: the delayed response was taken for both; this is the other half.
            self.books.tokens.release(token);
        } else {
            count(&mut self.counters.err_msg_unexpected);
            self.trace(Trace::Unexpected { header });
            let accepted = follows && answered && status == 0;
            if accepted && state == State::Lost {
                // The platform is at work on it: the slot and the token stay taken until that is over.
                return self.owe(id);
            }
            if follows && !accepted {
                self.books.tokens.retire(token);
            } else if !follows {
                self.books.tokens.release(token);
            }
            // If it was accepted, `finish` will see to what is owed.
            self.books.slots.get_mut(id).follows = accepted;
        }
        if state == State::Lost {
            self.release(id);
            if let Waiter::Subscription(number) = waiter
                && self.subscriptions.is_overdue(number)
            {
                // The driver gave up waiting for it. Now it is known whether the event is on.
                let end = if answered {
                    Ok(Status::from_raw(status))
                } else {
                    Err(Failure::WrongReply)
                };
                self.switched(number, end, clock.now());
            }
        } else if early {
            // The reply buffer is ours now: the delayed response moves there, and its event buffer goes back.
            if let Ok(Answer {
                parked: Some(number),
                ..
            }) = self.books.slots.get(id).end
            {
                self.unpark(id);
                self.parked = self.parked.wrapping_sub(1);
                self.event(number).clear();
                self.repost(number);
            }
        }
    }

    /// A transfer that nobody waits for any more was accepted, and will be answered later.
    pub(crate) fn owe(&mut self, id: SlotId) {
        let slot = self.books.slots.get_mut(id);
        slot.state = State::Owed;
        slot.patience = self.limits.delayed;
        self.owed = self.owed.wrapping_add(1);
        self.leave_off_clock(id);
    }

    /// A buffer of the event ring came back. It is given to the device again unless a transfer keeps it. Returns the slot
    /// if a transfer ended.
    #[inline(never)]
    pub(crate) fn event_used(&mut self, used: Used, clock: &mut impl Clock) -> Option<SlotId> {
        let now = clock.now();
        let number = used.head;
        if used.excess {
            count(&mut self.counters.clamped);
        }
        let buffer = self.event(number);
        let word = buffer.word(0);
        let len = used.len as usize;
        let mut ended = None;
        let mut keep = false;
        if len < HEADER_LEN {
            self.invalid(0, len);
        } else {
            let header = Header::unpack(word);
            match header.message_type {
                MessageType::Notification => self.notification(&header, number, len, now),
                MessageType::DelayedResponse => {
                    (ended, keep) = self.delayed_response(word, number, len, now);
                }
                // D13: nobody may send type 1, and no reply comes through this ring.
                MessageType::Command | MessageType::Unused => self.invalid(word, len),
            }
        }
        if keep {
            self.parked = self.parked.wrapping_add(1);
        } else {
            // A device that says that it wrote more than it did must not tell this event to others with the next one.
            if len > DmaBuffer::SMALL {
                buffer.clear();
            } else {
                buffer.clear_small();
            }
            self.repost(number);
        }
        ended
    }

    #[cold]
    fn invalid(&mut self, header: u32, len: usize) {
        count(&mut self.counters.err_msg_invalid);
        self.trace(Trace::Invalid {
            header,
            len: len as u32,
        });
    }

    #[cold]
    fn unexpected(&mut self, header: u32) {
        count(&mut self.counters.err_msg_unexpected);
        self.trace(Trace::Unexpected { header });
    }

    /// Puts an event into the queues of those who want it. Costs O(clients that want it).
    fn notification(&mut self, header: &Header, number: u16, len: usize, now: u64) {
        let Some(event) = scmi::events::find(header.protocol, header.message) else {
            // N04: not ours to understand.
            count(&mut self.counters.events_unclaimed);
            return;
        };
        let len = len - HEADER_LEN;
        if !event.length_is_valid(len) {
            // N03.
            self.invalid(header.pack(), len + HEADER_LEN);
            return;
        }
        count(&mut self.counters.notification_ok);
        let buffer = self.event(number);
        // Read here, once: it decides who is told, and they are told this one.
        let source = event
            .source_at
            .map(|_| buffer.word(HEADER_LEN / 4 + SOURCE_WORD));
        let (protocol, id) = (header.protocol, header.message);
        let all = self.subscriptions.general_users(protocol, id);
        let one = self.subscriptions.users(protocol, id, source.unwrap_or(0)) & !all;
        if all | one == 0 {
            // N09.
            count(&mut self.counters.events_unclaimed);
            return;
        }
        let arrival = Arrival {
            time: now,
            generation: self.generation(),
            kind: EventKind::Event,
            protocol,
            event: id,
            source,
            payload: Payload::Buffer(buffer, len),
        };
        self.deliver(all | one, &arrival);
        self.posts_first |= all;
        self.posts |= one;
    }

    /// Queues an event for each client of a set.
    pub(crate) fn deliver(&mut self, mut clients: u32, arrival: &Arrival<'_>) {
        while clients != 0 {
            let number = clients.trailing_zeros();
            clients &= clients - 1;
            if let Some(client) = self.clients.get_mut(number as usize)
                && !client.queue.push(self.records, arrival)
            {
                count(&mut self.counters.err_msg_nomem);
            }
        }
    }

    /// A delayed response: whose is it, and is it in time? Returns the slot if a transfer ended, and whether it keeps the
    /// buffer.
    fn delayed_response(
        &mut self,
        word: u32,
        number: u16,
        len: usize,
        now: u64,
    ) -> (Option<SlotId>, bool) {
        let header = Header::unpack(word);
        let Some(id) = self.books.tokens.slot(header.token) else {
            // D09, D12, D14: unknown, over, or too late.
            self.books.tokens.late_response(header.token);
            self.unexpected(word);
            return (None, false);
        };
        let slot = self.books.slots.get(id);
        let sent = Header::unpack(slot.header);
        let same = sent.protocol == header.protocol && sent.message == header.message;
        if !same || !slot.follows {
            // D10, W3.
            self.unexpected(word);
            return (None, false);
        }
        if slot.state == State::Owed {
            // Nobody waits for it any more, and now nothing is owed.
            self.stop_clock(id);
            self.books.tokens.release(header.token);
            self.unexpected(word);
            self.settle(id);
            return (None, false);
        }
        if !slot.delayed {
            // Nobody asked for it: it is dropped, and there is no other.
            self.books.slots.get_mut(id).follows = false;
            if !self.commands.with_device(id.head()) {
                self.books.tokens.release(header.token);
            }
            self.unexpected(word);
            return (None, false);
        }
        let buffer = self.event(number);
        let answer = |parked| Answer {
            status: buffer.word(1) as i32,
            len: len.saturating_sub(OVERHEAD) as u16,
            parked,
        };
        match slot.state {
            State::AwaitingDelayed => {
                self.stop_clock(id);
                self.books.tokens.release(header.token);
                let end = if len < OVERHEAD {
                    count(&mut self.counters.err_msg_invalid);
                    Err(Failure::ShortReply)
                } else {
                    count(&mut self.counters.delayed_response_ok);
                    let answer = answer(None);
                    self.reply(id).copy_from(buffer, len);
                    let slot = self.books.slots.get_mut(id);
                    slot.large |= len > DmaBuffer::SMALL;
                    Ok(answer)
                };
                self.conclude(id, end, now);
                (Some(id), false)
            }
            State::Waiting if len >= OVERHEAD => {
                // D11. The device has the reply buffer, so the event buffer keeps what came, until it is collected or the reply
                // comes. Half of the ring may be kept so; beyond that the response is lost.
                self.trace(Trace::EarlyDelayed { header: word });
                self.stop_clock(id);
                let room = self.parked < self.event_ring().div_ceil(2);
                let end = if room {
                    count(&mut self.counters.delayed_response_ok);
                    Ok(answer(Some(number)))
                } else {
                    count(&mut self.counters.err_msg_nomem);
                    self.books.slots.get_mut(id).follows = false;
                    Err(Failure::DelayedTimedOut)
                };
                self.conclude(id, end, now);
                (Some(id), room)
            }
            State::Waiting => {
                self.invalid(word, len);
                (None, false)
            }
            _ => {
                // Its transfer is over, and after this no other response can follow.
                self.books.slots.get_mut(id).follows = false;
                if !self.commands.with_device(id.head()) {
                    self.books.tokens.release(header.token);
                }
                self.unexpected(word);
                (None, false)
            }
        }
    }
}
