// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The probe on the platform of this tree, without a socket between them: as it is, and changed in twenty ways.

use std::collections::BTreeSet;

use probe::report::Report;
use probe::rules::checks;
use probe::walk::{Link, walk};
use scmi_platform::engine::Engine;
use scmi_platform::machine::Machine;

/// Changes a reply: gets the request's protocol, message and parameters, and the whole reply.
type Mutation = fn(u8, u8, &[u32], &mut Vec<u8>);

struct Direct {
    engine: Engine,
    mutation: Mutation,
    asked: usize,
}

impl Direct {
    fn new(machine: Machine, mutation: Mutation) -> Self {
        Self {
            engine: Engine::new(machine),
            mutation,
            asked: 0,
        }
    }
}

impl Link for Direct {
    fn has_events(&self) -> bool {
        self.engine.platform.model.machine.platform.p2a
    }

    fn ask(&mut self, request: &[u8], room: usize) -> Option<Vec<u8>> {
        self.asked += 1;
        let words: Vec<u32> = request
            .chunks_exact(4)
            .map(|word| u32::from_le_bytes(word.try_into().unwrap()))
            .collect();
        let mut reply = self.engine.platform.handle(request, room)?;
        (self.mutation)(
            (words[0] >> 10) as u8,
            words[0] as u8,
            &words[1..],
            &mut reply,
        );
        (!reply.is_empty()).then_some(reply)
    }

    fn again(&mut self) -> bool {
        true
    }
}

fn probe(mutation: Mutation) -> Report {
    walk(&mut Direct::new(Machine::sample(), mutation), false)
}

#[test]
fn there_are_at_least_300_checks_each_once_with_a_source() {
    let checks = checks();
    let keys: BTreeSet<_> = checks.iter().map(|check| check.key).collect();
    assert_eq!(keys.len(), checks.len());
    assert!(
        checks
            .iter()
            .all(|check| !check.source.is_empty() && !check.text.is_empty())
    );
    assert!(checks.len() >= 300, "{}", checks.len());
}

#[test]
fn our_platform_departs_nowhere() {
    let report = probe(|_, _, _, _| ());
    assert!(
        report.departures.is_empty() && !report.gave_up,
        "{}",
        report.text()
    );
    assert!(report.made >= 300, "{}", report.text());
}

#[test]
fn without_an_event_queue_it_departs_nowhere_either() {
    let mut machine = Machine::sample();
    machine.platform.p2a = false;
    let report = walk(&mut Direct::new(machine, |_, _, _, _| ()), false);
    assert!(report.departures.is_empty(), "{}", report.text());
}

#[test]
fn a_read_only_probe_changes_nothing() {
    let mut link = Direct::new(Machine::sample(), |protocol, message, _, _| {
        let notifies_or_sets = match protocol {
            0x10 => matches!(message, 0x8..=0xb),
            0x11 => matches!(message, 0x4 | 0x6 | 0x7),
            0x12 => matches!(message, 0x3 | 0x5),
            0x13 => matches!(message, 0x5 | 0x7 | 0x9 | 0xa),
            0x14 => matches!(message, 0x5 | 0x7 | 0x9 | 0xa | 0xd),
            0x15 => matches!(message, 0x4 | 0x5 | 0xa | 0xb),
            0x16 => matches!(message, 0x4 | 0x5),
            0x17 => matches!(message, 0x5 | 0x7),
            0x18 => matches!(message, 0x5 | 0x7 | 0xa | 0xb),
            _ => matches!(message, 0x6..=0x8),
        };
        assert!(
            !notifies_or_sets && message != 0x10,
            "{protocol:#x} {message:#x}"
        );
    });
    let report = walk(&mut link, true);
    assert!(report.departures.is_empty(), "{}", report.text());
}

#[test]
fn what_was_set_is_restored() {
    let mut link = Direct::new(Machine::sample(), |_, _, _, _| ());
    let before = scmi_platform::state::of(&link.engine);
    walk(&mut link, false);
    assert_eq!(scmi_platform::state::of(&link.engine), before);
    assert!(link.engine.platform.subscriptions().is_empty());
}

#[test]
fn a_list_that_never_ends_costs_at_most_64_requests() {
    static PAGES: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let mut machine = Machine::sample();
    machine.clocks.truncate(1);
    let mut link = Direct::new(machine, |protocol, message, params, reply| {
        if (protocol, message) == (0x14, 0x4) && params.len() == 2 && params[1] < 1000 {
            // One entry, and always as many left as add up: it claims 4,000 rates.
            let left = 4_000 - params[1] - 1;
            reply.truncate(4);
            reply.extend([0; 4]);
            reply.extend((1 | left << 16).to_le_bytes());
            reply.extend([0; 8]);
            PAGES.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    });
    walk(&mut link, true);
    let pages = PAGES.load(std::sync::atomic::Ordering::Relaxed);
    assert!((60..=70).contains(&pages), "{pages}");
}

#[test]
fn a_platform_that_falls_silent_is_left_alone() {
    let mut link = Direct::new(Machine::sample(), |protocol, message, _, reply| {
        if protocol == 0x14 && (0x3..0x10).contains(&message) {
            reply.clear();
        }
    });
    let report = walk(&mut link, false);
    assert!(
        report
            .departures
            .iter()
            .all(|departure| departure.key.rule == "ANSWER"),
        "{}",
        report.text()
    );
    assert!(!report.departures.is_empty());
    assert!(link.asked < 3_000, "{}", link.asked);
}

/// Puts a word of the return values somewhere else.
fn set(reply: &mut [u8], at: usize, change: impl Fn(u32) -> u32) {
    if let Some(place) = reply.get_mut(8 + at..12 + at) {
        let word = u32::from_le_bytes((&*place).try_into().unwrap());
        place.copy_from_slice(&change(word).to_le_bytes());
    }
}

/// Makes the reply one with this status.
fn fail(reply: &mut Vec<u8>, status: i32) {
    reply.truncate(4);
    reply.extend(status.to_le_bytes());
}

fn succeeds(reply: &[u8]) -> bool {
    reply.get(4..8) == Some(&[0; 4])
}

/// Mutations of our platform: a name (doc/testing.md lists them), the rule that finds it, and what it does.
const MUTATIONS: [(&str, &str, Mutation); 22] = [
    ("another token in the header", "HEADER", |p, m, _, r| {
        if (p, m) == (0x11, 5) {
            r[2] ^= 4
        }
    }),
    ("a status that does not exist", "STATUS", |p, m, _, r| {
        if (p, m) == (0x14, 6) && !succeeds(r) {
            r[4] = 0xc0
        }
    }),
    ("values behind a failure", "FAILS", |p, m, _, r| {
        if (p, m) == (0x13, 8) && !succeeds(r) {
            r.extend([0; 4])
        }
    }),
    ("a word too many", "LENGTH", |p, m, _, r| {
        if (p, m) == (0x17, 8) && succeeds(r) {
            r.extend([0; 4])
        }
    }),
    ("no number in DISCOVER_AGENT", "LENGTH", |p, m, _, r| {
        if (p, m) == (0x10, 7) && r.len() == 28 {
            r.drain(8..12);
        }
    }),
    ("a reserved attribute bit", "RESERVED", |p, m, _, r| {
        if (p, m) == (0x11, 3) && succeeds(r) {
            set(r, 0, |w| w | 1)
        }
    }),
    ("a name without an end", "NAME", |p, m, _, r| {
        if (p, m) == (0x10, 3) {
            r[8..].fill(b'x')
        }
    }),
    (
        "a message that is there is not listed",
        "LISTED",
        |p, m, w, r| {
            if (p, m) == (0x15, 2) && w == [6] {
                fail(r, -4)
            }
        },
    ),
    (
        "a message that is not there is listed",
        "LISTED",
        |p, m, w, r| {
            if (p, m) == (0x13, 2) && w == [0xb] {
                fail(r, 0);
                r.extend([0; 4])
            }
        },
    ),
    ("a short request is carried out", "SHORT", |p, m, w, r| {
        if (p, m) == (0x14, 5) && w.len() == 3 {
            fail(r, 0)
        }
    }),
    ("a long request is carried out", "LONG", |p, m, w, r| {
        if (p, m) == (0x16, 4) && w.len() == 4 {
            fail(r, -4)
        }
    }),
    (
        "OUT_OF_RANGE for a domain that is not there",
        "DOMAIN",
        |p, m, _, r| {
            if (p, m) == (0x18, 4) && !succeeds(r) {
                fail(r, -5)
            }
        },
    ),
    ("what remains does not shrink", "PAGES", |p, m, _, r| {
        if (p, m) == (0x15, 3) && succeeds(r) {
            set(r, 0, |w| w | 7 << 16)
        }
    }),
    ("an empty page at the end of a list", "END", |p, m, _, r| {
        if (p, m) == (0x17, 4) && !succeeds(r) {
            fail(r, 0);
            r.extend([0; 4])
        }
    }),
    (
        "OUT_OF_RANGE past the end of a list",
        "PAST",
        |p, m, w, r| {
            if (p, m) == (0x13, 4) && w.get(1) > Some(&900) {
                fail(r, -5)
            }
        },
    ),
    ("reserved flags are ignored", "FLAGS", |p, m, w, r| {
        if (p, m) == (0x11, 4) && w[0] > 1 {
            fail(r, 0)
        }
    }),
    (
        "reserved bits of notify_enable are ignored",
        "ENABLE",
        |p, m, w, r| {
            if (p, m) == (0x15, 0xb) && w.get(1) > Some(&1) {
                fail(r, 0)
            }
        },
    ),
    (
        "a level that was read cannot be set",
        "SAME",
        |p, m, _, r| {
            if (p, m) == (0x13, 7) && succeeds(r) {
                fail(r, -5)
            }
        },
    ),
    (
        "versions that never existed are negotiated",
        "NEVER",
        |p, m, w, r| {
            if (p, m) == (0x12, 0x10) && w == [0x1_9999] {
                fail(r, 0)
            }
        },
    ),
    ("a message of 3.0 in version 2.0", "LATER", |p, m, _, r| {
        if (p, m) == (0x14, 0xf) && !succeeds(r) {
            fail(r, -4)
        }
    }),
    ("one protocol counted too many", "COUNTED", |p, m, _, r| {
        if (p, m) == (0x10, 1) {
            set(r, 0, |w| w + 1)
        }
    }),
    ("both limits 0 are accepted", "BOTH-ZERO", |p, m, w, r| {
        if (p, m) == (0x13, 5) && w.len() == 3 && w[1..] == [0, 0] {
            fail(r, 0)
        }
    }),
];

#[test]
fn each_mutation_is_found_by_its_rule() {
    for (name, rule, mutation) in MUTATIONS {
        let report = probe(mutation);
        assert!(
            report
                .departures
                .iter()
                .any(|departure| departure.key.rule == rule),
            "{name} was not found by {rule}:\n{}",
            report.text()
        );
    }
}

#[test]
fn the_mutations_are_listed() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../doc/testing.md");
    let doc = std::fs::read_to_string(path).unwrap();
    for (name, rule, _) in MUTATIONS {
        assert!(doc.contains(&format!("| {name} | {rule} |")), "{name}");
    }
}
