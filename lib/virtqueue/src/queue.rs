// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The queue: chains, publishing, the kick decision, and when to be interrupted.

use crate::available::store_used_event;
use crate::chain::{self, Buffer, ChainError, Direction, LengthError, Note, Owner, PublishError};
use crate::kick::kick_due;
use crate::memory::{Addresses, RingMemory};
use crate::{descriptor, used};
use core::fmt;
use core::sync::atomic::{AtomicU16, AtomicU32, Ordering, fence};

/// The driver side of one split virtqueue with up to `N` entries.
///
/// A chain is in one of two hands:
///
/// ```text
///                       publish
///  set_chain --> driver --------> device
///                   ^                |
///                   +--- take_used --+     (start: all chains are forgotten)
/// ```
///
/// It holds 16 bytes of books per entry and is best kept in a `static`: [`Virtqueue::new`] is `const`, and
/// [`Virtqueue::start`] works in place.
#[repr(C)]
pub struct Virtqueue<'m, const N: usize> {
    pub(crate) memory: &'m RingMemory<N>,
    /// Where the driver says when it wants to be told, and the device when it wants to be kicked (EVENT_IDX).
    used_event: &'m AtomicU16,
    avail_event: &'m AtomicU32,
    // Numbers of sixteen bits each. In words, since in a large structure one instruction reaches a word, but not a half.
    pub(crate) size: u32,
    pub(crate) mask: u32,
    /// The available index, as last published.
    available: u32,
    /// Chains with the device.
    pub(crate) in_flight: u32,
    /// The used index up to which entries were taken.
    pub(crate) taken: u32,
    /// The used index up to which the device's word was accepted; entries from `taken` to here are still to take.
    pub(crate) accepted: u32,
    /// The used index as the device last told it, accepted or not.
    pub(crate) told: u32,
    /// Number of the latest batch: of the entries that one reading of the used index brought. Modulo 2^32.
    pub(crate) batch: u32,
    /// Entries published since the last kick decision.
    undecided: u32,
    event_idx: bool,
    /// Last, so that the fields before it have small offsets, which a load or store holds without another instruction.
    pub(crate) notes: [Note; N],
}

/// Why [`Virtqueue::start`] refused. Nothing was changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SizeError {
    /// The size is 0 or not a power of two: round it down to one.
    NotAPowerOfTwo,
    /// The size is more than `N`: use at most `N` entries.
    TooLarge,
}

impl fmt::Display for SizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAPowerOfTwo => "the ring size must be a power of two: round it down to one",
            Self::TooLarge => "the ring size is more than this queue has memory for",
        })
    }
}

impl core::error::Error for SizeError {}

/// The ring index after this one, modulo 2^16.
#[inline]
pub(crate) const fn after(index: u32) -> u32 {
    index.wrapping_add(1) & 0xffff
}

impl<'m, const N: usize> Virtqueue<'m, N> {
    /// A queue that is not started: it has no chains and publishes nothing. Touches no memory.
    pub const fn new(memory: &'m RingMemory<N>) -> Self {
        Self {
            memory,
            used_event: memory.available.tail(),
            avail_event: memory.used.tail(),
            size: 0,
            mask: 0,
            available: 0,
            in_flight: 0,
            taken: 0,
            accepted: 0,
            told: 0,
            batch: 0,
            undecided: 0,
            event_idx: false,
            notes: [Note::NONE; N],
        }
    }

    /// Starts, or starts again: rewrites all of the ring memory and forgets every chain and all that was in flight.
    ///
    /// *The device must be reset* (its status read back as 0): only that takes the memory out of its hands.
    /// `size` is the number of entries to use, a power of two up to `N` and to the device's QueueNumMax;
    /// `event_idx` says whether VIRTIO_F_EVENT_IDX was negotiated. Interrupts are wanted. Costs O(N).
    pub fn start(&mut self, size: u16, event_idx: bool) -> Result<(), SizeError> {
        self.start_at(size, event_idx, 0)
    }

    /// As [`Virtqueue::start`], with both indices at `index` instead of 0: for tests of wrap-around.
    pub fn start_at(&mut self, size: u16, event_idx: bool, index: u16) -> Result<(), SizeError> {
        if !size.is_power_of_two() {
            return Err(SizeError::NotAPowerOfTwo);
        }
        if usize::from(size) > N {
            return Err(SizeError::TooLarge);
        }
        self.memory.clear(index);
        self.used_event = self.memory.available.used_event(size);
        self.avail_event = self.memory.used.avail_event(size);
        for note in &mut self.notes {
            *note = Note::NONE;
        }
        self.size = size.into();
        self.mask = u32::from(size - 1);
        self.event_idx = event_idx;
        self.available = index.into();
        self.undecided = 0;
        self.in_flight = 0;
        self.taken = index.into();
        self.accepted = index.into();
        self.told = index.into();
        self.batch = 0;
        store_used_event(self.used_event, index);
        // The transport's next register write hands the memory to the device.
        fence(Ordering::SeqCst);
        Ok(())
    }

    /// Where the ring memory lies, for the transport.
    pub fn addresses(&self) -> Addresses {
        self.memory.addresses()
    }

    /// Number of entries in use; 0 before `start`.
    #[inline]
    pub fn size(&self) -> u16 {
        self.size as u16
    }

    /// Was EVENT_IDX negotiated?
    #[inline]
    pub fn event_idx(&self) -> bool {
        self.event_idx
    }

    /// Number of chains with the device.
    #[inline]
    pub fn in_flight(&self) -> u16 {
        self.in_flight as u16
    }

    /// Is this the head of a chain that the device has? Then its buffers are the device's too.
    #[inline]
    pub fn with_device(&self, head: u16) -> bool {
        self.notes
            .get(usize::from(head))
            .is_some_and(|note| note.owner == Owner::Device)
    }

    /// The available index as published: how many chains were, modulo 2^16.
    #[inline]
    pub fn available_index(&self) -> u16 {
        self.available as u16
    }

    /// The used index up to which entries were taken, modulo 2^16.
    #[inline]
    pub fn used_index(&self) -> u16 {
        self.taken as u16
    }

    /// Lays down a chain in the descriptors `head`, `head + 1`, ..., one for each buffer, until the next `start`.
    ///
    /// Costs O(buffers). The driver has the chain afterwards.
    pub fn set_chain(&mut self, head: u16, buffers: &[Buffer]) -> Result<(), ChainError> {
        if buffers.is_empty() {
            return Err(ChainError::Empty);
        }
        if usize::from(head) + buffers.len().min(N) > self.size as usize {
            return Err(ChainError::OutOfRange);
        }
        let range = usize::from(head)..usize::from(head) + buffers.len();
        let (Some(notes), Some(entries)) = (
            self.notes.get_mut(range.clone()),
            self.memory.descriptors.get(range),
        ) else {
            return Err(ChainError::OutOfRange);
        };
        if notes.iter().any(|note| note.owner != Owner::Nobody) {
            return Err(ChainError::Taken);
        }
        let room = chain::check(buffers)?;

        let mut number = head;
        let mut left = buffers.len();
        for ((note, entry), buffer) in notes.iter_mut().zip(entries).zip(buffers) {
            let is_head = number == head;
            number = number.wrapping_add(1);
            left = left.wrapping_sub(1);
            let (next_flag, next) = if left == 0 {
                (0, 0)
            } else {
                (descriptor::NEXT, number)
            };
            let (write_flag, capacity) = match buffer.direction {
                Direction::DeviceReads => (0, buffer.len),
                Direction::DeviceWrites => (descriptor::WRITE, 0),
            };
            entry.write(buffer.address, buffer.len, next_flag | write_flag, next);
            *note = if is_head {
                Note {
                    capacity,
                    room,
                    batch: 0,
                    owner: Owner::Driver,
                }
            } else {
                Note {
                    owner: Owner::Link,
                    ..Note::NONE
                }
            };
        }
        Ok(())
    }

    /// Says how many bytes of the chain's first buffer, one that the device reads, the next publish hands over.
    ///
    /// It stays so until it is set again. Bytes, from 1 to the length that the buffer had in `set_chain`.
    #[inline]
    pub fn set_read_len(&mut self, head: u16, len: u32) -> Result<(), LengthError> {
        let index = usize::from(head);
        let (Some(note), Some(entry)) = (self.notes.get(index), self.memory.descriptors.get(index))
        else {
            return Err(LengthError::NotAHead);
        };
        match note.owner {
            Owner::Driver => {}
            Owner::Device => return Err(LengthError::WithDevice),
            Owner::Nobody | Owner::Link => return Err(LengthError::NotAHead),
        }
        if note.capacity == 0 {
            return Err(LengthError::NotRead);
        }
        if len == 0 || len > note.capacity {
            return Err(LengthError::OutOfRange);
        }
        entry.set_len(len);
        Ok(())
    }

    /// Hands the chain at `head` to the device. Whatever was written to its buffers before is visible to the device.
    ///
    /// There is always room: a chain is in the ring once at most, and there are no more chains than entries. The device
    /// may sleep: ask [`Virtqueue::kick_needed`] after the last publish of a batch.
    #[inline]
    pub fn publish(&mut self, head: u16) -> Result<(), PublishError> {
        let Some(note) = self.notes.get_mut(usize::from(head)) else {
            return Err(PublishError::NotAHead);
        };
        match note.owner {
            Owner::Driver => note.owner = Owner::Device,
            Owner::Device => return Err(PublishError::WithDevice),
            Owner::Nobody | Owner::Link => return Err(PublishError::NotAHead),
        }
        note.batch = self.batch;
        self.in_flight = self.in_flight.wrapping_add(1);
        self.memory
            .available
            .set_entry(self.available as u16, self.mask as u16, head);
        self.available = after(self.available);
        self.undecided = self.undecided.saturating_add(1);
        self.memory.available.set_index(self.available as u16);
        Ok(())
    }

    /// Is there something to decide about for [`Virtqueue::kick_needed`]? Touches no memory of the ring.
    #[inline]
    pub fn has_undecided(&self) -> bool {
        self.undecided != 0
    }

    /// Decides about everything published since the last call: must the device be kicked?
    ///
    /// `true` must be followed by the kick. Suppression is the device's hint, and a lost kick is for ever, so there is a
    /// full barrier between the store of the available index and the load of the hint (2.7.13.4.1): without it both sides
    /// could miss each other's last word.
    #[inline]
    pub fn kick_needed(&mut self) -> bool {
        if self.undecided == 0 {
            return false;
        }
        let undecided = core::mem::take(&mut self.undecided);
        fence(Ordering::SeqCst);
        if self.event_idx {
            let event = used::load_avail_event(self.avail_event);
            kick_due(event, self.available as u16, undecided)
        } else {
            !self.memory.used.no_notify()
        }
    }

    /// Asks for no interrupts until [`Virtqueue::enable_interrupts`]. Only a hint: interrupts may come all the same.
    ///
    /// With EVENT_IDX there is no "never": the event is put where the index is furthest from, 65,535 entries away.
    #[inline]
    pub fn suppress_interrupts(&mut self) {
        if self.event_idx {
            let furthest = (self.taken as u16).wrapping_sub(1);
            store_used_event(self.used_event, furthest);
        } else {
            self.memory.available.set_interrupts(false);
        }
    }

    /// Asks for an interrupt with the next used entry. `true`: there is one already, perhaps without an interrupt; take
    /// entries, then ask again.
    ///
    /// The driver must look again after it asked, with a full barrier between (2.7.7.2), or an entry that came in the
    /// moment before stays unseen.
    #[inline]
    #[must_use = "true: there are entries for which no interrupt may come"]
    pub fn enable_interrupts(&mut self) -> bool {
        if self.event_idx {
            store_used_event(self.used_event, self.taken as u16);
        } else {
            self.memory.available.set_interrupts(true);
        }
        fence(Ordering::SeqCst);
        self.has_used()
    }

    /// Is there something for [`Virtqueue::take_used`] to do? One load; changes nothing.
    ///
    /// An index that was refused as impossible counts as nothing until the device tells another.
    #[inline]
    pub fn has_used(&self) -> bool {
        self.taken != self.accepted || u32::from(self.memory.used.index()) != self.told
    }
}
