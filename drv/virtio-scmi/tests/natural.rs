// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Natural dramas over the driver's loop: what must hold is in `support/natural.rs`.

mod support;

use support::natural::play_any;
use support::script::seeds;
use test_props::Random;

/// Steps in all: `DRAMA_STEPS`, or what a quick run has time for.
fn steps() -> u64 {
    let quick = if cfg!(miri) { 100 } else { 100_000 };
    // Under Miri there is no environment.
    match std::env::var("DRAMA_STEPS") {
        Ok(steps) if !cfg!(miri) => steps.parse().expect("DRAMA_STEPS is no number"),
        _ => quick,
    }
}

#[test]
fn nothing_is_missed_late_or_early() {
    play_until(steps());
}

/// It takes too long for a run before each commit.
#[test]
#[ignore = "part of `cargo xtask test --all`"]
fn a_million_steps() {
    play_until(1_000_000);
}

/// Plays one life after another until so many steps were played.
fn play_until(end: u64) {
    let mut played = 0;
    let mut seed = 0;
    while played < end {
        let length = [200, 1_000, 4_000][seed as usize % 3];
        let length = if cfg!(miri) { 200 } else { length };
        let script = Random::new(seed).bytes(length);
        let outcome = std::panic::catch_unwind(|| play_any(&script));
        match outcome {
            Ok(steps) => played += steps,
            Err(panic) => {
                eprintln!("seed {seed}, {length} bytes");
                std::panic::resume_unwind(panic);
            }
        }
        seed += 1;
    }
}

/// The fuzzer's seeds, which hold everything that it ever found.
#[test]
#[cfg_attr(miri, ignore = "reads files")]
fn the_seeds_of_the_fuzzer_find_nothing() {
    for seed in seeds("natural") {
        play_any(&seed);
    }
}
