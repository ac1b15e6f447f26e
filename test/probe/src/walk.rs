// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Asks, and judges the answers.

use std::collections::BTreeMap;

use crate::protocols::ALL;
use crate::report::{Departure, Report};
use crate::rules::{self, Key, Rule, checks, messages};
use crate::special;
use crate::table::{Access, Layout, Message, Param, Protocol, Version, word};

/// Requests for one list at most, however long it claims to be.
pub const LIST_LIMIT: usize = 64;
/// Domains of a protocol that are looked at.
const DOMAINS: u32 = 8;
/// Bytes left for a reply.
const ROOM: usize = 136;
/// A domain that no platform has.
pub const NOWHERE: u32 = 0xfffe;
/// A message that no protocol has.
pub const NO_MESSAGE: u8 = 0xee;
/// Silences after which nothing is asked any more.
const SILENCES: usize = 8;

/// Status.
pub const NOT_SUPPORTED: i32 = -1;
/// Status.
pub const INVALID_PARAMETERS: i32 = -2;
/// Status.
pub const DENIED: i32 = -3;
/// Status.
pub const NOT_FOUND: i32 = -4;
/// Status.
pub const OUT_OF_RANGE: i32 = -5;
/// Status.
pub const PROTOCOL_ERROR: i32 = -10;

/// The way to a platform.
pub trait Link {
    /// Whether the device has an event queue.
    fn has_events(&self) -> bool;
    /// Sends a command and waits for its reply; `None` if none comes in time.
    fn ask(&mut self, request: &[u8], room: usize) -> Option<Vec<u8>>;
    /// Starts over after a command that was not answered.
    fn again(&mut self) -> bool;
}

/// An answer, taken apart.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: i32,
    /// Its return values.
    pub values: Vec<u8>,
    bytes: [Vec<u8>; 2],
}

/// A protocol as the platform has it.
#[derive(Debug, Clone, Copy)]
pub struct Spoken {
    /// Its table.
    pub protocol: &'static Protocol,
    /// The version that is spoken now.
    pub version: Version,
    /// Its domains, those that are looked at.
    pub domains: u32,
}

/// A walk over everything a platform has.
pub struct Walk<'l> {
    link: &'l mut dyn Link,
    read_only: bool,
    token: u32,
    silences: usize,
    made: BTreeMap<Key, bool>,
    departures: Vec<Departure>,
    requests: usize,
}

/// Asks a platform everything. With `read_only` nothing is set, subscribed to or negotiated.
pub fn walk(link: &mut dyn Link, read_only: bool) -> Report {
    let mut walk = Walk {
        link,
        read_only,
        token: 0,
        silences: 0,
        made: checks()
            .into_iter()
            .map(|check| (check.key, false))
            .collect(),
        departures: Vec::new(),
        requests: 0,
    };
    let spoken: Vec<_> = ALL
        .into_iter()
        .filter_map(|protocol| walk.meet(protocol))
        .collect();
    for spoken in &spoken {
        walk.versions(*spoken);
    }
    special::run(&mut walk, &spoken);
    // What is malformed comes last: there are daemons that do not survive it.
    for spoken in &spoken {
        walk.malformed(*spoken);
    }
    Report {
        protocols: spoken
            .iter()
            .map(|spoken| (spoken.protocol.name, spoken.version))
            .collect(),
        requests: walk.requests,
        gave_up: walk.silences >= SILENCES,
        known: walk.made.len(),
        made: walk.made.values().filter(|made| **made).count(),
        departures: walk.departures,
    }
}

impl Walk<'_> {
    /// Whether nothing may be changed.
    pub fn read_only(&self) -> bool {
        self.read_only
    }

    /// Whether the device has an event queue.
    pub fn has_events(&self) -> bool {
        self.link.has_events()
    }

    /// Notes how a check came out. Only the first departure of a check is kept.
    pub fn check(
        &mut self,
        protocol: u8,
        message: u8,
        rule: &'static str,
        holds: bool,
        expected: &str,
        answer: &Answer,
    ) {
        let key = Key {
            protocol,
            message,
            rule,
        };
        debug_assert!(self.made.contains_key(&key), "{key:?} is in no table");
        self.made.insert(key, true);
        if !holds && !self.departures.iter().any(|departure| departure.key == key) {
            self.departures.push(Departure {
                key,
                expected: expected.into(),
                status: answer.status,
                request: answer.bytes[0].clone(),
                reply: answer.bytes[1].clone(),
            });
        }
    }

    pub(crate) fn rule(
        &mut self,
        spoken: &Spoken,
        message: &Message,
        rule: &Rule,
        holds: bool,
        expected: &str,
        answer: &Answer,
    ) {
        self.check(
            spoken.protocol.id,
            message.id,
            rule.id,
            holds,
            expected,
            answer,
        );
    }

    /// Sends a command and judges what each reply must be like; `None` if there is no answer, or no more asking.
    pub fn ask(&mut self, protocol: u8, message: u8, params: &[u32]) -> Option<Answer> {
        if self.silences >= SILENCES {
            return None;
        }
        self.token = (self.token + 1) & 0x3ff;
        let header = u32::from(message) | u32::from(protocol) << 10 | self.token << 18;
        let request: Vec<u8> = std::iter::once(&header)
            .chain(params)
            .flat_map(|word| word.to_le_bytes())
            .collect();
        self.requests += 1;
        let listed = self.made.contains_key(&Key {
            protocol,
            message,
            rule: "ANSWER",
        });
        let Some(reply) = self.link.ask(&request, ROOM) else {
            let none = Answer {
                status: 0,
                values: Vec::new(),
                bytes: [request, Vec::new()],
            };
            if listed {
                self.check(protocol, message, "ANSWER", false, "a reply", &none);
            }
            self.silences += 1;
            if !self.link.again() {
                self.silences = SILENCES;
            }
            return None;
        };
        let status = word(&reply, 4).map_or(0, |status| status as i32);
        let answer = Answer {
            status,
            values: reply.get(8..).unwrap_or_default().to_vec(),
            bytes: [request, reply],
        };
        let reply = &answer.bytes[1];
        if listed {
            self.check(
                protocol,
                message,
                "ANSWER",
                reply.len() >= 8,
                "header and status",
                &answer,
            );
            self.check(
                protocol,
                message,
                "HEADER",
                word(reply, 0) == Some(header),
                &format!("header {header:08x}"),
                &answer,
            );
            let known = (-11..=0).contains(&status) || status < -127;
            self.check(
                protocol,
                message,
                "STATUS",
                known,
                "a status of SCMI or a vendor's",
                &answer,
            );
            self.check(
                protocol,
                message,
                "FAILS",
                status == 0 || reply.len() == 8,
                "8 bytes",
                &answer,
            );
        }
        (reply.len() >= 8).then_some(answer)
    }

    /// The protocol's version and domains; `None` if the platform does not have it.
    fn meet(&mut self, protocol: &'static Protocol) -> Option<Spoken> {
        let answer = self.ask(protocol.id, 0, &[])?;
        let version = word(&answer.values, 0).filter(|_| answer.status == 0)?;
        let mut domains = 0;
        if let Some(field) = protocol.domains {
            let attributes = self.ask(protocol.id, 1, &[])?;
            domains = field.of(&attributes.values).unwrap_or(0);
        }
        Some(Spoken {
            protocol,
            version,
            domains: domains.min(DOMAINS),
        })
    }

    /// Reads in the version that the platform speaks, and in each older one that it can be asked to speak.
    fn versions(&mut self, own: Spoken) {
        self.wander(own);
        if self.read_only {
            return;
        }
        for &version in own
            .protocol
            .versions
            .iter()
            .rev()
            .filter(|version| **version < own.version)
        {
            let negotiated = self.ask(own.protocol.id, 0x10, &[version]);
            if negotiated.is_some_and(|answer| answer.status == 0) {
                self.wander(Spoken { version, ..own });
            }
        }
        self.ask(own.protocol.id, 0x10, &[own.version]);
    }

    fn wander(&mut self, spoken: Spoken) {
        for message in messages(spoken.protocol) {
            let Some(layout) = message.layout(spoken.version) else {
                if !self.read_only || message.access == Access::Read {
                    self.later(&spoken, message);
                }
                continue;
            };
            match message.access {
                Access::Read => self.reads(&spoken, message, layout),
                Access::Write if !self.read_only => self.writes(&spoken, message, layout),
                Access::Notify if !self.read_only => self.subscribes(&spoken, message, layout),
                _ => {}
            }
        }
    }

    fn later(&mut self, spoken: &Spoken, message: &Message) {
        let params = plain(message.layouts[0].params, NOWHERE, 0);
        if let Some(answer) = self.ask(spoken.protocol.id, message.id, &params) {
            self.rule(
                spoken,
                message,
                &rules::LATER,
                answer.status == NOT_SUPPORTED,
                "NOT_SUPPORTED",
                &answer,
            );
        }
    }

    /// The domains that a message is asked for: one that does not matter, if it has none.
    pub fn domains(&mut self, spoken: &Spoken, message: &Message, layout: &Layout) -> u32 {
        if !layout.params.contains(&Param::Domain) {
            return 1;
        }
        let Some(field) = message.domains else {
            return spoken.domains;
        };
        let attributes = self.ask(spoken.protocol.id, 1, &[]);
        attributes
            .and_then(|answer| field.of(&answer.values))
            .unwrap_or(0)
            .min(DOMAINS)
    }

    fn reads(&mut self, spoken: &Spoken, message: &'static Message, layout: &Layout) {
        let Some(values) = rules::values(spoken.protocol, message, spoken.version) else {
            return;
        };
        for domain in 0..self.domains(spoken, message, layout) {
            if layout.params.contains(&Param::Skip) {
                self.list(spoken, message, layout, domain, values);
                continue;
            }
            let Some(answer) = self.ask(
                spoken.protocol.id,
                message.id,
                &plain(layout.params, domain, 0),
            ) else {
                continue;
            };
            if answer.status == 0 {
                self.values(spoken, message, values, &answer);
            }
        }
    }

    /// The parameters of a message, with what is to be written back read first; `None` if it cannot be read.
    pub fn params(&mut self, spoken: &Spoken, layout: &Layout, domain: u32) -> Option<Vec<u32>> {
        let mut words = Vec::new();
        for param in layout.params {
            words.push(match *param {
                Param::Read { from, at, mask, .. } => {
                    let answer =
                        self.ask(spoken.protocol.id, from, &self.getter(spoken, from, domain))?;
                    word(&answer.values, at).filter(|_| answer.status == 0)? & mask
                }
                other => plain(&[other], domain, 0)[0],
            });
        }
        Some(words)
    }

    fn getter(&self, spoken: &Spoken, from: u8, domain: u32) -> Vec<u32> {
        let message = spoken
            .protocol
            .messages
            .iter()
            .find(|message| message.id == from);
        let layout = message.and_then(|message| message.layout(spoken.version));
        layout.map_or_else(Vec::new, |layout| plain(layout.params, domain, 0))
    }

    fn writes(&mut self, spoken: &Spoken, message: &Message, layout: &Layout) {
        for domain in 0..self.domains(spoken, message, layout) {
            let Some(params) = self.params(spoken, layout, domain) else {
                continue;
            };
            let Some(answer) = self.ask(spoken.protocol.id, message.id, &params) else {
                continue;
            };
            // Not for this guest, or not for this domain.
            if [DENIED, NOT_SUPPORTED].contains(&answer.status) {
                continue;
            }
            let after = self.params(spoken, layout, domain);
            let same = answer.status == 0 && after.as_ref() == Some(&params);
            self.rule(
                spoken,
                message,
                &rules::SAME,
                same,
                &format!("SUCCESS, then {params:x?} read back"),
                &answer,
            );
        }
    }

    fn subscribes(&mut self, spoken: &Spoken, message: &Message, layout: &Layout) {
        for domain in 0..self.domains(spoken, message, layout) {
            let mut params = plain(layout.params, domain, 0);
            let Some(place) = layout
                .params
                .iter()
                .position(|param| *param == Param::Enable)
            else {
                return;
            };
            params[place] = 1;
            let Some(answer) = self.ask(spoken.protocol.id, message.id, &params) else {
                continue;
            };
            if !self.has_events() {
                let refused = answer.status == NOT_SUPPORTED;
                self.rule(
                    spoken,
                    message,
                    &rules::NO_EVENTS,
                    refused,
                    "NOT_SUPPORTED",
                    &answer,
                );
            } else if answer.status == 0 {
                self.rule(
                    spoken,
                    message,
                    &rules::LENGTH,
                    answer.values.is_empty(),
                    "0 bytes of values",
                    &answer,
                );
            }
            params[place] = 0;
            self.ask(spoken.protocol.id, message.id, &params);
        }
    }
}

/// Parameters without anything read.
pub fn plain(params: &[Param], domain: u32, skip: u32) -> Vec<u32> {
    let word = |param: &Param| match *param {
        Param::Domain => domain,
        Param::Skip => skip,
        Param::Flags(_) | Param::Enable | Param::Read { .. } => 0,
        Param::Value(value) => value,
    };
    params.iter().map(word).collect()
}

/// A version as people write it.
pub fn show(version: Version) -> String {
    format!("{}.{}", version >> 16, version & 0xffff)
}
