// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The channel: everything that the driver knows of one device, and how it is set up.

use crate::counters::{Counters, Pools, count};
use crate::deadline::Wheel;
use crate::error::{Failure, Refusal};
use crate::memory::{DmaBuffer, QueueMemory};
use crate::quota::{Client, ClientId, Owner};
use crate::recovery::{Limits, Phase, Recovery, Trouble};
use crate::set::SlotSet;
use crate::slot::{List, SlotId, Slots, State};
use crate::subscribers::Record;
use crate::subscriptions::{Subscription, Table};
use crate::token::Tokens;
use crate::trace::Trace;
use crate::transport::{
    COMMAND_QUEUE, EVENT_IDX, EVENT_QUEUE, P2A_CHANNELS, SetupError, Transport, VERSION_1,
};
use crate::turn::Turn;
use virtqueue::{Buffer, Direction, Virtqueue};

/// One SCMI device with its transfers, events and clients. See the [crate documentation](crate).
///
/// The parameters are those of [`QueueMemory`]. It is large and lives in a `static`: [`Channel::new`] is `const`,
/// [`Channel::provide`] gives it the pools whose size depends on the clients, [`Channel::start`] the device.
pub struct Channel<'m, const RING: usize, const SLOTS: usize, const EVENTS: usize> {
    pub(crate) memory: &'m QueueMemory<RING, SLOTS, EVENTS>,
    pub(crate) commands: Virtqueue<'m, RING>,
    pub(crate) events: Virtqueue<'m, EVENTS>,

    pub(crate) slots: Slots<SLOTS>,
    pub(crate) free: List,
    /// Slots that the device has although nobody waits for its reply any more, oldest first.
    pub(crate) lost: List,
    pub(crate) wheel: Wheel,
    pub(crate) tokens: Tokens,
    /// Ended transfers whose waiter is to be told in the next turn.
    pub(crate) untold: SlotSet,
    /// Slots of the ring at its present size.
    pub(crate) in_use: u16,
    /// Transfers whose outcome is open.
    pub(crate) in_flight: u16,
    /// Of the commands with the device, those whose reply is to interrupt.
    pub(crate) interruptible: u16,
    /// Interrupts of the command ring are suppressed, because all wait by polling.
    pub(crate) quiet: bool,
    /// Event buffers that hold the delayed response of a transfer that is not collected.
    pub(crate) parked: u16,

    pub(crate) clients: &'m mut [Client],
    /// Client of each task of the image; 0xff: none.
    pub(crate) tasks: &'m [u8],
    pub(crate) records: &'m mut [Record],
    pub(crate) subscriptions: Table<'m>,
    /// Clients to notify of events: those subscribed to all sources come first (N06).
    pub(crate) posts_first: u32,
    pub(crate) posts: u32,
    /// Clients whose subscription was answered, and how.
    pub(crate) announce: (u32, Result<(), Failure>),

    pub(crate) recovery: Recovery,
    pub(crate) limits: Limits,
    pub(crate) turn: Turn,
    /// The time when somebody last told it.
    pub(crate) clock: u64,
    /// What happened.
    pub counters: Counters,
    features: u64,
    event_queue: bool,
    generation: u32,
    trace: fn(Trace),
}

/// What works at the moment.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Condition {
    /// There is no device, or none that can be used.
    Down,
    /// Commands work, and events if the device has them.
    Ready,
    /// The device is being reset.
    Recovering,
    /// Recovery gave up for now.
    PlatformUnavailable,
}

fn ignore(_: Trace) {}

impl<'m, const RING: usize, const SLOTS: usize, const EVENTS: usize>
    Channel<'m, RING, SLOTS, EVENTS>
{
    /// A channel without device and clients. Touches no queue memory.
    pub const fn new(memory: &'m QueueMemory<RING, SLOTS, EVENTS>) -> Self {
        Self {
            memory,
            commands: Virtqueue::new(&memory.command_ring),
            events: Virtqueue::new(&memory.event_ring),
            slots: Slots::new(),
            free: List::new(),
            lost: List::new(),
            wheel: Wheel::new(),
            tokens: Tokens::new(),
            untold: SlotSet::new(),
            in_use: 0,
            in_flight: 0,
            interruptible: 0,
            quiet: false,
            parked: 0,
            clients: &mut [],
            tasks: &[],
            records: &mut [],
            subscriptions: Table::new(),
            posts_first: 0,
            posts: 0,
            announce: (0, Ok(())),
            recovery: Recovery::new(),
            limits: Limits::DEFAULT,
            turn: Turn::NEW,
            clock: 0,
            counters: Counters::ZERO,
            features: 0,
            event_queue: false,
            generation: 0,
            trace: ignore,
        }
    }

    /// Gives the channel its pools, limits, and somebody to tell. Before [`Channel::start`].
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
        let mut first = 0;
        for client in clients.iter_mut() {
            let left = records.len().saturating_sub(first);
            let depth = usize::from(client.config.events).min(left);
            client.queue.assign(records, first as u16, depth as u8);
            first = first.saturating_add(depth);
        }
        self.clients = clients;
        self.tasks = tasks;
        self.records = records;
        self.subscriptions.provide(subscriptions);
        self.limits = limits;
        self.trace = trace;
    }

    /// Sets the device up for the first time. An error that may pass is tried again by [`Channel::maintain`]; after any
    /// other the channel stays down.
    ///
    /// The first thing is a reset: an earlier life of the driver may have left the device at work in the queue memory.
    pub fn start(&mut self, transport: &mut impl Transport, now: u64) -> Result<(), SetupError> {
        let result = self.set_up(transport, now);
        match result {
            Ok(()) => self.recovery.ready(now),
            Err(error) => {
                self.trace(Trace::SetupFailed(error));
                if error.may_pass() {
                    let until = self.recovery.begin(now, &self.limits);
                    self.trace(Trace::RetryAt(until));
                }
            }
        }
        result
    }

    /// Resets the device, takes back all that it had, and sets it up with everything in its place.
    pub(crate) fn set_up(
        &mut self,
        transport: &mut impl Transport,
        now: u64,
    ) -> Result<(), SetupError> {
        transport.reset()?;
        // From here on the memory is ours: the queue may forget what the device had.
        let _ = self.commands.start(RING as u16, false);
        self.reclaim();

        let features = transport.negotiate(P2A_CHANNELS | EVENT_IDX, VERSION_1)?;
        let event_idx = features & EVENT_IDX != 0;

        let size = ring_size(transport.queue_max(COMMAND_QUEUE), RING);
        if size < 2 || self.commands.start(size, event_idx).is_err() {
            transport.fail();
            return Err(SetupError::NoQueue(COMMAND_QUEUE));
        }
        self.lay_out_slots(size);
        transport.setup_queue(COMMAND_QUEUE, size, self.commands.addresses())?;

        self.event_queue = false;
        if features & P2A_CHANNELS != 0 {
            let size = ring_size(transport.queue_max(EVENT_QUEUE), EVENTS);
            if size > 0 && self.events.start(size, event_idx).is_ok() {
                self.lay_out_events(size);
                transport.setup_queue(EVENT_QUEUE, size, self.events.addresses())?;
                self.event_queue = true;
            }
        }
        transport.driver_ok()?;

        self.features = features;
        self.quiet = false;
        self.generation = self.generation.wrapping_add(1);
        self.recovery.fresh(now);
        self.trace(Trace::Ready {
            commands: self.commands.size(),
            events: self.event_ring(),
        });
        self.kick(transport);
        Ok(())
    }

    /// The device was reset: slots that it kept are free again, and what ended is ours alone.
    fn reclaim(&mut self) {
        self.lost = List::new();
        self.free = List::new();
        self.tokens.release_all();
        for id in Slots::<SLOTS>::ids() {
            let slot = self.slots.get(id);
            match slot.state {
                State::Free | State::OutOfRing => {
                    self.slots.get_mut(id).state = State::OutOfRing;
                }
                State::Lost => {
                    self.uncharge(id);
                    self.slots.get_mut(id).state = State::OutOfRing;
                }
                State::Ended => self.unpark(id),
                // None of these is there: all in flight ended before a reset, and nothing is half filled between turns.
                State::Filling | State::Waiting | State::AwaitingDelayed => {}
            }
        }
        self.parked = 0;
    }

    /// Lays down the chain of each slot: a request that the device reads, then a reply that it writes (V26).
    fn lay_out_slots(&mut self, size: u16) {
        self.in_use = (size / 2).min(SLOTS as u16);
        for id in Slots::<SLOTS>::ids().take(usize::from(self.in_use)) {
            let chain = [
                buffer(self.request(id), Direction::DeviceReads),
                buffer(self.reply(id), Direction::DeviceWrites),
            ];
            // Cannot fail: the ring was just started, and a slot's descriptors are in range and its own.
            let laid = self.commands.set_chain(id.head(), &chain);
            debug_assert!(laid.is_ok());
            if self.slots.get(id).state == State::OutOfRing {
                self.slots.get_mut(id).state = State::Free;
                self.free.push(&mut self.slots, id);
            }
        }
    }

    /// Gives every event buffer to the device (V21), the same buffer in the same descriptor each time.
    fn lay_out_events(&mut self, size: u16) {
        for (number, event) in (0..size).zip(&self.memory.events) {
            let laid = self
                .events
                .set_chain(number, &[buffer(event, Direction::DeviceWrites)]);
            debug_assert!(laid.is_ok());
            self.repost(number);
        }
    }

    /// Gives an event buffer back to the device (V09). It cannot fail: a buffer that the driver has is not in the ring, and there
    /// is a place in the ring for each (W2).
    pub(crate) fn repost(&mut self, number: u16) {
        let posted = self.events.publish(number);
        debug_assert!(posted.is_ok());
    }

    /// Does what time and the state of the device demand: begins recovery, makes the next attempt. To be called before a turn whenever
    /// [`Channel::next_wake`] has passed or trouble was reported.
    pub fn maintain(&mut self, transport: &mut impl Transport, now: u64) {
        self.clock = now;
        if matches!(self.recovery.phase, Phase::Ready | Phase::Probing(_)) {
            if self.recovery.trouble.is_none() && self.lost.len() > 0 {
                if transport.needs_reset() {
                    self.recovery.report(Trouble::NeedsReset);
                } else if let Some((when, trouble)) = self.loss_deadline()
                    && now >= when
                {
                    self.recovery.report(trouble);
                }
            }
            if let Some(trouble) = self.recovery.trouble.take() {
                self.begin_recovery(trouble, now);
            }
        }
        if let Phase::Waiting(until) = self.recovery.phase
            && now >= until
        {
            match self.set_up(transport, now) {
                Ok(()) => self.probe(transport, now),
                Err(error) => {
                    self.trace(Trace::SetupFailed(error));
                    self.attempt_failed(now);
                }
            }
        }
    }

    /// The device asked for attention other than by a used buffer: looks whether it wants a reset (W9).
    pub fn check_device(&mut self, transport: &mut impl Transport) {
        if transport.needs_reset() {
            self.recovery.report(Trouble::NeedsReset);
        }
    }

    /// Asks for a reset of the device in the next [`Channel::maintain`].
    pub fn request_recovery(&mut self) {
        self.recovery.report(Trouble::Requested);
    }

    fn begin_recovery(&mut self, trouble: Trouble, now: u64) {
        self.trace(Trace::Recovery(trouble));
        self.fail_in_flight(now);
        if self.recovery.phase != Phase::Ready {
            // In the middle of an attempt: it failed.
            return self.attempt_failed(now);
        }
        count(&mut self.counters.recoveries);
        let until = self.recovery.begin(now, &self.limits);
        self.trace(Trace::RetryAt(until));
    }

    pub(crate) fn attempt_failed(&mut self, now: u64) {
        count(&mut self.counters.recoveries_failed);
        let until = self.recovery.next(now, &self.limits);
        self.trace(Trace::RetryAt(until));
        if self.recovery.unavailable(&self.limits) {
            self.trace(Trace::Unavailable);
        }
    }

    /// When lost slots become trouble, and which.
    fn loss_deadline(&self) -> Option<(u64, Trouble)> {
        let oldest = self.slots.get(self.lost.first()?).time;
        Some(
            self.recovery
                .loss_deadline(self.lost.len(), self.in_use, oldest, &self.limits),
        )
    }

    /// When to call [`Channel::maintain`] and run a turn, if nothing happens before. Milliseconds since boot; a time that has passed
    /// means at once.
    pub fn next_wake(&self) -> Option<u64> {
        let recovery = match self.recovery.phase {
            Phase::Down => None,
            Phase::Waiting(until) => Some(until),
            Phase::Ready | Phase::Probing(_) => match self.recovery.trouble {
                Some(_) => Some(0),
                None => self.loss_deadline().map(|(when, _)| when),
            },
        };
        match (recovery, self.wheel.next()) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Tells the device what is new in either ring, where it wants to know. After every batch of submissions, and after every turn.
    #[inline]
    pub fn kick(&mut self, transport: &mut impl Transport) {
        if self.commands.kick_needed() {
            count(&mut self.counters.kicks);
            transport.notify(COMMAND_QUEUE);
        }
        if self.events.kick_needed() && self.event_queue {
            count(&mut self.counters.kicks);
            transport.notify(EVENT_QUEUE);
        }
    }

    /// What works.
    pub fn condition(&self) -> Condition {
        match self.recovery.phase {
            Phase::Down => Condition::Down,
            Phase::Ready => Condition::Ready,
            _ if self.recovery.unavailable(&self.limits) => Condition::PlatformUnavailable,
            _ => Condition::Recovering,
        }
    }

    /// Why a command cannot be sent now, if so.
    #[inline]
    pub(crate) fn check_ready(&self) -> Result<(), Refusal> {
        match self.recovery.phase {
            Phase::Ready => Ok(()),
            Phase::Down => Err(Refusal::NoDevice),
            _ if self.recovery.unavailable(&self.limits) => Err(Refusal::PlatformUnavailable),
            _ => Err(Refusal::Recovering),
        }
    }

    /// Whether the device has an event queue (V08).
    #[inline]
    pub fn has_events(&self) -> bool {
        self.event_queue
    }

    /// Entries of the command ring.
    pub fn command_ring(&self) -> u16 {
        self.commands.size()
    }

    /// Entries of the event ring; 0 without events.
    pub fn event_ring(&self) -> u16 {
        if self.event_queue {
            self.events.size()
        } else {
            0
        }
    }

    /// Feature bits that were agreed on; 0 before that.
    pub fn features(&self) -> u64 {
        self.features
    }

    /// Incarnation of the device: one more each time that it was set up.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// What the channel holds.
    pub fn pools(&self) -> Pools {
        let buffers = u32::from(self.event_ring());
        let at_device = if self.event_queue {
            u32::from(self.events.in_flight())
        } else {
            0
        };
        Pools {
            in_flight: u32::from(self.in_flight),
            slots: u32::from(self.in_use),
            slots_free: u32::from(self.free.len()),
            slots_lost: u32::from(self.lost.len()),
            event_buffers: buffers,
            events_at_device: at_device,
            // Between turns only the parked ones; during a turn also the one that is being read.
            events_at_driver: u32::from(self.parked),
        }
    }

    /// A client's slots and event queue, as configured.
    pub fn client_limits(&self, owner: Owner) -> Option<(u16, u8)> {
        let client = self.clients.get(self.client_number(owner)?.index())?;
        Some((client.config.slots, client.queue.depth()))
    }

    pub(crate) fn client_number(&self, owner: Owner) -> Option<ClientId> {
        let number = *self.tasks.get(usize::from(owner.task()))?;
        (usize::from(number) < self.clients.len()).then_some(ClientId(number))
    }

    #[inline]
    pub(crate) fn request(&self, id: SlotId) -> &'m DmaBuffer {
        &self.memory.requests[usize::from(id.index()) & (SLOTS - 1)]
    }

    #[inline]
    pub(crate) fn reply(&self, id: SlotId) -> &'m DmaBuffer {
        &self.memory.replies[usize::from(id.index()) & (SLOTS - 1)]
    }

    #[inline]
    pub(crate) fn event(&self, number: u16) -> &'m DmaBuffer {
        &self.memory.events[usize::from(number) & (EVENTS - 1)]
    }

    pub(crate) fn trace(&self, line: Trace) {
        (self.trace)(line);
    }
}

/// The largest ring that both sides have: a power of two, or 0.
fn ring_size(device: u16, ours: usize) -> u16 {
    let most = usize::from(device).min(ours);
    most.checked_ilog2().map_or(0, |log| 1 << log)
}

fn buffer(memory: &DmaBuffer, direction: Direction) -> Buffer {
    Buffer {
        address: memory.address(),
        len: DmaBuffer::LEN as u32,
        direction,
    }
}
