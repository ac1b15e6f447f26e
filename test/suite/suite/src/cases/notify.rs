// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Timers and notifications.

use test_suite_common::report;
use userlib::*;

use crate::Case;
use crate::expect::{RUNNER, equal, faults, holds};
use crate::tasks::{ASSIST, LOW, NOBODY, me, usage};

const BIT: u32 = 1 << 9;
const OTHER: u32 = 1 << 10;

/// The cases.
pub const CASES: &[Case] = &[
    ("timer: the clock runs forwards", || {
        let start = sys_get_timer().now;
        let mut last = start;
        while last < start + 3 {
            let now = sys_get_timer().now;
            holds(now >= last, "a later time");
            last = now;
        }
    }),
    ("timer: fires at its deadline, once", || {
        // Long enough that the emulator is not kept from looking in between.
        let deadline = set_timer_relative(300, BIT);
        let timer = sys_get_timer();
        equal((timer.deadline, timer.on_dl), (Some(deadline), BIT));
        equal(sys_recv_notification(BIT | OTHER).get_raw_bits(), BIT);
        let timer = sys_get_timer();
        holds(timer.now >= deadline, "not before the deadline");
        equal(timer.deadline, None);
        nothing_comes(BIT);
    }),
    ("timer: a deadline that has passed posts at once", || {
        for deadline in [0, 1, sys_get_timer().now] {
            sys_set_timer(Some(deadline), BIT);
            equal(sys_get_timer().deadline, None);
            equal(sys_recv_notification(BIT).get_raw_bits(), BIT);
        }
    }),
    ("timer: the latest setting counts", || {
        let first = set_timer_relative(300, BIT);
        let second = set_timer_relative(20, OTHER);
        equal(sys_recv_notification(BIT | OTHER).get_raw_bits(), OTHER);
        holds(
            sys_get_timer().now >= second,
            "not before the second deadline",
        );
        hl::sleep_until(first + 1);
        nothing_comes(BIT);
    }),
    ("timer: cancelled", || {
        let deadline = set_timer_relative(300, BIT);
        sys_set_timer(None, 0);
        equal(sys_get_timer().deadline, None);
        while sys_get_timer().now <= deadline {}
        nothing_comes(BIT);
    }),
    ("timer: deadlines at the end of time", || {
        // Where a product with the counter's frequency leaves 64 bits, where its comparator ends, and where a word does.
        let ends = u64::MAX / 62_500;
        let far = [u32::MAX.into(), 1 << 32, 1 << 63, u64::MAX - 1, u64::MAX];
        for deadline in far.into_iter().chain(ends - 1..=ends + 1) {
            sys_set_timer(Some(deadline), BIT);
            let timer = sys_get_timer();
            equal((timer.deadline, timer.on_dl), (Some(deadline), BIT));
            let start = timer.now;
            while sys_get_timer().now < start + 2 {}
            equal(sys_get_timer().deadline, Some(deadline));
        }
        sys_set_timer(None, 0);
        nothing_comes(BIT);
    }),
    ("timer: a near deadline behind far ones", || {
        for deadline in [u64::MAX, u64::MAX / 62_500, 1 << 32] {
            let words = [deadline as u32, (deadline >> 32) as u32];
            LOW.calls(Sysnum::SetTimer, [1, words[0], words[1], BIT, 0, 0, 0]);
            ASSIST.calls(Sysnum::SetTimer, [1, words[0], words[1], BIT, 0, 0, 0]);
            sys_set_timer(Some(deadline), OTHER);
            let near = set_timer_relative(2, BIT);
            equal(sys_recv_notification(BIT | OTHER).get_raw_bits(), BIT);
            holds(sys_get_timer().now >= near, "not before the deadline");
            for who in [LOW, ASSIST] {
                let timer = who.calls(Sysnum::GetTimer, [0; 7]);
                equal([timer[2], timer[3], timer[4]], [1, words[0], words[1]]);
            }
        }
    }),
    (
        "timer: a deadline before and after the present word",
        || {
            // The low word alone would make the first look late and the second early.
            let now = sys_get_timer().now;
            sys_set_timer(Some((1 << 32) | (now & 0xffff_ffff).saturating_sub(1)), BIT);
            holds(sys_get_timer().deadline.is_some(), "a deadline far away");
            sys_set_timer(Some(now.saturating_sub(1)), OTHER);
            equal(sys_recv_notification(BIT | OTHER).get_raw_bits(), OTHER);
        },
    ),
    ("timer: several bits, or none", || {
        set_timer_relative(2, BIT | OTHER);
        equal(
            sys_recv_notification(BIT | OTHER).get_raw_bits(),
            BIT | OTHER,
        );
        set_timer_relative(2, 0);
        // The emulated timer may be late; a timer that never fires is for the runner's limit to find.
        while sys_get_timer().deadline.is_some() {}
    }),
    ("timer: another task sets its own", || {
        let now = sys_get_timer().now;
        LOW.calls_later(
            Sysnum::SetTimer,
            [1, now as u32 + 5, (now >> 32) as u32, BIT, 0, 0, 0],
        );
        hl::sleep_for(10);
        let after = LOW.calls(Sysnum::Recv, [0, 0, BIT, 0, 0, 0, 0]);
        equal((after[1], after[2]), (u32::from(TaskId::KERNEL.0), BIT));
    }),
    ("timer: two tasks at once", || {
        let now = sys_get_timer().now;
        ASSIST.calls(
            Sysnum::SetTimer,
            [1, now as u32 + 4, (now >> 32) as u32, BIT, 0, 0, 0],
        );
        set_timer_relative(4, BIT);
        equal(sys_recv_notification(BIT).get_raw_bits(), BIT);
        equal(ASSIST.calls(Sysnum::Recv, [0, 0, BIT, 0, 0, 0, 0])[2], BIT);
    }),
    ("post: collects bits", || {
        equal(
            (
                sys_post(me(), BIT),
                sys_post(me(), OTHER),
                sys_post(me(), BIT),
            ),
            (0, 0, 0),
        );
        equal(
            sys_recv_notification(BIT | OTHER).get_raw_bits(),
            BIT | OTHER,
        );
        nothing_comes(BIT | OTHER);
    }),
    ("post: every bit, to any task", || {
        // The supervisor included: it looks for faulted tasks, and finds none.
        let before = faults(ASSIST.index).0;
        for target in [RUNNER, me(), ASSIST.id(), LOW.id()] {
            let answer = ASSIST.calls(Sysnum::Post, [target.0.into(), u32::MAX, 0, 0, 0, 0, 0]);
            equal(answer[0], 0);
        }
        equal(sys_recv_notification(u32::MAX).get_raw_bits(), u32::MAX);
        equal(
            sys_send(RUNNER, report::CODE, &[], &mut [], &[]),
            (report::THE_CODE, 0),
        );
        equal(faults(ASSIST.index).0, before);
    }),
    ("post: wakes a more important receiver at once", || {
        ASSIST.calls_later(Sysnum::Recv, [0, 0, BIT, 0, 0, 0, 0]);
        sys_post(ASSIST.id(), OTHER);
        equal(
            kipc::read_task_status(ASSIST.index),
            TaskState::Healthy(SchedState::InRecv(None)),
        );
        equal(sys_post(ASSIST.id(), BIT), 0);
        // It has come back from that call, and receives orders again.
        equal(ASSIST.returned().1[2], BIT);
        equal(
            ASSIST.calls(Sysnum::Recv, [0, 0, OTHER, 0, 0, 0, 0])[2],
            OTHER,
        );
    }),
    (
        "post: wakes a less important receiver when it is its turn",
        || {
            LOW.calls_later(Sysnum::Recv, [0, 0, BIT, 0, 0, 0, 0]);
            LOW.settles();
            sys_post(LOW.id(), BIT);
            equal(
                kipc::read_task_status(LOW.index),
                TaskState::Healthy(SchedState::Runnable),
            );
            equal(LOW.returned().1[2], BIT);
        },
    ),
    ("post: to an earlier life", || {
        let stale = LOW.id();
        kipc::reinit_task(LOW.index, true);
        equal(
            sys_post(stale, BIT),
            dead_response_code(stale.next_generation().generation()),
        );
    }),
    ("post: to nobody", || {
        for target in [NOBODY, TaskId::KERNEL.0] {
            let fault = ASSIST.call_faults(Sysnum::Post, [target.into(), 1, 0, 0, 0, 0, 0]);
            equal(fault, usage(UsageError::TaskOutOfRange));
        }
    }),
    ("post: to a task that is stopped", || {
        kipc::reinit_task(LOW.index, false);
        equal(sys_post(LOW.id(), BIT), 0);
        equal(
            kipc::read_task_status(LOW.index),
            TaskState::Healthy(SchedState::Stopped),
        );
        kipc::reinit_task(LOW.index, true);
    }),
];

#[track_caller]
fn nothing_comes(mask: u32) {
    const TIMER: u32 = 1 << 30;
    sys_set_timer(Some(0), TIMER);
    equal(sys_recv_notification(mask | TIMER).get_raw_bits(), TIMER);
}
