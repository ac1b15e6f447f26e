// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! SCMI messages on the wire: checked structures for both sides.
//!
//! The agent (our driver and its clients) and the platform (our daemon) read and write the same bytes, so both use this
//! crate. It has no opinion on transport: it starts at the message header and ends at the last payload byte.
//!
//! Nothing here allocates, and no input of any length or content makes anything here panic.
//!
//! # Finding things
//!
//! | module | holds |
//! |---|---|
//! | [`header`] | the 32-bit message header and its token |
//! | [`status`] | the status word that starts every reply |
//! | [`protocol`] | protocol numbers, message numbers and their names |
//! | [`facts`] | each command, delayed response and notification, declared once: the tables of all of them |
//! | [`events`] | which notifications and delayed responses exist, how to enable them, how long they are |
//! | [`base`], [`power`], [`system`], [`perf`], [`clock`], [`sensor`], [`reset`], [`voltage`], [`powercap`], [`pinctrl`] | every message of the protocol |
//! | [`common`] | versions, names, counts: what the protocols share |
//! | [`notice`] | any notification, told apart |
//! | [`units`] | quantities as people read them |
//! | [`wire`] | reading and writing messages, and lists in them |
//!
//! # A command and its reply
//!
//! ```
//! use scmi::wire::{Command, Emit, Parse, split_status};
//! use scmi::{Header, Token, perf};
//!
//! // The agent writes a request.
//! let request = perf::LevelGet { domain: 2 };
//! let mut buffer = [0; scmi::limits::MAX_MESSAGE];
//! let header = Header::command(perf::LevelGet::PROTOCOL.id(), perf::LevelGet::MESSAGE, Token::wrapping(7));
//! buffer[..4].copy_from_slice(&header.to_le_bytes());
//! let len = 4 + request.emit(&mut buffer[4..])?;
//! assert_eq!(buffer[..len], [0x08, 0x4c, 0x1c, 0, 2, 0, 0, 0]);
//!
//! // The platform has answered, and the transport has checked the header.
//! let answer = [0, 0, 0, 0, 0x90, 1, 0, 0];
//! let (status, values) = split_status(&answer)?;
//! assert!(status.is_success());
//! assert_eq!(<perf::LevelGet as Command>::Reply::parse(values)?.level, 400);
//! # Ok::<(), scmi::wire::Malformed>(())
//! ```

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
// What could panic is not written, outside of tests.
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::arithmetic_side_effects
    )
)]

pub mod base;
pub mod clock;
pub mod common;
pub mod events;
pub mod facts;
pub mod header;
pub mod limits;
pub mod notice;
pub mod perf;
pub mod pinctrl;
pub mod power;
pub mod powercap;
pub mod protocol;
pub mod reset;
pub mod sensor;
pub mod status;
pub mod system;
pub mod units;
pub mod voltage;
pub mod wire;

pub use header::{Header, MessageType, Token};
pub use notice::Notice;
pub use protocol::Protocol;
pub use status::{Status, StatusCode};
