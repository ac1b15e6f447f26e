// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The supervisor of the prober: restarts it behind the access that faulted, and says which accesses did not.
//!
//! Prints `allowed: ` and the access for each that did not fault, `unexpected: ` for each that faulted in another way than as an
//! undefined instruction, and at the end `probe: N accesses, M allowed, K unexpected`.

#![no_std]
#![no_main]

use core::fmt::Write;

use hubris_num_tasks::Task;
use test_suite_common::probe::{self, Access};
use test_suite_common::uart::{self, Line};
use userlib::*;

const PROBER: usize = Task::prober as usize;

#[unsafe(export_name = "main")]
fn main() -> ! {
    uart::enable(peripherals::uart::ADDRESS);
    let mut line = Line(peripherals::uart::ADDRESS);
    let (mut next, mut allowed, mut unexpected) = (0, 0, 0);
    let mut about_to = 0;
    let mut message = [0; 4];
    loop {
        let received = sys_recv_open(&mut message, notifications::FAULT_MASK);
        if received.sender == TaskId::KERNEL {
            let TaskState::Faulted { fault, .. } = kipc::read_task_status(PROBER) else {
                continue;
            };
            let number = read_word(about_to);
            if number != next {
                panic!("access {number} faulted, and {next} was due");
            }
            if fault != FaultInfo::IllegalInstruction {
                unexpected += 1;
                let _ = writeln!(line, "unexpected: {} is {fault:?}", Access(number));
            }
            next = number + 1;
            kipc::reinit_task(PROBER, true);
            continue;
        }
        let word = u32::from_le_bytes(message);
        match received.operation as u16 {
            probe::BEGIN => about_to = word,
            probe::ALLOWED => {
                allowed += 1;
                next = word + 1;
                let _ = writeln!(line, "allowed: {}", Access(word));
            }
            _ => break,
        }
        sys_reply(received.sender, 0, &next.to_le_bytes());
    }
    let _ = writeln!(
        line,
        "probe: {next} accesses, {allowed} allowed, {unexpected} unexpected"
    );
    uart::drain(peripherals::uart::ADDRESS);
    kipc::reset()
}

/// Reads a word of the prober's memory.
fn read_word(address: u32) -> u32 {
    let mut bytes = [0; 4];
    let region = TaskDumpRegion {
        base: address,
        size: 4,
    };
    kipc::read_task_dump_region(PROBER, region, &mut bytes);
    u32::from_le_bytes(bytes)
}

include!(concat!(env!("OUT_DIR"), "/notifications.rs"));
include!(concat!(env!("OUT_DIR"), "/peripherals.rs"));
