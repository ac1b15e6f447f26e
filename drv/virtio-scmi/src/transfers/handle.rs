// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Names of slots and of the transfers in them.

/// Bits of a handle that are the slot's number; those above are the generation.
pub(super) const INDEX_BITS: u32 = 10;

/// One generation of a handle.
const ONE: u32 = 1 << INDEX_BITS;

/// How far apart the handles of two lives of the driver begin: 2^32 divided by the golden ratio, which spreads any number of them
/// evenly.
const LIFE_STRIDE: u32 = 0x9e37_79b1;

/// Number of a command slot.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash, PartialOrd, Ord)]
pub struct SlotId(pub(crate) u16);

impl SlotId {
    /// The number, below 1024.
    pub const fn index(self) -> u16 {
        self.0
    }

    /// The slot whose chain begins with a descriptor.
    pub(crate) const fn of_head(head: u16) -> Self {
        Self(head / 2)
    }

    /// First descriptor of the slot's chain.
    pub(crate) const fn head(self) -> u16 {
        self.0.wrapping_mul(2)
    }
}

/// What a client holds of a transfer that it will poll: never 0, and different for the next transfer in the same slot.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
pub struct Handle(u32);

impl Handle {
    /// The number that the client sees.
    pub const fn raw(self) -> u32 {
        self.0
    }

    /// A number that a client says is a handle.
    pub const fn from_raw(raw: u32) -> Self {
        Self(raw)
    }

    /// No transfer.
    pub(super) const NONE: Self = Self(0);

    /// The slot that it names, which need not exist.
    pub(crate) const fn slot(self) -> SlotId {
        SlotId((self.0 & (ONE - 1)) as u16)
    }

    /// What the next transfer in the slot of this one is called.
    pub(super) const fn next(self) -> Self {
        let next = self.0.wrapping_add(ONE);
        // The generation is never 0, so that no handle is 0.
        Self(if next < ONE { next | ONE } else { next })
    }

    /// Where the handles of a slot begin in this life of the driver, so that those of an earlier life are stale.
    pub(super) const fn of_life(life: u32, id: SlotId) -> Self {
        Self(life.wrapping_mul(LIFE_STRIDE) & !(ONE - 1) | id.0 as u32)
    }
}
