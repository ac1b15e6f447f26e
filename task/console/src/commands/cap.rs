// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `cap`: power caps, and what is taken of them.

use console_core::grammar::{Command, Words};
use console_core::quantity::{PLAIN, SECONDS, WATTS};
use drv_scmi_api::{Kind, Powercaps};
use scmi::powercap::NO_PARENT;
use scmi::units::{Microseconds, PowerUnit, PowerValue};

use super::{Outcome, Run, Verb, has, named, next_word, rows, value};
use crate::Console;
use crate::failure::Failure;
use crate::platform::link;
use crate::terminal::say;

pub const COMMAND: Command<Run> = Command {
    name: "cap",
    help: "power caps: how much parts of the machine may take",
    verbs: &[
        Verb::new("list", "", "every domain, its cap, and what it takes", list),
        Verb::new("get", "NAME", "the cap of a domain, and its range", get),
        Verb::new(
            "set",
            "NAME POWER [delayed]",
            "sets the cap (`2.5W`, `2500mW`, or a number in the domain's unit)",
            set,
        ),
        Verb::new("off", "NAME", "switches a cap off (version 2.0)", off),
        Verb::new(
            "pai",
            "NAME [TIME]",
            "the power averaging interval, or sets it (`100ms`)",
            pai,
        ),
        Verb::new("measure", "NAME", "the power that a domain takes", measure),
    ],
};

fn list<'a>(console: &mut Console, _: Words<'a>) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let caps = Powercaps::over(link)?;
    rows(
        &mut console.terminal,
        link,
        Kind::Powercap,
        |row, domain| {
            let info = caps.domain(domain);
            let unit = info.map_or(PowerUnit::Undefined, |info| info.attributes.unit());
            let power = |value| PowerValue { value, unit };
            row.part("capped at ", "cap", caps.cap(domain).map(power))?;
            let info = match info {
                Ok(info) => info,
                Err(error) => return row.note("attributes", error),
            };
            if info.attributes.measures() {
                let measured = caps.measure(domain).map(|measured| power(measured.power));
                row.part(", takes ", "takes", measured)?;
            }
            if info.parent != NO_PARENT {
                let parent = Kind::Powercap.name(link, info.parent);
                row.part(", part of ", "part of", parent)?;
            }
            Ok(())
        },
    )
}

fn get<'a>(console: &mut Console, mut words: Words<'a>) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let caps = Powercaps::over(link)?;
    let domain = named(link, Kind::Powercap, &mut words)?;
    let info = caps.domain(domain)?;
    let unit = info.attributes.unit();
    let power = |value| PowerValue { value, unit };
    say!(
        console.terminal,
        "{}, of {} to {} in steps of {}\n",
        power(caps.cap(domain)?),
        power(info.lowest_cap),
        power(info.highest_cap),
        power(info.cap_step)
    );
    Ok(())
}

fn set<'a>(console: &mut Console, mut words: Words<'a>) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let caps = Powercaps::over(link)?;
    let domain = named(link, Kind::Powercap, &mut words)?;
    let unit = caps.domain(domain)?.attributes.unit();
    let word = next_word(&mut words);
    let cap = power_of(word, unit)?;
    if has(&words, "delayed") {
        let reached = caps.set_cap_delayed(domain, cap)?;
        say!(
            console.terminal,
            "{}\n",
            PowerValue {
                value: reached,
                unit
            }
        );
    } else {
        caps.set_cap(domain, cap)?;
    }
    Ok(())
}

fn off<'a>(console: &mut Console, mut words: Words<'a>) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let caps = Powercaps::over(link)?;
    let domain = named(link, Kind::Powercap, &mut words)?;
    Ok(caps.disable(domain)?)
}

/// A power in the unit of its domain.
fn power_of(word: &str, unit: PowerUnit) -> Result<u32, Failure<'_>> {
    let exponent = match unit {
        PowerUnit::Milliwatts => Some(-3),
        PowerUnit::Microwatts => Some(-6),
        PowerUnit::Abstract | PowerUnit::Undefined => None,
    };
    match exponent.filter(|_| word.ends_with('W')) {
        Some(exponent) => value(word, WATTS, exponent, "a power, such as 2.5W or 2500mW"),
        None => value(word, PLAIN, 0, "a number in the domain's unit"),
    }
}

fn pai<'a>(console: &mut Console, mut words: Words<'a>) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let caps = Powercaps::over(link)?;
    let domain = named(link, Kind::Powercap, &mut words)?;
    match words.next() {
        Some(word) => {
            let interval = value(word, SECONDS, -6, "a time, such as 100ms or 0.5s")?;
            caps.set_interval(domain, interval)?;
        }
        None => say!(
            console.terminal,
            "{}\n",
            Microseconds(caps.interval(domain)?)
        ),
    }
    Ok(())
}

fn measure<'a>(console: &mut Console, mut words: Words<'a>) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let caps = Powercaps::over(link)?;
    let domain = named(link, Kind::Powercap, &mut words)?;
    let unit = caps.domain(domain)?.attributes.unit();
    let measured = caps.measure(domain)?;
    say!(
        console.terminal,
        "{} over {}\n",
        PowerValue {
            value: measured.power,
            unit
        },
        Microseconds(measured.interval_us)
    );
    Ok(())
}
