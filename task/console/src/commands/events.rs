// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `events`: what the platform tells unasked, while it happens.

use console_core::grammar::{Command, Words};
use console_core::numbers::Numbers;
use console_core::quantity::{self, Bad, Unit};
use drv_scmi_api::{Error, EventSource, Exchange, Incoming, PAYLOAD_MAX, ScmiError, next_event};
use heapless::Vec;
use scmi::events::{EVENTS, Event, Thresholds, find};
use scmi::{Protocol, Status};
use userlib::{TaskId, sys_get_timer, sys_recv_notification, sys_refresh_task_id, sys_set_timer};

use super::{Outcome, Run, Verb, plain};
use crate::failure::Failure;
use crate::input::Full;
use crate::notice::Told;
use crate::platform::{self, Link, link};
use crate::protocols::protocol_of;
use crate::terminal::say;
use crate::{Console, SCMI, notifications};

pub const COMMAND: Command<Run> = plain(
    "events",
    "what the platform tells, live: `events 3s`, `events sensor perf 1min`",
    &[Verb::new(
        "",
        "[PROTOCOL...] [DURATION]",
        "follows the events of these protocols, or of all, for 10 s or as long as told, which includes the\n      time that it takes to ask for them; Ctrl-C ends it.\n      Without a protocol, sensors do not tell every reading",
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

/// The subscriptions of a line, to end them with it.
pub struct Followed {
    /// The number of the event in [`EVENTS`], and the source.
    subscriptions: Vec<(u8, u16), SUBSCRIPTIONS_MAX>,
    /// The life of the driver that they belong to.
    driver: TaskId,
}

/// The driver counts no more for a client.
const SUBSCRIPTIONS_MAX: usize = 255;

impl Followed {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self {
            subscriptions: Vec::new(),
            driver: TaskId::UNBOUND,
        }
    }
}

/// How long to wait before subscribing again while the driver is not ready for it, in milliseconds.
const AGAIN_MS: u64 = 100;

fn events<'a>(console: &mut Console, words: Words<'a>) -> Outcome<'a> {
    let start = sys_get_timer().now;
    let (choice, duration) = choose(words)?;
    let deadline = start.saturating_add(duration.into());
    console.scmi.set_limit(Some(deadline));
    // What was queued for an earlier command is no news.
    let result = drain(console).and_then(|()| watch(console, choice, deadline));
    console.scmi.set_limit(None);
    sys_set_timer(None, 0);
    unsubscribe(console);
    // Ctrl-C is the usual end of this command.
    if console.scmi.take_interrupt() {
        console.terminal.end_line();
        say!(console.terminal, "^C\n");
        return Ok(());
    }
    result
}

/// Subscribes, and prints events until the time is over or the user ends it.
fn watch(console: &mut Console, choice: Choice, deadline: u64) -> Outcome<'static> {
    match subscribe(console, choice, deadline) {
        Err(failure @ Failure::NotRunning(_)) => return Err(failure),
        // A question that was cut short by the end of the time has not failed.
        Err(_) if is_over(console, deadline) => {}
        result => result?,
    }
    let count = console.followed.subscriptions.len();
    let is_over = is_over(console, deadline);
    if count == 0 {
        return Err(Failure::Told(match is_over {
            true => "the time was over before the platform agreed to any event",
            false => "the platform offers no such events; `protocols` lists its protocols",
        }));
    }
    if is_over {
        say!(
            console.terminal,
            "! the time was over before all events were asked for; {count} were\n"
        );
    } else {
        say!(
            console.terminal,
            "following {count} event(s); Ctrl-C ends\n"
        );
    }
    console.terminal.flush();
    follow(console, choice, deadline)
}

/// Returns `true` if the time is over or the user has ended the command.
fn is_over(console: &Console, deadline: u64) -> bool {
    // Whatever was typed before, Ctrl-C ends it.
    console.scmi.input().interrupted(Full::Drop) || sys_get_timer().now >= deadline
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
        match protocol_of(word) {
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

/// Subscribes to what the platform offers, as long as there is time.
#[inline(never)]
fn subscribe(console: &mut Console, choice: Choice, deadline: u64) -> Outcome<'static> {
    // First of all: what a later life of the driver does not know shows then.
    let driver = SCMI.get_task_id();
    if driver == console.followed.driver {
        unsubscribe(console);
    }
    console.followed.driver = driver;
    console.followed.subscriptions.clear();
    let link = link(&console.scmi)?;
    for (number, event) in (0_u8..).zip(EVENTS) {
        if !choice.has(event) {
            continue;
        }
        let sources = match sources(link, event) {
            Ok(sources) => sources,
            // A protocol that the platform does not have, or does not let this agent use.
            Err(Error::Refused(_)) => continue,
            Err(error) => return Err(error.into()),
        };
        let mut sources = Numbers::below(sources);
        while let Some(source) = sources.next() {
            if is_over(console, deadline) {
                return Ok(());
            }
            if console.followed.subscriptions.is_full() {
                no_room(console);
                return Ok(());
            }
            match link.notify(event.protocol, event.id, source, true) {
                Ok(()) => {
                    // There are no more sources than sixteen bits count, and there is room.
                    let subscription = (number, source as u16);
                    let _ = console.followed.subscriptions.push(subscription);
                }
                Err(Error::NoAnswer(ScmiError::UnknownSource)) => sources.is_missing(),
                Err(Error::NoAnswer(ScmiError::EventNotSupported | ScmiError::EventRefused)) => {}
                Err(Error::NoAnswer(ScmiError::SubscriptionQuota)) => {
                    no_room(console);
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

fn no_room(console: &mut Console) {
    let count = console.followed.subscriptions.len();
    say!(
        console.terminal,
        "! no room for more subscriptions than {count}: see `subscriptions` in app.toml\n"
    );
}

/// Ends all subscriptions. That waits for nothing: the driver asks the platform by itself.
#[inline(never)]
fn unsubscribe(console: &mut Console) {
    while let Some((number, source)) = console.followed.subscriptions.pop() {
        let Some(event) = EVENTS.get(usize::from(number)) else {
            continue;
        };
        let event = EventSource {
            protocol: event.protocol.id(),
            event: event.id,
            source: source.into(),
        };
        let ended = console.scmi.notify(event, false, Thresholds::NONE);
        // A driver that restarted knows of no subscription; one that refuses knows not of this.
        if ended == Err(ScmiError::ServerRestarted) {
            console.followed.subscriptions.clear();
        }
    }
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
fn follow(console: &mut Console, choice: Choice, deadline: u64) -> Outcome<'static> {
    const WAKE: u32 = notifications::SCMI_MASK
        | notifications::INPUT_MASK
        | notifications::FAULT_MASK
        | notifications::TIMER_MASK;
    // Why the driver's new life has no subscriptions yet, if it has none.
    let mut trouble = None;
    while !is_over(console, deadline) {
        let restarted = sys_refresh_task_id(console.followed.driver) != console.followed.driver;
        if console.scmi.has_driver() && (restarted || trouble.is_some()) {
            if trouble.is_none() {
                console.terminal.end_line();
                say!(
                    console.terminal,
                    "! the driver restarted: events may have been missed; subscribing again\n"
                );
            }
            trouble = subscribe(console, choice, deadline).err();
        }
        // A flood must not keep the user from ending it.
        while !is_over(console, deadline) && show_next(console)? {}
        console.faults.report(&console.jefe, &mut console.terminal);
        console.terminal.flush();
        let again = sys_get_timer().now.saturating_add(AGAIN_MS);
        let wake = match trouble.is_some() || !console.scmi.has_driver() {
            true => again.min(deadline),
            false => deadline,
        };
        if is_over(console, deadline) {
            break;
        }
        // Set each time: questions about names use the timer, too.
        sys_set_timer(Some(wake), notifications::TIMER_MASK);
        // Bits are hints: everything is looked at above.
        let _ = sys_recv_notification(WAKE);
    }
    trouble.map_or(Ok(()), Err)
}

/// Prints the next event. Returns whether there was one.
#[inline(never)]
fn show_next(console: &mut Console) -> Result<bool, Failure<'static>> {
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
        // The life of the driver shows it, too, where a question about a name was the first to find
        // out.
        Incoming::Restarted => {}
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
#[inline(never)]
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
