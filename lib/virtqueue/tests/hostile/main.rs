// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A device that writes whatever it likes, whenever it likes: the fuzz target's generator, bounded and repeatable.

mod play;

use play::{Tally, play};
use test_props::Random;

#[test]
fn any_script_is_survived() {
    let scripts = if cfg!(miri) { 8 } else { 6_000 };
    let mut random = Random::new(1);
    let mut sum = Tally::default();
    for number in 0..scripts {
        let length = 3 + random.below(if number % 50 == 49 { 3_000 } else { 200 });
        let mut script = random.bytes(length as usize);
        // Half of the scripts are kinder, so that they get further before the ring is confused.
        if number % 2 == 0 {
            for byte in script
                .iter_mut()
                .skip(3)
                .step_by(2)
                .filter(|byte| **byte % 16 >= 12)
            {
                *byte = 11;
            }
        }
        let tally = play(&script);
        sum.published += tally.published;
        sum.taken += tally.taken;
        sum.excess += tally.excess;
        sum.kicks += tally.kicks;
        for (sum, count) in sum.violations.iter_mut().zip(tally.violations) {
            *sum += count;
        }
    }
    // A test that tries nothing proves nothing.
    if !cfg!(miri) {
        assert!(
            sum.published > 10_000 && sum.taken > 3_000 && sum.kicks > 1_000,
            "{sum:?}"
        );
        assert!(
            sum.excess > 100 && sum.violations.iter().all(|&count| count > 100),
            "{sum:?}"
        );
    }
}

/// The seeds of the fuzz target, and whatever it found before.
#[test]
#[cfg_attr(miri, ignore = "Miri reads no files")]
fn every_seed_is_survived() {
    let seeds = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/seeds/hostile");
    let mut count = 0;
    for entry in std::fs::read_dir(seeds).expect("the seeds are in the tree") {
        let path = entry.unwrap().path();
        play(&std::fs::read(&path).unwrap());
        count += 1;
    }
    assert!(count >= 8, "only {count} seeds in {seeds}");
}
