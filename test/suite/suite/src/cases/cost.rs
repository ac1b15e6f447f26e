// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What the kernel's operations cost: how long interrupts are masked, in instructions.
//!
//! LOW counts; it may use the performance counters. Under `-icount shift=0` a cycle is an instruction, and every number the same each
//! time; that is how test/integration/tests/suite.rs runs the suite with 32 tasks. Elsewhere a cycle is a stretch of time on a busy
//! computer, and these cases only see that the calls come back: they hold nothing against a limit.

use core::fmt::Arguments;

use test_suite_common::order;
use userlib::*;

use crate::Case;
use crate::cases::crowd::everyone;
use crate::expect::{equal, holds, note};
use crate::tasks::{ASSIST, LOW, kernel, to};

const BIT: u32 = 1 << 14;

/// No call without a copy or a restart takes more instructions than this.
const LIMIT: u32 = 180;
/// No kernel IPC takes more, but for the restart and the dump; the search for a faulted task looks at each.
const KERNEL_IPC: u32 = 480;
/// No call takes more than this besides its copy: instructions for each four bytes, and for what is left over.
const FOR_A_WORD: u32 = 4;
const FOR_THE_REST: u32 = 60;
/// A restart takes an instruction for each word of stack at most, besides this.
const RESTART: u32 = 900;
/// The timer's interrupt, with the timers of all tasks due.
const ALARM: u32 = 1400;

/// The cases.
pub const CASES: &[Case] = &[
    ("cost: calls that ask and set", || {
        let me = u32::from(LOW.id().0);
        let calls = [
            ("GET_TIMER", Sysnum::GetTimer, [0; 7]),
            ("SET_TIMER off", Sysnum::SetTimer, [0; 7]),
            (
                "SET_TIMER near",
                Sysnum::SetTimer,
                [1, u32::MAX, 1, BIT, 0, 0, 0],
            ),
            (
                "SET_TIMER far",
                Sysnum::SetTimer,
                [1, 0, 1 << 31, BIT, 0, 0, 0],
            ),
            ("SET_TIMER past", Sysnum::SetTimer, [1, 0, 0, BIT, 0, 0, 0]),
            (
                "REFRESH_TASK_ID",
                Sysnum::RefreshTaskId,
                [me, 0, 0, 0, 0, 0, 0],
            ),
            ("POST", Sysnum::Post, [me, BIT, 0, 0, 0, 0, 0]),
            (
                "RECV of a notification",
                Sysnum::Recv,
                [0, 0, BIT, 0, 0, 0, 0],
            ),
            ("REPLY to nobody", Sysnum::Reply, [me, 0, 0, 0, 0, 0, 0]),
        ];
        for (name, number, arguments) in calls {
            costs(name, number, arguments, LIMIT);
        }
    }),
    ("cost: calls about interrupts and the kernel", || {
        let base = LOW.pokes(0, &[ASSIST.index as u32, 1, 0, 0]);
        for operation in [
            Kipcnum::ReadTaskStatus,
            Kipcnum::ReadImageId,
            Kipcnum::FindFaultedTask,
            Kipcnum::SoftwareIrq,
            Kipcnum::GetTaskDumpRegion,
        ] {
            let operation = operation as u16;
            let arguments = [kernel(operation), base, 8, base + 64, 32, 0, 0];
            costs("kernel IPC", Sysnum::Send, arguments, KERNEL_IPC);
        }
    }),
    ("cost: whatever the arguments", || {
        // What a task may say without a fault, at random; whom it names does not wait for it.
        let mut seed = 0x2545_f491_u32;
        let mut next = || {
            seed ^= seed << 13;
            seed ^= seed >> 17;
            seed ^= seed << 5;
            seed
        };
        let someone = u32::from(ASSIST.id().0);
        let mut most = 0;
        for round in 0..400 {
            let (number, arguments) = match round % 5 {
                0 => (Sysnum::SetTimer, [next(), next(), next(), next(), 0, 0, 0]),
                1 => (Sysnum::Post, [u32::from(LOW.id().0), next(), 0, 0, 0, 0, 0]),
                2 => (Sysnum::BorrowInfo, [someone, next(), 0, 0, 0, 0, 0]),
                3 => (Sysnum::BorrowRead, [someone, next(), next(), 0, 0, 0, 0]),
                _ => (Sysnum::Reply, [someone, next(), next(), 0, 0, 0, 0]),
            };
            most = most.max(measured(number, arguments));
        }
        at_most(format_args!("400 calls at random"), most, LIMIT);
    }),
    ("cost: a copy, by its length", || {
        for len in [0_u32, 1, 4, 63, 64, 100, 127, 128] {
            let (base, lender) = lent(len);
            for (name, number) in [("read", Sysnum::BorrowRead), ("write", Sysnum::BorrowWrite)] {
                let cost = measured(number, [lender, 0, 0, base, len, 0, 0]);
                let limit = LIMIT + FOR_THE_REST + len / 4 * FOR_A_WORD;
                at_most(format_args!("BORROW to {name} {len} bytes"), cost, limit);
            }
        }
    }),
    ("cost: a restart, by the length of the stack", || {
        let base = LOW.pokes(0, &[ASSIST.index as u32, 0]);
        let operation = kernel(Kipcnum::ReinitTask as u16);
        let words = 2048 / 4;
        costs(
            "a restart (2 KiB of stack)",
            Sysnum::Send,
            [operation, base, 5, 0, 0, 0, 0],
            RESTART + words,
        );
        kipc::reinit_task(ASSIST.index, true);
    }),
    ("cost: the timer's interrupt, with all timers due", || {
        let deadline = sys_get_timer().now + 40;
        let words = [deadline as u32, (deadline >> 32) as u32];
        let mut due = 0;
        for who in everyone() {
            due += 1;
            who.calls(Sysnum::SetTimer, [1, words[0], words[1], BIT, 0, 0, 0]);
        }
        // 40 ms are 40 million instructions; a look is nine of them.
        let looks = 8_000_000;
        let [shortest, longest, ..] = LOW.does(order::GAP, [looks, 0, 0, 0, 0, 0, 0, 0]);
        holds(sys_get_timer().now > deadline, "long enough a look");
        let cost = longest - shortest;
        at_most(
            format_args!("the timer's interrupt, {due} timers due"),
            cost,
            ALARM,
        );
        for who in everyone() {
            equal(who.calls(Sysnum::Recv, [0, 0, BIT, 0, 0, 0, 0])[2], BIT);
        }
    }),
];

/// Whether a cycle is an instruction: then the same call costs the same, to the cycle.
fn exact() -> bool {
    let once = || LOW.does(order::COST, [0, 0, 0, 0, 0, 0, 0, Sysnum::GetTimer as u32])[0];
    let first = once();
    first < 10_000 && (0..8).all(|_| once() == first)
}

#[track_caller]
fn measured(number: Sysnum, a: [u32; 7]) -> u32 {
    let order = [a[0], a[1], a[2], a[3], a[4], a[5], a[6], number as u32];
    LOW.does(order::COST, order)[0]
}

#[track_caller]
fn costs(name: &str, number: Sysnum, arguments: [u32; 7], limit: u32) {
    let cost = measured(number, arguments);
    at_most(format_args!("{name}"), cost, limit);
}

/// Prints a cost and holds it against its limit, if it is in instructions.
#[track_caller]
fn at_most(name: Arguments<'_>, cost: u32, limit: u32) {
    if exact() {
        note(format_args!("cost: {name}: {cost}"));
        holds(cost <= limit, "no more instructions than the limit");
    }
}

/// ASSIST lends so many bytes to LOW, and waits. Returns LOW's buffer, and who lends.
#[track_caller]
fn lent(len: u32) -> (u32, u32) {
    kipc::reinit_task(ASSIST.index, true);
    let lender = u32::from(ASSIST.id().0);
    let (base, buffer) = (ASSIST.buffer(), LOW.buffer());
    ASSIST.pokes(0, &[3, base + 64, len]);
    LOW.calls_later(Sysnum::Recv, [0, 0, 0, RECV_CLOSED | lender, 0, 0, 0]);
    LOW.settles();
    ASSIST.calls_later(Sysnum::Send, [to(LOW.id(), 1), 0, 0, 0, 0, base, 1]);
    LOW.settles();
    (buffer, lender)
}
