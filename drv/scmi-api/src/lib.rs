// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Client of the SCMI driver task.
//!
//! ```no_run
//! # use drv_scmi_api::{Exchange, Request, Scmi, ScmiError};
//! # use userlib::task_slot;
//! # fn show(_: u32) {}
//! # fn main() -> Result<(), ScmiError> {
//! task_slot!(SCMI, virtio_scmi);
//!
//! let scmi = Scmi::from(SCMI.get_task_id());
//! let mut version = [0; 4];
//! let answer = scmi.exchange(&Request::new(0x10, 0, &[]), &mut version)?;
//! if answer.status == 0 {
//!     show(u32::from_le_bytes(version));
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The task needs a slot for the driver and an entry in `[config.scmi.clients]`; `drv/virtio-scmi-server` says what it may hold.
//!
//! | to | use |
//! |---|---|
//! | send a command and wait | [`Exchange::exchange`] |
//! | have several under way | [`Exchange::send`], then [`Exchange::poll`] until it is done |
//! | follow an event | [`Exchange::notify`], then [`Exchange::next_event`] whenever the notification of `app.toml` comes |
//! | have numbers and names of things, of whatever protocol | [`Domains`] of its handle, or [`Kind`] |
//! | know what the driver can do | [`Scmi::info`] with its [`warnings`](ScmiInfo::warnings), [`Scmi::stats`] |
//!
//! # Typed calls
//!
//! ```
//! # use drv_scmi_api::{Error, Perf, Scmi, Sensors};
//! # const GPU_TEMPERATURE: u32 = 1;
//! # const GPU: u32 = 1;
//! # fn example(scmi: Scmi) -> Result<(), Error> {
//! let sensors = Sensors::connect(&scmi)?;
//! let reading = sensors.read(GPU_TEMPERATURE)?.value();
//! if reading > 95_000 {
//!     Perf::connect(&scmi)?.set_level(GPU, 1)?;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! | protocol | handle |
//! |---|---|
//! | Base | [`Base`] |
//! | power domains, the system | [`Power`], [`SystemPower`] |
//! | performance domains | [`Perf`] |
//! | clocks | [`Clocks`] |
//! | sensors | [`Sensors`] |
//! | reset domains | [`Resets`] |
//! | voltage domains | [`Voltages`] |
//! | power caps | [`Powercaps`] |
//! | pins | [`Pins`] |
//!
//! A handle is small and costs one command to make. Its calls fail with [`Error`], whose [`advice`](Error::advice) says what
//! to do. What is harmless to repeat is sent again when the driver or the device restarts under it; resets and the like
//! are sent once. Lists are iterators that fetch page by page, and end even when the platform lies about what remains. Calls
//! named `..._delayed` run asynchronously on the platform and wait for the delayed response. Events of all protocols come,
//! taken apart, from [`next_event`]. Other messages go through a [`Link`].
//!
//! # Raw calls
//!
//! Three things can come of a command: an answer whose status is 0, an answer with another status (the platform said no), or a [`ScmiError`]
//! (there is no answer), whose variants say what to do.

#![cfg_attr(not(test), no_std)]

mod base;
mod clock;
mod domain;
mod error;
mod exchange;
mod incoming;
mod link;
mod lives;
mod paged;
mod perf;
mod pinctrl;
mod power;
mod powercap;
mod reset;
mod scmi_error;
mod sensor;
mod system;
mod voltage;

pub use drv_scmi_types::{
    ALL_SOURCES, Answer, BATCH_MAX, BatchAnswer, BatchEntry, Counters, DEFAULT_DEADLINE,
    DriverState, Event, EventKind, EventSource, InfoFlags, NO_TRANSPORT, PAYLOAD_MAX, PollAnswer,
    Polled, Pools, Request, Response, SMALL_REQUEST, SMALL_RESPONSE, ScmiInfo, ScmiStats,
    SmallResponse, TransferFlags, Warning, WireRequest, WireSubscription,
};

pub use scmi::events::Thresholds;

pub use base::{Base, Protocols};
pub use clock::{Clocks, Rounding};
pub use domain::{Domains, Kind};
pub use error::{Advice, Error};
pub use exchange::{Exchange, Scmi};
pub use incoming::{Incoming, event_name, next_event};
pub use link::{Buffer, Link, Repeat, Sent};
pub use lives::Lives;
pub use paged::{Choices, Paged, Pages};
pub use perf::{Levels, Perf};
pub use pinctrl::{Pins, numbers};
pub use power::Power;
pub use powercap::Powercaps;
pub use reset::Resets;
pub use scmi_error::ScmiError;
pub use sensor::{AxisReadings, Sensors};
pub use system::SystemPower;
pub use voltage::Voltages;

/// Generated from `idl/scmi.idol`: the calls as they travel.
mod stub {
    use crate::{
        Answer, BatchEntry, Event, PollAnswer, ScmiError, ScmiInfo, ScmiStats, WireRequest,
        WireSubscription,
    };

    include!(concat!(env!("OUT_DIR"), "/client_stub.rs"));
}
