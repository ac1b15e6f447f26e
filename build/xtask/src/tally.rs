// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Counting tests from what test runners print.

use std::ops::AddAssign;

/// How many tests passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Passed.
    pub passed: usize,
    /// Failed, or stopped.
    pub failed: usize,
}

impl Tally {
    /// One check that is no test of its own: it passes or fails as a whole.
    #[must_use]
    pub fn check(success: bool) -> Self {
        Self {
            passed: success.into(),
            failed: (!success).into(),
        }
    }

    /// What a test runner's output says, given whether it ended well. A runner that fails without naming a test (it did
    /// not compile, it was stopped), or succeeds without having run one, counts as one failure.
    #[must_use]
    pub fn of_runner(output: &str, success: bool) -> Self {
        let mut tally = Self::default();
        // nextest quotes what a failed test printed, which is what `cargo test` prints; its own summary has the last word.
        match output.lines().rev().find_map(nextest) {
            Some(summary) => tally = summary,
            None => output
                .lines()
                .filter_map(cargo_test)
                .for_each(|counts| tally += counts),
        }
        if (tally.failed == 0 && !success) || tally == Self::default() {
            tally.failed += 1;
        }
        tally
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// `test result: ok. 5 passed; 0 failed; 1 ignored; …`
fn cargo_test(line: &str) -> Option<Tally> {
    let rest = line.trim().strip_prefix("test result: ")?;
    let (_, counts) = rest.split_once(". ")?;
    Some(Tally {
        passed: number_before(counts, " passed")?,
        failed: number_before(counts, " failed")?,
    })
}

/// `Summary [ 0.2s] 30 tests run: 28 passed (1 slow), 1 failed, 1 timed out, 2 skipped`
fn nextest(line: &str) -> Option<Tally> {
    let rest = line.trim().strip_prefix("Summary [")?;
    let (_, counts) = rest.split_once(']')?;
    let (run, results) = counts.split_once(" run: ")?;
    // `27/30 tests` if the run was cut short: then the missing ones did not pass either.
    let run = run.trim().split_ascii_whitespace().next()?;
    let run: usize = run.rsplit('/').next()?.parse().ok()?;
    let passed = number_before(results, " passed")?;
    Some(Tally {
        passed,
        failed: run.checked_sub(passed)?,
    })
}

fn number_before(text: &str, word: &str) -> Option<usize> {
    let before = &text[..text.find(word)?];
    before
        .rsplit(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(passed: usize, failed: usize) -> Tally {
        Tally { passed, failed }
    }

    #[test]
    fn adds_up_the_results_of_cargo_test() {
        let output = "running 2 tests\ntest a ... ok\n\
                      test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
                      test result: FAILED. 10 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out\n";
        assert_eq!(Tally::of_runner(output, false), tally(12, 3));
    }

    #[test]
    fn reads_the_summary_of_nextest() {
        let line = |text: &str| format!("     Summary [   0.210s] {text}\n");
        for (text, expected) in [
            ("30 tests run: 30 passed, 0 skipped", tally(30, 0)),
            ("1 test run: 1 passed, 0 skipped", tally(1, 0)),
            (
                "30 tests run: 28 passed (1 slow), 1 failed, 1 timed out, 2 skipped",
                tally(28, 2),
            ),
            (
                "27/30 tests run: 26 passed, 1 failed, 0 skipped",
                tally(26, 4),
            ),
        ] {
            assert_eq!(
                Tally::of_runner(&line(text), expected.failed == 0),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn what_a_failed_test_printed_is_not_counted_again() {
        let output = "    test result: FAILED. 0 passed; 1 failed; 0 ignored\n\
                      Summary [ 1.0s] 786 tests run: 785 passed, 1 failed, 0 skipped\n";
        assert_eq!(Tally::of_runner(output, false), tally(785, 1));
    }

    #[test]
    fn a_runner_that_fails_without_a_test_counts_as_one_failure() {
        assert_eq!(
            Tally::of_runner("error: could not compile", false),
            tally(0, 1)
        );
        let output = "test result: ok. 4 passed; 0 failed; 0 ignored\nstopped";
        assert_eq!(Tally::of_runner(output, false), tally(4, 1));
    }

    #[test]
    fn no_test_at_all_is_a_failure() {
        assert_eq!(Tally::of_runner("nothing to do", true), tally(0, 1));
    }
}
