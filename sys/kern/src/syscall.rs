// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! From a system call's number to what it does.

use abi::{FaultInfo, Sysnum, UsageError};
use num_traits::FromPrimitive;

use crate::borrow::Direction;
use crate::{Kernel, Machine};

// As numbers, so that the calls that are made most often need no conversion.
const SEND: u32 = Sysnum::Send as u32;
const RECV: u32 = Sysnum::Recv as u32;
const REPLY: u32 = Sysnum::Reply as u32;
const BORROW_READ: u32 = Sysnum::BorrowRead as u32;
const BORROW_WRITE: u32 = Sysnum::BorrowWrite as u32;
const IRQ_CONTROL: u32 = Sysnum::IrqControl as u32;
const GET_TIMER: u32 = Sysnum::GetTimer as u32;
const POST: u32 = Sysnum::Post as u32;

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
        // Each call with its own way out: the compiler then needs no common place for a result that is nearly always good.
        match number {
            SEND => or_fault!(self, self.send()),
            RECV => or_fault!(self, self.receive()),
            REPLY => or_fault!(self, self.reply()),
            BORROW_READ => self.borrow_read(),
            BORROW_WRITE => self.borrow_write(),
            IRQ_CONTROL => self.control_interrupt(),
            GET_TIMER => self.get_timer(),
            POST => self.post_bits(),
            other => self.rare_system_call(other),
        }
    }

    #[inline(never)]
    fn control_interrupt(&mut self) {
        or_fault!(self, self.irq_control());
    }

    #[inline(never)]
    fn post_bits(&mut self) {
        or_fault!(self, self.post_from_task());
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
    fn rare_system_call(&mut self, number: u32) {
        match Sysnum::from_u32(number) {
            Some(Sysnum::SetTimer) => self.set_timer(),
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
