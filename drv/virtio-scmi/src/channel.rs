// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The channel: everything that the driver knows of one device, and how it is set up.

use crate::clients::{Client, Clients, Owner, Record, own_slots};
use crate::counters::{Count, Pools};
use crate::error::Refusal;
use crate::interrupts::Suppression;
use crate::journal::Journal;
use crate::memory::{DmaBuffer, QueueMemory};
use crate::outbox::Outbox;
use crate::recovery::{Limits, Phase, Recovery};
use crate::subscriptions::{Subscription, Table};
use crate::trace::Trace;
use crate::transfers::{Deadlines, Fifo, List, SlotId, SlotSet, Slots, Tokens};
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
    pub(crate) deadlines: Deadlines,
    pub(crate) tokens: Tokens,
    /// Ended transfers whose waiter is to be told in the next turn.
    pub(crate) untold: SlotSet,
}

impl<const SLOTS: usize> Books<SLOTS> {
    /// Empty books.
    pub const NEW: Self = Self {
        slots: Slots::new(),
        deadlines: Deadlines::new(),
        tokens: Tokens::new(),
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
    /// Slots of the ring at its present size.
    pub(crate) in_use: u16,
    /// Transfers whose outcome is open.
    pub(crate) in_flight: u16,
    /// Of the commands with the device, those whose reply is to interrupt.
    pub(crate) interruptible: u16,
    /// Event buffers that hold the delayed response of a transfer that is not collected.
    pub(crate) parked: u16,
    pub(crate) suppression: Suppression,
    /// The device was set up and may be kicked.
    pub(crate) live: bool,
    /// The device has an event queue, and it is set up.
    pub(crate) event_queue: bool,
    pub(crate) turn: Turn,
    pub(crate) outbox: Outbox,
    pub(crate) clients: Clients<'m>,
    pub(crate) journal: Journal,
    pub(crate) limits: Limits,
    pub(crate) subscriptions: Table<'m>,
    pub(crate) features: u64,
    pub(crate) generation: u32,
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
            in_use: 0,
            in_flight: 0,
            interruptible: 0,
            parked: 0,
            suppression: Suppression::new(),
            live: false,
            event_queue: false,
            turn: Turn::NEW,
            outbox: Outbox::new(),
            clients: Clients::new(own_slots(SLOTS) as u16),
            journal: Journal::new(),
            commands: Virtqueue::new(&memory.command_ring),
            events: Virtqueue::new(&memory.event_ring),
            limits: Limits::DEFAULT,
            subscriptions: Table::new(),
            features: 0,
            generation: 0,
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
        self.books.deadlines.clear();
        self.clients.provide(clients, tasks, records);
        self.subscriptions.provide(subscriptions);
        self.limits = limits;
        self.journal.provide(trace);
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
            self.journal.count(Count::Kicks);
            transport.notify(COMMAND_QUEUE);
        }
        if self.event_queue && self.events.kick_needed() {
            self.journal.count(Count::Kicks);
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
        self.clients.limits(owner, self.in_use)
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
}
