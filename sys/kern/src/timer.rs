// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Each task's timer, and the one hardware timer behind them all.

use crate::{Kernel, Machine};

/// A task's timer: one deadline, and what to post then.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Timer {
    /// Milliseconds since power-on.
    pub deadline: u64,
    /// The same in ticks; saturated when the counter cannot get there.
    pub ticks: u64,
    /// The notification bits.
    pub bits: u32,
}

impl Timer {
    /// Not set.
    pub const OFF: Self = Self {
        deadline: 0,
        ticks: u64::MAX,
        bits: 0,
    };
}

impl<M: Machine> Kernel<'_, M> {
    /// SET_TIMER: enable, deadline in two words, notification bits.
    pub(crate) fn set_timer(&mut self) {
        let task = &mut self.tasks[self.current];
        let registers = &task.registers;
        let enable = registers.argument::<0>() != 0;
        let deadline = two_words(registers.argument::<1>(), registers.argument::<2>());
        let bits = registers.argument::<3>();
        let ticks = self.clock.ticks(deadline);
        task.timer = Timer {
            deadline,
            ticks,
            bits,
        };
        // A hardware timer that is set too early stays so: it costs one interrupt when it fires, and saves looking
        // for the next deadline every time somebody clears or moves one.
        self.timers &= !task.bit;
        if !enable {
            return;
        }
        if ticks <= self.machine.ticks() {
            self.post(self.current, bits);
            return;
        }
        self.timers |= self.tasks[self.current].bit;
        self.alarm_by(ticks);
    }

    /// Makes sure that the hardware timer fires at `ticks` or before.
    fn alarm_by(&mut self, ticks: u64) {
        if ticks < self.alarm {
            self.alarm = ticks;
            self.machine.set_alarm(Some(ticks));
        }
    }

    /// GET_TIMER: now, whether there is a deadline, the deadline, its notification bits.
    pub(crate) fn get_timer(&mut self) {
        let now = self.clock.milliseconds(self.machine.ticks());
        let task = &mut self.tasks[self.current];
        let set = self.timers & task.bit != 0;
        let deadline = if set { task.timer.deadline } else { 0 };
        let bits = task.timer.bits;
        let registers = &mut task.registers;
        registers.set_response(now as u32, (now >> 32) as u32);
        registers.set_result::<2>(u32::from(set));
        registers.set_result::<3>(deadline as u32);
        registers.set_result::<4>((deadline >> 32) as u32);
        registers.set_result::<5>(bits);
    }

    /// The hardware timer fired: posts what is due and asks for the next deadline.
    pub(crate) fn alarm_fired(&mut self) {
        let now = self.machine.ticks();
        let mut next = u64::MAX;
        let mut left = self.timers;
        while left != 0 {
            let index = usize::from(self.by_rank[(left.leading_zeros() & 31) as usize]);
            let task = &self.tasks[index];
            let (bit, timer) = (task.bit, task.timer);
            left &= !bit;
            if timer.ticks <= now {
                self.timers &= !bit;
                self.post(index, timer.bits);
            } else {
                next = next.min(timer.ticks);
            }
        }
        self.alarm = next;
        self.machine.set_alarm((next != u64::MAX).then_some(next));
    }
}

/// A 64-bit argument: low word, high word.
fn two_words(low: u32, high: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}
