// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Who runs next: the most important runnable task, and among equals the next one round.

use crate::{Kernel, Machine};

impl<M: Machine> Kernel<'_, M> {
    /// The most important task of a set; among equals the first with an index after the running task's, then the first.
    #[inline(always)]
    pub(crate) fn best_of(&self, set: u32) -> Option<usize> {
        if set == 0 {
            return None;
        }
        let equals = set & self.equals[(set.leading_zeros() & 31) as usize];
        let later = equals & self.tasks[self.current].later;
        let chosen = if later != 0 { later } else { equals };
        Some(usize::from(
            self.by_rank[(chosen.leading_zeros() & 31) as usize],
        ))
    }

    /// Chooses who runs after the running task has stopped doing so.
    #[inline(always)]
    pub(crate) fn reschedule(&mut self) {
        self.current = match self.best_of(self.ready) {
            Some(index) => index,
            None => self.idle(),
        };
    }

    /// Lets a more important task run, if one has become runnable. Equals wait their turn.
    #[inline(always)]
    pub(crate) fn preempt(&mut self) {
        let running = &self.tasks[self.current];
        if self.ready & running.above != 0 || self.ready & running.bit == 0 {
            self.reschedule();
        }
    }

    /// Nothing can run, not even an idle task: waits for an interrupt that changes that.
    #[cold]
    #[inline(never)]
    fn idle(&mut self) -> usize {
        loop {
            self.machine.wait();
            self.take_interrupt();
            if let Some(index) = self.best_of(self.ready) {
                return index;
            }
        }
    }
}
