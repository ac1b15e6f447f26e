// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Completing the last word of a line.

use heapless::String;

use crate::grammar::{Command, is_placeholder, open_slots};

/// The longest word that is completed.
const WORD_MAX: usize = 64;

/// A word that is not in the table, and that somebody else may know: the placeholder and where it stands.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// The command.
    pub command: &'static str,
    /// The placeholder: `NAME`, `TASK` and the like.
    pub placeholder: &'static str,
    /// The words before it, command and verb included.
    pub before: &'a str,
}

/// Knows the words that are not in the table.
///
/// Calls through pointers would make the depth of the stack hard to tell; this is no such call.
pub trait Others {
    /// Tells the words that may stand for a placeholder.
    fn tell(&self, wanted: Wanted<'_>, sink: &mut impl FnMut(&str));
}

/// The words with which the last word of `line` may go on, be it empty. `others` tells those that are not in the table.
pub fn candidates<R>(
    table: &'static [Command<R>],
    line: &str,
    others: &impl Others,
    mut sink: impl FnMut(&str),
) {
    let (before, begun) = split(line);
    let mut offer = |word: &str| {
        if word.starts_with(begun) && word.bytes().all(|byte| byte.is_ascii_graphic()) {
            sink(word);
        }
    };
    let mut words = before.split_ascii_whitespace();
    let Some(name) = words.next() else {
        table.iter().for_each(|command| offer(command.name));
        return;
    };
    let Some(command) = table.iter().find(|command| command.name == name) else {
        return;
    };
    let verb = if command.is_plain() {
        ""
    } else if let Some(verb) = words.next() {
        verb
    } else {
        command.verbs.iter().for_each(|verb| offer(verb.name));
        return;
    };
    let Some(verb) = command.verbs.iter().find(|known| known.name == verb) else {
        return;
    };
    for slot in open_slots(verb.arguments, words) {
        for alternative in slot.alternatives() {
            if is_placeholder(alternative) {
                let wanted = Wanted {
                    command: command.name,
                    placeholder: alternative,
                    before,
                };
                others.tell(wanted, &mut offer);
            } else {
                offer(alternative);
            }
        }
    }
}

/// What comes before the last word, and the last word.
fn split(line: &str) -> (&str, &str) {
    let start = line.rfind(' ').map_or(0, |space| space + 1);
    line.split_at(start)
}

/// What is known after all candidates were seen.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// How many there are.
    pub count: usize,
    /// How they all begin.
    common: String<WORD_MAX>,
}

impl Completion {
    /// Looks at one more.
    pub fn add(&mut self, word: &str) {
        if self.count == 0 {
            // One that is longer cannot be typed by itself; what fits is right all the same.
            let end = word.len().min(WORD_MAX);
            let _ = self.common.push_str(word.get(..end).unwrap_or_default());
        } else {
            let same = self
                .common
                .bytes()
                .zip(word.bytes())
                .take_while(|(a, b)| a == b)
                .count();
            // Candidates are ASCII, so that every place is a boundary.
            self.common.truncate(same);
        }
        self.count += 1;
    }

    /// What can be typed after `line` without choosing, and whether the word ends then.
    pub fn rest(&self, line: &str) -> (&str, bool) {
        let (_, begun) = split(line);
        (
            self.common.get(begun.len()..).unwrap_or_default(),
            self.count == 1 && self.common.len() < WORD_MAX,
        )
    }
}
