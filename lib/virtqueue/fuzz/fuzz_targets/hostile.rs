// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A device that does whatever the fuzzer says. The script and its judge are the bounded test's.

#![no_main]

#[path = "../../tests/hostile/play.rs"]
#[allow(unreachable_pub)]
mod play;

libfuzzer_sys::fuzz_target!(|script: &[u8]| {
    play::play(script);
});
