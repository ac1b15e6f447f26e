// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `voltage`: voltage domains.

use console_core::grammar::{Command, Words};
use console_core::quantity::VOLTS;
use drv_scmi_api::{Choices, Kind, Voltages};
use scmi::common::Range;
use scmi::units::Microvolts;
use scmi::voltage::Mode;

use super::{Outcome, Run, Verb, has, named, next_word, padded, rows, value};
use crate::Console;
use crate::platform::link;
use crate::terminal::say;

pub const COMMAND: Command<Run> = Command {
    name: "voltage",
    help: "voltage domains: regulators",
    verbs: &[
        Verb::new("list", "", "every domain, its mode and its voltage", list),
        Verb::new(
            "levels",
            "NAME",
            "the voltages that a domain can have",
            levels,
        ),
        Verb::new("get", "NAME", "the voltage of a domain", get),
        Verb::new(
            "set",
            "NAME VOLTAGE [delayed]",
            "sets the voltage (`0.8V`, `800mV`, or a number of microvolts)",
            set,
        ),
        Verb::new("on", "NAME", "switches a domain on", on),
        Verb::new("off", "NAME", "switches a domain off", off),
    ],
};

fn list<'a>(console: &mut Console, _: Words<'a>) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let voltages = Voltages::over(link)?;
    rows(&mut console.terminal, link, Kind::Voltage, |row, domain| {
        let level = voltages.level(domain).map(Microvolts);
        let mode = voltages.mode(domain).map(|mode| padded(mode, &level));
        row.part("", "mode", mode)?;
        row.part(" at ", "voltage", level)
    })
}

fn levels<'a>(console: &mut Console, mut words: Words<'a>) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let voltages = Voltages::over(link)?;
    let domain = named(link, Kind::Voltage, &mut words)?;
    match voltages.levels(domain)? {
        Choices::List(list) => {
            for level in list {
                say!(console.terminal, "{}\n", level?);
            }
        }
        Choices::Range(Range {
            lowest,
            highest,
            step,
        }) => say!(
            console.terminal,
            "{} to {} in steps of {}\n",
            Microvolts(lowest),
            Microvolts(highest),
            Microvolts(step)
        ),
    }
    Ok(())
}

fn get<'a>(console: &mut Console, mut words: Words<'a>) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let voltages = Voltages::over(link)?;
    let domain = named(link, Kind::Voltage, &mut words)?;
    say!(
        console.terminal,
        "{}\n",
        Microvolts(voltages.level(domain)?)
    );
    Ok(())
}

fn set<'a>(console: &mut Console, mut words: Words<'a>) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let voltages = Voltages::over(link)?;
    let domain = named(link, Kind::Voltage, &mut words)?;
    let wanted = "a voltage, such as 0.8V, 800mV or 800000 (microvolts)";
    let level = value::<i32>(next_word(&mut words), VOLTS, -6, wanted)?;
    if has(&words, "delayed") {
        let reached = voltages.set_level_delayed(domain, level)?;
        say!(console.terminal, "{}\n", Microvolts(reached));
    } else {
        voltages.set_level(domain, level)?;
    }
    Ok(())
}

fn on<'a>(console: &mut Console, words: Words<'a>) -> Outcome<'a> {
    switch(console, words, Mode::ON)
}

fn off<'a>(console: &mut Console, words: Words<'a>) -> Outcome<'a> {
    switch(console, words, Mode::OFF)
}

fn switch<'a>(console: &mut Console, mut words: Words<'a>, mode: Mode) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let voltages = Voltages::over(link)?;
    let domain = named(link, Kind::Voltage, &mut words)?;
    Ok(voltages.set_mode(domain, mode)?)
}
