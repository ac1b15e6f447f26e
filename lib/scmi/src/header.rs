// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The message header: the 32-bit little-endian word that starts every message.
//!
//! ```text
//!  31    28 27              18 17         10 9    8 7          0
//! +--------+------------------+-------------+------+------------+
//! |reserved|      token       | protocol id | type | message id |
//! +--------+------------------+-------------+------+------------+
//! ```
//!
//! [`Header::unpack`] accepts every word and [`Header::pack`] gives the same word back, so that a platform can echo what it
//! was sent and a log can show it. [`Header::check`] says whether the word follows the specification (DEN0056, "Message
//! format").

use core::fmt;

use crate::limits::{HEADER_LEN, TOKEN_BITS, TOKENS};
use crate::protocol::{self, Protocol};

const TYPE_SHIFT: u32 = 8;
const PROTOCOL_SHIFT: u32 = 10;
const TOKEN_SHIFT: u32 = 18;
const RESERVED_SHIFT: u32 = TOKEN_SHIFT + TOKEN_BITS;
const TOKEN_MASK: u32 = TOKENS as u32 - 1;

/// What kind of message a header starts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum MessageType {
    /// A command, or the reply to it.
    Command = 0,
    /// Not used by the specification: whoever sends it is wrong.
    Unused = 1,
    /// The late result of a command that was asked to run asynchronously.
    DelayedResponse = 2,
    /// A notification: nobody asked just now.
    Notification = 3,
}

impl MessageType {
    /// The type with this two-bit code; higher bits are ignored.
    pub const fn from_bits(bits: u32) -> Self {
        match bits & 3 {
            0 => Self::Command,
            1 => Self::Unused,
            2 => Self::DelayedResponse,
            _ => Self::Notification,
        }
    }
}

/// A 10-bit number that a platform copies from a command to its reply and to its delayed response.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Token(u16);

impl Token {
    /// The token with this value, or `None` when it does not fit in ten bits.
    pub const fn new(value: u16) -> Option<Self> {
        if (value as usize) < TOKENS {
            Some(Self(value))
        } else {
            None
        }
    }

    /// The token of the low ten bits: for counters that run on.
    pub const fn wrapping(value: u32) -> Self {
        Self((value & TOKEN_MASK) as u16)
    }

    /// The token after this one; after the last comes 0.
    pub const fn next(self) -> Self {
        Self::wrapping((self.0 as u32).wrapping_add(1))
    }

    /// The value, below 1024.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A message header, taken apart.
///
/// Message and protocol are plain numbers, because a platform may speak protocols that this crate does not know.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Header {
    /// Which message of the protocol.
    pub message: u8,
    /// Command, delayed response or notification.
    pub message_type: MessageType,
    /// Which protocol; compare with [`Protocol`].
    pub protocol: u8,
    /// Ties reply and delayed response to their command. Zero in notifications.
    pub token: Token,
    /// The four reserved bits. Zero in everything that follows the specification.
    pub reserved: u8,
}

/// Why a header does not follow the specification.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HeaderError {
    /// Fewer than four bytes were there: the message has no header.
    Short,
    /// The message type is 1, which nobody may send.
    UnusedType,
    /// A reserved bit is set.
    Reserved,
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Short => "message is shorter than its 4-byte header",
            Self::UnusedType => "message type 1 is not defined",
            Self::Reserved => "reserved header bits [31:28] are not zero",
        })
    }
}

impl core::error::Error for HeaderError {}

impl Header {
    /// The header of a command.
    pub const fn command(protocol: u8, message: u8, token: Token) -> Self {
        Self {
            message,
            message_type: MessageType::Command,
            protocol,
            token,
            reserved: 0,
        }
    }

    /// The header of the delayed response to the command with the same three values.
    pub const fn delayed_response(protocol: u8, message: u8, token: Token) -> Self {
        Self {
            message,
            message_type: MessageType::DelayedResponse,
            protocol,
            token,
            reserved: 0,
        }
    }

    /// The header of a notification; its token is 0.
    pub const fn notification(protocol: u8, event: u8) -> Self {
        Self {
            message: event,
            message_type: MessageType::Notification,
            protocol,
            token: Token(0),
            reserved: 0,
        }
    }

    /// Takes a header word apart. Every word has a reading; see [`Header::check`].
    pub const fn unpack(word: u32) -> Self {
        Self {
            message: word as u8,
            message_type: MessageType::from_bits(word >> TYPE_SHIFT),
            protocol: (word >> PROTOCOL_SHIFT) as u8,
            token: Token::wrapping(word >> TOKEN_SHIFT),
            reserved: (word >> RESERVED_SHIFT) as u8,
        }
    }

    /// Puts the word together. Of `reserved` the low four bits count.
    pub const fn pack(self) -> u32 {
        self.message as u32
            | (self.message_type as u32) << TYPE_SHIFT
            | (self.protocol as u32) << PROTOCOL_SHIFT
            | (self.token.0 as u32) << TOKEN_SHIFT
            | (self.reserved as u32) << RESERVED_SHIFT
    }

    /// The header as it stands in memory.
    pub const fn to_le_bytes(self) -> [u8; HEADER_LEN] {
        self.pack().to_le_bytes()
    }

    /// Splits a message into its header and what follows.
    pub const fn parse(message: &[u8]) -> Result<(Self, &[u8]), HeaderError> {
        match message.split_first_chunk::<HEADER_LEN>() {
            Some((word, rest)) => Ok((Self::unpack(u32::from_le_bytes(*word)), rest)),
            None => Err(HeaderError::Short),
        }
    }

    /// Whether the specification allows this header.
    pub const fn check(self) -> Result<Self, HeaderError> {
        if self.reserved & 0xf != 0 {
            Err(HeaderError::Reserved)
        } else if matches!(self.message_type, MessageType::Unused) {
            Err(HeaderError::UnusedType)
        } else {
            Ok(self)
        }
    }

    /// Whether this can be the header of a reply or delayed response to `command`: token, protocol and message agree.
    pub const fn answers(self, command: Self) -> bool {
        self.token.0 == command.token.0
            && self.protocol == command.protocol
            && self.message == command.message
    }

    /// What the specification calls the message, or the notification.
    pub fn message_name(self) -> Option<&'static str> {
        match self.message_type {
            MessageType::Notification => {
                crate::events::find(self.protocol, self.message).map(|event| event.name)
            }
            _ => protocol::message_name(self.protocol, self.message),
        }
    }
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.message_type {
            MessageType::Command => "command",
            MessageType::Unused => "type 1 (undefined)",
            MessageType::DelayedResponse => "delayed response",
            MessageType::Notification => "notification",
        };
        match Protocol::from_id(self.protocol) {
            Some(known) => write!(f, "{known}")?,
            None => write!(f, "protocol {:#04x}", self.protocol)?,
        }
        match self.message_name() {
            Some(name) => write!(f, " {name}")?,
            None => write!(f, " message {:#04x}", self.message)?,
        }
        write!(f, " {kind}, token {}", self.token)?;
        if self.reserved != 0 {
            write!(f, ", reserved bits {:#x}", self.reserved & 0xf)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(test_props::config(256, 8))]

        // C1: the header layout, in both directions and for every word.
        #[test]
        fn c1_header_pack_is_the_inverse_of_unpack(word: u32) {
            prop_assert_eq!(Header::unpack(word).pack(), word);
        }

        #[test]
        fn c1_header_unpack_is_the_inverse_of_pack(message: u8, bits in 0u32..4, protocol: u8, token in 0u16..1024, reserved in 0u8..16) {
            let header = Header {
                message, message_type: MessageType::from_bits(bits), protocol, token: Token::new(token).unwrap(), reserved,
            };
            prop_assert_eq!(Header::unpack(header.pack()), header);
        }
    }

    // C1: each field stands where the specification draws it.
    #[test]
    fn c1_header_fields_stand_where_they_are_drawn() {
        let token = Token::new(0x3ff).unwrap();
        assert_eq!(
            Header::command(0, 0xff, Token::default()).pack(),
            0x0000_00ff
        );
        assert_eq!(
            Header::command(0xff, 0, Token::default()).pack(),
            0x0003_fc00
        );
        assert_eq!(Header::command(0, 0, token).pack(), 0x0ffc_0000);
        assert_eq!(
            Header::delayed_response(0, 0, Token::default()).pack(),
            0x0000_0200
        );
        assert_eq!(Header::notification(0x15, 1).pack(), 0x0000_5701);
        assert_eq!(Header::unpack(0xf000_0000).reserved, 0xf);
    }

    #[test]
    fn check_names_what_is_wrong() {
        assert_eq!(
            Header::unpack(0x1000_0000).check(),
            Err(HeaderError::Reserved)
        );
        assert_eq!(
            Header::unpack(0x0000_0100).check(),
            Err(HeaderError::UnusedType)
        );
        assert!(Header::unpack(0x0fff_feff).check().is_ok());
        assert_eq!(Header::parse(&[1, 2, 3]), Err(HeaderError::Short));
        assert_eq!(Header::parse(&[0, 0x40, 0, 0, 9]).unwrap().1, &[9]);
    }

    #[test]
    fn a_reply_must_agree_in_all_three_fields() {
        let sent = Header::command(0x15, 6, Token::wrapping(5));
        assert!(Header::delayed_response(0x15, 6, Token::wrapping(5)).answers(sent));
        assert!(!Header::command(0x15, 6, Token::wrapping(6)).answers(sent));
        assert!(!Header::command(0x15, 7, Token::wrapping(5)).answers(sent));
        assert!(!Header::command(0x14, 6, Token::wrapping(5)).answers(sent));
    }

    #[test]
    fn tokens_wrap_and_never_leave_their_range() {
        assert_eq!(Token::wrapping(1023).next(), Token::default());
        assert_eq!(Token::new(1024), None);
        assert_eq!(Token::wrapping(1025).get(), 1);
    }

    #[test]
    fn shown_for_people() {
        let shown = Header::command(0x15, 6, Token::wrapping(5)).to_string();
        assert_eq!(shown, "sensor SENSOR_READING_GET command, token 5");
        assert_eq!(
            Header::notification(0x15, 1).to_string(),
            "sensor SENSOR_UPDATE notification, token 0"
        );
        assert_eq!(
            Header::unpack(0x1000_fd09).to_string(),
            "protocol 0x3f message 0x09 type 1 (undefined), token 0, reserved bits 0x1"
        );
    }
}
