// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Timers, notifications and interrupts.

use userlib::*;

use crate::Case;
use crate::expect::{equal, faults, holds};
use crate::tasks::{ASSIST, LOW, NOBODY, me, usage};

const BIT: u32 = 1 << 9;
const OTHER: u32 = 1 << 10;
/// ASSIST's interrupts.
const FIRST: u32 = 1;
const SECOND: u32 = 2;
const ENABLE: u32 = 1;
const CLEAR: u32 = 2;

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
    ("timer: the farthest deadline", || {
        sys_set_timer(Some(u64::MAX), BIT);
        let timer = sys_get_timer();
        equal((timer.deadline, timer.on_dl), (Some(u64::MAX), BIT));
        sys_set_timer(None, 0);
    }),
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
    ("irq: masked at the start of a life", || {
        equal(status(FIRST), 0);
        equal(status(SECOND), 0);
    }),
    ("irq: enabled and disabled", || {
        control(FIRST, ENABLE);
        equal((status(FIRST), status(SECOND)), (1, 0));
        control(FIRST, 0);
        equal(status(FIRST), 0);
    }),
    ("irq: pending while masked, and forgotten", || {
        kipc::software_irq(ASSIST.index, FIRST);
        equal(status(FIRST), 2);
        control(FIRST, CLEAR);
        equal(status(FIRST), 0);
    }),
    ("irq: comes once it is enabled, and is masked then", || {
        kipc::software_irq(ASSIST.index, FIRST);
        equal(status(FIRST), 2);
        control(FIRST, ENABLE);
        // Posted, and masked until it is enabled again.
        equal(status(FIRST), 4);
        equal(
            ASSIST.calls(Sysnum::Recv, [0, 0, FIRST | SECOND, 0, 0, 0, 0])[2],
            FIRST,
        );
        equal(status(FIRST), 0);
    }),
    ("irq: enabled, with what is pending forgotten", || {
        kipc::software_irq(ASSIST.index, SECOND);
        control(SECOND, ENABLE | CLEAR);
        equal(status(SECOND), 1);
        control(SECOND, 0);
    }),
    ("irq: wakes the task that waits for it", || {
        control(SECOND, ENABLE);
        ASSIST.calls_later(Sysnum::Recv, [0, 0, SECOND, 0, 0, 0, 0]);
        kipc::software_irq(ASSIST.index, SECOND);
        equal(ASSIST.returned().1[2], SECOND);
    }),
    ("irq: a hundred one after the other", || {
        for _ in 0..100 {
            control(FIRST, ENABLE);
            kipc::software_irq(ASSIST.index, FIRST);
            equal(
                ASSIST.calls(Sysnum::Recv, [0, 0, FIRST, 0, 0, 0, 0])[2],
                FIRST,
            );
        }
    }),
    ("irq: masked and forgotten by a restart", || {
        control(FIRST, ENABLE);
        control(SECOND, 0);
        kipc::software_irq(ASSIST.index, SECOND);
        equal((status(FIRST), status(SECOND)), (1, 2));
        kipc::reinit_task(ASSIST.index, true);
        equal((status(FIRST), status(SECOND)), (0, 0));
    }),
    ("irq_control: bits that are no interrupt", || {
        for bits in [0, 4, FIRST | SECOND, u32::MAX] {
            no_irq(Sysnum::IrqControl, bits, ENABLE);
        }
    }),
    ("irq_control: an order that there is not", || {
        for order in [4, 8, u32::MAX] {
            no_irq(Sysnum::IrqControl, FIRST, order);
        }
    }),
    ("irq_status: bits that are no interrupt", || {
        for bits in [0, 4, FIRST | SECOND, u32::MAX] {
            no_irq(Sysnum::IrqStatus, bits, 0);
        }
    }),
    ("irq: of another task", || {
        let fault = LOW.call_faults(Sysnum::IrqControl, [FIRST, ENABLE, 0, 0, 0, 0, 0]);
        equal(fault, usage(UsageError::NoIrq));
        equal(faults(ASSIST.index).0, 0);
    }),
];

#[track_caller]
fn nothing_comes(mask: u32) {
    const TIMER: u32 = 1 << 30;
    sys_set_timer(Some(0), TIMER);
    equal(sys_recv_notification(mask | TIMER).get_raw_bits(), TIMER);
}

#[track_caller]
fn status(bits: u32) -> u32 {
    ASSIST.calls(Sysnum::IrqStatus, [bits, 0, 0, 0, 0, 0, 0])[0]
}

#[track_caller]
fn control(bits: u32, order: u32) {
    ASSIST.calls(Sysnum::IrqControl, [bits, order, 0, 0, 0, 0, 0]);
}

#[track_caller]
fn no_irq(number: Sysnum, bits: u32, order: u32) {
    let fault = ASSIST.call_faults(number, [bits, order, 0, 0, 0, 0, 0]);
    equal(fault, usage(UsageError::NoIrq));
}
