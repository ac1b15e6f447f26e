// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The commands, and how a line becomes one.

mod platform;
mod sensors;
mod tasks;

use core::fmt::Write;

use crate::Console;
use crate::failure::Failure;

/// How a command ended.
pub type Outcome<'a> = Result<(), Failure<'a>>;

/// What can be typed.
struct Command {
    name: &'static str,
    /// Its one argument, if it takes one.
    argument: Option<&'static str>,
    help: &'static str,
    run: for<'a> fn(&mut Console, &'a str) -> Outcome<'a>,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "info",
        argument: None,
        help: "the SCMI device, its driver, and the platform behind it",
        run: platform::info,
    },
    Command {
        name: "protocols",
        argument: None,
        help: "the platform's protocols and their versions",
        run: platform::protocols,
    },
    Command {
        name: "sensors",
        argument: None,
        help: "every sensor and what it reads",
        run: sensors::sensors,
    },
    Command {
        name: "stats",
        argument: None,
        help: "the SCMI driver's counters",
        run: platform::stats,
    },
    Command {
        name: "tasks",
        argument: None,
        help: "the tasks: restarts, faults, state",
        run: tasks::tasks,
    },
    Command {
        name: "crash",
        argument: Some("TASK"),
        help: "fault a task and watch it come back",
        run: tasks::crash,
    },
    Command {
        name: "reset",
        argument: None,
        help: "restart the machine",
        run: tasks::reset,
    },
    Command {
        name: "help",
        argument: None,
        help: "this list",
        run: help,
    },
];

/// Runs a line. `None` when there is nothing in it.
pub fn run<'a>(console: &mut Console, line: &'a str) -> Option<Outcome<'a>> {
    let mut words = line.split_ascii_whitespace();
    let name = words.next()?;
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        return Some(Err(Failure::UnknownCommand(name)));
    };
    let argument = words.next();
    if argument.is_some() != command.argument.is_some() || words.next().is_some() {
        return Some(Err(Failure::Usage(usage(command))));
    }
    Some((command.run)(console, argument.unwrap_or_default()))
}

/// How the command is to be typed.
fn usage(command: &Command) -> &'static str {
    match command.name {
        "crash" => "crash TASK",
        name => name,
    }
}

fn help<'a>(console: &mut Console, _: &'a str) -> Outcome<'a> {
    for command in COMMANDS {
        let argument = command.argument.unwrap_or_default();
        let _ = writeln!(
            console.terminal,
            "{:<10} {argument:<5} {}",
            command.name, command.help
        );
    }
    Ok(())
}
