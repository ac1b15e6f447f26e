// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The commands, and how a line becomes one.

mod base;
mod cap;
mod clock;
mod events;
mod help;
mod perf;
mod pin;
mod power;
mod raw;
mod reset;
mod resources;
mod sensor;
mod system;
mod tasks;
mod thermal;
mod voltage;

use core::fmt;

use console_core::grammar::{self, Command, Misfit, Words};
use console_core::numbers::{HOLES_MAX, Numbers};
use console_core::quantity::{self, Unit};
use drv_scmi_api::{Error, Kind};
use scmi::Status;
use scmi::common::ExtendedName;

use crate::Console;
use crate::failure::Failure;
use crate::platform::{self, Link};
use crate::terminal::{Terminal, say};

pub use events::Followed;
pub use help::complete;

/// How a command ended.
pub type Outcome<'a> = Result<(), Failure<'a>>;

/// What does it: the words after command and verb fit what the table says of them.
pub type Run = for<'a> fn(&mut Console, Words<'a>) -> Outcome<'a>;

type Verb = grammar::Verb<Run>;

/// What can be typed. A `NAME` may be a number, too.
static COMMANDS: &[Command<Run>] = &[
    base::INFO,
    base::PROTOCOLS,
    power::COMMAND,
    perf::COMMAND,
    clock::COMMAND,
    sensor::COMMAND,
    sensor::SENSORS,
    reset::COMMAND,
    voltage::COMMAND,
    cap::COMMAND,
    pin::COMMAND,
    system::COMMAND,
    events::COMMAND,
    raw::COMMAND,
    base::STATS,
    resources::COMMAND,
    thermal::COMMAND,
    tasks::TASKS,
    tasks::DUMPS,
    tasks::CRASH,
    tasks::RESTART,
    tasks::HOLD,
    tasks::RELEASE,
    tasks::REBOOT,
    help::COMMAND,
];

/// Why a line was not done.
pub enum Trouble<'a> {
    /// It is no command.
    Misfit(Misfit<'a, Run>),
    /// It is one that failed.
    Failure(Failure<'a>),
}

impl<'a> From<Failure<'a>> for Trouble<'a> {
    fn from(failure: Failure<'a>) -> Self {
        Self::Failure(failure)
    }
}

impl fmt::Display for Trouble<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Misfit(misfit) => misfit.fmt(f),
            Self::Failure(failure) => failure.fmt(f),
        }
    }
}

/// Runs a line. `None` when there is nothing in it.
pub fn run<'a>(console: &mut Console, line: &'a str) -> Option<Result<(), Trouble<'a>>> {
    Some(match grammar::find(COMMANDS, line)? {
        Ok((verb, words)) => (verb.run)(console, words).map_err(Into::into),
        Err(misfit) => Err(Trouble::Misfit(misfit)),
    })
}

/// A command that is its own verb.
const fn plain(name: &'static str, help: &'static str, verbs: &'static [Verb]) -> Command<Run> {
    Command { name, help, verbs }
}

/// The next word; there is one where the table says so.
fn next_word<'a>(words: &mut Words<'a>) -> &'a str {
    words.next().unwrap_or_default()
}

/// The number of what the next word names.
fn named<'a>(link: Link<'_>, kind: Kind, words: &mut Words<'a>) -> Result<u32, Failure<'a>> {
    platform::find(link, kind, next_word(words))
}

/// Whether one of the words that are left is this.
fn has(words: &Words<'_>, wanted: &str) -> bool {
    words.clone().any(|word| word == wanted)
}

/// A whole number.
fn whole<'a>(word: &'a str, wanted: &'static str) -> Result<u32, Failure<'a>> {
    quantity::number(word).ok_or(Failure::Value(word, wanted, quantity::Bad::NotANumber))
}

/// A quantity with a unit, as a multiple of ten to the power of `exponent`.
fn value<'a, T: TryFrom<i64>>(
    word: &'a str,
    units: &[Unit],
    exponent: i8,
    wanted: &'static str,
) -> Result<T, Failure<'a>> {
    let bad = |bad| Failure::Value(word, wanted, bad);
    let value = quantity::quantity(word, units, exponent).map_err(bad)?;
    T::try_from(value).map_err(|_| bad(quantity::Bad::OutOfRange))
}

/// Prints a row for each thing of a kind: its number, its name, and what `rest` prints.
///
/// A number that the platform does not have is passed over; [`Numbers`] says when such holes are
/// the end.
fn rows(
    terminal: &mut Terminal,
    link: Link<'_>,
    kind: Kind,
    mut rest: impl FnMut(&mut Row<'_>, u32) -> Result<(), Error>,
) -> Outcome<'static> {
    let count = kind.count(link)?;
    let mut numbers = Numbers::below(count);
    let mut trouble = None;
    while let Some(number) = numbers.next() {
        let name = match kind.name(link, number) {
            Err(Error::Refused(Status::NOT_FOUND)) => {
                numbers.is_missing();
                continue;
            }
            name => name,
        };
        row(terminal, number, name, &mut trouble, |row| {
            rest(row, number)
        })?;
    }
    if let Some(number) = numbers.given_up_at() {
        say!(
            terminal,
            "! the {HOLES_MAX} numbers before {number} are not there: those up to {}, which the platform counts, were not asked for\n",
            count.saturating_sub(1)
        );
    }
    troubled(trouble)
}

/// Prints a row. What the platform refuses to tell is told in its place, and so is an answer that
/// cannot be read, which goes to `trouble`, too. Only a platform that gives no answer at all ends
/// the list.
fn row(
    terminal: &mut Terminal,
    number: u32,
    name: Result<ExtendedName, Error>,
    trouble: &mut Option<Error>,
    rest: impl FnOnce(&mut Row<'_>) -> Result<(), Error>,
) -> Outcome<'static> {
    say!(terminal, "{number:>3}  ");
    let mut row = Row {
        terminal,
        has_text: false,
        after_note: false,
        trouble,
    };
    let result = match name {
        Ok(name) => {
            say!(row.terminal, "{name:<16} ");
            rest(&mut row)
        }
        Err(error) => row.note("", error).and_then(|()| rest(&mut row)),
    };
    let result = result.or_else(|error| row.note("", error));
    terminal.end_line();
    Ok(result?)
}

/// The end of a list whose rows told of trouble.
fn troubled(trouble: Option<Error>) -> Outcome<'static> {
    match trouble {
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}

/// A row of a list, behind number and name.
struct Row<'t> {
    terminal: &'t mut Terminal,
    /// Something stands there.
    has_text: bool,
    /// What stands there last is the reason why something is missing.
    after_note: bool,
    /// The first answer of the list that could not be read.
    trouble: &'t mut Option<Error>,
}

impl Row<'_> {
    /// Prints; see `say!`.
    fn say(&mut self, text: fmt::Arguments<'_>) {
        self.begin().say(text);
    }

    /// The terminal, for what is printed in parts.
    fn begin(&mut self) -> &mut Terminal {
        self.has_text = true;
        self.after_note = false;
        self.terminal
    }

    /// Prints a part of the row: `before` and the value, or why there is none. `what` says of what.
    fn part<T: fmt::Display>(
        &mut self,
        before: &str,
        what: &str,
        value: Result<T, Error>,
    ) -> Result<(), Error> {
        let value = match value {
            Ok(value) => value,
            Err(error) => return self.note(what, error),
        };
        match before.trim_start_matches([',', ' ']) {
            before if self.after_note => say!(self, ", {before}{value}"),
            _ => say!(self, "{before}{value}"),
        }
        Ok(())
    }

    /// Prints why something is missing, or returns the error if it ends the list.
    fn note(&mut self, what: &str, error: Error) -> Result<(), Error> {
        let is_refused = matches!(error, Error::Refused(_));
        if !is_refused && !platform::is_one_answer(error) {
            return Err(error);
        }
        if self.has_text {
            say!(self, ", ");
        }
        if !what.is_empty() {
            say!(self, "{what}: ");
        }
        match error {
            Error::Refused(status) => say!(self, "{status}"),
            error => say!(self, "{error}"),
        }
        self.after_note = true;
        if !is_refused {
            self.trouble.get_or_insert(error);
        }
        Ok(())
    }
}

/// A text in parts, as one value.
struct Shown<F>(F);

impl<F: Fn(&mut fmt::Formatter<'_>) -> fmt::Result> fmt::Display for Shown<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0)(f)
    }
}

/// A state, as wide as all states are if what comes behind it is known.
fn padded<T>(state: impl fmt::Display, behind: &Result<T, Error>) -> impl fmt::Display {
    let width = if behind.is_ok() { 3 } else { 0 };
    Shown(move |f: &mut fmt::Formatter<'_>| write!(f, "{state:<width$}"))
}

/// The words for what is so or is not.
fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}
