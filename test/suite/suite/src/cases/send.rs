// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! SEND, and slices of every kind, which all calls check alike.

use test_suite_common::order::{self, instruction as the, place};
use test_suite_common::report;
use userlib::*;

use crate::Case;
use crate::cases::reply::serve_low_with_leases;
use crate::expect::{RUNNER, equal, holds};
use crate::tasks::{ASSIST, Assist, LOW, NOBODY, SERVER, given, to, usage};

const INVALID_SLICE: UsageError = UsageError::InvalidSlice;
/// A page that both assistants may write: the memory `mailbox`.
const MAILBOX: u32 = 0x4040_0000;

/// The cases.
pub const CASES: &[Case] = &[
    ("send: a message and its reply", || {
        let mut reply = [0; 8];
        equal(
            sys_send(RUNNER, report::ECHO, b"12345", &mut reply, &[]),
            (0, 5),
        );
        equal(&reply, b"12345\0\0\0");
    }),
    ("send: a response code other than 0", || {
        equal(
            sys_send(RUNNER, report::CODE, &[], &mut [], &[]),
            (report::THE_CODE, 0),
        );
    }),
    ("send: a message of 256 bytes", || {
        let mut message = [0; report::MESSAGE];
        for (index, byte) in message.iter_mut().enumerate() {
            *byte = index as u8;
        }
        let mut reply = [0; report::MESSAGE];
        equal(
            sys_send(RUNNER, report::ECHO, &message, &mut reply, &[]),
            (0, 256),
        );
        holds(reply == message, "every byte comes back");
    }),
    ("send: every length and alignment up to 16", || {
        let mut message = [0; 32];
        for (index, byte) in message.iter_mut().enumerate() {
            *byte = index as u8 + 1;
        }
        for from in 0..8 {
            for to in 0..8 {
                for len in 0..16 {
                    let mut reply = [0; 32];
                    let sent = &message[from..from + len];
                    let answer =
                        sys_send(RUNNER, report::ECHO, sent, &mut reply[to..to + len], &[]);
                    equal(answer, (0, len));
                    equal(&reply[to..to + len], sent);
                    holds(
                        reply[..to]
                            .iter()
                            .chain(&reply[to + len..])
                            .all(|byte| *byte == 0),
                        "nothing else is written",
                    );
                }
            }
        }
    }),
    ("send: nothing, with buffers anywhere", || {
        for address in [0, 1, 0x4010_0000, u32::MAX] {
            let after = ASSIST.calls(
                Sysnum::Send,
                [to(RUNNER, report::ECHO), address, 0, address, 0, address, 0],
            );
            equal((after[0], after[1]), (0, 0));
        }
    }),
    ("send: no other register changes", || {
        equal(ASSIST.executes(the::REGISTERS_KEPT, 0), 0)
    }),
    ("svc: the immediate is ignored", || {
        equal(ASSIST.executes(the::SVC_IMMEDIATE, 0), 0)
    }),
    ("svc: from Thumb state", || {
        equal(ASSIST.executes(the::SVC_THUMB, 0), 0)
    }),
    ("svc: in big-endian state", || {
        equal(ASSIST.executes(the::SVC_BIG_ENDIAN, 0), 0)
    }),
    ("send: to nobody", || {
        let fault = sends(ASSIST, to(TaskId(NOBODY), 1), [0; 6]);
        equal(fault, usage(UsageError::TaskOutOfRange));
    }),
    ("send: to an unbound task slot", || {
        equal(
            sends(ASSIST, to(TaskId::UNBOUND, 1), [0; 6]),
            usage(UsageError::TaskOutOfRange),
        );
    }),
    ("send: to an earlier life", || {
        let stale = ASSIST.id();
        kipc::reinit_task(ASSIST.index, true);
        let (code, len) = sys_send(stale, 1, &[], &mut [], &[]);
        equal(
            (code, len),
            (dead_response_code(stale.next_generation().generation()), 0),
        );
    }),
    ("send: to a later life", || {
        let (id, future) = (ASSIST.id(), ASSIST.id().next_generation());
        let (code, _) = sys_send(future, 1, &[], &mut [], &[]);
        equal(code, dead_response_code(id.generation()));
    }),
    ("send: a message that wraps", || {
        message(0xffff_fff0, 0x20, usage(INVALID_SLICE))
    }),
    (
        "send: a message up to the last byte of the address space",
        || message(0xffff_fff0, 0x10, usage(INVALID_SLICE)),
    ),
    ("send: a message as long as the address space", || {
        message(1, u32::MAX, usage(INVALID_SLICE))
    }),
    ("send: a message at address 0", || message(0, 1, given(0))),
    ("send: a message in the kernel", || {
        message(0x4010_0000, 4, given(0x4010_0000))
    }),
    ("send: a message in another task's memory", || {
        let theirs = memory_of(SERVER);
        message(theirs, 4, given(theirs));
    }),
    ("send: a message in a device", || {
        message(0x0a00_0000, 4, given(0x0a00_0000))
    }),
    ("send: a message in memory shared with a device", || {
        let shared = ASSIST.place(place::SHARED);
        message(shared, 4, given(shared));
    }),
    ("send: a message up to the end of one's memory", || {
        let end = end_of(ASSIST);
        let after = ASSIST.calls(
            Sysnum::Send,
            [to(RUNNER, report::CODE), end - 8, 8, 0, 0, 0, 0],
        );
        equal(after[0], report::THE_CODE);
    }),
    (
        "send: a message that crosses the end of one's memory",
        || {
            let end = end_of(ASSIST);
            message(end - 8, 9, given(end));
        },
    ),
    ("send: a message that begins before one's memory", || {
        let base = ASSIST.ram().base;
        message(base - 1, 8, given(base - 1));
    }),
    ("send: a message in one's text", || {
        let text = ASSIST.place(place::TEXT);
        let after = ASSIST.calls(
            Sysnum::Send,
            [to(RUNNER, report::CODE), text, 8, 0, 0, 0, 0],
        );
        equal(after[0], report::THE_CODE);
    }),
    ("send: a reply buffer that wraps", || {
        equal(reply_buffer(0xffff_ff00, 0x200), usage(INVALID_SLICE));
    }),
    ("send: a reply buffer in one's text", || {
        let text = ASSIST.place(place::TEXT);
        equal(reply_buffer(text, 4), given(text));
    }),
    ("send: a reply buffer in one's constants", || {
        let constant = ASSIST.place(place::CONSTANT);
        equal(reply_buffer(constant, 4), given(constant));
    }),
    ("send: a reply buffer in another task's memory", || {
        let theirs = memory_of(SERVER);
        equal(reply_buffer(theirs, 4), given(theirs));
    }),
    (
        "send: a reply buffer that crosses the end of one's memory",
        || {
            let end = end_of(ASSIST);
            equal(reply_buffer(end - 4, 8), given(end));
        },
    ),
    (
        "send: a reply buffer in memory shared with a device",
        || {
            let shared = ASSIST.place(place::SHARED);
            equal(reply_buffer(shared, 8), given(shared));
        },
    ),
    ("send: a lease table that is not aligned", || {
        for offset in 1..4 {
            let table = ASSIST.buffer() + offset;
            let fault = sends(ASSIST, to(RUNNER, report::CODE), [0, 0, 0, 0, table, 1]);
            equal(fault, usage(INVALID_SLICE));
        }
    }),
    ("send: a lease table that wraps", || {
        let fault = sends(
            ASSIST,
            to(RUNNER, report::CODE),
            [0, 0, 0, 0, 0xffff_fff8, 1],
        );
        equal(fault, usage(INVALID_SLICE));
    }),
    ("send: more leases than there are addresses", || {
        let fault = sends(
            ASSIST,
            to(RUNNER, report::CODE),
            [0, 0, 0, 0, 0, 0x2000_0000],
        );
        equal(fault, usage(INVALID_SLICE));
    }),
    ("send: a lease table that another task can write", || {
        // All of it, and its last word only.
        for table in [MAILBOX, MAILBOX + 0xff4, MAILBOX - 8] {
            let fault = sends(ASSIST, to(RUNNER, report::CODE), [0, 0, 0, 0, table, 1]);
            equal(fault, given(table.max(MAILBOX)));
        }
    }),
    (
        "send: a lease of memory that another task can write",
        || {
            LOW.does(order::WRITE, [MAILBOX, 1, 0x1234_abcd, 0, 0, 0, 0, 0]);
            let base = LOW.pokes(0, &[1, MAILBOX, 4]);
            let peer = serve_low_with_leases(0, 0, base, 1);
            let room = ASSIST.buffer();
            let after = ASSIST.calls(Sysnum::BorrowRead, [u32::from(peer.0), 0, 0, room, 4, 0, 0]);
            equal((after[0], after[1]), (0, 4));
            equal(ASSIST.peeks(room), 0x1234_abcd);
        },
    ),
    ("send: no leases at an odd address", || {
        let after = ASSIST.calls(Sysnum::Send, [to(RUNNER, report::CODE), 0, 0, 0, 0, 3, 0]);
        equal(after[0], report::THE_CODE);
    }),
    ("send: to itself waits until it restarts", || {
        let id = ASSIST.id();
        ASSIST.calls_later(Sysnum::Send, [to(id, 1), 0, 0, 0, 0, 0, 0]);
        equal(
            kipc::read_task_status(ASSIST.index),
            TaskState::Healthy(SchedState::InSend(id)),
        );
        kipc::reinit_task(ASSIST.index, true);
        equal(ASSIST.returned().0, 0);
    }),
];

/// A SEND of `who` that faults: what comes after target and operation.
#[track_caller]
fn sends(who: Assist, target: u32, rest: [u32; 6]) -> FaultInfo {
    let [a, b, c, d, e, f] = rest;
    who.call_faults(Sysnum::Send, [target, a, b, c, d, e, f])
}

#[track_caller]
fn message(base: u32, len: u32, wanted: FaultInfo) {
    equal(
        sends(ASSIST, to(RUNNER, report::CODE), [base, len, 0, 0, 0, 0]),
        wanted,
    );
}

/// The fault of a client that offers this for a reply.
#[track_caller]
fn reply_buffer(base: u32, len: u32) -> FaultInfo {
    sends(ASSIST, to(RUNNER, report::CODE), [0, 0, base, len, 0, 0])
}

/// Where a task's memory begins.
pub fn memory_of(index: usize) -> u32 {
    kipc::get_task_dump_region(index, 1).map_or(0, |region| region.base)
}

/// Where an assistant's memory ends.
pub fn end_of(who: Assist) -> u32 {
    let ram = who.ram();
    ram.base + ram.size
}
