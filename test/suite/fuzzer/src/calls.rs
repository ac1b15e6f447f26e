// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A life of calls.

use test_suite_common::fuzz::{
    self, CALLS_OF_A_LIFE, CALLS_OF_A_TICK, Count, FREE, INTERRUPT, NUDGE, OF_THE_LAST_LIFE,
    Random, TARGETS, Wrong,
};
use userlib::*;

use crate::judge::{self, ARENA, Slice, arena, call, count, hold, wrong};

const SEND: u32 = 0;
const RECV: u32 = 1;
const REPLY: u32 = 2;
const SET_TIMER: u32 = 3;
const BORROW_READ: u32 = 4;
const BORROW_WRITE: u32 = 5;
const BORROW_INFO: u32 = 6;
const IRQ_CONTROL: u32 = 7;
const GET_TIMER: u32 = 9;
const REFRESH_TASK_ID: u32 = 10;
const POST: u32 = 11;
const REPLY_FAULT: u32 = 12;
const IRQ_STATUS: u32 = 13;

/// Dead codes begin here; no fuzzer answers by one.
const DEAD: u32 = 0xffff_ff00;
/// The first and the last of the bystanders, and of the fuzzers.
const BYSTANDERS: (u32, u32) = (1, 2);
const FUZZERS: (u32, u32) = (3, 5);
/// Once in so many times a slice is one that the task must not offer, which ends its life if the
/// kernel looks at it.
const FORBIDDEN: u32 = 500;
/// Once in so many times a call names an earlier life of the task that it means.
const STALE: u32 = 12;
const LEASE_READ: u32 = 1;
const LEASE_WRITE: u32 = 2;

/// A task, as a call names it.
#[derive(Copy, Clone)]
struct Name {
    word: u32,
    /// It names an earlier life.
    stale: bool,
}

struct Life {
    random: Random,
    /// This task.
    index: u32,
    /// Memory that is not this task's.
    targets: [u32; TARGETS],
}

/// Lives: until a fault or a restart, or `CALLS_OF_A_LIFE` calls.
pub fn live() -> ! {
    // What was posted to the last life must not reach this one. A deadline that has passed lets the
    // call return.
    sys_set_timer(Some(0), NUDGE);
    let received = sys_recv_open(&mut [], NUDGE | OF_THE_LAST_LIFE);
    if received.operation & OF_THE_LAST_LIFE != 0 {
        wrong(Wrong::LastLife);
    }
    let mut answer = [0; 4 * (2 + TARGETS)];
    judge::tell(fuzz::BEGIN, judge::counters(), &mut answer);
    let word = |at: usize| {
        let bytes = &answer[at * 4..at * 4 + 4];
        u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
    };
    let mut life = Life {
        random: Random(word(0).into()),
        index: word(1),
        targets: core::array::from_fn(|target| word(target + 2)),
    };
    if cfg!(feature = "interrupt") {
        sys_irq_control(INTERRUPT, true);
    }
    let mut next_tick = CALLS_OF_A_TICK;
    while judge::calls() < CALLS_OF_A_LIFE {
        life.act();
        if judge::calls() >= next_tick {
            next_tick = judge::calls() + CALLS_OF_A_TICK;
            judge::tell(fuzz::TICK, 0, &mut []);
        }
    }
    panic!("old age")
}

impl Life {
    /// Does one thing. The first fuzzer nearly always serves, the second mostly sends, the third
    /// does either.
    fn act(&mut self) {
        let serves = match self.index - FUZZERS.0 {
            0 => 56,
            1 => 16,
            _ => 24,
        };
        match self.random.below(64) {
            0 => self.ask_kernel(),
            1 => self.post(),
            2 => self.time(),
            3 => self.interrupts(),
            4 => self.answer_nobody(),
            5 if self.random.one_in(8) => self.anything(),
            n if n < 6 + serves => self.serve(),
            _ => self.send(),
        }
    }

    fn slice_of_arena(&mut self) -> Slice {
        let offset = self.random.below(ARENA);
        // Short ones mostly: the kernel copies words, then bytes, and long ones differently.
        let longest = if self.random.one_in(4) { ARENA } else { 24 };
        Slice {
            base: arena() + offset,
            length: self.random.below(longest).min(ARENA - offset),
            forbidden: false,
        }
    }

    /// An address of somebody else's, or of the kernel's; and of this task's own text, if a call
    /// must not `write`.
    fn foreign(&mut self, write: bool) -> Slice {
        let target = self.random.below(TARGETS as u32 + u32::from(write)) as usize;
        let base = match self.targets.get(target) {
            Some(base) => base.wrapping_add(self.random.below(64)),
            None => live as fn() -> ! as usize as u32 & !3,
        };
        let length = if self.random.one_in(16) {
            0x10_0000 + self.random.below(0x1000)
        } else {
            1 + self.random.below(48)
        };
        Slice {
            base,
            length,
            forbidden: true,
        }
    }

    /// What a call may read from.
    fn readable(&mut self) -> Slice {
        if self.random.one_in(FORBIDDEN) {
            return self.foreign(false);
        }
        self.slice_of_arena()
    }

    /// What a call may write to.
    fn writable(&mut self) -> Slice {
        if self.random.one_in(FORBIDDEN) {
            return self.foreign(true);
        }
        self.slice_of_arena()
    }

    /// One of the tasks from `first` to `last`, but not this one.
    fn other(&mut self, (first, last): (u32, u32)) -> u32 {
        loop {
            let index = first + self.random.below(last - first + 1);
            if index != self.index {
                return index;
            }
        }
    }

    fn name(&mut self, index: u32) -> Name {
        let present = u32::from(sys_refresh_task_id(TaskId(index as u16)).0);
        if self.random.one_in(STALE) {
            // Up to a few lives ago: a restart in between makes it more.
            let ago = 1 + self.random.below(8);
            let generation = (present >> 10).wrapping_sub(ago) & 0x3f;
            return Name {
                word: generation << 10 | index,
                stale: true,
            };
        }
        Name {
            word: present,
            stale: false,
        }
    }

    /// Another fuzzer, and rarely a bystander.
    fn peer(&mut self) -> Name {
        let range = if self.random.one_in(1000) {
            BYSTANDERS
        } else {
            FUZZERS
        };
        let index = self.other(range);
        self.name(index)
    }

    /// Whom to send to: mostly somebody who rarely sends to this task, or both would wait for ever.
    fn server(&mut self) -> Name {
        if self.index == FUZZERS.0 || self.random.one_in(32) {
            return self.peer();
        }
        let index = self.other((FUZZERS.0, self.index));
        self.name(index)
    }

    /// Judges a code that a call with this name got, and returns `true` if it is dead.
    fn is_dead(&self, name: Name, code: u32) -> bool {
        let dead = code >= DEAD;
        if name.stale && !dead {
            wrong(Wrong::Generation);
        }
        if name.stale {
            count(Count::Dead);
        }
        dead
    }

    /// Sends a message with leases, and waits for the reply.
    fn send(&mut self) {
        let (stir, value) = (self.random.next_word(), self.random.next_word());
        judge::stir(stir, value);
        let message = self.readable();
        let reply = self.writable();
        // What may have changed when it is over.
        let mut allowed = [Slice::default(); 5];
        allowed[0] = Slice {
            forbidden: false,
            ..reply
        };
        let leases = self.random.below(5);
        let mut table = 0;
        for index in 0..leases {
            let attributes = [0, 1, 1, 2, 2, 3, 3, 3][self.random.below(8) as usize];
            // The kernel looks at a lease when it is used, and then it is the lender's fault.
            let lease = if self.random.one_in(FORBIDDEN) {
                self.foreign(attributes & LEASE_WRITE != 0)
            } else {
                self.slice_of_arena()
            };
            if attributes & LEASE_WRITE != 0 {
                allowed[1 + index as usize] = lease;
            }
            table = judge::lend(index, attributes | self.random.next_word() & !3, lease);
        }
        let name = self.server();
        let answer = call(
            SEND,
            [
                name.word << 16 | self.random.below(0x1_0000),
                message.base,
                message.length,
                reply.base,
                reply.length,
                table,
                leases,
            ],
        );
        let (code, length) = (answer[0], answer[1]);
        if !self.is_dead(name, code) {
            count(Count::Answered);
            if message.forbidden {
                wrong(Wrong::Source);
            }
            if reply.forbidden {
                wrong(Wrong::Destination);
            }
            if length > reply.length {
                wrong(Wrong::Length);
            }
        }
        let allowed = allowed.map(|slice| {
            if slice.base.wrapping_sub(arena()) < ARENA {
                slice.limit(ARENA)
            } else {
                Slice {
                    base: arena(),
                    ..Slice::default()
                }
            }
        });
        hold(&allowed);
    }

    /// Receives, and serves whoever sent.
    fn serve(&mut self) {
        let buffer = self.writable();
        let mask = self.random.next_word() & FREE
            | if self.random.one_in(64) { 0 } else { NUDGE }
            | if self.random.one_in(2) { 0 } else { INTERRUPT };
        let only = self.random.one_in(12).then(|| self.peer());
        let filter = only.map_or(0, |name| RECV_CLOSED | name.word);
        let answer = call(RECV, [buffer.base, buffer.length, mask, filter, 0, 0, 0]);
        let [code, sender, operation, length, capacity, leases, ..] = answer;
        if sender == u32::from(TaskId::KERNEL.0) && code == 0 {
            hold(&[]);
            self.notified(operation, mask);
            return;
        }
        if let Some(name) = only {
            if self.is_dead(name, code) {
                hold(&[]);
                return;
            }
            if sender != name.word {
                wrong(Wrong::Sender);
            }
        }
        if code != 0 || sender & 0x3ff == self.index {
            wrong(Wrong::Sender);
        }
        if buffer.forbidden {
            wrong(Wrong::Destination);
        }
        count(Count::Received);
        hold(&[buffer.limit(length)]);
        for _ in 0..self.random.below(6) {
            if leases != 0 {
                self.borrow(sender, leases);
            }
        }
        match self.random.below(128) {
            // Never answered.
            0 => {}
            1 => {
                call(REPLY_FAULT, [sender, self.random.below(5), 0, 0, 0, 0, 0]);
                hold(&[]);
            }
            _ => self.reply(sender, capacity),
        }
    }

    fn notified(&mut self, bits: u32, mask: u32) {
        if bits & !mask != 0 {
            wrong(Wrong::Notification);
        }
        if bits & INTERRUPT != 0 {
            if !cfg!(feature = "interrupt") {
                wrong(Wrong::Interrupt);
            }
            count(Count::Interrupts);
            sys_irq_control(INTERRUPT, true);
        }
        if bits & FREE != 0 {
            count(Count::Notified);
        }
    }

    fn reply(&mut self, to: u32, capacity: u32) {
        let mut message = self.readable();
        if !message.forbidden && !self.random.one_in(256) {
            message = message.limit(capacity);
        }
        let code = self.random.below(8);
        call(REPLY, [to, code, message.base, message.length, 0, 0, 0]);
        hold(&[]);
    }

    /// Uses one of the leases of a task that waits for the reply.
    fn borrow(&mut self, lender: u32, leases: u32) {
        let index = if self.random.one_in(1000) {
            self.random.next_word()
        } else {
            self.random.below(leases)
        };
        let [code, attributes, leased, ..] = call(BORROW_INFO, [lender, index, 0, 0, 0, 0, 0]);
        hold(&[]);
        if code != 0 {
            return;
        }
        if index >= leases {
            wrong(Wrong::Lender);
        }
        // Mostly as the lease allows.
        let reads = match attributes {
            LEASE_READ => !self.random.one_in(8),
            LEASE_WRITE => self.random.one_in(8),
            _ => self.random.one_in(2),
        };
        let own = if reads {
            self.writable()
        } else {
            self.readable()
        };
        let offset = if self.random.one_in(1000) {
            self.random.next_word()
        } else {
            self.random.below(leased.saturating_add(1).max(1))
        };
        let number = if reads { BORROW_READ } else { BORROW_WRITE };
        let needed = if reads { LEASE_READ } else { LEASE_WRITE };
        let arguments = [lender, index, offset, own.base, own.length, 0, 0];
        let [code, length, ..] = call(number, arguments);
        if code != 0 {
            hold(&[]);
            return;
        }
        if attributes & needed == 0 || attributes > 3 {
            wrong(Wrong::Attribute);
        }
        if own.forbidden {
            wrong(if reads {
                Wrong::Destination
            } else {
                Wrong::Source
            });
        }
        if offset > leased || length != own.length.min(leased - offset) {
            wrong(Wrong::Length);
        }
        if reads {
            hold(&[own.limit(length)]);
        } else {
            hold(&[]);
        }
        if length != 0 {
            count(if reads { Count::Read } else { Count::Written });
        }
    }

    /// Replies to, or borrows from, a task that does not wait for it.
    fn answer_nobody(&mut self) {
        // A fuzzer may be one that was never answered, and lend rightly.
        let borrows = self.random.one_in(3);
        let index = if borrows || self.random.one_in(2) {
            self.other(BYSTANDERS)
        } else {
            self.other(FUZZERS)
        };
        let name = self.name(index);
        let slice = self.slice_of_arena();
        match self.random.below(2) {
            // Neither has an effect. Others see whether it had.
            0 if !borrows => self.reply(name.word, 32),
            1 if !borrows => {
                call(REPLY_FAULT, [name.word, 0, 0, 0, 0, 0, 0]);
                hold(&[]);
            }
            _ => {
                let number = BORROW_READ + self.random.below(3);
                // The first lease at its beginning: whatever the task has left in its registers,
                // that is the most likely to be there.
                let arguments = [name.word, 0, 0, slice.base, slice.length, 0, 0];
                let [code, ..] = call(number, arguments);
                if !self.is_dead(name, code) && code == 0 {
                    wrong(Wrong::Lender);
                }
                hold(&[]);
            }
        }
    }

    fn post(&mut self) {
        let name = self.peer();
        let bits = self.random.next_word() & FREE;
        let [code, ..] = call(POST, [name.word, bits, 0, 0, 0, 0, 0]);
        if !self.is_dead(name, code) && code != 0 {
            wrong(Wrong::Generation);
        }
        hold(&[]);
    }

    fn time(&mut self) {
        if self.random.one_in(2) {
            let [now, high, ..] = call(GET_TIMER, [0; 7]);
            let later = now.saturating_add(self.random.below(3));
            let bits = self.random.next_word() & FREE;
            call(
                SET_TIMER,
                [self.random.below(2), later, high, bits, 0, 0, 0],
            );
        } else {
            let index = self.other(FUZZERS);
            call(REFRESH_TASK_ID, [index, 0, 0, 0, 0, 0, 0]);
        }
        hold(&[]);
    }

    fn interrupts(&mut self) {
        // Who has none must not ask.
        if !cfg!(feature = "interrupt") && !self.random.one_in(64) {
            return;
        }
        let number = if self.random.one_in(2) {
            IRQ_CONTROL
        } else {
            IRQ_STATUS
        };
        let control = 1 | self.random.below(2) << 1;
        call(number, [INTERRUPT, control, 0, 0, 0, 0, 0]);
        if !cfg!(feature = "interrupt") {
            wrong(Wrong::Interrupt);
        }
        hold(&[]);
    }

    /// A message to the kernel.
    fn ask_kernel(&mut self) {
        const READ_TASK_STATUS: u32 = 1;
        const READ_IMAGE_ID: u32 = 4;
        const FIND_FAULTED_TASK: u32 = 9;
        const READ_PANIC_MESSAGE: u32 = 10;
        /// For the supervisor: restart, fault, reset, dumps, interrupts.
        const PRIVILEGED: [u32; 6] = [2, 3, 5, 6, 7, 8];
        let privileged = self.random.one_in(64);
        let operation = if privileged {
            PRIVILEGED[self.random.below(6) as usize]
        } else {
            [
                READ_TASK_STATUS,
                READ_IMAGE_ID,
                FIND_FAULTED_TASK,
                READ_PANIC_MESSAGE,
            ][self.random.below(4) as usize]
        };
        // An index, then zeroes: enough for each of these.
        judge::stir(0, self.random.below(6));
        judge::stir(1, 0);
        judge::stir(2, 0);
        let message = if self.random.one_in(64) {
            self.foreign(false)
        } else {
            Slice {
                base: arena(),
                length: 12,
                forbidden: false,
            }
        };
        let reply = if self.random.one_in(64) {
            self.foreign(true)
        } else {
            self.slice_of_arena()
        };
        let target = u32::from(TaskId::KERNEL.0) << 16 | operation;
        let arguments = [
            target,
            message.base,
            message.length,
            reply.base,
            reply.length,
            0,
            0,
        ];
        call(SEND, arguments);
        if privileged {
            wrong(Wrong::Privilege);
        }
        // What needs no request does not read it.
        if message.forbidden && operation != READ_IMAGE_ID {
            wrong(Wrong::Source);
        }
        if reply.forbidden {
            wrong(Wrong::Destination);
        }
        hold(&[reply]);
    }

    /// Any number with any arguments.
    fn anything(&mut self) {
        let number = if self.random.one_in(4) {
            self.random.next_word()
        } else {
            self.random.below(16)
        };
        let mut arguments = [0; 7];
        for argument in &mut arguments {
            *argument = match self.random.below(4) {
                0 => self.random.below(64),
                1 => arena() + self.random.below(ARENA),
                2 => {
                    let index = self.other(FUZZERS);
                    self.name(index).word
                }
                _ => self.random.next_word(),
            };
        }
        match number {
            // Codes of the dead, and notifications that are not for the fuzzers, would confuse the
            // others.
            REPLY => arguments[1] &= 0xffff,
            SET_TIMER => arguments[3] &= FREE,
            POST => arguments[1] &= FREE,
            _ => {}
        }
        call(number, arguments);
        // Arguments may name the arena, and no other memory of this task.
        hold(&[Slice {
            base: arena(),
            length: ARENA,
            forbidden: false,
        }]);
    }
}
