// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `help`, and what Tab offers.

use console_core::completion::{self, Others, Wanted};
use console_core::grammar::{Called, Command, Words};
use drv_scmi_api::Kind;
use hubris_task_names::TASK_NAMES;
use scmi::Protocol;
use scmi::pinctrl::Selector;

use super::{COMMANDS, Outcome, Run, Verb, plain, resources};
use crate::Console;
use crate::asker::Asker;
use crate::failure::Failure;
use crate::platform;
use crate::protocols::protocol_of;
use crate::terminal::say;

pub const COMMAND: Command<Run> = plain(
    "help",
    "this list, or all about a command: `help power`",
    &[Verb::new(
        "",
        "[COMMAND]",
        "lists the commands, or what one of them can do",
        help,
    )],
);

fn help<'a>(console: &mut Console, mut words: Words<'a>) -> Outcome<'a> {
    let terminal = &mut console.terminal;
    let Some(name) = words.next() else {
        for command in COMMANDS {
            say!(terminal, "{:<10} {}\n", command.name, command.help);
        }
        return Ok(());
    };
    let command = COMMANDS.iter().find(|command| command.name == name);
    let command = command.ok_or(Failure::UnknownCommand(name))?;
    say!(terminal, "{}\n", command.help);
    for verb in command.verbs {
        say!(terminal, "  {}", Called(command, verb));
        if !verb.arguments.is_empty() {
            say!(terminal, " {}", verb.arguments);
        }
        say!(terminal, "\n      {}\n", verb.help);
    }
    Ok(())
}

/// Tells the words with which the last word of `line` may go on. Names are asked of the platform, and of the power task.
pub fn complete(scmi: &Asker, line: &str, sink: impl FnMut(&str)) {
    completion::candidates(COMMANDS, line, &Known { scmi }, sink);
}

/// What stands for the placeholders of the table.
struct Known<'s> {
    scmi: &'s Asker,
}

impl Others for Known<'_> {
    fn tell(&self, wanted: Wanted<'_>, sink: &mut impl FnMut(&str)) {
        match wanted.placeholder {
            "COMMAND" => COMMANDS.iter().for_each(|command| sink(command.name)),
            "TASK" => TASK_NAMES.into_iter().for_each(sink),
            "PROTOCOL" => Protocol::ALL.into_iter().map(Protocol::name).for_each(sink),
            "NAME" | "PARENT" | "FUNCTION" => names(self.scmi, &wanted, sink),
            _ => {}
        }
    }
}

fn names(scmi: &Asker, wanted: &Wanted<'_>, sink: &mut impl FnMut(&str)) {
    if wanted.command == "resources" {
        // As below.
        let _ = resources::each(scmi, |_, name| sink(name));
        return;
    }
    let pins = || {
        let selected = wanted.before.split_ascii_whitespace().nth(2);
        Kind::Pin(match (wanted.placeholder, selected) {
            ("FUNCTION", _) | (_, Some("function")) => Selector::Function,
            (_, Some("group")) => Selector::Group,
            _ => Selector::Pin,
        })
    };
    let protocol = protocol_of(wanted.command).and_then(Protocol::from_id);
    let kind = match protocol {
        Some(Protocol::Pinctrl) => Some(pins()),
        other => other.and_then(Kind::of),
    };
    let Some(kind) = kind else { return };
    // Without an answer there is nothing to offer; the command itself will say why.
    if let Ok(link) = platform::link(scmi) {
        let _ = platform::each(link, kind, |_, name| {
            sink(name.as_str().unwrap_or_default());
            false
        });
    }
}
