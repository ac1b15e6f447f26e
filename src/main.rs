// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The image: from the reset vector to the kernel.
//!
//! `cortex-a-rt` owns the reset vector; it sets up memory and calls [`kmain`]. What the kernel runs was written by `build.rs`
//! from `app.toml`: the description of every task, the translation tables, and the tasks themselves.

#![no_std]
#![no_main]

use kern::{TaskStorage, start};

include!(concat!(env!("OUT_DIR"), "/image.rs"));

/// The kernel's records of the tasks.
static RECORDS: TaskStorage<{ IMAGE.tasks.len() }> = TaskStorage::new();

/// Where `cortex-a-rt` goes once memory is set up: in system mode, everything masked, translation off.
#[unsafe(no_mangle)]
extern "C" fn kmain() -> ! {
    start(&IMAGE, &RECORDS)
}
