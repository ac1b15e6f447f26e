// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The driver side of a virtio split virtqueue, safe against any device.
//!
//! Section numbers are those of the virtio 1.2 and 1.3 specifications (2.7, "Split Virtqueues").
//!
//! | module | what |
//! |---|---|
//! | `memory` | [`RingMemory`]: the three shared areas and where they lie |
//! | `descriptor`, `available`, `used` | one shared structure each |
//! | `chain` | [`Buffer`]: what a descriptor says, and what is refused |
//! | `queue` | [`Virtqueue`]: publish, kick decision, interrupt control |
//! | `take` | [`Virtqueue::take_used`]: everything that trusts nobody |
//! | `kick` | [`kick_due`]: the wrap-safe decision, a pure function |
//! | [`device`] | the other side of the ring, for tests and models |
//!
//! How it differs from a general-purpose queue:
//!
//! * **All shared memory is atomic.** The device may write at any moment, so every shared field is an atomic reached
//!   through `&`. That needs no `unsafe`, and a host thread (or Miri) can play the device.
//! * **Fixed mapping.** A chain is laid down once, by [`Virtqueue::set_chain`], and the descriptor numbers say for ever
//!   which buffers are meant. There is no free list, so no device can corrupt one.
//! * **The driver never reads back what it wrote**, and reads what the device wrote exactly once. Each value is checked
//!   before use; what is wrong is told as a [`Violation`].
//! * **Every operation is O(1)** but [`Virtqueue::start`], and none allocates, blocks, or can panic.
//!
//! # Example
//!
//! One command: a 12-byte request and room for a 136-byte reply, as descriptors 0 and 1.
//!
//! ```
//! use virtqueue::{Buffer, Direction, RingMemory, Virtqueue, device::DeviceSide};
//!
//! static RING: RingMemory<4> = RingMemory::new();
//!
//! let mut queue = Virtqueue::new(&RING);
//! queue.start(4, true)?; // the device is reset; EVENT_IDX was negotiated
//! queue.set_chain(0, &[
//!     Buffer { address: 0x4040_0000, len: 12, direction: Direction::DeviceReads },
//!     Buffer { address: 0x4040_0100, len: 136, direction: Direction::DeviceWrites },
//! ])?;
//!
//! queue.publish(0)?;
//! if queue.kick_needed() {
//!     // write the queue's number to QueueNotify
//! }
//! assert!(queue.with_device(0));
//! assert_eq!(queue.take_used(), Ok(None));
//!
//! // The other side, elsewhere:
//! let mut device = DeviceSide::new(&RING, 4, true);
//! let head = device.pop().unwrap();
//! device.complete(u32::from(head), 8);
//!
//! let used = queue.take_used()?.unwrap();
//! assert_eq!((used.head, used.len, used.excess), (0, 8, false));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod available;
mod chain;
mod descriptor;
pub mod device;
mod kick;
mod memory;
mod queue;
mod take;
mod used;

pub use chain::{Buffer, ChainError, Direction, LengthError, PublishError};
pub use kick::kick_due;
pub use memory::{Addresses, RingMemory};
pub use queue::{SizeError, Virtqueue};
pub use take::{Used, Violation};
