// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A turn: what has come from the device, and what is due, is dealt with, a bounded amount of it.

use super::following::{notification, subscription_answered, work_subscriptions};
use super::recovering::{attempt_failed, losses, maintain, recovered};
use super::{Channel, batching};
use crate::clients::Owner;
use crate::counters::Count;
use crate::error::Failure;
use crate::interrupts::Suppression;
use crate::system::{Moment, System};
use crate::trace::Trace;
use crate::transfers::{self, Came, Response, SlotId, Waiter};
use crate::transport::{COMMAND_QUEUE, EVENT_QUEUE, Transport};
use scmi::limits::HEADER_LEN;
use scmi::{Header, MessageType, Status};
use virtqueue::{Used, Violation};

/// What to do after a turn.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum After {
    /// Nothing is left: wait for an interrupt, a request, or the timer.
    Sleep,
    /// Something came in the last moment: another turn.
    Again,
    /// The device floods: others must get their turn first.
    Yield,
}

/// Runs a turn: deals with what the device has done and, if `timed`, with what time demands.
pub(crate) fn run<const R: usize, const S: usize, const E: usize>(
    timed: bool,
    channel: &mut Channel<'_, R, S, E>,
    moment: &mut Moment<'_, impl System>,
    transport: &mut impl Transport,
) -> After {
    let mut time = None;
    if timed || channel.recovery.is_in_trouble() {
        let now = moment.now();
        maintain(channel, transport, now);
        time = Some(now);
    }
    let mut turn = Turn::begin(channel, time);
    if time.is_some() {
        tell_answers(channel, moment);
        tell_ends(channel, moment);
    }
    while turn.step(channel, moment) {}
    channel.kick(transport);
    turn.end(channel)
}

/// One turn.
struct Turn {
    // In words, which need no masking.
    commands_left: u32,
    events_left: u32,
    /// The time, if the turn has it: then deadlines are looked at.
    time: Option<u64>,
}

impl Turn {
    /// Begins a turn: as much as both rings hold at once may be dealt with. With the time, deadlines that have passed are dealt with too.
    fn begin<const R: usize, const S: usize, const E: usize>(
        channel: &mut Channel<'_, R, S, E>,
        time: Option<u64>,
    ) -> Self {
        channel.wanted = false;
        if let Some(now) = time {
            channel.recovery.tick(now);
            // The time that was lost is the transfer's gain.
            channel.transfers.tick(now);
        }
        Suppression::begin_turn(channel.transfers.ring_mut(), channel.events.ring_mut());
        Self {
            commands_left: channel.transfers.ring().size().into(),
            events_left: channel.events.turn_limit(),
            time,
        }
    }

    /// Ends a turn: interrupts are wanted again, unless everybody polls or the device floods (V13).
    fn end<const R: usize, const S: usize, const E: usize>(
        &self,
        channel: &mut Channel<'_, R, S, E>,
    ) -> After {
        if channel.recovery.is_in_trouble() {
            return After::Again;
        }
        // Without a ring nothing was left from the beginning.
        if self.events_left == 0 || self.commands_left == 0 && channel.transfers.ring().size() > 0 {
            return After::Yield;
        }
        // A batch that waits for a slot waits for whatever the device gives back.
        let awaited = channel.transfers.awaits_interrupt()
            || channel.transfers.in_flight() == 0
            || !channel.batches.is_idle();
        let slipped_in =
            channel
                .suppression
                .end_turn(awaited, channel.transfers.ring_mut(), || {
                    channel.events.ring_mut()
                });
        if slipped_in || channel.wanted {
            After::Again
        } else {
            After::Sleep
        }
    }

    /// Deals with the next thing that has come or is due. `false`: there is nothing left.
    ///
    /// Commands come before events, so that no flood of events delays them, and both before deadlines: an answer that
    /// is there in time counts, however late it is looked at. The device is judged last.
    fn step<const R: usize, const S: usize, const E: usize>(
        &mut self,
        channel: &mut Channel<'_, R, S, E>,
        moment: &mut Moment<'_, impl System>,
    ) -> bool {
        if self.take_command(channel, moment) || self.take_event(channel, moment) {
            // There may be more.
        } else if channel.outbox.has_posts() {
            if let Some((owner, bits)) = channel.outbox.next_post(&channel.clients) {
                post(channel, owner, bits, moment);
            }
        } else if let Some(now) = self.time
            && self.commands_left > 0
            && expire(channel, now, moment)
        {
            // Not before all answers that are there were looked at.
        } else if !has_errands(channel) || !do_errands(channel, moment) {
            if let Some(now) = self.time {
                judge(channel, now);
            }
            return false;
        }
        true
    }

    /// Deals with the next chain of the command ring, if there is one.
    fn take_command<const R: usize, const S: usize, const E: usize>(
        &mut self,
        channel: &mut Channel<'_, R, S, E>,
        moment: &mut Moment<'_, impl System>,
    ) -> bool {
        if self.commands_left == 0 {
            return false;
        }
        match channel.transfers.take_used() {
            Ok(None) => return false,
            Ok(Some(used)) => replied(channel, used, moment),
            Err(violation) => violated(channel, COMMAND_QUEUE, violation, moment.now()),
        }
        self.commands_left -= 1;
        channel.suppression.command_taken();
        true
    }

    /// Deals with the next buffer of the event ring, if there is one.
    fn take_event<const R: usize, const S: usize, const E: usize>(
        &mut self,
        channel: &mut Channel<'_, R, S, E>,
        moment: &mut Moment<'_, impl System>,
    ) -> bool {
        if self.events_left == 0 {
            return false;
        }
        match channel.events.take_used() {
            Ok(None) => return false,
            Ok(Some(used)) => event_used(channel, used, moment),
            Err(violation) => violated(channel, EVENT_QUEUE, violation, moment.now()),
        }
        self.events_left -= 1;
        channel.suppression.event_taken();
        true
    }
}

/// Ends a transfer or a batch whose time is up, if there is one.
#[cold]
fn expire<const R: usize, const S: usize, const E: usize>(
    channel: &mut Channel<'_, R, S, E>,
    now: u64,
    moment: &mut Moment<'_, impl System>,
) -> bool {
    let (clients, journal) = (&mut channel.clients, &mut channel.journal);
    if let Some(id) = channel.transfers.expire(now, clients, journal) {
        ended(channel, id, moment);
    } else if let Some(id) = channel.batches.expired(now) {
        batching::expire(channel, id, moment);
        tell_ends(channel, moment);
    } else {
        return false;
    }
    true
}

/// Whether subscriptions or batches may have something to send.
fn has_errands<const R: usize, const S: usize, const E: usize>(
    channel: &Channel<'_, R, S, E>,
) -> bool {
    !channel.subscriptions.is_idle() || !channel.batches.is_idle()
}

/// Sends what subscriptions and batches have to send, some of it. `false`: there is nothing, or it must wait.
pub(crate) fn do_errands<const R: usize, const S: usize, const E: usize>(
    channel: &mut Channel<'_, R, S, E>,
    moment: &mut Moment<'_, impl System>,
) -> bool {
    // Before batches, which would leave no slot where the quotas promise more than there is.
    if !channel.subscriptions.is_idle() && work_subscriptions(channel, moment) {
        tell_answers(channel, moment);
        return true;
    }
    !channel.batches.is_idle() && batching::work(channel, moment)
}

/// Judges the device by what it keeps.
#[cold]
fn judge<const R: usize, const S: usize, const E: usize>(
    channel: &mut Channel<'_, R, S, E>,
    now: u64,
) {
    channel.recovery.judge(now, losses(channel).as_ref());
}

/// Tells who waits for the end of subscribing. To be called before anything can bring another.
fn tell_answers<const R: usize, const S: usize, const E: usize>(
    channel: &mut Channel<'_, R, S, E>,
    moment: &mut Moment<'_, impl System>,
) {
    while channel.outbox.has_answers() {
        if let Some((owner, result)) = channel.outbox.next_answer(&channel.clients) {
            moment.system.subscribed(owner, result);
        }
    }
}

/// Tells what a reset, or the time of a batch, ended.
#[cold]
fn tell_ends<const R: usize, const S: usize, const E: usize>(
    channel: &mut Channel<'_, R, S, E>,
    moment: &mut Moment<'_, impl System>,
) {
    while let Some(id) = channel.transfers.next_untold() {
        ended(channel, id, moment);
    }
}

fn post<const R: usize, const S: usize, const E: usize>(
    channel: &mut Channel<'_, R, S, E>,
    owner: Owner,
    bits: u32,
    moment: &mut Moment<'_, impl System>,
) {
    if !moment.system.post(owner, bits) {
        channel.client_gone(owner, moment.system);
    }
}

/// A transfer ended: tells whoever waits for it.
fn ended<const R: usize, const S: usize, const E: usize>(
    channel: &mut Channel<'_, R, S, E>,
    id: SlotId,
    moment: &mut Moment<'_, impl System>,
) {
    let (waiter, owner, handle) = channel.transfers.waiter(id);
    match waiter {
        Waiter::Exchange => {
            let result = channel.transfers.result(id, &channel.events);
            moment.system.ended(owner, handle, result);
            channel.finish(id);
        }
        Waiter::Batch { client, index } => batching::ended(channel, id, client, index, moment),
        Waiter::Handle { bits: 0 } => {}
        Waiter::Handle { bits } => post(channel, owner, bits, moment),
        Waiter::Subscription(number) => {
            let end = own_end(channel, id);
            if let Some(answered) = channel.subscriptions.answered(number, end) {
                subscription_answered(channel, &answered, end, moment.now());
                tell_answers(channel, moment);
            }
        }
        Waiter::Probe => match own_end(channel, id) {
            Ok(_) => recovered(channel, moment.now()),
            // The attempt that follows a reset has been counted.
            Err(Failure::DeviceReset) => {}
            Err(_) => attempt_failed(channel, moment.now()),
        },
    }
}

/// The end of a command of the driver's own, whose slot is free with that.
fn own_end<const R: usize, const S: usize, const E: usize>(
    channel: &mut Channel<'_, R, S, E>,
    id: SlotId,
) -> Result<Status, Failure> {
    let end = channel.transfers.result(id, &channel.events);
    let end = end.map(|reply| Status::from_raw(reply.status));
    channel.finish(id);
    end
}

/// A chain of the command ring came back.
fn replied<const R: usize, const S: usize, const E: usize>(
    channel: &mut Channel<'_, R, S, E>,
    used: Used,
    moment: &mut Moment<'_, impl System>,
) {
    channel.recovery.moved();
    let came = transfers::replied(
        &mut channel.transfers,
        used,
        &channel.events,
        &mut channel.clients,
        &mut channel.journal,
        || moment.now(),
    );
    match came {
        Came::Nothing => {}
        Came::End(id) => ended(channel, id, moment),
        Came::Unparked(number) => channel.unpark(number),
        Came::Late(id) => {
            if let Some((number, end)) = transfers::late_answer(&channel.transfers, id)
                && let Some(answered) = channel.subscriptions.answered_late(number, end)
            {
                subscription_answered(channel, &answered, end, moment.now());
                tell_answers(channel, moment);
            }
        }
    }
}

/// A buffer of the event ring came back. It is given to the device again unless a transfer keeps it.
fn event_used<const R: usize, const S: usize, const E: usize>(
    channel: &mut Channel<'_, R, S, E>,
    used: Used,
    moment: &mut Moment<'_, impl System>,
) {
    let now = moment.now();
    let number = used.head;
    if used.excess {
        channel.journal.count(Count::Clamped);
    }
    let word = channel.events.buffer(number).word(0);
    let len = used.len as usize;
    let mut over = None;
    let mut keep = false;
    let header = Header::unpack(word);
    match header.message_type {
        _ if len < HEADER_LEN => channel.journal.invalid(0, len),
        MessageType::Notification => notification(channel, &header, number, len, now),
        MessageType::DelayedResponse => {
            let response = Response {
                header: word,
                buffer: number,
                len,
            };
            (over, keep) = transfers::responded(
                &mut channel.transfers,
                response,
                &channel.events,
                &mut channel.clients,
                &mut channel.journal,
                now,
            );
        }
        // D13: nobody may send type 1, and no reply comes through this ring.
        MessageType::Command | MessageType::Unused => channel.journal.invalid(word, len),
    }
    if keep {
        channel.events.park();
    } else {
        channel.events.give_back(number, len);
    }
    if let Some(id) = over {
        ended(channel, id, moment);
    }
}

/// The device did what it must not. No transfer ends by it.
#[cold]
fn violated<const R: usize, const S: usize, const E: usize>(
    channel: &mut Channel<'_, R, S, E>,
    queue: u16,
    violation: Violation,
    now: u64,
) {
    channel.journal.count(Count::ErrProtocol);
    channel.journal.trace(Trace::Violation { queue, violation });
    let (commands, events) = (channel.transfers.ring().size(), channel.events.size());
    channel
        .recovery
        .violated(queue, violation, commands, events, now);
}
