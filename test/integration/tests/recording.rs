// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `run --record` and `plot`: the README's thermal session, as a thermal engineer sees it.

use std::fs;
use std::path::Path;

use serde_json::Value;
use test_integration::xtask;

fn text(path: &Path) -> &str {
    path.to_str().expect("the path is text")
}

/// The moments of the messages with this name, in milliseconds.
fn moments(lines: &[Value], what: &str, name: &str) -> Vec<u64> {
    let found = lines
        .iter()
        .filter(|line| line["what"] == what && line["name"] == name);
    found.filter_map(|line| line["ms"].as_u64()).collect()
}

/// The values of one thing with their moments.
fn values<'a>(lines: &'a [Value], kind: &str, name: &str) -> Vec<(u64, &'a Value)> {
    let found = lines.iter().filter_map(|line| {
        let value = &line["values"][kind][name];
        Some((line["ms"].as_u64()?, value)).filter(|_| !value.is_null())
    });
    found.collect()
}

#[test]
fn a_thermal_session_is_recorded_and_drawn() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let recording = folder.path().join("session.jsonl");
    let session = xtask(&[
        "run",
        "--timeout",
        "120",
        "--record",
        text(&recording),
        "--exec",
        "power on gpu",
        "--exec",
        "perf set gpu 5",
        "--exec",
        "events sensor 9s",
        "--exec",
        "thermal",
    ]);
    assert!(session.success(), "{}", session.output);
    let written = fs::read_to_string(&recording).expect("the recording is there");
    let lines: Vec<Value> = written
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();

    // What was typed is there, once each, and the level follows.
    let set = moments(&lines, "command", "PERFORMANCE_LEVEL_SET");
    assert_eq!(set.len(), 1, "{set:?}");
    let levels = values(&lines, "level", "gpu");
    let levels: Vec<_> = levels
        .iter()
        .map(|(ms, level)| (*ms, level.as_u64()))
        .collect();
    assert!(levels.contains(&(set[0], Some(5))), "{levels:?}");
    // It warmed up, the trip point was told at 60 °C and not before, then the level went down.
    let tripped = moments(&lines, "notification", "SENSOR_TRIP_POINT_EVENT");
    let readings = values(&lines, "sensor", "gpu-temp");
    let first_hot = readings
        .iter()
        .find(|(_, reading)| reading[0].as_i64() >= Some(60_000))
        .expect("it became hot");
    assert!(
        !tripped.is_empty() && first_hot.0 <= tripped[0],
        "{tripped:?}, {first_hot:?}"
    );
    let lower = levels
        .iter()
        .find(|level| level.1 == Some(4))
        .expect("the level went down");
    assert!(lower.0 >= tripped[0], "{levels:?}, {tripped:?}");
    let limits = moments(&lines, "command", "PERFORMANCE_LIMITS_SET");
    assert!(limits.contains(&lower.0), "{limits:?}, {lower:?}");
    // No tenth of a second in which it warmed up is missing.
    let warming: Vec<u64> = readings.iter().map(|reading| reading.0).collect();
    let warming = warming.iter().filter(|ms| (set[0]..lower.0).contains(*ms));
    let warming: Vec<&u64> = warming.collect();
    assert!(
        warming.windows(2).all(|pair| pair[1] - pair[0] <= 100),
        "{warming:?}"
    );

    let picture = folder.path().join("session.svg");
    let plot = xtask(&["plot", text(&recording), "--output", text(&picture)]);
    assert!(plot.success(), "{}", plot.output);
    let svg = fs::read_to_string(&picture).expect("the picture is there");
    for part in [
        "temperature, °C",
        "gpu-temp",
        "level of gpu",
        "highest allowed",
        "power, W",
        "SENSOR_TRIP_POINT_EVENT ×",
        "PERFORMANCE_LIMITS_SET ×",
    ] {
        assert!(svg.contains(part), "no `{part}` in the picture");
    }
    assert!(!svg.contains("level of npu"), "it did not change");
}

#[test]
fn what_cannot_be_recorded_or_drawn_is_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let refused = |arguments: &[&str], told: &str| {
        let outcome = xtask(arguments);
        assert!(!outcome.success(), "{arguments:?}: {}", outcome.output);
        assert!(outcome.output.contains(told), "{}", outcome.output);
    };
    let nowhere = folder.path().join("no").join("session.jsonl");
    refused(
        &["run", "--record", text(&nowhere), "--exec", "info"],
        "cannot record into",
    );
    refused(
        &["run", "--record", "x", "--platform", "vhost-device-scmi"],
        "only the platform sim records",
    );
    refused(&["plot", text(&nowhere)], "cannot read");
    let other = folder.path().join("other.txt");
    fs::write(&other, "hello\n").expect("a file");
    refused(&["plot", text(&other)], "line 1: this is no recording");
}
