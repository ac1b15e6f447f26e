// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The supervisor of the on-target suite: restarts what faults, counts, and prints.
//!
//! Prints `case NAME ... ok`, or `case NAME ... FAILED: ` and why, for each case, and last `suite: N passed, M failed`. Then the machine
//! is reset. A case that takes too long, or whose suite task faults, has failed; the suite goes on with the next one.

#![no_std]
#![no_main]

use core::fmt::{self, Write};

use hubpack::SerializedSize;
use hubris_num_tasks::{NUM_TASKS, Task};
use test_suite_common::{report, uart};
use userlib::*;

/// A case may take so many milliseconds. Generous: the machine is emulated, on a busy computer.
const CASE_LIMIT: u32 = 30_000;

/// A case's name.
struct Name {
    bytes: [u8; 96],
    len: usize,
}

struct Runner {
    /// The case that runs, if one does.
    running: bool,
    /// The number of the next case.
    next: u32,
    name: Name,
    passed: u32,
    failed: u32,
    /// Of each task, since the case was started: faults, the last state found, and whether it stays faulted.
    tasks: [Record; NUM_TASKS],
}

#[derive(Copy, Clone)]
struct Record {
    faults: u32,
    state: TaskState,
    held: bool,
}

const QUIET: Record = Record {
    faults: 0,
    state: TaskState::Healthy(SchedState::Runnable),
    held: false,
};

const SUITE: usize = Task::suite as usize;

#[unsafe(export_name = "main")]
fn main() -> ! {
    uart::enable(UART);
    let mut runner = Runner {
        running: false,
        next: 0,
        name: Name {
            bytes: [0; 96],
            len: 0,
        },
        passed: 0,
        failed: 0,
        tasks: [QUIET; NUM_TASKS],
    };
    let mask = notifications::FAULT_MASK | notifications::TIMER_MASK;
    let mut message = [0; report::MESSAGE];
    loop {
        let received = sys_recv_open(&mut message, mask);
        if received.sender == TaskId::KERNEL {
            if received.operation & notifications::FAULT_MASK != 0 {
                runner.look_for_faults();
            }
            // Anyone may post these bits; only a timer that is off has fired.
            let fired = received.operation & notifications::TIMER_MASK != 0
                && sys_get_timer().deadline.is_none();
            if fired && runner.running {
                let state = kipc::read_task_status(SUITE);
                runner.fail(format_args!(
                    "not done within {CASE_LIMIT} ms; the suite was {state:?}"
                ));
                runner.start_afresh();
            }
        } else {
            let bytes = &message[..received.message_len.min(message.len())];
            runner.serve(&received, bytes);
        }
    }
}

impl Runner {
    fn serve(&mut self, received: &RecvMessage, bytes: &[u8]) {
        let answer = |code, bytes: &[u8]| {
            let room = bytes.len().min(received.response_capacity);
            sys_reply(received.sender, code, &bytes[..room]);
        };
        let word = match bytes {
            [a, b, c, d, ..] => u32::from_le_bytes([*a, *b, *c, *d]),
            _ => 0,
        };
        let from_suite = received.sender.index() == SUITE;
        match received.operation as u16 {
            report::BEGIN if from_suite => answer(0, &self.next.to_le_bytes()),
            report::START if from_suite => {
                self.running = true;
                self.next = word + 1;
                self.tasks = [QUIET; NUM_TASKS];
                let name = bytes.get(4..).unwrap_or(&[]);
                self.name.len = name.len().min(self.name.bytes.len());
                self.name.bytes[..self.name.len].copy_from_slice(&name[..self.name.len]);
                // Every case finds everyone but the suite at the start of a life.
                for index in 1..NUM_TASKS {
                    if index != SUITE {
                        kipc::reinit_task(index, true);
                    }
                }
                set_timer_relative(CASE_LIMIT, notifications::TIMER_MASK);
                answer(0, &[]);
            }
            report::PASS if from_suite => {
                self.passed += 1;
                self.running = false;
                let _ = writeln!(uart::Line(UART), "case {} ... ok", self.name);
                answer(0, &[]);
            }
            report::FAIL if from_suite => {
                let why = core::str::from_utf8(bytes).unwrap_or("a message that is not text");
                self.fail(format_args!("{why}"));
                self.start_afresh();
            }
            report::DONE if from_suite => {
                let _ = writeln!(
                    uart::Line(UART),
                    "suite: {} passed, {} failed",
                    self.passed,
                    self.failed
                );
                uart::drain(UART);
                kipc::reset();
            }
            report::FAULTS => {
                let record = self.tasks.get(word as usize).unwrap_or(&QUIET);
                let mut bytes = [0; 4 + TaskState::MAX_SIZE];
                let (count, state) = bytes.split_at_mut(4);
                count.copy_from_slice(&record.faults.to_le_bytes());
                let _ = hubpack::serialize(state, &record.state);
                answer(0, &bytes);
            }
            report::NOTE if from_suite => {
                let text = core::str::from_utf8(bytes).unwrap_or("a note that is not text");
                let _ = writeln!(uart::Line(UART), "{text}");
                answer(0, &[]);
            }
            report::HOLD => {
                if let Some(record) = self.tasks.get_mut(word as usize) {
                    record.held = true;
                }
                answer(0, &[]);
            }
            report::ECHO => answer(0, bytes),
            _ => answer(report::THE_CODE, &[]),
        }
    }

    fn look_for_faults(&mut self) {
        let mut start = 1;
        while let Some(index) = kipc::find_faulted_task(start).map(usize::from) {
            start = index + 1;
            let Some(record) = self.tasks.get_mut(index) else {
                break;
            };
            let state = kipc::read_task_status(index);
            if record.held && record.state == state {
                continue;
            }
            record.faults += 1;
            record.state = state;
            if index == SUITE {
                let mut buffer = [0; PANIC_MESSAGE_MAX_LEN];
                let message = kipc::read_panic_message(index, &mut buffer);
                match message.ok().and_then(|mut chunks| chunks.next()) {
                    Some(why) => self.fail(format_args!("the suite {}", why.valid())),
                    _ => self.fail(format_args!("the suite is {state:?}")),
                }
                self.start_afresh();
            } else if !record.held {
                kipc::reinit_task(index, true);
            }
        }
    }

    fn fail(&mut self, why: fmt::Arguments<'_>) {
        self.running = false;
        self.failed += 1;
        let _ = writeln!(uart::Line(UART), "case {} ... FAILED: {why}", self.name);
    }

    /// Restarts everyone, the suite last.
    fn start_afresh(&mut self) {
        for index in 1..NUM_TASKS {
            self.tasks[index].held = false;
            if index != SUITE {
                kipc::reinit_task(index, true);
            }
        }
        kipc::reinit_task(SUITE, true);
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(core::str::from_utf8(&self.bytes[..self.len]).unwrap_or("?"))
    }
}

include!(concat!(env!("OUT_DIR"), "/notifications.rs"));
include!(concat!(env!("OUT_DIR"), "/peripherals.rs"));

/// The serial line.
const UART: usize = peripherals::uart::ADDRESS;
