// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The available ring: 2.7.6, "The Virtqueue Available Ring".

use core::sync::atomic::{AtomicU16, Ordering};

/// `flags`: the driver asks for no interrupt. Only without EVENT_IDX; with it the driver must leave flags 0 (2.7.7.1).
const NO_INTERRUPT: u16 = 1;

/// Which chains the driver offers, in the order it offered them. Written by the driver, read by the device.
///
/// > The driver uses the available ring to offer buffers to the device: each ring entry refers to the head of a
/// > descriptor chain. (2.7.6)
///
/// A queue may run with fewer entries than `N`. Then `used_event`, which follows the last entry, lies where the full
/// ring has an entry: [`AvailableRing::used_event`] finds it.
#[repr(C)]
pub(crate) struct AvailableRing<const N: usize> {
    flags: AtomicU16,
    /// Where the driver would put the next entry, modulo the ring size. Only grows (modulo 2^16).
    index: AtomicU16,
    ring: [AtomicU16; N],
    /// `used_event` of a queue that has all `N` entries.
    tail: AtomicU16,
}

/// Writes `used_event`.
#[inline]
pub(crate) fn store_used_event(field: &AtomicU16, index: u16) {
    field.store(index.to_le(), Ordering::Relaxed);
}

impl<const N: usize> AvailableRing<N> {
    pub(crate) const fn new() -> Self {
        Self {
            flags: AtomicU16::new(0),
            index: AtomicU16::new(0),
            ring: [const { AtomicU16::new(0) }; N],
            tail: AtomicU16::new(0),
        }
    }

    /// The field in which the driver says when it wants to be told (2.7.7), in a queue of `size` entries.
    pub(crate) fn used_event(&self, size: u16) -> &AtomicU16 {
        self.ring.get(usize::from(size)).unwrap_or(&self.tail)
    }

    /// The full ring's `used_event`.
    pub(crate) const fn tail(&self) -> &AtomicU16 {
        &self.tail
    }

    /// Everything to zero, but the index.
    pub(crate) fn clear(&self, index: u16) {
        self.flags.store(0, Ordering::Relaxed);
        for entry in &self.ring {
            entry.store(0, Ordering::Relaxed);
        }
        self.tail.store(0, Ordering::Relaxed);
        self.index.store(index.to_le(), Ordering::Relaxed);
    }

    /// Writes the entry of a position. `mask` is the ring size less one.
    #[inline]
    pub(crate) fn set_entry(&self, position: u16, mask: u16, head: u16) {
        // The second mask changes nothing (the size is at most N) and lets the compiler see that it is in range.
        self.ring[usize::from(position & mask) & (N - 1)].store(head.to_le(), Ordering::Relaxed);
    }

    /// Makes everything up to `index` visible to the device.
    ///
    /// > The driver MUST perform a suitable memory barrier before the idx update to ensure the device sees the most
    /// > up-to-date copy. (2.7.13.3)
    #[inline]
    pub(crate) fn set_index(&self, index: u16) {
        self.index.store(index.to_le(), Ordering::Release);
    }

    /// Asks for interrupts, or for none (a hint: 2.7.7).
    #[inline]
    pub(crate) fn set_interrupts(&self, on: bool) {
        let flags = if on { 0 } else { NO_INTERRUPT };
        self.flags.store(flags.to_le(), Ordering::Relaxed);
    }

    /// The device's view: is an interrupt unwanted?
    pub(crate) fn no_interrupt(&self) -> bool {
        u16::from_le(self.flags.load(Ordering::Relaxed)) & NO_INTERRUPT != 0
    }

    /// The device's view: the index.
    pub(crate) fn index(&self) -> u16 {
        u16::from_le(self.index.load(Ordering::Acquire))
    }

    /// The device's view: the entry of a position.
    pub(crate) fn entry(&self, position: u16, mask: u16) -> u16 {
        u16::from_le(self.ring[usize::from(position & mask) & (N - 1)].load(Ordering::Relaxed))
    }
}
