// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! How a transfer begins.

use crate::clients::{ClientId, Owner, Payer};

/// Who waits for a transfer, and how.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Waiter {
    /// The driver: asks whether the platform is there.
    Probe,
    /// A client, blocked in `exchange`.
    Exchange,
    /// A client, blocked in `batch`: the entry with this number.
    Batch {
        /// Whose batch it is.
        client: ClientId,
        /// Number of the entry.
        index: u8,
    },
    /// A client that polls; it gets these notification bits at the end.
    Handle { bits: u32 },
    /// The driver: switches the event of this subscription on or off.
    Subscription(u16),
}

/// What a transfer is begun with, and what its slot keeps of that as it is: four words, which are copied as such.
#[derive(Copy, Clone)]
pub(crate) struct Terms {
    /// Who waits for it, and how.
    pub(crate) waiter: Waiter,
    /// Who gets the answer: a task in one of its lives.
    pub(crate) owner: Owner,
    /// Whose account the slot counts to.
    pub(crate) payer: Payer,
    /// The client asked for the delayed response: that is the result.
    pub(crate) delayed: bool,
    /// The client polls, and wants no interrupt for the reply.
    pub(crate) polled: bool,
    /// Whether the request may be sent depends on its parameters.
    pub(crate) inspect: bool,
}

impl Terms {
    /// Nothing but zeros.
    pub(super) const ZERO: Self = Self {
        waiter: Waiter::Probe,
        owner: Owner(0),
        payer: Payer::Nobody,
        delayed: false,
        polled: false,
        inspect: false,
    };

    /// For a command of the driver's own.
    pub(crate) const fn own(waiter: Waiter) -> Self {
        Self {
            waiter,
            owner: Owner::NOBODY,
            payer: Payer::Driver,
            ..Self::ZERO
        }
    }
}

/// How a transfer begins.
pub(crate) struct Opening {
    pub(crate) terms: Terms,
    /// The header of its command, without the token.
    pub(crate) header: u32,
    /// Milliseconds until the command is given up.
    pub(crate) patience: u32,
}
