// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What the driver is given before it starts.

use crate::batches::{BatchEntry, BatchState};
use crate::clients::{Client, Record};
use crate::events::Subscription;
use crate::recovery::Limits;
use crate::trace::Trace;

/// The pools whose size depends on the clients, limits, and somebody to tell.
pub struct Provision<'m> {
    /// The clients, at most [`CLIENTS_MAX`](crate::CLIENTS_MAX).
    pub clients: &'m mut [Client],
    /// For each task index which of `clients` it is, 0xff for none.
    pub tasks: &'m [u8],
    /// Places of event queues. Each client gets as many as its configuration says, in order; the last ones get what is left.
    pub records: &'m mut [Record],
    /// Subscriptions, for whoever is first.
    pub subscriptions: &'m mut [Subscription],
    /// As many as there are clients.
    pub batches: &'m mut [BatchState],
    /// Places of batches, shared out as `records`.
    pub entries: &'m mut [BatchEntry],
    /// How long things may take.
    pub limits: Limits,
    /// Is told what happens.
    pub trace: fn(Trace),
}
