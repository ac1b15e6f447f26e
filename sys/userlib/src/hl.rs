// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Conveniences on top of the system calls: servers without a generator, and sleeping.

use core::marker::PhantomData;

use num_traits::FromPrimitive;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use abi::{LeaseAttributes, ReplyFaultReason, TaskId};

use crate::{
    BorrowInfo, ClosedRecvError, RecvMessage, sys_borrow_info, sys_borrow_read, sys_borrow_write,
    sys_get_timer, sys_recv_closed, sys_recv_notification, sys_recv_open, sys_reply,
    sys_reply_fault, sys_set_timer,
};

/// The notification that [`sleep_until`] uses; no task may give it another meaning.
const TIMER_NOTIFICATION: u32 = 1 << 31;

/// The code that answers an operation which the server does not have.
const UNKNOWN_OPERATION: u32 = 1;

/// Receives one message or notification, from anyone.
///
/// Calls `notify` with the bits, or `handle` with the decoded operation and the message; an error of `handle` is the reply. `state` goes to
/// whichever is called. An operation that `O` does not know is answered with code 1, and a message longer than `buffer` faults its
/// sender.
pub fn recv<'a, O, E, S>(
    buffer: &'a mut [u8],
    notification_mask: u32,
    state: S,
    notify: impl FnOnce(S, u32),
    handle: impl FnOnce(S, O, Message<'a>) -> Result<(), E>,
) where
    O: FromPrimitive,
    E: Into<u32>,
{
    let received = sys_recv_open(buffer, notification_mask);
    if received.sender == TaskId::KERNEL {
        notify(state, received.operation)
    } else {
        dispatch(received, buffer, |operation, message| {
            handle(state, operation, message)
        })
    }
}

/// Receives one message, from anyone; notifications stay pending.
///
/// See [`recv`] for what happens with it.
pub fn recv_without_notification<'a, O, E>(
    buffer: &'a mut [u8],
    handle: impl FnOnce(O, Message<'a>) -> Result<(), E>,
) where
    O: FromPrimitive,
    E: Into<u32>,
{
    let received = sys_recv_open(buffer, 0);
    dispatch(received, buffer, handle)
}

/// Receives one message or notification, the message from `sender` only.
///
/// See [`recv`] for what happens with it.
///
/// # Errors
///
/// [`ClosedRecvError::Dead`] when that life of the sender is over, or ends while waiting.
pub fn recv_from<'a, O, E, S>(
    sender: TaskId,
    buffer: &'a mut [u8],
    notification_mask: u32,
    state: S,
    notify: impl FnOnce(S, u32),
    handle: impl FnOnce(S, O, Message<'a>) -> Result<(), E>,
) -> Result<(), ClosedRecvError>
where
    O: FromPrimitive,
    E: Into<u32>,
{
    let received = sys_recv_closed(buffer, notification_mask, sender)?;
    if received.sender == TaskId::KERNEL {
        notify(state, received.operation)
    } else {
        dispatch(received, buffer, |operation, message| {
            handle(state, operation, message)
        })
    }
    Ok(())
}

/// Receives one message from `sender` only; notifications stay pending.
///
/// See [`recv`] for what happens with it.
///
/// # Errors
///
/// [`ClosedRecvError::Dead`] when that life of the sender is over, or ends while waiting.
pub fn recv_from_without_notification<'a, O, E>(
    sender: TaskId,
    buffer: &'a mut [u8],
    handle: impl FnOnce(O, Message<'a>) -> Result<(), E>,
) -> Result<(), ClosedRecvError>
where
    O: FromPrimitive,
    E: Into<u32>,
{
    let received = sys_recv_closed(buffer, 0, sender)?;
    dispatch(received, buffer, handle);
    Ok(())
}

fn dispatch<'a, O, E>(
    received: RecvMessage,
    buffer: &'a [u8],
    handle: impl FnOnce(O, Message<'a>) -> Result<(), E>,
) where
    O: FromPrimitive,
    E: Into<u32>,
{
    let sender = received.sender;
    let Some(bytes) = buffer.get(..received.message_len) else {
        return sys_reply_fault(sender, ReplyFaultReason::BadMessageSize);
    };
    let Some(operation) = O::from_u32(received.operation) else {
        return sys_reply(sender, UNKNOWN_OPERATION, &[]);
    };
    if let Err(error) = handle(operation, Message { received, bytes }) {
        sys_reply(sender, error.into(), &[]);
    }
}

/// A received message.
#[derive(Debug)]
pub struct Message<'a> {
    received: RecvMessage,
    bytes: &'a [u8],
}

impl<'a> Message<'a> {
    /// Splits the message into its content and the right to answer. `None` unless it is exactly an `M` and the sender has room for an
    /// `R`. It may have come with leases: see [`lease_count`](Self::lease_count).
    ///
    /// # Panics
    ///
    /// The buffer that the message was received in is not aligned as an `M` must be.
    pub fn fixed<M, R>(self) -> Option<(&'a M, Caller<R>)>
    where
        M: FromBytes + Immutable + KnownLayout,
        R: IntoBytes,
    {
        if self.bytes.len() != size_of::<M>() || self.received.response_capacity < size_of::<R>() {
            return None;
        }
        let content = M::ref_from_bytes(self.bytes).ok();
        let content = content.expect("the buffer to receive in is not aligned for the message");
        Some((content, Caller::from(self.received.sender)))
    }

    /// Like [`fixed`](Self::fixed), and `None` unless the message came with exactly `lease_count` leases.
    ///
    /// # Panics
    ///
    /// As [`fixed`](Self::fixed).
    pub fn fixed_with_leases<M, R>(self, lease_count: usize) -> Option<(&'a M, Caller<R>)>
    where
        M: FromBytes + Immutable + KnownLayout,
        R: IntoBytes,
    {
        if self.received.lease_count == lease_count {
            self.fixed()
        } else {
            None
        }
    }

    /// How many leases came with it.
    pub fn lease_count(&self) -> usize {
        self.received.lease_count
    }

    /// Who sent it.
    pub fn sender(&self) -> TaskId {
        self.received.sender
    }
}

/// The right to answer a sender with an `R`, once.
#[derive(Debug)]
#[must_use = "the sender waits for an answer"]
pub struct Caller<R> {
    id: TaskId,
    reply: PhantomData<fn(R)>,
}

/// For a server that keeps only the names of those who wait.
impl<R> From<TaskId> for Caller<R> {
    fn from(id: TaskId) -> Self {
        Self {
            id,
            reply: PhantomData,
        }
    }
}

impl<R> Caller<R> {
    /// Answers with success.
    pub fn reply(self, value: R)
    where
        R: IntoBytes + Immutable,
    {
        sys_reply(self.id, 0, value.as_bytes())
    }

    /// Answers with a code, which should not be 0, and no value.
    pub fn reply_fail(self, code: impl Into<u32>) {
        sys_reply(self.id, code.into(), &[])
    }

    /// Faults the sender for breaking the protocol.
    pub fn reply_fault(self, reason: ReplyFaultReason) {
        sys_reply_fault(self.id, reason)
    }

    /// Who waits for the answer.
    pub fn task_id(&self) -> TaskId {
        self.id
    }

    /// Lease number `index` of the sender.
    pub fn borrow(&self, index: usize) -> Borrow<'_> {
        Borrow {
            lender: self.id,
            index,
            caller: PhantomData,
        }
    }
}

/// A lease of a sender that waits for its answer.
///
/// Every access is checked against the lease first, so that no length or offset from elsewhere can fault the borrower.
#[derive(Clone, Debug)]
pub struct Borrow<'a> {
    lender: TaskId,
    index: usize,
    caller: PhantomData<&'a ()>,
}

impl Borrow<'_> {
    /// Its attributes and length; `None` when the lender is gone.
    pub fn info(&self) -> Option<BorrowInfo> {
        sys_borrow_info(self.lender, self.index)
    }

    /// Reads a `T` from its start.
    pub fn read<T: FromBytes + IntoBytes>(&self) -> Option<T> {
        self.read_at(0)
    }

    /// Reads a `T` from `offset` bytes on. `None` when there is none, or nothing to be read.
    pub fn read_at<T: FromBytes + IntoBytes>(&self, offset: usize) -> Option<T> {
        let mut value = T::new_zeroed();
        self.read_fully_at(offset, value.as_mut_bytes())?;
        Some(value)
    }

    /// Fills `destination` from `offset` bytes on. `None` when there is less, or nothing to be read.
    pub fn read_fully_at(&self, offset: usize, destination: &mut [u8]) -> Option<()> {
        self.check(LeaseAttributes::READ, offset, destination.len())?;
        let wanted = destination.len();
        (sys_borrow_read(self.lender, self.index, offset, destination) == (0, wanted)).then_some(())
    }

    /// Writes `value` to its start.
    pub fn write<T: IntoBytes + Immutable>(&self, value: T) -> Option<()> {
        self.write_at(0, value)
    }

    /// Writes `value` from `offset` bytes on. `None` when it does not fit, or nothing may be written.
    pub fn write_at<T: IntoBytes + Immutable>(&self, offset: usize, value: T) -> Option<()> {
        self.write_fully_at(offset, value.as_bytes())
    }

    /// Writes all of `source` from `offset` bytes on. `None` when it does not fit, or nothing may be written.
    pub fn write_fully_at(&self, offset: usize, source: &[u8]) -> Option<()> {
        self.check(LeaseAttributes::WRITE, offset, source.len())?;
        (sys_borrow_write(self.lender, self.index, offset, source) == (0, source.len()))
            .then_some(())
    }

    fn check(&self, needed: LeaseAttributes, offset: usize, len: usize) -> Option<()> {
        let info = self.info()?;
        let end = offset.checked_add(len)?;
        (info.attributes.contains(needed) && end <= info.len).then_some(())
    }
}

/// Sleeps until the clock shows `time` (milliseconds since start). Uses the task's one timer; other notifications stay pending.
pub fn sleep_until(time: u64) {
    sys_set_timer(Some(time), TIMER_NOTIFICATION);
    while sys_get_timer().now < time {
        let _ = sys_recv_notification(TIMER_NOTIFICATION);
    }
}

/// Sleeps for at least `ticks` milliseconds. Uses the task's one timer; other notifications stay pending.
///
/// The present millisecond has partly gone by already, so it is not counted.
pub fn sleep_for(ticks: u64) {
    sleep_until(sys_get_timer().now.saturating_add(ticks).saturating_add(1))
}
