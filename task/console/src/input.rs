// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What was typed and is not yet dealt with.

use console_core::editor::CTRL_C;
use heapless::Deque;

use crate::terminal::Terminal;

/// Bytes that are kept while a command runs.
const AHEAD: usize = 64;

/// Bytes from the terminal. What is typed while a command looks for Ctrl-C is kept for the next line.
pub struct Input {
    ahead: Deque<u8, AHEAD>,
    interrupted: bool,
}

impl Input {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self {
            ahead: Deque::new(),
            interrupted: false,
        }
    }

    /// The next byte.
    pub fn next(&mut self, terminal: &Terminal) -> Option<u8> {
        if self.ahead.is_empty() {
            self.fetch(terminal);
        }
        self.ahead.pop_front()
    }

    /// Whether Ctrl-C was typed. It throws away what was typed before.
    pub fn interrupted(&mut self, terminal: &Terminal) -> bool {
        while self.fetch(terminal) > 0 {
            let last = self.ahead.iter().rev().position(|&byte| byte == CTRL_C);
            if let Some(after) = last {
                while self.ahead.len() > after {
                    self.ahead.pop_front();
                }
                self.interrupted = true;
            }
        }
        self.interrupted
    }

    /// The same, and forgets it.
    pub fn take_interrupt(&mut self) -> bool {
        core::mem::take(&mut self.interrupted)
    }

    /// Takes bytes from the terminal. When there is no more room, the oldest give way: then nobody meant them for the next line.
    fn fetch(&mut self, terminal: &Terminal) -> usize {
        let mut bytes = [0; AHEAD / 2];
        let count = terminal.read(&mut bytes);
        for &byte in bytes.iter().take(count) {
            if self.ahead.is_full() {
                self.ahead.pop_front();
            }
            // There is room now.
            let _ = self.ahead.push_back(byte);
        }
        count
    }
}
