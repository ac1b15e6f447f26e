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

/// What a command does with its argument, if it has one.
type Run = for<'a> fn(&mut Console, &'a str) -> Outcome<'a>;

/// What can be typed.
struct Command {
    name: &'static str,
    takes_task: bool,
    run: Run,
    help: &'static str,
}

impl Command {
    const fn plain(name: &'static str, run: Run, help: &'static str) -> Self {
        Self {
            name,
            takes_task: false,
            run,
            help,
        }
    }

    /// A command whose argument is the name of a task.
    const fn of_task(name: &'static str, run: Run, help: &'static str) -> Self {
        Self {
            name,
            takes_task: true,
            run,
            help,
        }
    }

    fn argument(&self) -> &'static str {
        if self.takes_task { "TASK" } else { "" }
    }
}

const COMMANDS: &[Command] = &[
    Command::plain(
        "info",
        platform::info,
        "the SCMI device, its driver, and the platform behind it",
    ),
    Command::plain(
        "protocols",
        platform::protocols,
        "the platform's protocols and their versions",
    ),
    Command::plain(
        "sensors",
        sensors::sensors,
        "every sensor and what it reads",
    ),
    Command::plain("stats", platform::stats, "the SCMI driver's counters"),
    Command::plain("tasks", tasks::tasks, "the tasks: restarts, faults, state"),
    Command::of_task("crash", tasks::crash, "fault a task and watch it come back"),
    Command::of_task("restart", tasks::restart, "restart a task"),
    Command::of_task("hold", tasks::hold, "leave a task as it is when it faults"),
    Command::of_task(
        "release",
        tasks::release,
        "restart it again when it faults, or now",
    ),
    Command::plain("reset", tasks::reset, "restart the machine"),
    Command::plain("help", help, "this list"),
];

/// Runs a line. `None` when there is nothing in it.
pub fn run<'a>(console: &mut Console, line: &'a str) -> Option<Outcome<'a>> {
    let mut words = line.split_ascii_whitespace();
    let name = words.next()?;
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        return Some(Err(Failure::UnknownCommand(name)));
    };
    let argument = words.next();
    if argument.is_some() != command.takes_task || words.next().is_some() {
        return Some(Err(Failure::Usage {
            command: command.name,
            argument: command.argument(),
        }));
    }
    Some((command.run)(console, argument.unwrap_or_default()))
}

fn help<'a>(console: &mut Console, _: &'a str) -> Outcome<'a> {
    for command in COMMANDS {
        let _ = writeln!(
            console.terminal,
            "{:<9} {:<4}  {}",
            command.name,
            command.argument(),
            command.help
        );
    }
    Ok(())
}
