// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! How many transfers are in flight.

/// Transfers whose outcome is open, counted.
pub(super) struct Flight {
    all: u16,
    /// Of these, the ones that wait for an interrupt: of a reply, or of a delayed response.
    interruptible: u16,
}

impl Flight {
    pub(super) const NONE: Self = Self {
        all: 0,
        interruptible: 0,
    };

    /// One begins. `polled`: it waits for no interrupt.
    pub(super) fn begin(&mut self, polled: bool) {
        self.all = self.all.wrapping_add(1);
        self.interruptible = self.interruptible.wrapping_add(u16::from(!polled));
    }

    /// One of them is over.
    pub(super) fn end(&mut self, polled: bool) {
        self.all = self.all.wrapping_sub(1);
        self.interruptible = self.interruptible.wrapping_sub(u16::from(!polled));
    }

    pub(super) fn all(&self) -> u16 {
        self.all
    }

    /// The ones that wait for an interrupt.
    pub(super) fn interruptible(&self) -> u16 {
        self.interruptible
    }
}
