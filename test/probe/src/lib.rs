// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Checks a vhost-user SCMI daemon against the specification.
//!
//! | module | holds |
//! |---|---|
//! | [`table`] | what a protocol's table can say |
//! | [`protocols`] | a table for each protocol: messages, layouts by version, reserved bits, sources |
//! | [`rules`] | the rules that are applied to messages, and the list of all checks |
//! | [`walk`], `answers`, `malformed` | asks, judges the answers, asks wrongly |
//! | [`special`] | rules of single messages |
//! | [`report`] | what was found, for people and as JSON |
//! | [`link`] | the way to a daemon: a vhost-user front end |
//!
//! The crate has its own reading of the messages. It must not use `lib/scmi`, which the platform of this tree is built on.

mod answers;
pub mod link;
mod malformed;
pub mod protocols;
pub mod report;
pub mod rules;
pub mod special;
pub mod table;
pub mod walk;
