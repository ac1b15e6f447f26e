// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The lines typed before.

use heapless::{Deque, Vec};

use crate::LINE_MAX;

/// How many lines are kept.
const DEPTH: usize = 8;

/// The last lines, and how far back the user has gone.
#[derive(Debug)]
pub struct History {
    /// The oldest first.
    lines: Deque<Vec<u8, LINE_MAX>, DEPTH>,
    /// How many lines back; 0 is the line being typed.
    back: usize,
}

impl History {
    /// No lines yet.
    pub const fn new() -> Self {
        Self {
            lines: Deque::new(),
            back: 0,
        }
    }

    /// Keeps a line, unless it is empty or the same as the last.
    pub fn push(&mut self, line: &[u8]) {
        self.back = 0;
        if line.is_empty() || self.lines.back().is_some_and(|last| last == line) {
            return;
        }
        if self.lines.is_full() {
            self.lines.pop_front();
        }
        if let Ok(line) = Vec::from_slice(line) {
            // There is room now.
            let _ = self.lines.push_back(line);
        }
    }

    /// Back at the line being typed.
    pub fn reset(&mut self) {
        self.back = 0;
    }

    /// One line further back; `None` when there is none.
    pub fn older(&mut self) -> Option<&[u8]> {
        if self.back >= self.lines.len() {
            return None;
        }
        self.back += 1;
        self.current()
    }

    /// One line forward again: the empty line after the newest; `None` when already there.
    pub fn newer(&mut self) -> Option<&[u8]> {
        self.back = self.back.checked_sub(1)?;
        if self.back == 0 {
            Some(&[])
        } else {
            self.current()
        }
    }

    fn current(&self) -> Option<&[u8]> {
        self.lines
            .iter()
            .rev()
            .nth(self.back.checked_sub(1)?)
            .map(|line| &line[..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_and_forth() {
        let mut history = History::new();
        assert_eq!(history.older(), None);
        history.push(b"one");
        history.push(b"two");
        history.push(b"two");
        history.push(b"");
        assert_eq!(history.older(), Some(&b"two"[..]));
        assert_eq!(history.older(), Some(&b"one"[..]));
        assert_eq!(history.older(), None);
        assert_eq!(history.newer(), Some(&b"two"[..]));
        assert_eq!(history.newer(), Some(&b""[..]));
        assert_eq!(history.newer(), None);
    }

    #[test]
    fn the_oldest_line_makes_room() {
        let mut history = History::new();
        for n in 0..=DEPTH as u8 {
            history.push(&[b'a' + n]);
        }
        for _ in 0..DEPTH - 1 {
            history.older();
        }
        assert_eq!(history.older(), Some(&b"b"[..]));
        assert_eq!(history.older(), None);
    }
}
