// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Which tests take longest, by what the test runner prints.

/// Tests that are listed.
const LISTED: usize = 10;

/// The tests in a runner's output with their seconds. Only nextest says how long each took.
pub(super) fn durations(output: &str) -> Vec<(f64, String)> {
    output.lines().filter_map(duration).collect()
}

/// `PASS [   0.004s] ( 1/30) virtio-mmio::init a_lost_status_is_noticed_during_set_up`
fn duration(line: &str) -> Option<(f64, String)> {
    let (verdict, rest) = line.trim().split_once(" [")?;
    if !matches!(verdict, "PASS" | "FAIL") {
        return None;
    }
    let (seconds, rest) = rest.split_once("s]")?;
    let name = match rest.split_once(')') {
        Some((counter, name)) if counter.trim_start().starts_with('(') => name,
        _ => rest,
    };
    Some((seconds.trim().parse().ok()?, name.trim().to_owned()))
}

/// The slowest of them, as lines.
pub(super) fn table(mut tests: Vec<(f64, String)>) -> Vec<String> {
    tests.sort_by(|a, b| b.0.total_cmp(&a.0));
    tests
        .iter()
        .take(LISTED)
        .map(|(seconds, name)| format!("{seconds:>8.1} s  {name}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_nextest_prints() {
        let output = "    Starting 30 tests across 4 binaries\n\
                      \x20       PASS [   0.004s] ( 1/30) virtio-mmio::init a_lost_status\n\
                      \x20       FAIL [  12.500s] xtask tally::tests::adds_up\n\
                      \x20       SLOW [> 60.000s] xtask something\n\
                      \x20    Summary [   0.210s] 30 tests run: 28 passed\n";
        let found = durations(output);
        assert_eq!(
            found,
            [
                (0.004, "virtio-mmio::init a_lost_status".to_owned()),
                (12.5, "xtask tally::tests::adds_up".to_owned()),
            ]
        );
        assert_eq!(
            table(found),
            [
                "    12.5 s  xtask tally::tests::adds_up",
                "     0.0 s  virtio-mmio::init a_lost_status",
            ]
        );
    }

    #[test]
    fn ten_are_listed() {
        let many = (0..30).map(|i| (f64::from(i), format!("test {i}")));
        let lines = table(many.collect());
        assert_eq!(lines.len(), 10);
        assert_eq!(lines[0], "    29.0 s  test 29");
    }
}
