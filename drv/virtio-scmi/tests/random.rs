// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Any clients and any device: random dramas, the same in every run, and property tests that shrink what they find.

mod support;

use proptest::prelude::*;
use support::drama::{Manners, play, play_any};
use support::script::seeds;
use test_props::Random;

fn rounds(many: u64) -> u64 {
    if cfg!(miri) { 1 } else { many }
}

fn length(seed: u64) -> usize {
    let len = [60, 250, 1_000, 4_000][seed as usize % 4];
    if cfg!(miri) { len.min(120) } else { len }
}

#[test]
fn a_good_device_in_any_order_gives_everybody_their_own_answer() {
    for seed in 0..rounds(100) {
        let script = Random::new(seed).bytes(length(seed));
        play::<16, 8, 16>(&script, Manners::Good);
        play::<4, 2, 4>(&script, Manners::Good);
        play::<2, 1, 2>(&script, Manners::Good);
    }
}

#[test]
fn a_hostile_device_harms_nobody() {
    for seed in 10_000..10_000 + rounds(150) {
        let script = Random::new(seed).bytes(length(seed));
        play::<16, 8, 16>(&script, Manners::None);
        play::<4, 2, 4>(&script, Manners::None);
        play::<2, 1, 2>(&script, Manners::None);
    }
}

#[test]
fn a_hostile_device_with_a_large_ring_harms_nobody() {
    for seed in 20_000..20_000 + rounds(12) {
        play::<256, 128, 256>(&Random::new(seed).bytes(length(seed)), Manners::None);
    }
}

/// One life of the channel that is longer than any of the others. It takes too long for a run before each commit.
#[test]
#[ignore = "part of `cargo xtask test --all`"]
fn dramas_of_a_million_steps() {
    const BYTES: usize = 4_000_000;
    for (seed, manners) in [(30_000, Manners::Good), (30_001, Manners::None)] {
        let steps = play::<16, 8, 16>(&Random::new(seed).bytes(BYTES), manners);
        assert!(steps >= 1_000_000, "only {steps} steps");
    }
}

/// The fuzzer's seeds, which hold everything that it ever found.
#[test]
#[cfg_attr(miri, ignore = "reads files")]
fn the_seeds_of_the_fuzzer_find_nothing() {
    for seed in seeds("drama") {
        play_any(&seed);
    }
}

proptest! {
    #![proptest_config(test_props::config(100, 1))]

    #[test]
    fn any_drama_with_a_good_device(script in proptest::collection::vec(any::<u8>(), 0..if cfg!(miri) { 120 } else { 600 })) {
        play::<8, 4, 8>(&script, Manners::Good);
    }

    #[test]
    fn any_drama_with_a_hostile_device(script in proptest::collection::vec(any::<u8>(), 0..if cfg!(miri) { 120 } else { 600 })) {
        play::<8, 4, 8>(&script, Manners::None);
    }
}
