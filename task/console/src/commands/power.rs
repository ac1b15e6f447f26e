// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `power`: power domains.

use console_core::grammar::{Command, Words};
use drv_scmi_api::{Kind, Power};
use scmi::power::PowerState;

use super::{Outcome, Run, Verb, has, named, next_word, rows, whole};
use crate::Console;
use crate::platform::link;
use crate::terminal::say;

pub const COMMAND: Command<Run> = Command {
    name: "power",
    help: "power domains: switch parts of the machine on and off",
    verbs: &[
        Verb::new("list", "", "every domain and its state", list),
        Verb::new("state", "NAME", "the state of a domain", state),
        Verb::new(
            "on",
            "NAME [delayed]",
            "switches a domain on; `delayed` waits for the delayed response",
            on,
        ),
        Verb::new("off", "NAME [delayed]", "switches a domain off", off),
        Verb::new(
            "set",
            "NAME STATE [delayed]",
            "brings a domain to a state of the platform's own, by its number",
            set,
        ),
    ],
};

fn list<'a>(console: &mut Console, _: Words<'a>) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let power = Power::over(link)?;
    rows(&mut console.terminal, link, Kind::Power, |row, domain| {
        row.part("", "", power.state(domain))
    })
}

fn state<'a>(console: &mut Console, mut words: Words<'a>) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let power = Power::over(link)?;
    let domain = named(link, Kind::Power, &mut words)?;
    say!(console.terminal, "{}\n", power.state(domain)?);
    Ok(())
}

fn on<'a>(console: &mut Console, words: Words<'a>) -> Outcome<'a> {
    bring(console, words, Some(PowerState::ON))
}

fn off<'a>(console: &mut Console, words: Words<'a>) -> Outcome<'a> {
    bring(console, words, Some(PowerState::OFF))
}

fn set<'a>(console: &mut Console, words: Words<'a>) -> Outcome<'a> {
    bring(console, words, None)
}

fn bring<'a>(
    console: &mut Console,
    mut words: Words<'a>,
    state: Option<PowerState>,
) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let power = Power::over(link)?;
    let domain = named(link, Kind::Power, &mut words)?;
    let state = match state {
        Some(state) => state,
        None => PowerState(whole(
            next_word(&mut words),
            "the number of a state, such as 0x40000000",
        )?),
    };
    if has(&words, "delayed") {
        let reached = power.set_state_delayed(domain, state)?;
        say!(console.terminal, "{reached}\n");
    } else {
        power.set_state(domain, state)?;
    }
    Ok(())
}
