// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Every command of the console, with both ends looked at: what the console says, and where the platform then stands.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use test_integration::{Answer, Kind, LIMIT, Rig, row, tell};

/// A machine on the sample platform, and its control socket.
struct Sample {
    rig: Rig,
    control: PathBuf,
}

impl Sample {
    fn boot() -> Self {
        let mut rig = Rig::boot(Kind::Sim);
        let platform = rig.board().platform().unwrap();
        let control = platform.control().unwrap().to_owned();
        Self { rig, control }
    }

    /// Has the platform do something.
    fn tell(&self, command: &Value) -> Value {
        tell(&self.control, command)
    }

    /// Where the platform stands: `["level", "gpu"]` and the like.
    fn stands(&self, path: [&str; 2]) -> Value {
        self.tell(&json!({"cmd": "get"}))[path[0]][path[1]].clone()
    }

    /// The row of a list for what has this name.
    fn row(&mut self, list: &str, name: &str) -> String {
        let text = self.rig.ok(list);
        let found = text.lines().find(|line| {
            let mut words = line.split_whitespace();
            words.next();
            words.next() == Some(name)
        });
        found
            .unwrap_or_else(|| panic!("no {name} in\n{text}"))
            .to_owned()
    }
}

#[test]
fn power_and_performance_reach_the_platform() {
    let mut sample = Sample::boot();
    assert!(sample.row("power list", "cpu").ends_with("on"));
    assert!(sample.row("power list", "gpu").ends_with("off"));
    assert_eq!(sample.rig.ok("power on gpu"), "");
    assert_eq!(sample.stands(["power", "gpu"]), true);
    assert_eq!(sample.rig.ok("power state 1"), "on\n");
    assert_eq!(sample.rig.ok("power off gpu delayed"), "off\n");
    assert_eq!(sample.stands(["power", "gpu"]), false);
    sample.rig.ok("power set gpu 0");
    assert_eq!(sample.stands(["power", "gpu"]), true);
    sample.tell(&json!({"cmd": "set", "what": "power", "name": "npu", "on": true}));
    assert_eq!(sample.rig.ok("power state npu"), "on\n");

    assert_eq!(sample.rig.ok("perf set gpu 3"), "");
    assert_eq!(sample.stands(["level", "gpu"]), 3);
    assert_eq!(sample.rig.ok("perf get gpu"), "level 3\n");
    let levels = sample.rig.ok("perf levels gpu");
    assert_eq!(levels.lines().count(), 5, "{levels}");
    assert!(
        levels.contains("3.6 W, reached within 200 us"),
        "the platform says milliwatts:\n{levels}"
    );
    assert_eq!(sample.rig.ok("perf limits gpu 1 2"), "");
    assert_eq!(sample.stands(["limits", "gpu"]), json!([1, 2]));
    assert_eq!(sample.rig.ok("perf limits gpu"), "level 1 to 2\n");
    let reason = sample.rig.error("perf set gpu 3");
    assert!(reason.contains("OUT_OF_RANGE"), "{reason}");
    assert!(
        sample
            .row("perf list", "gpu")
            .contains("limits 1 to 2, sustained 3")
    );
}

#[test]
fn clocks_voltages_and_resets_reach_the_platform() {
    let mut sample = Sample::boot();
    assert_eq!(sample.rig.ok("clock set pll 400MHz"), "");
    assert_eq!(sample.stands(["rate", "pll"]), 400_000_000);
    assert_eq!(sample.rig.ok("clock get pll"), "400 MHz\n");
    // Rounded down to a rate that the clock has, and told.
    assert_eq!(sample.rig.ok("clock set gpu 450M"), "400 MHz\n");
    assert_eq!(sample.rig.ok("clock set gpu 450M up delayed"), "600 MHz\n");
    assert_eq!(sample.stands(["rate", "gpu"]), 600_000_000);
    sample.rig.ok("clock on gpu");
    assert_eq!(sample.stands(["clock", "gpu"]), true);
    sample.rig.ok("clock off gpu");
    assert_eq!(sample.stands(["clock", "gpu"]), false);
    assert_eq!(sample.rig.ok("clock parent gpu"), "pll\n");
    sample.rig.ok("clock parent gpu osc");
    assert!(sample.row("clock list", "gpu").contains("fed by osc"));
    assert_eq!(sample.rig.ok("clock parents gpu").lines().count(), 2);
    assert_eq!(sample.rig.ok("clock rates gpu").lines().count(), 5);
    assert_eq!(
        sample.rig.ok("clock rates pll"),
        "100 MHz to 1.6 GHz in steps of 4 MHz\n"
    );
    assert_eq!(sample.rig.ok("clock permissions osc").lines().count(), 3);

    assert_eq!(sample.rig.ok("voltage set vdd-gpu 0.8V"), "");
    assert_eq!(sample.stands(["voltage", "vdd-gpu"])["uv"], 800_000);
    assert_eq!(
        sample.rig.ok("voltage set vdd-gpu 900mV delayed"),
        "900 mV\n"
    );
    assert_eq!(sample.rig.ok("voltage get vdd-gpu"), "900 mV\n");
    sample.rig.ok("voltage on vdd-gpu");
    assert_eq!(sample.stands(["voltage", "vdd-gpu"])["on"], true);
    assert!(
        sample
            .row("voltage list", "vdd-gpu")
            .contains("on  at 900 mV")
    );
    sample.rig.ok("voltage off vdd-gpu");
    assert_eq!(sample.stands(["voltage", "vdd-gpu"])["on"], false);
    assert_eq!(sample.rig.ok("voltage levels vdd-io"), "1.8 V\n3.3 V\n");
    assert_eq!(
        sample.rig.ok("voltage levels vdd-gpu"),
        "600 mV to 1 V in steps of 12.5 mV\n"
    );

    assert_eq!(sample.stands(["reset", "gpu"]), true);
    sample.rig.ok("reset deassert gpu");
    assert_eq!(sample.stands(["reset", "gpu"]), false);
    sample.rig.ok("reset assert gpu");
    assert_eq!(sample.stands(["reset", "gpu"]), true);
    sample.rig.ok("reset pulse gpu");
    sample.rig.ok("reset pulse gpu delayed cold");
    assert_eq!(sample.stands(["reset", "gpu"]), false);
    assert!(sample.row("reset list", "gpu").contains("at most 500 us"));
}

#[test]
fn sensors_caps_pins_and_the_system_reach_the_platform() {
    let mut sample = Sample::boot();
    sample.tell(
        &json!({"cmd": "set", "what": "sensor", "name": "accelerometer", "axis": 2, "value": -5}),
    );
    let read = sample.rig.ok("sensor read accelerometer");
    assert!(read.contains("z = -0.005 m/s²"), "{read}");
    assert!(sample.rig.ok("sensor read gpu-temp delayed").contains("°C"));
    assert!(sample.row("sensor list", "vdd-cpu").ends_with("0.800000 V"));
    assert_eq!(
        sample.rig.ok("sensor axes accelerometer").lines().count(),
        3
    );
    assert!(
        sample
            .rig
            .error("sensor axes gpu-temp")
            .contains("one value")
    );
    sample.rig.ok("sensor config accelerometer off");
    assert_eq!(sample.rig.ok("sensor config accelerometer"), "off\n");
    assert!(sample.row("sensor list", "accelerometer").ends_with("off"));
    assert!(
        sample
            .rig
            .error("sensor read accelerometer")
            .contains("DENIED")
    );
    // The old list switches on what is off.
    assert!(
        sample
            .row("sensors", "accelerometer")
            .contains("z = -0.005")
    );
    assert_eq!(
        sample.rig.ok("sensor intervals gpu-temp").lines().count(),
        3
    );
    assert!(
        sample
            .rig
            .error("sensor trip gpu-temp 9 70 both")
            .contains("trip points")
    );
    assert!(
        sample
            .rig
            .error("sensor trip vdd-cpu 0 1 both")
            .contains("no trip points")
    );

    assert_eq!(sample.rig.ok("cap set soc 2.5W"), "");
    assert_eq!(sample.stands(["cap", "soc"])["cap_mw"], 2500);
    assert_eq!(sample.rig.ok("cap set soc 3000 delayed"), "3 W\n");
    assert_eq!(
        sample.rig.ok("cap get soc"),
        "3 W, of 1 W to 8 W in steps of 50 mW\n"
    );
    sample.rig.ok("cap pai soc 50ms");
    assert_eq!(sample.rig.ok("cap pai soc"), "50 ms\n");
    assert!(sample.rig.ok("cap measure soc").contains("W over 50 ms"));
    assert!(sample.row("cap list", "gpu").contains("part of soc"));

    let pins = sample.rig.ok("pin list");
    assert_eq!(pins.lines().count(), 3 + 6 + 3 + 3, "{pins}");
    assert_eq!(sample.rig.ok("pin list groups").lines().count(), 3);
    assert!(sample.rig.ok("pin members group uart0-pins").contains("p1"));
    assert!(
        sample
            .rig
            .ok("pin members function uart0")
            .contains("spare-pins")
    );
    assert!(
        sample
            .rig
            .ok("pin get group uart0-pins")
            .contains("no function")
    );
    sample.rig.ok("pin function group uart0-pins uart0");
    sample.rig.ok("pin set group uart0-pins 1 7");
    let group = sample.rig.ok("pin get group uart0-pins");
    assert!(
        group.contains("function uart0") && group.contains("setting 1 is 0x7"),
        "{group}"
    );
    sample.rig.ok("pin request group spare-pins");
    sample.rig.ok("pin release group spare-pins");

    sample.rig.ok("system suspend");
    assert_eq!(sample.tell(&json!({"cmd": "get"}))["system"], 4);
    assert_eq!(sample.rig.ok("system state"), "suspend\n");
    assert_eq!(
        sample.tell(&json!({"cmd": "status"}))["counts"]["malformed"],
        0
    );
}

#[test]
fn resources_are_held_and_given_back() {
    let mut sample = Sample::boot();
    sample
        .rig
        .eventually("resources list", "all known", |answer| {
            !answer.text.contains("unknown")
        });
    let cells = |row: &str| {
        row.split_whitespace()
            .skip(2)
            .take(5)
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(cells(&sample.row("resources list", "gpu")), "down 0 0 0 0");
    assert_eq!(sample.rig.ok("resources hold gpu"), "");
    assert_eq!(sample.stands(["voltage", "vdd-gpu"])["uv"], 800_000);
    assert_eq!(sample.stands(["power", "gpu"]), true);
    assert_eq!(sample.stands(["rate", "gpu"]), 400_000_000);
    assert_eq!(sample.stands(["reset", "gpu"]), false);
    sample.rig.ok("resources hold 1");
    assert_eq!(cells(&sample.row("resources list", "gpu")), "up 2 2 1 0");
    // What needs another holds it, too.
    sample.rig.ok("resources hold radio");
    assert_eq!(cells(&sample.row("resources list", "io")), "up 1 0 0 0");
    sample.rig.ok("resources release gpu");
    assert_eq!(sample.stands(["power", "gpu"]), true);
    sample.rig.ok("resources release gpu");
    assert_eq!(sample.stands(["power", "gpu"]), false);
    assert_eq!(cells(&sample.row("resources list", "gpu")), "down 0 0 1 1");
    for (line, words) in [
        ("resources release gpu", "holds no reference"),
        (
            "resources hold gpx",
            "no resource `gpx`; `resources list` shows them",
        ),
        ("resources hold 77", "no such resource"),
        ("resources hold 999", "no resource `999`"),
        ("resources hold", "usage: resources hold NAME"),
    ] {
        let reason = sample.rig.error(line);
        assert!(reason.contains(words), "`{line}`: {reason}");
    }
    // What the platform refuses is told with its place, by the answer and by the list.
    for (status, word) in [(-3, "DENIED"), (-6, "BUSY"), (-10, "PROTOCOL_ERROR")] {
        sample.tell(
            &json!({"cmd": "fault", "kind": "status", "status": status, "protocol": 17, "message": 4}),
        );
        let reason = sample.rig.error("resources hold gpu");
        assert!(reason.contains(word), "{reason}");
        let list = sample.rig.ok("resources list");
        let told = list.lines().find(|line| line.contains("step 2 of gpu:"));
        assert!(told.is_some_and(|line| line.contains(word)), "{list}");
    }
    // The power task forgets who held what, and leaves the machine as it is.
    sample.rig.ok("crash power");
    sample
        .rig
        .eventually("resources list", "looked at again", |answer| {
            !answer.text.contains("unknown")
        });
    assert_eq!(sample.stands(["power", "radio"]), true);
    assert!(
        sample
            .rig
            .error("resources release radio")
            .contains("holds no reference")
    );
}

#[test]
fn zones_and_limits_are_shown_while_they_change() {
    let mut sample = Sample::boot();
    // Zone and limit have the same name and number: their rows follow each other.
    let gpu = |answer: &Answer, nth: usize| {
        let is_gpu = |line: &&str| line.split_whitespace().nth(1) == Some("gpu");
        let row = answer.text.lines().filter(is_gpu).nth(nth);
        row.unwrap_or_default().to_owned()
    };
    let watched = |answer: &Answer| {
        let zone = gpu(answer, 0);
        zone.contains("watched") && zone.contains("tells") && zone.ends_with("°C")
    };
    sample.rig.eventually("thermal", "all watched", watched);
    let limit = |answer: &Answer, cells: &str| {
        let row = gpu(answer, 1);
        row.split_whitespace().skip(2).collect::<Vec<_>>().join(" ") == cells
    };
    sample
        .rig
        .eventually("thermal", "nothing limited", |answer| {
            limit(answer, "5 5 5 1")
        });
    let heat = |value: i32| json!({"cmd": "set", "what": "temperature", "name": "gpu-die", "value": value});
    sample.tell(&heat(62_000));
    sample
        .rig
        .eventually("thermal", "one trip passed", |answer| {
            limit(answer, "4 4 5 1") && answer.text.contains("1/3")
        });
    sample.tell(&heat(30_000));
    sample
        .rig
        .eventually("thermal", "cool", |answer| limit(answer, "5 5 5 1"));
    // The driver's next life tells what happens, too: the platform's word lowers the limit, and not a look at a clock.
    sample.rig.ok("crash virtio_scmi");
    sample.rig.eventually("thermal", "watched again", watched);
    // The reset ended every subscription at the platform; those to the trip points of all zones are
    // there again, and that of the gpu is where its first trip is.
    let state = sample.tell(&json!({"cmd": "get"}));
    let subscriptions = state["subscriptions"].as_array().unwrap();
    for sensor in 0..3 {
        let trip_point = json!([0x15, 0, sensor]);
        assert!(subscriptions.contains(&trip_point), "{state}");
    }
    assert_eq!(
        state["trips"]["gpu-temp"][0],
        json!([60_000, "rising"]),
        "{state}"
    );
    sample.tell(&json!({"cmd": "log"}));
    sample.tell(&heat(95_000));
    sample
        .rig
        .eventually("thermal", "all trips passed", |answer| {
            limit(answer, "1 1 5 1") && answer.text.contains("3/3")
        });
    // The platform told of trip point 0 of the gpu's sensor, rising. Only then was that sensor
    // read, and the limit set.
    let log = sample.tell(&json!({"cmd": "log"}));
    let lines = log.as_array().unwrap();
    let place = |what: &str, header: u32, payload: &str| {
        let found = lines.iter().position(|line| {
            let word = line["header"].as_str().unwrap().trim_start_matches("0x");
            // Without the token.
            let word = u32::from_str_radix(word, 16).unwrap() & 0x3_ffff;
            line["what"] == what
                && word == header
                && line["payload"].as_str().unwrap().starts_with(payload)
        });
        found.unwrap_or_else(|| panic!("no {what} {header:#x} {payload} in {log}"))
    };
    let told = place(
        "notification",
        0x15 << 10 | 3 << 8,
        "000000000100000000000100",
    );
    // SENSOR_READING_GET of sensor 1; PERFORMANCE_LIMITS_SET of domain 1, at most level 1.
    let read = place("command", 0x15 << 10 | 6, "01000000");
    let limited = place("command", 0x13 << 10 | 5, "0100000001000000");
    assert!(told < read && read < limited, "{log}");
    sample.tell(&heat(30_000));
    sample
        .rig
        .eventually("thermal", "cool again", |answer| limit(answer, "5 5 5 1"));
    // Without readings the machine is made safe, and it is said why.
    sample.tell(&json!({"cmd": "permit", "protocol": 21, "allowed": false}));
    sample.rig.ok("crash virtio_scmi");
    sample.rig.eventually("thermal", "blind", |answer| {
        limit(answer, "1 1 5 1")
            && answer.text.contains("blind, safe")
            && answer.text.contains("(DENIED)")
    });
    sample.tell(&json!({"cmd": "permit", "protocol": 21, "allowed": true}));
    sample
        .rig
        .eventually("thermal", "readings again", |answer| {
            watched(answer) && limit(answer, "5 5 5 1")
        });
}

#[test]
fn raw_messages_go_as_they_are_typed() {
    let mut sample = Sample::boot();
    let vendor = sample.rig.ok("raw 0x10 3");
    assert!(
        vendor.contains("BASE_DISCOVER_VENDOR: status 0 (SUCCESS), 16 bytes")
            && vendor.contains("68 65 72 6f"),
        "{vendor}"
    );
    sample.rig.ok("raw 0x13 7 01000000 =4");
    assert_eq!(sample.stands(["level", "gpu"]), 4);
    let reason = sample.rig.error("raw power 5 =99");
    assert!(reason.contains("NOT_FOUND"), "{reason}");
    // The delayed response is the answer: status, domain, and the state that was reached.
    let reached = sample.rig.ok("raw power 4 =1 =1 =0");
    assert!(reached.contains("01 00 00 00  00 00 00 00"), "{reached}");
    assert_eq!(sample.stands(["power", "gpu"]), true);
    // The longest message there is arrives whole, and is refused by the platform and not before.
    let longest = format!("raw 0x19 6 {}", "00".repeat(128));
    sample.rig.error(&longest);
    assert!(
        sample
            .rig
            .error(&format!("{longest}00"))
            .contains("128 bytes")
    );
    let log = sample.tell(&json!({"cmd": "log"}));
    let text = log.to_string();
    assert!(text.contains(&"00".repeat(128)), "{text}");
}

#[test]
fn events_are_shown_while_they_happen() {
    let mut sample = Sample::boot();
    // The thermal task has put its own trip points and limits in place, and does not move them under this test.
    sample.rig.eventually("thermal", "settled", |answer| {
        answer.text.matches("tells").count() == 3 && !answer.text.contains("unknown")
    });
    sample.rig.ok("power on gpu");
    sample.rig.ok("sensor trip gpu-temp 1 60.5 rising");
    sample.rig.session().type_line(b"events 3s").unwrap();
    sample
        .rig
        .session()
        .console()
        .wait_for("Ctrl-C ends", LIMIT)
        .unwrap();
    for command in [
        json!({"cmd": "set", "what": "power", "name": "gpu", "on": false}),
        json!({"cmd": "set", "what": "level", "name": "cpu", "level": 1200}),
        json!({"cmd": "set", "what": "limits", "name": "gpu", "min": 1, "max": 2}),
        json!({"cmd": "set", "what": "rate", "name": "pll", "rate": 400_000_000}),
        json!({"cmd": "set", "what": "cap", "name": "gpu", "cap_mw": 1500}),
        json!({"cmd": "set", "what": "temperature", "name": "gpu-die", "value": 70_000}),
    ] {
        sample.tell(&command);
    }
    let answer = sample.rig.session().answer("", LIMIT).unwrap();
    assert!(answer.is_ok(), "{answer}");
    for (source, told) in [
        ("power    gpu ", "off, by agent 0"),
        ("perf     cpu ", "level 1200, by agent 0"),
        ("perf     gpu ", "limits 1 to 2, by agent 0"),
        ("clock    pll ", "400 MHz, by agent 0"),
        ("powercap gpu ", "capped at 1.5 W"),
        ("sensor   gpu-temp ", "rose through trip point 1"),
    ] {
        assert!(
            answer
                .text
                .lines()
                .any(|line| line.contains(source) && line.contains(told)),
            "{source}: {told} is not in\n{answer}"
        );
    }
    // It has ended its subscriptions: nothing is left for the next time, and nothing more is sent.
    sample.tell(&json!({"cmd": "set", "what": "power", "name": "gpu", "on": true}));
    let text = sample.rig.ok("events power 300ms");
    assert_eq!(text.lines().count(), 1, "{text}");
    // Sensors that tell every reading do so when they are asked for.
    let text = sample.rig.ok("events sensor 1500ms");
    assert!(
        text.lines()
            .any(|line| line.contains("accelerometer") && line.contains("z = 9.806 m/s²")),
        "{text}"
    );
}

#[test]
fn events_end_by_a_key_and_say_what_was_lost() {
    let mut sample = Sample::boot();
    sample
        .rig
        .session()
        .type_line(b"events power 10min")
        .unwrap();
    let console = sample.rig.session().console();
    console.wait_for("Ctrl-C ends", LIMIT).unwrap();
    // What is typed meanwhile waits; Ctrl-C throws it away and ends the command.
    console.send(b"nonsense\x03").unwrap();
    let answer = sample.rig.session().answer("", LIMIT).unwrap();
    assert!(answer.is_ok() && answer.text.contains("^C"), "{answer}");
    assert_eq!(sample.rig.ok("power state gpu"), "off\n");
    // Without Ctrl-C it is the next line.
    let start = Instant::now();
    sample.rig.session().type_line(b"events power 1s").unwrap();
    let console = sample.rig.session().console();
    console.wait_for("Ctrl-C ends", LIMIT).unwrap();
    console.send(b"power state gpu\r").unwrap();
    let answer = sample.rig.session().answer("", LIMIT).unwrap();
    assert!(answer.is_ok(), "{answer}");
    assert!(start.elapsed() >= Duration::from_millis(900));
    let answer = sample
        .rig
        .session()
        .answer("power state gpu", LIMIT)
        .unwrap();
    assert_eq!(answer.text, "off\n");
    // A flood that is faster than the line loses events, and says so.
    sample.rig.session().type_line(b"events power 4s").unwrap();
    let console = sample.rig.session().console();
    console.wait_for("Ctrl-C ends", LIMIT).unwrap();
    tell(
        &sample.control,
        &json!({"cmd": "event", "protocol": 17, "event": 0, "payload": "000000000100000000000000", "count": 500}),
    );
    let answer = sample.rig.session().answer("", LIMIT).unwrap();
    assert!(
        answer.is_ok() && answer.text.contains("power    gpu") && answer.text.contains("were lost"),
        "{answer}"
    );
    let stats = sample.rig.ok("stats");
    assert!(
        row(&stats, "balanced").is_some_and(|line| line.ends_with("yes")),
        "{stats}"
    );
}

#[test]
fn a_refusal_says_which_and_what_it_means() {
    let mut sample = Sample::boot();
    for (line, words) in [
        ("power off cpu", "no permission (DENIED)"),
        ("power on 99", "no such thing (NOT_FOUND)"),
        ("perf set gpu 99", "outside its limits (OUT_OF_RANGE)"),
        (
            "power set gpu 5",
            "rejects a parameter (INVALID_PARAMETERS)",
        ),
        (
            "sensor intervals gpu-power",
            "does not support this (NOT_SUPPORTED)",
        ),
        // What the console knows better than the platform.
        (
            "power on gpx",
            "no power domain `gpx`; `power list` shows them",
        ),
        ("clock set pll fast", "it must be a frequency, such as"),
        ("clock set pll 8parsecs", "the unit is unknown"),
        ("clock set pll 0.5", "more decimals"),
        ("voltage set vdd-gpu 99999V", "too large"),
        ("cap set soc 1.5", "a number in the domain's unit"),
        ("perf limits gpu 1", "usage: perf limits NAME [LOW HIGH]"),
        ("sensor trip gpu-temp x 70 both", "number of a trip point"),
        ("sensor trip gpu-temp 0 70 up", "usage: sensor trip"),
        ("events nothing", "no protocol `nothing`"),
        ("events 3s power", "one duration, at the end"),
        ("events 99999h", "the unit is unknown"),
        ("events voltage 1s", "offers no such events"),
        ("raw gpu 1", "no protocol `gpu`"),
        ("raw 0x10 256", "too large"),
        ("raw 0x10 1 1", "pairs of hexadecimal digits"),
        ("pin get function gpio", "usage: pin get"),
    ] {
        let reason = sample.rig.error(line);
        assert!(reason.contains(words), "`{line}`: {reason}");
    }
    sample.tell(
        &json!({"cmd": "fault", "kind": "status", "status": -6, "protocol": 17, "message": 4}),
    );
    let reason = sample.rig.error("power on gpu");
    assert!(reason.contains("busy, try again later (BUSY)"), "{reason}");
    sample.tell(
        &json!({"cmd": "fault", "kind": "status", "status": -200, "protocol": 17, "message": 4}),
    );
    assert!(
        sample
            .rig
            .error("power on gpu")
            .contains("vendor status -200")
    );
    sample.tell(&json!({"cmd": "fault", "kind": "drop", "protocol": 17, "message": 4}));
    let reason = sample.rig.error("power on gpu");
    assert!(
        reason.contains("did not answer in time: read the state back"),
        "{reason}"
    );
}

#[test]
fn the_same_image_says_what_another_platform_lacks() {
    let mut rig = Rig::boot(Kind::VhostDeviceScmi);
    for (line, protocol) in [
        ("power on gpu", "Power domain management protocol (0x11)"),
        (
            "perf set gpu 3",
            "Performance domain management protocol (0x13)",
        ),
        ("clock list", "Clock management protocol (0x14)"),
        ("reset list", "Reset domain management protocol (0x16)"),
        ("voltage list", "Voltage domain management protocol (0x17)"),
        ("cap list", "Power capping and monitoring protocol (0x18)"),
        ("pin list", "Pin control protocol (0x19)"),
        ("system state", "System power management protocol (0x12)"),
    ] {
        let reason = rig.error(line);
        assert!(
            reason.contains(protocol) && reason.contains("`protocols` lists"),
            "`{line}`: {reason}"
        );
    }
    assert!(rig.ok("sensor config fake-sensor on").is_empty());
    let list = rig.ok("sensor list");
    assert!(list.contains("acc_X = "), "{list}");
    assert_eq!(rig.ok("sensor axes 0").lines().count(), 3);
    assert!(rig.ok("raw base 3").contains("72 75 73 74"));
    // The tasks that would use it say so, and live on.
    let list = rig.ok("resources list");
    assert_eq!(list.matches("not available").count(), 5, "{list}");
    assert!(
        list.contains("step 1 of npu: the platform does not have the protocol"),
        "{list}"
    );
    let reason = rig.error("resources hold gpu");
    assert!(reason.contains("does not have the protocol"), "{reason}");
    let list = rig.ok("thermal");
    assert_eq!(list.matches("not available").count(), 3, "{list}");
    assert!(list.contains("another name for it than app.toml"), "{list}");
    // It offers no notification at all.
    assert!(rig.error("events 1s").contains("no such events"));
}

#[test]
fn tab_completes_commands_verbs_and_names() {
    let mut sample = Sample::boot();
    let console = sample.rig.session().console();
    console.skip();
    console.send(b"pow\t").unwrap();
    let mut after = |before: &str, keys: &[u8], shown: &str| {
        console.wait_for(before, LIMIT).unwrap();
        console.send(keys).unwrap();
        console.wait_for(shown, LIMIT).unwrap();
    };
    after("power ", b"st\tgp\t\r", "state gpu \noff\nok\n");
    // Where there is a choice, it is shown, and the line stands.
    after("scmi> ", b"perf \t", "list  levels  get  set  limits");
    after("scmi> perf ", b"get cpu\r", "level 800\nok\n");
    // The power task knows names, too.
    after(
        "scmi> ",
        b"resources ho\tnp\t\r",
        "resources hold npu \nok\n",
    );
    after("scmi> ", b"perf get cpu\r", "level 800\nok\n");
    // The line before comes back.
    after("scmi> ", b"\x1b[A\r", "level 800\nok\n");
}
