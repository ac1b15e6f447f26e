// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What was typed ahead of its use, and Ctrl-C in it.

use heapless::Deque;

use crate::editor::CTRL_C;

/// Bytes that are kept while a command runs.
pub const AHEAD: usize = 256;

/// Bytes that were typed and are not yet used, and whether Ctrl-C was typed to end the command that
/// runs.
#[derive(Debug)]
pub struct Ahead {
    bytes: Deque<u8, AHEAD>,
    interrupted: bool,
}

impl Ahead {
    /// Nothing yet.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Self {
            bytes: Deque::new(),
            interrupted: false,
        }
    }

    /// Takes the oldest byte.
    pub fn take(&mut self) -> Option<u8> {
        self.bytes.pop_front()
    }

    /// How many more bytes there is room for.
    pub fn room(&self) -> usize {
        AHEAD.saturating_sub(self.bytes.len())
    }

    /// Adds bytes. Where there is no more room, the oldest give way.
    pub fn push(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if self.bytes.is_full() {
                self.bytes.pop_front();
            }
            // There is room now.
            let _ = self.bytes.push_back(byte);
        }
    }

    /// Looks for Ctrl-C, takes it out with all that was typed before it, and returns whether one
    /// was found since [`Ahead::take_interrupt`].
    pub fn interrupted(&mut self) -> bool {
        let last = self.bytes.iter().rev().position(|&byte| byte == CTRL_C);
        if let Some(after) = last {
            while self.bytes.len() > after {
                self.bytes.pop_front();
            }
            self.interrupted = true;
        }
        self.interrupted
    }

    /// Returns what [`Ahead::interrupted`] found, and forgets it.
    pub fn take_interrupt(&mut self) -> bool {
        core::mem::take(&mut self.interrupted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rest(ahead: &mut Ahead) -> Vec<u8> {
        std::iter::from_fn(|| ahead.take()).collect()
    }

    #[test]
    fn s15_ctrl_c_ends_what_was_typed_before_it() {
        let mut ahead = Ahead::new();
        ahead.push(b"power on gpu\r");
        assert!(!ahead.interrupted());
        ahead.push(b"no\x03nsense\x03info\r");
        // It stays so, however often it is asked.
        assert!(ahead.interrupted() && ahead.interrupted());
        assert!(ahead.take_interrupt() && !ahead.take_interrupt());
        assert_eq!(rest(&mut ahead), b"info\r");
        assert!(!ahead.interrupted());
    }

    /// It may have come together with the line that runs now.
    #[test]
    fn s15_ctrl_c_is_found_among_bytes_that_are_there_already() {
        let mut ahead = Ahead::new();
        ahead.push(b"\rinfo\r\x03");
        assert_eq!(ahead.take(), Some(b'\r'));
        assert!(ahead.interrupted());
        assert_eq!(rest(&mut ahead), b"");
    }

    #[test]
    fn the_oldest_bytes_give_way() {
        let mut ahead = Ahead::new();
        assert_eq!(ahead.room(), AHEAD);
        ahead.push(&[b'x'; AHEAD]);
        assert_eq!(ahead.room(), 0);
        ahead.push(b"\x03y");
        assert!(ahead.interrupted());
        assert_eq!(rest(&mut ahead), b"y");
    }
}
