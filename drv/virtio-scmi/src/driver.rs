// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The driver: what its server, and whoever plays one, calls. It decides when the rings are looked at, when the device may
//! interrupt, and when the timer fires.

use crate::clients::{Client, ClientId, Clients, Fetched, Owner, Payer, Record, own_slots};
use crate::counters::{Count, Counters, Pools};
use crate::error::{Failure, Refusal};
use crate::events::{Events, Key, Notified, Subscription, Table};
use crate::interrupts::{Pacing, Suppression};
use crate::journal::Journal;
use crate::memory::{DmaBuffer, QueueMemory};
use crate::outbox::Outbox;
use crate::recovery::{Condition, Limits, Recovery, Setup, Trouble};
use crate::trace::Trace;
use crate::transfers::{
    self, Books, Command, Handle, LATENESS, Opening, Reply, SlotId, Transfers, Wait, Waiter,
};
use crate::transport::{COMMAND_QUEUE, EVENT_QUEUE, P2A_CHANNELS, SetupError, Transport};
use crate::turn::Moment;
use scmi::events::Thresholds;

/// The system that the driver is a part of: it tells the time, and knows the clients. Only called while the driver runs, never later.
pub trait System {
    /// Milliseconds since boot. Never goes back. It may cost a system call, so the driver asks only when it must, once a turn.
    fn now(&mut self) -> u64;
    /// The transfer of a client that is blocked in it is over: answer the client. Afterwards the handle is void and the reply's
    /// buffer the driver's again.
    fn ended(&mut self, owner: Owner, handle: Handle, result: Result<Reply<'_>, Failure>);
    /// Post these notification bits, never 0, to the client: a transfer can be polled, or events fetched. Returns whether the client
    /// is still there.
    fn post(&mut self, owner: Owner, bits: u32) -> bool;
    /// The platform answered to the client that is blocked in subscribing: whether the event is on. Answer the client.
    fn subscribed(&mut self, owner: Owner, result: Result<(), Failure>);
    /// Whether a client is still there. The driver asks when it has no slot left: somebody may hold one who is gone.
    fn is_alive(&mut self, owner: Owner) -> bool;
}

/// Why the driver runs.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Cause {
    /// Somebody posted the bit of the device's interrupt, which is masked if it was the kernel, or that of the timer, or both. Any task
    /// may post any bit, so each is a hint and no more.
    Notification {
        /// The interrupt's bit is set.
        interrupt: bool,
        /// The timer's bit is set.
        timer: bool,
    },
    /// An operation may have given the device or the driver something to do: to be run after [`Driver::send`], [`Driver::cancel`],
    /// [`Driver::subscribe`] and [`Driver::unsubscribe`].
    Request,
    /// A client wants to know what is in the rings now: to be run before [`Driver::poll`], and after one that ended a transfer.
    Poll,
}

/// What the system must do after the driver ran.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
#[must_use = "a plan that is not carried out makes the driver sleep for ever"]
pub struct Plan {
    /// Have the timer fire at this time, in milliseconds since boot, and at no other. `None`: leave it as it is.
    pub timer: Option<u64>,
    /// Let the device interrupt. `false`: leave the interrupt as it is.
    pub unmask: bool,
}

/// Why [`Driver::send`] sent nothing.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum NotSent<E> {
    /// The driver refused the command.
    Refused(Refusal),
    /// The parameters could not be had.
    NotFilled(E),
}

/// Driver of one SCMI device: its transfers, events and clients. See the [crate documentation](crate).
///
/// The parameters are those of [`QueueMemory`]. It lives in a `static`: [`Driver::new`] is `const`, [`Driver::provide`] gives it
/// the pools whose size depends on the clients, [`Driver::start`] the device. From then on [`Driver::run`] is called for whatever
/// happens, and its [`Plan`] carried out.
pub struct Driver<'m, const RING: usize, const SLOTS: usize, const EVENTS: usize> {
    memory: &'m QueueMemory<RING, SLOTS, EVENTS>,
    pub(crate) transfers: Transfers<'m, RING, SLOTS>,
    pub(crate) events: Events<'m, EVENTS>,
    pub(crate) subscriptions: Table<'m>,
    pub(crate) clients: Clients<'m>,
    pub(crate) outbox: Outbox,
    pub(crate) suppression: Suppression,
    pub(crate) pacing: Pacing,
    pub(crate) recovery: Recovery,
    pub(crate) setup: Setup,
    pub(crate) journal: Journal,
}

impl<'m, const RING: usize, const SLOTS: usize, const EVENTS: usize>
    Driver<'m, RING, SLOTS, EVENTS>
{
    /// How late a deadline of a second or more may be, in milliseconds, beside the time that a turn takes.
    pub const LATENESS: u64 = LATENESS;

    /// A driver without device and clients. Touches no queue memory.
    pub const fn new(
        memory: &'m QueueMemory<RING, SLOTS, EVENTS>,
        books: &'m mut Books<SLOTS>,
    ) -> Self {
        Self {
            memory,
            transfers: Transfers::new(memory, books),
            events: Events::new(memory),
            subscriptions: Table::new(),
            clients: Clients::new(own_slots(SLOTS) as u16),
            outbox: Outbox::new(),
            suppression: Suppression::new(),
            pacing: Pacing::new(),
            recovery: Recovery::new(),
            setup: Setup::new(),
            journal: Journal::new(),
        }
    }

    /// Gives the driver its pools, limits, and somebody to tell. Before [`Driver::start`].
    ///
    /// `tasks` says for each task index which of `clients` it is, 0xff for none. Each client gets as many of `records` as
    /// its configuration says, in order; the last ones get what is left.
    pub fn provide(
        &mut self,
        clients: &'m mut [Client],
        tasks: &'m [u8],
        records: &'m mut [Record],
        subscriptions: &'m mut [Subscription],
        limits: Limits,
        trace: fn(Trace),
    ) {
        self.transfers.provide(limits.delayed);
        self.clients.provide(clients, tasks, records);
        self.subscriptions.provide(subscriptions);
        self.recovery.provide(limits);
        self.journal.provide(trace);
    }

    /// Sets the device up for the first time. An error that may pass is tried again when the timer fires; after any other the device
    /// stays [`Condition::Down`]. Then run [`Cause::Notification`] with the timer: it looks at what the device did meanwhile (W5).
    ///
    /// `interrupts`: the device's interrupt comes as a notification. If not, the timer stands in for it.
    ///
    /// The first thing is a reset: an earlier life of the driver may have left the device at work in the queue memory.
    pub fn start(
        &mut self,
        interrupts: bool,
        system: &mut impl System,
        transport: &mut impl Transport,
    ) -> Result<(), SetupError> {
        self.pacing.start(!interrupts);
        let now = system.now();
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
    pub(crate) fn set_up(
        &mut self,
        transport: &mut impl Transport,
        now: u64,
    ) -> Result<(), SetupError> {
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
            commands: self.command_ring(),
            events: self.event_ring(),
        });
        self.kick(transport);
        Ok(())
    }

    /// Deals with what the device has done and with what is due, a bounded amount of it, and tells clients. What is left, or comes in
    /// the meantime, the [`Plan`] brings back.
    pub fn run(
        &mut self,
        cause: Cause,
        system: &mut impl System,
        transport: &mut impl Transport,
    ) -> Plan {
        let mut plan = Plan::default();
        match cause {
            Cause::Request => self.follow(system, transport, &mut plan),
            Cause::Poll if self.pacing.wants_turn() => self.follow(system, transport, &mut plan),
            Cause::Poll if self.has_used() => {
                if self.pacing.is_masked() {
                    self.acknowledge(transport);
                }
                self.turns(false, system, transport, &mut plan);
            }
            Cause::Poll => {}
            Cause::Notification { interrupt, timer } => {
                self.notified(interrupt, timer, system, transport, &mut plan);
            }
        }
        plan
    }

    /// After an operation that gave the device or the driver something to do.
    fn follow(
        &mut self,
        system: &mut impl System,
        transport: &mut impl Transport,
        plan: &mut Plan,
    ) {
        self.kick(transport);
        if self.pacing.wants_turn() {
            self.turns(false, system, transport, plan);
        } else {
            self.rest(&mut Moment::new(system), plan);
        }
    }

    fn notified(
        &mut self,
        interrupt: bool,
        timer: bool,
        system: &mut impl System,
        transport: &mut impl Transport,
        plan: &mut Plan,
    ) {
        let moment = &mut Moment::new(system);
        if timer {
            self.suppression.forget_polling();
            self.pacing.timer_fired(|| moment.now());
        }
        if interrupt || self.pacing.is_by_timer() || self.pacing.is_masked() {
            let any = self.acknowledge(transport);
            if interrupt {
                if !any {
                    self.journal.trace(Trace::Spurious);
                }
                self.journal.count(Count::Interrupts);
                let count = self.counters().interrupts;
                let progress = self.progress();
                if self.pacing.interrupted(count, progress, || moment.now()) {
                    self.journal.trace(Trace::HeldOff);
                }
            }
        }
        self.turns(timer, system, transport, plan);
        if !self.recovery.is_down() {
            self.pacing.stand_in(|| system.now(), plan);
        }
    }

    /// Tells the device that its interrupt was seen, so that whatever comes from here on interrupts again: before the rings are looked
    /// at. Returns whether it had a reason to interrupt.
    fn acknowledge(&mut self, transport: &mut impl Transport) -> bool {
        let interrupts = transport.take_interrupts();
        if interrupts.configuration {
            self.look_at_status(transport);
        }
        interrupts.used_buffer || interrupts.configuration
    }

    /// Looks whether the device wants a reset (W9).
    pub(crate) fn look_at_status(&mut self, transport: &mut impl Transport) {
        if transport.needs_reset() {
            self.recovery.report(Trouble::NeedsReset);
        }
    }

    /// Tells the device what is new in either ring, where it wants to know.
    pub(crate) fn kick(&mut self, transport: &mut impl Transport) {
        if !self.setup.is_live() {
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

    /// Changes with everything that is taken from a ring, modulo 2^32.
    fn progress(&self) -> u32 {
        let (commands, events) = (self.transfers.ring(), self.events.ring());
        u32::from(commands.used_index()) << 16 | u32::from(events.used_index())
    }

    /// Sends a command, or says at once why not (V25); nothing is queued and nothing waits. The device may not know of it before
    /// [`Cause::Request`] is run, which must follow: after the last of several, to save notify writes.
    ///
    /// `fill` writes the parameters into the buffer, from byte 4 on, and returns their length, at most 128 bytes. It is called once, if
    /// the client may send such a command and a slot is free. The answer goes to the client as the [`Command`] says, for a blocked one
    /// by [`System::ended`] with this handle.
    pub fn send<E>(
        &mut self,
        owner: Owner,
        command: &Command,
        system: &mut impl System,
        fill: impl FnOnce(&DmaBuffer) -> Result<usize, E>,
    ) -> Result<Handle, NotSent<E>> {
        if self.transfers.is_full() {
            self.sweep(system);
        }
        let (id, client) = match self.admit(owner, command, &mut Moment::new(system)) {
            Ok(admitted) => admitted,
            Err(refusal) => {
                self.journal.refused(refusal);
                return Err(NotSent::Refused(refusal));
            }
        };
        let sent = match fill(self.transfers.request(id)) {
            Ok(len) => self.submit(id, Some(client), len).map_err(NotSent::Refused),
            Err(error) => Err(NotSent::NotFilled(error)),
        };
        if sent.is_err() {
            self.transfers.abort(id, &mut self.clients);
        }
        sent
    }

    /// Takes a slot for a client's command (V06), or says why not.
    fn admit(
        &mut self,
        owner: Owner,
        command: &Command,
        moment: &mut Moment<'_, impl System>,
    ) -> Result<(SlotId, ClientId), Refusal> {
        let client = self.client(owner, moment)?;
        self.recovery.check()?;
        let (waiter, polled) = match command.wait {
            Wait::Blocked => (Waiter::Exchange, command.polled),
            // A client that is to be notified as well gets the interrupt: the notification would come late without.
            Wait::Poll(bits) => (Waiter::Handle { bits }, command.polled && bits == 0),
        };
        if command.polled && (command.delayed || waiter == Waiter::Exchange) {
            self.journal.count(Count::SentFailPollingUnsupported);
            return Err(Refusal::InvalidArgument);
        }
        let events = self.events.is_up();
        if command.delayed && !events {
            return Err(Refusal::EventsUnavailable);
        }
        let config = self.clients.config(client).ok_or(Refusal::NotAClient)?;
        let inspect = config
            .rules
            .check_command(command.protocol, command.message)?;
        let payer = Payer::Client(client);
        self.clients.check_quota(payer)?;
        let opening = Opening {
            payer,
            owner,
            waiter,
            protocol: command.protocol,
            message: command.message,
            patience: match command.deadline {
                0 => self.recovery.limits().deadline,
                given => given,
            },
            delayed: command.delayed,
            polled,
            inspect: inspect || !events,
        };
        let id = self.transfers.open(&opening, &mut self.clients);
        Ok((id.ok_or(Refusal::Busy)?, client))
    }

    /// Sends what is in a slot that was opened; an error leaves it so.
    pub(crate) fn submit(
        &mut self,
        id: SlotId,
        client: Option<ClientId>,
        len: usize,
    ) -> Result<Handle, Refusal> {
        let config = client.and_then(|client| self.clients.config(client));
        let events = self.events.is_up();
        let sent = self
            .transfers
            .check(id, len, config.map(|config| &config.rules), events)
            .and_then(|()| {
                self.transfers
                    .send(id, len, &mut self.suppression, &mut self.journal)
            });
        match sent {
            Ok((handle, missed)) => {
                if missed {
                    self.pacing.want_turn();
                }
                Ok(handle)
            }
            Err(refusal) => {
                self.journal.refused(refusal);
                Err(refusal)
            }
        }
    }

    /// The client that a task is, with everything of an earlier life of the task forgotten.
    fn client(
        &mut self,
        owner: Owner,
        moment: &mut Moment<'_, impl System>,
    ) -> Result<ClientId, Refusal> {
        let (id, before) = self.clients.enter(owner)?;
        if let Some(before) = before {
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
    pub(crate) fn forget(&mut self, id: ClientId, owner: Owner, now: u64) {
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
        self.outbox.forget(id);
        self.pacing.want_turn();
    }

    /// The end of a transfer that its client polls for, if it has ended: `collect` gets it, and with that the handle is void and the
    /// reply's buffer the driver's again. `None`: it is still open. Run [`Cause::Poll`] before, and after an end.
    pub fn poll<T>(
        &mut self,
        owner: Owner,
        handle: Handle,
        system: &mut impl System,
        collect: impl FnOnce(Result<Reply<'_>, Failure>) -> T,
    ) -> Result<Option<T>, Refusal> {
        self.client(owner, &mut Moment::new(system))?;
        let id = self.transfers.find(handle, owner)?;
        if !self.transfers.has_ended(id) {
            return Ok(None);
        }
        let collected = collect(self.transfers.result(id, &self.events));
        self.finish(id);
        Ok(Some(collected))
    }

    /// The waiter has the end of a transfer.
    pub(crate) fn finish(&mut self, id: SlotId) {
        if let Some(number) = self.transfers.finish(id, &mut self.clients) {
            self.unpark(number);
        }
    }

    /// An event buffer that a transfer kept is free.
    pub(crate) fn unpark(&mut self, number: u16) {
        self.events.unpark(number);
        // To kick the device for it.
        self.pacing.want_turn();
    }

    /// Gives a transfer up. The handle is void; the slot is free when the device gives it back. Run [`Cause::Request`] afterwards.
    pub fn cancel(
        &mut self,
        owner: Owner,
        handle: Handle,
        system: &mut impl System,
    ) -> Result<(), Refusal> {
        let moment = &mut Moment::new(system);
        self.client(owner, moment)?;
        let id = self.transfers.find(handle, owner)?;
        let now = moment.now();
        let unparked = self
            .transfers
            .give_up(id, now, &mut self.clients, &mut self.journal);
        if let Some(number) = unparked {
            self.unpark(number);
        }
        Ok(())
    }

    /// Subscribes a client to an event of a source, or of [`ALL_SOURCES`](crate::ALL_SOURCES). Run [`Cause::Request`] afterwards: it
    /// sends what there is to send.
    ///
    /// The platform is asked for the first subscriber of a source, never for all sources: such a subscription sees what others have
    /// enabled. While the device is being recovered, or no slot is free, the subscription is kept and armed later (N08). Subscribing
    /// twice is once.
    ///
    /// `thresholds` are for the event that has them. The platform knows one pair for each source, so it is told the widest of what
    /// clients want; a client may see events that only another asked for. Subscribing again with others replaces what a sole subscriber
    /// asked for. If the platform refuses that, the caller has no subscription any more, and others keep what they have.
    pub fn subscribe(
        &mut self,
        owner: Owner,
        protocol: u8,
        event: u8,
        source: u32,
        thresholds: Thresholds,
        system: &mut impl System,
    ) -> Result<Notified, Refusal> {
        let key = Key {
            protocol,
            event,
            source,
        };
        let result = self
            .may_subscribe(owner, system)
            .and_then(|id| self.follow_event(id, key, thresholds));
        if let Err(refusal) = result {
            self.journal.refused(refusal);
        }
        result
    }

    fn may_subscribe(
        &mut self,
        owner: Owner,
        system: &mut impl System,
    ) -> Result<ClientId, Refusal> {
        let id = self.client(owner, &mut Moment::new(system))?;
        if self.recovery.is_down() {
            return Err(Refusal::NoDevice);
        }
        // While the device is recovered, what it had before is the best guess.
        if self.features() & P2A_CHANNELS == 0 {
            return Err(Refusal::EventsUnavailable);
        }
        Ok(id)
    }

    fn follow_event(
        &mut self,
        id: ClientId,
        key: Key,
        thresholds: Thresholds,
    ) -> Result<Notified, Refusal> {
        let config = self.clients.config(id).ok_or(Refusal::NotAClient)?;
        let own = self.clients.own();
        let ready =
            self.recovery.is_well() && self.transfers.free() > 0 && own.lost() < own.quota();
        let notified = self
            .subscriptions
            .subscribe(id, config, key, thresholds, ready)?;
        if !self.subscriptions.is_idle() {
            self.pacing.want_turn();
        }
        Ok(notified)
    }

    /// Ends a client's subscription. The platform is told when it was the last, and nobody waits for that. Run [`Cause::Request`]
    /// afterwards.
    pub fn unsubscribe(
        &mut self,
        owner: Owner,
        protocol: u8,
        event: u8,
        source: u32,
        system: &mut impl System,
    ) -> Result<(), Refusal> {
        let id = self.client(owner, &mut Moment::new(system))?;
        let key = Key {
            protocol,
            event,
            source,
        };
        self.subscriptions.unsubscribe(id, key)?;
        self.pacing.want_turn();
        Ok(())
    }

    /// Takes the oldest event out of a client's queue; `None`: it is empty.
    pub fn fetch(
        &mut self,
        owner: Owner,
        system: &mut impl System,
    ) -> Result<Option<Fetched<'_>>, Refusal> {
        let id = self.client(owner, &mut Moment::new(system))?;
        Ok(self.clients.fetch(id, self.setup.generation()))
    }

    /// A task ended, or is in another life: frees its slots, empties its queue, ends its subscriptions. Costs O(slots).
    ///
    /// To be called when the supervisor tells of it; a call from the task's next life does it too. Run [`Cause::Request`] afterwards.
    pub fn client_gone(&mut self, owner: Owner, system: &mut impl System) {
        if let Some(id) = self.clients.leave(owner) {
            self.forget(id, owner, system.now());
        }
    }

    /// Has the device reset when the driver runs the next time.
    pub fn request_recovery(&mut self) {
        self.recovery.report(Trouble::Requested);
    }

    /// What works.
    pub fn condition(&self) -> Condition {
        self.recovery.condition()
    }

    /// Whether the device has an event queue (V08).
    pub fn has_events(&self) -> bool {
        self.events.is_up()
    }

    /// Entries of the command ring.
    pub fn command_ring(&self) -> u16 {
        self.transfers.ring().size()
    }

    /// Entries of the event ring; 0 without events.
    pub fn event_ring(&self) -> u16 {
        self.events.size()
    }

    /// Feature bits that were agreed on; 0 before that.
    pub fn features(&self) -> u64 {
        self.setup.features()
    }

    /// Incarnation of the device: one more each time that it was set up.
    pub fn generation(&self) -> u32 {
        self.setup.generation()
    }

    /// A client's slots, in the ring at its present size, and its event queue.
    pub fn client_limits(&self, owner: Owner) -> Option<(u16, u8)> {
        self.clients.limits(owner, self.transfers.in_use())
    }

    /// Whether the device's interrupt is not ours, so that the timer stands in for it.
    pub fn is_by_timer(&self) -> bool {
        self.pacing.is_by_timer()
    }

    /// Whether the interrupt is held off, because it came again and again without work.
    pub fn is_held_off(&self) -> bool {
        self.pacing.is_held()
    }

    /// Whether the device has put something into a ring that no run has dealt with yet.
    pub fn has_used(&self) -> bool {
        self.transfers.ring().has_used() || self.events.has_used()
    }

    /// What happened.
    pub fn counters(&self) -> &Counters {
        self.journal.counters()
    }

    /// What the driver holds.
    pub fn pools(&self) -> Pools {
        let at_device = u32::from(self.events.at_device());
        Pools {
            in_flight: u32::from(self.transfers.in_flight()),
            slots: u32::from(self.transfers.in_use()),
            slots_free: u32::from(self.transfers.free()),
            slots_lost: u32::from(self.transfers.lost()),
            slots_owed: u32::from(self.transfers.owed()),
            event_buffers: u32::from(self.event_ring()),
            events_at_device: at_device,
            // Between runs only the kept ones.
            events_at_driver: u32::from(self.events.parked()),
            events_missing: u32::from(self.recovery.events_missing()).min(at_device),
        }
    }

    /// Checks everything that must hold between two calls, whatever the device and the clients did. The error says what does not.
    /// For tests, models and fuzzers: it costs O(slots + event buffers).
    pub fn audit(&self) -> Result<(), &'static str> {
        let parked = transfers::audit(&self.transfers, &self.clients)?;
        self.events.audit(parked)?;
        self.clients.audit()?;
        self.subscriptions.audit()?;
        if !self.counters().balance(&self.pools()) {
            return Err("the counters do not balance");
        }
        Ok(())
    }

    /// What became of the slot of a handle, in a word, for tests.
    pub fn describe(&self, handle: Handle) -> &'static str {
        transfers::describe(&self.transfers, handle)
    }
}
