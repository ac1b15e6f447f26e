// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The virtio-mmio transport, version 2, driver side (section 4.2 of virtio 1.2 and 1.3).
//!
//! | module | what |
//! |---|---|
//! | [`registers`] | the register block as the specification's table, and [`Registers`], the access to it |
//! | `bits` | [`Status`], [`Features`], [`Interrupts`] |
//! | `scan` | [`scan`]: which slots of a bank hold what, and who shares their page |
//! | `transport` | [`Transport`]: the initialisation sequence, notification, interrupts, recovery |
//! | `error` | what can go wrong, and what to do |
//! | [`model`] | a device for host tests that panics on whatever a driver must not do |
//!
//! # Use
//!
//! ```
//! # use virtio_mmio::{Features, Transport, model::Model};
//! # use virtqueue::{RingMemory, Virtqueue};
//! # static RING: RingMemory<64> = RingMemory::new();
//! # let model = Model::new(32, Features::VERSION_1 | Features::EVENT_IDX, &[1024]);
//! # let registers = &model;
//! // On the target, `registers` is a `safe_mmio::UniqueMmioPointer<RegisterBlock>`.
//! let mut transport = Transport::probe(registers, 32)?;
//! transport.reset()?; // before any queue memory is touched
//! let features = transport.negotiate(Features::EVENT_IDX, Features::empty())?;
//!
//! let mut queue = Virtqueue::new(&RING);
//! let size = transport.queue_max(0).min(64);
//! queue.start(size, features.contains(Features::EVENT_IDX))?;
//! transport.setup_queue(0, size, queue.addresses())?;
//! transport.driver_ok()?;
//!
//! // Work, as interrupts come:
//! let interrupts = transport.interrupt_status();
//! transport.acknowledge(interrupts);
//! if queue.kick_needed() {
//!     transport.notify(0);
//! }
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod bits;
mod error;
pub mod model;
pub mod registers;
mod scan;
mod transport;

pub use bits::{Features, Interrupts, Status};
pub use error::{InitError, ProbeError};
pub use registers::{Readable, RegisterBlock, Registers, Writable};
pub use scan::{Scan, scan};
pub use transport::Transport;
