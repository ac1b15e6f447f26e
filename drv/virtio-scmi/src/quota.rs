// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Who the clients are: the table that `app.toml` gives, and what each has at the moment.

use crate::rules::Rules;
use crate::subscribers::Queue;

/// Most clients: their sets are 32-bit masks.
pub const CLIENTS_MAX: usize = 32;

/// A task in one of its lives: the kernel's task id, index in the low ten bits and generation above.
///
/// An answer goes to the owner that asked. When the task restarts, its owner value changes, so nothing can reach a successor.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
pub struct Owner(pub u16);

impl Owner {
    /// No task; also what the driver's own commands have.
    pub const NOBODY: Self = Self(u16::MAX);

    /// Number of the task in the image.
    pub const fn task(self) -> u16 {
        self.0 & 0x3ff
    }
}

/// Index into the table of clients, below [`CLIENTS_MAX`].
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct ClientId(pub(crate) u8);

impl ClientId {
    /// The index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    pub(crate) const fn bit(self) -> u32 {
        1 << (self.0 & 31)
    }
}

/// One client, as `app.toml` describes it.
#[derive(Copy, Clone, Debug)]
pub struct ClientConfig {
    /// Number of the task in the image.
    pub task: u16,
    /// Slots that it may hold at once, those included that the device keeps after the client gave up.
    pub slots: u16,
    /// Events that its queue holds.
    pub events: u8,
    /// Subscriptions that it may have at once.
    pub subscriptions: u8,
    /// Notification bits posted to it when an event was queued; 0: none.
    pub event_bits: u32,
    /// What it may use.
    pub rules: Rules,
}

/// What a client has at the moment.
pub struct Client {
    pub(crate) config: &'static ClientConfig,
    /// The life of the task that last called.
    pub(crate) owner: Owner,
    /// Slots that count to its quota.
    pub(crate) held: u16,
    /// Subscriptions that count to its quota.
    pub(crate) subscriptions: u8,
    /// Events to fetch.
    pub(crate) queue: Queue,
}

impl Client {
    /// A client that has not called yet.
    pub const fn new(config: &'static ClientConfig) -> Self {
        Self {
            config,
            owner: Owner::NOBODY,
            held: 0,
            subscriptions: 0,
            queue: Queue::new(),
        }
    }
}
