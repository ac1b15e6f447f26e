// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The supervisor: restarts what faults, and tells those who want to know.
//!
//! ```toml
//! [tasks.jefe]
//! name = "task-jefe"
//! priority = 0
//! start = true
//! notifications = ["fault", "timer"]
//!
//! [tasks.jefe.config]
//! tasks-to-hold = ["suspect"]              # stay as they are when they fault
//!
//! [tasks.jefe.config.dumps]                # what is kept of tasks that faulted, for `cargo xtask inspect dumps`; nothing if left out
//! count = 4                                # the oldest is replaced
//! stack = 1024                             # bytes of each stack, from the stack pointer up
//!
//! [tasks.jefe.config.on-task-fault]        # task = notification: posted when any task faults, and when it is restarted
//! console = "fault"
//!
//! [tasks.jefe.config.on-state-change]      # task = notification: posted when someone sets another state
//! console = "state"
//!
//! [tasks.jefe.config.allowed-callers]      # operation = tasks; orders that are not listed are for nobody
//! fault_task = ["console"]
//! request_reset = ["console"]
//! ```
//!
//! It must be the first task and the only one with priority 0, and it calls nobody but the kernel: whatever it waited for could fault.
//! When it faults itself, the kernel stops the machine.
//!
//! The task's binary is [`serve`] and nothing else. Outside an image, on the host, the constants are those of a sample, see `build.rs`.

#![cfg_attr(not(test), no_std)]

pub mod dumps;
mod server;
pub mod supervision;

use static_cell::ConstStaticCell;

use dumps::Dumps;
pub use server::{All, Server, all};

/// Supervises until the machine restarts.
pub fn serve() -> ! {
    // Dumps are zeros until they are made: beside the tasks, which are not, they would take flash.
    static SUPERVISED: ConstStaticCell<All> = ConstStaticCell::new(all());
    static DUMPS: ConstStaticCell<Dumps> = ConstStaticCell::new(Dumps::new());
    Server::new(SUPERVISED.take(), DUMPS.take()).serve()
}

include!(concat!(env!("OUT_DIR"), "/notifications.rs"));

/// Mailing lists of app.toml.
mod config {
    include!(concat!(env!("OUT_DIR"), "/config.rs"));
}

/// Generated from `idl/jefe.idol`.
mod idl {
    use task_jefe_api::{DumpInfo, JefeError, TaskStatus};
    include!(concat!(env!("OUT_DIR"), "/server_stub.rs"));
}
