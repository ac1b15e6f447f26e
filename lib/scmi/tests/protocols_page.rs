// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `doc/protocols.md` is what the declarations and the sources say: each message has a row, and each row a test.
//!
//! With `SCMI_WRITE_PROTOCOLS=1` in the environment the page is written anew.

#![cfg(not(miri))]

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use scmi::Protocol;
use scmi::events::{self, DELAYED, EVENTS, EnableShape, Sources};
use scmi::facts::COMMANDS;

const PAGE: &str = "doc/protocols.md";

/// Folders with tests that speak of messages, the most telling first.
const TESTS: [&str; 4] = [
    "test/platform/src/protocols/tests",
    "drv/scmi-api/tests",
    "drv/virtio-scmi/src/clients/rules",
    "lib/scmi/tests",
];

const HEAD: &str = "# Protocols and messages

Made from the declarations in `lib/scmi/src/facts`, and from the sources that use them, by `SCMI_WRITE_PROTOCOLS=1 cargo test -p scmi
--test protocols_page`; the same test fails when the page is not what they say, or when a message has no test.

- *since*: the version of the protocol that brought the message, as public sources have it.
- *agent*: `yes`, a typed call of `drv/scmi-api` sends or receives it; `driver`, only the driver sends it, for all clients (N07);
  `refused`, the driver refuses it to clients, because it would change what the platform keeps for all of them; `bytes`, clients
  have it as bytes.
- *platform*: whether `test/platform` knows it, if only to deny it.
- *rule*: what the driver knows of it: which word of the request names the domain that `domains` of a client restricts, which flags
  ask for a delayed response, how a notification is enabled and how long it is, in bytes.
- *test*: one that sends it, or that has its layout.
";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A test function: its name and all of its text.
struct Test {
    name: String,
    body: String,
}

/// All test functions, in the order of [`TESTS`].
fn tests() -> Vec<Test> {
    let mut tests = Vec::new();
    for folder in TESTS {
        let mut paths: Vec<_> = fs::read_dir(root().join(folder))
            .expect("the folder is there")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.extension().is_some_and(|ext| ext == "rs"))
            .filter(|path| !path.ends_with("protocols_page.rs"))
            .collect();
        paths.sort();
        for path in paths {
            let text = fs::read_to_string(path).expect("a source file");
            for part in text.split("#[test]").skip(1) {
                let (_, named) = part.split_once("fn ").expect("a function");
                let (name, body) = named.split_once('(').expect("parameters");
                // What follows the function belongs to others.
                let body = body.split("\n}\n").next().expect("a body");
                tests.push(Test {
                    name: name.to_owned(),
                    body: body.to_owned(),
                });
            }
        }
    }
    tests
}

/// Whether `text` has `word` with nothing around it that would make it another word. A number after it is that of an older or newer form.
fn has_word(text: &str, word: &str) -> bool {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let after = &text[at + word.len()..];
        let after = match after.strip_prefix('V') {
            Some(form) => form.trim_start_matches(|c: char| c.is_ascii_digit()),
            None => after,
        };
        !text[..at].ends_with(part_of_word) && !after.starts_with(part_of_word)
    })
}

/// The first test that names one of the protocol's structures. Layouts are tested by functions with the protocol's name.
fn test_of<'t>(tests: &'t [Test], protocol: Protocol, structure: &str) -> Option<&'t str> {
    let path = format!("{protocol}::{structure}");
    let variant_path = format!("{protocol:?}Message::{structure}");
    // What all protocols share is tested for all of them together.
    let shared = COMMANDS
        .iter()
        .any(|one| is_common(one.id) && variant(one.protocol, one.id) == structure);
    let names = |test: &&Test| {
        let of_layouts = if shared {
            test.name == "common_messages" && has_word(&test.body, protocol.name())
        } else {
            test.name == protocol.name() && has_word(&test.body, structure)
        };
        of_layouts || has_word(&test.body, &path) || has_word(&test.body, &variant_path)
    };
    tests.iter().find(names).map(|test| test.name.as_str())
}

/// The name of a command in the enum of its protocol.
fn variant(protocol: Protocol, id: u8) -> String {
    use scmi::protocol::*;
    macro_rules! name {
        ($($protocol:ident $messages:ident;)*) => {
            match protocol { $(Protocol::$protocol => format!("{:?}", $messages::from_id(id).expect("a message")),)* }
        };
    }
    name! {
        Base BaseMessage; Power PowerMessage; System SystemMessage; Perf PerfMessage; Clock ClockMessage;
        Sensor SensorMessage; Reset ResetMessage; Voltage VoltageMessage; Powercap PowercapMessage;
        Pinctrl PinctrlMessage;
    }
}

/// The structure of a notification, as it is declared.
fn notification(protocol: Protocol, name: &str) -> String {
    let facts = format!("lib/scmi/src/facts/{protocol}.rs");
    let text = fs::read_to_string(root().join(facts)).expect("a file per protocol");
    let (before, _) = text
        .split_once(&format!(" \"{name}\""))
        .expect("it is declared");
    let structure = before.rsplit(' ').next().expect("a structure");
    structure.to_owned()
}

fn is_common(id: u8) -> bool {
    use scmi::protocol::common::*;
    [
        PROTOCOL_VERSION,
        PROTOCOL_ATTRIBUTES,
        PROTOCOL_MESSAGE_ATTRIBUTES,
        NEGOTIATE_PROTOCOL_VERSION,
    ]
    .contains(&id)
}

/// The page as it must be, and what has no test.
fn page() -> (String, Vec<&'static str>) {
    let tests = tests();
    let mut page = HEAD.to_owned();
    let mut untested = Vec::new();
    let read = |path: String| fs::read_to_string(root().join(path)).expect("a source file");
    let rules = read("drv/virtio-scmi/src/clients/rules.rs".to_owned());
    let (_, reserved) = rules
        .split_once("const RESERVED_BASE")
        .expect("what the driver keeps of Base");
    let (reserved, _) = reserved.split_once("];").expect("its end");
    for protocol in Protocol::ALL {
        let agent = read(format!("drv/scmi-api/src/{protocol}.rs"));
        let platform = read(format!("test/platform/src/protocols/{protocol}.rs"));
        let known = protocol.known_version();
        write!(
            page,
            "\n## {} {:#04x}, known up to {known}\n\n\
             | message | since | agent | platform | rule | test |\n|---|---|---|---|---|---|\n",
            protocol.title(),
            protocol.id()
        )
        .expect("memory");
        let mut row =
            |what: String, since, agent, platform, rule: String, structure: &str, name| {
                let test = test_of(&tests, protocol, structure);
                if test.is_none() {
                    untested.push(name);
                }
                writeln!(
                    page,
                    "| {what} | {since} | {agent} | {platform} | {rule} | `{}` |",
                    test.unwrap_or("none")
                )
                .expect("memory");
            };
        for command in COMMANDS.iter().filter(|one| one.protocol == protocol) {
            let structure = variant(protocol, command.id);
            let enables = events::enabled_by(protocol.id(), command.id);
            let kept = command.id == scmi::protocol::common::NEGOTIATE_PROTOCOL_VERSION
                || reserved.contains(&format!("{protocol:?}Message::{structure} "));
            let sent_by = if enables.is_some() {
                "driver"
            } else if kept {
                "refused"
            } else if is_common(command.id) || has_word(&agent, &structure) {
                "yes"
            } else {
                "bytes"
            };
            let handled = is_common(command.id)
                || platform.contains(&format!("Message::{structure} "))
                || platform.contains(&format!("Message::{structure}\n"));
            let mut rule = match command.domain_word {
                None => "no domain".to_owned(),
                Some(word) => format!("domain in word {word}"),
            };
            if let Some(event) = enables {
                write!(rule, "; enables {}", event.name).expect("memory");
            }
            row(
                format!("{:#04x} {}", command.id, command.name),
                command.since,
                sent_by,
                if handled { "yes" } else { "no" },
                rule,
                &structure,
                command.name,
            );
        }
        for later in DELAYED.iter().filter(|one| one.protocol == protocol) {
            let rule = format!(
                "where word {} & {:#b} is {:#b}; {}",
                later.flags_at / 4,
                later.flags_mask,
                later.flags_asking,
                lengths(later.min_len, later.max_len)
            );
            let command = COMMANDS
                .iter()
                .find(|one| one.protocol == protocol && one.id == later.message)
                .expect("a command");
            let what = format!("{:#04x} {} (delayed)", later.message, later.name);
            let structure = variant(protocol, later.message);
            row(
                what,
                command.since,
                "yes",
                "yes",
                rule,
                &structure,
                later.name,
            );
        }
        for event in EVENTS.iter().filter(|one| one.protocol == protocol) {
            let enable = match event.enable {
                EnableShape::Enable => "enable",
                EnableShape::SourceEnable => "source, enable",
                EnableShape::SourceEnableThresholds => "source, enable, low, high",
            };
            let sources = match event.sources {
                Sources::Platform => "of the platform",
                Sources::Attributes => "of each source",
            };
            let rule = format!(
                "{sources}; {}; enabled by {:#04x} ({enable})",
                lengths(event.min_len, event.max_len),
                event.enabled_by
            );
            let structure = notification(protocol, event.name);
            let sent = has_word(&platform, &structure) || has_word(&platform, event.name);
            let what = format!("{:#04x} {} (event)", event.id, event.name);
            let sent = if sent { "yes" } else { "no" };
            let agent = if has_word(&agent, &structure) {
                "yes"
            } else {
                "bytes"
            };
            row(what, event.since, agent, sent, rule, &structure, event.name);
        }
    }
    (page, untested)
}

fn lengths(min: usize, max: usize) -> String {
    if min == max {
        format!("{min} bytes")
    } else {
        format!("{min} to {max} bytes")
    }
}

#[test]
fn the_page_has_every_message_and_every_message_a_test() {
    let (made, untested) = page();
    assert_eq!(untested, [""; 0], "without a test");
    let path = root().join(PAGE);
    if std::env::var_os("SCMI_WRITE_PROTOCOLS").is_some() {
        fs::write(&path, &made).expect("the page can be written");
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    let differs = made
        .lines()
        .zip(found.lines())
        .find(|(made, found)| made != found);
    assert!(
        made == found,
        "{PAGE} is not what the sources say ({differs:?}): run with SCMI_WRITE_PROTOCOLS=1"
    );
}
