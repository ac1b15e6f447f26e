// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What the fuzzers tell their supervisor, and what both tell the host.

/// A life begins: where this life counts (see [`Count`]). Answers a seed and [`TARGETS`] addresses.
/// The message is [`TOKEN`] and the address of the counters.
pub const BEGIN: u16 = 0x5eed;
/// A life has made some more calls, and the supervisor may do whatever it likes. The message is
/// [`TOKEN`] and any word.
pub const TICK: u16 = 0x71c4;
/// The kernel did what it must not. The message is [`TOKEN`] and the [`Wrong`].
pub const WRONG: u16 = 0xbadd;
/// Nothing that is made at random.
pub const TOKEN: [u32; 3] = [0x9e37_79b9, 0x7f4a_7c15, 0xf39c_c060];
/// A life ends by itself after so many calls.
pub const CALLS_OF_A_LIFE: u32 = 5_000;
/// After so many calls a life gives its supervisor a turn.
pub const CALLS_OF_A_TICK: u32 = 32;
/// Addresses that a fuzzer must not use, and uses.
pub const TARGETS: usize = 8;
/// What the memory of a sleeping task is full of. No other task may ever see it.
pub const SECRET: u32 = 0x5ec4_e7a1;

/// Posted to a fuzzer just before it is restarted, and by nobody else: no life may receive it.
pub const OF_THE_LAST_LIFE: u32 = 1 << 31;
/// Posted by the supervisor to a fuzzer that waits.
pub const NUDGE: u32 = 1 << 30;
/// The notification of the one interrupt. Only the interrupt posts it.
pub const INTERRUPT: u32 = 1;
/// What fuzzers may post to each other, and set their timers to.
pub const FREE: u32 = !(OF_THE_LAST_LIFE | NUDGE | INTERRUPT);

/// What a life counts, by its place among the counters.
#[derive(Copy, Clone, Debug)]
#[repr(usize)]
pub enum Count {
    /// System calls.
    Calls,
    /// Messages that were answered.
    Answered,
    /// Messages that were received.
    Received,
    /// Leases that were read from, at least one byte each.
    Read,
    /// Leases that were written to, at least one byte each.
    Written,
    /// Calls that named an earlier life of a task and got a dead code.
    Dead,
    /// Notifications that were received, other than the interrupt's.
    Notified,
    /// Interrupts that were received.
    Interrupts,
}

/// How many counters there are.
pub const COUNTS: usize = 8;

/// What the kernel must not do.
#[derive(Copy, Clone, Debug)]
#[repr(u32)]
pub enum Wrong {
    /// It took bytes from where the task must not read.
    Source,
    /// It wrote where the task must not write.
    Destination,
    /// It copied from or to a lease that does not allow it.
    Attribute,
    /// It took an earlier life for the present one.
    Generation,
    /// It lent what a task that does not wait for a reply had left in its registers.
    Lender,
    /// It changed memory that the call does not name.
    Elsewhere,
    /// It showed one task the memory of another.
    Leak,
    /// It copied more or less than it says, or than there is.
    Length,
    /// It delivered a notification that is masked, or nobody's to post.
    Notification,
    /// It delivered in one life what was posted in the last.
    LastLife,
    /// It delivered an interrupt to the wrong task, or let one control it.
    Interrupt,
    /// It received from another task than the one that was asked for.
    Sender,
    /// It let a task do what is for the supervisor.
    Privilege,
}

/// The names, by number.
pub const WRONGS: [&str; 13] = [
    "took bytes from where the task must not read",
    "wrote where the task must not write",
    "used a lease as its attributes do not allow",
    "took an earlier life for the present one",
    "lent for a task that does not wait",
    "changed memory that the call does not name",
    "showed one task the memory of another",
    "copied another length than it says",
    "delivered a notification that is masked or nobody's",
    "delivered what was posted to the last life",
    "gave an interrupt to the wrong task",
    "received from the wrong task",
    "let a task do what is for the supervisor",
];

/// What the host tells the supervisor before it begins: words, little endian.
#[derive(Copy, Clone, Debug)]
#[repr(usize)]
pub enum Parameter {
    /// For the random numbers.
    Seed,
    /// Enough calls.
    Calls,
    /// After so many calls the host looks at all memory.
    Interval,
    /// The address of the kernel's records of tasks.
    Records,
    /// The address of the kernel's variables.
    Variables,
}

/// How many parameters there are.
pub const PARAMETERS: usize = 5;

/// What the supervisor waits for after each look of the host.
pub const GO_ON: u8 = b'g';

/// SplitMix64.
#[derive(Copy, Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub fn next_word(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ z >> 31) as u32
    }

    /// A number below `limit`, which must not be 0.
    pub fn below(&mut self, limit: u32) -> u32 {
        self.next_word() % limit
    }

    /// Returns `true` once in `n` times.
    pub fn one_in(&mut self, n: u32) -> bool {
        self.below(n) == 0
    }
}
