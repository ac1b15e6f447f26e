// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The driver: what its server, and whoever plays one, calls. It decides when the rings are looked at, when the device may
//! interrupt, and when the timer fires.

use crate::channel::{Books, Channel, Clock, Condition};
use crate::counters::{Counters, Pools};
use crate::error::{Failure, Refusal};
use crate::memory::{DmaBuffer, QueueMemory};
use crate::pacing::Pacing;
use crate::quota::{Client, Owner};
use crate::recovery::Limits;
use crate::slot::Handle;
use crate::subscribe::Notified;
use crate::subscribers::{Fetched, Record};
use crate::subscriptions::Subscription;
use crate::trace::Trace;
use crate::transfer::{Command, Reply};
use crate::transport::{Interrupts, SetupError, Transport};
use crate::turn::{After, Output};
use scmi::events::Thresholds;

/// How often a turn is repeated because something came in its last moment, before others get theirs.
const TURNS: u8 = 4;

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
    /// A client wants to know what is in the rings now: to be run before [`Driver::poll`], and after one that ended a transfer. Also after
    /// any operation that was refused, and after a [`Driver::fetch`] that found nothing: that may be how the driver learned that the
    /// client's task is in another life.
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
    channel: Channel<'m, RING, SLOTS, EVENTS>,
    pacing: Pacing,
}

/// A moment of the driver's time: the clock is read when it is first needed, and not again.
struct Moment<'s, S> {
    system: &'s mut S,
    now: Option<u64>,
}

impl<S: System> Clock for Moment<'_, S> {
    // Not on the path of ordinary commands.
    #[inline(never)]
    fn now(&mut self) -> u64 {
        match self.now {
            Some(now) => now,
            None => {
                let now = self.system.now();
                self.now = Some(now);
                now
            }
        }
    }
}

fn moment<S: System>(system: &mut S) -> Moment<'_, S> {
    Moment { system, now: None }
}

impl<'m, const RING: usize, const SLOTS: usize, const EVENTS: usize>
    Driver<'m, RING, SLOTS, EVENTS>
{
    /// How late a deadline of a second or more may be, in milliseconds, beside the time that a turn takes.
    pub const LATENESS: u64 = Channel::<'m, RING, SLOTS, EVENTS>::LATENESS;

    /// A driver without device and clients. Touches no queue memory.
    pub const fn new(
        memory: &'m QueueMemory<RING, SLOTS, EVENTS>,
        books: &'m mut Books<SLOTS>,
    ) -> Self {
        Self {
            channel: Channel::new(memory, books),
            pacing: Pacing::new(),
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
        self.channel
            .provide(clients, tasks, records, subscriptions, limits, trace);
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
        self.channel.start(transport, system.now())
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
            Cause::Poll if self.channel.wants_turn() => self.follow(system, transport, &mut plan),
            Cause::Poll if self.channel.has_used() => {
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

    /// After an operation that gave the device or the channel something to do.
    fn follow(
        &mut self,
        system: &mut impl System,
        transport: &mut impl Transport,
        plan: &mut Plan,
    ) {
        self.channel.kick(transport);
        if self.channel.wants_turn() {
            self.turns(false, system, transport, plan);
        } else {
            self.pacing
                .rest(&mut self.channel, &mut moment(system), plan);
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
        let clock = &mut moment(system);
        if timer {
            self.pacing.timer_fired(&mut self.channel, clock);
        }
        if interrupt || self.pacing.is_by_timer() || self.pacing.is_masked() {
            let any = self.acknowledge(transport);
            if interrupt {
                if !any {
                    self.channel.trace(Trace::Spurious);
                }
                if self.pacing.interrupted(&mut self.channel, clock) {
                    self.channel.trace(Trace::HeldOff);
                }
            }
        }
        self.turns(timer, system, transport, plan);
        self.pacing
            .stand_in(&self.channel, &mut moment(system), plan);
    }

    /// Tells the device that its interrupt was seen, so that whatever comes from here on interrupts again: before the rings are looked
    /// at. Returns whether it had a reason to interrupt.
    fn acknowledge(&mut self, transport: &mut impl Transport) -> bool {
        let Interrupts {
            used_buffer,
            configuration,
        } = transport.take_interrupts();
        if configuration {
            self.channel.check_device(transport);
        }
        used_buffer || configuration
    }

    /// Deals with what the device has done and, if `timed`, with what time demands.
    fn turns(
        &mut self,
        timed: bool,
        system: &mut impl System,
        transport: &mut impl Transport,
        plan: &mut Plan,
    ) {
        for _ in 0..TURNS {
            let moment = &mut moment(system);
            let time = if timed || self.channel.in_trouble() {
                let now = moment.now();
                self.channel.maintain(transport, now);
                Some(now)
            } else {
                None
            };
            self.channel.begin_turn(time);
            while let Some(output) = self.channel.next(moment) {
                self.tell(output, moment);
            }
            self.channel.kick_after_turn(transport);
            match self.channel.end_turn() {
                After::Sleep => {
                    return self
                        .pacing
                        .rest(&mut self.channel, &mut self::moment(system), plan);
                }
                After::Again => {}
                After::Yield => break,
            }
        }
        self.channel.trace(Trace::Flood);
        self.pacing.pause(&mut moment(system), plan);
    }

    /// Tells a client what concerns it.
    fn tell<S: System>(&mut self, output: Output<'_>, moment: &mut Moment<'_, S>) {
        match output {
            Output::Ended {
                owner,
                slot,
                handle,
                result,
            } => {
                moment.system.ended(owner, handle, result);
                self.channel.finish(slot);
            }
            Output::Post { owner, bits } => {
                if !moment.system.post(owner, bits) {
                    self.channel.client_gone(owner, moment.now());
                }
            }
            Output::Subscribed { owner, result } => moment.system.subscribed(owner, result),
        }
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
        if self.channel.is_full() {
            self.sweep(system);
        }
        let id = self
            .channel
            .begin(owner, command, &mut moment(system))
            .map_err(NotSent::Refused)?;
        match fill(self.channel.parameters(id)) {
            Ok(len) => self.channel.submit(id, len).map_err(NotSent::Refused),
            Err(error) => {
                self.channel.abort(id);
                Err(NotSent::NotFilled(error))
            }
        }
    }

    /// Frees what clients hold that are gone. Asks the system for each client.
    #[cold]
    fn sweep(&mut self, system: &mut impl System) {
        let now = system.now();
        let mut number = 0;
        while let Some(owner) = self.channel.client_owner(number) {
            number += 1;
            if owner != Owner::NOBODY && !system.is_alive(owner) {
                self.channel.client_gone(owner, now);
            }
        }
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
        let Some(id) = self.channel.poll(owner, handle, &mut moment(system))? else {
            return Ok(None);
        };
        let collected = collect(self.channel.result(id));
        self.channel.finish(id);
        self.channel.slot_freed();
        Ok(Some(collected))
    }

    /// Gives a transfer up. The handle is void; the slot is free when the device gives it back. Run [`Cause::Request`] afterwards.
    pub fn cancel(
        &mut self,
        owner: Owner,
        handle: Handle,
        system: &mut impl System,
    ) -> Result<(), Refusal> {
        self.channel.cancel(owner, handle, &mut moment(system))
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
        self.channel.subscribe(
            owner,
            protocol,
            event,
            source,
            thresholds,
            &mut moment(system),
        )
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
        self.channel
            .unsubscribe(owner, protocol, event, source, &mut moment(system))
    }

    /// Takes the oldest event out of a client's queue; `None`: it is empty. Then run [`Cause::Poll`].
    pub fn fetch(
        &mut self,
        owner: Owner,
        system: &mut impl System,
    ) -> Result<Option<Fetched<'_>>, Refusal> {
        self.channel.fetch(owner, &mut moment(system))
    }

    /// A task ended, or is in another life: frees its slots, empties its queue, ends its subscriptions. Costs O(slots).
    ///
    /// To be called when the supervisor tells of it; a call from the task's next life does it too. Run [`Cause::Request`] afterwards.
    pub fn client_gone(&mut self, owner: Owner, system: &mut impl System) {
        self.channel.client_gone(owner, system.now());
    }

    /// Has the device reset when the driver runs the next time.
    pub fn request_recovery(&mut self) {
        self.channel.request_recovery();
    }

    /// What works.
    pub fn condition(&self) -> Condition {
        self.channel.condition()
    }

    /// Whether the device has an event queue (V08).
    pub fn has_events(&self) -> bool {
        self.channel.has_events()
    }

    /// Entries of the command ring.
    pub fn command_ring(&self) -> u16 {
        self.channel.command_ring()
    }

    /// Entries of the event ring; 0 without events.
    pub fn event_ring(&self) -> u16 {
        self.channel.event_ring()
    }

    /// Feature bits that were agreed on; 0 before that.
    pub fn features(&self) -> u64 {
        self.channel.features()
    }

    /// Incarnation of the device: one more each time that it was set up.
    pub fn generation(&self) -> u32 {
        self.channel.generation()
    }

    /// A client's slots, in the ring at its present size, and its event queue.
    pub fn client_limits(&self, owner: Owner) -> Option<(u16, u8)> {
        self.channel.client_limits(owner)
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
        self.channel.has_used()
    }

    /// What happened.
    pub fn counters(&self) -> &Counters {
        &self.channel.counters
    }

    /// What the driver holds.
    pub fn pools(&self) -> Pools {
        self.channel.pools()
    }

    /// Checks everything that must hold between two calls, whatever the device and the clients did. The error says what does not.
    /// For tests, models and fuzzers: it costs O(slots + event buffers).
    pub fn audit(&self) -> Result<(), &'static str> {
        self.channel.audit()
    }

    /// What became of the slot of a handle, in a word, for tests.
    pub fn describe(&self, handle: Handle) -> &'static str {
        self.channel.describe_slot(handle.slot())
    }
}
