// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The descriptor table: 2.7.5, "The Virtqueue Descriptor Table".

use core::sync::atomic::{AtomicU16, AtomicU32, Ordering};

/// This descriptor continues in the one named by `next`.
pub(crate) const NEXT: u16 = 1;
/// The device writes this buffer (otherwise it reads it).
pub(crate) const WRITE: u16 = 2;

/// One entry of the descriptor table: 16 bytes, little endian.
///
/// > The descriptor table refers to the buffers the driver is using for the device. (2.7.5)
///
/// The driver alone writes it, and only while the chain is its own. The 64-bit address is two words, because it is
/// written before the chain is published and so need not be one access.
#[repr(C)]
pub(crate) struct Descriptor {
    /// Guest-physical address of the buffer, low and high word.
    address: [AtomicU32; 2],
    /// Length of the buffer in bytes.
    len: AtomicU32,
    /// [`NEXT`], [`WRITE`].
    flags: AtomicU16,
    /// Number of the next descriptor, where [`NEXT`] is set.
    next: AtomicU16,
}

impl Descriptor {
    pub(crate) const fn new() -> Self {
        Self {
            address: [const { AtomicU32::new(0) }; 2],
            len: AtomicU32::new(0),
            flags: AtomicU16::new(0),
            next: AtomicU16::new(0),
        }
    }

    /// Writes all fields. The device sees them with the next publish of the chain, not before.
    pub(crate) fn write(&self, address: u64, len: u32, flags: u16, next: u16) {
        let [low, high] = &self.address;
        low.store((address as u32).to_le(), Ordering::Relaxed);
        high.store(((address >> 32) as u32).to_le(), Ordering::Relaxed);
        self.set_len(len);
        self.flags.store(flags.to_le(), Ordering::Relaxed);
        self.next.store(next.to_le(), Ordering::Relaxed);
    }

    /// Changes the length alone.
    #[inline]
    pub(crate) fn set_len(&self, len: u32) {
        self.len.store(len.to_le(), Ordering::Relaxed);
    }

    /// What the device reads: address, length, flags, next.
    pub(crate) fn read(&self) -> (u64, u32, u16, u16) {
        let [low, high] = &self.address;
        let low = u32::from_le(low.load(Ordering::Relaxed));
        let high = u32::from_le(high.load(Ordering::Relaxed));
        (
            u64::from(high) << 32 | u64::from(low),
            u32::from_le(self.len.load(Ordering::Relaxed)),
            u16::from_le(self.flags.load(Ordering::Relaxed)),
            u16::from_le(self.next.load(Ordering::Relaxed)),
        )
    }
}
