// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Many counts of one thing, and the line that sums them up.

use core::fmt::Write;

use test_uart::Line;

use crate::counter::{self, Count};

/// Most counts of one thing.
pub const MAX: usize = 4096;

/// Counts of one thing, and how they are printed.
pub struct Samples {
    /// Twice the instructions, and one more where the processor slept meanwhile: in their order, both are.
    all: [u32; MAX],
    user: [u32; MAX],
    len: usize,
    /// What a reading costs.
    reading: Count,
}

impl Samples {
    /// Nothing yet.
    pub const NEW: Self = Self {
        all: [0; MAX],
        user: [0; MAX],
        len: 0,
        reading: Count::NONE,
    };

    /// Takes off what a reading costs from here on.
    pub fn calibrate(&mut self, reading: Count) {
        self.reading = reading;
    }

    /// Forgets all counts.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// Adds what lies between two readings, divided among so many equal pieces of work.
    pub fn add(&mut self, before: Count, after: Count, pieces: u32) {
        let count = after.since(before, self.reading);
        self.add_sum(count, pieces);
    }

    /// Adds a sum of readings, whose costs were taken off.
    pub fn add_sum(&mut self, count: Count, pieces: u32) {
        if let (Some(all), Some(user)) = (self.all.get_mut(self.len), self.user.get_mut(self.len)) {
            // To the nearest.
            *all = (count.all + pieces / 2) / pieces * 2 + u32::from(count.has_slept());
            *user = (count.user + pieces / 2) / pieces;
            self.len += 1;
        }
    }

    /// Counts `work` so often, after a tenth of that without counting.
    #[inline(always)]
    pub fn measure(&mut self, times: usize, mut work: impl FnMut()) {
        self.clear();
        for _ in 0..times / 10 {
            work();
        }
        for _ in 0..times {
            let before = counter::read();
            work();
            let after = counter::read();
            self.add(before, after, 1);
        }
    }

    /// What a difference of readings costs.
    pub fn reading(&self) -> Count {
        self.reading
    }

    /// Prints on the serial line at `uart`: `row NAME PART count=… min=… median=… worst=… user=… asleep=… asleep_median=… awake_median=…`.
    /// `user` is the median of what tasks executed; `asleep`, in how many the processor slept; then the medians of those, and of the
    /// others, 0 if there are none.
    pub fn print(&mut self, uart: usize, name: &str, part: u32) {
        let len = self.len;
        let (all, user) = (&mut self.all[..len], &mut self.user[..len]);
        all.sort_unstable();
        user.sort_unstable();
        let (Some(min), Some(median), Some(worst), Some(user)) =
            (all.first(), all.get(len / 2), all.last(), user.get(len / 2))
        else {
            return;
        };
        let slept = |all: &u32| all % 2 != 0;
        let asleep = all.iter().filter(|all| slept(all)).count();
        let mut sleeping = all.iter().filter(|all| slept(all));
        let mut waking = all.iter().filter(|all| !slept(all));
        let asleep_median = sleeping.nth(asleep / 2).map_or(0, |all| all / 2);
        let awake_median = waking.nth((len - asleep) / 2).map_or(0, |all| all / 2);
        let [min, median, worst] = [min, median, worst].map(|all| all / 2);
        let _ = writeln!(
            Line(uart),
            "row {name} {part} count={len} min={min} median={median} worst={worst} user={user} asleep={asleep} \
             asleep_median={asleep_median} awake_median={awake_median}"
        );
    }
}
