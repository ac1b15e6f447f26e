// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Batches of the channel: their entries are checked, sent as slots allow, and told one by one.

use super::Channel;
use crate::batches::{Batch, BatchEntry};
use crate::clients::{ClientId, Owner, Payer};
use crate::error::{Failure, Refusal, Unanswered};
use crate::system::{Moment, NotSent, System};
use crate::transfers::{NO_DEADLINE, Opening, SlotId, Terms, Waiter, header_of, is_asynchronous};

/// See [`Driver::batch`](crate::Driver::batch).
pub(crate) fn begin<const R: usize, const S: usize, const E: usize, F>(
    channel: &mut Channel<'_, R, S, E>,
    owner: Owner,
    batch: &Batch,
    moment: &mut Moment<'_, impl System>,
    fill: impl FnOnce(&mut [BatchEntry]) -> Result<(), F>,
) -> Result<(), NotSent<F>> {
    if channel.transfers.is_full() {
        channel.sweep(moment.system);
    }
    let prepared = channel.client(owner, moment).and_then(|id| {
        channel.recovery.check()?;
        Ok((id, channel.batches.prepare(id, batch.count)?))
    });
    let (id, entries) = match prepared {
        Ok(prepared) => prepared,
        Err(refusal) => {
            channel.journal.refused(refusal);
            return Err(NotSent::Refused(refusal));
        }
    };
    fill(entries).map_err(NotSent::NotFilled)?;
    let patience = match batch.deadline_ms {
        0 => channel.recovery.limits().deadline,
        given => given,
    };
    let deadline = moment.now().saturating_add(u64::from(patience));
    channel.batches.begin(id, owner, batch, deadline);
    channel.transfers.deadlines().changed();
    channel.wanted = true;
    Ok(())
}

/// Sends what batches have to send, as far as their clients' slots reach. `true`: something was done.
pub(super) fn work<const R: usize, const S: usize, const E: usize>(
    channel: &mut Channel<'_, R, S, E>,
    moment: &mut Moment<'_, impl System>,
) -> bool {
    let mut worked = false;
    let mut clients = channel.batches.active();
    while let Some(id) = channel.batches.take_next(&mut clients) {
        worked |= check(channel, id, moment);
        while send_next(channel, id, moment) {
            worked = true;
        }
        worked |= end(channel, id, moment);
    }
    worked
}

/// Checks all entries of a batch that is new. Those that may not be sent are over.
fn check<const R: usize, const S: usize, const E: usize>(
    channel: &mut Channel<'_, R, S, E>,
    id: ClientId,
    moment: &mut Moment<'_, impl System>,
) -> bool {
    let count = channel.batches.take_unchecked(id);
    for index in 0..count {
        if let Err(refusal) = may_send(channel, id, index) {
            refuse(channel, id, index, refusal, moment);
        }
    }
    count > 0
}

fn may_send<const R: usize, const S: usize, const E: usize>(
    channel: &Channel<'_, R, S, E>,
    id: ClientId,
    index: u8,
) -> Result<(), Refusal> {
    let Some(entry) = channel.batches.entry(id, index) else {
        // The batch is over.
        return Ok(());
    };
    if entry.flags != 0 {
        return Err(Refusal::InvalidArgument);
    }
    let len = usize::from(entry.len);
    if len > size_of_val(&entry.parameters) {
        return Err(Refusal::RequestTooLong);
    }
    let config = channel.clients.config(id).ok_or(Refusal::NotAClient)?;
    let (protocol, message, rules) = (entry.protocol, entry.message, &config.rules);
    if rules.check_command(protocol, message)? {
        rules.check_domain(protocol, message, len, |index| entry.parameter(index))?;
    }
    if !channel.events.is_up()
        && is_asynchronous(protocol, message, len, |index| entry.parameter(index))
    {
        return Err(Refusal::EventsUnavailable);
    }
    Ok(())
}

/// Sends the next entry of a batch. `false`: there is none, or no slot for it.
fn send_next<const R: usize, const S: usize, const E: usize>(
    channel: &mut Channel<'_, R, S, E>,
    id: ClientId,
    moment: &mut Moment<'_, impl System>,
) -> bool {
    let Some((owner, _)) = channel.batches.waiter(id) else {
        return false;
    };
    if !channel.batches.may_send(id) {
        return false;
    }
    let Some((index, &entry)) = channel.batches.next(id) else {
        return false;
    };
    let (protocol, message) = (entry.protocol, entry.message);
    let inspect = channel.recovery.check().and_then(|()| {
        let inspect = channel.clients.inspects(id, protocol, message)?;
        channel.clients.check_room(id)?;
        Ok(inspect)
    });
    let inspect = match inspect {
        Ok(inspect) => inspect,
        Err(Refusal::SlotQuota | Refusal::SlotsLost) => return false,
        Err(refusal) => {
            refuse(channel, id, index, refusal, moment);
            return true;
        }
    };
    let opening = Opening {
        terms: Terms {
            waiter: Waiter::Batch { client: id, index },
            owner,
            payer: Payer::Client(id),
            delayed: false,
            polled: false,
            inspect,
        },
        header: header_of(protocol, message),
        patience: NO_DEADLINE,
    };
    let payer = opening.terms.payer;
    let reserved = channel
        .transfers
        .reserve(owner, payer, &mut channel.clients);
    let Some(slot) = reserved else {
        return false;
    };
    channel.transfers.open(slot, &opening);
    channel
        .transfers
        .request(slot)
        .write_words(1, &entry.parameters);
    match channel.submit(slot, Some(id), usize::from(entry.len)) {
        Ok(_) => channel.batches.sent(id),
        Err(refusal) => {
            // It is counted by now.
            channel.transfers.abort(slot, &mut channel.clients);
            give_up(channel, id, index, Unanswered::Refused(refusal), moment);
        }
    }
    true
}

/// An entry is over without having been sent.
fn refuse<const R: usize, const S: usize, const E: usize>(
    channel: &mut Channel<'_, R, S, E>,
    id: ClientId,
    index: u8,
    refusal: Refusal,
    moment: &mut Moment<'_, impl System>,
) {
    channel.journal.refused(refusal);
    give_up(channel, id, index, Unanswered::Refused(refusal), moment);
}

fn give_up<const R: usize, const S: usize, const E: usize>(
    channel: &mut Channel<'_, R, S, E>,
    id: ClientId,
    index: u8,
    unanswered: Unanswered,
    moment: &mut Moment<'_, impl System>,
) {
    let Some((owner, tag)) = channel.batches.waiter(id) else {
        return;
    };
    channel.batches.settle(id, index);
    let system = &mut *moment.system;
    if !system.entry_ended(owner, tag, index, Err(unanswered)) {
        channel.client_gone(owner, system);
    }
}

/// An entry that was sent is over. Tells its client, and frees the slot.
pub(super) fn ended<const R: usize, const S: usize, const E: usize>(
    channel: &mut Channel<'_, R, S, E>,
    slot: SlotId,
    id: ClientId,
    index: u8,
    moment: &mut Moment<'_, impl System>,
) {
    let Some((owner, tag)) = channel.batches.waiter(id) else {
        // It cannot happen: who gives up a batch gives up its transfers.
        debug_assert!(false);
        return channel.finish(slot);
    };
    let result = channel.transfers.result(slot, &channel.events);
    let result = result.map_err(Unanswered::Failed);
    let is_heard = moment.system.entry_ended(owner, tag, index, result);
    channel.batches.ended(id);
    channel.finish(slot);
    if !is_heard {
        channel.client_gone(owner, moment.system);
    }
}

/// Gives up a batch whose time is up: what is in flight, and what was not sent yet.
#[cold]
pub(super) fn expire<const R: usize, const S: usize, const E: usize>(
    channel: &mut Channel<'_, R, S, E>,
    id: ClientId,
    moment: &mut Moment<'_, impl System>,
) {
    // It may be new, if the device got into trouble before it was looked at.
    check(channel, id, moment);
    while let Some((index, _)) = channel.batches.next(id) {
        let timed_out = Unanswered::Failed(Failure::TimedOut);
        give_up(channel, id, index, timed_out, moment);
    }
    let now = moment.now();
    channel
        .transfers
        .time_out_batch(id, now, &mut channel.clients, &mut channel.journal);
    end(channel, id, moment);
}

/// Ends a batch if all of its entries are over.
fn end<const R: usize, const S: usize, const E: usize>(
    channel: &mut Channel<'_, R, S, E>,
    id: ClientId,
    moment: &mut Moment<'_, impl System>,
) -> bool {
    let owner = channel.batches.take_over(id);
    if let Some(owner) = owner {
        moment.system.batch_ended(owner);
    }
    owner.is_some()
}
