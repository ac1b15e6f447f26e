// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The thermal task on a platform that refuses, loses or lacks what it asks for: whatever fails, the machine stays cool (S13).

use std::cell::Cell;
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use test_integration::{Kind, LIMIT, Rig, Setting, image, row, tell};
use xtask::workspace;

/// No reading of the graphics unit may come here, in thousandths of a degree.
const TOO_HOT: i64 = 75_000;
/// Below the first trip of the graphics unit, likewise.
const ALMOST_WARM: i64 = 59_500;

/// A machine on the sample platform whose graphics unit takes its time to heat up: a busy host is not what makes it too hot.
struct Sim {
    rig: Rig,
    control: PathBuf,
    hottest: Cell<i64>,
    _folder: tempfile::TempDir,
}

/// A command of the guest: protocol, message and payload.
type Command = (u64, u64, String);

/// PERFORMANCE_LIMITS_SET and POWERCAP_CAP_SET with the safe values of `app.toml`: of the graphics unit, and of all limits.
const GPU_SAFE: (u64, u64, &str) = (0x13, 5, "0100000001000000");
const ALL_SAFE: [(u64, u64, &str); 4] = [
    (0x13, 5, "0000000020030000"),
    GPU_SAFE,
    (0x13, 5, "0200000001000000"),
    (0x18, 5, "0000000000000000d0070000"),
];

fn is(command: &Command, expected: (u64, u64, &str)) -> bool {
    (command.0, command.1) == (expected.0, expected.1) && command.2.starts_with(expected.2)
}

impl Sim {
    fn boot() -> Self {
        let sample = workspace::root().join("test/platform/machines/sample.toml");
        let sample = fs::read_to_string(sample).unwrap();
        let old = "resistance-mc-per-w = 20_000\ntime-constant-ms = 1500\n";
        assert!(sample.contains(old), "the sample machine has another gpu");
        let slow = sample.replacen(old, &old.replace("1500", "30_000"), 1);
        let folder = tempfile::tempdir().unwrap();
        let scenario = folder.path().join("slow.toml");
        fs::write(&scenario, slow).unwrap();
        let mut setting = Setting::new(&image().elf, Kind::Sim);
        setting.scenario = Some(scenario);
        let mut rig = Rig::boot_setting(&setting);
        let control = rig.board().platform().unwrap().control().unwrap();
        let mut sim = Self {
            control: control.to_owned(),
            rig,
            hottest: Cell::new(0),
            _folder: folder,
        };
        sim.eventually_watched();
        sim
    }

    fn tell(&self, line: &str) -> Value {
        tell(&self.control, line)
    }

    /// The commands of the guest since the last time. Each look notes how hot it is.
    fn commands(&self) -> Vec<Command> {
        let state = self.tell(r#"{"cmd":"get"}"#);
        let now = state["temperature"]["gpu-die"].as_i64().unwrap();
        self.hottest.set(self.hottest.get().max(now));
        let log = self.tell(r#"{"cmd":"log"}"#);
        let lines = log.as_array().unwrap().iter();
        lines
            .filter(|line| line["what"] == "command")
            .map(|line| {
                let header = line["header"].as_str().unwrap().trim_start_matches("0x");
                let header = u64::from_str_radix(header, 16).unwrap();
                let payload = line["payload"].as_str().unwrap().to_owned();
                (header >> 10 & 0xff, header & 0xff, payload)
            })
            .collect()
    }

    /// Collects commands until they are as they should be.
    fn until(&self, what: &str, good: impl Fn(&[Command]) -> bool) -> Vec<Command> {
        let start = Instant::now();
        let mut found = Vec::new();
        loop {
            found.extend(self.commands());
            if good(&found) {
                return found;
            }
            let waited = start.elapsed();
            assert!(waited < LIMIT, "{what}: not within {waited:?}: {found:?}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// The graphics unit runs at its top level, and is about to reach its first trip.
    fn heat(&self) {
        self.tell(r#"{"cmd":"set","what":"power","name":"gpu","on":true}"#);
        self.tell(r#"{"cmd":"set","what":"level","name":"gpu","level":5}"#);
        self.tell(&format!(
            r#"{{"cmd":"set","what":"temperature","name":"gpu-die","value":{ALMOST_WARM}}}"#
        ));
    }

    fn eventually_watched(&mut self) {
        self.rig
            .eventually("thermal", "all zones watched", |answer| {
                ["cpu", "gpu", "skin"]
                    .iter()
                    .all(|zone| row(&answer.text, zone).is_some_and(|row| row.contains("watched")))
            });
    }

    /// The first trip of the graphics unit is in effect, and it never was too hot.
    fn is_cooled(&mut self) {
        let answer = self.rig.eventually("thermal", "the first trip", |answer| {
            row(&answer.text, "gpu")
                .is_some_and(|row| row.contains("watched") && row.contains("1/3"))
        });
        assert!(!answer.text.contains("not available"), "{answer}");
        self.commands();
        let hottest = self.hottest.get();
        assert!(
            (ALMOST_WARM..TOO_HOT).contains(&hottest),
            "the graphics unit was at {hottest} thousandths of a degree"
        );
    }
}

/// One false refusal, while the graphics unit is hot: the zone is blind, its limits are safe, and it is watched again.
#[test]
fn s13_false_refusal_is_survived() {
    for status in [-1, -4] {
        let mut sim = Sim::boot();
        sim.commands();
        // The fault takes the next reading, which may be one of another sensor by chance: then once more.
        for _ in 0..5 {
            sim.tell(&format!(
                r#"{{"cmd":"fault","kind":"status","status":{status},"protocol":21,"message":6}}"#
            ));
            sim.heat();
            let lowered = |command: &Command| {
                is(command, GPU_SAFE) || is(command, (0x13, 5, "0100000004000000"))
            };
            let found = sim.until("a lower limit of the gpu", |found| {
                found.iter().any(lowered)
            });
            if found.iter().any(|command| is(command, GPU_SAFE)) {
                break;
            }
            sim.tell(r#"{"cmd":"set","what":"temperature","name":"gpu-die","value":30000}"#);
            sim.until("the top level of the gpu", |found| {
                found
                    .iter()
                    .any(|command| is(command, (0x13, 5, "0100000005000000")))
            });
            sim.tell(r#"{"cmd":"clear-faults"}"#);
        }
        sim.is_cooled();
        sim.eventually_watched();
        let failures = sim.rig.ok("thermal");
        assert!(row(&failures, "gpu").is_some_and(|row| row.contains("watched")));
    }
}

/// A platform that says NOT_FOUND to SENSOR_CONFIG_GET, from the start of the task and for good: its sensors are watched.
#[test]
fn s13_platform_without_sensor_config_is_watched() {
    let mut sim = Sim::boot();
    sim.tell(
        r#"{"cmd":"fault","kind":"status","status":-4,"protocol":21,"message":9,"count":100000}"#,
    );
    sim.commands();
    // Another life of the task: it finds its sensors anew.
    sim.rig.ok("restart thermal");
    sim.until("SENSOR_CONFIG_GET for each zone", |found| {
        let asked = found.iter().filter(|command| is(command, (0x15, 9, "")));
        asked.count() >= 3
    });
    sim.eventually_watched();
    sim.heat();
    sim.until("a lower limit of the gpu", |found| {
        found
            .iter()
            .any(|command| is(command, (0x13, 5, "0100000004000000")))
    });
    sim.is_cooled();
}

/// Another client moves the trip points that the task relies on, so that the platform tells it nothing. The task looks by itself, more often
/// than a machine gets hot: here it takes ten seconds, in which it looks about ten times.
#[test]
fn s13_moved_trip_points_are_found_out() {
    let mut sim = Sim::boot();
    let looks = |found: &[Command]| {
        let gpu = found
            .iter()
            .filter(|command| is(command, (0x15, 6, "01000000")));
        gpu.count()
    };
    let mut seen = Vec::new();
    // A host that was busy elsewhere for seconds gives it another chance.
    while seen.len() < 5 {
        sim.tell(r#"{"cmd":"set","what":"temperature","name":"gpu-die","value":45000}"#);
        sim.until("the top level of the gpu", |found| {
            seen.is_empty()
                || found
                    .iter()
                    .any(|command| is(command, (0x13, 5, "0100000005000000")))
        });
        for point in 0..3 {
            sim.rig
                .ok(&format!("sensor trip gpu-temp {point} 150 rising"));
        }
        sim.tell(r#"{"cmd":"set","what":"power","name":"gpu","on":true}"#);
        sim.tell(r#"{"cmd":"set","what":"level","name":"gpu","level":5}"#);
        sim.commands();
        let found = sim.until("the limit of the first trip", |found| {
            let mut commands = found.iter();
            commands.any(|command| is(command, (0x13, 5, "0100000004000000")))
        });
        seen.push(looks(&found));
        if seen.last() >= Some(&5) {
            sim.hottest.set(sim.hottest.get().max(ALMOST_WARM));
            sim.is_cooled();
            return;
        }
    }
    panic!("too few looks at the sensor while it got warm: {seen:?}");
}

/// Two lost answers take both slots of the task. Before the second one can, all limits are safe.
#[test]
fn s13_lost_answers_find_all_limits_safe() {
    let mut sim = Sim::boot();
    sim.commands();
    sim.tell(r#"{"cmd":"fault","kind":"drop","protocol":21,"message":6,"count":2}"#);
    sim.heat();
    let readings = |found: &[Command]| {
        let mut at = found.iter().enumerate();
        let mut next = || {
            at.find(|(_, command)| is(command, (0x15, 6, "")))
                .map(|(at, _)| at)
        };
        Some((next()?, next()?))
    };
    let found = sim.until("two readings", |found| readings(found).is_some());
    let (first, second) = readings(&found).unwrap();
    let between = found.get(first..second).unwrap();
    for safe in ALL_SAFE {
        assert!(
            between.iter().any(|command| is(command, safe)),
            "{safe:?} is not among {between:?}"
        );
    }
    // The console asks the platform nothing before the driver has the slots back: traffic would hold that up.
    sim.until("the limit of the first trip", |found| {
        found
            .iter()
            .any(|command| is(command, (0x13, 5, "0100000004000000")))
    });
    sim.is_cooled();
    sim.eventually_watched();
}
