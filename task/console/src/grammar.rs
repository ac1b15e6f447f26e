// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What can be typed: a table of commands, and how a line is held against it.
//!
//! A command has verbs, or is one itself. What may follow is said in the words that people read, and those words are what a line
//! is checked against:
//!
//! | in the table | stands for |
//! |---|---|
//! | `NAME` | any word |
//! | `up\|down` | one of these words |
//! | `cold\|KIND` | any word, of which one is known |
//! | `[NAME]`, `[LOW HIGH]` | may be left out |
//! | `[NAME...]` | any number of words, none too |

use core::fmt;
use core::str::SplitAsciiWhitespace;

/// The words after command and verb.
pub type Words<'a> = SplitAsciiWhitespace<'a>;

/// A command.
pub struct Command<R: 'static> {
    /// Its name.
    pub name: &'static str,
    /// What it is about.
    pub help: &'static str,
    /// What it can do. One without a name is the command itself, and then the only one.
    pub verbs: &'static [Verb<R>],
}

/// What a command can do.
pub struct Verb<R> {
    /// Its name, or nothing.
    pub name: &'static str,
    /// What may follow.
    pub arguments: &'static str,
    /// What it does.
    pub help: &'static str,
    /// What does it.
    pub run: R,
}

impl<R> Verb<R> {
    /// A verb of that name.
    pub const fn new(
        name: &'static str,
        arguments: &'static str,
        help: &'static str,
        run: R,
    ) -> Self {
        Self {
            name,
            arguments,
            help,
            run,
        }
    }
}

impl<R> Command<R> {
    /// Whether it is its own verb.
    pub fn is_plain(&self) -> bool {
        self.verbs.first().is_some_and(|verb| verb.name.is_empty())
    }
}

/// Why a line is no command.
pub enum Misfit<'a, R: 'static> {
    /// There is no such command.
    UnknownCommand(&'a str),
    /// The command has no such verb.
    UnknownVerb(&'static Command<R>, &'a str),
    /// The command wants a verb.
    NoVerb(&'static Command<R>),
    /// What follows is not what the verb wants.
    Usage(&'static Command<R>, &'static Verb<R>),
}

impl<R> fmt::Display for Misfit<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownCommand(name) => {
                write!(f, "there is no command `{name}`; `help` lists them")
            }
            Self::UnknownVerb(command, verb) => {
                write!(f, "`{}` cannot `{verb}`; it can ", command.name)?;
                verbs(f, command)
            }
            Self::NoVerb(command) => {
                write!(f, "`{}` does not say what to do; it can ", command.name)?;
                verbs(f, command)
            }
            Self::Usage(command, verb) if verb.arguments.is_empty() => {
                write!(f, "`{}` takes nothing else", Called(command, verb))
            }
            Self::Usage(command, verb) => {
                write!(f, "usage: {} {}", Called(command, verb), verb.arguments)
            }
        }
    }
}

fn verbs<R>(f: &mut fmt::Formatter<'_>, command: &Command<R>) -> fmt::Result {
    let mut separator = "";
    for verb in command.verbs {
        write!(f, "{separator}{}", verb.name)?;
        separator = ", ";
    }
    Ok(())
}

/// A command and a verb of it, as they are typed.
pub struct Called<'t, R: 'static>(pub &'t Command<R>, pub &'t Verb<R>);

impl<R> fmt::Display for Called<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)?;
        if !self.1.name.is_empty() {
            write!(f, " {}", self.1.name)?;
        }
        Ok(())
    }
}

/// The verb that a line calls and the words for it, or why it calls none.
pub type Found<'a, R> = Result<(&'static Verb<R>, Words<'a>), Misfit<'a, R>>;

/// Finds what a line calls, and the words for it. `None` when there is nothing in the line.
pub fn find<'a, R>(table: &'static [Command<R>], line: &'a str) -> Option<Found<'a, R>> {
    let mut words = line.split_ascii_whitespace();
    let name = words.next()?;
    let Some(command) = table.iter().find(|command| command.name == name) else {
        return Some(Err(Misfit::UnknownCommand(name)));
    };
    let verb = match verb_of(command, &mut words) {
        Ok(verb) => verb,
        Err(misfit) => return Some(Err(misfit)),
    };
    Some(if fits(verb.arguments, words.clone()) {
        Ok((verb, words))
    } else {
        Err(Misfit::Usage(command, verb))
    })
}

fn verb_of<'a, R>(
    command: &'static Command<R>,
    words: &mut Words<'a>,
) -> Result<&'static Verb<R>, Misfit<'a, R>> {
    let name = if command.is_plain() {
        ""
    } else {
        words.next().ok_or(Misfit::NoVerb(command))?
    };
    let verb = command.verbs.iter().find(|verb| verb.name == name);
    verb.ok_or(Misfit::UnknownVerb(command, name))
}

/// A word of a verb's `arguments`.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Slot {
    /// Alternatives.
    text: &'static str,
    optional: bool,
    repeats: bool,
}

impl Slot {
    /// The words that may stand here, and placeholders for others.
    pub(crate) fn alternatives(&self) -> impl Iterator<Item = &'static str> {
        self.text.split('|')
    }

    fn takes(&self, word: &str) -> bool {
        self.alternatives()
            .any(|known| is_placeholder(known) || known == word)
    }
}

/// Placeholders are in capital letters.
pub(crate) fn is_placeholder(alternative: &str) -> bool {
    alternative.starts_with(|first: char| first.is_ascii_uppercase())
}

fn slots(arguments: &'static str) -> impl Iterator<Item = Slot> {
    let words = arguments.split_ascii_whitespace();
    words.scan(false, |inside, word| {
        let optional = *inside || word.starts_with('[');
        *inside = optional && !word.ends_with(']');
        let text = word.trim_matches(['[', ']']);
        let single = text.strip_suffix("...");
        Some(Slot {
            text: single.unwrap_or(text),
            optional,
            repeats: single.is_some(),
        })
    })
}

/// The slots that are left after these words; `None` when the words do not fit.
fn left(arguments: &'static str, words: Words<'_>) -> Option<impl Iterator<Item = Slot>> {
    let mut slots = slots(arguments).peekable();
    for word in words {
        // What may be left out and is something else was left out.
        while slots
            .next_if(|slot| slot.optional && !slot.takes(word))
            .is_some()
        {}
        let slot = slots.peek().filter(|slot| slot.takes(word))?;
        if !slot.repeats {
            slots.next();
        }
    }
    Some(slots)
}

/// The slots that the word after these may fill: one that has to be filled is the last.
pub(crate) fn open_slots(arguments: &'static str, words: Words<'_>) -> impl Iterator<Item = Slot> {
    let mut ended = false;
    let slots = left(arguments, words).into_iter().flatten();
    slots.take_while(move |slot| !core::mem::replace(&mut ended, !slot.optional))
}

/// Whether the words are what the arguments say.
fn fits(arguments: &'static str, words: Words<'_>) -> bool {
    left(arguments, words).is_some_and(|mut slots| slots.all(|slot| slot.optional))
}

#[cfg(test)]
mod tests;
