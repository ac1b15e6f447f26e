// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Any descriptors and rings. What is done with them is the bounded test's.

#![no_main]

#[path = "../../tests/play/device.rs"]
mod device;
#[path = "../../tests/play/engine.rs"]
#[allow(
    dead_code,
    reason = "only the lines of its control socket are played here"
)]
mod engine;
#[path = "../../tests/play/input.rs"]
mod input;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| device::play(bytes));
