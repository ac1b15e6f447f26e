// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The channel: everything that the driver knows of one device, and how it is set up.

use crate::counters::{Counters, Pools, count};
use crate::deadline::Wheel;
use crate::error::{Failure, Refusal};
use crate::memory::{DmaBuffer, QueueMemory};
use crate::quota::{Account, Client, ClientId, Owner, own_slots};
use crate::recovery::{Limits, Phase, Recovery};
use crate::set::SlotSet;
use crate::slot::{Fifo, List, SlotId, Slots};
use crate::subscribers::Record;
use crate::subscriptions::{Subscription, Table};
use crate::token::Tokens;
use crate::trace::Trace;
use crate::transport::{COMMAND_QUEUE, EVENT_QUEUE, Transport};
use crate::turn::Turn;
use virtqueue::Virtqueue;

/// Tells the time, when it is asked: to ask may cost a system call, so the channel asks only when it must.
pub(crate) trait Clock {
    /// Milliseconds since boot. Never goes back.
    fn now(&mut self) -> u64;
}

/// What a driver knows of each slot, deadline and token: large, and nothing but zeros before
/// [`Driver::provide`](crate::Driver::provide), so that it takes no room in the image.
pub struct Books<const SLOTS: usize> {
    pub(crate) slots: Slots<SLOTS>,
    pub(crate) wheel: Wheel,
    pub(crate) tokens: Tokens,
    /// Slots whose transfer had no deadline on the clock when it was sent; it may be over since.
    pub(crate) off_clock: SlotSet,
    /// Ended transfers whose waiter is to be told in the next turn.
    pub(crate) untold: SlotSet,
}

impl<const SLOTS: usize> Books<SLOTS> {
    /// Empty books.
    pub const NEW: Self = Self {
        slots: Slots::new(),
        wheel: Wheel::new(),
        tokens: Tokens::new(),
        off_clock: SlotSet::new(),
        untold: SlotSet::new(),
    };
}

/// One SCMI device with its transfers, events and clients. The parameters are those of [`QueueMemory`].
// What every command needs comes first, so that it is near enough to be reached by short instructions.
#[repr(C)]
pub(crate) struct Channel<'m, const RING: usize, const SLOTS: usize, const EVENTS: usize> {
    pub(crate) books: &'m mut Books<SLOTS>,
    pub(crate) memory: &'m QueueMemory<RING, SLOTS, EVENTS>,
    pub(crate) recovery: Recovery,
    pub(crate) free: Fifo,
    /// Slots that the device has although nobody waits for its reply any more, oldest first.
    pub(crate) lost: List,
    /// Of these, the ones that count to nobody, because their client is gone.
    pub(crate) orphans: u16,
    /// Slots of transfers that are over, and of which the platform owes the delayed response.
    pub(crate) owed: u16,
    /// The driver's own slots.
    pub(crate) own: Account,
    /// Slots of the ring at its present size.
    pub(crate) in_use: u16,
    /// Transfers whose outcome is open.
    pub(crate) in_flight: u16,
    /// Of these, the ones that wait for an interrupt: of a reply, or of a delayed response.
    pub(crate) interruptible: u16,
    /// Event buffers that hold the delayed response of a transfer that is not collected.
    pub(crate) parked: u16,
    /// Interrupts of the command ring are suppressed, because all wait by polling.
    pub(crate) quiet: bool,
    /// Everybody polls, or did so a moment ago.
    pub(crate) polling: bool,
    /// The device was set up and may be kicked.
    pub(crate) live: bool,
    /// The device has an event queue, and it is set up.
    pub(crate) event_queue: bool,
    pub(crate) turn: Turn,
    /// Clients to notify of events: those subscribed to all sources come first (N06).
    pub(crate) posts_first: u32,
    pub(crate) posts: u32,
    /// Clients whose subscription was answered, and how.
    pub(crate) announce: (u32, Result<(), Failure>),
    /// Clients whose subscription is kept, to be switched on later (N08).
    pub(crate) kept: u32,
    pub(crate) clients: &'m mut [Client],
    /// Client of each task of the image; 0xff: none.
    pub(crate) tasks: &'m [u8],
    /// What happened.
    pub(crate) counters: Counters,
    pub(crate) limits: Limits,
    pub(crate) records: &'m mut [Record],
    pub(crate) subscriptions: Table<'m>,
    pub(crate) features: u64,
    pub(crate) generation: u32,
    trace: fn(Trace),
    pub(crate) commands: Virtqueue<'m, RING>,
    pub(crate) events: Virtqueue<'m, EVENTS>,
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
    pub(crate) const fn new(
        memory: &'m QueueMemory<RING, SLOTS, EVENTS>,
        books: &'m mut Books<SLOTS>,
    ) -> Self {
        Self {
            books,
            memory,
            recovery: Recovery::new(),
            free: Fifo::new(),
            lost: List::new(),
            orphans: 0,
            owed: 0,
            own: Account::new(own_slots(SLOTS) as u16),
            in_use: 0,
            in_flight: 0,
            interruptible: 0,
            parked: 0,
            quiet: false,
            polling: false,
            live: false,
            event_queue: false,
            turn: Turn::NEW,
            posts_first: 0,
            posts: 0,
            announce: (0, Ok(())),
            kept: 0,
            clients: &mut [],
            tasks: &[],
            counters: Counters::ZERO,
            commands: Virtqueue::new(&memory.command_ring),
            events: Virtqueue::new(&memory.event_ring),
            limits: Limits::DEFAULT,
            records: &mut [],
            subscriptions: Table::new(),
            features: 0,
            generation: 0,
            trace: ignore,
        }
    }

    /// Gives the channel its pools, limits, and somebody to tell. Before [`Channel::start`].
    ///
    /// `tasks` says for each task index which of `clients` it is, 0xff for none. Each client gets as many of `records` as
    /// its configuration says, in order; the last ones get what is left.
    pub(crate) fn provide(
        &mut self,
        clients: &'m mut [Client],
        tasks: &'m [u8],
        records: &'m mut [Record],
        subscriptions: &'m mut [Subscription],
        limits: Limits,
        trace: fn(Trace),
    ) {
        self.books.wheel.clear();
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

    /// Gives an event buffer back to the device (V09). It cannot fail: a buffer that the driver has is not in the ring, and there
    /// is a place in the ring for each (W2).
    pub(crate) fn repost(&mut self, number: u16) {
        let posted = self.events.publish(number);
        debug_assert!(posted.is_ok());
    }

    /// Tells the device what is new in either ring, where it wants to know. After every batch of submissions, and after every turn.
    #[inline]
    pub(crate) fn kick(&mut self, transport: &mut impl Transport) {
        if !self.live {
            return;
        }
        if self.commands.kick_needed() {
            count(&mut self.counters.kicks);
            transport.notify(COMMAND_QUEUE);
        }
        if self.event_queue && self.events.kick_needed() {
            count(&mut self.counters.kicks);
            transport.notify(EVENT_QUEUE);
        }
    }

    /// [`Channel::kick`], away from the path of ordinary commands.
    #[inline(never)]
    pub(crate) fn kick_after_turn(&mut self, transport: &mut impl Transport) {
        self.kick(transport);
    }

    /// What works.
    pub(crate) fn condition(&self) -> Condition {
        match self.recovery.phase {
            Phase::Down => Condition::Down,
            Phase::Ready => Condition::Ready,
            _ if self.recovery.unavailable(&self.limits) => Condition::PlatformUnavailable,
            _ => Condition::Recovering,
        }
    }

    /// Whether there is no device, or none that can be used, for good.
    #[inline]
    pub(crate) fn is_down(&self) -> bool {
        self.recovery.phase == Phase::Down
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
    pub(crate) fn has_events(&self) -> bool {
        self.event_queue
    }

    /// Commands whose outcome is open.
    pub(crate) fn in_flight(&self) -> u16 {
        self.in_flight
    }

    /// Entries of the command ring.
    pub(crate) fn command_ring(&self) -> u16 {
        self.commands.size()
    }

    /// Entries of the event ring; 0 without events.
    pub(crate) fn event_ring(&self) -> u16 {
        if self.event_queue {
            self.events.size()
        } else {
            0
        }
    }

    /// Feature bits that were agreed on; 0 before that.
    pub(crate) fn features(&self) -> u64 {
        self.features
    }

    /// Incarnation of the device: one more each time that it was set up.
    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }

    /// What the channel holds.
    pub(crate) fn pools(&self) -> Pools {
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
            events_missing: u32::from(self.recovery.event_strays).min(at_device),
            slots_owed: u32::from(self.owed),
        }
    }

    /// A client's slots, in the ring at its present size, and its event queue.
    pub(crate) fn client_limits(&self, owner: Owner) -> Option<(u16, u8)> {
        let client = self.clients.get(self.client_number(owner)?.index())?;
        // A quota may promise more than there is, where the build was told to oversubscribe.
        let slots = client.account.quota().min(self.in_use);
        Some((slots, client.queue.depth()))
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
