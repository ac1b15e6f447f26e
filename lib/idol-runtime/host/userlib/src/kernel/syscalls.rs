// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The system calls, under the names and with the signatures of the real `userlib`.

use std::mem::MaybeUninit;

use abi::{DEFECT, LeaseAttributes, ReplyFaultReason, TaskId, dead_response_code};

use super::{Call, Incoming, Kernel, KernelLease, Outcome, send, server_fault, with};
use crate::{BorrowInfo, Lease, RecvMessage};

const DEFAULT_CLIENT: TaskId = TaskId::for_index(7);

/// SEND.
pub fn sys_send(
    target: TaskId,
    operation: u16,
    outgoing: &[u8],
    incoming: &mut [u8],
    leases: &[Lease<'_>],
) -> (u32, usize) {
    let (code, bytes) = send(target, operation, outgoing, incoming.len(), leases);
    incoming[..bytes.len()].copy_from_slice(&bytes);
    (code, bytes.len())
}

/// SEND with room that is not initialised.
pub fn sys_send_uninit(
    target: TaskId,
    operation: u16,
    outgoing: &[u8],
    incoming: &mut [MaybeUninit<u8>],
    leases: &[Lease<'_>],
) -> (u32, usize) {
    let (code, bytes) = send(target, operation, outgoing, incoming.len(), leases);
    incoming[..bytes.len()].write_copy_of_slice(&bytes);
    (code, bytes.len())
}

/// REFRESH_TASK_ID, of the server.
pub fn sys_refresh_task_id(id: TaskId) -> TaskId {
    with(|kernel| TaskId::for_index_and_gen(id.index(), kernel.life))
}

/// RECV from anyone.
pub fn sys_recv_open(buffer: &mut [u8], notification_mask: u32) -> RecvMessage {
    with(|kernel| {
        let client = kernel.client.unwrap_or(DEFAULT_CLIENT);
        match kernel.incoming.take().expect("nothing to receive") {
            Incoming::Message { operation, bytes } => {
                let fits = bytes.len().min(buffer.len());
                buffer[..fits].copy_from_slice(&bytes[..fits]);
                RecvMessage {
                    sender: client,
                    operation: operation.into(),
                    message_len: bytes.len(),
                    response_capacity: kernel.capacity,
                    lease_count: kernel.leases.len(),
                }
            }
            Incoming::Notification(bits) => RecvMessage {
                sender: TaskId::KERNEL,
                operation: bits & notification_mask,
                message_len: 0,
                response_capacity: 0,
                lease_count: 0,
            },
        }
    })
}

/// RECV. A specific sender that is not the client is dead.
pub fn sys_recv(
    buffer: &mut [u8],
    notification_mask: u32,
    specific_sender: Option<TaskId>,
) -> Result<RecvMessage, u32> {
    let client = with(|kernel| kernel.client.unwrap_or(DEFAULT_CLIENT));
    match specific_sender {
        Some(sender) if sender != client => {
            Err(dead_response_code(sender.next_generation().generation()))
        }
        _ => Ok(sys_recv_open(buffer, notification_mask)),
    }
}

/// Whether the client waits under this name.
fn waits(kernel: &Kernel, peer: TaskId) -> bool {
    kernel.waiting && peer == kernel.client.unwrap_or(DEFAULT_CLIENT)
}

/// REPLY.
pub fn sys_reply(peer: TaskId, code: u32, message: &[u8]) {
    with(|kernel| {
        if !waits(kernel, peer) {
            return;
        }
        if message.len() > kernel.capacity {
            server_fault("ReplyTooBig");
        }
        kernel.waiting = false;
        kernel.outcome = Some(Outcome::Reply {
            code,
            bytes: message.to_vec(),
        });
        kernel.log.push(Call::Reply {
            code,
            message: message.to_vec(),
        });
    });
}

/// REPLY_FAULT.
pub fn sys_reply_fault(peer: TaskId, reason: ReplyFaultReason) {
    with(|kernel| {
        if waits(kernel, peer) {
            kernel.waiting = false;
            kernel.outcome = Some(Outcome::Fault(reason));
        }
    });
}

/// BORROW_INFO.
pub fn sys_borrow_info(lender: TaskId, index: usize) -> Option<BorrowInfo> {
    with(|kernel| {
        kernel.log.push(Call::BorrowInfo(index));
        if !waits(kernel, lender) {
            return None;
        }
        let lease = lease(kernel, index);
        Some(BorrowInfo {
            attributes: lease.attributes,
            len: lease.len,
        })
    })
}

fn lease(kernel: &Kernel, index: usize) -> KernelLease {
    match kernel.leases.get(index) {
        Some(lease) => *lease,
        None => server_fault("LeaseOutOfRange"),
    }
}

/// Where to copy and how much, or the response code.
fn borrow(
    lender: TaskId,
    index: usize,
    offset: usize,
    len: usize,
    needed: LeaseAttributes,
) -> Result<(*mut u8, usize), u32> {
    with(|kernel| {
        kernel.log.push(if needed == LeaseAttributes::READ {
            let lease = index;
            Call::BorrowRead { lease, offset, len }
        } else {
            let lease = index;
            Call::BorrowWrite { lease, offset, len }
        });
        if !waits(kernel, lender) {
            return Err(DEFECT);
        }
        let lease = lease(kernel, index);
        if offset > lease.len {
            server_fault("OffsetOutOfRange");
        }
        if !lease.attributes.contains(needed) {
            return Err(DEFECT);
        }
        Ok((lease.base.wrapping_add(offset), len.min(lease.len - offset)))
    })
}

/// BORROW_READ.
///
/// # Safety
///
/// As in the real `userlib`.
pub unsafe fn sys_borrow_read_raw(
    lender: TaskId,
    index: usize,
    offset: usize,
    dest: *mut u8,
    len: usize,
) -> (u32, usize) {
    match borrow(lender, index, offset, len, LeaseAttributes::READ) {
        Ok((src, len)) => {
            // Safety: the lease is borrowed while its owner waits, which is checked; the caller vouches for the destination.
            unsafe { src.copy_to(dest, len) };
            (0, len)
        }
        Err(code) => (code, 0),
    }
}

/// BORROW_WRITE.
///
/// # Safety
///
/// As in the real `userlib`.
pub unsafe fn sys_borrow_write_raw(
    lender: TaskId,
    index: usize,
    offset: usize,
    src: *const u8,
    len: usize,
) -> (u32, usize) {
    match borrow(lender, index, offset, len, LeaseAttributes::WRITE) {
        Ok((dest, len)) => {
            // Safety: the lease is mutably borrowed while its owner waits, which is checked; the caller vouches for the source.
            unsafe { dest.copy_from(src, len) };
            (0, len)
        }
        Err(code) => (code, 0),
    }
}
