// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The common part of tests: how many cases a property test tries, random numbers that are the same in every run, and the source files of
//! a crate for tests of its form.

use std::fs;
use std::path::Path;

use proptest::test_runner::Config;

/// The variable that sets the number of cases of every property test.
const VARIABLE: &str = "PROPTEST_CASES";

/// The configuration of a property test with so many cases, and so many under Miri, which takes a thousand times longer. Failures are
/// printed and not kept in files: a case that failed becomes a test of its own.
#[must_use]
pub fn config(usually: u32, under_miri: u32) -> Config {
    let wanted = std::env::var(VARIABLE).ok();
    Config {
        cases: cases(wanted.as_deref(), usually, under_miri),
        failure_persistence: None,
        ..Config::default()
    }
}

fn cases(wanted: Option<&str>, usually: u32, under_miri: u32) -> u32 {
    let wanted = wanted.and_then(|text| text.parse().ok());
    wanted.unwrap_or(if cfg!(miri) { under_miri } else { usually })
}

/// Pseudo-random numbers that depend on the seed alone (xorshift): the same in every run.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The numbers of a seed. Those of neighbouring seeds have nothing in common.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number.
    pub const fn number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// The next number, from 0 to `end`, `end` not included.
    pub const fn below(&mut self, end: u64) -> u64 {
        (self.number() >> 16) % end
    }

    /// The next bytes.
    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| (self.number() >> 32) as u8).collect()
    }
}

/// All Rust files below a folder: the path of each within it, and its text; in order.
///
/// # Panics
///
/// One of them cannot be read.
#[must_use]
pub fn sources(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    collect(folder, folder, &mut found);
    found.sort();
    found
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().into();
            found.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_has_the_last_word() {
        let without = if cfg!(miri) { 1 } else { 100 };
        assert_eq!(cases(None, 100, 1), without);
        assert_eq!(cases(Some("many"), 100, 1), without);
        assert_eq!(cases(Some("5000"), 100, 1), 5000);
        assert_eq!(cases(Some("7"), 100, 1), 7);
    }

    #[test]
    fn random_numbers_depend_on_the_seed_alone() {
        let bytes = |seed| Random::new(seed).bytes(64);
        assert_eq!(bytes(7), bytes(7));
        for seed in 0..100 {
            assert_ne!(bytes(seed), bytes(seed + 1));
        }
        let mut random = Random::new(0);
        let mut seen = [false; 6];
        for _ in 0..200 {
            seen[random.below(6) as usize] = true;
        }
        assert_eq!(seen, [true; 6]);
    }
}
