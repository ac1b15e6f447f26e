// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Keeps a machine whose kernel has stopped it, so that its memory can be read.
//!
//! A kernel that panics, or whose supervisor faults, switches the machine off, and QEMU would end with all that the
//! memory could tell. Told to stay, QEMU stays also when the image ends by a reset, which is what it does when a user
//! ends it; so something must tell the two apart, and end QEMU.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use serde_json::json;

use crate::qmp::Qmp;

type Hook = Box<dyn FnOnce() + Send>;

/// What watches over a machine's end.
#[derive(Debug)]
pub struct Keeper(Sender<Hook>);

impl Keeper {
    /// Watches from now on.
    #[must_use]
    pub fn start(qmp: Qmp) -> Self {
        let (sender, receiver) = channel();
        thread::spawn(move || watch(qmp, &receiver));
        Self(sender)
    }

    /// Has `hook` done when the kernel has stopped the machine, or now if it has; then the machine ends. Without a hook,
    /// such a machine stays until it is dropped.
    pub fn when_stopped(&self, hook: impl FnOnce() + Send + 'static) {
        // If nobody listens any more, the machine has ended.
        let _ = self.0.send(Box::new(hook));
    }
}

fn watch(mut qmp: Qmp, hooks: &Receiver<Hook>) {
    let Ok(shutdown) = qmp.wait_for("SHUTDOWN") else {
        return;
    };
    if shutdown["reason"] == "guest-shutdown" {
        match hooks.recv() {
            Ok(hook) => hook(),
            // The machine is being dropped.
            Err(_) => return,
        }
    }
    let _ = qmp.execute("quit", json!({}));
}
