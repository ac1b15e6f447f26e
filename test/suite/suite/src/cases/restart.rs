// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Restarts, in every state.

use test_suite_common::order::{self, place};
use userlib::*;

use crate::Case;
use crate::expect::{equal, hold, holds};
use crate::tasks::{ASSIST, Assist, LOW, NOBODY, kernel, me, to};

const BIT: u32 = 1 << 11;

/// The cases.
pub const CASES: &[Case] = &[
    ("restart: while runnable", || {
        LOW.calls_later(Sysnum::GetTimer, [0; 7]);
        restarts(LOW, SchedState::Runnable);
        // What it was about to do is forgotten.
        equal(LOW.returned().0, 0);
    }),
    ("restart: while sending", || {
        ASSIST.calls_later(Sysnum::Send, [to(me(), 1), 0, 0, 0, 0, 0, 0]);
        restarts(ASSIST, SchedState::InSend(me()));
    }),
    ("restart: while waiting for a reply", || {
        ASSIST.calls_later(Sysnum::Send, [to(me(), 1), 0, 0, 0, 0, 0, 0]);
        let received = sys_recv_open(&mut [], 0);
        restarts(ASSIST, SchedState::InReply(me()));
        sys_reply(received.sender, 0, &[]);
    }),
    ("restart: while receiving", || {
        restarts(ASSIST, SchedState::InRecv(None))
    }),
    ("restart: while receiving from one task", || {
        let peer = LOW.id();
        ASSIST.calls_later(
            Sysnum::Recv,
            [0, 0, 0, RECV_CLOSED | u32::from(peer.0), 0, 0, 0],
        );
        restarts(ASSIST, SchedState::InRecv(Some(peer)));
    }),
    ("restart: while faulted", || {
        hold(ASSIST.index);
        ASSIST.calls_later(Sysnum::Post, [NOBODY.into(), 0, 0, 0, 0, 0, 0]);
        let id = ASSIST.id();
        holds(
            matches!(
                kipc::read_task_status(ASSIST.index),
                TaskState::Faulted { .. }
            ),
            "a faulted task",
        );
        kipc::reinit_task(ASSIST.index, true);
        equal(ASSIST.id(), id.next_generation());
        ASSIST.buffer();
    }),
    ("restart: while stopped", || {
        kipc::reinit_task(ASSIST.index, false);
        restarts(ASSIST, SchedState::Stopped);
    }),
    ("restart: without a start it stays stopped", || {
        LOW.calls_later(Sysnum::GetTimer, [0; 7]);
        kipc::reinit_task(LOW.index, false);
        hl::sleep_for(3);
        equal(
            kipc::read_task_status(LOW.index),
            TaskState::Healthy(SchedState::Stopped),
        );
        kipc::reinit_task(LOW.index, true);
        LOW.buffer();
    }),
    ("restart: wakes one who sends to it", || {
        kipc::reinit_task(ASSIST.index, false);
        let peer = ASSIST.id();
        LOW.calls_later(Sysnum::Send, [to(peer, 1), 0, 0, 0, 0, 0, 0]);
        LOW.settles();
        equal(
            kipc::read_task_status(LOW.index),
            TaskState::Healthy(SchedState::InSend(peer)),
        );
        kipc::reinit_task(ASSIST.index, true);
        dead(LOW, peer);
    }),
    ("restart: wakes one who waits for its reply", || {
        let peer = ASSIST.id();
        crate::cases::reply::serve_low(0, 0);
        kipc::reinit_task(ASSIST.index, true);
        dead(LOW, peer);
    }),
    (
        "restart: one who sends to a faulted task waits for it",
        || {
            hold(ASSIST.index);
            kipc::fault_task(ASSIST.index);
            let peer = ASSIST.id();
            LOW.calls_later(Sysnum::Send, [to(peer, 1), 0, 0, 0, 0, 0, 0]);
            LOW.settles();
            equal(
                kipc::read_task_status(LOW.index),
                TaskState::Healthy(SchedState::InSend(peer)),
            );
            kipc::reinit_task(ASSIST.index, true);
            dead(LOW, peer);
        },
    ),
    ("restart: registers begin at zero", || {
        ASSIST.calls(Sysnum::GetTimer, [0x5ec2_e700; 7]);
        kipc::reinit_task(ASSIST.index, true);
        equal(ASSIST.does(order::FIRST_REGISTERS, [0; 8]), [0; 8]);
    }),
    (
        "restart: by oneself, nothing stays in the processor",
        || {
            // Nobody waits for LOW and everybody else sleeps, so the next life begins without a switch to another task.
            let (id, buffer) = (LOW.id(), LOW.buffer());
            let message = LOW.pokes(16, &[LOW.index as u32, 1]);
            LOW.calls_later(
                Sysnum::Send,
                [
                    kernel(Kipcnum::ReinitTask as u16),
                    message,
                    5,
                    buffer,
                    0,
                    0,
                    0,
                ],
            );
            LOW.settles();
            equal(LOW.id(), id.next_generation());
            let state = LOW.does(order::FIRST_STATE, [0; 8]);
            equal((state[0], state[1]), (0, 1));
        },
    ),
    ("restart: the stack is scrubbed", || {
        let bottom = ASSIST.ram().base;
        ASSIST.does(order::WRITE, [bottom, 1, 0x5ec2_e700, 0, 0, 0, 0, 0]);
        kipc::reinit_task(ASSIST.index, true);
        equal(ASSIST.peeks(bottom), 0xbadd_cafe);
    }),
    ("restart: the topmost word of the stack is scrubbed", || {
        let top = ASSIST.place(place::STACK) | 0x7ff;
        let top = top - 3;
        ASSIST.does(order::WRITE, [top, 1, 0x5ec2_e700, 0, 0, 0, 0, 0]);
        // It is stopped, so nothing of its next life is there yet.
        kipc::reinit_task(ASSIST.index, false);
        let mut word = [0; 4];
        let region = TaskDumpRegion { base: top, size: 4 };
        equal(
            kipc::read_task_dump_region(ASSIST.index, region, &mut word),
            4,
        );
        equal(u32::from_le_bytes(word), 0xbadd_cafe);
        kipc::reinit_task(ASSIST.index, true);
        ASSIST.buffer();
    }),
    ("restart: variables begin anew", || {
        let variable = ASSIST.place(place::VARIABLE);
        ASSIST.does(order::WRITE, [variable, 1, 1, 0, 0, 0, 0, 0]);
        ASSIST.pokes(0, &[7]);
        kipc::reinit_task(ASSIST.index, true);
        equal(ASSIST.peeks(variable), order::VARIABLE);
        equal(ASSIST.peeks(ASSIST.buffer()), 0);
    }),
    ("restart: memory shared with a device is left alone", || {
        let shared = ASSIST.place(place::SHARED);
        ASSIST.does(order::WRITE, [shared, 1, 0x1234_0007, 0, 0, 0, 0, 0]);
        kipc::reinit_task(ASSIST.index, true);
        equal(ASSIST.peeks(shared), 0x1234_0007);
    }),
    ("restart: notifications are forgotten", || {
        sys_post(ASSIST.id(), BIT);
        kipc::reinit_task(ASSIST.index, true);
        sys_post(ASSIST.id(), BIT << 1);
        let after = ASSIST.calls(Sysnum::Recv, [0, 0, BIT | BIT << 1, 0, 0, 0, 0]);
        equal(after[2], BIT << 1);
    }),
    ("restart: the timer is off", || {
        let now = sys_get_timer().now;
        ASSIST.calls(
            Sysnum::SetTimer,
            [1, now as u32 + 5, (now >> 32) as u32, BIT, 0, 0, 0],
        );
        kipc::reinit_task(ASSIST.index, true);
        equal(ASSIST.calls(Sysnum::GetTimer, [0; 7])[2], 0);
        hl::sleep_for(8);
        sys_post(ASSIST.id(), BIT << 1);
        let after = ASSIST.calls(Sysnum::Recv, [0, 0, BIT | BIT << 1, 0, 0, 0, 0]);
        equal(after[2], BIT << 1);
    }),
    ("restart: 64 times, and the generations repeat", || {
        let first = LOW.id();
        let mut id = first;
        for _ in 0..64 {
            kipc::reinit_task(LOW.index, true);
            id = id.next_generation();
            equal(LOW.id(), id);
        }
        equal(id, first);
        LOW.buffer();
    }),
    (
        "restart: every generation answers to its own name only",
        || {
            for _ in 0..64 {
                let stale = LOW.id();
                kipc::reinit_task(LOW.index, true);
                equal(
                    sys_post(stale, 0),
                    dead_response_code(stale.next_generation().generation()),
                );
                equal(sys_post(LOW.id(), 0), 0);
            }
        },
    ),
    ("restart: a hundred faults one after the other", || {
        for before in 0..100 {
            let fault = ASSIST.faults(order::EXECUTE, [0; 8]);
            equal(fault, FaultInfo::IllegalInstruction);
            equal(crate::expect::faults(ASSIST.index).0, before + 1);
        }
    }),
];

/// Restarts a task in this state.
#[track_caller]
fn restarts(who: Assist, state: SchedState) {
    let id = who.id();
    equal(kipc::read_task_status(who.index), TaskState::Healthy(state));
    kipc::reinit_task(who.index, true);
    equal(who.id(), id.next_generation());
    // It works.
    who.buffer();
}

/// The late call of `who` came back with the death of `peer`.
#[track_caller]
fn dead(who: Assist, peer: TaskId) {
    let (count, after) = who.returned();
    let code = dead_response_code(peer.next_generation().generation());
    equal((count, after[0], after[1]), (1, code, 0));
}
