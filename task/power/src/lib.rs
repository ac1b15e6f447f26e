// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The power task: brings parts of the machine up and down, in order, for as long as somebody holds a reference.
//!
//! ```toml
//! [tasks.power]
//! name = "task-power"
//! priority = 4                                  # less important than the driver, more than whoever calls it
//! start = true
//! stacksize = 4096
//! notifications = ["fault", "scmi", "timer"]
//! task-slots = [{ scmi = "virtio_scmi" }]
//!
//! [tasks.power.config]
//! deadline-ms = 500                             # optional: for each question to the platform
//! grace-ms = 2000                               # optional: after a start, nobody's resources stay up that long
//! tell = { camera = "power" }                   # optional: posted when references or the hardware's state were lost
//!
//! [tasks.power.config.resources.gpu]
//! users = ["camera", "console"]                 # who may hold it
//! needs = ["io"]                                # optional: resources that are brought up before it
//! unclaimed = "keep"                            # optional: or "off", when it is found up and nobody holds it
//! steps = [                                     # in this order; down in reverse
//!     { voltage = 1, name = "vdd-gpu", microvolts = 800_000 },
//!     { power = 1, name = "gpu" },
//!     { clock = 2, name = "gpu", hertz = 400_000_000 },
//!     { reset = 0, name = "gpu" },
//! ]
//!
//! [config.scmi.clients.power]
//! protocols = [0x11, 0x14, 0x16, 0x17]
//! slots = 2
//! notification = "scmi"
//! ```
//!
//! The supervisor posts it `fault` (`on-task-fault`), for it to see who died. Numbers are those of the platform; a `name` is
//! compared with what the platform calls that number before anything is switched. A resource that the platform does not have, and
//! never had, is "not available"; the task looks for it again every 10 s.
//!
//! A resource must not go down while another one that needs it may be up, held or not.
//!
//! One resource after the other is switched, so a caller waits for those before it: at most some four questions for each step on
//! its way, each limited by `deadline-ms`, and the same again when that fails and is undone.
//!
//! # Resources, and who holds them
//!
//! A [`Resource`] is a list of [`Step`]s. [`Manager`] takes them in order when the first reference is taken, and undoes them in
//! reverse when the last one is given back:
//!
//! ```text
//!                    acquire: every step in order
//!        +------+ ------------------------------------> +------+
//!        | Down |   a step fails: those before undone   |  Up  |
//!        +------+ <------------------------------------ +------+
//!           ^    last release: every step in reverse       |
//!           |                                              |
//!           |  found down                         found up, or brought up again for those who hold it
//!           |            +---------+                       |
//!           +----------- | Unknown | ----------------------+
//!                        +---------+   at the start; after a restart of driver, device or platform; when
//!                             |        a step could not be undone: looked at again, less and less often
//!                             v
//!                        +--------+
//!                        | Absent |    the platform does not have it
//!                        +--------+
//! ```
//!
//! Every step looks before it acts: what is already as wanted is left alone. Nothing is assumed of hardware that this task has
//! not set itself.
//!
//! # As a library
//!
//! The task's binary is [`serve`] and nothing else. Outside an image, on the host, the constants are those of the `app.toml` of this
//! tree, with task 3 as its `console`.

#![cfg_attr(not(test), no_std)]

mod manager;
mod server;
mod step;
#[cfg(test)]
mod tests;

use static_cell::ConstStaticCell;
use userlib::task_slot;

pub use manager::{BACK_OFF_MAX_MS, BACK_OFF_MIN_MS, Manager, Resource};
pub use server::{Configured, Server};
pub use step::{Part, Step};

task_slot!(SCMI, scmi);

/// Serves until the image ends.
pub fn serve() -> ! {
    // Not on the stack, for it grows with the number of resources.
    static MANAGER: ConstStaticCell<Configured> = ConstStaticCell::new(Server::configured());
    Server::new(MANAGER.take(), SCMI.get_task_id()).serve()
}

include!(concat!(env!("OUT_DIR"), "/notifications.rs"));

/// `[tasks.power.config]`.
mod config {
    use crate::{Part, Resource, Step};
    include!(concat!(env!("OUT_DIR"), "/config.rs"));
}

/// Generated from `idl/power.idol`.
mod idl {
    use task_power_api::{PowerError, ResourceStatus};
    include!(concat!(env!("OUT_DIR"), "/server_stub.rs"));
}
