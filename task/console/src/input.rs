// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What was typed and is not yet dealt with.

use core::cell::RefCell;

use console_core::ahead::Ahead;
use drv_uart_api::{Uart, UartError};
use userlib::TaskId;

/// Bytes that are asked for at once.
const CHUNK: usize = 32;

/// Bytes from the terminal. What is typed while a command looks for Ctrl-C is kept for the next line.
pub struct Input {
    uart: Uart,
    // Every command looks for Ctrl-C, also in the middle of a list that it reads by shared
    // references.
    ahead: &'static RefCell<Ahead>,
}

/// What to do with input for which there is no more room.
#[derive(Copy, Clone, PartialEq, Eq)]
pub enum Full {
    /// It stays with the driver, which holds the line back: not a byte of many lines that a tool
    /// sends is lost.
    Wait,
    /// The oldest bytes give way, so that Ctrl-C is seen whatever was typed before.
    Drop,
}

impl Input {
    /// Input from this driver, kept there.
    pub fn new(uart: TaskId, ahead: &'static RefCell<Ahead>) -> Self {
        Self {
            uart: Uart::from(uart),
            ahead,
        }
    }

    /// The next byte.
    pub fn next(&self) -> Option<u8> {
        let mut ahead = self.ahead.borrow_mut();
        ahead.take().or_else(|| {
            self.fetch(&mut ahead, Full::Wait);
            ahead.take()
        })
    }

    /// Returns `true` if Ctrl-C was typed since [`Input::take_interrupt`]. It throws away what was
    /// typed before.
    pub fn interrupted(&self, full: Full) -> bool {
        let mut ahead = self.ahead.borrow_mut();
        while self.fetch(&mut ahead, full) {
            ahead.interrupted();
        }
        ahead.interrupted()
    }

    /// The same, as far as it is known, and forgets it.
    pub fn take_interrupt(&self) -> bool {
        self.ahead.borrow_mut().take_interrupt()
    }

    /// Takes bytes from the terminal. Returns whether there were any.
    fn fetch(&self, ahead: &mut Ahead, full: Full) -> bool {
        let mut bytes = [0; CHUNK];
        let room = match full {
            Full::Wait => ahead.room().min(CHUNK),
            Full::Drop => CHUNK,
        };
        let Some(bytes) = bytes.get_mut(..room).filter(|bytes| !bytes.is_empty()) else {
            return false;
        };
        let count = match self.uart.read(bytes) {
            Ok(count) => count as usize,
            // What had been typed is lost; whoever types sees no echo and types it again.
            Err(UartError::ServerRestarted) => 0,
            Err(UartError::NotOwner) => {
                panic!("app.toml: the UART's owner must be this console")
            }
        };
        ahead.push(bytes.get(..count).unwrap_or(&[]));
        count > 0
    }
}
