// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `perf`: performance domains.

use core::fmt;

use console_core::grammar::{Command, Words};
use drv_scmi_api::{Kind, Perf};
use scmi::units::{Hertz, Microseconds, PowerValue};

use super::{Outcome, Run, Shown, Verb, named, next_word, rows, whole};
use crate::Console;
use crate::failure::Failure;
use crate::platform::link;
use crate::terminal::say;

pub const COMMAND: Command<Run> = Command {
    name: "perf",
    help: "performance domains: how fast parts of the machine run",
    verbs: &[
        Verb::new("list", "", "every domain, its level and its limits", list),
        Verb::new(
            "levels",
            "NAME",
            "the levels of a domain, their cost, and how long it takes to get there",
            levels,
        ),
        Verb::new("get", "NAME", "the level of a domain", get),
        Verb::new(
            "set",
            "NAME LEVEL",
            "sets the level; its index, where levels have one",
            set,
        ),
        Verb::new(
            "limits",
            "NAME [LOW HIGH]",
            "the limits of the level, or sets them",
            limits,
        ),
    ],
};

const A_LEVEL: &str = "a level, which `perf levels` shows";

fn list<'a>(console: &mut Console, _: Words<'a>) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let perf = Perf::over(link)?;
    rows(&mut console.terminal, link, Kind::Perf, |row, domain| {
        row.part("level ", "level", perf.level(domain))?;
        let limits = perf.limits(domain).map(|limits| {
            Shown(move |f: &mut fmt::Formatter<'_>| {
                write!(f, "{} to {}", limits.lowest, limits.highest)
            })
        });
        row.part(", limits ", "limits", limits)?;
        let info = perf.domain(domain);
        let sustained = info.map(|info| info.sustained_level);
        row.part(", sustained ", "attributes", sustained)
    })
}

fn levels<'a>(console: &mut Console, mut words: Words<'a>) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let perf = Perf::over(link)?;
    let domain = named(link, Kind::Perf, &mut words)?;
    let unit = perf.attributes()?.attributes.cost_unit();
    let is_indexed = perf.domain(domain)?.attributes.indexes_levels();
    for level in perf.levels(domain) {
        let level = level?;
        // 0: the platform does not tell.
        let cost = Shown(|f: &mut fmt::Formatter<'_>| match level.cost {
            0 => f.write_str("cost not told"),
            value => write!(f, "{}", PowerValue { value, unit }),
        });
        let latency = Microseconds(level.attributes.latency_us().into());
        if is_indexed {
            say!(console.terminal, "index {:<4} ", level.index);
        }
        say!(
            console.terminal,
            "level {:<8} {cost}, reached within {latency}",
            level.level
        );
        if level.indicative_khz != 0 {
            let frequency = Hertz(u64::from(level.indicative_khz).saturating_mul(1000));
            say!(console.terminal, ", {frequency}");
        }
        say!(console.terminal, "\n");
    }
    Ok(())
}

fn get<'a>(console: &mut Console, mut words: Words<'a>) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let perf = Perf::over(link)?;
    let domain = named(link, Kind::Perf, &mut words)?;
    say!(console.terminal, "level {}\n", perf.level(domain)?);
    Ok(())
}

fn set<'a>(console: &mut Console, mut words: Words<'a>) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let perf = Perf::over(link)?;
    let domain = named(link, Kind::Perf, &mut words)?;
    let level = whole(next_word(&mut words), A_LEVEL)?;
    Ok(perf.set_level(domain, level)?)
}

fn limits<'a>(console: &mut Console, mut words: Words<'a>) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let perf = Perf::over(link)?;
    let domain = named(link, Kind::Perf, &mut words)?;
    let Some(low) = words.next() else {
        let limits = perf.limits(domain)?;
        say!(
            console.terminal,
            "level {} to {}\n",
            limits.lowest,
            limits.highest
        );
        return Ok(());
    };
    let high = words
        .next()
        .ok_or(Failure::Told("usage: perf limits NAME [LOW HIGH]"))?;
    let (low, high) = (whole(low, A_LEVEL)?, whole(high, A_LEVEL)?);
    Ok(perf.set_limits(domain, low, high)?)
}
