// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! System calls on ARMv7-A, in either instruction set.
//!
//! The number goes into r11 and the arguments into r4 to r10; `svc` enters the kernel, which ignores the immediate; results come back
//! in r4 to r9. The kernel preserves every other register, and the flags.
//!
//! The calls are inline, so that arguments are computed right where the kernel wants them and no call is paid for. Three of the
//! registers cannot be operands of inline assembly in both instruction sets, because the compiler may use them itself: r6 (base
//! pointer), r7 (frame pointer in T32) and r11 (frame pointer in A32). A call that uses neither r6 nor r7 has only
//! r11 to think of. Any other call parks all three on the stack, in one instruction, and the values of r6 and r7 travel in and out
//! through r2 and r1. All operands are named registers: a free choice could fall on one of the three in functions where it is not
//! reserved.

use core::arch::asm;

use abi::Sysnum;

use super::{Received, Timer};
use crate::Lease;

/// A system call that uses neither r6 nor r7. In T32, the number's register can be an operand.
#[cfg(thumb)]
macro_rules! syscall {
    ($number:ident, $($operands:tt)*) => {
        asm!("svc #0", in("r11") Sysnum::$number as u32, $($operands)*)
    };
}

/// A system call that uses neither r6 nor r7. The number's register is parked in another.
#[cfg(not(thumb))]
macro_rules! syscall {
    ($number:ident, $($operands:tt)*) => {
        asm!(
            "mov r12, r11",
            "mov r11, #{number}",
            "svc #0",
            "mov r11, r12",
            number = const Sysnum::$number as u32,
            out("r12") _,
            $($operands)*
        )
    };
}

/// Any other system call. The moves before it fetch what r6 and r7 are to hold, those after it save what they hold then.
macro_rules! syscall_parked {
    ($number:ident, [$($before:literal),*], [$($after:literal),*], $($operands:tt)*) => {
        asm!(
            "push {{r6, r7, r11}}",
            $($before,)*
            "mov r11, #{number}",
            "svc #0",
            $($after,)*
            "pop {{r6, r7, r11}}",
            number = const Sysnum::$number as u32,
            $($operands)*
        )
    };
}

/// SEND.
///
/// # Safety
///
/// The kernel reads `message` and the lease table, writes `response`, and the target may use the leased memory until it replies. All
/// of it must be the caller's to give.
#[inline(always)]
pub unsafe fn send(
    target_and_operation: u32,
    message: *const u8,
    message_len: usize,
    response: *mut u8,
    response_capacity: usize,
    leases: *const Lease<'_>,
    lease_count: usize,
) -> (u32, usize) {
    let (code, len);
    // Safety: the caller vouches for the memory; the registers are as the module says.
    unsafe {
        syscall_parked!(
            Send,
            ["mov r6, r2", "mov r7, r1"],
            [],
            inout("r4") target_and_operation => code,
            inout("r5") message => len,
            in("r2") message_len,
            in("r1") response,
            in("r8") response_capacity,
            in("r9") leases,
            in("r10") lease_count,
            options(preserves_flags),
        );
    }
    (code, len)
}

/// RECV.
///
/// # Safety
///
/// The kernel writes a message to `buffer`.
#[inline(always)]
pub unsafe fn recv(
    buffer: *mut u8,
    capacity: usize,
    notification_mask: u32,
    filter: u32,
) -> Received {
    let (code, sender, operation, message_len, response_capacity, lease_count);
    // Safety: the caller vouches for the buffer; the registers are as the module says.
    unsafe {
        syscall_parked!(
            Recv,
            ["mov r6, r2", "mov r7, r1"],
            ["mov r2, r6", "mov r1, r7"],
            inout("r4") buffer => code,
            inout("r5") capacity => sender,
            inout("r2") notification_mask => operation,
            inout("r1") filter => message_len,
            out("r8") response_capacity,
            out("r9") lease_count,
            options(preserves_flags),
        );
    }
    Received {
        code,
        sender,
        operation,
        message_len,
        response_capacity,
        lease_count,
    }
}

/// REPLY.
#[inline(always)]
pub fn reply(peer: u32, code: u32, message: &[u8]) {
    // Safety: the kernel only reads the slice; the registers are as the module says.
    unsafe {
        syscall_parked!(
            Reply,
            ["mov r6, r2", "mov r7, r1"],
            [],
            in("r4") peer,
            in("r5") code,
            in("r2") message.as_ptr(),
            in("r1") message.len(),
            options(preserves_flags),
        );
    }
}

/// SET_TIMER.
#[inline(always)]
pub fn set_timer(enable: u32, deadline: [u32; 2], notification: u32) {
    // Safety: touches no memory; the registers are as the module says.
    unsafe {
        syscall_parked!(
            SetTimer,
            ["mov r6, r2", "mov r7, r1"],
            [],
            in("r4") enable,
            in("r5") deadline[0],
            in("r2") deadline[1],
            in("r1") notification,
            options(nomem, preserves_flags),
        );
    }
}

/// BORROW_READ.
///
/// # Safety
///
/// The kernel writes up to `len` bytes to `destination`.
#[inline(always)]
pub unsafe fn borrow_read(
    lender: u32,
    lease: usize,
    offset: usize,
    destination: *mut u8,
    len: usize,
) -> (u32, usize) {
    let (code, copied);
    // Safety: the caller vouches for the memory; the registers are as the module says.
    unsafe {
        syscall_parked!(
            BorrowRead,
            ["mov r6, r2", "mov r7, r1"],
            [],
            inout("r4") lender => code,
            inout("r5") lease => copied,
            in("r2") offset,
            in("r1") destination,
            in("r8") len,
            options(preserves_flags),
        );
    }
    (code, copied)
}

/// BORROW_WRITE.
///
/// # Safety
///
/// The kernel reads up to `len` bytes from `source`.
#[inline(always)]
pub unsafe fn borrow_write(
    lender: u32,
    lease: usize,
    offset: usize,
    source: *const u8,
    len: usize,
) -> (u32, usize) {
    let (code, copied);
    // Safety: the caller vouches for the memory; the registers are as the module says.
    unsafe {
        syscall_parked!(
            BorrowWrite,
            ["mov r6, r2", "mov r7, r1"],
            [],
            inout("r4") lender => code,
            inout("r5") lease => copied,
            in("r2") offset,
            in("r1") source,
            in("r8") len,
            options(preserves_flags),
        );
    }
    (code, copied)
}

/// BORROW_INFO: response code, attributes, length.
#[inline(always)]
pub fn borrow_info(lender: u32, lease: usize) -> (u32, u32, usize) {
    let (code, attributes, len);
    // Safety: touches no memory of ours; the registers are as the module says.
    unsafe {
        syscall_parked!(
            BorrowInfo,
            [],
            ["mov r2, r6"],
            inout("r4") lender => code,
            inout("r5") lease => attributes,
            out("r2") len,
            options(nomem, preserves_flags),
        );
    }
    (code, attributes, len)
}

/// IRQ_CONTROL.
#[inline(always)]
pub fn irq_control(mask: u32, control: u32) {
    // Not `nomem`: what a driver wrote before it re-enables its interrupt must have been written.
    // Safety: the registers are as the module says.
    unsafe {
        syscall!(
            IrqControl,
            in("r4") mask,
            in("r5") control,
            options(nostack, preserves_flags),
        );
    }
}

/// PANIC.
#[inline(always)]
pub fn panic(message: &[u8]) -> ! {
    // Safety: never returns, so no register needs to be kept; the kernel only reads the message.
    unsafe {
        asm!(
            "mov r11, #{number}",
            "svc #0",
            "udf #0",
            number = const Sysnum::Panic as u32,
            in("r4") message.as_ptr(),
            in("r5") message.len(),
            options(noreturn),
        );
    }
}

/// GET_TIMER.
#[inline(always)]
pub fn get_timer() -> Timer {
    let (now_low, now_high, is_set, deadline_low, deadline_high, notification);
    // Safety: touches no memory; the registers are as the module says.
    unsafe {
        syscall_parked!(
            GetTimer,
            [],
            ["mov r2, r6", "mov r1, r7"],
            out("r4") now_low,
            out("r5") now_high,
            out("r2") is_set,
            out("r1") deadline_low,
            out("r8") deadline_high,
            out("r9") notification,
            options(nomem, preserves_flags),
        );
    }
    Timer {
        now: [now_low, now_high],
        is_set,
        deadline: [deadline_low, deadline_high],
        notification,
    }
}

/// REFRESH_TASK_ID.
#[inline(always)]
pub fn refresh_task_id(id: u32) -> u32 {
    let fresh;
    // Safety: touches no memory; the registers are as the module says.
    unsafe {
        syscall!(
            RefreshTaskId,
            inout("r4") id => fresh,
            options(nostack, nomem, preserves_flags),
        );
    }
    fresh
}

/// POST.
#[inline(always)]
pub fn post(id: u32, bits: u32) -> u32 {
    let code;
    // Safety: the registers are as the module says.
    unsafe {
        syscall!(
            Post,
            inout("r4") id => code,
            in("r5") bits,
            options(nostack, preserves_flags),
        );
    }
    code
}

/// REPLY_FAULT.
#[inline(always)]
pub fn reply_fault(peer: u32, reason: u32) {
    // Safety: the registers are as the module says.
    unsafe {
        syscall!(
            ReplyFault,
            in("r4") peer,
            in("r5") reason,
            options(nostack, preserves_flags),
        );
    }
}

/// IRQ_STATUS.
#[inline(always)]
pub fn irq_status(mask: u32) -> u32 {
    let status;
    // Safety: touches no memory; the registers are as the module says.
    unsafe {
        syscall!(
            IrqStatus,
            inout("r4") mask => status,
            options(nostack, nomem, preserves_flags),
        );
    }
    status
}
