// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `clock`: clocks.

use console_core::grammar::{Command, Words};
use console_core::quantity::HERTZ;
use drv_scmi_api::{Choices, Clocks, Kind, Rounding};
use scmi::common::Range;
use scmi::units::Hertz;

use super::{Outcome, Run, Verb, has, named, next_word, on_off, padded, rows, value};
use crate::Console;
use crate::platform::link;
use crate::terminal::say;

pub const COMMAND: Command<Run> = Command {
    name: "clock",
    help: "clocks: rates, parents, and whether they run",
    verbs: &[
        Verb::new(
            "list",
            "",
            "every clock, its rate, and whether it runs",
            list,
        ),
        Verb::new("rates", "NAME", "the rates that a clock can have", rates),
        Verb::new("get", "NAME", "the rate of a clock", get),
        Verb::new(
            "set",
            "NAME RATE [up|down|auto] [delayed]",
            "sets the rate (`800MHz`, `32768`), rounded down if not told otherwise",
            set,
        ),
        Verb::new("on", "NAME", "starts a clock", on),
        Verb::new("off", "NAME", "stops a clock", off),
        Verb::new(
            "parent",
            "NAME [PARENT]",
            "the clock that feeds it, or takes another",
            parent,
        ),
        Verb::new("parents", "NAME", "the clocks that can feed it", parents),
        Verb::new(
            "permissions",
            "NAME",
            "what this agent may do with it",
            permissions,
        ),
    ],
};

fn list<'a>(console: &mut Console, _: Words<'a>) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let clocks = Clocks::over(link)?;
    rows(&mut console.terminal, link, Kind::Clock, |row, clock| {
        let info = clocks.clock(clock);
        let rate = clocks.rate(clock).map(Hertz);
        let state = info.map(|info| on_off(info.attributes.is_enabled()));
        row.part("", "state", state.map(|state| padded(state, &rate)))?;
        row.part(" at ", "rate", rate)?;
        if info.is_ok_and(|info| info.attributes.has_parents()) {
            let parent = clocks.parent(clock);
            let parent = parent.and_then(|parent| Kind::Clock.name(link, parent));
            row.part(", fed by ", "fed by", parent)?;
        }
        Ok(())
    })
}

fn rates<'a>(console: &mut Console, mut words: Words<'a>) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let clocks = Clocks::over(link)?;
    let clock = named(link, Kind::Clock, &mut words)?;
    match clocks.rates(clock)? {
        Choices::List(list) => {
            for rate in list {
                say!(console.terminal, "{}\n", rate?);
            }
        }
        Choices::Range(Range {
            lowest,
            highest,
            step,
        }) => say!(
            console.terminal,
            "{} to {} in steps of {}\n",
            Hertz(lowest),
            Hertz(highest),
            Hertz(step)
        ),
    }
    Ok(())
}

fn get<'a>(console: &mut Console, mut words: Words<'a>) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let clocks = Clocks::over(link)?;
    let clock = named(link, Kind::Clock, &mut words)?;
    say!(console.terminal, "{}\n", Hertz(clocks.rate(clock)?));
    Ok(())
}

fn set<'a>(console: &mut Console, mut words: Words<'a>) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let clocks = Clocks::over(link)?;
    let clock = named(link, Kind::Clock, &mut words)?;
    let wanted = "a frequency, such as 800MHz, 1.5GHz or 32768";
    let rate = value::<u64>(next_word(&mut words), HERTZ, 0, wanted)?;
    let rounding = if has(&words, "up") {
        Rounding::Up
    } else if has(&words, "auto") {
        Rounding::Auto
    } else {
        Rounding::Down
    };
    let reached = if has(&words, "delayed") {
        clocks.set_rate_delayed(clock, rate, rounding)?
    } else {
        clocks.set_rate(clock, rate, rounding)?;
        clocks.rate(clock)?
    };
    // What was rounded, or happened later, is worth telling.
    if reached != rate || has(&words, "delayed") {
        say!(console.terminal, "{}\n", Hertz(reached));
    }
    Ok(())
}

fn on<'a>(console: &mut Console, mut words: Words<'a>) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let clocks = Clocks::over(link)?;
    let clock = named(link, Kind::Clock, &mut words)?;
    Ok(clocks.enable(clock)?)
}

fn off<'a>(console: &mut Console, mut words: Words<'a>) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let clocks = Clocks::over(link)?;
    let clock = named(link, Kind::Clock, &mut words)?;
    Ok(clocks.disable(clock)?)
}

fn parent<'a>(console: &mut Console, mut words: Words<'a>) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let clocks = Clocks::over(link)?;
    let clock = named(link, Kind::Clock, &mut words)?;
    if words.clone().next().is_some() {
        let parent = named(link, Kind::Clock, &mut words)?;
        return Ok(clocks.set_parent(clock, parent)?);
    }
    let parent = clocks.parent(clock)?;
    say!(console.terminal, "{}\n", Kind::Clock.name(link, parent)?);
    Ok(())
}

fn parents<'a>(console: &mut Console, mut words: Words<'a>) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let clocks = Clocks::over(link)?;
    let clock = named(link, Kind::Clock, &mut words)?;
    for parent in clocks.possible_parents(clock) {
        let parent = parent?.clock;
        say!(
            console.terminal,
            "{parent:>3}  {}\n",
            Kind::Clock.name(link, parent)?
        );
    }
    Ok(())
}

fn permissions<'a>(console: &mut Console, mut words: Words<'a>) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let clocks = Clocks::over(link)?;
    let clock = named(link, Kind::Clock, &mut words)?;
    let may = match clocks.permissions(clock) {
        Ok(may) => may,
        // A clock that is not restricted may have none to tell.
        Err(error)
            if error.is_missing_message() && !clocks.clock(clock)?.attributes.is_restricted() =>
        {
            say!(console.terminal, "not restricted\n");
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    for (what, allowed) in [
        ("start and stop it", may.state()),
        ("choose its parent", may.parent()),
        ("set its rate", may.rate()),
    ] {
        let allowed = if allowed { "may" } else { "may not" };
        say!(console.terminal, "{allowed} {what}\n");
    }
    Ok(())
}
