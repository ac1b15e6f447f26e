// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The power task and the thermal task on the sample machine: what they do is looked at on the platform's side.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use test_integration::{Kind, LIMIT, Rig, Setting, image_of, row, tell};

/// From the platform's word that a trip point was reached until the lower limit is with it, over QEMU, in milliseconds: the
/// quickest of [`REACTIONS`] must not take longer. Any of them may wait for a busy host to give QEMU its turn, so the others are
/// held to what the task asks meanwhile, not to a time.
const REACTION_LIMIT_MS: u64 = 100;
/// So many commands may come between the platform's word and the lower limit: four for this zone (a version and a question for
/// the reading and for the limit), and as many for a look at another zone that is due by chance.
const REACTION_COMMANDS: usize = 8;
/// How often that is measured.
const REACTIONS: usize = 6;

/// A machine on the sample platform, with the tasks that hold the gpu.
struct Sim {
    rig: Rig,
    control: PathBuf,
}

impl Sim {
    fn boot() -> Self {
        let image = image_of(Path::new("test/power/app.toml"));
        let mut rig = Rig::boot_setting(&Setting::new(&image.elf, Kind::Sim));
        let platform = rig.board().platform().unwrap();
        let control = platform.control().unwrap().to_owned();
        let mut sim = Self { rig, control };
        // The tasks' own first look at the machine is over.
        sim.is_well();
        sim.log();
        sim
    }

    fn tell(&self, line: &str) -> Value {
        tell(&self.control, line)
    }

    /// Commands and notifications since the last time: when, protocol, message and payload, of what changes something.
    fn log(&self) -> Vec<Line> {
        let log = self.tell(r#"{"cmd":"log"}"#);
        log.as_array().unwrap().iter().map(Line::new).collect()
    }

    /// Waits until the log has `count` commands that change what the power task sets, and a moment longer.
    fn switched(&self, count: usize) -> Vec<(u64, u64, String)> {
        let start = Instant::now();
        let mut found = Vec::new();
        let mut complete_since = None;
        loop {
            let lines = self.log();
            found.extend(
                lines
                    .into_iter()
                    .filter(Line::is_power)
                    .map(|line| (line.protocol, line.message, line.payload)),
            );
            if found.len() >= count {
                let since = complete_since.get_or_insert_with(Instant::now);
                if since.elapsed() > Duration::from_millis(300) {
                    return found;
                }
            }
            assert!(
                start.elapsed() < LIMIT,
                "{count} commands not within {} s: {found:?}",
                LIMIT.as_secs()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn names(&self, count: usize) -> Vec<(u64, u64)> {
        let found = self.switched(count);
        found
            .into_iter()
            .map(|(protocol, message, _)| (protocol, message))
            .collect()
    }

    /// Starts or restarts a holder.
    fn start(&mut self, task: &str) {
        self.rig.ok(&format!("restart {task}"));
    }

    fn is_well(&mut self) {
        for task in ["power", "thermal"] {
            self.rig.eventually("tasks", task, |answer| {
                row(&answer.text, task).is_some_and(|row| row.ends_with("listening"))
            });
        }
    }
}

struct Line {
    ms: u64,
    what: String,
    protocol: u64,
    message: u64,
    payload: String,
}

impl Line {
    fn new(line: &Value) -> Self {
        let header = line["header"].as_str().unwrap().trim_start_matches("0x");
        let header = u64::from_str_radix(header, 16).unwrap();
        Self {
            ms: line["ms"].as_u64().unwrap(),
            what: line["what"].as_str().unwrap().to_owned(),
            protocol: header >> 10 & 0xff,
            message: header & 0xff,
            payload: line["payload"].as_str().unwrap().to_owned(),
        }
    }

    fn is(&self, what: &str, protocol: u64, message: u64) -> bool {
        (self.what.as_str(), self.protocol, self.message) == (what, protocol, message)
    }

    /// Whether it is PERFORMANCE_LIMITS_SET of the gpu with `level` as the highest.
    fn limits_gpu_to(&self, level: u32) -> bool {
        let payload = format!("01000000{level:02x}000000");
        self.is(COMMAND, 0x13, 5) && self.payload.starts_with(&payload)
    }

    /// Whether the power task sets something by it.
    fn is_power(&self) -> bool {
        self.what == COMMAND
            && matches!(
                (self.protocol, self.message),
                (0x11, 4) | (0x14, 5 | 7) | (0x16, 4) | (0x17, 5 | 7)
            )
    }
}

/// What the log calls a command of the guest, and a notification.
const COMMAND: &str = "command";
const NOTIFICATION: &str = "notification";

/// Voltage and its mode, power domain, rate and clock, reset signal.
const UP: [(u64, u64); 6] = [
    (0x17, 7),
    (0x17, 5),
    (0x11, 4),
    (0x14, 5),
    (0x14, 7),
    (0x16, 4),
];
const DOWN: [(u64, u64); 4] = [(0x16, 4), (0x14, 7), (0x11, 4), (0x17, 5)];

#[test]
fn a_resource_goes_up_in_order_is_counted_and_goes_down_with_its_last_holder() {
    let mut sim = Sim::boot();
    sim.start("holder_a");
    assert_eq!(sim.names(6), UP);
    // The second one finds it up.
    sim.start("holder_b");
    assert_eq!(sim.names(0), []);
    sim.rig.ok("hold holder_a");
    sim.rig.ok("crash holder_a");
    assert_eq!(sim.names(0), [], "the other one still holds it");
    sim.rig.ok("hold holder_b");
    sim.rig.ok("crash holder_b");
    assert_eq!(sim.names(4), DOWN, "the dead hold nothing");
    sim.is_well();
}

#[test]
fn a_failure_half_way_is_rolled_back_and_tried_again_by_the_client() {
    let mut sim = Sim::boot();
    // CLOCK_CONFIG_SET is refused once, as BUSY.
    sim.tell(r#"{"cmd":"fault","kind":"status","status":-6,"protocol":20,"message":7}"#);
    sim.start("holder_a");
    let found = sim.names(5 + 2 + 4);
    assert_eq!(found[..5], UP[..5]);
    assert_eq!(found[5..7], [(0x11, 4), (0x17, 5)], "{found:?}");
    // Voltage and rate are as wanted from the first time.
    assert_eq!(
        found[7..],
        [(0x17, 5), (0x11, 4), (0x14, 7), (0x16, 4)],
        "{found:?}"
    );
    sim.is_well();
}

#[test]
fn own_restart_and_the_drivers_leave_what_is_held_as_it_is() {
    let mut sim = Sim::boot();
    sim.start("holder_a");
    assert_eq!(sim.names(6), UP);
    // Nothing but the reset signal, which cannot be read, is set again.
    sim.rig.ok("crash virtio_scmi");
    assert_eq!(sim.names(1), UP[5..]);
    // The holder is told, and takes a new reference of what is found up.
    sim.rig.ok("crash power");
    assert_eq!(sim.names(0), []);
    sim.rig.ok("hold holder_a");
    sim.rig.ok("crash holder_a");
    assert_eq!(sim.names(4), DOWN);
    sim.is_well();
}

#[test]
fn a_trip_point_lowers_a_level_within_the_stated_time() {
    let mut sim = Sim::boot();
    sim.start("holder_a");
    sim.switched(6);
    // The gpu at its top level heats up by itself, here the last part of the way, and is slowed down at 60 degrees.
    sim.tell(r#"{"cmd":"set","what":"temperature","name":"gpu-die","value":55000}"#);
    sim.tell(r#"{"cmd":"set","what":"level","name":"gpu","level":5}"#);
    let mut took = vec![sim.reaction()];
    // The same again, heated and cooled from outside.
    for _ in 1..REACTIONS {
        sim.tell(r#"{"cmd":"set","what":"temperature","name":"gpu-die","value":40000}"#);
        sim.cooled();
        sim.tell(r#"{"cmd":"set","what":"temperature","name":"gpu-die","value":62000}"#);
        took.push(sim.reaction());
    }
    println!("milliseconds from trip point to lower limit, and commands between: {took:?}");
    let quickest = took.iter().map(|(ms, _)| *ms).min().unwrap();
    assert!(
        quickest <= REACTION_LIMIT_MS,
        "never within {REACTION_LIMIT_MS} ms from trip point to lower limit: {took:?}"
    );
    assert!(
        took.iter()
            .all(|(_, commands)| *commands <= REACTION_COMMANDS),
        "more than {REACTION_COMMANDS} commands from trip point to lower limit: {took:?}"
    );
    // Suddenly hot: all of it at once. Then cool: all of it back.
    sim.tell(r#"{"cmd":"set","what":"temperature","name":"gpu-die","value":95000}"#);
    let is = |level: u64| move |sim: &Sim| sim.level() == level;
    sim.until("the lowest level", is(1));
    // The driver crashes meanwhile: nothing is forgotten.
    sim.rig.ok("crash virtio_scmi");
    sim.tell(r#"{"cmd":"set","what":"temperature","name":"gpu-die","value":95000}"#);
    sim.until("the lowest level", is(1));
    sim.tell(r#"{"cmd":"set","what":"temperature","name":"gpu-die","value":40000}"#);
    sim.until("the top level", is(5));
    sim.is_well();
}

#[test]
fn sensors_that_do_not_answer_make_the_machine_safe() {
    let mut sim = Sim::boot();
    sim.tell(r#"{"cmd":"set","what":"level","name":"gpu","level":5}"#);
    sim.tell(r#"{"cmd":"permit","protocol":21,"allowed":false}"#);
    // It looks again when it is told of something, or of a restart, or every ten seconds.
    sim.rig.ok("crash virtio_scmi");
    sim.until("a safe level", |sim| sim.level() == 1);
    sim.tell(r#"{"cmd":"permit","protocol":21,"allowed":true}"#);
    sim.until("the level that is wanted", |sim| sim.level() == 5);
    sim.is_well();
}

impl Sim {
    /// Waits until the platform has told of a trip point of the gpu and has its lower limit, and says how long that took, in
    /// milliseconds of the platform's log, and how many commands came between.
    fn reaction(&self) -> (u64, usize) {
        let (lines, (told, limited)) = self.logged("the gpu is slowed down", |lines| {
            let told = lines.iter().position(|line| {
                line.is(NOTIFICATION, 0x15, 0) && line.payload[8..16] == *"01000000"
            })?;
            let limited = lines.iter().position(|line| line.limits_gpu_to(4))?;
            Some((told, limited))
        });
        assert!(told < limited, "it was told first");
        let between = lines[told..limited]
            .iter()
            .filter(|line| line.what == COMMAND);
        (lines[limited].ms - lines[told].ms, between.count())
    }

    /// Waits until the gpu has its top level back, its trip points watch the band below the first trip, and the task has found
    /// the reading within that band. Only from then on is it told of a trip point. Before, it sees what happens by itself.
    fn cooled(&self) {
        self.logged("the gpu is watched at its top level", |lines| {
            let raised = lines.iter().position(|line| line.limits_gpu_to(5))?;
            let of_gpu = |line: &Line, message| {
                line.is(COMMAND, 0x15, message) && line.payload.starts_with("01000000")
            };
            // TRIP_POINT_CONFIG, then READING_GET.
            let mut lines = lines[raised..].iter();
            lines.find(|line| of_gpu(line, 5))?;
            lines.find(|line| of_gpu(line, 6)).map(|_| ())
        });
        self.until("the top level", |sim| sim.level() == 5);
        self.log();
    }

    /// Collects lines of the log until `find` finds what it looks for.
    fn logged<T>(&self, what: &str, find: impl Fn(&[Line]) -> Option<T>) -> (Vec<Line>, T) {
        let mut lines = Vec::new();
        let found = self.wait(what, |sim| {
            lines.extend(sim.log());
            find(&lines)
        });
        (lines, found)
    }

    /// The level of the gpu.
    fn level(&self) -> u64 {
        let state = self.tell(r#"{"cmd":"get"}"#);
        let level = &state["level"]["gpu"];
        level.as_u64().unwrap_or_else(|| panic!("{state}"))
    }

    fn until(&self, what: &str, good: impl Fn(&Self) -> bool) {
        self.wait(what, |sim| good(sim).then_some(()));
    }

    /// Looks again and again, until there is what it looks for.
    fn wait<T>(&self, what: &str, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            assert!(
                start.elapsed() < LIMIT,
                "{what}: not within {} s",
                LIMIT.as_secs()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// S14: while the clock of the display cannot be stopped, the supply that the display needs stays on, at every retry.
#[test]
fn s14_supply_stays_under_what_cannot_stop() {
    let mut sim = Sim::boot();
    sim.rig.ok("resources hold display");
    sim.log();
    // CLOCK_CONFIG_SET.
    sim.tell(
        r#"{"cmd":"fault","kind":"status","status":-2,"protocol":20,"message":7,"count":100000}"#,
    );
    sim.rig.error("resources release display");
    // The first try, and four more.
    let found = sim.switched(5);
    assert!(
        found
            .iter()
            .all(|(protocol, message, _)| (*protocol, *message) == (0x14, 7)),
        "{found:?}"
    );
    let state = sim.tell(r#"{"cmd":"get"}"#);
    assert_eq!(state["voltage"]["vdd-io"]["on"], true, "{state}");
    assert_eq!(state["power"]["display"], true, "{state}");
    sim.tell(r#"{"cmd":"clear-faults"}"#);
    sim.until("the supply off", |sim| {
        sim.tell(r#"{"cmd":"get"}"#)["voltage"]["vdd-io"]["on"] == false
    });
    let found = sim.names(3);
    assert_eq!(found[found.len() - 3..], DOWN[1..], "{found:?}");
    sim.is_well();
}

#[test]
fn a_platform_with_nothing_of_it_is_lived_with() {
    let image = image_of(Path::new("test/power/app.toml"));
    let mut rig = Rig::boot_setting(&Setting::new(&image.elf, Kind::VhostDeviceScmi));
    rig.ok("restart holder_a");
    rig.ok("sensors");
    rig.ok("crash virtio_scmi");
    rig.ok("sensors");
    let table = rig.ok("tasks");
    for task in ["power", "thermal"] {
        let row = row(&table, task).unwrap();
        let counts: Vec<_> = row.split_whitespace().skip(1).take(2).collect();
        assert_eq!(counts, ["0", "0"], "{table}");
    }
}
