// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The used ring: 2.7.8, "The Virtqueue Used Ring".

use core::sync::atomic::{AtomicU16, AtomicU32, Ordering};

/// `flags`: the device asks not to be kicked. Only without EVENT_IDX (2.7.10).
const NO_NOTIFY: u16 = 1;

/// Which chains the device gave back. Written by the device, read by the driver: so nothing in it is trusted.
///
/// > The used ring is where the device returns buffers once it is done with them: it is only written to by the device,
/// > and read by the driver. (2.7.8)
///
/// A queue may run with fewer entries than `N`. Then `avail_event`, which follows the last entry, lies where the full
/// ring has the id of an entry: [`UsedRing::avail_event`] finds it.
#[repr(C)]
pub(crate) struct UsedRing<const N: usize> {
    flags: AtomicU16,
    /// Where the device would put the next entry, modulo the ring size. Only grows (modulo 2^16).
    index: AtomicU16,
    ring: [UsedElement; N],
    /// `avail_event` of a queue that has all `N` entries. The field is the low half; the other half is ours, unused, so
    /// that the field is read by the same 32-bit load wherever it lies.
    tail: AtomicU32,
}

/// One entry of the used ring: 8 bytes.
#[repr(C)]
struct UsedElement {
    /// Head of the chain. 32 bits although heads have 16: "for padding reasons" (2.7.8), so the upper half lies too.
    id: AtomicU32,
    /// Number of bytes the device says that it wrote into the writable part of the chain.
    len: AtomicU32,
}

impl UsedElement {
    const fn new() -> Self {
        Self {
            id: AtomicU32::new(0),
            len: AtomicU32::new(0),
        }
    }
}

/// Reads `avail_event` out of the word that holds it.
#[inline]
pub(crate) fn load_avail_event(word: &AtomicU32) -> u16 {
    u32::from_le(word.load(Ordering::Relaxed)) as u16
}

impl<const N: usize> UsedRing<N> {
    pub(crate) const fn new() -> Self {
        Self {
            flags: AtomicU16::new(0),
            index: AtomicU16::new(0),
            ring: [const { UsedElement::new() }; N],
            tail: AtomicU32::new(0),
        }
    }

    /// The word in which the device says when it wants a kick (2.7.10), in a queue of `size` entries.
    pub(crate) fn avail_event(&self, size: u16) -> &AtomicU32 {
        self.ring
            .get(usize::from(size))
            .map_or(&self.tail, |element| &element.id)
    }

    /// The full ring's `avail_event`.
    pub(crate) const fn tail(&self) -> &AtomicU32 {
        &self.tail
    }

    /// Everything to zero, but the index. Only while the device is reset.
    pub(crate) fn clear(&self, index: u16) {
        self.flags.store(0, Ordering::Relaxed);
        for element in &self.ring {
            element.id.store(0, Ordering::Relaxed);
            element.len.store(0, Ordering::Relaxed);
        }
        self.tail.store(0, Ordering::Relaxed);
        self.index.store(index.to_le(), Ordering::Relaxed);
    }

    /// Reads the index; what the device wrote before it, entries and buffers, is visible afterwards.
    #[inline]
    pub(crate) fn index(&self) -> u16 {
        u16::from_le(self.index.load(Ordering::Acquire))
    }

    /// Reads the entry of a position, each word exactly once: id, length. `mask` is the ring size less one.
    #[inline]
    pub(crate) fn element(&self, position: u16, mask: u16) -> (u32, u32) {
        // The second mask changes nothing (the size is at most N) and lets the compiler see that it is in range.
        let element = &self.ring[usize::from(position & mask) & (N - 1)];
        (
            u32::from_le(element.id.load(Ordering::Relaxed)),
            u32::from_le(element.len.load(Ordering::Relaxed)),
        )
    }

    /// Does the device ask not to be kicked?
    #[inline]
    pub(crate) fn no_notify(&self) -> bool {
        u16::from_le(self.flags.load(Ordering::Relaxed)) & NO_NOTIFY != 0
    }

    /// The device's side: writes the flags.
    pub(crate) fn set_flags(&self, flags: u16) {
        self.flags.store(flags.to_le(), Ordering::Relaxed);
    }

    /// The device's side: writes the entry of a position.
    pub(crate) fn set_element(&self, position: u16, mask: u16, id: u32, len: u32) {
        let element = &self.ring[usize::from(position & mask) & (N - 1)];
        element.id.store(id.to_le(), Ordering::Relaxed);
        element.len.store(len.to_le(), Ordering::Relaxed);
    }

    /// The device's side: makes everything up to `index` visible to the driver.
    pub(crate) fn set_index(&self, index: u16) {
        self.index.store(index.to_le(), Ordering::Release);
    }
}
