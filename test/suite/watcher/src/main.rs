// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The supervisor of the fuzzers: restarts those that fault or wait for too long, and others in the
//! middle of what they do, raises interrupts, and stops now and then for the host to look at all
//! memory.
//!
//! Prints `fuzz: ready` and takes [`PARAMETERS`] words; prints `look` and waits for [`GO_ON`],
//! again and again; at the end prints `fuzz: N calls` and the other counts, or `fuzz: WRONG` and
//! what the kernel did, and resets the machine.

#![no_std]
#![no_main]

use core::fmt::Write;
use core::sync::atomic::AtomicU32;

use hubris_num_tasks::Task;
use test_suite_common::fuzz::{
    self, CALLS_OF_A_LIFE, COUNTS, GO_ON, INTERRUPT, NUDGE, OF_THE_LAST_LIFE, PARAMETERS,
    Parameter, Random, TARGETS, WRONGS,
};
use test_suite_common::uart::{self, Line};
use userlib::*;

/// How often, in milliseconds, the fuzzers are looked at for whether they wait, at least.
const PERIOD: u32 = 10;
const FUZZERS: [usize; 3] = [
    Task::fuzzer_a as usize,
    Task::fuzzer_b as usize,
    Task::fuzzer_c as usize,
];
const BYSTANDERS: [usize; 2] = [Task::sleeper as usize, Task::waiter as usize];
const NAMES: [&str; COUNTS] = [
    "calls",
    "answered",
    "received",
    "read",
    "written",
    "dead",
    "notified",
    "interrupts",
];

/// Memory that fuzzers aim at. It never changes.
static CANARY: [AtomicU32; 256] = [const { AtomicU32::new(0xca7a_7e57) }; 256];

/// All that changes is on the stack: whatever else of this task's memory changes is the kernel's
/// doing.
struct Watcher {
    parameters: [u32; PARAMETERS],
    random: Random,
    totals: [u32; COUNTS],
    lives: u32,
    raised: u32,
    /// Of each fuzzer, where it counts.
    counters: [Option<u32>; FUZZERS.len()],
}

#[unsafe(export_name = "main")]
fn main() -> ! {
    let device = peripherals::uart::ADDRESS;
    uart::enable(device);
    let mut line = Line(device);
    let _ = writeln!(line, "fuzz: ready");
    let parameters: [u32; PARAMETERS] = core::array::from_fn(|_| {
        u32::from_le_bytes(core::array::from_fn(|_| uart::read_byte(device)))
    });
    let mut watcher = Watcher {
        parameters,
        random: Random(parameters[Parameter::Seed as usize].into()),
        totals: [0; COUNTS],
        lives: 0,
        raised: 0,
        counters: [None; FUZZERS.len()],
    };
    // Everybody else runs when this task waits: let the bystanders begin to wait, as each of them
    // does before any fuzzer runs.
    while BYSTANDERS
        .iter()
        .any(|index| kipc::read_task_status(*index) == TaskState::Healthy(SchedState::Runnable))
    {
        hl::sleep_for(1);
    }
    look(&mut line);
    let interval = parameters[Parameter::Interval as usize];
    let mut next_look = interval;
    let mut message = [0; 16];
    set_timer_relative(PERIOD, notifications::TIMER_MASK);
    let wrong = loop {
        let mask = notifications::FAULT_MASK | notifications::TIMER_MASK;
        let received = sys_recv_open(&mut message, mask);
        if received.sender == TaskId::KERNEL {
            // Anyone may post anything, so both are looked at.
            watcher.end_lives();
            if sys_get_timer().deadline.is_none() {
                set_timer_relative(PERIOD, notifications::TIMER_MASK);
            }
        } else if let Some(wrong) = watcher.serve(&received, &message) {
            break Some((received.sender.index(), wrong));
        }
        let calls = watcher.calls();
        if calls >= next_look {
            next_look = calls + interval;
            look(&mut line);
        }
        if calls >= watcher.parameters[Parameter::Calls as usize] {
            break None;
        }
    };
    for index in 0..FUZZERS.len() {
        watcher.end_life(index);
    }
    let _ = write!(line, "fuzz: ");
    match wrong {
        Some((task, wrong)) => {
            let name = WRONGS.get(wrong as usize).unwrap_or(&"told nonsense");
            let _ = writeln!(line, "WRONG: the kernel {name} (task {task})");
        }
        None => {
            for (count, name) in watcher.totals.iter().zip(NAMES) {
                let _ = write!(line, "{count} {name}, ");
            }
            let _ = writeln!(line, "{} raised, {} lives", watcher.raised, watcher.lives);
        }
    }
    uart::drain(device);
    kipc::reset()
}

/// Lets the host look at all memory.
fn look(line: &mut Line) {
    let _ = writeln!(line, "look");
    while uart::read_byte(line.0) != GO_ON {}
}

impl Watcher {
    /// All calls of all lives, the present ones too.
    fn calls(&self) -> u32 {
        let present = FUZZERS.iter().zip(&self.counters);
        let present = present.filter_map(|(index, counters)| Some(counts(*index, (*counters)?)[0]));
        self.totals[0] + present.sum::<u32>()
    }

    /// Adds up what a life has counted, and forgets it.
    fn end_life(&mut self, fuzzer: usize) {
        if let Some(address) = self.counters[fuzzer].take() {
            let counts = counts(FUZZERS[fuzzer], address);
            for (total, count) in self.totals.iter_mut().zip(counts) {
                *total += count;
            }
        }
    }

    fn restart(&mut self, fuzzer: usize) {
        let index = FUZZERS[fuzzer];
        self.end_life(fuzzer);
        self.lives += 1;
        sys_post(
            sys_refresh_task_id(TaskId::for_index(index)),
            OF_THE_LAST_LIFE,
        );
        kipc::reinit_task(index, true);
    }

    /// Restarts the fuzzers that faulted. If all the others wait, wakes those that can be woken, or
    /// restarts one.
    fn end_lives(&mut self) {
        let state = |index: &usize| kipc::read_task_status(*index);
        for (fuzzer, index) in FUZZERS.iter().enumerate() {
            if matches!(state(index), TaskState::Faulted { .. }) {
                self.restart(fuzzer);
            }
        }
        if FUZZERS
            .iter()
            .any(|index| state(index) == TaskState::Healthy(SchedState::Runnable))
        {
            return;
        }
        for index in &FUZZERS {
            if matches!(state(index), TaskState::Healthy(SchedState::InRecv(_))) {
                sys_post(sys_refresh_task_id(TaskId::for_index(*index)), NUDGE);
            }
        }
        if FUZZERS
            .iter()
            .all(|index| state(index) != TaskState::Healthy(SchedState::Runnable))
        {
            // The first mostly serves: as long as it waits for another, the others wait for it.
            let unlucky = if self.random.one_in(4) {
                self.random.below(FUZZERS.len() as u32)
            } else {
                0
            };
            self.restart(unlucky as usize);
        }
    }

    /// Answers a fuzzer. `Some`: the kernel did what it must not.
    fn serve(&mut self, received: &RecvMessage, message: &[u8; 16]) -> Option<u32> {
        let word = |at: usize| {
            let bytes = &message[at * 4..at * 4 + 4];
            u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
        };
        let fuzzer = FUZZERS
            .iter()
            .position(|index| *index == received.sender.index());
        let genuine =
            received.message_len == message.len() && (0..3).all(|at| word(at) == fuzz::TOKEN[at]);
        let (Some(fuzzer), true) = (fuzzer, genuine) else {
            sys_reply(received.sender, 1, &[]);
            return None;
        };
        match received.operation as u16 {
            fuzz::BEGIN => {
                self.counters[fuzzer] = Some(word(3));
                let mut answer = [0; 4 * (2 + TARGETS)];
                let words = [self.random.next_word(), FUZZERS[fuzzer] as u32];
                let words = words.into_iter().chain(self.targets(fuzzer));
                for (bytes, word) in answer.chunks_exact_mut(4).zip(words) {
                    bytes.copy_from_slice(&word.to_le_bytes());
                }
                sys_reply(received.sender, 0, &answer);
            }
            fuzz::TICK => {
                sys_reply(received.sender, 0, &[]);
                self.tick();
            }
            fuzz::WRONG => return Some(word(3)),
            _ => sys_reply(received.sender, 1, &[]),
        }
        None
    }

    /// What a fuzzer must not touch: a bystander's memory, stack and all; this task's; the
    /// kernel's; another fuzzer's.
    fn targets(&self, fuzzer: usize) -> [u32; TARGETS] {
        let memory = |index: usize, offset: u32| {
            kipc::get_task_dump_region(index, 1).map_or(0, |ram| ram.base + offset)
        };
        let records = self.parameters[Parameter::Records as usize];
        let other = FUZZERS[(fuzzer + 1) % FUZZERS.len()];
        [
            // The end of the stack, and of the variables behind it.
            memory(BYSTANDERS[0], 2048 - 96),
            memory(BYSTANDERS[0], 2048 + 512),
            memory(BYSTANDERS[1], 2048 + 128),
            CANARY.as_ptr() as u32 + 256,
            memory(other, 2048 - 64),
            records + 256 * BYSTANDERS[0] as u32,
            records + 256 * FUZZERS[fuzzer] as u32,
            self.parameters[Parameter::Variables as usize],
        ]
    }

    /// Does what a supervisor and a device may do at any time.
    fn tick(&mut self) {
        if self.random.one_in(2) {
            self.raised += 1;
            kipc::software_irq(FUZZERS[0], INTERRUPT);
        }
        if self.random.one_in(24) {
            let unlucky = self.random.below(FUZZERS.len() as u32);
            self.restart(unlucky as usize);
        }
    }
}

/// What a life counted, if that makes sense.
fn counts(index: usize, address: u32) -> [u32; COUNTS] {
    let mut bytes = [0; 4 * COUNTS];
    let region = TaskDumpRegion {
        base: address,
        size: bytes.len() as u32,
    };
    match kipc::get_task_dump_region(index, 1) {
        Some(ram) if address >= ram.base && address - ram.base <= ram.size - region.size => {
            kipc::read_task_dump_region(index, region, &mut bytes);
        }
        _ => return [0; COUNTS],
    }
    let counts = core::array::from_fn(|at| {
        u32::from_le_bytes([
            bytes[at * 4],
            bytes[at * 4 + 1],
            bytes[at * 4 + 2],
            bytes[at * 4 + 3],
        ])
    });
    if counts[0] <= CALLS_OF_A_LIFE + 64 {
        counts
    } else {
        [0; COUNTS]
    }
}

include!(concat!(env!("OUT_DIR"), "/notifications.rs"));
include!(concat!(env!("OUT_DIR"), "/peripherals.rs"));
