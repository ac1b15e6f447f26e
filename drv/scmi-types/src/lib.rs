// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The terms that the SCMI driver's core, its server and its clients share: each is declared once, here, so that none of the
//! three converts from one to another. What crosses the wire is plain bytes without padding.
//!
//! Clients find them in `drv-scmi-api`, which adds what needs a kernel.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod answer;
mod batch;
mod counters;
mod error;
mod event;
mod info;
mod request;
mod warning;

pub use answer::{Answer, PollAnswer, Polled, Response, SMALL_RESPONSE, SmallResponse};
pub use batch::{BATCH_MAX, BatchAnswer, BatchEntry, Unanswered};
pub use counters::{Count, Counters, Pools, ScmiStats};
pub use error::{Failure, Refusal};
pub use event::{ALL_SOURCES, Event, EventKind, EventSource, WireSubscription};
pub use info::{DriverState, InfoFlags, NO_TRANSPORT, ScmiInfo};
pub use request::{
    DEFAULT_DEADLINE, PAYLOAD_MAX, Request, SMALL_REQUEST, TransferFlags, WireRequest,
};
pub use warning::Warning;
