// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! System calls on the host: what an image has in registers goes to the kernel's logic the same way.

use std::slice;

use abi::Sysnum;

use super::{Received, Timer};
use crate::Lease;
use crate::host::call;

/// SEND.
///
/// # Safety
///
/// The kernel reads `message` and the lease table, writes `response`, and the target may use the leased memory until it replies. All
/// of it must be the caller's to give.
pub unsafe fn send(
    target_and_operation: u32,
    message: *const u8,
    message_len: usize,
    response: *mut u8,
    response_capacity: usize,
    leases: *const Lease<'_>,
    lease_count: usize,
) -> (u32, usize) {
    // Safety: the caller vouches for the table.
    let leases = unsafe { slice::from_raw_parts(leases, lease_count) };
    let [code, len] = call(Sysnum::Send, |window| {
        let leases: Vec<_> = leases.iter().map(Lease::parts).collect();
        [
            target_and_operation,
            window.readable(message, message_len),
            message_len as u32,
            window.writable(response, response_capacity),
            response_capacity as u32,
            window.lease_table(&leases),
            lease_count as u32,
        ]
    });
    (code, len as usize)
}

/// RECV.
///
/// # Safety
///
/// The kernel writes a message to `buffer`.
pub unsafe fn recv(
    buffer: *mut u8,
    capacity: usize,
    notification_mask: u32,
    filter: u32,
) -> Received {
    let [
        code,
        sender,
        operation,
        message_len,
        response_capacity,
        lease_count,
    ] = call(Sysnum::Recv, |window| {
        let buffer = window.writable(buffer, capacity);
        [buffer, capacity as u32, notification_mask, filter, 0, 0, 0]
    });
    Received {
        code,
        sender,
        operation,
        message_len: message_len as usize,
        response_capacity: response_capacity as usize,
        lease_count: lease_count as usize,
    }
}

/// REPLY.
pub fn reply(peer: u32, code: u32, message: &[u8]) {
    let [] = call(Sysnum::Reply, |window| {
        let base = window.readable(message.as_ptr(), message.len());
        [peer, code, base, message.len() as u32, 0, 0, 0]
    });
}

/// SET_TIMER.
pub fn set_timer(enable: u32, deadline: [u32; 2], notification: u32) {
    let [low, high] = deadline;
    let [] = call(Sysnum::SetTimer, |_| {
        [enable, low, high, notification, 0, 0, 0]
    });
}

/// BORROW_READ.
///
/// # Safety
///
/// The kernel writes up to `len` bytes to `destination`.
pub unsafe fn borrow_read(
    lender: u32,
    lease: usize,
    offset: usize,
    destination: *mut u8,
    len: usize,
) -> (u32, usize) {
    let [code, copied] = call(Sysnum::BorrowRead, |window| {
        let base = window.writable(destination, len);
        [lender, lease as u32, offset as u32, base, len as u32, 0, 0]
    });
    (code, copied as usize)
}

/// BORROW_WRITE.
///
/// # Safety
///
/// The kernel reads up to `len` bytes from `source`.
pub unsafe fn borrow_write(
    lender: u32,
    lease: usize,
    offset: usize,
    source: *const u8,
    len: usize,
) -> (u32, usize) {
    let [code, copied] = call(Sysnum::BorrowWrite, |window| {
        let base = window.readable(source, len);
        [lender, lease as u32, offset as u32, base, len as u32, 0, 0]
    });
    (code, copied as usize)
}

/// BORROW_INFO: response code, attributes, length.
pub fn borrow_info(lender: u32, lease: usize) -> (u32, u32, usize) {
    let [code, attributes, len] = call(Sysnum::BorrowInfo, |_| {
        [lender, lease as u32, 0, 0, 0, 0, 0]
    });
    (code, attributes, len as usize)
}

/// IRQ_CONTROL.
pub fn irq_control(mask: u32, control: u32) {
    let [] = call(Sysnum::IrqControl, |_| [mask, control, 0, 0, 0, 0, 0]);
}

/// PANIC.
pub fn panic(message: &[u8]) -> ! {
    let [] = call(Sysnum::Panic, |window| {
        let base = window.readable(message.as_ptr(), message.len());
        [base, message.len() as u32, 0, 0, 0, 0, 0]
    });
    unreachable!("a task that panicked does not go on")
}

/// GET_TIMER.
pub fn get_timer() -> Timer {
    let [low, high, is_set, deadline_low, deadline_high, notification] =
        call(Sysnum::GetTimer, |_| [0; 7]);
    Timer {
        now: [low, high],
        is_set,
        deadline: [deadline_low, deadline_high],
        notification,
    }
}

/// REFRESH_TASK_ID.
pub fn refresh_task_id(id: u32) -> u32 {
    let [fresh] = call(Sysnum::RefreshTaskId, |_| [id, 0, 0, 0, 0, 0, 0]);
    fresh
}

/// POST.
pub fn post(id: u32, bits: u32) -> u32 {
    let [code] = call(Sysnum::Post, |_| [id, bits, 0, 0, 0, 0, 0]);
    code
}

/// REPLY_FAULT.
pub fn reply_fault(peer: u32, reason: u32) {
    let [] = call(Sysnum::ReplyFault, |_| [peer, reason, 0, 0, 0, 0, 0]);
}

/// IRQ_STATUS.
pub fn irq_status(mask: u32) -> u32 {
    let [status] = call(Sysnum::IrqStatus, |_| [mask, 0, 0, 0, 0, 0, 0]);
    status
}
