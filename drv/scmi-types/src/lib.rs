// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The terms that the SCMI driver's core, its server and its clients share: each is declared once, here, so that none of the
//! three converts from one to another.
//!
//! Clients find them in `drv-scmi-api`, which adds what needs a kernel.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod batch;
mod counters;
mod error;
mod event;
mod request;

pub use batch::{BATCH_MAX, BatchAnswer, BatchEntry, Unanswered};
pub use counters::{Count, Counters, Pools};
pub use error::{Failure, Refusal};
pub use event::EventKind;
pub use request::{
    DEFAULT_DEADLINE, PAYLOAD_MAX, Request, SMALL_REQUEST, TransferFlags, WireRequest,
};
