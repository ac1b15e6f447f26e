// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Any bytes, as a message of every kind. What is done with them is the bounded test's.

#![no_main]

#[path = "../../tests/support/mod.rs"]
#[macro_use]
mod support;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    support::exercise(bytes);
});
