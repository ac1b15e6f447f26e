// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Counting what is forgiven if it is rare.

/// How long one violation of the ring protocol is remembered, in milliseconds: rare ones must not add up to a reset.
const VIOLATION_LIFE: u32 = 10_000;

/// Counts what is forgiven if it is rare: one of what was counted is forgotten in each [`VIOLATION_LIFE`].
#[derive(Copy, Clone)]
pub(super) struct Leaky {
    level: u32,
    /// When `level` was last brought up to date, in milliseconds.
    at: u64,
}

impl Leaky {
    pub(super) const fn new() -> Self {
        Self { level: 0, at: 0 }
    }

    /// Adds one. Returns how many count now.
    pub(super) fn add(&mut self, now: u64) -> u32 {
        // What does not fit is fifty days, after which nothing is remembered: a division of 64 bits takes 800 bytes of code.
        let elapsed = u32::try_from(now.saturating_sub(self.at)).unwrap_or(u32::MAX);
        let lives = elapsed / VIOLATION_LIFE;
        self.level = self.level.saturating_sub(lives);
        self.at = if self.level == 0 {
            now
        } else {
            self.at + u64::from(lives * VIOLATION_LIFE)
        };
        self.level = self.level.saturating_add(1);
        self.level
    }
}
