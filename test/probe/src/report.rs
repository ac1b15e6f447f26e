// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What was found, for people and as JSON.

use std::fmt::Write as _;

use serde::Serialize;

use crate::rules::{Key, checks};
use crate::walk::show;

/// A departure from the specification.
#[derive(Debug, Clone)]
pub struct Departure {
    /// Protocol, message and rule.
    pub key: Key,
    /// What was expected.
    pub expected: String,
    /// The status that came.
    pub status: i32,
    /// The request.
    pub request: Vec<u8>,
    /// The reply; empty if none came.
    pub reply: Vec<u8>,
}

/// What a walk found.
#[derive(Debug)]
pub struct Report {
    /// Protocols that the platform has, and their versions.
    pub protocols: Vec<(&'static str, u32)>,
    /// Requests that were sent.
    pub requests: usize,
    /// Whether the daemon stopped answering, so that the rest was not asked.
    pub gave_up: bool,
    /// Checks that there are.
    pub known: usize,
    /// Checks that were made.
    pub made: usize,
    /// Departures, in the order in which they were found.
    pub departures: Vec<Departure>,
}

/// A departure with all that belongs to it, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Row {
    rule: &'static str,
    protocol: &'static str,
    message: &'static str,
    protocol_id: u8,
    message_id: u8,
    text: &'static str,
    expected: String,
    came: String,
    request: String,
    reply: String,
    source: &'static str,
}

/// The report as `--json` prints it.
#[derive(Debug, Serialize)]
pub struct Json {
    protocols: Vec<(&'static str, String)>,
    requests: usize,
    gave_up: bool,
    checks: usize,
    checks_made: usize,
    departures: Vec<Row>,
}

impl Report {
    /// For programs.
    pub fn json(&self) -> Json {
        let checks = checks();
        let row = |departure: &Departure| {
            let check = checks.iter().find(|check| check.key == departure.key);
            let [protocol, message] = check.map_or(["?"; 2], |check| check.names);
            Row {
                rule: departure.key.rule,
                protocol,
                message,
                protocol_id: departure.key.protocol,
                message_id: departure.key.message,
                text: check.map_or("", |check| check.text),
                expected: departure.expected.clone(),
                came: match departure.reply.is_empty() {
                    true => "no reply".into(),
                    false => format!(
                        "status {}, {} bytes",
                        departure.status,
                        departure.reply.len()
                    ),
                },
                request: hex(&departure.request),
                reply: hex(&departure.reply),
                source: check.map_or("", |check| check.source),
            }
        };
        Json {
            protocols: self
                .protocols
                .iter()
                .map(|(name, version)| (*name, show(*version)))
                .collect(),
            requests: self.requests,
            gave_up: self.gave_up,
            checks: self.known,
            checks_made: self.made,
            departures: self.departures.iter().map(row).collect(),
        }
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let json = self.json();
        for row in &json.departures {
            let _ = writeln!(
                text,
                "{} {} ({:#04x} {:#04x}): {}\n  expected {}\n  came     {}\n  request  {}\n  reply    {}\n  source   {}",
                row.rule,
                row.message,
                row.protocol_id,
                row.message_id,
                row.text,
                row.expected,
                row.came,
                row.request,
                row.reply,
                row.source
            );
        }
        let protocols: Vec<_> = json
            .protocols
            .iter()
            .map(|(name, version)| format!("{name} {version}"))
            .collect();
        let _ = writeln!(text, "protocols: {}", protocols.join(", "));
        if self.gave_up {
            let _ = writeln!(
                text,
                "the daemon stopped answering, and the rest was not asked"
            );
        }
        let _ = writeln!(
            text,
            "{} of {} checks made with {} requests: {} departures",
            self.made,
            self.known,
            self.requests,
            self.departures.len()
        );
        text
    }
}

fn hex(bytes: &[u8]) -> String {
    let bytes: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(" ")
}
