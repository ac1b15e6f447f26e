// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! RECV, and who comes first.

use test_suite_common::order;
use userlib::*;

use crate::Case;
use crate::cases::send::{end_of, memory_of};
use crate::expect::{equal, faults, holds};
use crate::tasks::{ASSIST, LOW, NOBODY, SERVER, given, me, to, usage};

/// A notification nobody else uses.
const BIT: u32 = 1 << 7;

/// The cases.
pub const CASES: &[Case] = &[
    ("recv: a message, with all that is known of it", || {
        let base = ASSIST.pokes(0, &[0x4433_2211]);
        ASSIST.calls_later(
            Sysnum::Send,
            [to(me(), 0xabcd), base, 3, base + 16, 9, base + 32, 2],
        );
        let mut buffer = [0; 8];
        let received = sys_recv_open(&mut buffer, 0);
        let wanted = RecvMessage {
            sender: ASSIST.id(),
            operation: 0xabcd,
            message_len: 3,
            response_capacity: 9,
            lease_count: 2,
        };
        equal(received, wanted);
        equal(buffer, [0x11, 0x22, 0x33, 0, 0, 0, 0, 0]);
        sys_reply(received.sender, 5, &[1, 2]);
        let (count, after) = ASSIST.returned();
        equal((count, after[0], after[1]), (1, 5, 2));
        equal(ASSIST.peeks(base + 16), 0x0201);
    }),
    ("recv: straight from a sender that comes later", || {
        let base = LOW.pokes(0, &[0x0a0b_0c0d]);
        LOW.calls_later(Sysnum::Send, [to(me(), 7), base, 4, 0, 0, 0, 0]);
        let mut buffer = [0; 4];
        let received = sys_recv_open(&mut buffer, 0);
        equal((received.sender, received.operation), (LOW.id(), 7));
        equal(buffer, [0x0d, 0x0c, 0x0b, 0x0a]);
        sys_reply(received.sender, 0, &[]);
    }),
    ("recv: a message longer than the buffer is cut off", || {
        let base = ASSIST.pokes(0, &[0x4433_2211, 0x8877_6655]);
        ASSIST.calls_later(Sysnum::Send, [to(me(), 1), base, 8, 0, 0, 0, 0]);
        let mut buffer = [0; 5];
        let received = sys_recv_open(&mut buffer[..3], 0);
        equal(received.message_len, 8);
        equal(buffer, [0x11, 0x22, 0x33, 0, 0]);
        sys_reply(received.sender, 0, &[]);
    }),
    ("recv: the more important sender first", || {
        LOW.calls_later(Sysnum::Send, [to(me(), 2), 0, 0, 0, 0, 0, 0]);
        LOW.settles();
        ASSIST.calls_later(Sysnum::Send, [to(me(), 1), 0, 0, 0, 0, 0, 0]);
        for (wanted, operation) in [(ASSIST, 1), (LOW, 2)] {
            let received = sys_recv_open(&mut [], 0);
            equal(
                (received.sender, received.operation),
                (wanted.id(), operation),
            );
            sys_reply(received.sender, 0, &[]);
        }
    }),
    ("recv: notifications before messages", || {
        ASSIST.calls_later(Sysnum::Send, [to(me(), 1), 0, 0, 0, 0, 0, 0]);
        sys_post(me(), BIT);
        let received = sys_recv_open(&mut [], BIT);
        equal((received.sender, received.operation), (TaskId::KERNEL, BIT));
        equal(
            (
                received.message_len,
                received.response_capacity,
                received.lease_count,
            ),
            (0, 0, 0),
        );
        let received = sys_recv_open(&mut [], BIT);
        equal(received.sender, ASSIST.id());
        sys_reply(received.sender, 0, &[]);
    }),
    ("recv: notifications that are masked stay", || {
        ASSIST.calls_later(Sysnum::Send, [to(me(), 1), 0, 0, 0, 0, 0, 0]);
        sys_post(me(), BIT | 1);
        let received = sys_recv_open(&mut [], 2);
        equal(received.sender, ASSIST.id());
        sys_reply(received.sender, 0, &[]);
        equal(sys_recv_notification(1).get_raw_bits(), 1);
        equal(sys_recv_notification(BIT | 2).get_raw_bits(), BIT);
    }),
    ("recv: closed, others wait", || {
        LOW.calls_later(Sysnum::Send, [to(me(), 2), 0, 0, 0, 0, 0, 0]);
        LOW.settles();
        ASSIST.calls_later(Sysnum::Send, [to(me(), 1), 0, 0, 0, 0, 0, 0]);
        let received = sys_recv_closed(&mut [], 0, LOW.id());
        equal(received.map(|message| message.operation), Ok(2));
        sys_reply(LOW.id(), 0, &[]);
        equal(sys_recv_open(&mut [], 0).operation, 1);
        sys_reply(ASSIST.id(), 0, &[]);
    }),
    ("recv: closed, with a notification", || {
        sys_post(me(), BIT);
        let received = sys_recv_closed(&mut [], BIT, ASSIST.id());
        equal(
            received.map(|message| (message.sender, message.operation)),
            Ok((TaskId::KERNEL, BIT)),
        );
    }),
    ("recv: closed on the kernel, no messages", || {
        ASSIST.calls_later(Sysnum::Send, [to(me(), 1), 0, 0, 0, 0, 0, 0]);
        set_timer_relative(5, BIT);
        equal(sys_recv_notification(BIT).get_raw_bits(), BIT);
        equal(sys_recv_open(&mut [], 0).operation, 1);
        sys_reply(ASSIST.id(), 0, &[]);
    }),
    ("recv: closed on an earlier life", || {
        let stale = ASSIST.id();
        kipc::reinit_task(ASSIST.index, true);
        let wanted = ClosedRecvError::Dead(stale.next_generation().generation());
        equal(sys_recv_closed(&mut [], 0, stale), Err(wanted));
    }),
    ("recv: closed on a life that ends", || {
        let peer = ASSIST.id();
        LOW.calls_later(
            Sysnum::Recv,
            [0, 0, 0, RECV_CLOSED | u32::from(peer.0), 0, 0, 0],
        );
        LOW.settles();
        equal(
            kipc::read_task_status(LOW.index),
            TaskState::Healthy(SchedState::InRecv(Some(peer))),
        );
        kipc::reinit_task(ASSIST.index, true);
        let (count, after) = LOW.returned();
        equal(
            (count, after[0]),
            (1, dead_response_code(peer.next_generation().generation())),
        );
    }),
    ("recv: closed on nobody", || {
        let fault = ASSIST.call_faults(
            Sysnum::Recv,
            [0, 0, 0, RECV_CLOSED | u32::from(NOBODY), 0, 0, 0],
        );
        equal(fault, usage(UsageError::TaskOutOfRange));
    }),
    ("recv: a buffer that wraps", || {
        let fault = ASSIST.call_faults(Sysnum::Recv, [u32::MAX, 2, 0, 0, 0, 0, 0]);
        equal(fault, usage(UsageError::InvalidSlice));
    }),
    (
        "recv: a buffer in one's text faults the receiver, and the sender waits on",
        || {
            let text = ASSIST.place(order::place::TEXT);
            receives_into(text, 8, text);
        },
    ),
    ("recv: a buffer in another task's memory", || {
        let theirs = memory_of(SERVER);
        receives_into(theirs, 8, theirs);
    }),
    (
        "recv: a buffer that crosses the end of one's memory",
        || {
            let end = end_of(ASSIST);
            receives_into(end - 4, 8, end);
        },
    ),
    ("recv: a buffer in memory shared with a device", || {
        let shared = ASSIST.place(order::place::SHARED);
        receives_into(shared, 8, shared);
    }),
    (
        "recv: a message that is not the sender's faults the sender alone",
        || {
            let theirs = memory_of(SERVER);
            ASSIST.calls_later(Sysnum::Send, [to(me(), 1), theirs, 4, 0, 0, 0, 0]);
            let mut buffer = [0; 4];
            // Long enough that the emulator is not kept from getting to the message before.
            set_timer_relative(300, BIT);
            let received = sys_recv_open(&mut buffer, BIT);
            equal((received.sender, buffer), (TaskId::KERNEL, [0; 4]));
            equal(ASSIST.fault_after(0), given(theirs));
        },
    ),
    ("recv: no buffer, anywhere", || {
        for address in [0, u32::MAX] {
            equal(ASSIST.call_notified(address), BIT);
        }
    }),
    ("recv: a sender that restarts is not received", || {
        ASSIST.calls_later(Sysnum::Send, [to(me(), 1), 0, 0, 0, 0, 0, 0]);
        equal(
            kipc::read_task_status(ASSIST.index),
            TaskState::Healthy(SchedState::InSend(me())),
        );
        kipc::reinit_task(ASSIST.index, true);
        set_timer_relative(5, BIT);
        equal(sys_recv_open(&mut [], BIT).sender, TaskId::KERNEL);
    }),
];

/// ASSIST receives into memory that it may not write; LOW's message arrives, ASSIST faults, and LOW is answered by the next life's
/// absence: a dead code.
#[track_caller]
fn receives_into(base: u32, len: u32, offending: u32) {
    let peer = ASSIST.id();
    let before = faults(ASSIST.index).0;
    ASSIST.calls_later(Sysnum::Recv, [base, len, 0, 0, 0, 0, 0]);
    equal(
        kipc::read_task_status(ASSIST.index),
        TaskState::Healthy(SchedState::InRecv(None)),
    );
    let (code, _) = sys_send(peer, 1, &[1; 8], &mut [], &[]);
    equal(
        code,
        dead_response_code(peer.next_generation().generation()),
    );
    equal(ASSIST.fault_after(before), given(offending));
}

impl crate::tasks::Assist {
    /// Receives nothing but a notification, with an empty buffer at `address`. Returns the bits.
    #[track_caller]
    fn call_notified(self, address: u32) -> u32 {
        sys_post(self.id(), BIT);
        let after = self.calls(Sysnum::Recv, [address, 0, BIT, 0, 0, 0, 0]);
        holds(
            after[1] == u32::from(TaskId::KERNEL.0),
            "the kernel as sender",
        );
        after[2]
    }
}
