// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `thermal`: what the thermal task sees and does.

use core::fmt;

use console_core::grammar::{Command, Words};
use drv_scmi_api::Sensors;
use task_thermal_api::{Cause, NAME_MAX, Thermal, ZoneState, ZoneStatus};

use super::resources::text;
use super::{Outcome, Run, Verb, plain};
use crate::asker::Asker;
use crate::platform::link;
use crate::terminal::{Terminal, say};
use crate::{Console, THERMAL};

pub const COMMAND: Command<Run> = plain(
    "thermal",
    "how warm it is, and what is done about it",
    &[Verb::new("", "", "every zone, and every limit", thermal)],
);

fn thermal<'a>(console: &mut Console, _: Words<'a>) -> Outcome<'a> {
    let task = THERMAL.get_task_id();
    let thermal = Thermal::from(task);
    let mut name = [0; NAME_MAX];
    say!(
        console.terminal,
        "     {:<16} {:<14} {:>5}  {:<6} {:>7} {:>8} {:>5}  reading\n",
        "zone",
        "state",
        "trips",
        "sensor",
        "actions",
        "ms taken",
        "worst"
    );
    for number in 0..=u8::MAX {
        console.scmi.wait_for(task)?;
        // There are no more.
        let (Ok(zone), Ok(len)) = (thermal.zone(number), thermal.zone_name(number, &mut name))
        else {
            break;
        };
        let terminal = &mut console.terminal;
        say!(
            terminal,
            "{number:>3}  {:<16} {:<14} {:>3}/{}  {:<6} {:>7} {:>8} {:>5}  ",
            text(&name, len),
            zone.state,
            zone.passed,
            zone.trips,
            if zone.notified { "tells" } else { "polled" },
            zone.actions,
            zone.reaction_ms,
            zone.worst_reaction_ms
        );
        if matches!(zone.state, ZoneState::Watched | ZoneState::Blind) {
            reading(terminal, &console.scmi, &zone);
        }
        say!(terminal, "\n");
        trouble(terminal, zone.trouble);
    }
    let terminal = &mut console.terminal;
    say!(
        terminal,
        "     {:<16} {:>8} {:>8} {:>8} {:>8}\n",
        "limit",
        "wanted",
        "set",
        "normal",
        "safe"
    );
    for number in 0..=u8::MAX {
        console.scmi.wait_for(task)?;
        // As above.
        let (Ok(limit), Ok(len)) = (thermal.limit(number), thermal.limit_name(number, &mut name))
        else {
            break;
        };
        say!(
            terminal,
            "{number:>3}  {:<16} {:>8} {:>8} {:>8} {:>8}\n",
            text(&name, len),
            Known(limit.target),
            Known(limit.applied),
            limit.normal,
            limit.safe
        );
        trouble(terminal, limit.trouble);
    }
    Ok(())
}

/// The last reading, with its unit if the platform tells that now.
fn reading(terminal: &mut Terminal, scmi: &Asker, zone: &ZoneStatus) {
    let sensor = link(scmi)
        .ok()
        .and_then(|link| Sensors::over(link).ok()?.sensor(zone.sensor).ok());
    match sensor {
        Some(sensor) => say!(terminal, "{}", sensor.base.scale.quantity(zone.reading)),
        None => say!(terminal, "{}", zone.reading),
    }
}

/// What went wrong, in a line of its own.
fn trouble(terminal: &mut Terminal, trouble: Option<Cause>) {
    if let Some(cause) = trouble {
        say!(terminal, "     {cause}\n");
    }
}

/// A number that may not be known.
struct Known(Option<u32>);

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(value) => value.fmt(f),
            None => f.pad("unknown"),
        }
    }
}
