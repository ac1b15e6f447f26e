// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The record of the system calls by which tasks exchange messages.

use abi::{LeaseAttributes, Sysnum, TaskId};
use kern::Machine;

use super::memory::Memory;

/// A system call about a message, as the kernel is asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// SEND to another task.
    Send {
        /// The receiver, under the name that the sender knows.
        target: TaskId,
        /// The number of the operation.
        operation: u16,
        /// The bytes of the message.
        message: Vec<u8>,
        /// Bytes of room for the reply.
        capacity: usize,
        /// What each lease allows, and its length.
        leases: Vec<(LeaseAttributes, usize)>,
    },
    /// REPLY, whether or not the peer waits for it.
    Reply {
        /// The sender of the message.
        peer: TaskId,
        /// The response code.
        code: u32,
        /// The bytes of the reply.
        message: Vec<u8>,
    },
    /// BORROW_INFO.
    BorrowInfo {
        /// The sender of the message.
        lender: TaskId,
        /// The index of the lease.
        lease: usize,
    },
    /// BORROW_READ.
    BorrowRead {
        /// The sender of the message.
        lender: TaskId,
        /// The index of the lease.
        lease: usize,
        /// The first byte of the lease.
        offset: usize,
        /// How many bytes are asked for.
        len: usize,
    },
    /// BORROW_WRITE.
    BorrowWrite {
        /// The sender of the message.
        lender: TaskId,
        /// The index of the lease.
        lease: usize,
        /// The first byte of the lease.
        offset: usize,
        /// How many bytes are offered.
        len: usize,
    },
}

impl Call {
    /// Describes the call with these arguments. `None`: the call is not about a message, or its receiver is the kernel.
    pub(super) fn of(number: Sysnum, arguments: [u32; 7], memory: &mut Memory) -> Option<Self> {
        let [first, second, third, fourth, fifth, sixth, seventh] = arguments;
        let peer = TaskId(first as u16);
        let (lease, offset, len) = (second as usize, third as usize, fifth as usize);
        Some(match number {
            Sysnum::Send => {
                let target = TaskId((first >> 16) as u16);
                if target == TaskId::KERNEL {
                    return None;
                }
                Self::Send {
                    target,
                    operation: first as u16,
                    message: bytes(memory, second, third),
                    capacity: fifth as usize,
                    leases: leases(memory, sixth, seventh),
                }
            }
            Sysnum::Reply => Self::Reply {
                peer,
                code: second,
                message: bytes(memory, third, fourth),
            },
            Sysnum::BorrowInfo => Self::BorrowInfo {
                lender: peer,
                lease,
            },
            Sysnum::BorrowRead => Self::BorrowRead {
                lender: peer,
                lease,
                offset,
                len,
            },
            Sysnum::BorrowWrite => Self::BorrowWrite {
                lender: peer,
                lease,
                offset,
                len,
            },
            _ => return None,
        })
    }
}

/// The memory of a call. The stub that makes the call has just mapped it.
fn bytes(memory: &mut Memory, base: u32, len: u32) -> Vec<u8> {
    let mut bytes = vec![0; len as usize];
    let read = memory.read(base, &mut bytes);
    read.expect("the memory of a call is mapped");
    bytes
}

fn leases(memory: &mut Memory, table: u32, count: u32) -> Vec<(LeaseAttributes, usize)> {
    let entries = (0..count).map(|index| {
        let entry = memory.read_words(table + index * 12);
        let [attributes, _, length] = entry.expect("the lease table of a call is mapped");
        (
            LeaseAttributes::from_bits_retain(attributes),
            length as usize,
        )
    });
    entries.collect()
}
