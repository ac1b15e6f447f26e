// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Events of the channel: who is told of them, and what the platform is asked for.

use super::Channel;
use crate::clients::{Arrival, EventKind, Payload, SOURCE_WORD};
use crate::counters::Count;
use crate::error::Failure;
use crate::events::{Answered, Key, Work};
use crate::system::{Moment, System};
use crate::trace::Trace;
use crate::transfers::{Opening, SlotId, Terms, Waiter, header_of};
use scmi::limits::HEADER_LEN;
use scmi::{Header, Status};

/// Puts an event into the inboxes of those who want it. Costs O(clients that want it).
pub(super) fn notification<const R: usize, const S: usize, const E: usize>(
    channel: &mut Channel<'_, R, S, E>,
    header: &Header,
    number: u16,
    len: usize,
    now: u64,
) {
    let Some(event) = scmi::events::find(header.protocol, header.message) else {
        // N04: not ours to understand.
        channel.journal.count(Count::EventsUnclaimed);
        return;
    };
    let payload = len - HEADER_LEN;
    if !event.length_is_valid(payload) {
        // N03.
        channel.journal.invalid(header.pack(), len);
        return;
    }
    if event.is_longer_than_known(payload) {
        channel.journal.count(Count::NotificationLonger);
    }
    channel.journal.count(Count::NotificationOk);
    let buffer = channel.events.buffer(number);
    // Read here, once: it decides who is told, and they are told this one.
    let source = event
        .source_at
        .map(|_| buffer.word(HEADER_LEN / 4 + SOURCE_WORD));
    let (all, one) = channel.subscriptions.followers_of(Key {
        protocol: header.protocol,
        event: header.message,
        source: source.unwrap_or(0),
    });
    if (all | one).is_empty() {
        // N09.
        channel.journal.count(Count::EventsUnclaimed);
        return;
    }
    let arrival = Arrival {
        time: now,
        generation: channel.setup.generation(),
        kind: EventKind::Event,
        protocol: header.protocol,
        event: header.message,
        source,
        payload: Payload::Buffer(buffer, payload),
    };
    let dropped = channel.clients.deliver(all | one, &arrival);
    channel.journal.count_many(Count::ErrMsgNomem, dropped);
    channel.outbox.post_first(all);
    channel.outbox.post(one);
}

/// Sends what subscriptions need to have sent, as far as the driver's own slots reach. `true`: something was done.
pub(super) fn work_subscriptions<const R: usize, const S: usize, const E: usize>(
    channel: &mut Channel<'_, R, S, E>,
    moment: &mut Moment<'_, impl System>,
) -> bool {
    match channel.subscriptions.next_work(channel.events.is_up()) {
        None => false,
        Some(Work::Settled(clients)) => {
            channel.outbox.answer(clients, Ok(()));
            true
        }
        Some(Work::Send(request)) => {
            if !channel.recovery.is_well() || channel.clients.own().is_full() {
                return false;
            }
            let waiter = Waiter::Subscription(request.number);
            let parameters = request.parameters.as_bytes();
            let sent = send_own(
                channel,
                waiter,
                request.protocol,
                request.message,
                parameters,
                moment.now(),
            );
            if sent.is_some() {
                channel.subscriptions.sent(&request);
            }
            // If no slot is free the entry keeps its place, and each turn tries again.
            sent.is_some()
        }
    }
}

/// The platform answered a command that switches an event, or failed to.
pub(super) fn subscription_answered<const R: usize, const S: usize, const E: usize>(
    channel: &mut Channel<'_, R, S, E>,
    answered: &Answered,
    end: Result<Status, Failure>,
    now: u64,
) {
    let Key {
        protocol,
        event,
        source,
    } = answered.key;
    if let Err(failure) = answered.result
        && failure != Failure::DeviceReset
    {
        channel.journal.trace(Trace::EventRefused {
            protocol,
            event,
            status: end.map_or(0, Status::raw),
        });
    }
    channel.outbox.keep(answered.kept);
    channel.outbox.answer(answered.told, answered.result);
    if !answered.dropped.is_empty() {
        let arrival = Arrival {
            time: now,
            generation: channel.setup.generation(),
            kind: EventKind::Ended,
            protocol,
            event,
            source: Some(source),
            payload: Payload::Source,
        };
        let dropped = channel.clients.deliver(answered.dropped, &arrival);
        channel.journal.count_many(Count::ErrMsgNomem, dropped);
        channel.outbox.post(answered.dropped);
    }
}

/// Sends a command of the driver's own; `None`: no slot is free, or it cannot be sent. Its deadline counts from now on, when it is with
/// the device.
pub(super) fn send_own<const R: usize, const S: usize, const E: usize>(
    channel: &mut Channel<'_, R, S, E>,
    waiter: Waiter,
    protocol: u8,
    message: u8,
    parameters: &[u8],
    now: u64,
) -> Option<SlotId> {
    let opening = Opening {
        terms: Terms::own(waiter),
        header: header_of(protocol, message),
        patience: channel.recovery.limits().own_deadline,
    };
    let (owner, payer) = (opening.terms.owner, opening.terms.payer);
    let reserved = channel
        .transfers
        .reserve(owner, payer, &mut channel.clients);
    let id = reserved?;
    channel.transfers.open(id, &opening);
    channel.transfers.request(id).write(1, parameters);
    if channel.submit(id, None, parameters.len()).is_err() {
        channel.transfers.abort(id, &mut channel.clients);
        return None;
    }
    channel.transfers.put_on_clock(id, now);
    Some(id)
}
