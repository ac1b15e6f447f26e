// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The other side of the ring, for tests, models and fuzzers of anything built on a [`Virtqueue`](crate::Virtqueue).
//!
//! It does what it is told, also what a device must not do: `complete` takes any id and length, the index can be set to
//! anything. What a well-behaved device does is [`DeviceSide::pop`], [`DeviceSide::complete`] with the popped head, and
//! an interrupt where [`DeviceSide::interrupt_due`] says so.

use crate::descriptor;
use crate::kick::kick_due;
use crate::memory::RingMemory;
use core::sync::atomic::{Ordering, fence};

/// A device's view of one queue.
pub struct DeviceSide<'m, const N: usize> {
    memory: &'m RingMemory<N>,
    size: u16,
    event_idx: bool,
    /// Next available entry to look at.
    seen: u16,
    /// The used index.
    index: u16,
    /// Entries added since the last interrupt decision.
    undecided: u32,
}

/// One descriptor as the device reads it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Segment {
    /// Guest-physical address.
    pub address: u64,
    /// Length in bytes.
    pub len: u32,
    /// May the device write it?
    pub writable: bool,
    /// The next descriptor, if the chain goes on.
    pub next: Option<u16>,
}

impl<'m, const N: usize> DeviceSide<'m, N> {
    /// The device side of a started queue; the arguments are those of `start`.
    pub fn new(memory: &'m RingMemory<N>, size: u16, event_idx: bool) -> Self {
        Self::new_at(memory, size, event_idx, 0)
    }

    /// As [`DeviceSide::new`], for a queue that was started with `start_at`.
    pub fn new_at(memory: &'m RingMemory<N>, size: u16, event_idx: bool, index: u16) -> Self {
        Self {
            memory,
            size,
            event_idx,
            seen: index,
            index,
            undecided: 0,
        }
    }

    fn mask(&self) -> u16 {
        self.size.wrapping_sub(1)
    }

    /// The next chain that the driver offers, if there is one.
    pub fn pop(&mut self) -> Option<u16> {
        if self.memory.available.index() == self.seen {
            return None;
        }
        let head = self.memory.available.entry(self.seen, self.mask());
        self.seen = self.seen.wrapping_add(1);
        Some(head)
    }

    /// Reads a descriptor.
    pub fn segment(&self, number: u16) -> Option<Segment> {
        let entry = self.memory.descriptors.get(usize::from(number))?;
        let (address, len, flags, next) = entry.read();
        Some(Segment {
            address,
            len,
            writable: flags & descriptor::WRITE != 0,
            next: (flags & descriptor::NEXT != 0).then_some(next),
        })
    }

    /// Gives an entry back and shows it at once.
    pub fn complete(&mut self, id: u32, len: u32) {
        self.stage(id, len);
        self.show();
    }

    /// Writes an entry that the driver cannot see yet: for batches.
    pub fn stage(&mut self, id: u32, len: u32) {
        self.memory
            .used
            .set_element(self.index, self.mask(), id, len);
        self.index = self.index.wrapping_add(1);
        self.undecided = self.undecided.saturating_add(1);
    }

    /// Shows all staged entries.
    pub fn show(&mut self) {
        self.memory.used.set_index(self.index);
    }

    /// Does the driver want an interrupt for what was shown since the last call?
    pub fn interrupt_due(&mut self) -> bool {
        let undecided = core::mem::take(&mut self.undecided);
        if undecided == 0 {
            return false;
        }
        fence(Ordering::SeqCst);
        if self.event_idx {
            let event = self.memory.available.used_event(self.size);
            let event = u16::from_le(event.load(Ordering::Relaxed));
            kick_due(event, self.index, undecided)
        } else {
            !self.memory.available.no_interrupt()
        }
    }

    /// Asks for no kicks.
    pub fn suppress_kicks(&mut self) {
        if self.event_idx {
            self.set_avail_event(self.seen.wrapping_sub(1));
        } else {
            self.memory.used.set_flags(1);
        }
    }

    /// Asks for a kick with the next chain. `true`: there is one already.
    pub fn enable_kicks(&mut self) -> bool {
        if self.event_idx {
            self.set_avail_event(self.seen);
        } else {
            self.memory.used.set_flags(0);
        }
        fence(Ordering::SeqCst);
        self.memory.available.index() != self.seen
    }

    /// The used index as shown next.
    pub fn used_index(&self) -> u16 {
        self.index
    }

    /// Lies about the used index: shows `index` and goes on from there.
    pub fn jump(&mut self, index: u16) {
        self.index = index;
        self.show();
    }

    /// Writes any entry of the used ring, whatever its position means now.
    pub fn scribble(&self, position: u16, id: u32, len: u32) {
        self.memory.used.set_element(position, self.mask(), id, len);
    }

    /// Writes `avail_event`.
    pub fn set_avail_event(&self, event: u16) {
        let word = self.memory.used.avail_event(self.size);
        word.store(u32::from(event).to_le(), Ordering::Relaxed);
    }

    /// Writes the flags of the used ring.
    pub fn set_flags(&self, flags: u16) {
        self.memory.used.set_flags(flags);
    }
}
