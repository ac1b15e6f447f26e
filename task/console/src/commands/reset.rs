// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `reset`: reset domains. `reboot` is what restarts the machine.

use console_core::grammar::{Command, Words};
use drv_scmi_api::{Kind, Resets};
use scmi::reset::{LATENCY_UNKNOWN, ResetState};
use scmi::units::Microseconds;

use super::{Outcome, Run, Verb, has, named, rows, whole};
use crate::Console;
use crate::platform::link;
use crate::terminal::say;

pub const COMMAND: Command<Run> = Command {
    name: "reset",
    help: "reset domains: reset parts of the machine (`reboot` restarts all of it)",
    verbs: &[
        Verb::new(
            "list",
            "",
            "every domain, and how long its reset takes",
            list,
        ),
        Verb::new(
            "pulse",
            "NAME [delayed] [cold|KIND]",
            "resets a domain; `delayed` waits for the delayed response",
            pulse,
        ),
        Verb::new("assert", "NAME", "holds a domain in reset", assert),
        Verb::new("deassert", "NAME", "lets a domain out of reset", deassert),
    ],
};

fn list<'a>(console: &mut Console, _: Words<'a>) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let resets = Resets::over(link)?;
    rows(&mut console.terminal, link, Kind::Reset, |row, domain| {
        let info = resets.domain(domain)?;
        match info.latency_us {
            LATENCY_UNKNOWN => say!(row, "takes a time that is not known"),
            latency => say!(row, "takes at most {}", Microseconds(latency)),
        }
        Ok(())
    })
}

fn pulse<'a>(console: &mut Console, mut words: Words<'a>) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let resets = Resets::over(link)?;
    let domain = named(link, Kind::Reset, &mut words)?;
    let delayed = has(&words, "delayed");
    let kind = match words.find(|word| *word != "delayed") {
        None | Some("cold") => ResetState::COLD,
        Some(kind) => ResetState(whole(kind, "`cold`, or the number of a kind of reset")?),
    };
    if delayed {
        resets.reset_delayed(domain, kind)?;
    } else {
        resets.reset(domain, kind)?;
    }
    Ok(())
}

fn assert<'a>(console: &mut Console, mut words: Words<'a>) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let resets = Resets::over(link)?;
    let domain = named(link, Kind::Reset, &mut words)?;
    Ok(resets.assert(domain)?)
}

fn deassert<'a>(console: &mut Console, mut words: Words<'a>) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let resets = Resets::over(link)?;
    let domain = named(link, Kind::Reset, &mut words)?;
    Ok(resets.release(domain)?)
}
