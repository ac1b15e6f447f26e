// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The link of a slot.

/// No slot.
pub(super) const NIL: u16 = u16::MAX;

/// Where a slot is in the one list that it may be in: the numbers of its neighbours. For the lists alone.
#[derive(Copy, Clone)]
pub(super) struct Link {
    previous: u16,
    next: u16,
}

impl Link {
    /// In no list: zeros, which take no room in the image.
    pub(super) const ZERO: Self = Self::new(0, 0);

    pub(super) const fn new(previous: u16, next: u16) -> Self {
        Self { previous, next }
    }

    pub(super) fn previous(&self) -> u16 {
        self.previous
    }

    pub(super) fn next(&self) -> u16 {
        self.next
    }

    pub(super) fn set_previous(&mut self, previous: u16) {
        self.previous = previous;
    }

    pub(super) fn set_next(&mut self, next: u16) {
        self.next = next;
    }
}
