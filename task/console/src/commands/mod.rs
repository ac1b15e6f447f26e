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

use console_core::grammar::{self, Command, Words};
use console_core::quantity::{self, Unit};
use drv_scmi_api::{Error, Link};
use scmi::Status;

use crate::Console;
use crate::failure::Failure;
use crate::platform::{self, Kind};
use crate::terminal::{Terminal, say};

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
    tasks::CRASH,
    tasks::RESTART,
    tasks::HOLD,
    tasks::RELEASE,
    tasks::REBOOT,
    help::COMMAND,
];

/// Runs a line. `None` when there is nothing in it.
pub fn run<'a>(console: &mut Console, line: &'a str) -> Option<Outcome<'a>> {
    Some(match grammar::find(COMMANDS, line)? {
        Ok((verb, words)) => (verb.run)(console, words),
        Err(misfit) => Err(Failure::Misfit(misfit)),
    })
}

/// A command that is its own verb.
const fn plain(name: &'static str, help: &'static str, verbs: &'static [Verb]) -> Command<Run> {
    Command { name, help, verbs }
}

/// The next word; there is one where the table says so.
fn next<'a>(words: &mut Words<'a>) -> &'a str {
    words.next().unwrap_or_default()
}

/// The number of what the next word names.
fn named<'a>(link: Link<'_>, kind: Kind, words: &mut Words<'a>) -> Result<u32, Failure<'a>> {
    platform::find(link, kind, next(words))
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
fn rows(
    terminal: &mut Terminal,
    link: Link<'_>,
    kind: Kind,
    mut rest: impl FnMut(&mut Terminal, u32) -> Result<(), Error>,
) -> Outcome<'static> {
    for number in 0..platform::count(link, kind)? {
        row(terminal, number, |terminal| {
            let name = platform::name(link, kind, number)?;
            say!(terminal, "{name:<16} ");
            rest(terminal, number)
        })?;
    }
    Ok(())
}

/// Prints a row. What the platform refuses to tell is no reason to hide the rest, and is told in its place.
fn row(
    terminal: &mut Terminal,
    number: u32,
    rest: impl FnOnce(&mut Terminal) -> Result<(), Error>,
) -> Outcome<'static> {
    say!(terminal, "{number:>3}  ");
    let result = rest(terminal);
    if let Err(Error::Refused(status)) = result {
        say!(terminal, "{status}");
    }
    say!(terminal, "\n");
    match result {
        Err(Error::Refused(Status::NOT_FOUND)) => Err(Failure::Told(
            "the platform counts more than it has: it does not follow its protocol",
        )),
        Err(Error::Refused(_)) | Ok(()) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The words for what is so or is not.
fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}
