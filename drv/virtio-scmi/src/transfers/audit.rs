// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The books of transfers, checked against one another: for tests, models and fuzzers.

use super::slot::{Slot, Slots, State};
use super::{Handle, SlotId, Transfers, Waiter};
use crate::clients::{Account, ClientId, Clients, Payer};
use crate::error::ensure;

/// What the slots say, counted.
#[derive(Default)]
struct Tally {
    free: u16,
    in_flight: u16,
    lost: u16,
    owed: u16,
    orphans: u16,
    interruptible: u16,
    off_clock: u16,
    deadlines: u16,
    tokens: u32,
    parked: u16,
}

/// Checks everything that must hold between two calls. Returns how many event buffers transfers keep. Costs O(slots).
pub(crate) fn audit<const RING: usize, const SLOTS: usize>(
    transfers: &Transfers<'_, RING, SLOTS>,
    clients: &Clients<'_>,
) -> Result<u16, &'static str> {
    let mut tally = Tally::default();
    for id in Slots::<SLOTS>::ids() {
        audit_slot(transfers, id, &mut tally)?;
    }
    let books = &transfers.books;
    let pool = &books.pool;
    pool.audit(tally.free, tally.lost, tally.orphans, tally.owed)?;
    let flight = &transfers.flight;
    ensure(tally.in_flight == flight.all(), "in_flight is wrong")?;
    ensure(
        tally.interruptible == flight.interruptible(),
        "interruptible is wrong",
    )?;
    let deadlines = books.deadlines.count(pool.slots()) + usize::from(tally.off_clock);
    ensure(
        deadlines == usize::from(tally.deadlines),
        "others than those in flight or owed have deadlines",
    )?;
    ensure(
        books.tokens.taken() >= tally.tokens,
        "more commands than tokens are out",
    )?;
    for (payer, account) in clients.accounts() {
        audit_account(transfers, payer, account)?;
    }
    Ok(tally.parked)
}

fn audit_slot<const RING: usize, const SLOTS: usize>(
    transfers: &Transfers<'_, RING, SLOTS>,
    id: SlotId,
    tally: &mut Tally,
) -> Result<(), &'static str> {
    let books = &transfers.books;
    let slot = books.pool.get(id);
    let device = transfers.ring.with_device(id.head());
    let in_ring = id.index() < transfers.in_use();
    let token = slot.token();
    let has_token = books.tokens.slot(token) == Some(id);
    tally.deadlines += u16::from(slot.has_deadline());
    if slot.has_deadline() && slot.due().is_off_clock() {
        tally.off_clock += 1;
        ensure(books.deadlines.is_off_clock(id), "a deadline is forgotten")?;
    }
    if device {
        tally.tokens += 1;
        ensure(has_token, "a command with the device has no token")?;
    }
    match slot.state() {
        State::Free => {
            tally.free += 1;
            ensure(in_ring, "a free slot is outside the ring")?;
            ensure(!device, "the device has a free slot")?;
            let unpaid = slot.payer() == Payer::Nobody;
            ensure(unpaid, "a free slot counts to somebody")
        }
        State::OutOfRing => {
            ensure(!device, "the device has a slot outside the ring")?;
            let outside = !in_ring || transfers.in_use() == 0;
            ensure(outside, "a slot of the ring is unused")
        }
        State::Filling => Err("a slot is half filled"),
        State::Waiting => {
            tally.in_flight += 1;
            tally.interruptible += u16::from(!slot.is_polled());
            ensure(device, "a waiting slot is not with the device")
        }
        State::AwaitingDelayed => {
            tally.in_flight += 1;
            tally.interruptible += 1;
            tally.tokens += 1;
            ensure(!device, "the device has a slot that awaits its response")?;
            ensure(has_token, "an awaited response has no token")
        }
        State::Ended => {
            tally.lost += u16::from(device);
            tally.parked += u16::from(slot.parked().is_some());
            Ok(())
        }
        State::Lost => {
            tally.lost += 1;
            tally.orphans += u16::from(slot.payer() == Payer::Nobody);
            ensure(device, "a lost slot is not with the device")?;
            let paid = slot.waiter() != Waiter::Probe || slot.payer() == Payer::Driver;
            ensure(paid, "a probe does not count to the driver")
        }
        State::Owed => {
            tally.owed += 1;
            tally.tokens += 1;
            ensure(!device, "the device has a slot of which it owes a response")?;
            ensure(has_token, "a response that is owed has no token")
        }
    }
}

fn audit_account<const RING: usize, const SLOTS: usize>(
    transfers: &Transfers<'_, RING, SLOTS>,
    payer: Payer,
    account: &Account,
) -> Result<(), &'static str> {
    let (mut held, mut lost) = (0, 0);
    for id in Slots::<SLOTS>::ids() {
        let slot = transfers.books.pool.get(id);
        if slot.payer() == payer {
            held += 1;
            let over = matches!(slot.state(), State::Lost | State::Ended);
            lost += u16::from(over && transfers.ring.with_device(id.head()));
        }
    }
    ensure(held == account.held(), "an account is miscounted")?;
    ensure(
        lost == account.lost(),
        "the lost slots of an account are miscounted",
    )
}

/// How many entries of a client's batch are in flight, or ended and not told yet.
pub(crate) fn entries<const RING: usize, const SLOTS: usize>(
    transfers: &Transfers<'_, RING, SLOTS>,
    id: ClientId,
) -> u16 {
    let of_batch = |slot: &&Slot| {
        let open = slot.in_flight() || slot.state() == State::Ended;
        open && matches!(slot.waiter(), Waiter::Batch { client, .. } if client == id)
    };
    let slots = Slots::<SLOTS>::ids().map(|id| transfers.books.pool.get(id));
    slots.filter(of_batch).count() as u16
}

/// What became of the slot of a handle, in a word, for messages of tests.
pub(crate) fn describe<const RING: usize, const SLOTS: usize>(
    transfers: &Transfers<'_, RING, SLOTS>,
    handle: Handle,
) -> &'static str {
    match transfers.books.pool.get(handle.slot()).state() {
        State::Free => "free",
        State::Filling => "filling",
        State::Waiting => "waiting",
        State::AwaitingDelayed => "awaiting delayed",
        State::Ended => "ended",
        State::Lost => "lost",
        State::Owed => "owed",
        State::OutOfRing => "out of ring",
    }
}
