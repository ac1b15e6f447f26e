// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Setting the device up, for the first time and again.

use crate::channel::Channel;
use crate::counters::Count;
use crate::memory::DmaBuffer;
use crate::recovery::{Losses, Phase, Trouble};
use crate::trace::Trace;
use crate::transfers::{Fifo, List, Slots, State};
use crate::transport::{
    COMMAND_QUEUE, EVENT_IDX, EVENT_QUEUE, P2A_CHANNELS, SetupError, Transport, VERSION_1,
};
use virtqueue::{Buffer, Direction};

impl<'m, const RING: usize, const SLOTS: usize, const EVENTS: usize>
    Channel<'m, RING, SLOTS, EVENTS>
{
    /// Sets the device up for the first time. An error that may pass is tried again by [`Channel::maintain`]; after any
    /// other the channel stays down.
    ///
    /// The first thing is a reset: an earlier life of the driver may have left the device at work in the queue memory.
    pub(crate) fn start(
        &mut self,
        transport: &mut impl Transport,
        now: u64,
    ) -> Result<(), SetupError> {
        let result = self.set_up(transport, now);
        match result {
            Ok(()) => self.recovery.ready(now, &self.limits),
            Err(error) => {
                self.journal.trace(Trace::SetupFailed(error));
                if error.may_pass() {
                    let until = self.recovery.begin(now, &self.limits);
                    self.journal.trace(Trace::RetryAt(until));
                }
            }
        }
        result
    }

    /// Resets the device, takes back all that it had, and sets it up with everything in its place.
    #[inline(never)]
    fn set_up(&mut self, transport: &mut impl Transport, now: u64) -> Result<(), SetupError> {
        self.live = false;
        transport.reset()?;
        // From here on the memory is ours: the queue may forget what the device had.
        let _ = self.commands.start(RING as u16, false);
        self.event_queue = false;
        if self.generation == 0 {
            self.begin_life();
        }
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

        if features & P2A_CHANNELS != 0 {
            let size = ring_size(transport.queue_max(EVENT_QUEUE), EVENTS);
            if size > 0 && self.events.start(size, event_idx).is_ok() {
                self.lay_out_events(size);
                transport.setup_queue(EVENT_QUEUE, size, self.events.addresses())?;
                self.event_queue = true;
            }
        }
        transport.driver_ok()?;

        // An event queue that is promised and missing is as good as not promised.
        self.features = if self.event_queue {
            features
        } else {
            features & !P2A_CHANNELS
        };
        self.live = true;
        self.suppression.reset();
        self.generation = self.generation.wrapping_add(1);
        self.recovery.fresh(now);
        self.journal.trace(Trace::Ready {
            commands: self.commands.size(),
            events: self.event_ring(),
        });
        self.kick_after_turn(transport);
        Ok(())
    }

    /// Makes tokens and handles begin where those of an earlier life of the task did not: answers and clients of that life may
    /// still be about.
    fn begin_life(&mut self) {
        let life = self.memory.next_life();
        self.books.tokens.begin(life);
        for id in Slots::<SLOTS>::ids() {
            self.books.slots.get_mut(id).begin_handles(life);
        }
    }

    /// The device was reset: slots that it kept are free again, and what ended is ours alone.
    fn reclaim(&mut self) {
        while let Some(id) = self.lost.first() {
            self.found(id);
        }
        self.lost = List::new();
        self.free = Fifo::new();
        self.in_use = 0;
        self.books.tokens.release_all();
        for id in Slots::<SLOTS>::ids() {
            match self.books.slots.get(id).state {
                State::Ended => {
                    self.unpark(id);
                    let slot = self.books.slots.get_mut(id);
                    slot.follows = false;
                    // Whatever the device wrote is cleared when another client gets the slot.
                    slot.large = true;
                    continue;
                }
                State::Owed => {
                    self.stop_clock(id);
                    self.uncharge(id);
                }
                State::Lost => self.uncharge(id),
                State::Free | State::OutOfRing => {}
                // None of these is there: all in flight ended before a reset, and nothing is half filled between turns.
                State::Filling | State::Waiting | State::AwaitingDelayed => continue,
            }
            let slot = self.books.slots.get_mut(id);
            slot.state = State::OutOfRing;
            slot.large = false;
            self.reply(id).clear();
        }
        for event in &self.memory.events {
            event.clear();
        }
        self.parked = 0;
        self.orphans = 0;
        self.owed = 0;
    }

    /// Lays down the chain of each slot: a request that the device reads, then a reply that it writes (V26).
    fn lay_out_slots(&mut self, size: u16) {
        self.in_use = (size / 2).min(SLOTS as u16);
        self.clients.share_out(self.in_use, SLOTS);
        for id in Slots::<SLOTS>::ids().take(usize::from(self.in_use)) {
            let chain = [
                buffer(self.request(id), Direction::DeviceReads),
                buffer(self.reply(id), Direction::DeviceWrites),
            ];
            // Cannot fail: the ring was just started, and a slot's descriptors are in range and its own.
            let laid = self.commands.set_chain(id.head(), &chain);
            debug_assert!(laid.is_ok());
            if self.books.slots.get(id).state == State::OutOfRing {
                self.books.slots.get_mut(id).state = State::Free;
                self.free.push(&mut self.books.slots, id);
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

    /// Does what time and the state of the device demand: begins recovery, makes the next attempt. To be called before a turn whenever
    /// [`Channel::next_wake`] has passed or trouble was reported.
    #[inline(never)]
    pub(crate) fn maintain(&mut self, transport: &mut impl Transport, now: u64) {
        self.books.deadlines.changed();
        self.recovery.tick(now);
        if self.recovery.is_up() {
            if self.recovery.trouble.is_none() && self.lost.len() > 0 {
                self.check_device(transport);
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
                    self.journal.trace(Trace::SetupFailed(error));
                    self.attempt_failed(now);
                }
            }
        }
    }

    /// The device asked for attention other than by a used buffer: looks whether it wants a reset (W9).
    pub(crate) fn check_device(&mut self, transport: &mut impl Transport) {
        if transport.needs_reset() {
            self.recovery.report(Trouble::NeedsReset);
        }
    }

    /// Asks for a reset of the device in the next [`Channel::maintain`].
    pub(crate) fn request_recovery(&mut self) {
        self.recovery.report(Trouble::Requested);
    }

    /// Judges the device by what it has not given back, at the end of a turn that knows the time: only when everything that is in
    /// the rings was looked at is it known what is missing (S4). Trouble is acted upon in the next [`Channel::maintain`].
    pub(crate) fn judge(&mut self) {
        let Some(now) = self.turn.time else {
            return;
        };
        self.recovery.tick(now);
        if self.recovery.is_up()
            && let Some((when, trouble)) = self.loss_deadline()
            && now >= when
        {
            self.recovery.report(trouble);
        }
    }

    fn begin_recovery(&mut self, trouble: Trouble, now: u64) {
        self.journal.trace(Trace::Recovery(trouble));
        if matches!(trouble, Trouble::SlotsLost | Trouble::NoProgress) {
            self.recovery.reset_for_losses(now, &self.limits);
            let until = now.saturating_add(self.limits.lost_longest.into());
            self.clients.expect_losses(until);
        }
        self.fail_in_flight(now);
        // Who waits for a subscription that could not even be sent has it: it is armed when the device is back (N08).
        // The last announcement was fetched with the last turn.
        self.outbox
            .answer(self.subscriptions.stop_waiting(), Ok(()));
        self.turn.chores = true;
        if self.recovery.phase != Phase::Ready {
            // In the middle of an attempt: it failed.
            return self.attempt_failed(now);
        }
        self.journal.count(Count::Recoveries);
        let until = self.recovery.begin(now, &self.limits);
        self.journal.trace(Trace::RetryAt(until));
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn attempt_failed(&mut self, now: u64) {
        self.journal.count(Count::RecoveriesFailed);
        let until = self.recovery.next(now, &self.limits);
        self.journal.trace(Trace::RetryAt(until));
        if self.recovery.unavailable(&self.limits) {
            self.journal.trace(Trace::Unavailable);
        }
    }

    /// When lost slots become trouble, and which.
    fn loss_deadline(&self) -> Option<(u64, Trouble)> {
        let losses = Losses {
            count: self.lost.len(),
            slots: self.in_use,
            oldest: self.books.slots.get(self.lost.first()?).time,
            short_since: self
                .clients
                .accounts()
                .filter_map(|(_, account)| account.short_since())
                .min(),
        };
        Some(self.recovery.loss_deadline(&losses, &self.limits))
    }

    /// Whether [`Channel::maintain`] has something to do that cannot wait.
    #[inline]
    pub(crate) fn in_trouble(&self) -> bool {
        self.recovery.trouble.is_some()
    }

    /// When to call [`Channel::maintain`] and run a turn, if nothing happens before. Milliseconds since boot; a time that has passed
    /// means at once. (As long as deadlines are not on the clock, a turn with the time is wanted soon besides.)
    #[inline(never)]
    pub(crate) fn next_wake(&self) -> Option<u64> {
        let recovery = match self.recovery.phase {
            Phase::Down => None,
            Phase::Waiting(until) => Some(until),
            Phase::Ready | Phase::Probing(_) => match self.recovery.trouble {
                Some(_) => Some(0),
                None => self.loss_deadline().map(|(when, _)| when),
            },
        };
        match (recovery, self.books.deadlines.next()) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
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
