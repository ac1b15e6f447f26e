// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A programmable SCMI platform for QEMU's `vhost-user-scmi` device.
//!
//! | module | holds |
//! |---|---|
//! | [`machine`] | the machine that a TOML file describes |
//! | [`model`] | the machine while it runs: states and physics |
//! | [`platform`] | bytes in, bytes out: commands, delayed responses, notifications |
//! | [`protocols`] | what each protocol does with a command |
//! | [`faults`], [`engine`] | which reply goes out when, in which order, and how broken |
//! | [`control`], [`state`] | the socket that drives it at run time, and what it tells of the machine |
//! | [`device`] | the vhost-user device in front of it |
//! | [`hex`] | bytes as people write them |
//! | [`record`] | what the machine did, as a file |
//! | [`relay`] | between QEMU and the device, so that QEMU takes up a platform that comes back |

pub mod control;
pub mod device;
pub mod engine;
pub mod faults;
pub mod hex;
pub mod machine;
pub mod model;
pub mod platform;
pub mod protocols;
pub mod record;
pub mod relay;
pub mod state;
