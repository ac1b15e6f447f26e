// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Line ends of a serial terminal, and whether a line has begun.

/// What a terminal that prints text needs to know of the bytes before.
#[derive(Clone, Copy, Debug)]
pub struct LineEnds {
    after_carriage_return: bool,
    at_start: bool,
}

impl LineEnds {
    /// Before the first byte.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Self {
            after_carriage_return: false,
            at_start: true,
        }
    }

    /// Returns `true` if nothing has been printed in this line, so that a text printed now has the
    /// line to itself.
    pub const fn at_start(&self) -> bool {
        self.at_start
    }

    /// Returns the bytes that print `byte`, of which the first may be missing: a line feed gets a
    /// carriage return before it.
    pub fn print(&mut self, byte: u8) -> (Option<u8>, u8) {
        let before = (byte == b'\n' && !self.after_carriage_return).then_some(b'\r');
        self.after_carriage_return = byte == b'\r';
        self.at_start = match byte {
            b'\n' => true,
            // These leave no trace in the line.
            b'\r' | BELL => self.at_start,
            _ => false,
        };
        (before, byte)
    }
}

const BELL: u8 = 0x07;

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(text: &str) -> (Vec<u8>, bool) {
        let mut ends = LineEnds::new();
        let mut bytes = Vec::new();
        for byte in text.bytes() {
            let (before, byte) = ends.print(byte);
            bytes.extend(before);
            bytes.push(byte);
        }
        (bytes, ends.at_start())
    }

    #[test]
    fn s15_a_line_that_has_begun_is_known() {
        for (text, at_start) in [
            ("", true),
            ("\n", true),
            ("gpu", false),
            ("gpu\n", true),
            ("gpu\r\n", true),
            ("gpu\r", false),
            ("gpu\n\x07", true),
            ("gpu\n ", false),
            ("gpu\n\u{b0}", false),
        ] {
            assert_eq!(printed(text).1, at_start, "{text:?}");
        }
    }

    #[test]
    fn line_feeds_get_a_carriage_return_once() {
        assert_eq!(printed("a\nb\r\nc\n\n").0, b"a\r\nb\r\nc\r\n\r\n");
    }
}
