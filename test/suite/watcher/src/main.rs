// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The supervisor of the fuzzers: restarts those that fault or wait for too long, and sees that a sleeping task never changes.
//!
//! Prints `fuzz: N calls in M lives; ` and what became of the sleeping task, and resets the machine.

#![no_std]
#![no_main]

use core::fmt::Write;

use hubris_num_tasks::Task;
use test_suite_common::fuzz;
use test_suite_common::uart::{self, Line};
use userlib::*;

/// Enough.
const CALLS: u32 = 1_000_000;
/// How often, in milliseconds, the fuzzers are looked at for whether they wait, at least.
const PERIOD: u32 = 10;
/// After so many lives the sleeping task is looked at.
const LIVES: u32 = 256;

const WATCHED: usize = Task::watched as usize;
const FUZZERS: [usize; 2] = [Task::fuzzer_a as usize, Task::fuzzer_b as usize];

struct Watcher {
    calls: u32,
    lives: u32,
    /// Of each fuzzer, where it counts its calls.
    counters: [Option<u32>; 2],
}

#[unsafe(export_name = "main")]
fn main() -> ! {
    uart::enable(peripherals::uart::ADDRESS);
    let mut watcher = Watcher {
        calls: 0,
        lives: 0,
        counters: [None; 2],
    };
    // Everybody else runs when this task waits: let the sleeper fall asleep.
    hl::sleep_for(20);
    let (checksum, state) = (sum(), kipc::read_task_status(WATCHED));
    let mut line = Line(peripherals::uart::ADDRESS);
    let _ = writeln!(line, "the sleeping task: {checksum:#010x}, {state:?}");
    let mut next_look = LIVES;
    let mut message = [0; 16];
    set_timer_relative(PERIOD, notifications::TIMER_MASK);
    let unchanged = loop {
        let mask = notifications::FAULT_MASK | notifications::TIMER_MASK;
        let received = sys_recv_open(&mut message, mask);
        if received.sender == TaskId::KERNEL {
            // Anyone may post anything, so both are looked at.
            watcher.end_lives();
            if sys_get_timer().deadline.is_none() {
                set_timer_relative(PERIOD, notifications::TIMER_MASK);
            }
        } else {
            watcher.serve(&received, &message);
        }
        if watcher.lives >= next_look || watcher.calls >= CALLS {
            next_look = watcher.lives + LIVES;
            if sum() != checksum || kipc::read_task_status(WATCHED) != state {
                break false;
            }
            if watcher.calls >= CALLS {
                break true;
            }
        }
    };
    let _ = writeln!(
        line,
        "fuzz: {} calls in {} lives; the sleeping task is {}",
        watcher.calls,
        watcher.lives,
        if unchanged { "unchanged" } else { "CHANGED" }
    );
    uart::drain(peripherals::uart::ADDRESS);
    kipc::reset()
}

impl Watcher {
    /// Restarts the fuzzers that faulted, or wait.
    fn end_lives(&mut self) {
        for (fuzzer, index) in FUZZERS.into_iter().enumerate() {
            if kipc::read_task_status(index) == TaskState::Healthy(SchedState::Runnable) {
                continue;
            }
            self.calls += self.counters[fuzzer]
                .take()
                .map_or(0, |address| calls(index, address));
            self.lives += 1;
            kipc::reinit_task(index, true);
        }
    }

    fn serve(&mut self, received: &RecvMessage, message: &[u8; 16]) {
        let mut words = [0; 4];
        for (word, bytes) in words.iter_mut().zip(message.chunks_exact(4)) {
            *word = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        }
        let fuzzer = FUZZERS
            .iter()
            .position(|index| *index == received.sender.index());
        let genuine = received.operation as u16 == fuzz::BEGIN
            && words[..3] == fuzz::TOKEN
            && received.message_len == message.len()
            && received.response_capacity == 4;
        match fuzzer {
            Some(fuzzer) if genuine => {
                self.counters[fuzzer] = Some(words[3]);
                let seed = self.lives * 2 + fuzzer as u32;
                sys_reply(received.sender, 0, &seed.to_le_bytes());
            }
            _ => sys_reply(received.sender, 1, &[]),
        }
    }
}

/// How many calls a life counted, if that makes sense: a fuzzer may have overwritten its own memory.
fn calls(index: usize, address: u32) -> u32 {
    let mut bytes = [0; 4];
    let region = TaskDumpRegion {
        base: address,
        size: 4,
    };
    match kipc::get_task_dump_region(index, 0) {
        Some(ram) if address >= ram.base && address - ram.base <= ram.size - 4 => {
            kipc::read_task_dump_region(index, region, &mut bytes);
        }
        _ => return 0,
    }
    let count = u32::from_le_bytes(bytes);
    if count <= fuzz::CALLS_OF_A_LIFE {
        count
    } else {
        0
    }
}

/// A checksum (FNV-1a) over all memory that the sleeping task may write.
fn sum() -> u32 {
    let mut sum = 0x811c_9dc5_u32;
    let mut number = 0;
    while let Some(region) = kipc::get_task_dump_region(WATCHED, number) {
        let mut bytes = [0; 256];
        for offset in (0..region.size).step_by(bytes.len()) {
            let part = TaskDumpRegion {
                base: region.base + offset,
                size: (region.size - offset).min(bytes.len() as u32),
            };
            let len = kipc::read_task_dump_region(WATCHED, part, &mut bytes);
            for byte in &bytes[..len] {
                sum = (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
            }
        }
        number += 1;
    }
    sum
}

include!(concat!(env!("OUT_DIR"), "/notifications.rs"));
include!(concat!(env!("OUT_DIR"), "/peripherals.rs"));
