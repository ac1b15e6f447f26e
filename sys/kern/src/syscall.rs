// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! From a system call's number to what it does.

use abi::{FaultInfo, Sysnum, UsageError};
use num_traits::FromPrimitive;

use crate::borrow::Direction;
use crate::{Kernel, Machine};

/// Makes a call on behalf of the running task, whose fault it is when the call cannot be made.
macro_rules! or_fault {
    ($kernel:ident, $call:expr) => {
        if let Err(fault) = $call {
            $kernel.fault_current(fault);
        }
    };
}

impl<M: Machine> Kernel<'_, M> {
    /// Does what the running task asks for in its registers, and chooses who goes on.
    #[inline(always)]
    pub fn system_call(&mut self) {
        let number = self.tasks[self.current].registers.number();
        // Each arm with its own way out: the compiler then needs no common place for a result that is nearly always good.
        match Sysnum::from_u32(number) {
            Some(Sysnum::Send) => or_fault!(self, self.send()),
            Some(Sysnum::Recv) => or_fault!(self, self.receive()),
            Some(Sysnum::Reply) => or_fault!(self, self.reply()),
            Some(Sysnum::BorrowRead) => self.borrow_read(),
            Some(Sysnum::BorrowWrite) => self.borrow_write(),
            other => self.rare_system_call(other),
        }
    }

    #[inline(never)]
    fn borrow_read(&mut self) {
        or_fault!(self, self.borrow(Direction::Read));
    }

    #[inline(never)]
    fn borrow_write(&mut self) {
        or_fault!(self, self.borrow(Direction::Write));
    }

    #[inline(never)]
    fn rare_system_call(&mut self, number: Option<Sysnum>) {
        match number {
            Some(Sysnum::SetTimer) => self.set_timer(),
            Some(Sysnum::GetTimer) => self.get_timer(),
            Some(Sysnum::Post) => or_fault!(self, self.post_from_task()),
            Some(Sysnum::IrqControl) => or_fault!(self, self.irq_control()),
            Some(Sysnum::IrqStatus) => or_fault!(self, self.irq_status()),
            Some(Sysnum::BorrowInfo) => or_fault!(self, self.borrow_info()),
            Some(Sysnum::RefreshTaskId) => or_fault!(self, self.refresh_task_id()),
            Some(Sysnum::ReplyFault) => or_fault!(self, self.reply_fault()),
            // The message stays where the registers say; the supervisor may fetch it.
            Some(Sysnum::Panic) => self.fault_current(FaultInfo::Panic),
            _ => self.fault_current(FaultInfo::SyscallUsage(UsageError::BadSyscallNumber)),
        }
    }
}
