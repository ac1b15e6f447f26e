// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The serial line: results go out, and the host is asked to drive the platform or to look at it.
//!
//! | line | answer |
//! |---|---|
//! | `case NAME ... ok`, `case NAME ... FAILED: WHY` | none |
//! | `tell JSON` | `+` when the platform's control socket has carried it out, else `-` |
//! | `see /POINTER JSON` | `+` when the machine's state is that at this place, else `-` |
//! | `drive: N passed, M failed` | none, it is the last one |

use core::fmt::{self, Write};

use userlib::*;

include!(concat!(env!("OUT_DIR"), "/peripherals.rs"));

const UART: usize = peripherals::uart::ADDRESS;
const DATA: usize = 0;
const FLAGS: usize = 0x18;
const CONTROL: usize = 0x30;
const SEND_FULL: u32 = 1 << 5;
const RECEIVE_EMPTY: u32 = 1 << 4;
/// UARTEN, TXE and RXE.
const BOTH_WAYS: u32 = 0x301;
/// How long the host may take, in milliseconds. Generous: it shares a small machine with a compiler.
const LIMIT_MS: u64 = 60_000;

fn read(register: usize) -> u32 {
    // Safety: a register of the device that app.toml gives to the task.
    unsafe { ((UART + register) as *const u32).read_volatile() }
}

fn write(register: usize, value: u32) {
    // Safety: as above.
    unsafe { ((UART + register) as *mut u32).write_volatile(value) }
}

/// The line.
pub struct Host;

impl Host {
    /// Makes it ready.
    pub fn open() -> Self {
        write(CONTROL, BOTH_WAYS);
        Self
    }

    /// Sends a line that is answered, and returns whether the answer was good.
    pub fn ask(&mut self, line: fmt::Arguments<'_>) -> bool {
        self.say(line);
        let start = sys_get_timer().now;
        while sys_get_timer().now.wrapping_sub(start) < LIMIT_MS {
            if read(FLAGS) & RECEIVE_EMPTY == 0 {
                return read(DATA) & 0xff == u32::from(b'+');
            }
            hl::sleep_for(1);
        }
        false
    }

    /// Sends a line.
    pub fn say(&mut self, line: fmt::Arguments<'_>) {
        // Writing to the device cannot fail.
        let _ = writeln!(self, "{line}");
    }
}

impl Write for Host {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            while read(FLAGS) & SEND_FULL != 0 {}
            write(DATA, byte.into());
        }
        Ok(())
    }
}
