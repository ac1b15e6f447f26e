// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The books, checked against one another: for tests, models and fuzzers.

use crate::channel::Channel;
use crate::quota::{Account, ClientId, Payer};
use crate::slot::{OFF_CLOCK, SlotId, Slots, State, Waiter};
use crate::transfer::Answer;
use scmi::Header;

impl<'m, const RING: usize, const SLOTS: usize, const EVENTS: usize>
    Channel<'m, RING, SLOTS, EVENTS>
{
    /// Checks everything that must hold between two operations, whatever the device and the clients did. The error says what does
    /// not. Costs O(slots + event buffers).
    pub(crate) fn audit(&self) -> Result<(), &'static str> {
        self.audit_slots()?;
        self.audit_clients()?;
        self.audit_events()?;
        ensure(
            self.counters.balance(&self.pools()),
            "the counters do not balance",
        )
    }

    fn audit_slots(&self) -> Result<(), &'static str> {
        let (mut free, mut in_flight, mut lost, mut interruptible) = (0, 0, 0, 0);
        let mut off_clock = 0;
        let mut tokens = 0;
        let (mut owed, mut orphans) = (0, 0);
        for id in Slots::<SLOTS>::ids() {
            let slot = self.books.slots.get(id);
            let device = self.commands.with_device(id.head());
            let in_ring = id.index() < self.in_use;
            let token = Header::unpack(slot.header).token;
            if slot.has_deadline() && slot.bucket == OFF_CLOCK {
                off_clock += 1;
                ensure(self.books.off_clock.contains(id), "a deadline is forgotten")?;
            }
            if device {
                tokens += 1;
                ensure(
                    self.books.tokens.slot(token) == Some(id),
                    "a command with the device has no token",
                )?;
            }
            match slot.state {
                State::Free => {
                    free += 1;
                    ensure(in_ring, "a free slot is outside the ring")?;
                    ensure(!device, "the device has a free slot")?;
                    ensure(
                        slot.payer == Payer::Nobody,
                        "a free slot counts to somebody",
                    )?;
                }
                State::OutOfRing => {
                    ensure(!device, "the device has a slot outside the ring")?;
                    ensure(!in_ring || self.in_use == 0, "a slot of the ring is unused")?;
                }
                State::Filling => return Err("a slot is half filled"),
                State::Waiting => {
                    in_flight += 1;
                    interruptible += u16::from(!slot.polled);
                    ensure(device, "a waiting slot is not with the device")?;
                }
                State::AwaitingDelayed => {
                    in_flight += 1;
                    interruptible += 1;
                    tokens += 1;
                    ensure(!device, "the device has a slot that awaits its response")?;
                    ensure(
                        self.books.tokens.slot(token) == Some(id),
                        "an awaited response has no token",
                    )?;
                }
                State::Ended => lost += u16::from(device),
                State::Lost => {
                    lost += 1;
                    ensure(device, "a lost slot is not with the device")?;
                    orphans += u16::from(slot.payer == Payer::Nobody);
                    ensure(
                        !matches!(slot.waiter, Waiter::Probe) || slot.payer == Payer::Driver,
                        "a probe does not count to the driver",
                    )?;
                }
                State::Owed => {
                    owed += 1;
                    tokens += 1;
                    ensure(!device, "the device has a slot of which it owes a response")?;
                    ensure(
                        self.books.tokens.slot(token) == Some(id),
                        "a response that is owed has no token",
                    )?;
                }
            }
        }
        ensure(free == self.free.len(), "the free list has another length")?;
        ensure(
            self.free.is_sound(&self.books.slots),
            "the free list is torn",
        )?;
        ensure(lost == self.lost.len(), "the lost list has another length")?;
        ensure(
            self.lost.count(&self.books.slots) == Some(self.lost.len()),
            "the lost list is torn",
        )?;
        ensure(in_flight == self.in_flight, "in_flight is wrong")?;
        ensure(owed == self.owed, "owed is wrong")?;
        ensure(orphans == self.orphans, "orphans is wrong")?;
        ensure(
            interruptible == self.interruptible,
            "interruptible is wrong",
        )?;
        ensure(
            self.books.wheel.count(&self.books.slots) + off_clock == usize::from(in_flight + owed),
            "others than those in flight or owed have deadlines",
        )?;
        ensure(
            self.books.tokens.taken() >= tokens,
            "more commands than tokens are out",
        )
    }

    fn audit_clients(&self) -> Result<(), &'static str> {
        self.audit_account(Payer::Driver, &self.own)?;
        for (number, client) in self.clients.iter().enumerate() {
            self.audit_account(Payer::Client(ClientId(number as u8)), &client.account)?;
            ensure(
                client.account.held() <= client.config.slots,
                "a client holds more slots than it may",
            )?;
            ensure(
                self.subscriptions.count(number) == usize::from(client.subscriptions),
                "a client's subscriptions are miscounted",
            )?;
            ensure(
                client.queue.is_sound(self.records),
                "a client's event queue is torn",
            )?;
        }
        self.subscriptions.audit()
    }

    fn audit_account(&self, payer: Payer, account: &Account) -> Result<(), &'static str> {
        let (mut held, mut lost) = (0, 0);
        for id in Slots::<SLOTS>::ids() {
            let slot = self.books.slots.get(id);
            if slot.payer == payer {
                held += 1;
                let over = matches!(slot.state, State::Lost | State::Ended);
                lost += u16::from(over && self.commands.with_device(id.head()));
            }
        }
        ensure(held == account.held(), "an account is miscounted")?;
        ensure(
            lost == account.lost(),
            "the lost slots of an account are miscounted",
        )
    }

    fn audit_events(&self) -> Result<(), &'static str> {
        let mut parked = 0;
        for id in Slots::<SLOTS>::ids() {
            let slot = self.books.slots.get(id);
            if let (
                State::Ended,
                Ok(Answer {
                    parked: Some(number),
                    ..
                }),
            ) = (slot.state, slot.end)
            {
                parked += 1;
                ensure(
                    !self.events.with_device(number),
                    "the device has a parked buffer",
                )?;
            }
        }
        ensure(parked == self.parked, "parked is wrong")?;
        let at_device = (0..self.event_ring())
            .filter(|&number| self.events.with_device(number))
            .count();
        ensure(
            at_device + usize::from(parked) == usize::from(self.event_ring()),
            "an event buffer is lost",
        )
    }

    /// The slot's state as a word, for messages of tests.
    pub(crate) fn describe_slot(&self, id: SlotId) -> &'static str {
        match self.books.slots.get(id).state {
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
}

fn ensure(holds: bool, otherwise: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(otherwise) }
}
