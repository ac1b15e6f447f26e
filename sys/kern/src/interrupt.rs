// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Interrupts: from the controller to a notification, and what tasks may do with theirs.

use abi::{FaultInfo, IrqControlArg, IrqStatus, UsageError};

use crate::desc::{InterruptDesc, NO_INTERRUPT};
use crate::{Kernel, Machine};

const NO_IRQ: FaultInfo = FaultInfo::SyscallUsage(UsageError::NoIrq);

impl<M: Machine> Kernel<'_, M> {
    /// An interrupt was raised while a task ran: deals with it and chooses who goes on.
    #[inline(always)]
    pub fn interrupt(&mut self) {
        self.take_interrupt();
        self.preempt();
    }

    /// Takes one interrupt from the controller. Others that are pending are taken when the kernel returns, so that the time
    /// with interrupts masked does not depend on how many there are.
    #[inline(always)]
    pub(crate) fn take_interrupt(&mut self) {
        let Some(intid) = self.machine.acknowledge() else {
            self.spurious_interrupts = self.spurious_interrupts.wrapping_add(1);
            return;
        };
        if intid == M::TIMER {
            self.alarm_fired();
        } else {
            // Masked until its task asks for the next one: neither a level that is still asserted nor a device gone mad
            // can keep the processor.
            self.machine.enable(intid, false);
            match self.owner(intid) {
                Some(desc) => self.post(usize::from(desc.task), desc.notification),
                None => self.stray_interrupts = self.stray_interrupts.wrapping_add(1),
            }
        }
        self.machine.end(intid);
    }

    fn owner(&self, intid: u32) -> Option<&'static InterruptDesc> {
        let position = *self.image.interrupt_of_intid.get(intid as usize)?;
        if position == NO_INTERRUPT {
            return None;
        }
        self.image.interrupts.get(usize::from(position))
    }

    /// Calls `act` for every interrupt of the task `index` that posts exactly `notification`.
    ///
    /// # Errors
    ///
    /// There is none.
    pub(crate) fn for_interrupts(
        &mut self,
        index: usize,
        notification: u32,
        mut act: impl FnMut(&mut M, u32),
    ) -> Result<(), FaultInfo> {
        let mut found = false;
        for &position in self.tasks[index].desc.interrupts {
            let desc = &self.image.interrupts[usize::from(position)];
            if desc.notification == notification {
                found = true;
                act(&mut self.machine, u32::from(desc.intid));
            }
        }
        if found { Ok(()) } else { Err(NO_IRQ) }
    }

    /// IRQ_CONTROL: notification bit, what to do.
    pub(crate) fn irq_control(&mut self) -> Result<(), FaultInfo> {
        let registers = &self.tasks[self.current].registers;
        let notification = registers.argument::<0>();
        let control = IrqControlArg::from_bits(registers.argument::<1>()).ok_or(NO_IRQ)?;
        self.for_interrupts(self.current, notification, |machine, intid| {
            // Forget first: what arrives from here on is new.
            if control.contains(IrqControlArg::CLEAR_PENDING) {
                machine.set_pending(intid, false);
            }
            machine.enable(intid, control.contains(IrqControlArg::ENABLED));
        })
    }

    /// IRQ_STATUS: notification bit in, state out.
    pub(crate) fn irq_status(&mut self) -> Result<(), FaultInfo> {
        let notification = self.tasks[self.current].registers.argument::<0>();
        let mut status = IrqStatus::empty();
        self.for_interrupts(self.current, notification, |machine, intid| {
            let state = machine.interrupt_state(intid);
            status.set(
                IrqStatus::ENABLED,
                state.enabled || status.contains(IrqStatus::ENABLED),
            );
            status.set(
                IrqStatus::PENDING,
                state.pending || status.contains(IrqStatus::PENDING),
            );
        })?;
        let task = &mut self.tasks[self.current];
        status.set(IrqStatus::POSTED, task.notifications & notification != 0);
        task.registers.set_result::<0>(status.bits());
        Ok(())
    }

    /// Masks all interrupts of a task and forgets what is pending, so that its next life starts with none.
    pub(crate) fn mask_interrupts(&mut self, index: usize) {
        for &position in self.tasks[index].desc.interrupts {
            let intid = u32::from(self.image.interrupts[usize::from(position)].intid);
            self.machine.enable(intid, false);
            self.machine.set_pending(intid, false);
        }
    }
}
