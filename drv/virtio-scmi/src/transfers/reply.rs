// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! How a transfer ended.

use crate::memory::DmaBuffer;
use drv_scmi_types::{PAYLOAD_MAX, Response, SMALL_RESPONSE};

/// How a transfer ended well, in the slot's own books.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: i32,
    /// Bytes of return values.
    pub(crate) len: u16,
    /// The event buffer that holds them, if it is not the slot's own reply buffer.
    pub(crate) parked: Option<u16>,
}

impl Answer {
    pub(crate) const ZERO: Self = Self {
        status: 0,
        len: 0,
        parked: None,
    };
}

/// Words that [`Reply::first_words`] has.
pub const FIRST_WORDS: usize = SMALL_RESPONSE / 4;

/// The answer of the platform.
#[derive(Copy, Clone)]
pub struct Reply<'m> {
    /// SCMI status: 0 is SUCCESS.
    pub status: i32,
    /// Bytes of return values, at most 128.
    pub len: usize,
    pub(super) buffer: &'m DmaBuffer,
}

impl Reply<'_> {
    /// Where the return values begin in [`Reply::buffer`], in words: after header and status.
    pub const FIRST: usize = 2;

    /// The answer as it travels. Return values that are not small do not travel with it.
    pub fn head(&self) -> drv_scmi_types::Answer {
        drv_scmi_types::Answer {
            response: Response {
                status: self.status,
                len: self.len.min(PAYLOAD_MAX) as u32,
            },
            values: self.first_words(),
        }
    }

    /// The buffer that holds the return values, from byte 8 on. The device does not have it; it is valid until
    /// the client has it.
    pub fn buffer(&self) -> &DmaBuffer {
        self.buffer
    }

    /// The answer to an entry of a batch, values and all, cut to `longest` bytes: a [`BatchAnswer`](drv_scmi_types::BatchAnswer) takes
    /// the place of header and status, so that one copy does.
    pub fn as_entry(&self, longest: usize) -> (*const u8, usize) {
        self.buffer.set_word(0, self.len as u32);
        self.buffer.set_word(1, self.status as u32);
        let len = Self::FIRST * 4 + self.len;
        (self.buffer.pointer(0), len.min(longest))
    }

    /// The first return values in words as they lie in memory, with zeros behind the last one.
    // One by one: a loop, and the call that sets an array to zero, would cost more than all the rest.
    pub fn first_words(&self) -> [u32; FIRST_WORDS] {
        let word = |index: usize| {
            if self.len > index * 4 {
                self.buffer.raw_word(Self::FIRST + index)
            } else {
                0
            }
        };
        let mut words = [word(0), word(1), word(2), word(3), word(4), word(5)];
        if !self.len.is_multiple_of(4) {
            self.trim(&mut words);
        }
        words
    }

    /// Clears what the last word has of the buffer's earlier use.
    #[cold]
    fn trim(&self, words: &mut [u32; FIRST_WORDS]) {
        if let Some(last) = words.get_mut(self.len / 4) {
            let kept = u32::MAX >> (32 - self.len % 4 * 8);
            *last = (u32::from_le(*last) & kept).to_le();
        }
    }

    /// Copies the return values, as many as there are and fit; the number of bytes copied (M4).
    pub fn read(&self, bytes: &mut [u8]) -> usize {
        let len = self.len.min(bytes.len());
        if let Some(bytes) = bytes.get_mut(..len) {
            self.buffer.read(Self::FIRST, bytes);
        }
        len
    }
}
