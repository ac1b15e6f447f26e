// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `dispatch`: what reaches the server, what does not, and what becomes of its answers.

use core::marker::PhantomData;

use host_idol_runtime as idol_runtime;
use host_userlib::kernel::{self, client_fault};
use host_userlib::{
    FromPrimitive, Lease, NotificationBits, RecvMessage, ReplyFaultReason, TaskId, sys_send,
};
use idol_runtime::{ClientError, NotificationHandler, RequestError, Server, ServerOp, dispatch};

#[derive(Copy, Clone, Debug, PartialEq)]
enum Op {
    Echo = 1,
    Lend,
}

impl FromPrimitive for Op {
    fn from_i64(n: i64) -> Option<Self> {
        Self::from_u64(n as u64)
    }
    fn from_u64(n: u64) -> Option<Self> {
        match n {
            1 => Some(Self::Echo),
            2 => Some(Self::Lend),
            _ => None,
        }
    }
}

impl ServerOp for Op {
    fn max_reply_size(&self) -> usize {
        4
    }
    fn required_lease_count(&self) -> usize {
        *self as usize - 1
    }
}

/// Answers with what it is told to.
struct Scripted {
    answer: Result<(), RequestError<u16>>,
    source: Option<TaskId>,
    seen: Vec<(Op, Vec<u8>)>,
    notified: u32,
    closed: u32,
}

impl Scripted {
    fn new(answer: Result<(), RequestError<u16>>) -> Self {
        Self {
            answer,
            source: None,
            seen: Vec::new(),
            notified: 0,
            closed: 0,
        }
    }
}

impl NotificationHandler for Scripted {
    fn current_notification_mask(&self) -> u32 {
        0b0110
    }
    fn handle_notification(&mut self, bits: NotificationBits) {
        self.notified |= bits.get_raw_bits();
    }
}

impl Server<Op> for (PhantomData<Op>, &mut Scripted) {
    fn recv_source(&self) -> Option<TaskId> {
        self.1.source
    }
    fn closed_recv_fail(&mut self) {
        self.1.closed += 1;
    }
    fn handle(
        &mut self,
        op: Op,
        incoming: &[u8],
        rm: &RecvMessage,
    ) -> Result<(), RequestError<u16>> {
        self.1.seen.push((op, incoming.to_vec()));
        if self.1.answer.is_ok() {
            host_userlib::sys_reply(rm.sender, 0, incoming);
        }
        self.1.answer
    }
}

/// Sends to a server with that answer, whose buffer has 4 bytes.
fn send(
    answer: Result<(), RequestError<u16>>,
    op: u16,
    message: &[u8],
    room: usize,
    leases: usize,
) -> (u32, Vec<u8>) {
    let mut server = Scripted::new(answer);
    kernel::serve_with(move || dispatch::<_, Op>(&mut [0; 4], &mut server));
    let mut reply = vec![0; room];
    let (code, len) = sys_send(
        TaskId::for_index(3),
        op,
        message,
        &mut reply,
        &vec![Lease::read_only(&[]); leases],
    );
    reply.truncate(len);
    (code, reply)
}

#[test]
fn a_good_message_is_served() {
    assert_eq!(send(Ok(()), 1, &[1, 2], 4, 0), (0, vec![1, 2]));
    assert_eq!(send(Ok(()), 2, &[1, 2, 3, 4], 9, 1), (0, vec![1, 2, 3, 4]));
    assert_eq!(send(Ok(()), 1, &[], 4, 0), (0, vec![]));
}

#[test]
fn a_bad_message_is_a_fault_of_its_sender() {
    use ReplyFaultReason::*;
    for (op, message, room, leases, reason) in [
        (1, &[0; 5][..], 4, 0, BadMessageSize),
        (0, &[], 4, 0, UndefinedOperation),
        (3, &[], 4, 0, UndefinedOperation),
        (0xFFFF, &[], 4, 0, UndefinedOperation),
        (1, &[], 3, 0, ReplyBufferTooSmall),
        (1, &[], 4, 1, BadLeases),
        (2, &[], 4, 0, BadLeases),
        // In this order when several things are wrong.
        (9, &[0; 5][..], 0, 9, BadMessageSize),
        (9, &[], 0, 9, UndefinedOperation),
        (1, &[], 0, 9, ReplyBufferTooSmall),
    ] {
        let fault = client_fault(|| {
            send(Ok(()), op, message, room, leases);
        });
        assert_eq!(fault, Some(reason), "op {op}, {message:?}, room {room}");
    }
}

#[test]
fn the_interfaces_error_is_the_response_code() {
    let answer = Err(RequestError::Runtime(0xFFFF));
    assert_eq!(send(answer, 1, &[], 4, 0), (0xFFFF, vec![]));
}

#[test]
fn a_client_error_is_a_fault_with_its_reason() {
    for (error, reason) in [
        (
            ClientError::UnknownOperation,
            ReplyFaultReason::UndefinedOperation,
        ),
        (
            ClientError::BadMessageSize,
            ReplyFaultReason::BadMessageSize,
        ),
        (
            ClientError::BadMessageContents,
            ReplyFaultReason::BadMessageContents,
        ),
        (ClientError::BadLease, ReplyFaultReason::BadLeases),
        (
            ClientError::ReplyBufferTooSmall,
            ReplyFaultReason::ReplyBufferTooSmall,
        ),
        (
            ClientError::AccessViolation,
            ReplyFaultReason::AccessViolation,
        ),
    ] {
        let fault = client_fault(|| {
            send(Err(error.fail()), 1, &[], 4, 0);
        });
        assert_eq!(fault, Some(reason));
    }
}

#[test]
fn nobody_is_answered_when_the_client_went_away() {
    let mut server = Scripted::new(Err(RequestError::went_away()));
    let mut calls = 0;
    kernel::serve_with(move || {
        calls += 1;
        if calls > 1 {
            // It still waits: neither reply nor fault.
            assert!(kernel::client_waits());
            kernel::kill_client();
            return;
        }
        dispatch::<_, Op>(&mut [0; 4], &mut server);
    });
    let outcome = std::panic::catch_unwind(|| sys_send(TaskId(3), 1, &[], &mut [0; 4], &[]));
    let gone = outcome.unwrap_err();
    assert_eq!(gone.downcast_ref::<&str>(), Some(&"CLIENT GONE"));
}

#[test]
fn notifications_go_to_their_handler() {
    use std::cell::Cell;
    use std::rc::Rc;
    let seen = Rc::new(Cell::new((0, 0)));
    let tell = seen.clone();
    let mut server = Scripted::new(Ok(()));
    kernel::serve_with(move || {
        dispatch::<_, Op>(&mut [], &mut server);
        tell.set((server.notified, server.seen.len()));
    });
    kernel::notify(0b1010);
    assert_eq!(seen.get(), (0b0010, 0));
}

#[test]
fn a_server_that_listens_to_one_task_is_told_of_its_death() {
    let mut server = Scripted::new(Ok(()));
    server.source = Some(TaskId::for_index(5));
    dispatch::<_, Op>(&mut [0; 4], &mut server);
    assert_eq!((server.closed, server.seen.len()), (1, 0));

    server.source = Some(TaskId::for_index(7));
    kernel::serve_with(move || dispatch::<_, Op>(&mut [0; 4], &mut server));
    assert_eq!(sys_send(TaskId(3), 1, &[], &mut [0; 4], &[]), (0, 0));
}
