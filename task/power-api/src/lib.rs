// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Client of the power task: parts of the machine, brought up and down as one.
//!
//! ```no_run
//! # use task_power_api::{PowerError, Resources};
//! # use userlib::{UnwrapLite, task_slot};
//! # fn compute() {}
//! # fn main() -> Result<(), PowerError> {
//! task_slot!(POWER, power);
//!
//! let resources = Resources::from(POWER.get_task_id());
//! let gpu = resources.find("gpu").unwrap_lite();
//! resources.acquire(gpu)?;
//! compute();
//! resources.release(gpu)?;
//! # Ok(())
//! # }
//! ```
//!
//! A task that dies gives its references back without a word. [`PowerError::ServerRestarted`] says that the power task did:
//! acquire again what is needed.

#![cfg_attr(not(test), no_std)]

use core::fmt;

use hubpack::SerializedSize;
use idol_runtime::ServerDeath;
use serde::{Deserialize, Serialize};

pub use drv_scmi_cause::Cause;

/// The longest name of a resource, in bytes.
pub const NAME_MAX: usize = 32;

/// How a resource stands.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Serialize, Deserialize, SerializedSize)]
pub enum ResourceState {
    /// Not known: the power task looks again by itself.
    Unknown,
    /// All of it is down.
    Down,
    /// Some of it is up, and nobody holds it: it was found so.
    Partly,
    /// All of it is up.
    Up,
    /// The platform does not have it, and never had: it is asked again. [`ResourceStatus::trouble`] says why.
    Absent,
}

impl fmt::Display for ResourceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Unknown => "unknown",
            Self::Down => "down",
            Self::Partly => "partly up",
            Self::Up => "up",
            Self::Absent => "not available",
        })
    }
}

/// What there is to say of a resource. Counters stop at their highest value.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Serialize, Deserialize, SerializedSize)]
pub struct ResourceStatus {
    /// How it stands.
    pub state: ResourceState,
    /// References of all tasks, and of the resources that need this one.
    pub references: u16,
    /// References of the caller.
    pub own: u8,
    /// How often it was brought up.
    pub ups: u16,
    /// How often it was taken down.
    pub downs: u16,
    /// How often one or the other failed.
    pub failures: u16,
    /// What went wrong the last time, unless all has been well since.
    pub trouble: Option<Trouble>,
}

/// Where bringing a resource up or down, or looking at it, came to an end.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Serialize, Deserialize, SerializedSize)]
pub struct Trouble {
    /// The resource: the one that was asked for, or one that it needs.
    pub resource: u8,
    /// Its step, counted from 0 in the order of `app.toml`.
    pub step: u8,
    /// Why.
    pub cause: Cause,
}

/// Why the power task did not do it.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Serialize, Deserialize, SerializedSize)]
pub enum PowerError {
    /// There is no resource with this number. Use one that [`Resources::find`] gives.
    NoSuchResource,
    /// `users` of the resource in `app.toml` does not list the caller.
    NotAllowed,
    /// The caller holds 255 references already. Give some back.
    TooMany,
    /// The caller holds no reference. Nothing to do; perhaps the power task restarted since.
    NotHeld,
    /// A step could not be taken.
    Failed(Trouble),
    /// The power task restarted, and knows no references any more. Acquire again what is needed.
    ServerRestarted,
}

impl From<ServerDeath> for PowerError {
    fn from(_: ServerDeath) -> Self {
        Self::ServerRestarted
    }
}

impl fmt::Display for PowerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchResource => f.write_str("there is no such resource"),
            Self::NotAllowed => f.write_str(
                "the task may not use this resource: see its `users` in [tasks.power.config] of app.toml",
            ),
            Self::TooMany => f.write_str("the task holds 255 references: give some back first"),
            Self::NotHeld => f.write_str("the task holds no reference"),
            Self::Failed(trouble) => trouble.cause.fmt(f),
            Self::ServerRestarted => {
                f.write_str("the power task restarted: acquire again what is needed")
            }
        }
    }
}

include!(concat!(env!("OUT_DIR"), "/client_stub.rs"));

impl Resources {
    /// The number of the resource with this name.
    pub fn find(&self, name: &str) -> Option<u8> {
        let mut buffer = [0; NAME_MAX];
        for resource in 0..=u8::MAX {
            let len = self.name(resource, &mut buffer).ok()?;
            if buffer.get(..usize::from(len)) == Some(name.as_bytes()) {
                return Some(resource);
            }
        }
        None
    }
}
