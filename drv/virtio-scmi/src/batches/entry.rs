// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What a batch consists of.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Words of parameters that an entry has room for.
pub const ENTRY_WORDS: usize = 4;

/// One command of a batch: 20 bytes without padding.
#[derive(
    Copy, Clone, Debug, Default, Eq, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Entry {
    /// SCMI protocol.
    pub protocol: u8,
    /// Message of the protocol.
    pub message: u8,
    /// 0: no flag means anything in a batch.
    pub flags: u8,
    /// Bytes of parameters, at most 16.
    pub len: u8,
    /// The parameters, in words as they lie in memory.
    pub parameters: [u32; ENTRY_WORDS],
}

impl Entry {
    /// Nothing: zeros.
    pub const NEW: Self = Self {
        protocol: 0,
        message: 0,
        flags: 0,
        len: 0,
        parameters: [0; ENTRY_WORDS],
    };

    /// A word of the parameters, by its value.
    pub(crate) fn word(&self, index: usize) -> u32 {
        self.parameters
            .get(index)
            .map_or(0, |&word| u32::from_le(word))
    }
}

/// A batch as a whole.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Batch {
    /// How many entries it has, at least one.
    pub count: usize,
    /// Milliseconds until what has no answer by then is given up, all of it at once; 0 is the default of
    /// [`Limits`](crate::Limits).
    pub deadline: u32,
    /// Whatever [`System::entry_ended`](crate::System::entry_ended) is to be told with each end.
    pub tag: u32,
}
