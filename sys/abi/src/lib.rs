// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The numbers and structures that the kernel and tasks share.
//!
//! Compatible with Hubris: syscall numbers, field layouts and the order of enum variants are part of the interface, because
//! tools and debuggers decode them. Serialised values (kernel IPC) are what [`hubpack`] and `ssmarshal` both produce: little
//! endian, no padding, one byte for an enum's tag, for an `Option`'s tag and for a `bool`.

#![cfg_attr(not(test), no_std)]

mod fault;
mod lease;
mod number;
mod state;
mod task_id;

pub use fault::{FaultInfo, FaultSource, ReplyFaultReason, UsageError};
pub use lease::{LeaseAttributes, ULease};
pub use number::{
    DEFECT, FIRST_DEAD_CODE, IrqControlArg, IrqStatus, Kipcnum, NO_PANIC_MESSAGE,
    PANIC_BUFFER_UNUSABLE, RECV_CLOSED, ReadPanicMessageError, SUPERVISOR_FAULT_NOTIFICATION,
    Sysnum, dead_response_code, extract_new_generation,
};
pub use state::{
    Priority, RECORD_SIZE, RECORD_STACK_POINTER, SchedState, TaskDumpRegion, TaskState,
};
pub use task_id::{Generation, TaskId};
