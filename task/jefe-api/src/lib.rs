// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Client of the supervisor.
//!
//! ```no_run
//! # use task_jefe_api::{Jefe, JefeError};
//! # use userlib::task_slot;
//! # fn main() -> Result<(), JefeError> {
//! task_slot!(JEFE, jefe);
//!
//! let jefe = Jefe::from(JEFE.get_task_id());
//! let restarts = jefe.task_status(3)?.restarts;
//! # Ok(())
//! # }
//! ```

#![cfg_attr(not(test), no_std)]

use abi::FaultInfo;
use derive_idol_err::IdolError;
use hubpack::SerializedSize;
use serde::{Deserialize, Serialize};
use userlib::FromPrimitive;

/// The longest panic message, in bytes.
pub use userlib::PANIC_MESSAGE_MAX_LEN;

/// What became of a task since boot.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, SerializedSize)]
pub struct TaskStatus {
    /// How often it was restarted, for whatever reason. Wraps at 2^32.
    pub restarts: u32,
    /// How often it faulted. Wraps at 2^32.
    pub faults: u32,
    /// What the supervisor is doing about it.
    pub supervision: Supervision,
    /// Its last fault; `None` when it never did.
    pub last_fault: Option<FaultInfo>,
}

/// What the supervisor is doing about a task.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, SerializedSize)]
pub enum Supervision {
    /// Nothing: it runs, or was never started.
    Watching,
    /// It is stopped and will be restarted shortly.
    Restarting,
    /// It faulted and stays as it is, until someone releases or restarts it.
    Holding,
}

/// What the supervisor keeps of a task that faulted.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, SerializedSize)]
pub struct DumpInfo {
    /// Counts from 1.
    pub number: u32,
    /// The task in the life that ended: a `TaskId`.
    pub task: u16,
    /// When the supervisor saw that it had faulted, in milliseconds since power-on.
    pub at_ms: u64,
    /// Why.
    pub fault: FaultInfo,
}

/// Why an order was not carried out.
#[derive(Copy, Clone, Debug, PartialEq, Eq, FromPrimitive, IdolError)]
#[repr(u32)]
pub enum JefeError {
    /// The image has no task with that index. Use one below the number of tasks.
    NoSuchTask = 1,
    /// That task is the supervisor itself, which nobody restarts. Use `request_reset` to restart the machine.
    IsSupervisor,
    /// The task is not running: not started, held, or about to be restarted. Look at its status.
    NotRunning,
    /// The task's last fault was not a panic, or the message is lost. Look at its status.
    NoPanicMessage,
    /// So many dumps are not kept. Ask for a lower position.
    NoSuchDump,
    /// Cannot happen: with the supervisor the whole machine restarts.
    #[idol(server_death)]
    ServerRestarted,
}

include!(concat!(env!("OUT_DIR"), "/client_stub.rs"));
