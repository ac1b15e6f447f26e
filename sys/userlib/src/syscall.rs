// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The system calls.

use core::mem::MaybeUninit;

use abi::{
    Generation, IrqControlArg, IrqStatus, LeaseAttributes, RECV_CLOSED, ReplyFaultReason, TaskId,
    extract_new_generation,
};

use crate::{BorrowInfo, ClosedRecvError, Lease, NotificationBits, RecvMessage, TimerState, arch};

/// Sends a message and waits for the reply. While waiting, the target may use the `leases`.
///
/// Returns the response code and the length of the reply in `incoming`. The code is 0 for success by convention, otherwise the
/// server's error, or a dead code ([`extract_new_generation`]) when the target restarted, in which case the length is 0.
///
/// # Faults
///
/// A target index that no task has. Slices are the caller's own memory, so they are always acceptable, unless they lie in a DMA or
/// device region.
#[inline(always)]
pub fn sys_send(
    target: TaskId,
    operation: u16,
    outgoing: &[u8],
    incoming: &mut [u8],
    leases: &[Lease<'_>],
) -> (u32, usize) {
    // Safety: the slices and leases borrow their memory for the duration of the call.
    unsafe {
        arch::send(
            u32::from(target.0) << 16 | u32::from(operation),
            outgoing.as_ptr(),
            outgoing.len(),
            incoming.as_mut_ptr(),
            incoming.len(),
            leases.as_ptr(),
            leases.len(),
        )
    }
}

/// Like [`sys_send`], with room for the reply that need not be initialised first: the returned length of it is.
#[inline(always)]
pub fn sys_send_uninit(
    target: TaskId,
    operation: u16,
    outgoing: &[u8],
    incoming: &mut [MaybeUninit<u8>],
    leases: &[Lease<'_>],
) -> (u32, usize) {
    // Safety: as in `sys_send`; the kernel only ever writes to the reply buffer.
    unsafe {
        arch::send(
            u32::from(target.0) << 16 | u32::from(operation),
            outgoing.as_ptr(),
            outgoing.len(),
            incoming.as_mut_ptr().cast(),
            incoming.len(),
            leases.as_ptr(),
            leases.len(),
        )
    }
}

/// Waits for a message from anyone, or for a notification in `notification_mask`.
///
/// A message longer than `buffer` is cut off; [`RecvMessage::message_len`] has the true length.
#[inline(always)]
pub fn sys_recv_open(buffer: &mut [u8], notification_mask: u32) -> RecvMessage {
    // Safety: the buffer is borrowed for the duration of the call.
    let received = unsafe { arch::recv(buffer.as_mut_ptr(), buffer.len(), notification_mask, 0) };
    RecvMessage::from_registers(&received)
}

/// Like [`sys_recv_open`], with a buffer that need not be initialised first: after a message its first
/// `min(message_len, buffer.len())` bytes are, after a notification none.
#[inline(always)]
pub fn sys_recv_open_uninit(buffer: &mut [MaybeUninit<u8>], notification_mask: u32) -> RecvMessage {
    // Safety: the buffer is borrowed for the duration of the call; the kernel only ever writes to it.
    let received = unsafe {
        arch::recv(
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            notification_mask,
            0,
        )
    };
    RecvMessage::from_registers(&received)
}

/// Waits for a message from `sender` only, or for a notification in `notification_mask`.
///
/// # Errors
///
/// [`ClosedRecvError::Dead`] when that life of the sender is over, or ends while waiting.
#[inline(always)]
pub fn sys_recv_closed(
    buffer: &mut [u8],
    notification_mask: u32,
    sender: TaskId,
) -> Result<RecvMessage, ClosedRecvError> {
    sys_recv(buffer, notification_mask, Some(sender)).map_err(|code| {
        // The kernel answers a closed receive with nothing but 0 or a dead code.
        ClosedRecvError::Dead(extract_new_generation(code).unwrap_or(Generation::ZERO))
    })
}

/// Waits for a notification in `notification_mask`, and no message. Returns those that came.
#[inline(always)]
pub fn sys_recv_notification(notification_mask: u32) -> NotificationBits {
    let filter = RECV_CLOSED | u32::from(TaskId::KERNEL.0);
    // Safety: an empty buffer; nothing can be written to it. Any address will do.
    let received = unsafe { arch::recv(core::ptr::dangling_mut(), 0, notification_mask, filter) };
    // Closed on the kernel, this never fails, and only notifications arrive.
    NotificationBits::new(received.operation)
}

/// Waits for a message from `specific_sender`, or from anyone, or for a notification in `notification_mask`.
///
/// # Errors
///
/// The dead code, when that life of the specific sender is over, or ends while waiting.
#[inline(always)]
pub fn sys_recv(
    buffer: &mut [u8],
    notification_mask: u32,
    specific_sender: Option<TaskId>,
) -> Result<RecvMessage, u32> {
    let filter = specific_sender.map_or(0, |id| RECV_CLOSED | u32::from(id.0));
    // Safety: the buffer is borrowed for the duration of the call.
    let received =
        unsafe { arch::recv(buffer.as_mut_ptr(), buffer.len(), notification_mask, filter) };
    if received.code == 0 {
        Ok(RecvMessage::from_registers(&received))
    } else {
        Err(received.code)
    }
}

/// Answers `peer`, which goes on with `code` and a copy of `message`.
///
/// Nothing happens when the peer does not wait for our answer (any more). Code 0 is success by convention; codes from
/// `0xFFFF_FF00` look like a death to the peer.
///
/// # Faults
///
/// A message longer than the peer's room for it ([`RecvMessage::response_capacity`]).
#[inline(always)]
pub fn sys_reply(peer: TaskId, code: u32, message: &[u8]) {
    arch::reply(peer.0.into(), code, message)
}

/// Faults `peer`, which waits for our answer, instead of answering: it broke the protocol. Nothing happens when it does not wait.
#[inline(always)]
pub fn sys_reply_fault(peer: TaskId, reason: ReplyFaultReason) {
    arch::reply_fault(peer.0.into(), reason as u32)
}

/// Sets this task's timer: at `deadline` (milliseconds since start, as [`sys_get_timer`] tells it) the kernel posts `notifications` once.
/// `None` switches the timer off. A deadline that has passed posts at once.
#[inline(always)]
pub fn sys_set_timer(deadline: Option<u64>, notifications: u32) {
    let ticks = deadline.unwrap_or(0);
    arch::set_timer(
        deadline.is_some().into(),
        [ticks as u32, (ticks >> 32) as u32],
        notifications,
    )
}

/// Sets this task's timer to `interval` milliseconds from now. Returns the deadline.
#[inline(always)]
pub fn set_timer_relative(interval: u32, notifications: u32) -> u64 {
    let deadline = sys_get_timer().now.saturating_add(interval.into());
    sys_set_timer(Some(deadline), notifications);
    deadline
}

/// Reads the clock and this task's timer.
#[inline(always)]
pub fn sys_get_timer() -> TimerState {
    let timer = arch::get_timer();
    let join = |[low, high]: [u32; 2]| u64::from(high) << 32 | u64::from(low);
    TimerState {
        now: join(timer.now),
        deadline: (timer.is_set != 0).then(|| join(timer.deadline)),
        on_dl: timer.notification,
    }
}

/// Copies from a lease of `lender`, from `offset` on, as much as there is and as fits `dest`.
///
/// Returns the response code and the number of bytes. The code is 0, [`DEFECT`](abi::DEFECT) when the lender does not wait for us or the
/// lease is not readable, or a dead code.
///
/// # Faults
///
/// A lease index that the lender does not have, an offset behind the end of the lease.
#[inline(always)]
pub fn sys_borrow_read(
    lender: TaskId,
    index: usize,
    offset: usize,
    dest: &mut [u8],
) -> (u32, usize) {
    // Safety: the destination is borrowed for the duration of the call.
    unsafe {
        arch::borrow_read(
            lender.0.into(),
            index,
            offset,
            dest.as_mut_ptr(),
            dest.len(),
        )
    }
}

/// Like [`sys_borrow_read`], to memory that is no ordinary slice: such as a buffer which a device reads.
///
/// This is the one way for the kernel to copy into a task's DMA region.
///
/// # Safety
///
/// `dest` must be valid for writes of `len` bytes, and no reference may exist that promises that those bytes do not change.
#[inline(always)]
pub unsafe fn sys_borrow_read_raw(
    lender: TaskId,
    index: usize,
    offset: usize,
    dest: *mut u8,
    len: usize,
) -> (u32, usize) {
    // Safety: the caller vouches for the destination.
    unsafe { arch::borrow_read(lender.0.into(), index, offset, dest, len) }
}

/// Copies `src` to a lease of `lender`, from `offset` on, as much as fits.
///
/// Returns and faults like [`sys_borrow_read`], the attribute needed being writable.
#[inline(always)]
pub fn sys_borrow_write(lender: TaskId, index: usize, offset: usize, src: &[u8]) -> (u32, usize) {
    // Safety: the source is borrowed for the duration of the call.
    unsafe { arch::borrow_write(lender.0.into(), index, offset, src.as_ptr(), src.len()) }
}

/// Like [`sys_borrow_write`], from memory that is no ordinary slice: such as a buffer which a device writes.
///
/// This is the one way for the kernel to copy out of a task's DMA region.
///
/// # Safety
///
/// `src` must be valid for reads of `len` bytes, which nobody writes except a device that has finished with them.
#[inline(always)]
pub unsafe fn sys_borrow_write_raw(
    lender: TaskId,
    index: usize,
    offset: usize,
    src: *const u8,
    len: usize,
) -> (u32, usize) {
    // Safety: the caller vouches for the source.
    unsafe { arch::borrow_write(lender.0.into(), index, offset, src, len) }
}

/// Looks at a lease of `lender`. `None` when the lender does not wait for us (any more).
///
/// # Faults
///
/// A lease index that the lender does not have.
#[inline(always)]
pub fn sys_borrow_info(lender: TaskId, index: usize) -> Option<BorrowInfo> {
    let (code, attributes, len) = arch::borrow_info(lender.0.into(), index);
    (code == 0).then(|| BorrowInfo {
        attributes: LeaseAttributes::from_bits_truncate(attributes),
        len,
    })
}

/// Lets the interrupt behind the notification bit `mask` through, or masks it.
///
/// The kernel masks an interrupt when it posts it: a driver enables it again once it has dealt with the cause.
///
/// # Faults
///
/// A mask that is not exactly one bit of an interrupt which `app.toml` gives this task.
#[inline(always)]
pub fn sys_irq_control(mask: u32, enable: bool) {
    let control = if enable {
        IrqControlArg::ENABLED
    } else {
        IrqControlArg::empty()
    };
    arch::irq_control(mask, control.bits())
}

/// Like [`sys_irq_control`], and forgets an interrupt that is already pending.
#[inline(always)]
pub fn sys_irq_control_clear_pending(mask: u32, enable: bool) {
    let control = if enable {
        IrqControlArg::ENABLED
    } else {
        IrqControlArg::empty()
    };
    arch::irq_control(mask, (control | IrqControlArg::CLEAR_PENDING).bits())
}

/// Looks at the interrupt behind the notification bit `mask`. Faults like [`sys_irq_control`].
#[inline(always)]
pub fn sys_irq_status(mask: u32) -> IrqStatus {
    IrqStatus::from_bits_truncate(arch::irq_status(mask))
}

/// Ends this life of the task. The kernel keeps the address of `msg`, so that others can ask why.
#[inline(always)]
pub fn sys_panic(msg: &[u8]) -> ! {
    arch::panic(msg)
}

/// Posts notification `bits` to `task_id`. Returns 0, or a dead code when that life of the task is over.
#[inline(always)]
pub fn sys_post(task_id: TaskId, bits: u32) -> u32 {
    arch::post(task_id.0.into(), bits)
}

/// The same task in its present generation. Faults when there is no task with that index.
#[inline(always)]
pub fn sys_refresh_task_id(task_id: TaskId) -> TaskId {
    TaskId(arch::refresh_task_id(task_id.0.into()) as u16)
}

#[cfg(all(test, not(target_os = "none")))]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "GetTimer: system calls exist only in tasks")]
    fn on_the_host_a_system_call_names_itself() {
        sys_get_timer();
    }
}
