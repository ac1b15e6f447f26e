// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The memory that driver and device share: 2.7.2, "Legacy Interfaces" aside, three areas with their alignments.

use crate::available::AvailableRing;
use crate::descriptor::Descriptor;
use crate::used::UsedRing;
use core::mem::{align_of, offset_of, size_of};

/// The largest split ring that the specification allows.
const LARGEST: usize = 32768;

/// The shared memory of one queue of up to `N` entries: descriptor table, available ring, used ring.
///
/// `N` is a power of two up to 32768 (checked when compiled). About 26 bytes per entry: 16 + 2 + 8, and up to 22 more in all.
///
/// All zero bytes are a valid value, so it may lie in a section that is never loaded. It must lie in memory that the
/// device reaches at the same address as the driver (identity mapped), and it may be given to one live
/// [`Virtqueue`](crate::Virtqueue) at a time: two would harm each other's traffic, though nothing else.
#[repr(C, align(16))]
pub struct RingMemory<const N: usize> {
    pub(crate) descriptors: [Descriptor; N],
    pub(crate) available: AvailableRing<N>,
    pub(crate) used: UsedRing<N>,
}

/// Where the three areas of a queue lie: what the transport tells the device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Addresses {
    /// Guest-physical address of the descriptor table (16-byte aligned).
    pub descriptors: u64,
    /// Guest-physical address of the available ring, the "driver area" (2-byte aligned).
    pub available: u64,
    /// Guest-physical address of the used ring, the "device area" (4-byte aligned).
    pub used: u64,
}

impl<const N: usize> RingMemory<N> {
    /// 2.7: sizes are powers of two up to 32768; table 16-byte aligned, available ring 2, used ring 4.
    const LAYOUT: () = {
        assert!(N.is_power_of_two(), "a split ring's size is a power of two");
        assert!(N <= LARGEST, "a split ring has at most 32768 entries");
        assert!(size_of::<Descriptor>() == 16);
        assert!(align_of::<Self>() == 16);
        assert!(offset_of!(Self, descriptors) == 0);
        assert!(offset_of!(Self, available) == 16 * N);
        assert!(size_of::<AvailableRing<N>>() == 6 + 2 * N);
        assert!(offset_of!(Self, used).is_multiple_of(4));
        // Two bytes more than the specification asks for: see the tail of the used ring.
        assert!(size_of::<UsedRing<N>>() == 6 + 8 * N + 2);
    };

    /// Memory that holds nothing. [`Virtqueue::start`](crate::Virtqueue::start) prepares it.
    pub const fn new() -> Self {
        let () = Self::LAYOUT;
        Self {
            descriptors: [const { Descriptor::new() }; N],
            available: AvailableRing::new(),
            used: UsedRing::new(),
        }
    }

    /// Where the areas lie.
    pub fn addresses(&self) -> Addresses {
        Addresses {
            descriptors: address_of(&self.descriptors),
            available: address_of(&self.available),
            used: address_of(&self.used),
        }
    }

    /// Clears all of it, with both rings' indices at `index`. Only while the device is reset.
    pub(crate) fn clear(&self, index: u16) {
        let () = Self::LAYOUT;
        for descriptor in &self.descriptors {
            descriptor.write(0, 0, 0, 0);
        }
        self.available.clear(index);
        self.used.clear(index);
    }
}

impl<const N: usize> Default for RingMemory<N> {
    fn default() -> Self {
        Self::new()
    }
}

/// Memory is identity mapped, so an address is its own guest-physical address.
fn address_of<T>(place: &T) -> u64 {
    core::ptr::from_ref(place).addr() as u64
}
