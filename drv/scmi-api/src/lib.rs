// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Client of the SCMI driver task.
//!
//! ```ignore
//! task_slot!(SCMI, virtio_scmi);
//!
//! let scmi = Scmi::from(SCMI.get_task_id());
//! let mut version = [0; 4];
//! let answer = scmi.call(0x10, 0, &[], &mut version)?;
//! if answer.status == 0 {
//!     show(u32::from_le_bytes(version));
//! }
//! ```
//!
//! The task needs a slot for the driver and an entry in `[config.scmi.clients]`; `drv/virtio-scmi-server` says what it may hold.
//!
//! | to | use |
//! |---|---|
//! | send a command and wait | [`Scmi::call`] |
//! | have several under way | [`Scmi::start`], then [`Scmi::poll`] until it is done |
//! | follow an event | [`Scmi::notify`], then [`Scmi::next_event`] whenever the notification of `app.toml` comes |
//! | know what the driver can do | [`Scmi::info`], [`Scmi::stats`] |
//!
//! Three things can come of a command: an answer whose status is 0, an answer with another status (the platform said no), or a [`ScmiError`]
//! (there is no answer), whose variants say what to do.

#![cfg_attr(not(test), no_std)]

mod call;
mod error;
mod types;

pub use error::ScmiError;
pub use types::*;

include!(concat!(env!("OUT_DIR"), "/client_stub.rs"));
