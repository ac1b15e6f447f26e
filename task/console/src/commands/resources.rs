// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `resources`: what the power task brings up and down, for this task and others.

use console_core::grammar::{Command, Words};
use task_power_api::{NAME_MAX, PowerError, Resources, Trouble};

use super::{Outcome, Run, Verb, next_word};
use crate::asker::Asker;
use crate::failure::Failure;
use crate::terminal::{Terminal, say};
use crate::{Console, POWER};

pub const COMMAND: Command<Run> = Command {
    name: "resources",
    help: "what the power task brings up and down, for whom",
    verbs: &[
        Verb::new(
            "list",
            "",
            "every resource, its state, and how often it is held",
            list,
        ),
        Verb::new(
            "hold",
            "NAME",
            "takes a reference: the first one brings the resource up",
            hold,
        ),
        Verb::new(
            "release",
            "NAME",
            "gives a reference back: the last one takes the resource down",
            release,
        ),
    ],
};

/// The power task.
fn resources() -> Resources {
    Resources::from(POWER.get_task_id())
}

/// Visits the numbers and names of all resources.
pub fn each(asker: &Asker, mut visit: impl FnMut(u8, &str)) -> Outcome<'static> {
    let resources = resources();
    let mut buffer = [0; NAME_MAX];
    for resource in 0..=u8::MAX {
        asker.wait_for(POWER.get_task_id())?;
        match resources.name(resource, &mut buffer) {
            Ok(len) => visit(resource, text(&buffer, len)),
            Err(PowerError::NoSuchResource) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// A name that another task wrote.
pub fn text(buffer: &[u8], len: u8) -> &str {
    let name = buffer.get(..usize::from(len)).unwrap_or(buffer);
    core::str::from_utf8(name).unwrap_or("?")
}

fn list<'a>(console: &mut Console, _: Words<'a>) -> Outcome<'a> {
    let resources = resources();
    let terminal = &mut console.terminal;
    say!(
        terminal,
        "     {:<16} {:<14} {:>5} {:>5} {:>6} {:>6} {:>9}\n",
        "resource",
        "state",
        "held",
        "here",
        "ups",
        "downs",
        "failures"
    );
    let mut result = Ok(());
    each(&console.scmi, |number, name| {
        let status = match resources.status(number) {
            Ok(status) => status,
            Err(error) => {
                result = Err(error);
                return;
            }
        };
        say!(
            terminal,
            "{number:>3}  {name:<16} {:<14} {:>5} {:>5} {:>6} {:>6} {:>9}\n",
            status.state,
            status.references,
            status.own,
            status.ups,
            status.downs,
            status.failures
        );
        if let Some(trouble) = status.trouble {
            say!(terminal, "     ");
            tell(terminal, trouble);
            say!(terminal, ": {}\n", trouble.cause);
        }
    })
    .and(result.map_err(Failure::Power))
}

/// Tells where it came to an end.
fn tell(terminal: &mut Terminal, trouble: Trouble) {
    let mut buffer = [0; NAME_MAX];
    let len = resources().name(trouble.resource, &mut buffer);
    say!(
        terminal,
        "step {} of {}",
        u16::from(trouble.step) + 1,
        text(&buffer, len.unwrap_or(0))
    );
}

fn hold<'a>(console: &mut Console, words: Words<'a>) -> Outcome<'a> {
    order(console, words, Resources::acquire)
}

fn release<'a>(console: &mut Console, words: Words<'a>) -> Outcome<'a> {
    order(console, words, Resources::release)
}

fn order<'a>(
    console: &mut Console,
    mut words: Words<'a>,
    order: impl FnOnce(&Resources, u8) -> Result<(), PowerError>,
) -> Outcome<'a> {
    let word = next_word(&mut words);
    let mut found = None;
    each(&console.scmi, |number, name| {
        if name == word {
            found = Some(number);
        }
    })?;
    let number = console_core::quantity::number(word).and_then(|number| u8::try_from(number).ok());
    let number = found.or(number).ok_or(Failure::NoResource(word))?;
    console.scmi.wait_for(POWER.get_task_id())?;
    let result = order(&resources(), number);
    if let Err(PowerError::Failed(trouble)) = result {
        tell(&mut console.terminal, trouble);
        say!(console.terminal, "\n");
    }
    result.map_err(Failure::Power)
}
