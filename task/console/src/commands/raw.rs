// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `raw`: any message of any protocol.

use console_core::grammar::{Command, Words};
use console_core::quantity;
use drv_scmi_api::PAYLOAD_MAX;
use scmi::{Status, protocol};

use super::{Outcome, Run, Verb, next_word, plain, whole};
use crate::Console;
use crate::failure::Failure;
use crate::platform::{link, send};
use crate::protocols::protocol_of;
use crate::terminal::say;

pub const COMMAND: Command<Run> = plain(
    "raw",
    "any message: `raw perf 7 =1 =3`",
    &[Verb::new(
        "",
        "PROTOCOL MESSAGE [BYTES...]",
        "sends a message and shows the answer. BYTES are pairs of hexadecimal digits in the order of the wire, `01000000 ff`,\n      and `=N` for a number of four bytes, the lowest first",
        raw,
    )],
);

/// Bytes in a line of the answer.
const LINE: usize = 16;

fn raw<'a>(console: &mut Console, mut words: Words<'a>) -> Outcome<'a> {
    let name = next_word(&mut words);
    let protocol = protocol_of(name).ok_or(Failure::UnknownProtocol(name))?;
    let text = next_word(&mut words);
    let wanted = "the number of a message, at most 0xff";
    let message = u8::try_from(whole(text, wanted)?)
        .map_err(|_| Failure::Value(text, wanted, quantity::Bad::OutOfRange))?;
    let request = quantity::bytes(words)?;
    let link = link(&console.scmi)?;
    let mut values = [0; PAYLOAD_MAX];
    let answer = send(link, protocol, message, &request, &mut values)?;
    let terminal = &mut console.terminal;
    let title = protocol::message_name(protocol, message).unwrap_or("(unknown message)");
    let status = Status::from_raw(answer.status);
    say!(terminal, "{title}: status {}", answer.status);
    if let Some(name) = status.name() {
        say!(terminal, " ({name})");
    }
    let values = values.get(..answer.len as usize).unwrap_or(&values);
    say!(terminal, ", {} bytes", values.len());
    for (index, byte) in values.iter().enumerate() {
        match index % LINE {
            0 => say!(terminal, "\n  {byte:02x}"),
            place if place % 4 == 0 => say!(terminal, "  {byte:02x}"),
            _ => say!(terminal, " {byte:02x}"),
        }
    }
    say!(terminal, "\n");
    status.ok().map_err(|status| Failure::Scmi(status.into()))
}
