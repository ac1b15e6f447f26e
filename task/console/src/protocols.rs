// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What protocols are called at the console.

use scmi::Protocol;

/// The command for a protocol.
pub fn command_for(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Powercap => "cap",
        Protocol::Pinctrl => "pin",
        other => other.name(),
    }
}

/// The number of a protocol, by its number, its name, or the command for it.
pub fn protocol_of(word: &str) -> Option<u8> {
    match console_core::quantity::number(word) {
        Some(number) => u8::try_from(number).ok(),
        None => Protocol::ALL
            .into_iter()
            .find(|&protocol| word == protocol.name() || word == command_for(protocol))
            .map(Protocol::id),
    }
}
