// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The fuzz targets, bounded: what the fuzzer starts from and what it kept is played whole and cut short, and some random bytes
//! are played too.

#[path = "play/device.rs"]
mod device;
#[path = "play/engine.rs"]
mod engine;
#[path = "play/input.rs"]
mod input;

use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;

/// Plays each seed of a target, and the same cut at some places.
fn play_seeds(target: &str, at_least: usize, play: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/seeds")
        .join(target);
    let mut count = 0;
    for seed in std::fs::read_dir(folder).expect("seeds are in the tree") {
        let path = seed.expect("a seed").path();
        let bytes = std::fs::read(&path).expect("a file");
        // Seen when one fails.
        println!("{}", path.display());
        play(&bytes);
        for part in 1..8 {
            play(&bytes[..bytes.len() * part / 8]);
        }
        count += 1;
    }
    assert!(count >= at_least, "only {count} seeds for {target}");
}

#[test]
fn the_engine_survives_every_seed() {
    play_seeds("engine", 12, engine::play);
}

#[test]
fn the_device_survives_every_seed() {
    play_seeds("device", 8, device::play);
}

proptest! {
    #![proptest_config(test_props::config(200, 1))]

    #[test]
    fn the_engine_survives_any_bytes(bytes in vec(any::<u8>(), 0..400)) {
        engine::play(&bytes);
    }

    #[test]
    fn the_device_survives_any_bytes(bytes in vec(any::<u8>(), 0..400)) {
        device::play(&bytes);
    }
}
