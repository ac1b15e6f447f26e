// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Why a task was stopped. The order of the variants is their encoding.

use hubpack::SerializedSize;
use num_derive::{FromPrimitive, ToPrimitive};
use serde::{Deserialize, Serialize};

use crate::TaskId;

/// What a faulted task did, or what was done to it.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, SerializedSize)]
pub enum FaultInfo {
    /// It touched memory that it may not touch, or gave such memory to the kernel.
    MemoryAccess {
        /// The first offending address, when known.
        address: Option<u32>,
        /// Who made the access.
        source: FaultSource,
    },
    /// It touched the guard page below its stack.
    StackOverflow {
        /// The address it touched.
        address: u32,
    },
    /// The memory system answered its access with an error.
    BusError {
        /// The offending address, when known.
        address: Option<u32>,
        /// Who made the access.
        source: FaultSource,
    },
    /// It divided by zero (not reported by this hardware; kept for the encoding's sake).
    DivideByZero,
    /// It jumped to where it may not execute.
    IllegalText,
    /// It executed an instruction that does not exist or that it may not use.
    IllegalInstruction,
    /// Anything else the hardware reports; the value is the fault status register.
    InvalidOperation(u32),
    /// It called the kernel with arguments that make no sense.
    SyscallUsage(UsageError),
    /// It panicked.
    Panic,
    /// Another task injected the fault.
    Injected(TaskId),
    /// A server refused its message with a fault.
    FromServer(TaskId, ReplyFaultReason),
}

/// Who made an access that faulted.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, SerializedSize)]
pub enum FaultSource {
    /// The task's own code.
    User,
    /// The kernel, on the task's behalf.
    Kernel,
}

/// How a system call was misused.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, SerializedSize)]
pub enum UsageError {
    /// There is no such system call.
    BadSyscallNumber,
    /// A slice wraps the address space, or the lease table is not aligned.
    InvalidSlice,
    /// There is no task with that index.
    TaskOutOfRange,
    /// The operation may not name that task.
    IllegalTask,
    /// The lender has no lease with that index.
    LeaseOutOfRange,
    /// The offset lies behind the end of the lease.
    OffsetOutOfRange,
    /// The notification bits name no interrupt of this task.
    NoIrq,
    /// A message to the kernel that it does not understand.
    BadKernelMessage,
    /// There is no such reason to fault a sender.
    BadReplyFaultReason,
    /// Only the supervisor, or a task that `app.toml` grants it, may do this.
    NotSupervisor,
    /// The reply is longer than the sender has room for.
    ReplyTooBig,
}

/// Why a server faulted its client.
#[derive(
    Copy,
    Clone,
    Debug,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    SerializedSize,
    FromPrimitive,
    ToPrimitive,
)]
#[repr(u32)]
pub enum ReplyFaultReason {
    /// The server has no such operation.
    UndefinedOperation = 0,
    /// The message has the wrong length.
    BadMessageSize = 1,
    /// The message cannot be decoded.
    BadMessageContents = 2,
    /// Leases are missing, too many, of the wrong kind or size.
    BadLeases = 3,
    /// The client has no room for the reply.
    ReplyBufferTooSmall = 4,
    /// The client may not do this.
    AccessViolation = 5,
}

#[cfg(test)]
mod tests {
    use num_traits::FromPrimitive;

    use super::*;

    /// Encodes with both of Hubris's encoders and checks that they agree.
    fn bytes(fault: FaultInfo) -> Vec<u8> {
        let mut hub = [0; FaultInfo::MAX_SIZE];
        let length = hubpack::serialize(&mut hub, &fault).unwrap();
        let mut ss = [0; FaultInfo::MAX_SIZE];
        assert_eq!(ssmarshal::serialize(&mut ss, &fault).unwrap(), length);
        assert_eq!(hub, ss);
        assert_eq!(
            hubpack::deserialize::<FaultInfo>(&hub[..length]).unwrap().0,
            fault
        );
        hub[..length].to_vec()
    }

    #[test]
    fn fault_order_on_the_wire() {
        use FaultInfo::*;
        let (address, source) = (Some(0x1234_5678), FaultSource::Kernel);
        assert_eq!(
            bytes(MemoryAccess { address, source }),
            [0, 1, 0x78, 0x56, 0x34, 0x12, 1]
        );
        assert_eq!(
            bytes(MemoryAccess {
                address: None,
                source: FaultSource::User
            }),
            [0, 0, 0]
        );
        assert_eq!(bytes(StackOverflow { address: 1 }), [1, 1, 0, 0, 0]);
        assert_eq!(
            bytes(BusError { address, source }),
            [2, 1, 0x78, 0x56, 0x34, 0x12, 1]
        );
        assert_eq!(bytes(DivideByZero), [3]);
        assert_eq!(bytes(IllegalText), [4]);
        assert_eq!(bytes(IllegalInstruction), [5]);
        assert_eq!(bytes(InvalidOperation(0x0102_0304)), [6, 4, 3, 2, 1]);
        assert_eq!(bytes(SyscallUsage(UsageError::BadSyscallNumber)), [7, 0]);
        assert_eq!(bytes(Panic), [8]);
        assert_eq!(bytes(Injected(TaskId(0x0403))), [9, 3, 4]);
        assert_eq!(
            bytes(FromServer(TaskId(2), ReplyFaultReason::AccessViolation)),
            [10, 2, 0, 5]
        );
    }

    #[test]
    fn usage_error_order_on_the_wire() {
        use UsageError::*;
        let in_order = [
            BadSyscallNumber,
            InvalidSlice,
            TaskOutOfRange,
            IllegalTask,
            LeaseOutOfRange,
            OffsetOutOfRange,
            NoIrq,
            BadKernelMessage,
            BadReplyFaultReason,
            NotSupervisor,
            ReplyTooBig,
        ];
        for (tag, error) in in_order.into_iter().enumerate() {
            assert_eq!(bytes(FaultInfo::SyscallUsage(error)), [7, tag as u8]);
        }
    }

    #[test]
    fn reply_fault_reasons_are_register_values_too() {
        for value in 0..6 {
            let reason = ReplyFaultReason::from_u32(value).unwrap();
            assert_eq!(reason as u32, value);
            assert_eq!(
                bytes(FaultInfo::FromServer(TaskId(0), reason))[3],
                value as u8
            );
        }
        assert_eq!(ReplyFaultReason::from_u32(6), None);
    }
}
