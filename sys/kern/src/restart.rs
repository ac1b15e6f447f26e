// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A task's life begins: at boot, and whenever the supervisor restarts it.

use abi::dead_response_code;

use crate::{Kernel, Machine, Registers, Status};

/// What a fresh stack holds, so that its deepest use can be seen.
const STACK_FILL: u32 = 0xbadd_cafe;

impl<M: Machine> Kernel<'_, M> {
    /// Ends a task's life, whatever it is doing, and begins the next. Everyone who waits for it wakes with a dead code.
    pub(crate) fn restart(&mut self, index: usize, start: bool) {
        self.stop_waiting(index);
        let old = self.tasks[index].id;
        self.tasks[index].renew();
        let code = dead_response_code(self.tasks[index].id.generation());
        for other in 0..self.tasks.len() {
            if other != index && self.tasks[other].status.waits_for(old) {
                // A receiver's second result means nothing beside a dead code; a sender's is the length of the reply.
                self.tasks[other].registers.set_response(code, 0);
                self.make_runnable(other);
            }
        }
        self.tasks[index].senders = 0;
        if index == self.current {
            // A switch clears the processor for the next task, but here there may be none.
            let aborts = self.machine.forget_running_task();
            self.stray_aborts = self.stray_aborts.wrapping_add(aborts.into());
        }
        self.begin(index, start);
    }

    /// Sets up a task that nobody waits for and that waits for nobody.
    pub(crate) fn begin(&mut self, index: usize, start: bool) {
        self.mask_interrupts(index);
        let task = &mut self.tasks[index];
        let (bit, desc) = (task.bit, task.desc);
        task.notifications = 0;
        // The hardware timer may now be early; see `set_timer`.
        self.timers &= !bit;
        task.timer = crate::timer::Timer::OFF;
        task.registers = Registers::start(desc.entry, desc.initial_stack);
        self.machine
            .fill(desc.stack_base, desc.initial_stack, STACK_FILL);
        if start {
            self.make_runnable(index);
        } else {
            self.tasks[index].status = Status::STOPPED;
            self.ready &= !bit;
        }
    }
}
