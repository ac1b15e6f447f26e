// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The serial line, as something to print to and to read from.

use core::fmt;

use console_core::lines::LineEnds;
use drv_uart_api::{Uart, UartError};
use userlib::TaskId;

/// Bytes that are kept before they go to the driver in one message.
const CAPACITY: usize = 256;

/// Prints like `print!`, to a [`Terminal`].
macro_rules! say {
    ($terminal:expr, $($text:tt)*) => {
        $terminal.say(format_args!($($text)*))
    };
}
pub(crate) use say;

/// Collects what is printed, and ends lines as terminals want it.
pub struct Terminal {
    uart: Uart,
    buffer: [u8; CAPACITY],
    len: usize,
    ends: LineEnds,
}

impl Terminal {
    /// The terminal behind a UART driver.
    pub fn new(uart: TaskId) -> Self {
        Self {
            uart: Uart::from(uart),
            buffer: [0; CAPACITY],
            len: 0,
            ends: LineEnds::new(),
        }
    }

    /// Sends what was printed.
    pub fn flush(&mut self) {
        let bytes = self.buffer.get(..self.len).unwrap_or(&self.buffer);
        // A driver that restarts in between may have sent some already: rather a part twice than an answer lost.
        while !bytes.is_empty() && self.uart.write(bytes) == Err(UartError::ServerRestarted) {}
        self.len = 0;
    }

    /// Prints; see `say!`.
    pub fn say(&mut self, text: fmt::Arguments<'_>) {
        // It does not fail: the driver takes everything, or restarts and takes it then.
        let _ = fmt::Write::write_fmt(self, text);
    }

    /// Ends the line that has begun, if one has: what is printed next has a line of its own.
    pub fn end_line(&mut self) {
        if !self.ends.at_start() {
            say!(self, "\n");
        }
    }

    fn push(&mut self, byte: u8) {
        if self.len >= CAPACITY {
            self.flush();
        }
        if let Some(place) = self.buffer.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        }
    }
}

impl fmt::Write for Terminal {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            let (before, byte) = self.ends.print(byte);
            if let Some(before) = before {
                self.push(before);
            }
            self.push(byte);
        }
        Ok(())
    }
}
