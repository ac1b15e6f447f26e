// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! How many commands a second: by the machine's clock, on a machine that does not count instructions.

use core::fmt::Write;

use drv_scmi_api::{Scmi, TransferFlags};
use test_uart::Line;
use userlib::*;

use crate::{UART, commands};
use test_bench_count::Samples;

/// Commands one by one, and in batches of so many.
const COMMANDS: u32 = 8000;
const BATCH: usize = 16;

/// Prints `wall NAME commands=… ms=…` for both ways.
pub fn run(scmi: &Scmi, _samples: &mut Samples) {
    timed("blocking", || {
        for _ in 0..COMMANDS {
            commands::exchange(scmi);
        }
    });
    timed("pipelined", || {
        for _ in 0..COMMANDS as usize / BATCH {
            let mut handles = [0; BATCH];
            for handle in &mut handles {
                *handle = commands::start(scmi, TransferFlags::POLLED, 0);
            }
            for handle in handles {
                while commands::poll(scmi, handle).done == 0 {}
            }
        }
    });
}

fn timed(name: &str, work: impl FnOnce()) {
    let before = sys_get_timer().now;
    work();
    let elapsed = sys_get_timer().now - before;
    let _ = writeln!(
        Line(UART),
        "wall {name} commands={COMMANDS} ms={}",
        elapsed.max(1)
    );
}
