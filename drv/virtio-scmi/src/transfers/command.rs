// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! How a client waits for a command, and what the driver sees in it.

use scmi::{Header, Token};

/// How a client waits for the end of a transfer.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Wait {
    /// Blocked: [`System::ended`](crate::System::ended) tells the end.
    Blocked,
    /// By [`Driver::poll`](crate::Driver::poll); these notification bits, if any, tell that it may succeed.
    Poll(u32),
}

/// Whether parameters of `len` bytes, whose words `parameter` tells, ask for a delayed response: a device without event queue cannot send one, and where it can, the token must not be
/// given out again before it has come.
pub(crate) fn is_asynchronous(
    protocol: u8,
    message: u8,
    len: usize,
    parameter: impl FnOnce(usize) -> u32,
) -> bool {
    scmi::events::delayed(protocol, message).is_some_and(|delayed| {
        len >= delayed.flags_at + 4 && delayed.asked_by_flags(parameter(delayed.flags_at / 4))
    })
}

/// The header of a command, without its token.
pub(crate) fn header_of(protocol: u8, message: u8) -> u32 {
    Header::command(protocol, message, Token::default()).pack()
}
