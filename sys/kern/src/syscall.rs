// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! From a system call's number to what it does.

use abi::{FaultInfo, Sysnum, UsageError};
use num_traits::FromPrimitive;

use crate::borrow::Direction;
use crate::{Kernel, Machine};

impl<M: Machine> Kernel<'_, M> {
    /// Does what the running task asks for in its registers, and chooses who goes on.
    #[inline(always)]
    pub fn system_call(&mut self) {
        let number = self.tasks[self.current].registers.number();
        // Each arm with its own way out: the compiler then needs no common place for a result that is nearly always good.
        macro_rules! or_fault {
            ($call:expr) => {
                if let Err(fault) = $call {
                    self.fault_current(fault);
                }
            };
        }
        match Sysnum::from_u32(number) {
            Some(Sysnum::Send) => or_fault!(self.send()),
            Some(Sysnum::Recv) => or_fault!(self.receive()),
            Some(Sysnum::Reply) => or_fault!(self.reply()),
            Some(Sysnum::BorrowRead) => or_fault!(self.borrow(Direction::Read)),
            Some(Sysnum::BorrowWrite) => or_fault!(self.borrow(Direction::Write)),
            other => or_fault!(self.rare_system_call(other)),
        }
    }

    #[inline(never)]
    fn rare_system_call(&mut self, number: Option<Sysnum>) -> Result<(), FaultInfo> {
        match number {
            Some(Sysnum::SetTimer) => self.set_timer(),
            Some(Sysnum::GetTimer) => self.get_timer(),
            Some(Sysnum::Post) => return self.post_from_task(),
            Some(Sysnum::IrqControl) => return self.irq_control(),
            Some(Sysnum::IrqStatus) => return self.irq_status(),
            Some(Sysnum::BorrowInfo) => return self.borrow_info(),
            Some(Sysnum::RefreshTaskId) => return self.refresh_task_id(),
            Some(Sysnum::ReplyFault) => return self.reply_fault(),
            // The message stays where the registers say; the supervisor may fetch it.
            Some(Sysnum::Panic) => return Err(FaultInfo::Panic),
            _ => return Err(FaultInfo::SyscallUsage(UsageError::BadSyscallNumber)),
        }
        Ok(())
    }
}
