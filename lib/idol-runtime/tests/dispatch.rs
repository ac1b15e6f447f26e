// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `dispatch`: what reaches the server, what does not, and what becomes of its answers.

use core::marker::PhantomData;
use std::sync::{Arc, Mutex};

use idol_runtime::{ClientError, NotificationHandler, RequestError, Server, ServerOp, dispatch};
use support::{CLIENT, Cast, SERVER, fault_of, play, restart, waits_for_server};
use userlib::{
    FromPrimitive, Lease, NotificationBits, RecvMessage, ReplyFaultReason, SchedState, TaskId,
    TaskState, sys_post, sys_refresh_task_id, sys_send,
};

mod support;

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
            userlib::sys_reply(rm.sender, 0, incoming);
        }
        self.1.answer
    }
}

/// A server with that answer, whose buffer has 4 bytes.
fn serve(answer: Result<(), RequestError<u16>>) -> impl Fn() + Send + Sync + 'static {
    move || {
        let mut server = Scripted::new(answer);
        loop {
            dispatch::<_, Op>(&mut [0; 4], &mut server);
        }
    }
}

/// Sends to the server, and returns its answer.
fn send(op: u16, message: &[u8], room: usize, leases: usize) -> (u32, Vec<u8>) {
    let mut reply = vec![0; room];
    let leases: Vec<_> = (0..leases).map(|_| Lease::read_only(&[])).collect();
    let (code, len) = sys_send(SERVER, op, message, &mut reply, &leases);
    reply.truncate(len);
    (code, reply)
}

#[test]
fn a_good_message_is_served() {
    play(serve(Ok(())), || {
        assert_eq!(send(1, &[1, 2], 4, 0), (0, vec![1, 2]));
        assert_eq!(send(2, &[1, 2, 3, 4], 9, 1), (0, vec![1, 2, 3, 4]));
        assert_eq!(send(1, &[], 4, 0), (0, vec![]));
    });
}

#[test]
fn a_bad_message_is_a_fault_of_its_sender() {
    use ReplyFaultReason::*;
    play(serve(Ok(())), || {
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
            let fault = fault_of(move || {
                send(op, message, room, leases);
            });
            assert_eq!(fault, Some(reason), "op {op}, {message:?}, room {room}");
        }
    });
}

#[test]
fn the_interfaces_error_is_the_response_code() {
    play(serve(Err(RequestError::Runtime(0xFFFF))), || {
        assert_eq!(send(1, &[], 4, 0), (0xFFFF, vec![]));
    });
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
        play(serve(Err(error.fail())), move || {
            let fault = fault_of(|| {
                send(1, &[], 4, 0);
            });
            assert_eq!(fault, Some(reason));
        });
    }
}

#[test]
fn nobody_is_answered_when_the_client_went_away() {
    let waited = Arc::new(Mutex::new(false));
    let server = {
        let waited = Arc::clone(&waited);
        move || {
            let mut server = Scripted::new(Err(RequestError::went_away()));
            dispatch::<_, Op>(&mut [0; 4], &mut server);
            // It still waits: neither reply nor fault.
            *waited.lock().unwrap() = waits_for_server(CLIENT);
            loop {
                dispatch::<_, Op>(&mut [0; 4], &mut server);
            }
        }
    };
    let cast = Cast::new(server, CLIENT.index(), || {
        sys_send(SERVER, 1, &[], &mut [0; 4], &[]);
        panic!("the client goes on");
    });
    let mut image = cast.builder.build();
    image.run();
    assert!(*waited.lock().unwrap());
    let waits = TaskState::Healthy(SchedState::InReply(SERVER));
    assert_eq!(image.state(CLIENT), waits);
}

#[test]
fn notifications_go_to_their_handler() {
    let seen = Arc::new(Mutex::new((0, 0)));
    let server = {
        let seen = Arc::clone(&seen);
        move || {
            let mut server = Scripted::new(Ok(()));
            loop {
                dispatch::<_, Op>(&mut [], &mut server);
                *seen.lock().unwrap() = (server.notified, server.seen.len());
            }
        }
    };
    play(server, || assert_eq!(sys_post(SERVER, 0b1010), 0));
    assert_eq!(*seen.lock().unwrap(), (0b0010, 0));
}

#[test]
fn a_server_that_listens_to_one_task_is_told_of_its_death() {
    let dead = TaskId::for_index(5);
    let server = move || {
        let mut server = Scripted::new(Ok(()));
        server.source = Some(dead);
        restart(dead);
        assert_eq!(sys_refresh_task_id(dead), dead.next_generation());
        dispatch::<_, Op>(&mut [0; 4], &mut server);
        assert_eq!((server.closed, server.seen.len()), (1, 0));

        server.source = Some(CLIENT);
        loop {
            dispatch::<_, Op>(&mut [0; 4], &mut server);
        }
    };
    play(server, || {
        assert_eq!(sys_send(SERVER, 1, &[], &mut [0; 4], &[]), (0, 0));
    });
}
