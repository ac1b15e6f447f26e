// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Counts what messages and commands cost, and prints it: one line a row, see `Samples`; the last line is `bench: done`.
//!
//! What is to be measured is typed on the serial line, one letter a plan; see [`PLANS`].
//!
//! Everything is called the way any task calls it. Before the letter is awaited, one command was sent and answered: that is the
//! moment to which `boot_instructions` counts.

#![no_std]
#![no_main]

mod commands;
mod marks;
mod traced;
mod wall;

use core::fmt::Write;

use drv_scmi_api::Scmi;
use static_cell::ConstStaticCell;
use task_jefe_api::Jefe;
use test_bench_count::{Samples, counter};
use test_uart as uart;
use userlib::*;

task_slot!(JEFE, jefe);
task_slot!(ECHO, echo);
task_slot!(SCMI, scmi);

/// A letter and what it measures.
type Plan = (u8, fn(&Scmi, &mut Samples));

const PLANS: [Plan; 11] = [
    (b'q', commands::quick),
    (b'f', commands::full),
    (b'p', commands::own_platform),
    (b'i', commands::suppression),
    (b'r', commands::ring),
    (b'l', commands::long),
    (b'c', commands::clients),
    (b't', traced::run),
    (b'e', traced::events),
    (b'w', wall::run),
    (b'x', end),
];

#[unsafe(export_name = "main")]
fn main() -> ! {
    static SAMPLES: ConstStaticCell<Samples> = ConstStaticCell::new(Samples::NEW);
    let samples = SAMPLES.take();
    let scmi = Scmi::from(SCMI.get_task_id());
    commands::exchange(&scmi);
    marks::first_answer();

    uart::enable(UART);
    samples.calibrate(counter::start());
    let _ = writeln!(uart::Line(UART), "bench: ready");
    loop {
        let letter = uart::read_byte(UART);
        match PLANS.iter().find(|(name, _)| *name == letter) {
            Some((_, plan)) => {
                plan(&scmi, samples);
                let _ = writeln!(uart::Line(UART), "bench: done");
            }
            None => {
                let _ = writeln!(uart::Line(UART), "bench: no plan {letter:#x}");
            }
        }
    }
}

/// Ends the machine, so that whoever traces it has everything.
fn end(_scmi: &Scmi, _samples: &mut Samples) {
    uart::drain(UART);
    Jefe::from(JEFE.get_task_id()).request_reset();
}

include!(concat!(env!("OUT_DIR"), "/notifications.rs"));
include!(concat!(env!("OUT_DIR"), "/peripherals.rs"));

/// The serial line.
const UART: usize = peripherals::uart::ADDRESS;
