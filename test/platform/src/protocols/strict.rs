// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Rules that hold for many messages: which versions existed, what they brought, reserved bits, the width of identifiers.

use scmi::Protocol;
use scmi::protocol::common;

const V2: u32 = 0x2_0000;
const V3: u32 = 0x3_0000;

/// The versions of a protocol that existed, ascending.
pub fn versions(protocol: Protocol) -> &'static [u32] {
    match protocol {
        Protocol::Base | Protocol::System | Protocol::Voltage => &[0x1_0000, 0x2_0000, 0x2_0001],
        Protocol::Power | Protocol::Sensor => &[0x1_0000, 0x2_0000, 0x3_0000, 0x3_0001],
        Protocol::Reset => &[0x1_0000, 0x3_0000, 0x3_0001],
        Protocol::Perf => &[0x1_0000, 0x2_0000, 0x3_0000, 0x4_0000],
        Protocol::Clock => &[0x1_0000, 0x2_0000, 0x3_0000],
        Protocol::Powercap => &[0x1_0000, 0x2_0000],
        Protocol::Pinctrl => &[0x1_0000],
    }
}

/// The version that brought a message.
pub fn since(protocol: Protocol, message: u8) -> u32 {
    if message == common::NEGOTIATE_PROTOCOL_VERSION {
        return 0;
    }
    match (protocol, message) {
        (Protocol::Base, 0x9..=0xb)
        | (Protocol::Clock, 0x8..=0xa)
        | (Protocol::Sensor, 0x7..=0xb)
        | (Protocol::Perf, 0xb)
        | (Protocol::Voltage, 0x9) => V2,
        (Protocol::Power, 0x7 | 0x8)
        | (Protocol::Perf, 0xc)
        | (Protocol::Clock, 0xb..=0xf)
        | (Protocol::Sensor, 0xc | 0xd)
        | (Protocol::Reset, 0x6) => V3,
        _ => 0,
    }
}

/// Reserved bits of a request: the word, and the bits.
fn reserved(protocol: Protocol, message: u8, version: u32) -> Option<(usize, u32)> {
    // `notify_enable` has bit 0 alone, and so have most flags.
    const ONE: u32 = !1;
    Some(match (protocol, message) {
        (Protocol::Base, 0x8) | (Protocol::System, 0x3 | 0x5) | (Protocol::Power, 0x4) => (0, ONE),
        (Protocol::Base, 0x9 | 0xb) => (if message == 0x9 { 2 } else { 1 }, ONE),
        (Protocol::Base, 0xa) => (3, ONE),
        (Protocol::Power, 0x6 | 0x7)
        | (Protocol::Perf, 0x9 | 0xa)
        | (Protocol::Clock, 0x9 | 0xa)
        | (Protocol::Sensor, 0x4 | 0x6 | 0xb)
        | (Protocol::Reset, 0x5)
        | (Protocol::Voltage, 0x7)
        | (Protocol::Powercap, 0xa | 0xb) => (1, ONE),
        (Protocol::Clock, 0x5) => (0, !0xf),
        (Protocol::Clock, 0x7) if version < V3 => (1, ONE),
        (Protocol::Clock, 0x7) => (1, 0xff00_fffc),
        (Protocol::Clock, 0xb) => (1, !0xff),
        (Protocol::Sensor, 0x5) => (1, 0xffff_f00c),
        (Protocol::Sensor, 0xa) => (1, 0x1fc),
        (Protocol::Reset, 0x4) => (1, !7),
        (Protocol::Voltage, 0x5) => (1, !0xf),
        (Protocol::Powercap, 0x5) => (1, !3),
        (Protocol::Powercap, 0x7) => (1, !0),
        _ => return None,
    })
}

/// Whether a request has a reserved bit set.
pub fn has_reserved_bits(protocol: Protocol, message: u8, version: u32, parameters: &[u8]) -> bool {
    reserved(protocol, message, version).is_some_and(|(place, bits)| {
        let word = parameters.chunks_exact(4).nth(place);
        word.is_some_and(|word| {
            u32::from_le_bytes([word[0], word[1], word[2], word[3]]) & bits != 0
        })
    })
}

/// Byte offset of the upper half of an identifier that has 16 bits: it is ignored.
pub fn ignored_half(protocol: Protocol, message: u8) -> Option<usize> {
    if message < 0x3 || message == common::NEGOTIATE_PROTOCOL_VERSION {
        return None;
    }
    match (protocol, message) {
        (Protocol::Power, 0x4) => Some(6),
        (Protocol::Power | Protocol::Voltage | Protocol::Pinctrl, _) => Some(2),
        _ => None,
    }
}
