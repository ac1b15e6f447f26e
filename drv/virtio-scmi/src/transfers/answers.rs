// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What came from the device for a transfer: a reply, in time or late, or a delayed response; and what that means for it.

use super::slot::State;
use super::{Answer, SlotId, Transfers, Waiter};
use crate::clients::Clients;
use crate::counters::Count;
use crate::error::Failure;
use crate::events::Events;
use crate::journal::Journal;
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
    /// Late, the answer to a command of the driver's own: see [`late_answer`].
    Late(SlotId),
    /// The reply to a transfer whose delayed response came before: the event buffer that keeps that is free.
    Unparked(u16),
}

/// A chain of the command ring came back.
pub(crate) fn replied<const R: usize, const S: usize, const E: usize>(
    transfers: &mut Transfers<'_, R, S>,
    used: Used,
    events: &Events<'_, E>,
    clients: &mut Clients<'_>,
    journal: &mut Journal,
    now: impl FnOnce() -> u64,
) -> Came {
    let id = SlotId::of_head(used.head);
    if used.excess {
        journal.count(Count::Clamped);
    }
    // Each word is read here, once.
    let reply = transfers.reply(id);
    let message = Message {
        header: reply.word(0),
        status: reply.word(1) as i32,
        len: used.len as usize,
    };
    let slot = transfers.books.pool.get_mut(id);
    slot.wrote(message.len);
    let sent = slot.header();
    if slot.state() != State::Waiting {
        return replied_late(transfers, id, message, events, clients, journal);
    }
    let (polled, follows) = (slot.is_polled(), slot.is_followed());
    transfers.stop_clock(id);
    if !message.answers(sent) {
        replied_wrongly(transfers, id, message, clients, journal, now());
        return Came::End(id);
    }
    if polled {
        journal.count(Count::ResponsePolledOk);
    } else {
        journal.count(Count::ResponseOk);
    }
    if !follows || message.status != 0 {
        transfers.books.tokens.release(Header::unpack(sent).token);
        if follows {
            transfers.books.pool.get_mut(id).set_followed(false);
        }
    } else if accepted(transfers, id) {
        return Came::Nothing;
    }
    let answer = Answer {
        status: message.status,
        len: (message.len - OVERHEAD) as u16,
        parked: None,
    };
    transfers.answered(id, answer, journal);
    Came::End(id)
}

/// A reply that is none: the descriptor says which command it ends (W1, W3).
#[cold]
fn replied_wrongly<const R: usize, const S: usize>(
    transfers: &mut Transfers<'_, R, S>,
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
    let slot = transfers.books.pool.get(id);
    let token = slot.token();
    if slot.is_followed() {
        // Whether the command was accepted is not known, so its delayed response may come.
        transfers.books.tokens.retire(token);
    } else {
        transfers.books.tokens.release(token);
    }
    transfers.conclude(id, Err(failure), clients, journal, now);
}

/// The platform accepted a command that it will answer later (D14). Returns whether the client waits for that.
fn accepted<const R: usize, const S: usize>(
    transfers: &mut Transfers<'_, R, S>,
    id: SlotId,
) -> bool {
    let patience = transfers.delayed;
    let slot = transfers.books.pool.get_mut(id);
    if !slot.is_delayed() {
        // The response will come all the same: no other command may have the token, and `finish` will see to what is owed.
        return false;
    }
    slot.await_delayed(patience);
    transfers.start_clock(id);
    true
}

/// The device gave a slot back whose transfer was over before.
#[cold]
fn replied_late<const R: usize, const S: usize, const E: usize>(
    transfers: &mut Transfers<'_, R, S>,
    id: SlotId,
    message: Message,
    events: &Events<'_, E>,
    clients: &mut Clients<'_>,
    journal: &mut Journal,
) -> Came {
    let slot = transfers.books.pool.get(id);
    let (state, end, waiter) = (slot.state(), slot.end(), slot.waiter());
    let (payer, parked) = (slot.payer(), slot.parked());
    if !matches!(state, State::Lost | State::Ended) {
        // The queue says that the device had the slot, so it is in no other state.
        debug_assert!(false);
        return Came::Nothing;
    }
    let answered = message.answers(slot.header());
    transfers.books.pool.found(id, clients);
    transfers.books.pool.review_losses(payer, clients);
    if end.is_ok() {
        // D11: the delayed response was taken for both; this is the other half.
        let token = transfers.books.pool.get(id).token();
        transfers.books.tokens.release(token);
    } else {
        journal.unexpected(message.header);
        let accepted = answered && message.status == 0;
        if settle_token(transfers, id, accepted) && state == State::Lost {
            // The platform is at work on it: the slot and the token stay taken until that is over.
            transfers.owe(id);
            return Came::Nothing;
        }
    }
    if state == State::Lost {
        transfers.books.pool.release(id, clients);
        if let Waiter::Subscription(_) = waiter {
            // Kept until the slot is used again: the client is told in this very turn.
            transfers.books.pool.get_mut(id).note_end(if answered {
                Ok(Answer {
                    status: message.status,
                    ..Answer::ZERO
                })
            } else {
                Err(Failure::WrongReply)
            });
            return Came::Late(id);
        }
        return Came::Nothing;
    }
    match parked {
        Some(number) => {
            // The reply buffer is ours now: the delayed response moves there, and its event buffer goes back.
            transfers.unpark(id, events);
            Came::Unparked(number)
        }
        None => Came::Nothing,
    }
}

/// A late reply says whether a command was accepted whose transfer is over, and with that what becomes of its token. Returns whether a
/// delayed response is still to come; if its waiter is still to be told, `finish` will see to that.
fn settle_token<const R: usize, const S: usize>(
    transfers: &mut Transfers<'_, R, S>,
    id: SlotId,
    accepted: bool,
) -> bool {
    let slot = transfers.books.pool.get_mut(id);
    let token = slot.token();
    let followed = slot.is_followed();
    slot.set_followed(followed && accepted);
    match (followed, accepted) {
        (true, true) => {}
        (true, false) => transfers.books.tokens.retire(token),
        (false, _) => transfers.books.tokens.release(token),
    }
    followed && accepted
}

/// What came late: the subscription that it is for, and the answer.
pub(crate) fn late_answer<const R: usize, const S: usize>(
    transfers: &Transfers<'_, R, S>,
    id: SlotId,
) -> Option<(u16, Result<Status, Failure>)> {
    let slot = transfers.books.pool.get(id);
    let Waiter::Subscription(number) = slot.waiter() else {
        return None;
    };
    let end = slot.end().map(|answer| Status::from_raw(answer.status));
    Some((number, end))
}

/// A delayed response came in an event buffer: whose is it, and is it in time? Returns the transfer if it ended, and whether it keeps
/// the buffer.
pub(crate) fn responded<const R: usize, const S: usize, const E: usize>(
    transfers: &mut Transfers<'_, R, S>,
    response: Response,
    events: &Events<'_, E>,
    clients: &mut Clients<'_>,
    journal: &mut Journal,
    now: u64,
) -> (Option<SlotId>, bool) {
    let Some(id) = expected(transfers, response.header, clients, journal) else {
        return (None, false);
    };
    let len = response.len;
    let buffer = events.buffer(response.buffer);
    let answer = Answer {
        status: buffer.word(1) as i32,
        len: len.saturating_sub(OVERHEAD) as u16,
        parked: None,
    };
    let slot = transfers.books.pool.get_mut(id);
    if slot.state() == State::AwaitingDelayed {
        slot.wrote(len);
        let token = slot.token();
        transfers.stop_clock(id);
        transfers.books.tokens.release(token);
        let end = if len < OVERHEAD {
            journal.count(Count::ErrMsgInvalid);
            Err(Failure::ShortReply)
        } else {
            journal.count(Count::DelayedResponseOk);
            transfers.reply(id).copy_from(buffer, len);
            Ok(answer)
        };
        transfers.conclude(id, end, clients, journal, now);
        return (Some(id), false);
    }
    if len < OVERHEAD {
        journal.invalid(response.header, len);
        return (None, false);
    }
    // D11. The device has the reply buffer, so the event buffer keeps what came, until it is collected or the reply comes. Half of the
    // ring may be kept so; beyond that the response is lost.
    journal.trace(Trace::EarlyDelayed {
        header: response.header,
    });
    let room = events.may_park();
    slot.set_followed(room);
    transfers.stop_clock(id);
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
    transfers.conclude(id, end, clients, journal, now);
    (Some(id), room)
}

/// The transfer for which a delayed response with this header is in time. What else such a response may mean is done here.
fn expected<const R: usize, const S: usize>(
    transfers: &mut Transfers<'_, R, S>,
    word: u32,
    clients: &mut Clients<'_>,
    journal: &mut Journal,
) -> Option<SlotId> {
    let header = Header::unpack(word);
    let Some(id) = transfers.books.tokens.slot(header.token) else {
        // D09, D12, D14: unknown, over, or too late.
        transfers.books.tokens.late_response(header.token);
        journal.unexpected(word);
        return None;
    };
    let with_device = transfers.ring.with_device(id.head());
    let slot = transfers.books.pool.get_mut(id);
    let sent = Header::unpack(slot.header());
    let same = sent.protocol == header.protocol && sent.message == header.message;
    if same && slot.is_followed() {
        if slot.is_delayed() && slot.in_flight() {
            return Some(id);
        }
        if slot.state() == State::Owed {
            // Nobody waits for it any more, and now nothing is owed.
            transfers.stop_clock(id);
            transfers.books.tokens.release(header.token);
            transfers.books.pool.settle(id, clients);
        } else {
            // Nobody asked for it, or its transfer is over: it is dropped, and after it no other can follow.
            slot.set_followed(false);
            if !with_device {
                transfers.books.tokens.release(header.token);
            }
        }
    }
    // Also D10, W3: it is for another command than the one that has the token.
    journal.unexpected(word);
    None
}
