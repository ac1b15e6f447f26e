// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `events`: what the platform tells unasked, while it happens.

use console_core::grammar::{Command, Words};
use console_core::quantity::{self, Bad, Unit};
use drv_scmi_api::{Error, Incoming, Link, PAYLOAD_MAX, ScmiError, next_event};
use scmi::events::{EVENTS, Event, find};
use scmi::{Protocol, Status};
use userlib::{set_timer_relative, sys_get_timer, sys_recv_notification, sys_set_timer};

use super::{Outcome, Run, Verb, plain};
use crate::failure::Failure;
use crate::notice::Told;
use crate::platform::{self, link};
use crate::terminal::say;
use crate::{Console, notifications};

pub const COMMAND: Command<Run> = plain(
    "events",
    "what the platform tells, live: `events 3s`, `events sensor perf 1min`",
    &[Verb::new(
        "",
        "[PROTOCOL...] [DURATION]",
        "follows the events of these protocols, or of all, for 10 s or as long as told; Ctrl-C ends it.\n      Without a protocol, sensors do not tell every reading",
        events,
    )],
);

/// How long events are followed if nothing is told, in milliseconds.
const DEFAULT_MS: u32 = 10_000;
const DURATIONS: &[Unit] = &[("ms", -3), ("s", 0)];
const A_DURATION: &str = "a protocol, or a duration such as 500ms, 3s or 2min, at most a day";
/// A day, in milliseconds.
const LONGEST_MS: u32 = 24 * 60 * 60 * 1000;

/// The protocols whose events are followed: a bit for each number from Base on; 0 is all.
#[derive(Copy, Clone, Default)]
struct Choice(u16);

impl Choice {
    fn with(self, protocol: Protocol) -> Self {
        Self(self.0 | Self::bit(protocol))
    }

    fn bit(protocol: Protocol) -> u16 {
        1 << (protocol.id() & 0xf)
    }

    fn has(self, event: &Event) -> bool {
        match self.0 {
            // Sensors that tell every reading would drown the rest.
            0 => event.name != "SENSOR_UPDATE",
            bits => bits & Self::bit(event.protocol) != 0,
        }
    }
}

fn events<'a>(console: &mut Console, words: Words<'a>) -> Outcome<'a> {
    let (choice, duration) = choose(words)?;
    // What was queued for an earlier command is no news.
    drain(console)?;
    let count = subscribe(console, choice)?;
    if count == 0 {
        return Err(Failure::Told(
            "the platform offers no such events; `protocols` lists its protocols",
        ));
    }
    say!(
        console.terminal,
        "following {count} event(s); Ctrl-C ends\n"
    );
    console.terminal.flush();
    let result = follow(console, choice, duration);
    sys_set_timer(None, 0);
    switch(console, choice, false)
        .map(drop)
        .or_else(|failure| match failure {
            // A driver that restarted knows of no subscription.
            Failure::Scmi(Error::NoAnswer(_)) => Ok(()),
            failure => Err(failure),
        })?;
    result
}

/// What the words say: protocols, and at the end a duration.
fn choose<'a>(words: Words<'a>) -> Result<(Choice, u32), Failure<'a>> {
    let mut choice = Choice::default();
    let mut duration = None;
    for word in words {
        if duration.is_some() {
            return Err(Failure::Told(
                "usage: events [PROTOCOL...] [DURATION]: one duration, at the end",
            ));
        }
        match platform::protocol_of(word) {
            Some(id) => {
                let known = Protocol::from_id(id).ok_or(Failure::UnknownProtocol(word))?;
                choice = choice.with(known);
            }
            None => duration = Some(duration_ms(word)?),
        }
    }
    Ok((choice, duration.unwrap_or(DEFAULT_MS)))
}

fn duration_ms(word: &str) -> Result<u32, Failure<'_>> {
    let bad = |bad| match bad {
        Bad::NotANumber => Failure::UnknownProtocol(word),
        bad => Failure::Value(word, A_DURATION, bad),
    };
    let milliseconds = match word.strip_suffix("min") {
        Some(minutes) => quantity::quantity(minutes, quantity::PLAIN, -3)
            .map_err(bad)?
            .saturating_mul(60),
        None => quantity::quantity(word, DURATIONS, -3).map_err(bad)?,
    };
    match u32::try_from(milliseconds) {
        Ok(duration @ 1..=LONGEST_MS) => Ok(duration),
        _ => Err(bad(Bad::OutOfRange)),
    }
}

fn subscribe(console: &mut Console, choice: Choice) -> Result<u32, Failure<'static>> {
    switch(console, choice, true)
}

/// Subscribes to what the platform offers, or ends that. Returns how many subscriptions it was.
fn switch(console: &mut Console, choice: Choice, enable: bool) -> Result<u32, Failure<'static>> {
    let link = link(&console.scmi)?;
    let mut switched = 0_u32;
    for event in EVENTS.iter().filter(|event| choice.has(event)) {
        let sources = match sources(link, event) {
            Ok(sources) => sources,
            // A protocol that the platform does not have, or does not let this agent use.
            Err(Error::Refused(_)) => continue,
            Err(error) => return Err(error.into()),
        };
        for source in 0..sources {
            match link.notify(event.protocol, event.id, source, enable) {
                Ok(()) => switched = switched.saturating_add(1),
                Err(Error::NoAnswer(
                    ScmiError::EventNotSupported
                    | ScmiError::UnknownSource
                    | ScmiError::EventRefused
                    | ScmiError::NotSubscribed,
                )) => {}
                Err(Error::NoAnswer(ScmiError::SubscriptionQuota)) => {
                    say!(
                        console.terminal,
                        "! no room for more subscriptions than {switched}: see `subscriptions` in app.toml\n"
                    );
                    return Ok(switched);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(switched)
}

/// How many sources an event has.
fn sources(link: Link<'_>, event: &Event) -> Result<u32, Error> {
    let mut word = [0; 4];
    let attributes = scmi::protocol::common::PROTOCOL_ATTRIBUTES;
    let answer = platform::send(link, event.protocol.id(), attributes, &[], &mut word)?;
    Status::from_raw(answer.status).ok()?;
    Ok(event.sources.count(u32::from_le_bytes(word)))
}

/// Prints events until the time is over or the user ends it.
fn follow(console: &mut Console, choice: Choice, duration_ms: u32) -> Outcome<'static> {
    const WAKE: u32 = notifications::SCMI_MASK
        | notifications::INPUT_MASK
        | notifications::FAULT_MASK
        | notifications::TIMER_MASK;
    let deadline = set_timer_relative(duration_ms, notifications::TIMER_MASK);
    loop {
        // A flood must not keep the user from ending it.
        while !console.input.interrupted(&console.terminal) && sys_get_timer().now < deadline {
            if !show_next(console, choice)? {
                break;
            }
        }
        console.faults.report(&console.jefe, &mut console.terminal);
        console.terminal.flush();
        if console.input.take_interrupt() {
            say!(console.terminal, "^C\n");
            return Ok(());
        }
        if sys_get_timer().now >= deadline {
            return Ok(());
        }
        // Bits are hints: everything is looked at above.
        let _ = sys_recv_notification(WAKE);
    }
}

/// Prints the next event. Returns whether there was one.
fn show_next(console: &mut Console, choice: Choice) -> Result<bool, Failure<'static>> {
    let mut buffer = [0; PAYLOAD_MAX];
    let incoming = next_event(&console.scmi, &mut buffer)?;
    let terminal = &mut console.terminal;
    match incoming {
        Incoming::Empty => return Ok(false),
        Incoming::Notice {
            notice,
            time_ms,
            lost,
        } => {
            lost_some(terminal, lost);
            let link = link(&console.scmi).ok();
            let (seconds, rest) = (time_ms / 1000, time_ms % 1000);
            say!(
                terminal,
                "{seconds:>6}.{rest:03}  {}\n",
                Told { notice, link }
            );
        }
        Incoming::Malformed {
            protocol,
            event,
            lost,
        } => {
            lost_some(terminal, lost);
            say!(
                terminal,
                "! {} has a payload that its protocol does not allow\n",
                Named(protocol, event)
            );
        }
        Incoming::Resynchronise => {
            say!(
                terminal,
                "! the device was reset: events may have been missed; read back what matters\n"
            );
        }
        Incoming::Ended {
            protocol,
            event,
            source,
        } => say!(
            terminal,
            "! the platform no longer tells {} of source {source}\n",
            Named(protocol, event)
        ),
        Incoming::Restarted => {
            say!(
                terminal,
                "! the driver restarted: events may have been missed; subscribing again\n"
            );
            subscribe(console, choice)?;
        }
    }
    Ok(true)
}

fn lost_some(terminal: &mut crate::terminal::Terminal, lost: u32) {
    if lost > 0 {
        say!(
            terminal,
            "! {lost} event(s) were lost: they came faster than they were taken\n"
        );
    }
}

/// An event by its name, or by its numbers.
struct Named(u8, u8);

impl core::fmt::Display for Named {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match find(self.0, self.1) {
            Some(event) => f.write_str(event.name),
            None => write!(f, "event {:#x} of protocol {:#x}", self.1, self.0),
        }
    }
}

/// Throws away what is queued.
fn drain(console: &Console) -> Outcome<'static> {
    let mut buffer = [0; PAYLOAD_MAX];
    // More than a queue can hold.
    for _ in 0..=u8::MAX {
        match next_event(&console.scmi, &mut buffer)? {
            Incoming::Empty => break,
            _ => continue,
        }
    }
    Ok(())
}
