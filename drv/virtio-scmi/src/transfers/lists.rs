// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Lists through the slots' links.

use super::slot::{NIL, Slot, SlotId, Slots, State};

/// A list through the slots' links.
#[derive(Copy, Clone)]
pub(crate) struct List {
    head: u16,
    tail: u16,
    len: u16,
}

impl List {
    pub(crate) const fn new() -> Self {
        Self {
            head: NIL,
            tail: NIL,
            len: 0,
        }
    }

    pub(crate) fn len(&self) -> u16 {
        self.len
    }

    pub(crate) fn first(&self) -> Option<SlotId> {
        (self.head != NIL).then_some(SlotId(self.head))
    }

    pub(crate) fn push<const S: usize>(&mut self, slots: &mut Slots<S>, id: SlotId) {
        let slot = slots.get_mut(id);
        slot.next = NIL;
        slot.previous = self.tail;
        if self.tail == NIL {
            self.head = id.0;
        } else {
            slots.get_mut(SlotId(self.tail)).next = id.0;
        }
        self.tail = id.0;
        self.len = self.len.wrapping_add(1);
    }

    pub(crate) fn remove<const S: usize>(&mut self, slots: &mut Slots<S>, id: SlotId) {
        let slot = slots.get_mut(id);
        let (next, previous) = (slot.next, slot.previous);
        slot.next = NIL;
        slot.previous = NIL;
        if previous == NIL {
            self.head = next;
        } else {
            slots.get_mut(SlotId(previous)).next = next;
        }
        if next == NIL {
            self.tail = previous;
        } else {
            slots.get_mut(SlotId(next)).previous = previous;
        }
        self.len = self.len.wrapping_sub(1);
    }

    /// The slots of the list, oldest first.
    pub(crate) fn iter<'s, const S: usize>(
        &self,
        slots: &'s Slots<S>,
    ) -> impl Iterator<Item = &'s Slot> {
        let mut next = self.head;
        (0..self.len).map_while(move |_| {
            let slot = (next != NIL).then(|| slots.get(SlotId(next)))?;
            next = slot.next;
            Some(slot)
        })
    }

    /// Walks the list: how many there are; `None` if links contradict each other.
    pub(crate) fn count<const S: usize>(&self, slots: &Slots<S>) -> Option<u16> {
        let (mut previous, mut next) = (NIL, self.head);
        for count in 0..=S as u16 {
            if next == NIL {
                return (previous == self.tail).then_some(count);
            }
            let slot = slots.get(SlotId(next));
            if slot.previous != previous {
                return None;
            }
            (previous, next) = (next, slot.next);
        }
        None
    }
}

/// The free slots: first in, first out, so that a slot rests as long as possible between two uses.
#[derive(Copy, Clone)]
pub(crate) struct Fifo {
    head: u16,
    tail: u16,
    len: u16,
}

impl Fifo {
    pub(crate) const fn new() -> Self {
        Self {
            head: NIL,
            tail: NIL,
            len: 0,
        }
    }

    pub(crate) fn len(&self) -> u16 {
        self.len
    }

    pub(crate) fn push<const S: usize>(&mut self, slots: &mut Slots<S>, id: SlotId) {
        if self.len == 0 {
            self.head = id.0;
        } else {
            slots.get_mut(SlotId(self.tail)).next = id.0;
        }
        self.tail = id.0;
        self.len = self.len.wrapping_add(1);
    }

    pub(crate) fn pop<const S: usize>(&mut self, slots: &Slots<S>) -> Option<SlotId> {
        if self.len == 0 {
            return None;
        }
        let id = SlotId(self.head);
        self.head = slots.get(id).next;
        self.len = self.len.wrapping_sub(1);
        Some(id)
    }

    /// Walks the list: whether it is as long as it should be and consists of free slots.
    pub(crate) fn is_sound<const S: usize>(&self, slots: &Slots<S>) -> bool {
        let mut next = self.head;
        (0..self.len).all(|place| {
            let slot = slots.get(SlotId(next));
            let right = slot.state == State::Free && (place + 1 < self.len || next == self.tail);
            next = slot.next;
            right
        })
    }
}
