// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Every fault of the control socket: what exactly the client is told, and which of the driver's counters move.

use core::fmt::Write;

use drv_scmi_api::{Clocks, Error, Link, Rounding, Scmi, ScmiError, ScmiStats};
use scmi::power::StateGet;
use userlib::hl;

use crate::run::{Outcome, Run, Words};

/// How long a command may take, in milliseconds.
const DEADLINE_MS: u32 = 3000;
/// The counters that are compared: all but those of interrupts, kicks, and pools that only follow the others.
const WATCHED: [&str; 15] = [
    "sent_ok",
    "answered",
    "failed",
    "timed_out",
    "slots_lost",
    "delayed_response_ok",
    "notification_ok",
    "notification_longer",
    "events_unclaimed",
    "err_msg_unexpected",
    "err_msg_invalid",
    "err_msg_nomem",
    "err_protocol",
    "clamped",
    "recoveries",
];

/// What a call comes to.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Told {
    /// It has this value.
    Value(u64),
    /// The platform refused, with this status.
    Refused(i32),
    /// The driver has no answer.
    NoAnswer(ScmiError),
    /// The answer is too short for what it should hold.
    Malformed,
}

/// A fault, a call, and what becomes of it.
struct Row {
    name: &'static str,
    /// The keys of the fault.
    fault: &'static str,
    call: fn(&Scmi) -> Result<u64, Error>,
    told: Told,
    /// How long to wait before the counters are read: for what comes late.
    after_ms: u64,
    /// The counters that move, and how far.
    moved: &'static [(&'static str, u32)],
}

/// POWER_STATE_GET of the processor's domain, which is on: state 0.
const STATE: &str = r#""protocol":17,"message":5"#;

fn state(scmi: &Scmi) -> Result<u64, Error> {
    let link = Link::new(scmi).with_deadline(DEADLINE_MS);
    Ok(link.get(&StateGet { domain: 0 })?.state.0.into())
}

/// Two of them at once; the second one must be there first.
fn overtaken(scmi: &Scmi) -> Result<u64, Error> {
    let link = Link::new(scmi).with_deadline(DEADLINE_MS);
    let (mut first_buffer, mut second_buffer) = ([0; 128], [0; 128]);
    let first = link.send(&StateGet { domain: 0 }, 0)?;
    hl::sleep_for(50);
    let early = link.poll(&first, &mut first_buffer)?.is_some();
    let second = link.send(&StateGet { domain: 1 }, 0)?;
    let answer = loop {
        if let Some(reply) = link.poll(&second, &mut second_buffer)? {
            break reply.state.0;
        }
        hl::sleep_for(1);
    };
    loop {
        if let Some(reply) = link.poll(&first, &mut first_buffer)? {
            // The first domain is on (0), the second one off.
            let right = !early && answer != 0 && reply.state.0 == 0;
            return Ok(right.into());
        }
        hl::sleep_for(1);
    }
}

/// CLOCK_RATE_SET of the third clock, with a delayed response.
fn rate(scmi: &Scmi) -> Result<u64, Error> {
    let link = Link::new(scmi).with_deadline(DEADLINE_MS);
    Clocks::over(link)?.set_rate_delayed(2, 5_000_000, Rounding::Down)
}

const fn reply(
    name: &'static str,
    fault: &'static str,
    told: Told,
    moved: &'static [(&'static str, u32)],
) -> Row {
    Row {
        name,
        fault,
        call: state,
        told,
        after_ms: 0,
        moved,
    }
}

const fn delayed(
    name: &'static str,
    fault: &'static str,
    told: Told,
    moved: &'static [(&'static str, u32)],
) -> Row {
    Row {
        name,
        fault,
        call: rate,
        told,
        after_ms: 0,
        moved,
    }
}

const ANSWERED: &[(&str, u32)] = &[("sent_ok", 1), ("answered", 1)];
const SHORT: &[(&str, u32)] = &[("sent_ok", 1), ("failed", 1), ("err_msg_invalid", 1)];
const WRONG: &[(&str, u32)] = &[("sent_ok", 1), ("failed", 1), ("err_msg_unexpected", 1)];

/// Faults of replies.
const REPLIES: &[Row] = &[
    reply(
        "delay",
        r#""kind":"delay","ms":200"#,
        Told::Value(0),
        ANSWERED,
    ),
    Row {
        after_ms: 4500,
        ..reply(
            "delay, beyond the deadline",
            r#""kind":"delay","ms":4500"#,
            Told::NoAnswer(ScmiError::TimedOut),
            &[("sent_ok", 1), ("timed_out", 1), ("err_msg_unexpected", 1)],
        )
    },
    Row {
        call: overtaken,
        ..reply(
            "reorder",
            r#""kind":"reorder""#,
            Told::Value(1),
            &[("sent_ok", 2), ("answered", 2)],
        )
    },
    reply(
        "duplicate",
        r#""kind":"duplicate""#,
        Told::Value(0),
        &[("sent_ok", 1), ("answered", 1), ("err_protocol", 1)],
    ),
    reply(
        "truncate to nothing",
        r#""kind":"truncate","len":0"#,
        Told::NoAnswer(ScmiError::ShortReply),
        SHORT,
    ),
    reply(
        "truncate inside the header",
        r#""kind":"truncate","len":3"#,
        Told::NoAnswer(ScmiError::ShortReply),
        SHORT,
    ),
    reply(
        "truncate inside the status",
        r#""kind":"truncate","len":7"#,
        Told::NoAnswer(ScmiError::ShortReply),
        SHORT,
    ),
    reply(
        "truncate after the status",
        r#""kind":"truncate","len":8"#,
        Told::Malformed,
        ANSWERED,
    ),
    reply(
        "truncate inside the value",
        r#""kind":"truncate","len":11"#,
        Told::Malformed,
        ANSWERED,
    ),
    reply(
        "used length beyond the buffer",
        r#""kind":"used-length","len":4000"#,
        Told::Value(0),
        &[("sent_ok", 1), ("answered", 1), ("clamped", 1)],
    ),
    reply(
        "used length of nothing",
        r#""kind":"used-length","len":0"#,
        Told::NoAnswer(ScmiError::ShortReply),
        SHORT,
    ),
    reply(
        "header: another token",
        r#""kind":"header","xor":262144"#,
        Told::NoAnswer(ScmiError::WrongReply),
        WRONG,
    ),
    reply(
        "header: another protocol",
        r#""kind":"header","xor":1024"#,
        Told::NoAnswer(ScmiError::WrongReply),
        WRONG,
    ),
    reply(
        "header: another message",
        r#""kind":"header","xor":1"#,
        Told::NoAnswer(ScmiError::WrongReply),
        WRONG,
    ),
    reply(
        "header: another type",
        r#""kind":"header","xor":512"#,
        Told::NoAnswer(ScmiError::WrongReply),
        WRONG,
    ),
    reply(
        "status: busy",
        r#""kind":"status","status":-6"#,
        Told::Refused(-6),
        ANSWERED,
    ),
    reply(
        "status: denied",
        r#""kind":"status","status":-3"#,
        Told::Refused(-3),
        ANSWERED,
    ),
    reply(
        "status that nobody knows",
        r#""kind":"status","status":-77"#,
        Told::Refused(-77),
        ANSWERED,
    ),
    reply(
        "status above zero",
        r#""kind":"status","status":5"#,
        Told::Refused(5),
        ANSWERED,
    ),
    reply(
        "garbage",
        r#""kind":"garbage","byte":238"#,
        Told::Refused(-286_331_154),
        ANSWERED,
    ),
    reply(
        "drop",
        r#""kind":"drop""#,
        Told::NoAnswer(ScmiError::TimedOut),
        &[("sent_ok", 1), ("timed_out", 1), ("slots_lost", 1)],
    ),
    reply(
        "used id of a descriptor that is no head",
        r#""kind":"used-id","id":63"#,
        Told::NoAnswer(ScmiError::TimedOut),
        &[
            ("sent_ok", 1),
            ("timed_out", 1),
            ("slots_lost", 1),
            ("err_protocol", 1),
        ],
    ),
];

/// CLOCK_RATE_SET, and the CLOCK `PROTOCOL_VERSION` before it.
const RATE: &str = r#""protocol":20,"message":5"#;
const DELAYED_OK: &[(&str, u32)] = &[("sent_ok", 2), ("answered", 2), ("delayed_response_ok", 1)];

/// Faults of delayed responses, and of the reply before one.
const DELAYED: &[Row] = &[
    Row {
        after_ms: 600,
        ..delayed(
            "the reply after the delayed response",
            r#""kind":"delay","ms":300"#,
            Told::Value(5_000_000),
            DELAYED_OK,
        )
    },
    delayed(
        "delay",
        r#""kind":"delay","ms":300,"target":"delayed""#,
        Told::Value(5_000_000),
        DELAYED_OK,
    ),
    Row {
        after_ms: 4500,
        ..delayed(
            "delay, beyond the limit",
            r#""kind":"delay","ms":4500,"target":"delayed""#,
            Told::NoAnswer(ScmiError::DelayedTimedOut),
            &[
                ("sent_ok", 2),
                ("answered", 1),
                ("timed_out", 1),
                ("err_msg_unexpected", 1),
            ],
        )
    },
    delayed(
        "drop",
        r#""kind":"drop","target":"delayed""#,
        Told::NoAnswer(ScmiError::DelayedTimedOut),
        &[("sent_ok", 2), ("answered", 1), ("timed_out", 1)],
    ),
    delayed(
        "duplicate",
        r#""kind":"duplicate","target":"delayed""#,
        Told::Value(5_000_000),
        &[
            ("sent_ok", 2),
            ("answered", 2),
            ("delayed_response_ok", 1),
            ("err_msg_unexpected", 1),
        ],
    ),
    delayed(
        "truncate",
        r#""kind":"truncate","len":6,"target":"delayed""#,
        Told::NoAnswer(ScmiError::ShortReply),
        &[
            ("sent_ok", 2),
            ("answered", 1),
            ("failed", 1),
            ("err_msg_invalid", 1),
        ],
    ),
    delayed(
        "another token",
        r#""kind":"header","xor":262144,"target":"delayed""#,
        Told::NoAnswer(ScmiError::DelayedTimedOut),
        &[
            ("sent_ok", 2),
            ("answered", 1),
            ("timed_out", 1),
            ("err_msg_unexpected", 1),
        ],
    ),
    delayed(
        "status: hardware error",
        r#""kind":"status","status":-9,"target":"delayed""#,
        Told::Refused(-9),
        DELAYED_OK,
    ),
];

pub fn cases(run: &mut Run, scmi: &Scmi) {
    for (target, messages, rows) in [
        ("reply", STATE, REPLIES),
        ("delayed response", RATE, DELAYED),
    ] {
        for row in rows {
            let mut name = Words::default();
            let _ = write!(name, "fault of a {target}: {}", row.name);
            run.case(name.as_str(), |run| play(run, scmi, messages, row));
        }
    }
    run.case("fault of a notification: each kind", |run| {
        notifications(run, scmi)
    });
    run.case("a flood: what is not delivered is counted", |run| {
        flood(run, scmi)
    });
}

fn play(run: &mut Run, scmi: &Scmi, messages: &str, row: &Row) -> Outcome {
    let before = scmi.stats();
    let mut line = Words::default();
    let _ = write!(line, r#"{{"cmd":"fault",{},{messages}}}"#, row.fault);
    run.tell(line.as_str())?;
    let told = match (row.call)(scmi) {
        Ok(value) => Told::Value(value),
        Err(Error::Refused(status)) => Told::Refused(status.raw()),
        Err(Error::NoAnswer(error)) => Told::NoAnswer(error),
        Err(Error::Malformed(_)) => Told::Malformed,
        Err(error) => return Err(error.into()),
    };
    hl::sleep_for(row.after_ms.max(30));
    let after = scmi.stats();
    run.same(told, row.told)?;
    moved(run, &before, &after, row.moved)?;
    run.same(after.balanced(), true)
}

/// The watched counters have moved as said, and no other one has.
fn moved(run: &mut Run, before: &ScmiStats, after: &ScmiStats, wanted: &[(&str, u32)]) -> Outcome {
    let mut right = Ok(());
    for ((name, before), (_, after)) in before.named().zip(after.named()) {
        if !WATCHED.contains(&name) {
            continue;
        }
        let wanted = wanted.iter().find(|entry| entry.0 == name);
        let wanted = wanted.map_or(0, |entry| entry.1);
        let found = after.wrapping_sub(before);
        if found != wanted {
            right = run.wrong(format_args!("{name} moved by {found}, not {wanted}"));
        }
    }
    right
}

/// POWER_STATE_CHANGED of the second domain, with a fault each time; what comes after it is as it should be.
fn notifications(run: &mut Run, scmi: &Scmi) -> Outcome {
    const ON: &str = r#"{"cmd":"set","what":"power","name":"gpu","on":true}"#;
    const OFF: &str = r#"{"cmd":"set","what":"power","name":"gpu","on":false}"#;
    const SAYS_ON: &str = "power domain 1 is on by agent 0";
    const SAYS_OFF: &str = "power domain 1 is off by agent 0";
    let power = drv_scmi_api::Power::connect(scmi)?;
    power.notify_changes(1, true)?;
    for (fault, seen, counts) in [
        (
            r#""kind":"delay","ms":200"#,
            1,
            &[("notification_ok", 2)][..],
        ),
        (r#""kind":"duplicate""#, 2, &[("notification_ok", 3)]),
        (r#""kind":"drop""#, 0, &[("notification_ok", 1)]),
        (
            r#""kind":"truncate","len":8"#,
            0,
            &[("notification_ok", 1), ("err_msg_invalid", 1)],
        ),
        (
            r#""kind":"truncate","len":0"#,
            0,
            &[("notification_ok", 1), ("err_msg_invalid", 1)],
        ),
        // Of a domain that nobody follows.
        (
            r#""kind":"garbage","byte":238"#,
            0,
            &[("notification_ok", 2), ("events_unclaimed", 1)],
        ),
        // Of the type that means nothing.
        (
            r#""kind":"header","xor":512"#,
            0,
            &[("notification_ok", 1), ("err_msg_invalid", 1)],
        ),
    ] {
        let before = scmi.stats();
        let mut line = Words::default();
        let _ = write!(line, r#"{{"cmd":"fault",{fault},"target":"notification"}}"#);
        run.tell(line.as_str())?;
        run.tell(ON)?;
        for _ in 0..seen {
            run.event(SAYS_ON)?;
        }
        run.tell(OFF)?;
        run.event(SAYS_OFF)?;
        run.no_event()?;
        let after = scmi.stats();
        moved(run, &before, &after, counts)?;
    }
    let before = scmi.stats();
    // A delayed response that nobody waits for, and less than a header.
    run.tell(r#"{"cmd":"raw","bytes":"05520000 00000000"}"#)?;
    hl::sleep_for(100);
    let after = scmi.stats();
    moved(run, &before, &after, &[("err_msg_unexpected", 1)])?;
    power.notify_changes(1, false)?;
    run.no_event()
}

/// A thousand events at once: each one is received, and lost to the client or not, and commands are answered meanwhile.
fn flood(run: &mut Run, scmi: &Scmi) -> Outcome {
    let power = drv_scmi_api::Power::connect(scmi)?;
    power.notify_changes(1, true)?;
    let before = scmi.stats();
    run.tell(r#"{"cmd":"event","protocol":17,"event":0,"payload":"00000000 01000000 00000000","count":1000}"#)?;
    run.same(state(scmi)?, 0)?;
    hl::sleep_for(300);
    let (received, lost) = run.count_events()?;
    let after = scmi.stats();
    let delivered = after
        .counters
        .notification_ok
        .wrapping_sub(before.counters.notification_ok);
    run.same(received.wrapping_add(lost), delivered)?;
    run.same(
        lost,
        after
            .counters
            .err_msg_nomem
            .wrapping_sub(before.counters.err_msg_nomem),
    )?;
    run.same(received > 0, true)?;
    run.same(after.balanced(), true)?;
    power.notify_changes(1, false)?;
    run.no_event()
}
