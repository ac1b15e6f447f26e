// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Command slots of the SCMI driver: how many there are, and how many are promised.

use std::fmt;

use crate::scmi::Scmi;

/// Most command slots, however large the ring is.
const SLOTS_MAX: u32 = 1024;

/// Command slots of a ring with so many descriptors: two descriptors each.
pub(crate) fn slots_of(vring_size: u32) -> u32 {
    (vring_size / 2).min(SLOTS_MAX)
}

/// Slots, of so many, that the driver keeps for commands of its own: `own_slots` of
/// `drv/virtio-scmi`.
pub(crate) fn own_slots(slots: u32) -> u32 {
    if slots < 4 { 1 } else { 2 }
}

impl Scmi {
    /// How many command slots there are, and how many are promised.
    pub fn slots(&self) -> Slots {
        let all = slots_of(self.vring_size);
        Slots {
            all,
            clients: self
                .clients
                .values()
                .map(|client| client.slots)
                .fold(0, u32::saturating_add),
            own: own_slots(all),
        }
    }
}

/// How many command slots there are, and how many are promised. A quota is a guarantee only if all
/// quotas fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slots {
    /// All that there are.
    pub all: u32,
    /// Those that the clients may hold, taken together.
    pub clients: u32,
    /// Those that the driver keeps for commands of its own.
    pub own: u32,
}

impl Slots {
    /// What is promised to the clients and kept for the driver.
    pub const fn promised(self) -> u32 {
        self.clients.saturating_add(self.own)
    }

    /// Returns `true` if more is promised than there is.
    pub const fn are_exceeded(self) -> bool {
        self.promised() > self.all
    }

    /// The smallest ring in which these clients find room, if one is large enough.
    pub(crate) fn ring_needed(self) -> Option<u32> {
        (1..=11).map(|power| 1 << power).find(|&ring| {
            let all = slots_of(ring);
            self.clients.saturating_add(own_slots(all)) <= all
        })
    }
}

impl fmt::Display for Slots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of {} command slots are promised: {} to clients, {} to the driver itself",
            self.promised(),
            self.all,
            self.clients,
            self.own
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The driver decides how many slots there are and how many it keeps; the build must count as
    /// it does.
    #[test]
    fn s01_the_build_counts_slots_as_the_driver_does() {
        for ring in (1..=11).map(|power| 1u32 << power) {
            let slots = slots_of(ring);
            assert_eq!(slots as usize, drv_virtio_scmi::slots_of(ring as usize));
            assert_eq!(
                own_slots(slots) as usize,
                drv_virtio_scmi::own_slots(slots as usize)
            );
        }
    }

    #[test]
    fn s01_the_ring_that_is_needed_is_the_smallest() {
        for (clients, ring) in [(0, 2), (1, 4), (2, 8), (3, 16), (6, 16), (7, 32), (30, 64)] {
            let slots = Slots {
                all: 1,
                clients,
                own: 1,
            };
            assert_eq!(slots.ring_needed(), Some(ring), "{clients}");
        }
        for (clients, ring) in [(1022, Some(2048)), (1023, None), (u32::MAX, None)] {
            let slots = Slots {
                all: 1024,
                clients,
                own: 2,
            };
            assert_eq!(slots.ring_needed(), ring, "{clients}");
        }
    }
}
