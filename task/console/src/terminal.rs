// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The serial line, as something to print to and to read from.

use core::fmt;

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
    after_carriage_return: bool,
}

impl Terminal {
    /// The terminal behind a UART driver.
    pub fn new(uart: TaskId) -> Self {
        Self {
            uart: Uart::from(uart),
            buffer: [0; CAPACITY],
            len: 0,
            after_carriage_return: false,
        }
    }

    /// Takes what was typed, as much as fits; 0 when there is nothing.
    pub fn read(&self, bytes: &mut [u8]) -> usize {
        match self.uart.read(bytes) {
            Ok(count) => count as usize,
            // What had been typed is lost; whoever types sees no echo and types it again.
            Err(UartError::ServerRestarted) => 0,
            Err(UartError::NotOwner) => {
                panic!("app.toml: the UART's owner must be this console")
            }
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

    fn push(&mut self, byte: u8) {
        if self.len >= CAPACITY {
            self.flush();
        }
        if let Some(place) = self.buffer.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        }
        self.after_carriage_return = byte == b'\r';
    }
}

impl fmt::Write for Terminal {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if byte == b'\n' && !self.after_carriage_return {
                self.push(b'\r');
            }
            self.push(byte);
        }
        Ok(())
    }
}
