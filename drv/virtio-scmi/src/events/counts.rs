// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A count for each client.

use crate::clients::{CLIENTS_MAX, ClientId};

/// A small count for each client.
#[derive(Eq, PartialEq)]
pub(super) struct Counts([u8; CLIENTS_MAX]);

impl Counts {
    pub(super) const NONE: Self = Self([0; CLIENTS_MAX]);

    /// Counts so many more to a client.
    pub(super) fn add(&mut self, client: ClientId, change: i8) {
        if let Some(count) = self.0.get_mut(client.index()) {
            *count = count.saturating_add_signed(change);
        }
    }

    pub(super) fn of(&self, client: ClientId) -> u8 {
        self.0.get(client.index()).copied().unwrap_or(0)
    }
}
