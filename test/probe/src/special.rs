// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Rules of single messages.

mod common;
mod domains;

use crate::table::{Version, word};
use crate::walk::{Answer, Spoken, Walk};

/// A rule of one message.
#[derive(Debug)]
pub struct Special {
    /// Its id.
    pub id: &'static str,
    /// The protocol; `None` for a message that each protocol has.
    pub protocol: Option<u8>,
    /// The message.
    pub message: u8,
    /// The rule.
    pub text: &'static str,
    /// Where it is from.
    pub source: &'static str,
    /// Asks, and judges the answer.
    ask: fn(&mut Judge<'_, '_>),
    /// Whether something is changed, or would be by a platform that departs.
    changes: bool,
}

const fn special(
    id: &'static str,
    protocol: Option<u8>,
    message: u8,
    text: &'static str,
    source: &'static str,
    changes: bool,
    ask: fn(&mut Judge<'_, '_>),
) -> Special {
    Special {
        id,
        protocol,
        message,
        text,
        source,
        ask,
        changes,
    }
}

/// All of them.
pub fn all() -> impl Iterator<Item = &'static Special> {
    common::RULES.iter().chain(domains::RULES)
}

/// A platform being judged by one rule.
struct Judge<'w, 'l> {
    walk: &'w mut Walk<'l>,
    special: &'static Special,
    spoken: Spoken,
    present: &'w [u8],
}

impl Judge<'_, '_> {
    /// Sends the rule's message.
    fn ask(&mut self, params: &[u32]) -> Option<Answer> {
        self.other(self.special.message, params)
    }

    /// Sends another message of the protocol.
    fn other(&mut self, message: u8, params: &[u32]) -> Option<Answer> {
        self.walk.ask(self.spoken.protocol.id, message, params)
    }

    /// Sends the rule's message for domain 0, if the domain's attributes have this bit.
    fn allowed(&mut self, attributes: u8, bit: u32, params: &[u32]) -> Option<Answer> {
        let attributes = self.other(attributes, &[0])?;
        word(&attributes.values, 0).filter(|word| word & bit != 0)?;
        self.ask(params)
    }

    fn check(&mut self, holds: bool, expected: &str, answer: &Answer) {
        let Special { id, message, .. } = self.special;
        self.walk.check(
            self.spoken.protocol.id,
            *message,
            id,
            holds,
            expected,
            answer,
        );
    }

    fn synchronous(&mut self, bit: u32) {
        if self.walk.has_events() {
            return;
        }
        for domain in 0..self.spoken.domains {
            if let Some(answer) = self.ask(&[domain]).filter(|answer| answer.status == 0) {
                let clear = word(&answer.values, 0).is_some_and(|word| word & bit == 0);
                self.check(clear, &format!("bit {bit:#x} clear"), &answer);
            }
        }
    }
}

/// Applies all of them.
pub fn run(walk: &mut Walk<'_>, spoken: &[Spoken]) {
    let present: Vec<u8> = spoken.iter().map(|spoken| spoken.protocol.id).collect();
    for &spoken in spoken {
        let mine = |special: &&Special| special.protocol.is_none_or(|id| id == spoken.protocol.id);
        for special in all().filter(mine) {
            // Rules of later messages do not matter to what speaks an older version.
            let since: Version = spoken
                .protocol
                .messages
                .iter()
                .find(|message| message.id == special.message)
                .map_or(0, |message| message.layouts[0].since);
            if special.changes && walk.read_only() || since > spoken.version {
                continue;
            }
            (special.ask)(&mut Judge {
                walk,
                special,
                spoken,
                present: &present,
            });
        }
    }
}
