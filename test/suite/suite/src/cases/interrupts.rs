// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Interrupts: those that software raises, and the line of a device (a PL061) that stays up for as long as it is told to.
//!
//! An interrupt belongs to one task; the manifest refuses a second. Several may share a notification. One that was withdrawn before it
//! was taken (1023) needs somebody outside: see test/integration/tests/spurious.rs.

use test_suite_common::order;
use userlib::*;

use crate::Case;
use crate::expect::{equal, faults, hold, holds};
use crate::tasks::{ASSIST, LOW, me, to, usage};

/// ASSIST's interrupts.
const FIRST: u32 = 1;
const SECOND: u32 = 2;
/// Two lines.
const BOTH: u32 = 4;
/// The device's line.
const LEVEL: u32 = 8;
const ENABLE: u32 = 1;
const CLEAR: u32 = 2;

/// A notification of the suite's own.
const TIMER: u32 = 1 << 20;

/// The device's registers: sensitivity to levels, which level, and whether it reaches the interrupt line.
const GPIO: u32 = 0x0903_0000;
const SENSE: u32 = GPIO + 0x404;
const EVENT: u32 = GPIO + 0x40c;
const INTERRUPT_ENABLE: u32 = GPIO + 0x410;

/// The cases.
pub const CASES: &[Case] = &[
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
        for bits in [0, 16, FIRST | SECOND, u32::MAX] {
            no_irq(Sysnum::IrqControl, bits, ENABLE);
        }
    }),
    ("irq_control: an order that there is not", || {
        for order in [4, 8, u32::MAX] {
            no_irq(Sysnum::IrqControl, FIRST, order);
        }
    }),
    ("irq_status: bits that are no interrupt", || {
        for bits in [0, 16, FIRST | SECOND, u32::MAX] {
            no_irq(Sysnum::IrqStatus, bits, 0);
        }
    }),
    ("irq_status: every state that can be seen", || {
        // Enabled and pending at once cannot: this processor takes it.
        let raise = || kipc::software_irq(ASSIST.index, FIRST);
        equal(status(FIRST), 0);
        raise();
        equal(status(FIRST), 2);
        control(FIRST, CLEAR);
        control(FIRST, ENABLE);
        equal(status(FIRST), 1);
        raise();
        equal(status(FIRST), 4);
        raise();
        equal(status(FIRST), 6);
        control(FIRST, ENABLE | CLEAR);
        equal(status(FIRST), 5);
        takes(FIRST);
        equal(status(FIRST), 1);
    }),
    (
        "irq_control: every order, with and without one pending",
        || {
            // The order, whether one is pending before, and the state after it.
            for (order, pending, after) in [
                (0, false, 0),
                (ENABLE, false, 1),
                (CLEAR, false, 0),
                (ENABLE | CLEAR, false, 1),
                (0, true, 2),
                (ENABLE, true, 4),
                (CLEAR, true, 0),
                (ENABLE | CLEAR, true, 1),
            ] {
                kipc::reinit_task(ASSIST.index, true);
                if pending {
                    kipc::software_irq(ASSIST.index, FIRST);
                }
                control(FIRST, order);
                equal((order, pending, status(FIRST)), (order, pending, after));
            }
        },
    ),
    ("irq: two lines behind one notification", || {
        control(BOTH, ENABLE);
        equal(status(BOTH), 1);
        kipc::software_irq(ASSIST.index, BOTH);
        // Both came, one after the other, and each is masked now.
        equal(status(BOTH), 4);
        takes(BOTH);
        equal(status(BOTH), 0);
        kipc::software_irq(ASSIST.index, BOTH);
        equal(status(BOTH), 2);
        control(BOTH, CLEAR);
        equal((status(BOTH), status(FIRST)), (0, 0));
    }),
    ("irq storm: a line that stays up is one interrupt", || {
        line(true);
        control(LEVEL, ENABLE);
        // Posted, masked, and asserted still; everybody goes on.
        equal(status(LEVEL), 2 | 4);
        hl::sleep_for(2);
        equal(status(LEVEL), 2 | 4);
        takes(LEVEL);
        // Forgetting does not help against a level.
        control(LEVEL, CLEAR);
        equal(status(LEVEL), 2);
    }),
    ("irq storm: a thousand of a line that nobody clears", || {
        line(true);
        for _ in 0..1000 {
            control(LEVEL, ENABLE);
            takes(LEVEL);
        }
        line(false);
        control(LEVEL, ENABLE);
        equal(status(LEVEL), 1);
    }),
    ("irq storm: all lines at once, and a timer", || {
        line(true);
        for bits in [FIRST, SECOND, BOTH] {
            kipc::software_irq(ASSIST.index, bits);
        }
        set_timer_relative(3, TIMER);
        for bits in [FIRST, SECOND, BOTH, LEVEL] {
            control(bits, ENABLE);
        }
        takes(FIRST | SECOND | BOTH | LEVEL);
        equal(sys_recv_notification(TIMER).get_raw_bits(), TIMER);
    }),
    ("irq: for a task that is faulted", || {
        hold(ASSIST.index);
        control(FIRST, ENABLE);
        line(true);
        control(LEVEL, ENABLE);
        kipc::fault_task(ASSIST.index);
        let dead = kipc::read_task_status(ASSIST.index);
        holds(matches!(dead, TaskState::Faulted { .. }), "a faulted task");
        kipc::software_irq(ASSIST.index, FIRST);
        hl::sleep_for(1);
        equal(kipc::read_task_status(ASSIST.index), dead);
        forgotten();
    }),
    ("irq: for a task that is stopped", || {
        control(FIRST, ENABLE);
        line(true);
        kipc::reinit_task(ASSIST.index, false);
        kipc::software_irq(ASSIST.index, FIRST);
        hl::sleep_for(1);
        let stopped = TaskState::Healthy(SchedState::Stopped);
        equal(kipc::read_task_status(ASSIST.index), stopped);
        forgotten();
    }),
    ("irq: for a task that waits for something else", || {
        control(FIRST, ENABLE);
        ASSIST.calls_later(Sysnum::Send, [to(me(), 1), 0, 0, 0, 0, 0, 0]);
        kipc::software_irq(ASSIST.index, FIRST);
        equal(
            kipc::read_task_status(ASSIST.index),
            TaskState::Healthy(SchedState::InSend(me())),
        );
        let received = sys_recv_open(&mut [], 0);
        sys_reply(received.sender, 0, &[]);
        takes(FIRST);
    }),
    ("irq: of another task", || {
        let fault = LOW.call_faults(Sysnum::IrqControl, [FIRST, ENABLE, 0, 0, 0, 0, 0]);
        equal(fault, usage(UsageError::NoIrq));
        equal(faults(ASSIST.index).0, 0);
    }),
];

/// Raises the device's line, or lets it down: its first pin is low, and "low" is what it is told to report.
#[track_caller]
fn line(up: bool) {
    for (register, value) in [(EVENT, 0), (SENSE, 1), (INTERRUPT_ENABLE, up.into())] {
        ASSIST.does(order::WRITE, [register, 1, value, 0, 0, 0, 0, 0]);
    }
}

/// ASSIST has these notifications, and no other of its interrupts'.
#[track_caller]
fn takes(bits: u32) {
    const ALL: u32 = FIRST | SECOND | BOTH | LEVEL;
    equal(ASSIST.calls(Sysnum::Recv, [0, 0, ALL, 0, 0, 0, 0])[2], bits);
}

/// A new life of ASSIST knows nothing of what came for the last one. The device's line is the device's.
#[track_caller]
fn forgotten() {
    kipc::reinit_task(ASSIST.index, true);
    equal((status(FIRST), status(LEVEL)), (0, 2));
    line(false);
    equal((status(FIRST), status(LEVEL)), (0, 0));
    sys_post(ASSIST.id(), TIMER);
    let all = u32::MAX;
    equal(
        ASSIST.calls(Sysnum::Recv, [0, 0, all, 0, 0, 0, 0])[2],
        TIMER,
    );
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
