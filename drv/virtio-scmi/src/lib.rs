// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The SCMI driver's core: transfers, events, clients, recovery; no IPC and no MMIO.
//!
//! A sans-IO state machine: a [`Cause`] goes in, a [`Plan`] (timer, interrupt mask) comes out, and between the two the driver reaches
//! the device through a [`Transport`] and its clients through a [`System`]. The same code runs in the image, in the tests and in the
//! fuzzers; there is no other loop.
//!
//! ```text
//!   notification, request            +--------------------------- Driver ---------------------------+
//!   ------- Cause ---------------->  |  pacing         when to look, mask, timer                    |
//!   <------ Plan -----------------   |  turn           what came and what is due, a bounded amount  |
//!   send, batch, poll, cancel,       |  transfer       from a wish to the device, and its answer    |
//!   subscribe, fetch ------------->  |  incoming       messages of the device, checked once         |  <-- used buffers
//!   <------ System ----------------  |  subscriptions  who follows which event of which source      |
//!   ended, post, subscribed, ...     |  recovery       trouble, resets, attempts                    |  --> Transport
//!                                    +--------------------------------------------------------------+
//! ```
//!
//! # Invariants
//!
//! [`Driver::audit`] checks them, after each step of the random tests:
//!
//! - A slot is in exactly one state (see `slot.rs` for the picture), and in one list at most.
//! - The device has a slot's buffers if and only if the queue says so; the driver does not touch them meanwhile.
//! - Every command that was sent is counted once: in flight, answered, failed, or timed out.
//! - What a client holds and has lost never exceeds its quota, nor what the driver holds its own.
//! - Every event buffer is with the device, or parked with one transfer.
//!
//! # Example
//!
//! The whole driver on a device that has no queue:
//!
//! ```
//! use drv_virtio_scmi::*;
//! # struct NoQueue;
//! # impl Transport for NoQueue {
//! #     fn reset(&mut self) -> Result<(), SetupError> { Ok(()) }
//! #     fn negotiate(&mut self, _: u64, required: u64) -> Result<u64, SetupError> { Ok(required) }
//! #     fn queue_max(&mut self, _: u16) -> u16 { 0 }
//! #     fn setup_queue(&mut self, _: u16, _: u16, _: virtqueue::Addresses) -> Result<(), SetupError> { Ok(()) }
//! #     fn driver_ok(&mut self) -> Result<(), SetupError> { Ok(()) }
//! #     fn notify(&mut self, _: u16) {}
//! #     fn take_interrupts(&mut self) -> Interrupts { Interrupts::default() }
//! #     fn needs_reset(&mut self) -> bool { false }
//! #     fn fail(&mut self) {}
//! # }
//!
//! /// What is around the driver: here, a clock that stands still, and nobody who waits.
//! struct Kernel;
//!
//! impl System for Kernel {
//!     fn now(&mut self) -> u64 { 5 }
//!     fn ended(&mut self, owner: Owner, handle: Handle, result: Result<Reply<'_>, Failure>) {}
//!     fn entry_ended(&mut self, _: Owner, tag: u32, index: u8, _: Result<Reply<'_>, Unanswered>) -> bool { true }
//!     fn batch_ended(&mut self, owner: Owner) {}
//!     fn post(&mut self, owner: Owner, bits: u32) -> bool { true }
//!     fn subscribed(&mut self, owner: Owner, result: Result<(), Failure>) {}
//!     fn is_alive(&mut self, owner: Owner) -> bool { true }
//! }
//!
//! static CONFIG: ClientConfig = ClientConfig {
//!     task: 3, slots: 4, events: 4, subscriptions: 4, batch: 8, event_bits: 1, rules: Rules::new(&[Rule::ALL]),
//! };
//!
//! let memory = QueueMemory::<16, 8, 16>::new();
//! let mut books = Books::NEW;
//! let mut clients = [Client::new(&CONFIG)];
//! let (mut records, mut subscriptions) = ([Record::NEW; 4], [Subscription::NEW; 4]);
//! let (mut batches, mut entries) = ([BatchState::NEW], [BatchEntry::default(); 8]);
//! let mut driver = Driver::new(&memory, &mut books);
//! let tasks = [0xff, 0xff, 0xff, 0];
//! driver.provide(Provision {
//!     clients: &mut clients,
//!     tasks: &tasks,
//!     records: &mut records,
//!     subscriptions: &mut subscriptions,
//!     batches: &mut batches,
//!     entries: &mut entries,
//!     limits: Limits::DEFAULT,
//!     trace: |_| (),
//! });
//!
//! let mut device = NoQueue;
//! assert_eq!(driver.start(true, &mut Kernel, &mut device), Err(SetupError::NoQueue(COMMAND_QUEUE)));
//! let cause = Cause::Notification { interrupt: false, timer: true };
//! let plan = driver.run(cause, &mut Kernel, &mut device);
//! assert_eq!(plan, Plan { timer: None, unmask: false });
//!
//! // Base protocol, PROTOCOL_VERSION.
//! let request = Request::new(0x10, 0, |_: &DmaBuffer| Ok::<_, ()>(0));
//! let sent = driver.send(Owner(3), request, Wait::Blocked, &mut Kernel);
//! assert_eq!(sent, Err(NotSent::Refused(Refusal::NoDevice)));
//! ```

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod batches;
mod channel;
mod clients;
mod counters;
mod driver;
mod error;
mod events;
mod interrupts;
mod journal;
mod memory;
mod outbox;
mod provision;
mod recovery;
mod system;
mod trace;
mod transfers;
mod transport;

pub use batches::{BATCH_MAX, Batch, BatchEntry, BatchState};
pub use clients::{
    CLIENTS_MAX, Client, ClientConfig, EventKind, Fetched, MessageSet, Owner, Record, Rule, Rules,
    messages, own_slots,
};
pub use counters::{Counters, Pools};
pub use driver::Driver;
pub use drv_scmi_types::{EventSource, Request, TransferFlags};
pub use error::{Failure, Refusal, Unanswered};
pub use events::{ALL_SOURCES, Notified, Subscription};
pub use memory::{DmaBuffer, POOL_MAX, QueueMemory, RING_MAX, events_of, slots_of};
pub use provision::Provision;
pub use recovery::{Condition, Limits, Trouble};
pub use scmi::events::Thresholds;
pub use system::{Cause, NotSent, Plan, System};
pub use trace::Trace;
pub use transfers::{Books, FIRST_WORDS, Handle, Reply, Wait};
pub use transport::{
    COMMAND_QUEUE, DEVICE_ID, EVENT_IDX, EVENT_QUEUE, Interrupts, P2A_CHANNELS, SetupError,
    Transport, VERSION_1,
};
