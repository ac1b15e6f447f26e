// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Chains: what the descriptors of one command say, and what is refused.

use core::fmt;

/// Who uses a buffer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// The device reads it: a request.
    DeviceReads,
    /// The device writes it: a reply, or an event.
    DeviceWrites,
}

/// One buffer of a chain: one descriptor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Buffer {
    /// Guest-physical address. The memory stays the device's from publish until the chain comes back or the device is
    /// reset.
    pub address: u64,
    /// Length in bytes, at least 1. For a buffer that the device reads it is the capacity:
    /// [`Virtqueue::set_read_len`](crate::Virtqueue::set_read_len) says how much of it a request uses.
    pub len: u32,
    /// Who uses it.
    pub direction: Direction,
}

/// Why [`Virtqueue::set_chain`](crate::Virtqueue::set_chain) refused. Nothing was changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChainError {
    /// No buffers were given. Give at least one.
    Empty,
    /// The chain would reach past the last descriptor: choose a lower head, or start the queue with a larger size.
    OutOfRange,
    /// One of the descriptors already belongs to a chain. A chain is laid down once; `start` forgets them all.
    Taken,
    /// A buffer has no bytes: leave it out.
    EmptyBuffer,
    /// A buffer that the device reads follows one that it writes: put those it reads first (2.7.4.2).
    Order,
    /// The buffers come to more than 2^32 bytes in all (2.7.5.2): make them smaller.
    TooLong,
}

impl fmt::Display for ChainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "a chain needs at least one buffer",
            Self::OutOfRange => {
                "the chain reaches past the last descriptor: use a lower head or a larger ring"
            }
            Self::Taken => {
                "a descriptor already belongs to a chain: lay chains down once, after start"
            }
            Self::EmptyBuffer => "a buffer has length 0: leave it out",
            Self::Order => "buffers that the device reads must precede those that it writes",
            Self::TooLong => "the buffers of a chain may hold 2^32 bytes at most in all",
        })
    }
}

impl core::error::Error for ChainError {}

/// Why [`Virtqueue::publish`](crate::Virtqueue::publish) refused. Nothing was changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PublishError {
    /// No chain starts at this descriptor: lay one down with `set_chain` first.
    NotAHead,
    /// The device has this chain already, and its buffers with it: wait until it comes back, or reset the device.
    WithDevice,
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAHead => "no chain starts at this descriptor: lay one down with set_chain",
            Self::WithDevice => "the device has this chain: wait for it, or reset the device",
        })
    }
}

impl core::error::Error for PublishError {}

/// Why [`Virtqueue::set_read_len`](crate::Virtqueue::set_read_len) refused. Nothing was changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LengthError {
    /// No chain starts at this descriptor: lay one down with `set_chain` first.
    NotAHead,
    /// The device has this chain: wait until it comes back, or reset the device.
    WithDevice,
    /// The chain's first buffer is one that the device writes; the room for the device is fixed.
    NotRead,
    /// Zero, or more than the buffer's capacity.
    OutOfRange,
}

impl fmt::Display for LengthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAHead => "no chain starts at this descriptor: lay one down with set_chain",
            Self::WithDevice => "the device has this chain: wait for it, or reset the device",
            Self::NotRead => "the device writes this buffer: its length is fixed by set_chain",
            Self::OutOfRange => "the length must be 1 to the buffer's length in set_chain",
        })
    }
}

impl core::error::Error for LengthError {}

/// Whose descriptor it is, in the driver's own books. The device cannot reach them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Owner {
    /// In no chain.
    Nobody,
    /// In a chain, but not its first.
    Link,
    /// First of a chain that the driver has.
    Driver,
    /// First of a chain that the device has.
    Device,
}

/// The driver's own note about a descriptor.
#[derive(Clone, Copy)]
pub(crate) struct Note {
    /// Of the first buffer, where the device reads it: how long it may be. Otherwise 0.
    pub(crate) capacity: u32,
    /// Of a head: how many bytes the device may write into the whole chain.
    pub(crate) room: u32,
    /// Of a head: the batch of used entries that was the latest when the chain was published. That
    /// batch cannot return the chain.
    pub(crate) batch: u32,
    pub(crate) owner: Owner,
}

impl Note {
    pub(crate) const NONE: Self = Self {
        capacity: 0,
        room: 0,
        batch: 0,
        owner: Owner::Nobody,
    };
}

/// Checks the buffers of a chain against 2.7.4.2 and 2.7.5.2; the result is how many bytes the device may write.
pub(crate) fn check(buffers: &[Buffer]) -> Result<u32, ChainError> {
    let mut total = 0u64;
    let mut room = 0u64;
    for buffer in buffers {
        if buffer.len == 0 {
            return Err(ChainError::EmptyBuffer);
        }
        let len = u64::from(buffer.len);
        total = total.saturating_add(len);
        match buffer.direction {
            Direction::DeviceWrites => room = room.saturating_add(len),
            Direction::DeviceReads if room > 0 => return Err(ChainError::Order),
            Direction::DeviceReads => {}
        }
    }
    if total > 1 << 32 {
        return Err(ChainError::TooLong);
    }
    // A room of exactly 2^32 is one more than a used length can say.
    Ok(u32::try_from(room).unwrap_or(u32::MAX))
}
