// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Every message of every protocol through IPC, driver, QEMU and platform, with the value looked at on both ends.
//!
//! The cases are a task of their own (test/drive), which asks for the platform to be driven and to
//! be looked at; this is the other end. That no message was forgotten shows in the platform's log,
//! and so does that those which the driver keeps to itself stayed away: the task asks for each of
//! them.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use scmi::events::{DELAYED, EVENTS};
use scmi::protocol::{BaseMessage, common};
use scmi::{Header, MessageType, Protocol};
use serde_json::Value;
use test_integration::{Board, Kind, Programs, Setting, Turn, image_of};
use xtask::console::Console;
use xtask::workspace;

/// All cases, on a machine that the whole test run shares.
const LIMIT: Duration = Duration::from_secs(300);
/// There are at least as many cases.
const CASES: usize = 80;
/// The driver refuses these to every client, besides NEGOTIATE_PROTOCOL_VERSION of every protocol.
const RESERVED: [BaseMessage; 3] = [
    BaseMessage::SetDevicePermissions,
    BaseMessage::SetProtocolPermissions,
    BaseMessage::ResetAgentConfiguration,
];
/// What the last line starts with.
const LAST: &str = "drive: ";

/// The platform's control socket.
struct Control(BufReader<UnixStream>);

impl Control {
    fn connect(path: &Path) -> Self {
        let stream = UnixStream::connect(path).expect("the control socket answers");
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        Self(BufReader::new(stream))
    }

    /// Sends a line and returns the value of the answer, or its error.
    fn ask(&mut self, line: &str) -> Result<Value, String> {
        writeln!(self.0.get_mut(), "{line}").unwrap();
        let mut answer = String::new();
        self.0.read_line(&mut answer).unwrap();
        let mut answer: Value = serde_json::from_str(&answer).unwrap();
        if answer["ok"] == true {
            Ok(answer["value"].take())
        } else {
            Err(answer.to_string())
        }
    }

    /// Whether the machine has this state: `/place value`.
    fn see(&mut self, what: &str) -> Result<(), String> {
        let (place, value) = what.split_once(' ').ok_or("no value")?;
        let wanted: Value = serde_json::from_str(value).map_err(|error| error.to_string())?;
        let state = self.ask(r#"{"cmd":"get"}"#)?;
        let found = state.pointer(place).ok_or("there is no such place")?;
        if *found == wanted {
            Ok(())
        } else {
            Err(format!("found {found}"))
        }
    }
}

/// The next line that the image prints.
fn line(console: &mut Console, board: &Board) -> String {
    let found = console.wait_until("a line", LIMIT, |seen| {
        let length = seen.find('\n')?;
        Some((length + 1, seen[..length].to_owned()))
    });
    found.unwrap_or_else(|error| panic!("{:#}", board.explain(error)))
}

/// Protocol, message and kind of every message in a log. Where the type is another, a fault has been at it.
fn messages(log: &Value) -> BTreeSet<(u8, u8, &str)> {
    let lines = log.as_array().expect("a list").iter();
    lines
        .filter_map(|line| {
            let word = line["header"].as_str().expect("a header");
            let word = u32::from_str_radix(word.trim_start_matches("0x"), 16).expect("a number");
            let header = Header::unpack(word);
            let kind = line["what"].as_str().expect("a kind");
            let expected = match kind {
                "delayed response" => MessageType::DelayedResponse,
                "notification" => MessageType::Notification,
                _ => MessageType::Command,
            };
            (header.message_type == expected).then_some((header.protocol, header.message, kind))
        })
        .collect()
}

#[test]
fn every_message_of_every_protocol_on_both_ends() {
    let image = image_of(Path::new("test/drive/app.toml"));
    let _turn = Turn::take();
    let programs = Programs::find()
        .unwrap_or_else(|error| panic!("{error:#}; `cargo xtask setup` installs it"));
    let mut setting = Setting::new(&image.elf, Kind::Sim);
    setting.scenario = Some(workspace::root().join("test/drive/machine.toml"));
    let mut board = Board::start(&programs, &setting).unwrap_or_else(|error| panic!("{error:#}"));
    let control = board.platform().and_then(|platform| platform.control());
    let mut control = Control::connect(control.expect("a control socket"));
    let stream = board.machine().take_console();
    let mut console = Console::new(stream).expect("the console can be read");

    let start = Instant::now();
    let mut out = std::io::stdout();
    let (mut passed, mut begun) = (0, 0);
    let last = loop {
        let line = line(&mut console, &board);
        let answered = if let Some(command) = line.strip_prefix("tell ") {
            Some(control.ask(command).map(drop))
        } else {
            line.strip_prefix("see ").map(|what| control.see(what))
        };
        if let Some(answer) = answered {
            if let Err(why) = &answer {
                let _ = writeln!(out, "drive: `{line}`: {why}");
            }
            let good = answer.is_ok();
            console.send(if good { b"+" } else { b"-" }).unwrap();
            continue;
        }
        // Not by `println!`: a test that passes would keep it to itself.
        let _ = writeln!(out, "drive: {line}");
        passed += usize::from(line.starts_with("case ") && line.ends_with(" ... ok"));
        begun += usize::from(line == "drive: begins");
        if line.starts_with(LAST) && line.ends_with(" failed") {
            break line;
        }
        assert!(start.elapsed() < LIMIT, "no end in sight");
    };
    let text = console.transcript();
    assert_eq!(last, format!("{LAST}{passed} passed, 0 failed"), "{text}");
    assert_eq!(begun, 1, "the task was restarted:\n{text}");
    assert!(passed >= CASES, "only {passed} cases, of {CASES} or more");

    let log = control.ask(r#"{"cmd":"log"}"#).unwrap();
    let seen = messages(&log);
    for protocol in Protocol::ALL {
        for message in 0..=u8::MAX {
            let Some(name) = protocol.message_name(message) else {
                continue;
            };
            let reserved = message == common::NEGOTIATE_PROTOCOL_VERSION
                || protocol == Protocol::Base && RESERVED.iter().any(|own| own.id() == message);
            for kind in ["command", "reply"] {
                let there = seen.contains(&(protocol.id(), message, kind));
                let wrong = if reserved { "a" } else { "no" };
                assert!(
                    there != reserved,
                    "{wrong} {kind} {name} of {protocol} in the log"
                );
            }
        }
    }
    for event in EVENTS {
        let there = seen.contains(&(event.protocol.id(), event.id, "notification"));
        assert!(there, "no notification {} in the log", event.name);
    }
    for delayed in DELAYED {
        let there = seen.contains(&(delayed.protocol.id(), delayed.message, "delayed response"));
        assert!(there, "no delayed response {} in the log", delayed.name);
    }
    let status = control.ask(r#"{"cmd":"status"}"#).unwrap();
    assert_eq!(status["counts"]["malformed"], 0, "{status}");
}
