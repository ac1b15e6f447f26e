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
//! | [`events`] | which notifications and delayed responses exist, how to enable them, how long they are |

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

pub mod events;
pub mod header;
pub mod limits;
pub mod protocol;
pub mod status;

pub use header::{Header, MessageType, Token};
pub use protocol::Protocol;
pub use status::{Status, StatusCode};
