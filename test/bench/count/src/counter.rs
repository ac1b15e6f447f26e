// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The performance monitor (ARM DDI 0406C, C12): two counters of event 8, instructions that were executed, and the cycle counter. Where
//! an instruction takes one cycle, cycles without instructions are those in which the processor slept.

use core::arch::asm;

/// INST_RETIRED.
const INSTRUCTIONS: u32 = 8;
/// PMXEVTYPER.P: not in the kernel.
const NOT_PRIVILEGED: u32 = 1 << 31;
/// PMCR: enable, and set the event counters and the cycle counter to 0.
const ENABLE_AND_RESET: u32 = 0b111;
/// PMCNTENSET: two event counters, and the cycle counter.
const ALL_COUNTERS: u32 = 1 << 31 | 0b11;

/// Instructions since [`start`].
#[derive(Clone, Copy)]
pub struct Count {
    /// All of them.
    pub all: u32,
    /// Those of tasks.
    pub user: u32,
    /// Cycles, with those in which the processor slept.
    pub cycles: u32,
}

impl Count {
    /// Nothing.
    pub const NONE: Self = Self {
        all: 0,
        user: 0,
        cycles: 0,
    };

    /// Whether the processor slept, on a machine whose cycles are instructions.
    pub fn has_slept(self) -> bool {
        self.cycles > self.all
    }

    /// Adds another count.
    pub fn add(&mut self, other: Self) {
        self.all = self.all.wrapping_add(other.all);
        self.user = self.user.wrapping_add(other.user);
        self.cycles = self.cycles.wrapping_add(other.cycles);
    }

    /// From an earlier reading to this one, less what the reading costs.
    pub fn since(self, earlier: Self, reading: Self) -> Self {
        let difference = |now: u32, then: u32, cost: u32| now.wrapping_sub(then).wrapping_sub(cost);
        Self {
            all: difference(self.all, earlier.all, reading.all),
            user: difference(self.user, earlier.user, reading.user),
            cycles: difference(self.cycles, earlier.cycles, reading.cycles),
        }
    }
}

/// Starts all counters, and returns what a reading costs: it is the same each time.
pub fn start() -> Count {
    // Safety: registers of the performance monitor, which app.toml grants to this task and to no other.
    unsafe {
        for (counter, event) in [(0, INSTRUCTIONS), (1, INSTRUCTIONS | NOT_PRIVILEGED)] {
            asm!(
                "mcr p15, 0, {counter}, c9, c12, 5", // PMSELR
                "isb",
                "mcr p15, 0, {event}, c9, c13, 1",   // PMXEVTYPER
                counter = in(reg) counter,
                event = in(reg) event,
                options(nostack, preserves_flags),
            );
        }
        asm!(
            "mcr p15, 0, {counters}, c9, c12, 1", // PMCNTENSET
            "mcr p15, 0, {control}, c9, c12, 0",  // PMCR
            "isb",
            counters = in(reg) ALL_COUNTERS,
            control = in(reg) ENABLE_AND_RESET,
            options(nostack, preserves_flags),
        );
    }
    let (first, second) = (read(), read());
    second.since(first, Count::NONE)
}

/// Reads all counters. Always the same instructions, in one piece, so that they can be taken off.
#[inline(always)]
pub fn read() -> Count {
    let (all, user, cycles): (u32, u32, u32);
    // Safety: as in `start`. No `nomem`: what is measured stays between two readings.
    unsafe {
        asm!(
            "mcr p15, 0, {zero}, c9, c12, 5", // PMSELR
            "isb",
            "mrc p15, 0, {all}, c9, c13, 2",  // PMXEVCNTR
            "mcr p15, 0, {one}, c9, c12, 5",
            "isb",
            "mrc p15, 0, {user}, c9, c13, 2",
            "mrc p15, 0, {cycles}, c9, c13, 0", // PMCCNTR
            zero = in(reg) 0,
            one = in(reg) 1,
            all = out(reg) all,
            user = out(reg) user,
            cycles = out(reg) cycles,
            options(nostack, preserves_flags),
        );
    }
    Count { all, user, cycles }
}
