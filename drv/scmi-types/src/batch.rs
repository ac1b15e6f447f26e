// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Batches: what a client gives, and what it gets.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{Failure, PAYLOAD_MAX, Refusal, SMALL_REQUEST};

/// Most entries of a batch; `app.toml` may allow a client fewer.
pub const BATCH_MAX: usize = 64;

/// One command of a batch: 20 bytes.
#[derive(
    Copy, Clone, Debug, Default, Eq, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct BatchEntry {
    /// SCMI protocol.
    pub protocol: u8,
    /// Message of the protocol.
    pub message: u8,
    /// 0: no flag means anything in a batch.
    pub flags: u8,
    /// Bytes of parameters, at most [`SMALL_REQUEST`].
    pub len: u8,
    /// The parameters, in words as they lie in memory.
    pub parameters: [u32; SMALL_REQUEST / 4],
}

impl BatchEntry {
    /// A command without parameters.
    pub const fn new(protocol: u8, message: u8) -> Self {
        Self {
            protocol,
            message,
            flags: 0,
            len: 0,
            parameters: [0; SMALL_REQUEST / 4],
        }
    }

    /// The same with parameters.
    ///
    /// # Errors
    ///
    /// They are longer than [`SMALL_REQUEST`] bytes.
    pub fn with_parameters(mut self, parameters: &[u8]) -> Result<Self, Refusal> {
        let place = self.parameters.as_mut_bytes().get_mut(..parameters.len());
        place
            .ok_or(Refusal::RequestTooLong)?
            .copy_from_slice(parameters);
        self.len = parameters.len() as u8;
        Ok(self)
    }

    /// A word of the parameters, by its value; 0 beyond them.
    pub fn parameter(&self, index: usize) -> u32 {
        let word = self.parameters.get(index);
        word.map_or(0, |&word| u32::from_le(word))
    }
}

/// The end of an entry, in front of its values: 8 bytes. A client says how long an answer is, from these 8 bytes alone to
/// [`BatchAnswer::LONGEST`]; what does not fit is cut.
#[derive(
    Copy, Clone, Debug, Default, Eq, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct BatchAnswer {
    /// Bytes of return values that the platform gave, at most 128. The values behind them are left as they were.
    pub len: u16,
    /// 0: the platform answered. Otherwise the number of the driver's error, and the rest is 0.
    pub error: u16,
    /// SCMI status: 0 is SUCCESS, negative values are errors of the platform.
    pub status: i32,
}

impl BatchAnswer {
    /// The longest answer with all values, in bytes.
    pub const LONGEST: usize = size_of::<Self>() + PAYLOAD_MAX;

    /// The end of an entry that was not answered, by the number of the driver's error.
    pub const fn unanswered(error: u16) -> Self {
        Self {
            len: 0,
            error,
            status: 0,
        }
    }

    /// How long each of `count` answers is in a lease of `len` bytes, or `None` if these are no `count` equal answers.
    pub const fn length_of_each(len: usize, count: usize) -> Option<usize> {
        match len.checked_div(count) {
            Some(each) if each >= size_of::<Self>() && each * count == len => Some(each),
            _ => None,
        }
    }
}

/// Why an entry of a batch has no answer.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Unanswered {
    /// It was not sent.
    Refused(Refusal),
    /// It was sent, or was to be until the time of the batch was up.
    Failed(Failure),
}
