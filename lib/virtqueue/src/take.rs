// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Taking back what the device is done with: every word here is the device's, and none is believed.

use crate::chain::Owner;
use crate::queue::{Virtqueue, after};
use core::fmt;

/// A chain that came back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Used {
    /// The chain's first descriptor. It and its buffers are the driver's again.
    pub head: u16,
    /// Number of bytes that may be read from the buffers that the device writes: what the device said, but no more than
    /// their room. Nothing past it means anything (2.7.8.3).
    pub len: u32,
    /// The device claimed more than the room. It is at fault; `len` is the room.
    pub excess: bool,
}

/// What the device did that it must not. No chain was lost or handed out twice by it.
///
/// Each variant says whether the entry was consumed: if so, `take_used` goes on with the next entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Violation {
    /// The id names no descriptor of this ring. Consumed. Count it.
    OutOfRange {
        /// The id.
        id: u32,
    },
    /// The id names a descriptor that starts no chain. Consumed. Count it.
    NotAHead {
        /// The id.
        id: u16,
    },
    /// The id names a chain that the device does not have: given back twice, or never offered. Consumed. Count it.
    NotWithDevice {
        /// The id.
        id: u16,
    },
    /// The id names a chain that was published after the index was read, so the entry was written before the device could
    /// have the chain: it gave the chain back twice at once. Consumed; the chain stays with the device. Count it.
    Surplus {
        /// The id.
        id: u16,
    },
    /// The used index is further ahead than the ring is long, so entries were overwritten or never written. *Not*
    /// consumed: nothing comes out of this ring until the device tells a possible index, or is reset. Told once for each
    /// such index. Reset the device.
    IndexJump {
        /// The used index that the device told.
        index: u16,
        /// How far it is ahead of what was taken.
        ahead: u16,
    },
}

impl Violation {
    /// Is the ring unusable until the device is reset?
    pub fn needs_reset(self) -> bool {
        matches!(self, Self::IndexJump { .. })
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfRange { id } => write!(
                f,
                "the device returned descriptor {id}, which the ring does not have"
            ),
            Self::NotAHead { id } => write!(
                f,
                "the device returned descriptor {id}, which starts no chain"
            ),
            Self::NotWithDevice { id } => {
                write!(f, "the device returned chain {id}, which it did not have")
            }
            Self::Surplus { id } => write!(f, "the device returned chain {id} twice at once"),
            Self::IndexJump { index, ahead } => {
                write!(
                    f,
                    "the device's used index {index} is an impossible {ahead} ahead: reset the device"
                )
            }
        }
    }
}

impl core::error::Error for Violation {}

impl<const N: usize> Virtqueue<'_, N> {
    /// Takes the next used entry, if there is one.
    ///
    /// Reads each word that the device wrote exactly once. Costs O(1) whatever they say, and a violation leaves the
    /// queue ready for the next call. A device that does nothing more can make finitely many calls return something
    /// other than `Ok(None)`: at most the ring's size. One that keeps on writing can keep this going for ever, so a
    /// caller bounds the number of calls it makes in one turn.
    #[inline]
    pub fn take_used(&mut self) -> Result<Option<Used>, Violation> {
        if self.taken == self.accepted && !self.accept_index()? {
            return Ok(None);
        }
        let (id, len) = self
            .memory
            .used
            .element(self.taken as u16, self.mask as u16);
        self.taken = after(self.taken);

        if id >= self.size {
            return Err(Violation::OutOfRange { id });
        }
        let id = id as u16; // less than size, which has 16 bits
        let Some(note) = self.notes.get_mut(usize::from(id)) else {
            return Err(Violation::OutOfRange { id: u32::from(id) });
        };
        match note.owner {
            Owner::Device => {}
            Owner::Driver => return Err(Violation::NotWithDevice { id }),
            Owner::Nobody | Owner::Link => return Err(Violation::NotAHead { id }),
        }
        if note.batch == self.batch {
            return Err(Violation::Surplus { id });
        }
        self.in_flight = self.in_flight.wrapping_sub(1);
        note.owner = Owner::Driver;
        Ok(Some(Used {
            head: id,
            len: len.min(note.room),
            excess: len > note.room,
        }))
    }

    /// Reads the device's index. `true`: there are entries to take.
    #[inline]
    fn accept_index(&mut self) -> Result<bool, Violation> {
        let index = u32::from(self.memory.used.index());
        if index == self.told {
            return Ok(false);
        }
        self.told = index;
        let ahead = index.wrapping_sub(self.taken) & 0xffff;
        if ahead > self.size {
            return Err(Violation::IndexJump {
                index: index as u16,
                ahead: ahead as u16,
            });
        }
        self.accepted = index;
        self.batch = self.batch.wrapping_add(1);
        Ok(ahead != 0)
    }
}
