// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `system`: the machine as a whole, as the platform sees it.

use console_core::grammar::{Command, Words};
use drv_scmi_api::SystemPower;
use scmi::system::SystemState;

use super::{Outcome, Run, Verb, has};
use crate::Console;
use crate::platform::link;
use crate::terminal::say;

pub const COMMAND: Command<Run> = Command {
    name: "system",
    help: "system power: ask the platform to shut down, reset or suspend the machine",
    verbs: &[
        Verb::new(
            "state",
            "",
            "the state that the system is in, or on its way to",
            state,
        ),
        Verb::new(
            "shutdown",
            "[forced]",
            "switches it off; gracefully, if not `forced`",
            |console, words| bring(console, &words, SystemState::SHUTDOWN),
        ),
        Verb::new("reboot", "[forced]", "cold reset", |console, words| {
            bring(console, &words, SystemState::COLD_RESET)
        }),
        Verb::new("warm-reboot", "[forced]", "warm reset", |console, words| {
            bring(console, &words, SystemState::WARM_RESET)
        }),
        Verb::new("suspend", "[forced]", "suspends it", |console, words| {
            bring(console, &words, SystemState::SUSPEND)
        }),
        Verb::new("power-up", "[forced]", "powers it up", |console, words| {
            bring(console, &words, SystemState::POWER_UP)
        }),
    ],
};

fn state<'a>(console: &mut Console, _: Words<'a>) -> Outcome<'a> {
    let system = SystemPower::over(link(&console.scmi)?)?;
    say!(console.terminal, "{}\n", system.state()?);
    Ok(())
}

fn bring<'a>(console: &mut Console, words: &Words<'a>, state: SystemState) -> Outcome<'a> {
    let system = SystemPower::over(link(&console.scmi)?)?;
    Ok(system.set_state(state, !has(words, "forced"))?)
}
