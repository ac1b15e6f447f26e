// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The memory that driver and device share: two rings and the buffers that their descriptors name.

use core::mem::size_of;
use core::sync::atomic::{AtomicU32, Ordering};
use drv_scmi_types::{SMALL_REQUEST, WireRequest};
use scmi::limits::{MAX_MESSAGE, MAX_PAYLOAD};
use virtqueue::RingMemory;

/// Largest `vring-size`: half of it is as many slots as there are tokens, twice over.
pub const RING_MAX: usize = 2048;
/// Most command slots and most event buffers, whatever the ring (V43).
pub const POOL_MAX: usize = 1024;

/// Command slots of a ring of so many entries: two descriptors each, at most [`POOL_MAX`].
pub const fn slots_of(ring: usize) -> usize {
    if ring / 2 < POOL_MAX {
        ring / 2
    } else {
        POOL_MAX
    }
}

/// Event buffers of a ring of so many entries: one descriptor each, at most [`POOL_MAX`].
pub const fn events_of(ring: usize) -> usize {
    if ring < POOL_MAX { ring } else { POOL_MAX }
}

/// Words of a buffer.
const WORDS: usize = MAX_MESSAGE / 4;

/// One buffer of 136 bytes: a header word, for replies a status word, and up to 128 bytes.
///
/// Atomic words, because the device may write at any moment whatever the rules say. Each function reads a word once.
#[repr(C)]
pub struct DmaBuffer {
    words: [AtomicU32; WORDS],
}

impl DmaBuffer {
    /// Length in bytes.
    pub const LEN: usize = MAX_MESSAGE;

    /// A buffer of zeros.
    pub const fn new() -> Self {
        Self {
            words: [const { AtomicU32::new(0) }; WORDS],
        }
    }

    /// Guest-physical address: memory is identity mapped.
    pub fn address(&self) -> u64 {
        core::ptr::from_ref(self).addr() as u64
    }

    /// Where the byte at `offset` lies, for a copy by the kernel; at most the buffer's end.
    pub fn pointer(&self, offset: usize) -> *mut u8 {
        let offset = offset.min(Self::LEN);
        core::ptr::from_ref(&self.words)
            .cast_mut()
            .cast::<u8>()
            .wrapping_add(offset)
    }

    /// The little-endian word at an index; 0 past the end.
    pub fn word(&self, index: usize) -> u32 {
        match self.words.get(index) {
            Some(word) => u32::from_le(word.load(Ordering::Relaxed)),
            None => 0,
        }
    }

    /// Writes the little-endian word at an index; nothing past the end.
    pub fn set_word(&self, index: usize, value: u32) {
        if let Some(word) = self.words.get(index) {
            word.store(value.to_le(), Ordering::Relaxed);
        }
    }

    /// The word at an index as it lies in memory; 0 past the end.
    pub(crate) fn raw_word(&self, index: usize) -> u32 {
        self.word(index).to_le()
    }

    /// Writes words as they lie in memory, from word `first` on; what does not fit is left out.
    pub fn write_words(&self, first: usize, values: &[u32]) {
        let words = self.words.get(first..).unwrap_or(&[]);
        for (word, value) in words.iter().zip(values) {
            word.store(*value, Ordering::Relaxed);
        }
    }

    /// Writes the parameters that a request has with it behind the header, and returns their length; `None`: it has them elsewhere.
    pub fn write_small(&self, request: &WireRequest) -> Option<usize> {
        let len = usize::from(request.len);
        if len > SMALL_REQUEST {
            return None;
        }
        if len > 0 {
            self.write_words(1, &request.small);
        }
        Some(len)
    }

    /// Copies words out as they lie in memory, from word `first` on; past the end nothing is written.
    pub(crate) fn read_words(&self, first: usize, values: &mut [u32]) {
        let words = self.words.get(first..).unwrap_or(&[]);
        for (word, value) in words.iter().zip(values) {
            *value = word.load(Ordering::Relaxed);
        }
    }

    /// Copies bytes in, from word `first` on; what does not fit is left out. A last partial word is filled with zeros.
    pub fn write(&self, first: usize, bytes: &[u8]) {
        let words = self.words.get(first..).unwrap_or(&[]);
        for (word, chunk) in words.iter().zip(bytes.chunks(4)) {
            let mut value = [0; 4];
            for (to, from) in value.iter_mut().zip(chunk) {
                *to = *from;
            }
            word.store(u32::from_ne_bytes(value), Ordering::Relaxed);
        }
    }

    /// Copies bytes out, from word `first` on; past the end nothing is written.
    pub fn read(&self, first: usize, bytes: &mut [u8]) {
        let words = self.words.get(first..).unwrap_or(&[]);
        for (word, chunk) in words.iter().zip(bytes.chunks_mut(4)) {
            let value = word.load(Ordering::Relaxed).to_ne_bytes();
            for (to, from) in chunk.iter_mut().zip(value) {
                *to = from;
            }
        }
    }

    /// Messages of up to this many bytes are cleared by [`DmaBuffer::clear_small`].
    pub(crate) const SMALL: usize = 32;

    /// Clears it after a message, a large one or not, so that what it says does not show in a later use.
    pub(crate) fn clear_after(&self, large: bool) {
        if large {
            self.clear();
        } else {
            self.clear_small();
        }
    }

    /// Clears all of it.
    #[cold]
    pub(crate) fn clear(&self) {
        for word in &self.words {
            word.store(0, Ordering::Relaxed);
        }
    }

    /// Clears the first [`DmaBuffer::SMALL`] bytes: nearly all messages are no longer.
    fn clear_small(&self) {
        for word in self.words.iter().take(Self::SMALL / 4) {
            word.store(0, Ordering::Relaxed);
        }
    }

    /// Copies the first `len` bytes, rounded up to words, from another buffer.
    pub(crate) fn copy_from(&self, other: &Self, len: usize) {
        for (to, from) in self
            .words
            .iter()
            .zip(&other.words)
            .take(len.div_ceil(4).min(WORDS))
        {
            to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }
}

impl Default for DmaBuffer {
    fn default() -> Self {
        Self::new()
    }
}

/// Everything that the device may touch: rings and buffers, in one piece without pointers.
///
/// `RING` is `vring-size`; `SLOTS` must be [`slots_of`]`(RING)` and `EVENTS` [`events_of`]`(RING)`: stable Rust cannot
/// derive them, so they are given and checked when compiled.
///
/// ```text
///  command ring   16*RING + 6+2*RING + 6+8*RING        descriptors 2i, 2i+1 -> request i, reply i
///  event ring     the same for EVENTS                  descriptor j -> event j
///  requests       SLOTS * 136
///  replies        SLOTS * 136
///  events         EVENTS * 136
///  life           4
/// ```
///
/// For a ring of 64 that is 20,820 bytes. All zero bytes, and any other bytes, are a valid value: the section that it lies in is
/// never loaded. The driver writes it only after the device was reset.
#[repr(C, align(4096))]
pub struct QueueMemory<const RING: usize, const SLOTS: usize, const EVENTS: usize> {
    pub(crate) command_ring: RingMemory<RING>,
    pub(crate) event_ring: RingMemory<EVENTS>,
    pub(crate) requests: [DmaBuffer; SLOTS],
    pub(crate) replies: [DmaBuffer; SLOTS],
    pub(crate) events: [DmaBuffer; EVENTS],
    /// Counts the lives of the driver. It is here because no other memory of the task outlives a restart. A device that writes it
    /// can at most make a handle or a token of an earlier life look like a present one, and answers are checked all the same.
    life: AtomicU32,
}

impl<const RING: usize, const SLOTS: usize, const EVENTS: usize> QueueMemory<RING, SLOTS, EVENTS> {
    const CHECKED: () = {
        assert!(
            RING.is_power_of_two() && RING >= 2,
            "vring-size is a power of two from 2"
        );
        assert!(RING <= RING_MAX, "vring-size is at most 2048");
        assert!(SLOTS == slots_of(RING), "SLOTS is slots_of(RING)");
        assert!(EVENTS == events_of(RING), "EVENTS is events_of(RING)");
        assert!(size_of::<DmaBuffer>() == MAX_PAYLOAD + 8);
    };

    /// Memory of zeros.
    pub const fn new() -> Self {
        let () = Self::CHECKED;
        Self {
            command_ring: RingMemory::new(),
            event_ring: RingMemory::new(),
            requests: [const { DmaBuffer::new() }; SLOTS],
            replies: [const { DmaBuffer::new() }; SLOTS],
            events: [const { DmaBuffer::new() }; EVENTS],
            life: AtomicU32::new(0),
        }
    }

    /// Begins a life of the driver and returns its number, modulo 2^32. To be called after the device was reset.
    pub(crate) fn next_life(&self) -> u32 {
        let life = self.life.load(Ordering::Relaxed).wrapping_add(1);
        self.life.store(life, Ordering::Relaxed);
        life
    }

    /// The command ring, for whoever plays the device.
    pub fn command_ring(&self) -> &RingMemory<RING> {
        &self.command_ring
    }

    /// The event ring, for whoever plays the device.
    pub fn event_ring(&self) -> &RingMemory<EVENTS> {
        &self.event_ring
    }

    /// The buffer at an address, for whoever plays the device: what a descriptor's address means.
    pub fn buffer_at(&self, address: u64) -> Option<&DmaBuffer> {
        let find = |pool: &'_ [DmaBuffer]| {
            let start = core::ptr::from_ref(pool).cast::<u8>().addr() as u64;
            let offset = address.checked_sub(start)?;
            let size = DmaBuffer::LEN as u64;
            (offset % size == 0).then_some((offset / size) as usize)
        };
        [&self.requests[..], &self.replies[..], &self.events[..]]
            .into_iter()
            .find_map(|pool| pool.get(find(pool)?))
    }
}

impl<const RING: usize, const SLOTS: usize, const EVENTS: usize> Default
    for QueueMemory<RING, SLOTS, EVENTS>
{
    fn default() -> Self {
        Self::new()
    }
}
