// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What system calls return.

use abi::{Generation, LeaseAttributes, TaskId};

use crate::arch::Received;

/// A received message, or notifications.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct RecvMessage {
    /// Who sent it; [`TaskId::KERNEL`] for notifications.
    pub sender: TaskId,
    /// The operation; for notifications, their bits.
    pub operation: u32,
    /// The message's length as it was sent, in bytes. More than the buffer when the message was cut off.
    pub message_len: usize,
    /// How many bytes of reply the sender has room for.
    pub response_capacity: usize,
    /// How many leases came along.
    pub lease_count: usize,
}

impl RecvMessage {
    #[inline(always)]
    pub(crate) fn from_registers(received: &Received) -> Self {
        Self {
            sender: TaskId(received.sender as u16),
            operation: received.operation,
            message_len: received.message_len,
            response_capacity: received.response_capacity,
            lease_count: received.lease_count,
        }
    }
}

/// Why a closed receive ended without a message.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum ClosedRecvError {
    /// That life of the sender is over; it is now in this generation.
    Dead(Generation),
}

/// The clock and this task's timer.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct TimerState {
    /// Milliseconds since start.
    pub now: u64,
    /// When the timer fires, in milliseconds since start; `None` when it is off or has fired.
    pub deadline: Option<u64>,
    /// The notification bits that are posted then.
    pub on_dl: u32,
}

/// What is known of a lease.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct BorrowInfo {
    /// What we may do with it.
    pub attributes: LeaseAttributes,
    /// Its length in bytes.
    pub len: usize,
}
