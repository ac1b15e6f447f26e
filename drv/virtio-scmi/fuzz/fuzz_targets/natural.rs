// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Clients that do whatever the fuzzer says, and a true device at any pace, around the driver's
//! loop. The drama and its judge are those of the bounded tests.
//!
//! The first byte chooses the ring's size, the second the device; the rest is the script.

#![no_main]

#[path = "../../tests/support/mod.rs"]
#[allow(unreachable_pub)]
mod support;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    support::natural::play_any(bytes);
});
