// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! REPLY, REPLY_FAULT, and numbers that no system call has.

use test_suite_common::order::{self, place};
use test_suite_common::raw;
use userlib::*;

use crate::Case;
use crate::cases::send::memory_of;
use crate::expect::{equal, faults};
use crate::tasks::{ASSIST, Assist, LOW, NOBODY, SERVER, given, me, to, usage};

/// The cases.
pub const CASES: &[Case] = &[
    ("reply: as long as there is room for", || {
        let base = ASSIST.buffer();
        ASSIST.calls_later(Sysnum::Send, [to(me(), 1), 0, 0, base, 8, 0, 0]);
        let received = sys_recv_open(&mut [], 0);
        sys_reply(received.sender, u32::MAX >> 8, &[7; 8]);
        let (_, after) = ASSIST.returned();
        equal((after[0], after[1]), (u32::MAX >> 8, 8));
        equal(
            (ASSIST.peeks(base), ASSIST.peeks(base + 8)),
            (0x0707_0707, 0),
        );
    }),
    (
        "reply: longer than there is room for faults the server",
        || {
            // LOW has room for 2 bytes, and ASSIST answers 4.
            let base = LOW.buffer();
            let peer = serve_low(base, 2);
            let fault = ASSIST.call_faults(
                Sysnum::Reply,
                [u32::from(peer.0), 0, ASSIST.buffer(), 4, 0, 0, 0],
            );
            equal(fault, usage(UsageError::ReplyTooBig));
            // LOW's server died.
            equal(
                extract_new_generation(LOW.returned().1[0]),
                Some(ASSIST.id().generation()),
            );
        },
    ),
    ("reply: memory that is not the server's", || {
        let theirs = memory_of(SERVER);
        let peer = serve_low(LOW.buffer(), 8);
        let fault = ASSIST.call_faults(Sysnum::Reply, [u32::from(peer.0), 0, theirs, 4, 0, 0, 0]);
        equal(fault, given(theirs));
    }),
    ("reply: a slice that wraps", || {
        let peer = serve_low(LOW.buffer(), 8);
        let fault = ASSIST.call_faults(Sysnum::Reply, [u32::from(peer.0), 0, u32::MAX, 4, 0, 0, 0]);
        equal(fault, usage(UsageError::InvalidSlice));
    }),
    ("reply: from one's text", || {
        let peer = serve_low(LOW.buffer(), 8);
        let text = ASSIST.place(place::TEXT);
        ASSIST.calls(Sysnum::Reply, [u32::from(peer.0), 9, text, 8, 0, 0, 0]);
        let after = LOW.returned().1;
        equal((after[0], after[1]), (9, 8));
    }),
    (
        "reply: a bad reply buffer faults the client, not the server",
        || {
            let text = LOW.place(place::TEXT);
            let peer = serve_low(text, 8);
            ASSIST.calls(
                Sysnum::Reply,
                [u32::from(peer.0), 0, ASSIST.buffer(), 4, 0, 0, 0],
            );
            equal(LOW.fault_after(0), given(text));
            equal(faults(ASSIST.index).0, 0);
        },
    ),
    ("reply: to one who does not wait", || {
        sys_reply(LOW.id(), 1, &[1; 4]);
        sys_reply(ASSIST.id(), 1, &[]);
        equal(ASSIST.peeks(ASSIST.buffer()), 0);
    }),
    ("reply: to one who waits for somebody else", || {
        let peer = serve_low(LOW.buffer(), 8);
        sys_reply(peer, 1, &[]);
        equal(
            kipc::read_task_status(LOW.index),
            TaskState::Healthy(SchedState::InReply(ASSIST.id())),
        );
        ASSIST.calls(Sysnum::Reply, [u32::from(peer.0), 3, 0, 0, 0, 0, 0]);
        equal(LOW.returned().1[0], 3);
    }),
    ("reply: to an earlier life", || {
        ASSIST.calls_later(Sysnum::Send, [to(me(), 1), 0, 0, 0, 0, 0, 0]);
        let received = sys_recv_open(&mut [], 0);
        kipc::reinit_task(ASSIST.index, true);
        sys_reply(received.sender, 1, &[1; 64]);
        equal(ASSIST.returned().0, 0);
    }),
    ("reply: twice", || {
        ASSIST.calls_later(Sysnum::Send, [to(me(), 1), 0, 0, 0, 0, 0, 0]);
        let received = sys_recv_open(&mut [], 0);
        sys_reply(received.sender, 4, &[]);
        sys_reply(received.sender, 5, &[1; 64]);
        equal(ASSIST.returned().1[0], 4);
    }),
    ("reply: to nobody", || {
        let fault = ASSIST.call_faults(Sysnum::Reply, [NOBODY.into(), 0, 0, 0, 0, 0, 0]);
        equal(fault, usage(UsageError::TaskOutOfRange));
    }),
    ("reply_fault: every reason", || {
        let reasons = [
            ReplyFaultReason::UndefinedOperation,
            ReplyFaultReason::BadMessageSize,
            ReplyFaultReason::BadMessageContents,
            ReplyFaultReason::BadLeases,
            ReplyFaultReason::ReplyBufferTooSmall,
            ReplyFaultReason::AccessViolation,
        ];
        for (before, reason) in reasons.into_iter().enumerate() {
            ASSIST.calls_later(Sysnum::Send, [to(me(), 1), 0, 0, 0, 0, 0, 0]);
            let received = sys_recv_open(&mut [], 0);
            sys_reply_fault(received.sender, reason);
            equal(
                ASSIST.fault_after(before as u32),
                FaultInfo::FromServer(me(), reason),
            );
        }
    }),
    ("reply_fault: no such reason", || {
        for reason in [6, u32::MAX] {
            let fault = ASSIST.call_faults(
                Sysnum::ReplyFault,
                [u32::from(LOW.id().0), reason, 0, 0, 0, 0, 0],
            );
            equal(fault, usage(UsageError::BadReplyFaultReason));
        }
    }),
    ("reply_fault: to one who does not wait", || {
        sys_reply_fault(LOW.id(), ReplyFaultReason::AccessViolation);
        equal(faults(LOW.index).0, 0);
    }),
    ("reply_fault: to nobody", || {
        let fault = ASSIST.call_faults(Sysnum::ReplyFault, [NOBODY.into(), 0, 0, 0, 0, 0, 0]);
        equal(fault, usage(UsageError::TaskOutOfRange));
    }),
    ("no system call: 14", || unknown(14)),
    ("no system call: 0x80000000", || unknown(0x8000_0000)),
    ("no system call: 0xffffffff", || unknown(u32::MAX)),
    ("no system call: 256, whose low byte is SEND", || {
        unknown(256)
    }),
    ("panic: the message is fetched by whoever asks", || {
        crate::expect::hold(ASSIST.index);
        let base = ASSIST.pokes(0, &[u32::from_le_bytes(*b"why ")]);
        panics(ASSIST, base, 3);
        let mut buffer = [0; PANIC_MESSAGE_MAX_LEN];
        let seen = kipc::read_panic_message(ASSIST.index, &mut buffer);
        let mut chunks = seen.unwrap_lite();
        equal(chunks.next().map(|chunk| chunk.valid()), Some("why"));
        equal(chunks.count(), 0);
    }),
    ("panic: a message that is not the task's", || {
        crate::expect::hold(ASSIST.index);
        panics(ASSIST, memory_of(SERVER), 3);
        let mut buffer = [0; PANIC_MESSAGE_MAX_LEN];
        let seen = kipc::read_panic_message(ASSIST.index, &mut buffer).err();
        equal(seen, Some(ReadPanicMessageError::BadPanicBuffer));
    }),
    ("panic: a message that wraps", || {
        crate::expect::hold(ASSIST.index);
        panics(ASSIST, u32::MAX, 3);
        let mut buffer = [0; PANIC_MESSAGE_MAX_LEN];
        let seen = kipc::read_panic_message(ASSIST.index, &mut buffer).err();
        equal(seen, Some(ReadPanicMessageError::BadPanicBuffer));
    }),
    ("panic: no message of a task that has not", || {
        let mut buffer = [0; PANIC_MESSAGE_MAX_LEN];
        let seen = kipc::read_panic_message(ASSIST.index, &mut buffer).err();
        equal(seen, Some(ReadPanicMessageError::TaskNotPanicked));
    }),
    (
        "refresh_task_id: any generation in, the present one out",
        || {
            let id = ASSIST.id();
            for generation in 0..64 {
                let asked = TaskId::for_index_and_gen(ASSIST.index, Generation::new(generation));
                equal(sys_refresh_task_id(asked), id);
            }
        },
    ),
    ("refresh_task_id: nobody", || {
        for index in [NOBODY, TaskId::UNBOUND.0, TaskId::KERNEL.0] {
            let fault = ASSIST.call_faults(Sysnum::RefreshTaskId, [index.into(), 0, 0, 0, 0, 0, 0]);
            equal(fault, usage(UsageError::TaskOutOfRange));
        }
    }),
    ("a task slot names its task", || {
        equal(ASSIST.id().index(), ASSIST.index);
    }),
];

/// Has LOW send to ASSIST, with this room for a reply, and ASSIST receive it. Returns LOW's name.
#[track_caller]
pub fn serve_low(room: u32, capacity: u32) -> TaskId {
    serve_low_with_leases(room, capacity, 0, 0)
}

/// The same, with a lease table.
#[track_caller]
pub fn serve_low_with_leases(room: u32, capacity: u32, table: u32, leases: u32) -> TaskId {
    let peer = LOW.id();
    ASSIST.calls_later(
        Sysnum::Recv,
        [0, 0, 0, RECV_CLOSED | u32::from(peer.0), 0, 0, 0],
    );
    LOW.calls_later(
        Sysnum::Send,
        [to(ASSIST.id(), 1), 0, 0, room, capacity, table, leases],
    );
    LOW.settles();
    equal(
        kipc::read_task_status(LOW.index),
        TaskState::Healthy(SchedState::InReply(ASSIST.id())),
    );
    peer
}

fn unknown(number: u32) {
    let mut registers = raw::registers(0, [0; 7]);
    registers[7] = number;
    equal(
        ASSIST.faults(order::CALL, registers),
        usage(UsageError::BadSyscallNumber),
    );
}

#[track_caller]
fn panics(who: Assist, base: u32, len: u32) {
    who.calls_later(Sysnum::Panic, [base, len, 0, 0, 0, 0, 0]);
    equal(who.fault_after(0), FaultInfo::Panic);
}
