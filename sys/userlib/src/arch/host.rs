// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Where there is no kernel: every system call panics and names itself.

use super::{Received, Timer};
use crate::Lease;

fn unavailable(call: &str) -> ! {
    panic!("{call}: system calls exist only in an image (target armv7a-none-eabi), not on the host")
}

/// SEND.
///
/// # Safety
///
/// Touches nothing.
pub unsafe fn send(
    _target_and_operation: u32,
    _message: *const u8,
    _message_len: usize,
    _response: *mut u8,
    _response_capacity: usize,
    _leases: *const Lease<'_>,
    _lease_count: usize,
) -> (u32, usize) {
    unavailable("sys_send")
}

/// RECV.
///
/// # Safety
///
/// Touches nothing.
pub unsafe fn recv(
    _buffer: *mut u8,
    _capacity: usize,
    _notification_mask: u32,
    _filter: u32,
) -> Received {
    unavailable("sys_recv")
}

/// REPLY.
pub fn reply(_peer: u32, _code: u32, _message: &[u8]) {
    unavailable("sys_reply")
}

/// SET_TIMER.
pub fn set_timer(_enable: u32, _deadline: [u32; 2], _notification: u32) {
    unavailable("sys_set_timer")
}

/// BORROW_READ.
///
/// # Safety
///
/// Touches nothing.
pub unsafe fn borrow_read(
    _lender: u32,
    _lease: usize,
    _offset: usize,
    _destination: *mut u8,
    _len: usize,
) -> (u32, usize) {
    unavailable("sys_borrow_read")
}

/// BORROW_WRITE.
///
/// # Safety
///
/// Touches nothing.
pub unsafe fn borrow_write(
    _lender: u32,
    _lease: usize,
    _offset: usize,
    _source: *const u8,
    _len: usize,
) -> (u32, usize) {
    unavailable("sys_borrow_write")
}

/// BORROW_INFO.
pub fn borrow_info(_lender: u32, _lease: usize) -> (u32, u32, usize) {
    unavailable("sys_borrow_info")
}

/// IRQ_CONTROL.
pub fn irq_control(_mask: u32, _control: u32) {
    unavailable("sys_irq_control")
}

/// PANIC.
pub fn panic(_message: &[u8]) -> ! {
    unavailable("sys_panic")
}

/// GET_TIMER.
pub fn get_timer() -> Timer {
    unavailable("sys_get_timer")
}

/// REFRESH_TASK_ID.
pub fn refresh_task_id(_id: u32) -> u32 {
    unavailable("sys_refresh_task_id")
}

/// POST.
pub fn post(_id: u32, _bits: u32) -> u32 {
    unavailable("sys_post")
}

/// REPLY_FAULT.
pub fn reply_fault(_peer: u32, _reason: u32) {
    unavailable("sys_reply_fault")
}

/// IRQ_STATUS.
pub fn irq_status(_mask: u32) -> u32 {
    unavailable("sys_irq_status")
}
