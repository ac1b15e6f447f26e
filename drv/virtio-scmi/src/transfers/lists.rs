// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Lists through the slots' links.

use super::handle::SlotId;
use super::link::{Link, NIL};
use super::slot::{Slot, Slots, State};

/// A list without an end to add to: slots are put in at the front, and taken out anywhere.
#[derive(Copy, Clone)]
pub(crate) struct Bucket {
    /// One more than the first slot, so that a list of zeros is empty.
    first: u16,
}

impl Bucket {
    pub(crate) const EMPTY: Self = Self { first: 0 };

    pub(crate) fn is_empty(&self) -> bool {
        self.first == 0
    }

    pub(crate) fn first(&self) -> Option<SlotId> {
        self.first.checked_sub(1).map(SlotId)
    }

    /// Puts a slot in. It must not be in any list.
    pub(crate) fn insert<const S: usize>(&mut self, slots: &mut Slots<S>, id: SlotId) {
        let next = self.first.wrapping_sub(1);
        *slots.get_mut(id).link_mut() = Link::new(NIL, next);
        if next != NIL {
            slots.get_mut(SlotId(next)).link_mut().set_previous(id.0);
        }
        self.first = id.0.wrapping_add(1);
    }

    /// Takes a slot of this list out.
    pub(crate) fn remove<const S: usize>(&mut self, slots: &mut Slots<S>, id: SlotId) {
        let link = take_out(slots, id);
        if link.previous() == NIL {
            self.first = link.next().wrapping_add(1);
        }
    }

    /// Walks the list: how many there are, at most one more than there can be.
    pub(crate) fn count<const S: usize>(&self, slots: &Slots<S>) -> usize {
        let mut next = self.first.wrapping_sub(1);
        let mut count = 0;
        while next != NIL && count <= S {
            count += 1;
            next = slots.get(SlotId(next)).link().next();
        }
        count
    }
}

/// Connects the neighbours of a slot with one another. Returns who they were.
fn take_out<const S: usize>(slots: &mut Slots<S>, id: SlotId) -> Link {
    let link = *slots.get(id).link();
    if link.previous() != NIL {
        slots
            .get_mut(SlotId(link.previous()))
            .link_mut()
            .set_next(link.next());
    }
    if link.next() != NIL {
        slots
            .get_mut(SlotId(link.next()))
            .link_mut()
            .set_previous(link.previous());
    }
    link
}

/// First in, first out, and the ones between can be taken out.
#[derive(Copy, Clone)]
pub(crate) struct List {
    head: u16,
    tail: u16,
    len: u16,
}

impl List {
    /// An empty list: zeros.
    pub(crate) const EMPTY: Self = Self {
        head: 0,
        tail: 0,
        len: 0,
    };

    pub(crate) fn len(&self) -> u16 {
        self.len
    }

    pub(crate) fn first(&self) -> Option<SlotId> {
        (self.len > 0).then_some(SlotId(self.head))
    }

    /// Puts a slot in at the end. It must not be in any list.
    pub(crate) fn push<const S: usize>(&mut self, slots: &mut Slots<S>, id: SlotId) {
        let previous = if self.len == 0 { NIL } else { self.tail };
        *slots.get_mut(id).link_mut() = Link::new(previous, NIL);
        if previous == NIL {
            self.head = id.0;
        } else {
            slots.get_mut(SlotId(previous)).link_mut().set_next(id.0);
        }
        self.tail = id.0;
        self.len = self.len.wrapping_add(1);
    }

    /// Takes a slot of this list out.
    pub(crate) fn remove<const S: usize>(&mut self, slots: &mut Slots<S>, id: SlotId) {
        let link = take_out(slots, id);
        if link.previous() == NIL {
            self.head = link.next();
        }
        if link.next() == NIL {
            self.tail = link.previous();
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
            next = slot.link().next();
            Some(slot)
        })
    }

    /// Walks the list: whether it is as long as it should be, and its links agree with each other.
    pub(crate) fn is_sound<const S: usize>(&self, slots: &Slots<S>) -> bool {
        let (mut previous, mut next) = (NIL, self.head);
        (0..self.len).all(|place| {
            let link = slots.get(SlotId(next)).link();
            let last = place + 1 == self.len;
            let right = link.previous() == previous
                && last == (link.next() == NIL)
                && (!last || next == self.tail);
            (previous, next) = (next, link.next());
            right
        })
    }
}

/// The free slots: first in, first out, so that a slot rests as long as possible between two uses. Only the links to the next are
/// kept.
#[derive(Copy, Clone)]
pub(crate) struct Fifo {
    head: u16,
    tail: u16,
    len: u16,
}

impl Fifo {
    /// Nothing is free: zeros.
    pub(crate) const EMPTY: Self = Self {
        head: 0,
        tail: 0,
        len: 0,
    };

    pub(crate) fn len(&self) -> u16 {
        self.len
    }

    pub(crate) fn push<const S: usize>(&mut self, slots: &mut Slots<S>, id: SlotId) {
        if self.len == 0 {
            self.head = id.0;
        } else {
            slots.get_mut(SlotId(self.tail)).link_mut().set_next(id.0);
        }
        self.tail = id.0;
        self.len = self.len.wrapping_add(1);
    }

    pub(crate) fn pop<const S: usize>(&mut self, slots: &Slots<S>) -> Option<SlotId> {
        if self.len == 0 {
            return None;
        }
        let id = SlotId(self.head);
        self.head = slots.get(id).link().next();
        self.len = self.len.wrapping_sub(1);
        Some(id)
    }

    /// Walks the list: whether it is as long as it should be and consists of free slots.
    pub(crate) fn is_sound<const S: usize>(&self, slots: &Slots<S>) -> bool {
        let mut next = self.head;
        (0..self.len).all(|place| {
            let slot = slots.get(SlotId(next));
            let right = slot.state() == State::Free && (place + 1 < self.len || next == self.tail);
            next = slot.link().next();
            right
        })
    }
}
