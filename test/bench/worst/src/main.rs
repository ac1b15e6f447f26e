// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! How long the driver runs at most without listening to anybody: its core, on the machine, with a device in memory that is infinitely
//! fast and does its worst, and 31 subscribers.
//!
//! It does what the bench does: a letter on the serial line is a plan, and the last line is `bench: done`.

#![no_std]
#![no_main]

mod device;
mod storm;

use core::fmt::Write;

use static_cell::ConstStaticCell;
use task_jefe_api::Jefe;
use test_bench_count::{Samples, counter};
use test_uart as uart;
use userlib::*;

task_slot!(JEFE, jefe);
task_slot!(ECHO, echo);

#[unsafe(export_name = "main")]
fn main() -> ! {
    static SAMPLES: ConstStaticCell<Samples> = ConstStaticCell::new(Samples::NEW);
    let samples = SAMPLES.take();
    uart::enable(UART);
    samples.calibrate(counter::start());
    let mut storm = storm::Storm::begin(ECHO.get_task_id());
    let _ = writeln!(uart::Line(UART), "bench: ready");
    loop {
        match uart::read_byte(UART) {
            b'w' => storm.run(samples),
            b'x' => {
                uart::drain(UART);
                Jefe::from(JEFE.get_task_id()).request_reset();
            }
            letter => {
                let _ = writeln!(uart::Line(UART), "bench: no plan {letter:#x}");
            }
        }
        let _ = writeln!(uart::Line(UART), "bench: done");
    }
}

include!(concat!(env!("OUT_DIR"), "/notifications.rs"));
include!(concat!(env!("OUT_DIR"), "/peripherals.rs"));

/// The serial line.
const UART: usize = peripherals::uart::ADDRESS;
