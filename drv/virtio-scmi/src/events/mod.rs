// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Events: the ring that brings them, and who follows which.

mod bucket;
mod counts;
mod entry;
mod following;
mod lanes;
mod table;

pub use entry::ALL_SOURCES;
pub(crate) use entry::Key;
pub use following::Notified;
pub(crate) use following::{Answered, Work};
pub use table::Subscription;
pub(crate) use table::{Table, audit};

use crate::memory::{DmaBuffer, QueueMemory};
use virtqueue::{Buffer, Direction, Used, Violation, Virtqueue};

/// A turn may deal with so many events even if the ring is smaller: one event is no flood.
const TURN_MIN: u32 = 8;

/// The event ring and its buffers. Each buffer is with the device, or kept for a transfer whose delayed response it holds.
// The ring is large, so it comes last: see [`Channel`](crate::channel::Channel).
#[repr(C)]
pub(crate) struct Events<'m, const EVENTS: usize> {
    buffers: &'m [DmaBuffer; EVENTS],
    /// The device has an event queue, and it is set up.
    up: bool,
    /// Buffers that hold the delayed response of a transfer that is not collected.
    parked: u16,
    /// So many events a turn may deal with.
    turn_limit: u32,
    ring: Virtqueue<'m, EVENTS>,
}

impl<'m, const EVENTS: usize> Events<'m, EVENTS> {
    /// No event queue. Touches no queue memory.
    pub(crate) const fn new<const RING: usize, const SLOTS: usize>(
        memory: &'m QueueMemory<RING, SLOTS, EVENTS>,
    ) -> Self {
        Self {
            buffers: &memory.events,
            ring: Virtqueue::new(&memory.event_ring),
            up: false,
            parked: 0,
            turn_limit: TURN_MIN,
        }
    }

    /// The device was reset, and what buffers kept is safe elsewhere.
    pub(crate) fn take_back(&mut self) {
        self.up = false;
        self.parked = 0;
        for buffer in self.buffers {
            buffer.clear();
        }
    }

    /// Begins a ring of so many entries and gives every buffer to the device (V21), the same buffer in the same descriptor each time.
    /// `false`: no ring can have this size.
    pub(crate) fn lay_out(&mut self, size: u16, event_idx: bool) -> bool {
        if size == 0 || self.ring.start(size, event_idx).is_err() {
            return false;
        }
        for (number, buffer) in (0..size).zip(self.buffers) {
            let buffer = Buffer {
                address: buffer.address(),
                len: DmaBuffer::LEN as u32,
                direction: Direction::DeviceWrites,
            };
            // Cannot fail: the ring was just started, and the descriptor is in range and the buffer's own.
            let laid = self.ring.set_chain(number, &[buffer]);
            debug_assert!(laid.is_ok());
            self.publish(number);
        }
        self.turn_limit = u32::from(size).max(TURN_MIN);
        true
    }

    /// How many events a turn may deal with: as many as the ring holds at once.
    pub(crate) fn turn_limit(&self) -> u32 {
        self.turn_limit
    }

    /// The device was told of the ring.
    pub(crate) fn set_up(&mut self) {
        self.up = true;
    }

    /// Whether the device has an event queue (V08).
    pub(crate) fn is_up(&self) -> bool {
        self.up
    }

    /// The event ring, for what concerns it as a ring.
    pub(crate) fn ring(&self) -> &Virtqueue<'m, EVENTS> {
        &self.ring
    }

    /// The event ring, if there is one, to suppress and ask for interrupts, and to decide on notifications.
    pub(crate) fn ring_mut(&mut self) -> Option<&mut Virtqueue<'m, EVENTS>> {
        self.up.then_some(&mut self.ring)
    }

    /// Entries of the event ring; 0 without one.
    pub(crate) fn size(&self) -> u16 {
        if self.up { self.ring.size() } else { 0 }
    }

    /// Buffers with the device.
    pub(crate) fn at_device(&self) -> u16 {
        if self.up { self.ring.in_flight() } else { 0 }
    }

    /// Buffers that are kept.
    pub(crate) fn parked(&self) -> u16 {
        self.parked
    }

    /// Whether the device has put something into the ring.
    pub(crate) fn has_used(&self) -> bool {
        self.up && self.ring.has_used()
    }

    /// Takes the next buffer that came back.
    pub(crate) fn take_used(&mut self) -> Result<Option<Used>, Violation> {
        if !self.up {
            return Ok(None);
        }
        self.ring.take_used()
    }

    /// A buffer.
    pub(crate) fn buffer(&self, number: u16) -> &'m DmaBuffer {
        &self.buffers[usize::from(number) & (EVENTS - 1)]
    }

    /// Gives a buffer back that held a message of so many bytes. A device that says that it wrote more than it did must not tell this event
    /// to others with the next one.
    pub(crate) fn give_back(&mut self, number: u16, len: usize) {
        self.buffer(number).clear_after(len > DmaBuffer::SMALL);
        self.publish(number);
    }

    /// Whether one more buffer may be kept: half of the ring may.
    pub(crate) fn may_park(&self) -> bool {
        self.parked < self.size().div_ceil(2)
    }

    /// Keeps the buffer that was just taken.
    pub(crate) fn park(&mut self) {
        self.parked = self.parked.wrapping_add(1);
    }

    /// Gives a buffer back that was kept.
    pub(crate) fn unpark(&mut self, number: u16) {
        self.parked = self.parked.wrapping_sub(1);
        self.buffer(number).clear();
        self.publish(number);
    }

    /// Gives a buffer to the device (V09). It cannot fail: a buffer that the driver has is not in the ring, and there is a place in the
    /// ring for each (W2).
    fn publish(&mut self, number: u16) {
        let posted = self.ring.publish(number);
        debug_assert!(posted.is_ok());
    }

    /// Checks where the buffers are; `parked` is how many of them transfers say that they keep.
    pub(crate) fn audit(&self, parked: u16) -> Result<(), &'static str> {
        if parked != self.parked {
            return Err("parked is wrong");
        }
        let numbers = 0..self.size();
        let at_device = numbers
            .filter(|&number| self.ring.with_device(number))
            .count();
        if at_device + usize::from(parked) != usize::from(self.size()) {
            return Err("an event buffer is lost");
        }
        Ok(())
    }
}
