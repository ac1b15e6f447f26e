// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The SCMI channel core: transfers, events, recovery; no IPC, no MMIO.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod audit;
mod channel;
mod counters;
mod deadline;
mod ending;
mod error;
mod incoming;
mod memory;
mod own;
mod pacing;
mod quota;
mod recovery;
mod rules;
mod set;
mod setup;
mod slot;
mod subscribe;
mod subscribers;
mod subscriptions;
mod token;
mod trace;
mod transfer;
mod transport;
mod turn;

pub use channel::{Books, Channel, Clock, Condition};
pub use counters::{Counters, Pools};
pub use error::{Failure, Refusal};
pub use memory::{DmaBuffer, POOL_MAX, QueueMemory, RING_MAX, events_of, slots_of};
pub use pacing::{Alarms, Pacing};
pub use quota::{CLIENTS_MAX, Client, ClientConfig, ClientId, Owner, own_slots};
pub use recovery::{Limits, Trouble};
pub use rules::{MessageSet, Rule, Rules, messages};
pub use scmi::events::Thresholds;
pub use slot::{Handle, SlotId};
pub use subscribe::Notified;
pub use subscribers::{EventKind, Fetched, Record};
pub use subscriptions::{ALL_SOURCES, Subscription};
pub use trace::Trace;
pub use transfer::{Answer, Command, FIRST_WORDS, Polled, Reply, Wait};
pub use transport::{
    COMMAND_QUEUE, DEVICE_ID, EVENT_IDX, EVENT_QUEUE, P2A_CHANNELS, SetupError, Transport,
    VERSION_1,
};
pub use turn::{After, Output};
