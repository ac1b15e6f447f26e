// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The deadline of a slot.

/// Number of the bucket of a slot that is in none.
const NO_BUCKET: u16 = u16::MAX;
/// The same of a slot whose deadline is not on the clock yet.
const OFF_CLOCK: u16 = u16::MAX - 1;

/// Patience of a transfer that has no deadline of its own. No other has this one: 0 stands for the default, which is never 0, and the
/// longest that can be asked for is one like the others.
pub(crate) const NO_DEADLINE: u32 = 0;

/// A slot's deadline.
#[derive(Copy, Clone)]
pub(super) struct Due {
    /// When time is up, in milliseconds; of a lost slot: when it was lost.
    at: u64,
    /// How long it is until then, in milliseconds, as long as that is not on the clock.
    patience: u32,
    /// Which bucket of the wheel the slot is in, or one of the constants.
    bucket: u16,
}

impl Due {
    /// Zeros, which take no room in the image.
    pub(super) const ZERO: Self = Self {
        at: 0,
        patience: 0,
        bucket: 0,
    };

    /// The time is up so many milliseconds after the deadline begins.
    pub(super) fn set(&mut self, patience: u32) {
        self.patience = patience;
    }

    pub(super) fn patience(&self) -> u32 {
        self.patience
    }

    /// Whether there is a deadline.
    pub(super) fn is_limited(&self) -> bool {
        self.patience != NO_DEADLINE
    }

    /// The deadline begins, and is told by its distance.
    pub(super) fn begin(&mut self) {
        self.bucket = OFF_CLOCK;
    }

    /// The deadline begins now.
    pub(super) fn begin_now(&mut self, now: u64) {
        self.at = now.saturating_add(u64::from(self.patience));
    }

    /// It is in this bucket of the wheel. For the wheel alone, as the next two.
    pub(super) fn enter(&mut self, bucket: usize) {
        self.bucket = bucket as u16;
    }

    /// It is in no bucket.
    pub(super) fn leave(&mut self) {
        self.bucket = NO_BUCKET;
    }

    /// Which bucket it is in, or a number that no bucket has.
    pub(super) fn bucket(&self) -> usize {
        usize::from(self.bucket)
    }

    /// Whether it is not on the clock yet.
    pub(super) fn is_off_clock(&self) -> bool {
        self.bucket == OFF_CLOCK
    }

    /// Notes a time where there is no deadline.
    pub(super) fn note(&mut self, now: u64) {
        self.at = now;
    }

    pub(super) fn at(&self) -> u64 {
        self.at
    }
}
