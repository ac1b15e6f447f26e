// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Any bytes: read without panic, and written again as they were. The fuzz target runs the same function without an end.

mod support;

use proptest::collection::vec;
use proptest::prelude::*;
use support::exercise;

proptest! {
    #![proptest_config(test_props::config(400, 1))]

    #[test]
    fn any_bytes_are_read_without_panic_and_written_as_they_were(bytes in vec(any::<u8>(), 0..160)) {
        exercise(&bytes);
    }

    // Random count words are nearly always too large. Small ones get further.
    #[test]
    fn small_counts_are_read_without_panic_and_written_as_they_were(
        words in vec(prop_oneof![3 => 0u32..16, 1 => any::<u32>()], 0..40),
    ) {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        exercise(&bytes);
    }
}

#[test]
fn every_length_is_read_without_panic() {
    // The interpreter is a thousand times slower.
    let (fills, step): (&[u8], usize) = if cfg!(miri) {
        (&[1], 77)
    } else {
        (&[0, 1, 0xff], 1)
    };
    for &fill in fills {
        for len in (0..160).step_by(step) {
            exercise(&vec![fill; len]);
        }
    }
}

/// What the fuzzer starts from, and what it has found.
#[test]
#[cfg(not(miri))]
fn every_seed_of_the_fuzzer_is_read_without_panic() {
    let seeds = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/any_bytes");
    let mut count = 0;
    for seed in std::fs::read_dir(seeds).expect("seeds are in the tree") {
        let bytes = std::fs::read(seed.expect("a seed").path()).expect("a file");
        // All of it, and cut anywhere.
        for len in 0..=bytes.len() {
            exercise(&bytes[..len]);
        }
        count += 1;
    }
    assert!(count >= 10, "{count} seeds");
}

/// The list that the tests go through must not miss a message.
#[test]
#[cfg(not(miri))]
fn every_message_of_the_sources_is_exercised() {
    let mut listed = Vec::new();
    macro_rules! names {
        ([$($module:tt)*] $($name:ident)*) => {
            let module = stringify!($($module)*).replace(' ', "");
            $(listed.push(format!("{module}::{}", stringify!($name)));)*
        };
    }
    for_every_message!(names);
    let src = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = 0;
    for (module, path) in [
        ("base", "base.rs"),
        ("clock", "clock/mod.rs"),
        ("clock", "clock/config.rs"),
        ("common", "common.rs"),
        ("perf", "perf.rs"),
        ("pinctrl", "pinctrl.rs"),
        ("power", "power.rs"),
        ("powercap", "powercap.rs"),
        ("reset", "reset.rs"),
        ("sensor", "sensor/mod.rs"),
        ("sensor", "sensor/config.rs"),
        ("sensor::descriptor", "sensor/descriptor.rs"),
        ("system", "system.rs"),
        ("voltage", "voltage.rs"),
    ] {
        let text = std::fs::read_to_string(src.join(path)).expect("source file");
        for message in text.split("message! {").skip(1) {
            let name = message
                .split("pub struct ")
                .nth(1)
                .expect("a struct")
                .split([' ', '{'])
                .next()
                .expect("a name");
            let full = format!("scmi::{module}::{name}");
            assert!(
                listed.contains(&full),
                "{full} is not in tests/support/mod.rs"
            );
            found += 1;
        }
    }
    assert!(
        found > 150,
        "only {found} messages found: has the macro another name now?"
    );
}
