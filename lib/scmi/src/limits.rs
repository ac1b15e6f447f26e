// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Sizes that both sides agree on. All in bytes unless the name says otherwise.

/// Longest payload of any message, without header and status word.
pub const MAX_PAYLOAD: usize = 128;

/// Length of the header word that starts every message.
pub const HEADER_LEN: usize = 4;

/// Length of the status word that follows the header of every reply.
pub const STATUS_LEN: usize = 4;

/// What a reply carries on top of its return values: header word and status word.
pub const OVERHEAD: usize = HEADER_LEN + STATUS_LEN;

/// A buffer of this length holds any request, reply, delayed response or notification.
pub const MAX_MESSAGE: usize = MAX_PAYLOAD + OVERHEAD;

/// Width of the token field of the header, in bits.
pub const TOKEN_BITS: u32 = 10;

/// How many different tokens there are, and so how many commands can be in flight.
pub const TOKENS: usize = 1 << TOKEN_BITS;

/// Length of the name field in attribute replies, including the final NUL.
pub const SHORT_NAME_LEN: usize = 16;

/// Length of the name field in extended name replies, including the final NUL.
pub const EXTENDED_NAME_LEN: usize = 64;
