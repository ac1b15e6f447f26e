// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Replies at once with what it was sent: what is left is the cost of the message itself.

#![no_std]
#![no_main]

use userlib::*;

/// Longest message.
const MAX: usize = 12;

#[unsafe(export_name = "main")]
fn main() -> ! {
    let mut message = [0; MAX];
    loop {
        let received = sys_recv_open(&mut message, 0);
        let len = received.message_len.min(MAX);
        sys_reply(received.sender, 0, message.get(..len).unwrap_or(&[]));
    }
}
