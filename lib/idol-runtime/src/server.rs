// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The server's half: receive, check, hand on.

use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};

use userlib::{FromPrimitive, NotificationBits, RecvMessage, TaskId};

use crate::{ClientError, RequestError};

/// What a server does with notifications.
pub trait NotificationHandler {
    /// The notifications that it wants now. Others stay pending.
    fn current_notification_mask(&self) -> u32;

    /// Deals with the ones that came.
    fn handle_notification(&mut self, bits: NotificationBits);
}

/// The operations of an interface; implemented by generated code.
pub trait ServerOp: FromPrimitive {
    /// The longest reply, in bytes, success or error. A client must have room for it.
    fn max_reply_size(&self) -> usize;

    /// How many leases come with it, exactly.
    fn required_lease_count(&self) -> usize;

    /// Both at once: generated code looks them up in a table.
    #[inline(always)]
    fn limits(&self) -> Limits {
        Limits {
            max_reply_size: self.max_reply_size(),
            lease_count: self.required_lease_count(),
        }
    }
}

/// What [`dispatch`] checks of an operation's message.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// See [`ServerOp::max_reply_size`].
    pub max_reply_size: usize,
    /// See [`ServerOp::required_lease_count`].
    pub lease_count: usize,
}

/// A buffer to receive messages of up to `N` bytes in.
///
/// Any `[u8; N]` will do. This one is aligned, so that arguments which lie at a multiple of their size in the message are decoded with one
/// load each.
#[derive(Debug)]
#[repr(C, align(8))]
pub struct MessageBuffer<const N: usize>([u8; N]);

impl<const N: usize> MessageBuffer<N> {
    /// An empty buffer.
    #[inline(always)]
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Self([0; N])
    }
}

impl<const N: usize> Deref for MessageBuffer<N> {
    type Target = [u8];

    #[inline(always)]
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl<const N: usize> DerefMut for MessageBuffer<N> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

/// A server of the operations `Op`; implemented by generated code.
pub trait Server<Op> {
    /// The only task to listen to now, or `None` to listen to all.
    fn recv_source(&self) -> Option<TaskId>;

    /// The task of [`recv_source`](Self::recv_source) died.
    fn closed_recv_fail(&mut self);

    /// Serves a message, which was checked as far as that is possible without decoding it.
    ///
    /// `Ok` means that nothing is left to do, because the client was answered or will be later; an error is the answer.
    fn handle(
        &mut self,
        op: Op,
        incoming: &[u8],
        rm: &RecvMessage,
    ) -> Result<(), RequestError<u16>>;
}

/// Waits for one message or one set of notifications, and serves it.
///
/// `buffer` should be as long as the longest message, which generated code knows as `INCOMING_SIZE`. A message that is too long, of
/// an unknown operation, without room for the reply, or with the wrong number of leases is answered by faulting its sender, and the server
/// does not see it.
#[inline]
pub fn dispatch<S, Op>(buffer: &mut [u8], server: &mut S)
where
    S: NotificationHandler + ?Sized,
    Op: ServerOp,
    for<'a> (PhantomData<Op>, &'a mut S): Server<Op>,
{
    let mask = server.current_notification_mask();
    let mut server = (PhantomData::<Op>, server);
    let rm = match server.recv_source() {
        None => userlib::sys_recv_open(buffer, mask),
        source => match userlib::sys_recv(buffer, mask, source) {
            Ok(rm) => rm,
            Err(_dead) => return server.closed_recv_fail(),
        },
    };
    if rm.sender == TaskId::KERNEL {
        return server
            .1
            .handle_notification(NotificationBits::new(rm.operation));
    }
    match serve(&mut server, buffer, &rm) {
        Ok(()) => {}
        Err(RequestError::Runtime(code)) => userlib::sys_reply(rm.sender, code.into(), &[]),
        Err(RequestError::Fail(error)) => fault(rm.sender, error),
    }
}

#[inline(always)]
fn serve<Op: ServerOp>(
    server: &mut impl Server<Op>,
    buffer: &[u8],
    rm: &RecvMessage,
) -> Result<(), RequestError<u16>> {
    let incoming = buffer
        .get(..rm.message_len)
        .ok_or(RequestError::Fail(ClientError::BadMessageSize))?;
    let op = Op::from_u32(rm.operation).ok_or(RequestError::Fail(ClientError::UnknownOperation))?;
    let limits = op.limits();
    if rm.response_capacity < limits.max_reply_size {
        return Err(ClientError::ReplyBufferTooSmall.fail());
    }
    if rm.lease_count != limits.lease_count {
        return Err(ClientError::BadLease.fail());
    }
    server.handle(op, incoming, rm)
}

/// Faults a client that broke the rules, unless it is gone. For servers that find out late: usually an operation returns the error instead.
#[cold]
#[inline(never)]
pub fn fault(client: TaskId, error: ClientError) {
    if let Some(reason) = error.reply_fault_reason() {
        userlib::sys_reply_fault(client, reason);
    }
}
