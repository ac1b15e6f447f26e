// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The driver: what its server, and whoever plays one, calls. It decides when the rings are looked at, when the device may
//! interrupt, and when the timer fires.

mod facts;

use crate::batches::{Batch, BatchEntry};
use crate::channel::Channel;
use crate::channel::batching;
use crate::channel::outlook::outlook;
use crate::channel::turn::{self, After};
use crate::clients::{Fetched, Owner};
use crate::counters::Count;
use crate::error::{Failure, Refusal};
use crate::events::Notified;
use crate::interrupts::Pacing;
use crate::memory::{DmaBuffer, QueueMemory};
use crate::provision::Provision;
use crate::recovery::Trouble;
use crate::system::{Cause, Moment, NotSent, Plan, System};
use crate::trace::Trace;
use crate::transfers::{Books, Handle, LATENESS, Reply, Wait};
use crate::transport::{SetupError, Transport};
use drv_scmi_types::{EventSource, Request, WireSubscription};
use scmi::events::Thresholds;

/// How often a turn is repeated because something came in its last moment, before others get theirs.
const TURNS: u8 = 4;

/// Driver of one SCMI device: its transfers, events and clients. See the [crate documentation](crate).
///
/// The parameters are those of [`QueueMemory`]. It lives in a `static`: [`Driver::new`] is `const`, [`Driver::provide`] gives it
/// the pools whose size depends on the clients, [`Driver::start`] the device. From then on [`Driver::run`] is called for whatever
/// happens, and its [`Plan`] carried out.
pub struct Driver<'m, const RING: usize, const SLOTS: usize, const EVENTS: usize> {
    channel: Channel<'m, RING, SLOTS, EVENTS>,
    pacing: Pacing,
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
            channel: Channel::new(memory, books),
            pacing: Pacing::new(),
        }
    }

    /// Gives the driver its pools, limits, and somebody to tell. Before [`Driver::start`].
    pub fn provide(&mut self, provision: Provision<'m>) {
        self.channel.provide(provision);
    }

    /// Sets the device up for the first time. An error that may pass is tried again when the timer fires; after any other the device
    /// stays [`Condition::Down`](crate::Condition::Down). Then run [`Cause::Notification`] with the timer: it looks at what the device did meanwhile (W5).
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
        // Whether to run turns, and with the time or without it.
        let timed = match cause {
            Cause::Request => self.follow(system, transport),
            Cause::Poll if self.channel.wants_turn() => self.follow(system, transport),
            Cause::Poll if self.channel.has_used() => {
                if self.pacing.is_masked() {
                    self.acknowledge(transport);
                }
                Some(false)
            }
            Cause::Poll => return plan,
            Cause::Notification { interrupt, timer } => {
                self.notified(interrupt, timer, system, transport);
                Some(timer)
            }
        };
        match timed {
            Some(timed) if !self.turns(timed, system, transport) => {
                self.channel.journal().trace(Trace::Flood);
                self.pacing.pause(system.now(), &mut plan);
            }
            _ => self.rest(system, &mut plan),
        }
        if let Cause::Notification { .. } = cause
            && !self.channel.recovery().is_down()
        {
            self.pacing.stand_in(|| system.now(), &mut plan);
        }
        plan
    }

    /// After an operation that gave the device or the driver something to do. Returns whether to run turns.
    fn follow(&mut self, system: &mut impl System, transport: &mut impl Transport) -> Option<bool> {
        let wanted = self.channel.wants_turn();
        if wanted && self.channel.recovery().is_well() {
            // What was asked for goes with the same kick, before the rings are looked at.
            turn::do_errands(&mut self.channel, &mut Moment::new(system));
        }
        self.channel.kick(transport);
        wanted.then_some(false)
    }

    fn notified(
        &mut self,
        interrupt: bool,
        timer: bool,
        system: &mut impl System,
        transport: &mut impl Transport,
    ) {
        let moment = &mut Moment::new(system);
        if timer {
            self.channel.forget_polling();
            self.pacing.timer_fired(|| moment.now());
        }
        if interrupt || self.pacing.is_by_timer() || self.pacing.is_masked() {
            let any = self.acknowledge(transport);
            if interrupt {
                if !any {
                    self.channel.journal().trace(Trace::Spurious);
                }
                self.channel.journal().count(Count::Interrupts);
                let count = self.counters().interrupts;
                let progress = self.channel.progress();
                if self.pacing.interrupted(count, progress, || moment.now()) {
                    self.channel.journal().trace(Trace::HeldOff);
                }
            }
        }
    }

    /// Tells the device that its interrupt was seen, so that whatever comes from here on interrupts again: before the rings are looked
    /// at. Returns whether it had a reason to interrupt.
    fn acknowledge(&mut self, transport: &mut impl Transport) -> bool {
        let interrupts = transport.take_interrupts();
        if interrupts.configuration {
            self.channel.look_at_status(transport);
        }
        interrupts.used_buffer || interrupts.configuration
    }

    /// Runs turns until nothing is left. `false`: the device turns out to flood.
    fn turns(
        &mut self,
        timed: bool,
        system: &mut impl System,
        transport: &mut impl Transport,
    ) -> bool {
        for _ in 0..TURNS {
            let moment = &mut Moment::new(system);
            match turn::run(timed, &mut self.channel, moment, transport) {
                After::Sleep => return true,
                After::Again => {}
                After::Yield => break,
            }
        }
        false
    }

    /// Nothing is left to do: asks for the interrupt, and has the timer fire when something is due.
    fn rest(&mut self, system: &mut impl System, plan: &mut Plan) {
        self.pacing.rest(|| self.channel.wants_interrupt(), plan);
        if self.channel.take_changed() || self.pacing.stands_in() {
            let moment = &mut Moment::new(system);
            let outlook = outlook(&mut self.channel, moment);
            // Nothing comes from a device that is given up.
            let watch = !self.channel.recovery().is_down();
            self.pacing.rearm(&outlook, watch, || moment.now(), plan);
        }
    }

    /// Sends a command, or says at once why not (V25); nothing is queued and nothing waits. The device may not know of it before
    /// [`Cause::Request`] is run, which must follow: after the last of several, to save notify writes.
    ///
    /// The request's payload writes the parameters into the buffer, from byte 4 on, and returns their length, at most 128 bytes. It is
    /// called once, if the client may send such a command and a slot is free. The answer comes as `wait` says, to a blocked client by
    /// [`System::ended`] with this handle.
    pub fn send<E>(
        &mut self,
        owner: Owner,
        request: Request<impl FnOnce(&DmaBuffer) -> Result<usize, E>>,
        wait: Wait,
        system: &mut impl System,
    ) -> Result<Handle, NotSent<E>> {
        self.channel.send(owner, request, wait, system)
    }

    /// Begins a batch: commands that a blocked client waits for all together. `fill` writes its entries, as many as [`Batch`] says, and
    /// is called once, if the client may have such a batch. Run [`Cause::Request`] afterwards: it sends what may be sent.
    ///
    /// All entries are checked before the first is sent. As many are in flight as the client's slots allow; where they are all
    /// taken, the batch waits for one. Each entry ends on its own, told by [`System::entry_ended`]: answered, refused, timed out, or
    /// ended by a reset, after which the others are refused until the device is back. When the last has ended,
    /// [`System::batch_ended`] tells.
    pub fn batch<E>(
        &mut self,
        owner: Owner,
        batch: &Batch,
        system: &mut impl System,
        fill: impl FnOnce(&mut [BatchEntry]) -> Result<(), E>,
    ) -> Result<(), NotSent<E>> {
        let moment = &mut Moment::new(system);
        batching::begin(&mut self.channel, owner, batch, moment, fill)
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
        self.channel.poll(owner, handle, system, collect)
    }

    /// Gives a transfer up. The handle is void; the slot is free when the device gives it back. Run [`Cause::Request`] afterwards.
    pub fn cancel(
        &mut self,
        owner: Owner,
        handle: Handle,
        system: &mut impl System,
    ) -> Result<(), Refusal> {
        self.channel.cancel(owner, handle, system)
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
        event: EventSource,
        thresholds: Thresholds,
        system: &mut impl System,
    ) -> Result<Notified, Refusal> {
        self.channel.subscribe(owner, event, thresholds, system)
    }

    /// Ends a client's subscription. The platform is told when it was the last, and nobody waits for that. Run [`Cause::Request`]
    /// afterwards.
    pub fn unsubscribe(
        &mut self,
        owner: Owner,
        event: EventSource,
        system: &mut impl System,
    ) -> Result<(), Refusal> {
        self.channel.unsubscribe(owner, event, system)
    }

    /// Carries out a wish as it travels: [`Driver::subscribe`] or [`Driver::unsubscribe`].
    pub fn notify(
        &mut self,
        owner: Owner,
        wanted: &WireSubscription,
        system: &mut impl System,
    ) -> Result<Notified, Refusal> {
        let (event, low, high) = (wanted.event(), wanted.low, wanted.high);
        let thresholds = Thresholds { low, high };
        if wanted.enable != 0 {
            return self.subscribe(owner, event, thresholds, system);
        }
        if thresholds != Thresholds::NONE {
            return Err(Refusal::InvalidArgument);
        }
        let ended = self.unsubscribe(owner, event, system);
        ended.map(|()| Notified::Done)
    }

    /// Takes the oldest event out of a client's queue; `None`: it is empty. Then run [`Cause::Poll`].
    pub fn fetch(
        &mut self,
        owner: Owner,
        system: &mut impl System,
    ) -> Result<Option<Fetched<'_>>, Refusal> {
        self.channel.fetch(owner, system)
    }

    /// A task ended, or is in another life: frees its slots, empties its queue, ends its subscriptions. Costs O(slots).
    ///
    /// To be called when the supervisor tells of it; a call from the task's next life does it too. Run [`Cause::Request`] afterwards.
    pub fn client_gone(&mut self, owner: Owner, system: &mut impl System) {
        self.channel.client_gone(owner, system);
    }

    /// Has the device reset when the driver runs the next time.
    pub fn request_recovery(&mut self) {
        self.channel.report(Trouble::Requested);
    }
}
