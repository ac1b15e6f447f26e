// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Recovery of the channel: what is done when the device is in trouble, and when it works again.

use super::Channel;
use super::following::send_own;
use crate::counters::Count;
use crate::recovery::{Losses, Trouble};
use crate::trace::Trace;
use crate::transfers::Waiter;
use crate::transport::Transport;
use scmi::Protocol;
use scmi::protocol::common::PROTOCOL_VERSION;

/// Does what time and the state of the device demand: begins recovery, makes the next attempt.
#[cold]
pub(super) fn maintain<const R: usize, const S: usize, const E: usize>(
    channel: &mut Channel<'_, R, S, E>,
    transport: &mut impl Transport,
    now: u64,
) {
    channel.transfers.deadlines().changed();
    channel.recovery.tick(now);
    if channel.recovery.is_up() {
        if !channel.recovery.is_in_trouble() && channel.transfers.lost() > 0 {
            channel.look_at_status(transport);
        }
        if let Some(trouble) = channel.recovery.take_trouble() {
            begin_recovery(channel, trouble, now);
        }
    }
    if channel.recovery.is_due(now) {
        match channel.set_up(transport, now) {
            Ok(()) => probe(channel, transport, now),
            Err(error) => {
                channel.journal.trace(Trace::SetupFailed(error));
                attempt_failed(channel, now);
            }
        }
    }
}

#[cold]
fn begin_recovery<const R: usize, const S: usize, const E: usize>(
    channel: &mut Channel<'_, R, S, E>,
    trouble: Trouble,
    now: u64,
) {
    channel.journal.trace(Trace::Recovery(trouble));
    if matches!(trouble, Trouble::SlotsLost | Trouble::NoProgress) {
        let until = channel.recovery.reset_for_losses(now);
        channel.clients.expect_losses(until);
    }
    channel
        .transfers
        .fail_all(now, &mut channel.clients, &mut channel.journal);
    // Who waits for a subscription that could not even be sent has it: it is armed when the device is back (N08).
    // The last answer was told in the last turn.
    channel
        .outbox
        .answer(channel.subscriptions.stop_waiting(), Ok(()));
    if !channel.recovery.is_ready() {
        // In the middle of an attempt: it failed.
        return attempt_failed(channel, now);
    }
    channel.journal.count(Count::Recoveries);
    let until = channel.recovery.begin(now);
    channel.journal.trace(Trace::RetryAt(until));
}

#[cold]
pub(super) fn attempt_failed<const R: usize, const S: usize, const E: usize>(
    channel: &mut Channel<'_, R, S, E>,
    now: u64,
) {
    channel.journal.count(Count::RecoveriesFailed);
    let until = channel.recovery.next(now);
    channel.journal.trace(Trace::RetryAt(until));
    if channel.recovery.is_unavailable() {
        channel.journal.trace(Trace::Unavailable);
    }
}

/// Asks the platform whether it is there: for the version of the Base protocol, which every platform has. The question does not
/// wait for the driver's quota: commands that the reset ended may still count to it.
fn probe<const R: usize, const S: usize, const E: usize>(
    channel: &mut Channel<'_, R, S, E>,
    transport: &mut impl Transport,
    now: u64,
) {
    let base = Protocol::Base.id();
    match send_own(channel, Waiter::Probe, base, PROTOCOL_VERSION, &[], now) {
        Some(id) => {
            channel.recovery.asked(id);
            channel.kick(transport);
        }
        // Commands of the driver's own that the reset ended have its slots until they are looked at in this turn.
        None if channel.clients.own().held() > 0 => {
            let until = channel.recovery.next(now);
            channel.journal.trace(Trace::RetryAt(until));
        }
        // All slots hold answers that nobody has fetched: the first command will show.
        None => recovered(channel, now),
    }
}

/// The platform is there again: events are switched on again, and those who follow them are told. Costs O(clients +
/// subscriptions).
pub(super) fn recovered<const R: usize, const S: usize, const E: usize>(
    channel: &mut Channel<'_, R, S, E>,
    now: u64,
) {
    channel.recovery.ready(now);
    channel.subscriptions.reset();
    let followers = channel.subscriptions.followers();
    channel.clients.resynchronise(followers, now);
    channel.outbox.post(followers);
}

/// What is lost at the moment; `None`: nothing.
pub(super) fn losses<const R: usize, const S: usize, const E: usize>(
    channel: &Channel<'_, R, S, E>,
) -> Option<Losses> {
    let accounts = channel.clients.accounts();
    Some(Losses {
        oldest: channel.transfers.oldest_loss()?,
        count: channel.transfers.lost(),
        slots: channel.transfers.in_use(),
        short_since: accounts
            .filter_map(|(_, account)| account.short_since())
            .min(),
    })
}
