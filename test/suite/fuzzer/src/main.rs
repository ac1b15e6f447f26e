// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Calls the kernel with whatever comes: random numbers, registers, pointers and lengths, from a seed that the supervisor gives each life.

#![no_std]
#![no_main]

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use test_suite_common::{fuzz, raw};
use userlib::*;

/// How many tasks the image has.
const TASKS: u32 = 6;
const ARENA: usize = 512;

/// Memory for the kernel to read and write as it is told.
#[repr(C, align(8))]
struct Arena(UnsafeCell<[u8; ARENA]>);

// Safety: a task has one thread.
unsafe impl Sync for Arena {}

static BEFORE: AtomicU32 = AtomicU32::new(0x0123_4567);
static CALLS: AtomicU32 = AtomicU32::new(0);
static MEMORY: Arena = Arena(UnsafeCell::new([0x5a; ARENA]));

#[unsafe(export_name = "main")]
fn main() -> ! {
    if cfg!(feature = "asleep") {
        BEFORE.store(0x89ab_cdef, Relaxed);
        loop {
            let _ = sys_recv_notification(0);
        }
    }
    if cfg!(feature = "prompter") {
        loop {
            // The supervisor's second notification: its timer.
            sys_post(TaskId::for_index(0), 2);
        }
    }
    let mut message = [0; 16];
    let words = fuzz::TOKEN.into_iter().chain([CALLS.as_ptr() as u32]);
    for (bytes, word) in message.chunks_exact_mut(4).zip(words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    let mut seed = [0; 4];
    sys_send(TaskId::for_index(0), fuzz::BEGIN, &message, &mut seed, &[]);
    let mut random = Random(u64::from(u32::from_le_bytes(seed)));
    for _ in 0..fuzz::CALLS_OF_A_LIFE {
        let mut registers = random.call();
        CALLS.store(CALLS.load(Relaxed) + 1, Relaxed);
        // Safety: none. What becomes of this task does not matter.
        unsafe { raw::system_call(&mut registers) };
    }
    panic!("old age")
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ z >> 31) as u32
    }

    fn below(&mut self, limit: u32) -> u32 {
        self.next() % limit
    }

    /// A task, mostly in its present life.
    fn task(&mut self) -> u32 {
        let index = self.below(TASKS);
        match self.below(128) {
            0 => self.next() & 0xffff,
            1 => index | self.below(64) << 10,
            2 => u32::from(TaskId::KERNEL.0),
            _ => sys_refresh_task_id(TaskId(index as u16)).0.into(),
        }
    }

    /// An address, mostly one that may be given away.
    fn address(&mut self) -> u32 {
        let arena = MEMORY.0.get() as u32;
        match self.below(128) {
            0 => self.next(),
            1 => [
                0,
                u32::MAX,
                0x4010_0000,
                0x4030_0000,
                0x4038_0000,
                0x0800_0000,
                0x0a00_0000,
            ][self.below(7) as usize],
            2 => (arena & !0xfff)
                .wrapping_add(self.below(0x4000))
                .wrapping_sub(0x1000),
            3 => main as fn() -> ! as usize as u32 & !3,
            _ => arena + self.below(ARENA as u32 / 4) * 4,
        }
    }

    fn length(&mut self) -> u32 {
        match self.below(128) {
            0 => self.next(),
            1 => 1 << self.below(32),
            _ => self.below(64),
        }
    }

    fn word(&mut self) -> u32 {
        match self.below(8) {
            0 => self.task(),
            1 => self.address(),
            2 => self.length(),
            3 => 1 << self.below(32),
            4 => self.next(),
            _ => self.below(16),
        }
    }

    /// A number and its arguments: of the right kind, or of any.
    fn call(&mut self) -> [u32; 8] {
        let number = match self.below(64) {
            0 => self.next(),
            1 => self.below(32),
            // Receiving mostly waits, so it comes less often.
            2..=5 => 1,
            n => [0, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13][n as usize % 12],
        };
        let mut a = [0; 7];
        for word in &mut a {
            *word = self.word();
        }
        if self.below(4) != 0 {
            match number {
                0 => {
                    let operation = self.below(16);
                    a = [
                        self.task() << 16 | operation,
                        self.address(),
                        self.length(),
                        self.address(),
                        self.length(),
                        self.address(),
                        self.below(4),
                    ];
                }
                1 => {
                    let filter = if self.below(2) == 0 {
                        0
                    } else {
                        RECV_CLOSED | self.task()
                    };
                    a = [self.address(), self.length(), self.next(), filter, 0, 0, 0];
                    sys_post(
                        sys_refresh_task_id(TaskId(2 + self.below(2) as u16)),
                        self.next() | 4,
                    );
                }
                2 => {
                    a = [
                        self.task(),
                        self.next(),
                        self.address(),
                        self.below(8),
                        0,
                        0,
                        0,
                    ]
                }
                3 => a = [self.below(2), self.next() & 0xffff, 0, self.next(), 0, 0, 0],
                4..=6 => {
                    a = [
                        self.task(),
                        self.below(3),
                        self.below(32),
                        self.address(),
                        self.length(),
                        0,
                        0,
                    ]
                }
                7 | 13 => a = [1, self.below(4), 0, 0, 0, 0, 0],
                10 => a[0] = self.task(),
                11 => a = [self.task(), self.next(), 0, 0, 0, 0, 0],
                12 => a = [self.task(), self.below(6), 0, 0, 0, 0, 0],
                _ => {}
            }
        }
        raw::registers(number, a)
    }
}
