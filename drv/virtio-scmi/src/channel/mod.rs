// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The channel: one device with its transfers, events and clients, and the order of their work.

pub(crate) mod batching;
mod following;
pub(crate) mod outlook;
mod recovering;
mod requests;
pub(crate) mod turn;

use crate::batches::Batches;
use crate::clients::{ClientId, Clients, Owner, Payer, own_slots};
use crate::counters::{Count, Counters, Pools};
use crate::error::Refusal;
use crate::events::{self, Events, Table};
use crate::interrupts::Suppression;
use crate::journal::Journal;
use crate::memory::QueueMemory;
use crate::outbox::Outbox;
use crate::provision::Provision;
use crate::recovery::{Recovery, Setup, Trouble};
use crate::system::{Moment, System};
use crate::trace::Trace;
use crate::transfers::{self, Books, SlotId, Transfers};
use crate::transport::{COMMAND_QUEUE, EVENT_QUEUE, SetupError, Transport};

/// One SCMI device with its transfers, events and clients. The parameters are those of [`QueueMemory`].
// In this order, what every command needs is within reach of short offsets in A32. With the order of `Transfers` and `Events`, one look-up
// of the client and a smaller `Came`, measured together: 28 instructions of `exchange_irq`.
#[repr(C)]
pub(crate) struct Channel<'m, const RING: usize, const SLOTS: usize, const EVENTS: usize> {
    /// A turn is wanted although no interrupt may come.
    wanted: bool,
    suppression: Suppression,
    outbox: Outbox,
    clients: Clients<'m>,
    setup: Setup,
    recovery: Recovery,
    journal: Journal,
    memory: &'m QueueMemory<RING, SLOTS, EVENTS>,
    transfers: Transfers<'m, RING, SLOTS>,
    events: Events<'m, EVENTS>,
    subscriptions: Table<'m>,
    batches: Batches<'m>,
}

impl<'m, const RING: usize, const SLOTS: usize, const EVENTS: usize>
    Channel<'m, RING, SLOTS, EVENTS>
{
    /// A channel without device and clients. Touches no queue memory.
    pub(crate) const fn new(
        memory: &'m QueueMemory<RING, SLOTS, EVENTS>,
        books: &'m mut Books<SLOTS>,
    ) -> Self {
        Self {
            memory,
            transfers: Transfers::new(memory, books),
            events: Events::new(memory),
            subscriptions: Table::new(),
            batches: Batches::new(),
            clients: Clients::new(own_slots(SLOTS) as u16),
            outbox: Outbox::new(),
            suppression: Suppression::new(),
            recovery: Recovery::new(),
            setup: Setup::new(),
            journal: Journal::new(),
            wanted: false,
        }
    }

    /// See [`Driver::provide`](crate::Driver::provide).
    pub(crate) fn provide(&mut self, provision: Provision<'m>) {
        let Provision {
            clients,
            tasks,
            records,
            subscriptions,
            batches,
            entries,
            limits,
            trace,
        } = provision;
        self.transfers.provide(limits.delayed);
        self.clients.provide(clients, tasks, records);
        self.subscriptions.provide(subscriptions);
        let rooms = self.clients.batch_rooms();
        self.batches.provide(batches, entries, rooms);
        self.recovery.provide(limits);
        self.journal.provide(trace);
    }

    /// Sets the device up for the first time.
    pub(crate) fn start(
        &mut self,
        transport: &mut impl Transport,
        now: u64,
    ) -> Result<(), SetupError> {
        let result = self.set_up(transport, now);
        match result {
            Ok(()) => self.recovery.ready(now),
            Err(error) => {
                self.journal.trace(Trace::SetupFailed(error));
                if error.may_pass() {
                    let until = self.recovery.begin(now);
                    self.journal.trace(Trace::RetryAt(until));
                }
            }
        }
        result
    }

    /// Resets the device and sets it up.
    fn set_up(&mut self, transport: &mut impl Transport, now: u64) -> Result<(), SetupError> {
        self.setup.set_up(
            self.memory,
            &mut self.transfers,
            &mut self.events,
            &mut self.clients,
            transport,
        )?;
        self.suppression.reset();
        self.recovery.fresh(now);
        self.journal.trace(Trace::Ready {
            commands: self.transfers.ring().size(),
            events: self.events.size(),
        });
        self.kick(transport);
        Ok(())
    }

    /// Tells the device what is new in either ring, where it wants to know.
    pub(crate) fn kick(&mut self, transport: &mut impl Transport) {
        let published = self.transfers.ring().has_undecided() || self.events.ring().has_undecided();
        if !published || !self.setup.is_live() {
            return;
        }
        if self.transfers.ring_mut().kick_needed() {
            self.journal.count(Count::Kicks);
            transport.notify(COMMAND_QUEUE);
        }
        if self
            .events
            .ring_mut()
            .is_some_and(|ring| ring.kick_needed())
        {
            self.journal.count(Count::Kicks);
            transport.notify(EVENT_QUEUE);
        }
    }

    /// Looks whether the device wants a reset (W9).
    pub(crate) fn look_at_status(&mut self, transport: &mut impl Transport) {
        if transport.needs_reset() {
            self.recovery.report(Trouble::NeedsReset);
        }
    }

    /// The client that a task is, with everything of an earlier life of the task forgotten.
    fn client(
        &mut self,
        owner: Owner,
        moment: &mut Moment<'_, impl System>,
    ) -> Result<ClientId, Refusal> {
        let id = self.clients.find(owner)?;
        if !self.clients.is_known(id, owner)
            && let Some(before) = self.clients.enter(id, owner)
        {
            self.forget(id, before, moment.now());
        }
        Ok(id)
    }

    /// Frees what clients hold that are gone. Asks the system for each client.
    #[cold]
    fn sweep(&mut self, system: &mut impl System) {
        let mut number = 0;
        while let Some(owner) = self.clients.owner(number) {
            number += 1;
            if owner != Owner::NOBODY && !system.is_alive(owner) {
                self.client_gone(owner, system);
            }
        }
    }

    /// A client is gone: frees its slots, empties its inbox, ends its subscriptions. Costs O(slots).
    #[cold]
    fn forget(&mut self, id: ClientId, owner: Owner, now: u64) {
        let payer = Payer::Client(id);
        let held = self.clients.held(payer);
        self.journal.trace(Trace::ClientGone {
            task: owner.0,
            held,
        });
        if held > 0 {
            let events = &mut self.events;
            let unparked = |number| events.unpark(number);
            self.transfers
                .forget(payer, now, &mut self.clients, &mut self.journal, unparked);
        }
        self.clients.empty_inbox(id);
        self.subscriptions.forget(id);
        self.batches.forget(id);
        self.outbox.forget(id);
        self.wanted = true;
    }

    /// The waiter has the end of a transfer.
    fn finish(&mut self, id: SlotId) {
        if let Some(number) = self.transfers.finish(id, &mut self.clients) {
            self.unpark(number);
        }
    }

    /// An event buffer that a transfer kept is free.
    fn unpark(&mut self, number: u16) {
        self.events.unpark(number);
        // To kick the device for it.
        self.wanted = true;
    }

    /// See [`Driver::client_gone`](crate::Driver::client_gone).
    pub(crate) fn client_gone(&mut self, owner: Owner, system: &mut impl System) {
        if let Some(id) = self.clients.leave(owner) {
            self.forget(id, owner, system.now());
        }
    }

    /// Whether a turn is wanted although no interrupt may come.
    pub(crate) fn wants_turn(&self) -> bool {
        self.wanted
    }

    /// Whether the device has put something into a ring that no turn has dealt with yet.
    pub(crate) fn has_used(&self) -> bool {
        self.transfers.ring().has_used() || self.events.has_used()
    }

    pub(crate) fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    pub(crate) fn report(&mut self, trouble: Trouble) {
        self.recovery.report(trouble);
    }

    pub(crate) fn setup(&self) -> &Setup {
        &self.setup
    }

    pub(crate) fn transfers(&self) -> &Transfers<'m, RING, SLOTS> {
        &self.transfers
    }

    pub(crate) fn events(&self) -> &Events<'m, EVENTS> {
        &self.events
    }

    pub(crate) fn clients(&self) -> &Clients<'m> {
        &self.clients
    }

    pub(crate) fn journal(&mut self) -> &mut Journal {
        &mut self.journal
    }

    pub(crate) fn counters(&self) -> &Counters {
        self.journal.counters()
    }

    /// Changes with everything that is taken from a ring, modulo 2^32.
    pub(crate) fn progress(&self) -> u32 {
        let (commands, events) = (self.transfers.ring(), self.events.ring());
        u32::from(commands.used_index()) << 16 | u32::from(events.used_index())
    }

    /// What the driver holds.
    pub(crate) fn pools(&self) -> Pools {
        let at_device = u32::from(self.events.at_device());
        Pools {
            in_flight: u32::from(self.transfers.in_flight()),
            slots: u32::from(self.transfers.in_use()),
            slots_free: u32::from(self.transfers.free()),
            slots_lost: u32::from(self.transfers.lost()),
            slots_owed: u32::from(self.transfers.owed()),
            event_buffers: u32::from(self.events.size()),
            events_at_device: at_device,
            // Between runs only the kept ones.
            events_at_driver: u32::from(self.events.parked()),
            events_missing: u32::from(self.recovery.events_missing()).min(at_device),
        }
    }

    /// Checks everything that must hold between two calls, whatever the device and the clients did. The error says what does not.
    /// For tests, models and fuzzers: it costs O(slots + event buffers).
    pub(crate) fn audit(&self) -> Result<(), &'static str> {
        let parked = transfers::audit(&self.transfers, &self.clients)?;
        self.events.audit(parked)?;
        self.clients.audit()?;
        events::audit(&self.subscriptions)?;
        self.batches
            .audit(|id| transfers::entries(&self.transfers, id))?;
        if !self.counters().balance(&self.pools()) {
            return Err("the counters do not balance");
        }
        Ok(())
    }

    /// Whether the driver may have to wake up earlier than it was to.
    pub(crate) fn take_changed(&mut self) -> bool {
        self.transfers.deadlines().take_changed()
    }

    /// Whether the interrupt is wanted: somebody waits for it, or nobody polls.
    pub(crate) fn wants_interrupt(&self) -> bool {
        !self.suppression.is_polling() || self.transfers.awaits_interrupt()
    }

    /// A moment has passed: who has nothing in flight polls no more.
    pub(crate) fn forget_polling(&mut self) {
        self.suppression.forget_polling();
    }
}
