// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! How many random cases property tests try: few enough for a run before each commit, unless `PROPTEST_CASES` says how many.

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
}
