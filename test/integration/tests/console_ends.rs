// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! S15: every answer of the console ends, with a line of its own: after a refusal in the middle of
//! a line of text, on a platform that counts more than it has, when the time of `events` is over,
//! by Ctrl-C, and across a crash of the driver.

use std::fmt::Write as _;
use std::fs;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use object::{Object as _, ObjectSymbol as _};
use serde_json::{Value, json};
use test_integration::debugger::{Debugger, free_port};
use test_integration::{Answer, Image, Kind, LIMIT, Rig, Setting, image, row, tell};

const POWER: u8 = 0x11;
const PERF: u8 = 0x13;
const CLOCK: u8 = 0x14;
const SENSOR: u8 = 0x15;
const VOLTAGE: u8 = 0x17;
const NOT_SUPPORTED: i32 = -1;
const HARDWARE_ERROR: i32 = -9;
const NOT_FOUND: i32 = -4;
const BUSY: i32 = -6;
/// Every protocol with numbered things has the attributes of one of them there.
const ATTRIBUTES: u8 = 3;
const CLOCK_RATE_GET: u8 = 6;
const CLOCK_PARENT_GET: u8 = 14;
const PERF_LIMITS_GET: u8 = 6;
const POWER_STATE_NOTIFY: u8 = 6;
const SENSOR_AXIS_DESCRIPTION_GET: u8 = 7;
const SENSOR_CONFIG_GET: u8 = 9;
const VOLTAGE_CONFIG_GET: u8 = 6;

/// What the console says of a line that Ctrl-C ended.
const INTERRUPTED: &str = "interrupted by Ctrl-C";

/// A machine on our own platform, and its control socket.
struct Sim {
    rig: Rig,
    control: PathBuf,
}

impl Sim {
    /// The sample machine, when the tasks of the image have asked the platform what they want to
    /// know at first.
    fn boot() -> Self {
        let mut sim = Self::start(Setting::new(&image().elf, Kind::Sim));
        sim.rig.eventually("thermal", "settled", |answer| {
            answer.text.matches("tells").count() == 3 && !answer.text.contains("unknown")
        });
        sim.rig.eventually("resources list", "all known", |answer| {
            !answer.text.contains("unknown")
        });
        sim
    }

    /// The machine that a scenario describes.
    fn with(scenario: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("machine.toml");
        fs::write(&file, scenario).expect("the scenario is written");
        let mut setting = Setting::new(&image().elf, Kind::Sim);
        setting.scenario = Some(file);
        Self::start(setting)
    }

    fn start(setting: Setting) -> Self {
        let mut rig = Rig::boot_setting(&setting);
        let platform = rig.board().platform().expect("there is a platform");
        let control = platform.control().expect("a control socket").to_owned();
        Self { rig, control }
    }

    /// Has the platform do something.
    fn tell(&self, command: &Value) -> Value {
        tell(&self.control, command)
    }

    /// Has the platform answer the next messages of this kind by a status.
    fn refuse(&self, protocol: u8, message: u8, status: i32, count: u32) {
        self.tell(&json!({
            "cmd": "fault", "kind": "status", "status": status,
            "protocol": protocol, "message": message, "count": count,
        }));
    }

    /// Forgets the faults that are left.
    fn clear(&self) {
        self.tell(&json!({"cmd": "clear-faults"}));
    }

    /// The payloads of the commands of this kind since the last look at the log.
    fn commands(&self, protocol: u8, message: u8) -> Vec<String> {
        let log = self.tell(&json!({"cmd": "log"}));
        let lines = log.as_array().expect("a list").iter();
        lines
            .filter(|line| line["what"] == "command")
            .filter(|line| {
                let header = line["header"].as_str().expect("a header");
                let word = u32::from_str_radix(header.trim_start_matches("0x"), 16);
                let header = scmi::Header::unpack(word.expect("a number"));
                (header.protocol, header.message) == (protocol, message)
            })
            .map(|line| line["payload"].as_str().expect("a payload").to_owned())
            .collect()
    }

    /// Types a line and does not wait for its answer.
    fn type_line(&mut self, line: &str) {
        let typed = self.rig.session().type_line(line.as_bytes());
        typed.expect("the console takes a line");
    }

    fn type_keys(&mut self, keys: &[u8]) {
        let typed = self.rig.session().console().send(keys);
        typed.expect("the console takes keys");
    }

    fn answer(&mut self, line: &str) -> Answer {
        let answer = self.rig.session().answer(line, LIMIT);
        answer.unwrap_or_else(|error| panic!("{error:#}"))
    }
}

/// So many of one kind of thing: `[[power]]` and the like, with a rest for each.
fn many(kind: &str, count: u32, rest: &str) -> String {
    let mut text = String::new();
    for number in 0..count {
        writeln!(
            text,
            "[[{kind}]]\nid = {number}\nname = \"{kind}{number}\"\n{rest}"
        )
        .expect("a string takes text");
    }
    text
}

/// A refusal in the middle of a row of values leaves that line as it is: the error has the next
/// one.
#[test]
fn s15_an_error_has_a_line_of_its_own() {
    let mut sim = Sim::boot();
    sim.refuse(SENSOR, SENSOR_AXIS_DESCRIPTION_GET, BUSY, 1);
    let answer = sim.rig.exec("sensor read accelerometer");
    assert!(
        answer
            .verdict
            .as_ref()
            .is_err_and(|why| why.contains("BUSY")),
        "{answer}"
    );
    assert_eq!(answer.text.trim_end(), "accelerometer", "{answer}");
    let read = sim.rig.ok("sensor read accelerometer");
    assert!(read.starts_with("accelerometer x = "), "{read}");
}

/// The kinds of things that have numbers from 0 on, each with its list, its protocol, and a line
/// that looks for the last by name.
const LISTS: [(&str, u8, &str); 6] = [
    ("power list", POWER, "power state radio"),
    ("perf list", PERF, "perf get npu"),
    ("clock list", CLOCK, "clock get uart"),
    ("reset list", 0x16, "reset pulse radio"),
    ("voltage list", VOLTAGE, "voltage get vdd-io"),
    ("cap list", 0x18, "cap get gpu"),
];

/// A number that answers NOT_FOUND is passed over, by lists and by look-ups of what comes behind
/// it.
#[test]
fn s15_a_hole_hides_nothing_behind_it() {
    let mut sim = Sim::boot();
    for (list, protocol, by_name) in LISTS {
        let all = sim.rig.ok(list);
        sim.refuse(protocol, ATTRIBUTES, NOT_FOUND, 1);
        let others = sim.rig.ok(list);
        let numbers = |text: &str| -> Vec<String> {
            let first = |line: &str| line.split_whitespace().next().map(str::to_owned);
            text.lines().filter_map(first).collect()
        };
        assert_eq!(numbers(&others), numbers(&all)[1..], "{list}:\n{others}");
        sim.refuse(protocol, ATTRIBUTES, NOT_FOUND, 1);
        sim.rig.ok(by_name);
        sim.clear();
    }
    let pins = sim.rig.ok("pin list pins").lines().count();
    sim.refuse(0x19, ATTRIBUTES, NOT_FOUND, 1);
    assert_eq!(sim.rig.ok("pin list pins").lines().count(), pins - 1);
}

/// A platform that counts 200 clocks and has none is asked for 64 of them.
#[test]
fn s15_many_holes_in_a_row_are_the_end() {
    let mut sim = Sim::with(&many("clock", 200, "rates = [32_768]"));
    sim.refuse(CLOCK, ATTRIBUTES, NOT_FOUND, 100_000);
    sim.commands(CLOCK, ATTRIBUTES);
    let list = sim.rig.ok("clock list");
    assert!(list.contains("numbers before 64 are not there"), "{list}");
    assert_eq!(list.lines().count(), 1, "{list}");
    assert_eq!(sim.commands(CLOCK, ATTRIBUTES).len(), 64);
    let reason = sim.rig.error("clock get clock199");
    assert!(reason.contains("no clock `clock199`"), "{reason}");
    assert_eq!(sim.commands(CLOCK, ATTRIBUTES).len(), 64);
    // Fewer are holes.
    sim.clear();
    sim.refuse(CLOCK, ATTRIBUTES, NOT_FOUND, 63);
    assert_eq!(sim.rig.ok("clock list").lines().count(), 200 - 63);
    sim.refuse(CLOCK, ATTRIBUTES, NOT_FOUND, 63);
    assert_eq!(sim.rig.ok("clock get clock199"), "32.768 kHz\n");
}

/// What is refused is told in its place, and hides neither the rest of its row nor other rows.
#[test]
fn s15_one_refusal_is_one_part_of_a_row() {
    let mut sim = Sim::boot();
    let refused = "the platform does not support this (NOT_SUPPORTED)";
    for (list, protocol, message, status, rows, parts) in [
        (
            "perf list",
            PERF,
            PERF_LIMITS_GET,
            NOT_SUPPORTED,
            3,
            [
                "  0  cpu              level 800, limits: ",
                ", sustained 1600",
            ],
        ),
        (
            "clock list",
            CLOCK,
            CLOCK_RATE_GET,
            NOT_SUPPORTED,
            5,
            ["  1  pll              on, rate: ", ", fed by osc"],
        ),
        (
            "clock list",
            CLOCK,
            CLOCK_PARENT_GET,
            NOT_SUPPORTED,
            5,
            ["  1  pll              on  at 800 MHz, fed by: ", ""],
        ),
        (
            "voltage list",
            VOLTAGE,
            VOLTAGE_CONFIG_GET,
            NOT_SUPPORTED,
            3,
            ["  0  vdd-cpu          mode: ", ", at 800 mV"],
        ),
    ] {
        sim.refuse(protocol, message, status, 100);
        let text = sim.rig.ok(list);
        sim.clear();
        assert_eq!(text.lines().count(), rows, "{text}");
        let row = parts.join(refused);
        assert!(
            text.lines().any(|line| line == row),
            "no `{row}` in\n{text}"
        );
    }
    // A sensor that cannot tell how it works is read all the same.
    sim.refuse(SENSOR, SENSOR_CONFIG_GET, HARDWARE_ERROR, 1);
    let text = sim.rig.ok("sensor list");
    assert_eq!(text.lines().count(), 6, "{text}");
    let first = row(&text, "temp").expect("a temperature");
    assert!(
        first.contains(" °C, configuration: ") && first.ends_with("(HARDWARE_ERROR)"),
        "{first}"
    );
}

/// An answer without a message is told in its row, and by the last line: the others are shown.
#[test]
fn s15_one_bad_answer_is_one_row() {
    let mut sim = Sim::boot();
    sim.tell(&json!({
        "cmd": "fault", "kind": "truncate", "len": 0, "protocol": CLOCK, "message": CLOCK_PARENT_GET,
    }));
    let answer = sim.rig.exec("clock list");
    let reason = "the device gave the command back without an answer: read the state back";
    assert_eq!(answer.verdict, Err(reason.into()), "{answer}");
    assert_eq!(answer.text.lines().count(), 5, "{answer}");
    assert!(
        answer
            .text
            .contains(&format!("on  at 800 MHz, fed by: {reason}\n")),
        "{answer}"
    );
}

/// A platform that takes 0.9 s for each of 60 subscriptions: the time of the line counts from its
/// beginning, and what was subscribed to by then is ended.
#[test]
fn s15_events_end_with_their_time() {
    let mut sim = Sim::with(&many("power", 60, ""));
    sim.tell(&json!({
        "cmd": "fault", "kind": "delay", "ms": 900, "protocol": POWER, "message": POWER_STATE_NOTIFY,
        "count": 1000,
    }));
    sim.commands(POWER, POWER_STATE_NOTIFY);
    let start = Instant::now();
    let text = sim.rig.ok("events power 3s");
    let took = start.elapsed();
    // All of them take 54 s.
    assert!(took < Duration::from_secs(50), "{took:?}");
    assert!(took >= Duration::from_millis(2900), "{took:?}");
    assert!(
        text.contains("the time was over before all events"),
        "{text}"
    );
    let start = Instant::now();
    let mut switched = Vec::new();
    loop {
        switched.extend(sim.commands(POWER, POWER_STATE_NOTIFY));
        let count = |enable| {
            switched
                .iter()
                .filter(|word| word.ends_with(enable))
                .count()
        };
        let (on, off) = (count("01000000"), count("00000000"));
        if on > 0 && on == off {
            break;
        }
        assert!(
            start.elapsed() < LIMIT,
            "{on} events were switched on and {off} off: {switched:?}"
        );
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// 65,535 sensors without trip points, each of which is asked whether it tells of them.
#[test]
fn s15_events_of_a_platform_that_counts_much_end_with_their_time() {
    let sensors = many("sensor", 65_535, "kind = \"plain\"\nvalue = 1");
    let mut sim = Sim::with(&format!("{sensors}[[power]]\nid = 0\nname = \"power0\"\n"));
    let start = Instant::now();
    let text = sim.rig.ok("events 1s");
    let took = start.elapsed();
    assert!(took < LIMIT, "{took:?}");
    assert!(text.contains("the time was over"), "{text}");
    // A list of them is ended by a key.
    sim.type_line("sensor list");
    let console = sim.rig.session().console();
    console.wait_for("sensor100", LIMIT).expect("rows");
    sim.type_keys(b"\x03");
    let answer = sim.answer("");
    let reason = answer.verdict.clone().expect_err("Ctrl-C ends it");
    assert!(reason.contains(INTERRUPTED), "{reason}");
    assert!(
        !answer.text.contains("sensor65534"),
        "it went on to its end"
    );
    assert_eq!(sim.rig.ok("sensor read 7"), "sensor7 1\n");
}

/// Ctrl-C ends `events` also while it subscribes, and is its usual end.
#[test]
fn s15_ctrl_c_ends_events_that_are_asked_for() {
    let mut sim = Sim::with(&many("power", 60, ""));
    sim.tell(&json!({
        "cmd": "fault", "kind": "delay", "ms": 900, "protocol": POWER, "message": POWER_STATE_NOTIFY,
        "count": 1000,
    }));
    sim.commands(POWER, POWER_STATE_NOTIFY);
    sim.type_line("events 10min");
    let start = Instant::now();
    while sim.commands(POWER, POWER_STATE_NOTIFY).is_empty() {
        assert!(start.elapsed() < LIMIT, "no event was asked for");
    }
    sim.type_keys(b"\x03");
    let answer = sim.answer("events 10min");
    assert!(answer.is_ok() && answer.text.contains("^C"), "{answer}");
    assert!(start.elapsed() < Duration::from_secs(50));
}

/// On a platform that does not answer, Ctrl-C ends whatever was typed.
#[test]
fn s15_ctrl_c_ends_every_command() {
    let mut sim = Sim::boot();
    for line in [
        "info",
        "protocols",
        "power list",
        "perf list",
        "clock list",
        "clock rates gpu",
        "sensor list",
        "sensors",
        "sensor read gpu-temp",
        "reset list",
        "voltage list",
        "cap list",
        "pin list",
        "power on gpu",
        "power state 1",
        "raw base 3",
        "system state",
    ] {
        ends_by_ctrl_c(&mut sim, line, |sim| sim.tell(&json!({"cmd": "pause"})));
        sim.tell(&json!({"cmd": "resume"}));
    }
    // The delayed response does not come.
    for line in [
        "power on gpu delayed",
        "sensor read gpu-temp delayed",
        "clock set gpu 400MHz delayed",
    ] {
        ends_by_ctrl_c(&mut sim, line, |sim| {
            sim.tell(&json!({"cmd": "fault", "kind": "drop", "target": "delayed"}))
        });
        sim.clear();
    }
    // Typed with the line, it ends also what asks no platform.
    for line in ["resources list", "resources hold gpu", "thermal"] {
        sim.type_line(line);
        sim.type_keys(b"\x03");
        let answer = sim.answer(line);
        let ends = match &answer.verdict {
            Err(reason) => reason.contains(INTERRUPTED),
            // It was over before the key came.
            Ok(()) => true,
        };
        assert!(ends, "{answer}");
    }
    // What is typed after the key is the next line.
    sim.type_keys(b"\r");
    sim.rig
        .eventually("info", "the platform answers", Answer::is_ok);
    sim.rig.eventually("stats", "books in order", |answer| {
        let is =
            |name, value: &str| row(&answer.text, name).is_some_and(|line| line.ends_with(value));
        is("balanced", "yes") && is("in_flight", " 0") && is("slots_lost", " 0")
    });
}

/// Types a line whose answer does not come, then Ctrl-C. A machine that is so busy that the
/// console's deadline comes first has another try.
fn ends_by_ctrl_c(sim: &mut Sim, line: &str, prepare: impl Fn(&Sim) -> Value) {
    let start = Instant::now();
    loop {
        prepare(sim);
        sim.type_line(line);
        let console = sim.rig.session().console();
        console.wait_for(line, LIMIT).expect("the line is echoed");
        sim.type_keys(b"\x03");
        let answer = sim.answer("");
        match answer.verdict {
            Err(reason) if reason.contains(INTERRUPTED) => return,
            // The driver may just be resetting a device that answers nothing.
            Err(reason)
                if ["in time", "reset", "unavailable"]
                    .iter()
                    .any(|words| reason.contains(words))
                    && start.elapsed() < LIMIT => {}
            verdict => panic!("`{line}`: {verdict:?}\n{}", sim.rig.transcript()),
        }
        sim.clear();
        sim.tell(&json!({"cmd": "resume"}));
    }
}

/// Looking for Ctrl-C must not lose what a tool sends ahead: more than any buffer holds stays with
/// the line.
#[test]
fn s15_lines_sent_ahead_are_all_answered() {
    let mut sim = Sim::boot();
    let count = 100;
    sim.rig.session().console().skip();
    sim.type_keys("power state gpu\r".repeat(count).as_bytes());
    let console = sim.rig.session().console();
    for number in 0..count {
        console
            .wait_for("\noff\nok\n", LIMIT)
            .unwrap_or_else(|error| panic!("answer {number}: {error:#}"));
    }
    sim.rig.ok("info");
}

/// A message to a task that has faulted and is held waits until the task is released. The console
/// says so instead.
#[test]
fn s15_a_task_that_is_held_is_not_waited_for() {
    let mut sim = Sim::boot();
    for (task, lines) in [
        (
            "virtio_scmi",
            &["info", "stats", "power list", "power on gpu", "events 1s"][..],
        ),
        ("power", &["resources list", "resources hold gpu"]),
        ("thermal", &["thermal"]),
    ] {
        sim.rig.ok(&format!("hold {task}"));
        sim.rig.ok(&format!("crash {task}"));
        for line in lines {
            let reason = sim.rig.error(line);
            assert!(
                reason.contains(&format!("the task {task}")) && reason.contains("not running"),
                "`{line}`: {reason}"
            );
        }
        sim.rig.ok(&format!("release {task}"));
        for line in lines {
            sim.rig.eventually(line, "the task runs", Answer::is_ok);
        }
    }
}

/// Where each answer takes longer than the tasks wait for one, they ask the platform all the time. Whoever calls them has a turn
/// all the same, and Ctrl-C ends the wait for it.
#[test]
fn s15_a_task_that_asks_a_slow_platform_is_not_waited_for_without_end() {
    let mut sim = Sim::boot();
    sim.rig.ok("thermal");
    sim.tell(&json!({"cmd": "fault", "kind": "delay", "ms": 300, "count": 1_000_000}));
    sim.rig
        .eventually("thermal", "it has seen that no answer comes", |answer| {
            answer.text.contains("did not answer in time")
        });
    for line in ["thermal", "resources list"] {
        // An answer, whatever it says, and the next line is answered, too.
        let answer = sim.rig.exec(line);
        assert!(!answer.text.is_empty(), "{answer}");
    }
    sim.type_line("thermal");
    sim.type_keys(b"\x03");
    sim.answer("thermal");
    sim.clear();
    sim.rig
        .eventually("thermal", "all zones watched", |answer| {
            answer.text.matches("watched").count() == 3
        });
}

/// The address of a function of a task, by a part of its name.
fn function(image: &Image, task: &str, name: &str) -> u64 {
    let report = image.report().expect("the image's layout");
    let task = report.tasks.iter().find(|found| found.name == task);
    let elf: &Path = task.expect("there is such a task").elf.as_ref();
    let bytes = fs::read(image.folder.join(elf)).expect("the task's program");
    let file = object::File::parse(&*bytes).expect("is an ELF");
    let mut symbols = file.symbols();
    let found = symbols.find(|symbol| {
        symbol.kind() == object::SymbolKind::Text
            && symbol.name().is_ok_and(|found| found.contains(name))
    });
    let found = found.unwrap_or_else(|| panic!("no function `{name}`"));
    // The lowest bit says that it is T32.
    found.address() & !1
}

/// The driver is made to jump to nowhere while events are followed. They are followed further, and
/// the line ends at its time.
#[test]
fn s15_events_go_on_across_a_crash_of_the_driver() {
    let image = image();
    let port = free_port().expect("a free port");
    let mut setting = Setting::new(&image.elf, Kind::Sim);
    setting.extra = vec!["-gdb".into(), format!("tcp:127.0.0.1:{port}")];
    let mut sim = Sim::start(setting);
    sim.rig.ok("power on gpu");
    // The driver comes there for each command, and events are shown with names that the console
    // asks for.
    let place = function(&image, "virtio_scmi", "transmit");
    let gpu = |on| json!({"cmd": "set", "what": "power", "name": "gpu", "on": on});
    // Time passes while the machine is stopped, too.
    let start = Instant::now();
    sim.type_line("events power 25s");
    let console = sim.rig.session().console();
    console.wait_for("Ctrl-C ends", LIMIT).expect("it follows");

    let mut debugger = Debugger::connect(port).expect("QEMU listens");
    debugger.ask("?");
    assert_eq!(debugger.ask(&format!("Z1,{place:x},4")), "OK");
    debugger.send("c");
    sim.tell(&gpu(false));
    debugger.packet(LIMIT).expect("the driver gets there");
    // Register 15 is the program counter.
    assert_eq!(debugger.ask("Pf=00000000"), "OK");
    debugger.ask(&format!("z1,{place:x},4"));
    debugger.ask("D");

    let console = sim.rig.session().console();
    console
        .wait_for("! the driver restarted", LIMIT)
        .expect("the crash is told");
    // It subscribes again in a moment: sooner or later a change is told.
    let mut on = true;
    let told = loop {
        sim.tell(&gpu(on));
        on = !on;
        let console = sim.rig.session().console();
        let told = console.wait_for("power    gpu", Duration::from_millis(500));
        if told.is_ok() || start.elapsed() > Duration::from_secs(20) {
            break told;
        }
    };
    told.expect("events go on");
    let answer = sim.answer("");
    assert!(answer.is_ok(), "{answer}");
    let took = start.elapsed();
    assert!(took >= Duration::from_secs(24), "{took:?}");
    assert!(took < 2 * LIMIT, "{took:?}");
    let transcript = sim.rig.transcript();
    assert!(
        transcript.contains("! task virtio_scmi faulted"),
        "{transcript}"
    );
    let tasks = sim.rig.ok("tasks");
    let driver = row(&tasks, "virtio_scmi").expect("the driver");
    assert!(driver.contains(" 1 "), "{driver}");
    assert_eq!(sim.rig.ok("events power 300ms").lines().count(), 1);
}
