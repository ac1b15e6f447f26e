// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! All tasks at once: the two assistants, and those that `crowd.toml` adds until there are 32 tasks.

use hubris_num_tasks::{NUM_TASKS, Task};
use test_suite_common::order;
use userlib::*;

use crate::Case;
use crate::expect::{equal, fail, faults, holds};
use crate::tasks::{ASSIST, Assist, LOW, me, to};

const BIT: u32 = 1 << 12;

/// The cases.
pub const CASES: &[Case] = &[
    ("crowd: each task has a buffer of its own", || {
        let place = |who: Assist| who.buffer();
        for who in everyone() {
            equal(who.peeks(place(who)), 0);
            who.pokes(0, &[mark(who)]);
        }
        for who in everyone() {
            equal(who.peeks(place(who)), mark(who));
            for other in everyone().filter(|other| other.index != who.index) {
                holds(place(who) != place(other), "an address of its own");
            }
        }
    }),
    ("crowd: all timers fire, each for its own task", || {
        let deadline = sys_get_timer().now + 200;
        let words = [deadline as u32, (deadline >> 32) as u32];
        for who in everyone() {
            let bits = BIT << (who.index % 8);
            who.calls(Sysnum::SetTimer, [1, words[0], words[1], bits, 0, 0, 0]);
        }
        hl::sleep_until(deadline);
        for who in everyone() {
            // An earlier one of the suite's calls may find the clock just before; the kernel does not.
            let after = who.calls(Sysnum::Recv, [0, 0, 0xff * BIT, 0, 0, 0, 0]);
            equal(after[2], BIT << (who.index % 8));
            equal(who.calls(Sysnum::GetTimer, [0; 7])[2], 0);
        }
    }),
    ("crowd: all send to one, the more important first", || {
        let mut left = 0_u32;
        for who in everyone() {
            let operation = who.index as u16;
            who.calls_later(Sysnum::Send, [to(me(), operation), 0, 0, 0, 0, 0, 0]);
            left |= 1 << who.index;
        }
        for who in everyone() {
            who.settles();
        }
        let mut last = 0;
        while left != 0 {
            let received = sys_recv_open(&mut [], 0);
            let index = received.sender.index();
            equal(received.operation as usize, index);
            holds(left & 1 << index != 0, "one who had not sent yet");
            left &= !(1 << index);
            let priority = priority(index);
            holds(priority >= last, "nobody after one who is less important");
            last = priority;
            sys_reply(received.sender, 0, &[]);
        }
    }),
    ("crowd: all fault, and all come back", || {
        for who in everyone() {
            let fault = who.faults(order::EXECUTE, [0; 8]);
            equal(fault, FaultInfo::IllegalInstruction);
        }
        for who in everyone() {
            equal(faults(who.index).0, 1);
            equal(who.peeks(who.buffer()), 0);
        }
    }),
    ("crowd: a notification reaches one, and nobody else", || {
        for who in everyone() {
            sys_post(who.id(), BIT);
            for other in everyone() {
                sys_post(other.id(), BIT << 1);
                let after = other.calls(Sysnum::Recv, [0, 0, BIT | BIT << 1, 0, 0, 0, 0]);
                let mine = if other.index == who.index { BIT } else { 0 };
                equal(after[2], BIT << 1 | mine);
            }
        }
    }),
];

/// Everyone who takes orders.
pub fn everyone() -> impl Iterator<Item = Assist> {
    let crowd = Task::rtc as usize + 1..NUM_TASKS;
    [ASSIST, LOW]
        .into_iter()
        .chain(crowd.map(|index| Assist { index }))
}

fn mark(who: Assist) -> u32 {
    0x5a00_0000 | who.index as u32
}

/// As `app.toml` and `crowd.toml` say.
fn priority(index: usize) -> u32 {
    if index == ASSIST.index {
        2
    } else if index == LOW.index {
        4
    } else if index > Task::rtc as usize {
        4 + index as u32 % 2
    } else {
        fail(format_args!("task {index} takes no orders"))
    }
}
