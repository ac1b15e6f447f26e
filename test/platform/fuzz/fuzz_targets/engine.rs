// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Any commands, faults and times. What is done with them is the bounded test's.

#![no_main]

#[path = "../../tests/play/engine.rs"]
mod engine;
#[path = "../../tests/play/input.rs"]
mod input;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| engine::play(bytes));
