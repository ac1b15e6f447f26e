// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Polling before a device that interrupts for every answer although nobody wants it to, as vhost-device-scmi does.

use drv_scmi_api::{Error, Exchange, Link, Request, Scmi, TransferFlags};
use userlib::*;

use crate::run::{Outcome, Run};

const POWER: u8 = 0x11;
const STATE_GET: u8 = 5;
/// Commands one after the other.
const COMMANDS: u32 = 200;
/// Events, one after the other.
const EVENTS: usize = 5;
/// How long an event may take while everybody polls, in milliseconds: the driver looks each millisecond; the rest is for a computer that
/// does other things too. Without that look it would be found by the driver's tick, every 250 ms.
const PROMPT_MS: u64 = 40;

pub fn cases(run: &mut Run, scmi: &Scmi) {
    const RESPECTED: &str = r#"{"cmd":"suppression","respected":true}"#;
    const NOT_RESPECTED: &str = r#"{"cmd":"suppression","respected":false}"#;
    for (name, suppression) in [
        ("polling: interrupts are suppressed", RESPECTED),
        ("polling: interrupts come all the same", NOT_RESPECTED),
    ] {
        run.case(name, |run| {
            run.tell(suppression)?;
            few_interrupts(run, scmi)?;
            prompt_events(run, scmi)?;
            run.tell(RESPECTED)
        });
    }
}

/// Starts a command that is polled for, about the first domain.
fn start(scmi: &Scmi) -> Result<u32, Error> {
    let request = Request::new(POWER, STATE_GET, &[0; 4][..]).with_flags(TransferFlags::POLLED);
    Ok(scmi.send(&request, 0)?)
}

/// Asks until the command has ended.
fn finish(scmi: &Scmi, handle: u32) -> Result<(), Error> {
    let mut state = [0; 4];
    while scmi.poll(handle, &mut state)?.response().is_none() {}
    Ok(())
}

/// An interrupt that nobody wants is taken once in a millisecond at most, and not for every command.
fn few_interrupts(run: &mut Run, scmi: &Scmi) -> Outcome {
    let (before, began) = (scmi.stats(), sys_get_timer().now);
    for _ in 0..COMMANDS {
        let handle = start(scmi)?;
        finish(scmi, handle)?;
    }
    let (after, took) = (scmi.stats(), sys_get_timer().now - began);
    run.same(
        after
            .counters
            .answered
            .wrapping_sub(before.counters.answered),
        COMMANDS,
    )?;
    let interrupts = u64::from(
        after
            .counters
            .interrupts
            .wrapping_sub(before.counters.interrupts),
    );
    if interrupts <= took + 2 {
        Ok(())
    } else {
        run.wrong(format_args!("{interrupts} interrupts in {took} ms"))
    }
}

/// Events have no interrupt of their own. They come in time all the same, most of them, while a command is polled for that is not answered.
fn prompt_events(run: &mut Run, scmi: &Scmi) -> Outcome {
    const DELAY: &str =
        r#"{"cmd":"fault","kind":"delay","ms":3000,"protocol":17,"message":5,"count":1}"#;
    const EVENT: &str =
        r#"{"cmd":"event","protocol":17,"event":0,"payload":"00000000 01000000 00000000"}"#;
    let power = drv_scmi_api::Power::over(Link::new(scmi))?;
    power.notify_changes(1, true)?;
    run.tell(DELAY)?;
    let slow = start(scmi)?;
    let mut prompt = 0;
    for _ in 0..EVENTS {
        // Its answer may bring the interrupt that nobody wants.
        let quick = start(scmi)?;
        finish(scmi, quick)?;
        let began = sys_get_timer().now;
        run.tell(EVENT)?;
        run.event("power domain 1 is on by agent 0")?;
        prompt += usize::from(sys_get_timer().now - began <= PROMPT_MS);
    }
    let early = scmi.poll(slow, &mut [0; 4]).map_err(Error::from)?;
    run.same(early.response().is_some(), false)?;
    finish(scmi, slow)?;
    power.notify_changes(1, false)?;
    if prompt > EVENTS / 2 {
        Ok(())
    } else {
        run.wrong(format_args!(
            "only {prompt} of {EVENTS} events in {PROMPT_MS} ms"
        ))
    }
}
