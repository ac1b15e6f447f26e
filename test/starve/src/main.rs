// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Who waits for whom: see test/integration/tests/starve.rs.
//!
//! The meter sleeps for a millisecond again and again, and prints the longest gap of each round. From the third round on, a less
//! important task writes to the serial line without a pause.

#![no_std]
#![no_main]

use core::fmt::Write;

use drv_uart_api::Uart;
use userlib::*;

task_slot!(UART, uart);

/// Rounds, and how long each is in milliseconds.
const ROUNDS: u32 = 4;
const ROUND: u64 = 1000;
/// The writer begins within the third round, so that the first two are without it and the last is with it.
const QUIET: u64 = 2 * ROUND + ROUND / 2;

static BLOB: [u8; 256 * 1024] = [b'x'; 256 * 1024];

struct Out;

impl Write for Out {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        Uart::from(UART.get_task_id())
            .write(text.as_bytes())
            .map_err(|_| core::fmt::Error)
    }
}

#[unsafe(export_name = "main")]
fn main() -> ! {
    if cfg!(feature = "meter") {
        measure()
    } else {
        write()
    }
}

fn measure() -> ! {
    for round in 0..ROUNDS {
        let start = sys_get_timer().now;
        let (mut last, mut worst) = (start, 0);
        while last < start + ROUND {
            hl::sleep_for(1);
            let now = sys_get_timer().now;
            worst = worst.max(now - last);
            last = now;
        }
        let _ = writeln!(Out, "\nmeter: round {round}, worst gap {worst} ms");
    }
    let _ = writeln!(Out, "\nmeter: done");
    loop {
        let _ = sys_recv_notification(0);
    }
}

fn write() -> ! {
    hl::sleep_for(QUIET);
    loop {
        let _ = Uart::from(UART.get_task_id()).write(core::hint::black_box(&BLOB));
    }
}
