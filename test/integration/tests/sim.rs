// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The same image against our own platform: every protocol there is, and every fault of its control socket with the outcome
//! that a task sees.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use test_integration::{Kind, LIMIT, Rig, numbers, row, tell};
use xtask::sim;

/// The vendor, which `info` asks for each time: BASE_DISCOVER_VENDOR.
const VENDOR: &str = r#""protocol":16,"message":3"#;
/// Longer than the console waits for an answer.
const TOO_LATE_MS: u64 = 3000;

/// A machine on the sample platform.
struct Sim {
    rig: Rig,
    control: PathBuf,
}

impl Sim {
    fn boot() -> Self {
        let mut rig = Rig::boot(Kind::Sim);
        let platform = rig.board().platform().unwrap();
        let control = platform.control().unwrap().to_owned();
        Self { rig, control }
    }

    fn tell(&self, line: &str) -> serde_json::Value {
        tell(&self.control, line)
    }

    /// Adds a fault for the next reply to the question for the vendor.
    fn fault(&self, fault: &str) {
        self.tell(&format!(r#"{{"cmd":"fault",{fault},{VENDOR}}}"#));
    }

    fn stat(&mut self, name: &str) -> f64 {
        let text = self.rig.ok("stats");
        numbers(row(&text, name).unwrap_or_else(|| panic!("no {name} in\n{text}")))[0]
    }

    /// Nothing is lost: the books balance, no command is in flight, and the platform answers.
    fn is_well(&mut self) {
        self.rig.eventually("stats", "books in order", |answer| {
            let is = |name, value: &str| {
                row(&answer.text, name).is_some_and(|line| line.ends_with(value))
            };
            is("balanced", "yes") && is("in_flight", " 0") && is("slots_lost", " 0")
        });
        assert!(self.rig.ok("info").contains("heron"));
    }
}

#[test]
fn the_sample_machine_shows_all_that_it_has() {
    let mut sim = Sim::boot();
    let info = sim.rig.ok("info");
    assert!(info.contains("heron") && info.contains("rtos"), "{info}");
    let protocols = sim.rig.ok("protocols");
    assert_eq!(protocols.lines().count(), 10, "{protocols}");
    let sensors = sim.rig.ok("sensors");
    assert_eq!(sensors.lines().count(), 6, "{sensors}");
    let value = |text: &str| numbers(row(text, "accelerometer").unwrap()).last().copied();
    assert_eq!(value(&sensors), Some(9.806), "{sensors}");
    sim.tell(r#"{"cmd":"set","what":"sensor","name":"accelerometer","axis":2,"value":1234}"#);
    assert_eq!(value(&sim.rig.ok("sensors")), Some(1.234));
    // A restart of the driver resets the device; the machine stays as it is.
    sim.rig.ok("crash virtio_scmi");
    assert_eq!(value(&sim.rig.ok("sensors")), Some(1.234));
    let status = sim.tell(r#"{"cmd":"status"}"#);
    assert_eq!(status["counts"]["malformed"], 0, "{status}");
    sim.is_well();
}

#[test]
fn a_client_that_waits_through_a_pause_gets_its_answer() {
    let mut sim = Sim::boot();
    sim.tell(r#"{"cmd":"pause"}"#);
    let control = sim.control.clone();
    let start = Instant::now();
    let resume = thread::spawn(move || {
        thread::sleep(Duration::from_millis(700));
        tell(&control, r#"{"cmd":"resume"}"#);
    });
    assert!(sim.rig.ok("info").contains("heron"));
    assert!(start.elapsed() >= Duration::from_millis(600));
    resume.join().unwrap();
    sim.is_well();
}

#[test]
fn the_driver_restarts_during_a_pause_and_the_old_reply_never_comes() {
    let mut sim = Sim::boot();
    sim.tell(r#"{"cmd":"pause"}"#);
    assert!(sim.rig.error("info").contains("did not answer in time"));
    sim.rig.ok("crash virtio_scmi");
    sim.tell(r#"{"cmd":"resume"}"#);
    sim.rig
        .eventually("info", "an answer", |answer| answer.is_ok());
    assert_eq!(sim.stat("err_msg_unexpected"), 0.0);
    sim.is_well();
}

#[test]
fn faults_that_a_client_does_not_notice() {
    let mut sim = Sim::boot();
    sim.fault(r#""kind":"delay","ms":300"#);
    assert!(sim.rig.ok("info").contains("heron"));
    sim.is_well();

    sim.fault(r#""kind":"duplicate""#);
    assert!(sim.rig.ok("info").contains("heron"));
    // The second copy names a buffer that is not with the device.
    assert_eq!(sim.stat("err_protocol"), 1.0);
    sim.is_well();

    sim.fault(r#""kind":"used-length","len":4000"#);
    assert!(sim.rig.ok("info").contains("heron"));
    assert_eq!(sim.stat("clamped"), 1.0);
    sim.is_well();
}

#[test]
fn faults_of_which_a_client_is_told() {
    let mut sim = Sim::boot();
    for (fault, reason) in [
        (
            r#""kind":"truncate","len":0"#,
            "gave the command back without an answer",
        ),
        (
            r#""kind":"truncate","len":3"#,
            "gave the command back without an answer",
        ),
        // Another token.
        (
            r#""kind":"header","xor":262144"#,
            "the answer belongs to another command",
        ),
        (r#""kind":"status","status":-6"#, "the platform refused"),
        (r#""kind":"garbage","byte":238"#, "the platform refused"),
        (r#""kind":"drop""#, "did not answer in time"),
    ] {
        sim.fault(fault);
        let answer = sim.rig.error("info");
        assert!(answer.contains(reason), "{fault}: {answer}");
        // What the device keeps for good comes back with its reset.
        sim.rig
            .eventually("info", "an answer again", |answer| answer.is_ok());
    }
    sim.tell(r#"{"cmd":"permit","protocol":21,"allowed":false}"#);
    let answer = sim.rig.error("sensors");
    assert!(answer.contains("refused"), "{answer}");
    let text = sim.rig.ok("stats");
    assert!(
        row(&text, "balanced").is_some_and(|line| line.ends_with("yes")),
        "{text}"
    );
}

#[test]
fn replies_that_come_too_late_are_taken_back_and_told_to_nobody() {
    let mut sim = Sim::boot();
    // It looks at its sensors once a second: nobody else may send the next command below.
    sim.rig.ok("hold thermal");
    sim.rig.ok("crash thermal");
    sim.fault(&format!(r#""kind":"delay","ms":{TOO_LATE_MS}"#));
    assert!(sim.rig.error("info").contains("did not answer in time"));
    sim.is_well();
    // This one comes right after the reply to the next command.
    sim.fault(r#""kind":"reorder""#);
    assert!(sim.rig.error("info").contains("did not answer in time"));
    sim.rig.ok("sensors");
    sim.is_well();
}

#[test]
fn a_platform_that_dies_is_missed_in_time() {
    let mut sim = Sim::boot();
    let mut stream = UnixStream::connect(&sim.control).unwrap();
    writeln!(stream, r#"{{"cmd":"die"}}"#).unwrap();
    let start = Instant::now();
    sim.rig.error("sensors");
    assert!(start.elapsed() < LIMIT);
    let text = sim.rig.ok("stats");
    assert!(
        row(&text, "balanced").is_some_and(|line| line.ends_with("yes")),
        "{text}"
    );
}

#[test]
fn a_mistake_in_a_scenario_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.toml");
    let program = sim::build().unwrap();
    for (text, line, words) in [
        ("[platform]\nvendr = \"me\"\n", "2", "vendr"),
        (
            "[[power]]\nid = 0\nname = \"a\"\n[[power]]\nid = 0\nname = \"b\"\n",
            "5",
            "id",
        ),
    ] {
        std::fs::write(&file, text).unwrap();
        let error = sim::check(&program, &file).unwrap_err().to_string();
        assert!(
            error.contains(&format!("mine.toml:{line}")) && error.contains(words),
            "{error}"
        );
    }
}
