// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Syscall numbers, kernel IPC numbers and the values that travel in registers.

use bitflags::bitflags;
use num_derive::{FromPrimitive, ToPrimitive};

use crate::Generation;

/// System calls: the number goes into r11, arguments into r4 to r10, results come back in r4 to r9.
#[derive(Copy, Clone, Debug, PartialEq, Eq, FromPrimitive, ToPrimitive)]
#[repr(u32)]
pub enum Sysnum {
    /// Send a message and wait for the reply.
    Send = 0,
    /// Wait for a message or a notification.
    Recv = 1,
    /// Answer a sender.
    Reply = 2,
    /// Set or clear the task's timer.
    SetTimer = 3,
    /// Copy out of a lease.
    BorrowRead = 4,
    /// Copy into a lease.
    BorrowWrite = 5,
    /// Look at a lease.
    BorrowInfo = 6,
    /// Enable or disable the interrupts behind a notification bit.
    IrqControl = 7,
    /// Give up, with a message.
    Panic = 8,
    /// Read the clock and the task's timer.
    GetTimer = 9,
    /// Bring a task's name up to its present generation.
    RefreshTaskId = 10,
    /// Post notification bits to a task.
    Post = 11,
    /// Fault a sender instead of answering it.
    ReplyFault = 12,
    /// Look at the interrupt behind a notification bit.
    IrqStatus = 13,
}

/// Kernel IPC: operations of messages sent to [`TaskId::KERNEL`](crate::TaskId::KERNEL).
#[derive(Copy, Clone, Debug, PartialEq, Eq, FromPrimitive, ToPrimitive)]
#[repr(u16)]
pub enum Kipcnum {
    /// `u32` index in, [`TaskState`](crate::TaskState) out.
    ReadTaskStatus = 1,
    /// `(u32 index, bool start)` in, nothing out.
    ReinitTask = 2,
    /// `u32` index in, nothing out.
    FaultTask = 3,
    /// Nothing in, `u64` out.
    ReadImageId = 4,
    /// Restarts the machine; never answers.
    Reset = 5,
    /// `(u32 index, u32 region)` in, `Option<TaskDumpRegion>` out.
    GetTaskDumpRegion = 6,
    /// `(u32 index, TaskDumpRegion)` in, bytes out.
    ReadTaskDumpRegion = 7,
    /// `(u32 index, u32 notification)` in, nothing out: makes the interrupt pending.
    SoftwareIrq = 8,
    /// `u32` index to start from in, `u32` index of the next faulted task out, 0 when there is none.
    FindFaultedTask = 9,
    /// `u32` index in, the bytes of its panic message out. Answers [`NO_PANIC_MESSAGE`] or [`PANIC_BUFFER_UNUSABLE`] otherwise.
    ReadPanicMessage = 10,
}

/// Why `read_panic_message` has no message to give. The values are the response codes.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum ReadPanicMessageError {
    /// The task has not panicked.
    TaskNotPanicked = NO_PANIC_MESSAGE,
    /// The task panicked with a message in memory that it may not read.
    BadPanicBuffer = PANIC_BUFFER_UNUSABLE,
}

impl TryFrom<u32> for ReadPanicMessageError {
    type Error = ();

    fn try_from(code: u32) -> Result<Self, ()> {
        match code {
            NO_PANIC_MESSAGE => Ok(Self::TaskNotPanicked),
            PANIC_BUFFER_UNUSABLE => Ok(Self::BadPanicBuffer),
            _ => Err(()),
        }
    }
}

/// `read_panic_message`: the task has not panicked.
pub const NO_PANIC_MESSAGE: u32 = 1;
/// `read_panic_message`: the task panicked with a message that it does not own.
pub const PANIC_BUFFER_UNUSABLE: u32 = 2;

/// The kernel's answer to a borrow that is not possible: not the lender any more, a missing attribute, unreadable memory.
pub const DEFECT: u32 = 1;

/// The notification bits posted to the supervisor when a task faults.
pub const SUPERVISOR_FAULT_NOTIFICATION: u32 = 1 << 0;

/// RECV's filter argument: only from the task named in the low 16 bits.
pub const RECV_CLOSED: u32 = 1 << 31;

bitflags! {
    /// What IRQ_CONTROL is asked to do. Any other bit is a fault.
    #[derive(Copy, Clone, Debug, PartialEq, Eq)]
    pub struct IrqControlArg: u32 {
        /// Let the interrupt through; without this bit it is masked.
        const ENABLED = 1 << 0;
        /// Forget an interrupt that is already pending.
        const CLEAR_PENDING = 1 << 1;
    }

    /// What IRQ_STATUS answers.
    #[derive(Copy, Clone, Debug, PartialEq, Eq)]
    pub struct IrqStatus: u32 {
        /// The interrupt is let through.
        const ENABLED = 1 << 0;
        /// The interrupt is pending at the interrupt controller.
        const PENDING = 1 << 1;
        /// The notification is posted and not yet received.
        const POSTED = 1 << 2;
    }
}

/// Response codes from here on mean that the peer died; the low six bits are its new generation.
pub const FIRST_DEAD_CODE: u32 = 0xFFFF_FF00;

/// The response code for an operation on a task that now lives its life `new_generation`.
#[inline(always)]
pub const fn dead_response_code(new_generation: Generation) -> u32 {
    FIRST_DEAD_CODE | new_generation.get() as u32
}

/// The peer's new generation, when `code` is a dead code.
#[inline(always)]
pub const fn extract_new_generation(code: u32) -> Option<Generation> {
    if code >= FIRST_DEAD_CODE {
        Some(Generation::new(code & 0xFF))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use num_traits::FromPrimitive;

    use super::*;

    #[test]
    fn numbers_are_dense_from_the_first_to_the_last() {
        for number in 0..14 {
            assert_eq!(Sysnum::from_u32(number).unwrap() as u32, number);
        }
        assert_eq!(Sysnum::from_u32(14), None);
        for number in 1..11 {
            assert_eq!(Kipcnum::from_u16(number).unwrap() as u16, number);
        }
        assert_eq!((Kipcnum::from_u16(0), Kipcnum::from_u16(11)), (None, None));
        assert_eq!(
            (Sysnum::ReplyFault as u32, Sysnum::IrqStatus as u32),
            (12, 13)
        );
        assert_eq!(
            (Kipcnum::Reset as u16, Kipcnum::ReadPanicMessage as u16),
            (5, 10)
        );
    }

    #[test]
    fn dead_codes_carry_the_generation_and_nothing_else_is_one() {
        for generation in 0..64 {
            let code = dead_response_code(Generation::new(generation));
            assert_eq!(code, 0xFFFF_FF00 | generation);
            assert_eq!(
                extract_new_generation(code),
                Some(Generation::new(generation))
            );
        }
        assert_eq!(extract_new_generation(0xFFFF_FEFF), None);
        assert_eq!(extract_new_generation(0), None);
        assert_eq!(extract_new_generation(DEFECT), None);
    }
}
