// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What runs when nothing else can.
//!
//! The kernel always has a task to run, because this one never waits for anything. It must be the least important of all, and the
//! only one at its priority.
//!
//! ```toml
//! [tasks.idle]
//! name = "task-idle"
//! priority = 5
//! stacksize = 256
//! start = true
//! ```

#![no_std]
#![no_main]

// For the entry point and the panic handler.
use userlib as _;

#[unsafe(export_name = "main")]
fn main() -> ! {
    loop {
        // An interrupt ends the wait even while it is on its way to the kernel, so none is slept through.
        // Safety: the instruction waits, and changes nothing.
        unsafe { core::arch::asm!("wfi", options(nomem, nostack, preserves_flags)) }
    }
}
