// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! One case after the other, and what they have in common.

use core::fmt::{self, Write};

use drv_scmi_api::{Buffer, Error, Incoming, PAYLOAD_MAX, Scmi, next_event};
use userlib::*;

use crate::host::Host;
use crate::notifications;

/// How long an event may take, in milliseconds.
const EVENT_MS: u64 = 20_000;

/// A case that failed, and why.
#[derive(Debug)]
pub enum Failure {
    /// A call failed that should not have.
    Call(Error),
    /// Something has another value; what, was said.
    Said,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Call(error)
    }
}

/// How a case ended.
pub type Outcome = Result<(), Failure>;

/// The cases' companion.
pub struct Run {
    /// The driver.
    pub scmi: Scmi,
    host: Host,
    passed: u32,
    failed: u32,
}

impl Run {
    /// Nothing has been tried.
    pub fn new(scmi: Scmi) -> Self {
        let mut host = Host::open();
        host.say(format_args!("drive: begins"));
        Self {
            scmi,
            host,
            passed: 0,
            failed: 0,
        }
    }

    /// Tries one case.
    pub fn case(&mut self, name: &str, body: impl FnOnce(&mut Self) -> Outcome) {
        match body(self) {
            Ok(()) => {
                self.passed += 1;
                self.host.say(format_args!("case {name} ... ok"));
            }
            Err(Failure::Call(error)) => {
                self.failed += 1;
                self.host
                    .say(format_args!("case {name} ... FAILED: {error}"));
            }
            Err(Failure::Said) => {
                self.failed += 1;
                self.host
                    .say(format_args!("case {name} ... FAILED: see above"));
            }
        }
    }

    /// There are no more cases.
    pub fn end(mut self) {
        let Self { passed, failed, .. } = self;
        self.host
            .say(format_args!("drive: {passed} passed, {failed} failed"));
    }

    /// Says what is wrong.
    pub fn wrong(&mut self, what: fmt::Arguments<'_>) -> Outcome {
        self.host.say(what);
        Err(Failure::Said)
    }

    /// Has the platform told something on its control socket.
    pub fn tell(&mut self, line: &str) -> Outcome {
        if self.host.ask(format_args!("tell {line}")) {
            Ok(())
        } else {
            self.wrong(format_args!("the platform was not told"))
        }
    }

    /// Has the host look at the other end: at this place the machine must have this value, in JSON.
    pub fn see(&mut self, place: &str, value: &str) -> Outcome {
        if self.host.ask(format_args!("see {place} {value}")) {
            Ok(())
        } else {
            self.wrong(format_args!("the machine has another value there"))
        }
    }

    /// What is found must be what is wanted.
    pub fn same<T: PartialEq + fmt::Debug>(&mut self, found: T, wanted: T) -> Outcome {
        if found == wanted {
            Ok(())
        } else {
            self.wrong(format_args!("found {found:?}, wanted {wanted:?}"))
        }
    }

    /// A list must have these entries.
    pub fn list<T, U: PartialEq + fmt::Debug>(
        &mut self,
        mut found: impl Iterator<Item = Result<T, Error>>,
        what: impl Fn(&T) -> U,
        wanted: impl Iterator<Item = U>,
    ) -> Outcome {
        for wanted in wanted {
            match found.next() {
                Some(entry) => self.same(what(&entry?), wanted)?,
                None => return self.wrong(format_args!("the list ends before {wanted:?}")),
            }
        }
        match found.next() {
            None => Ok(()),
            Some(_) => self.wrong(format_args!("the list does not end")),
        }
    }

    /// A text must be this.
    pub fn text(&mut self, found: impl fmt::Display, wanted: &str) -> Outcome {
        let mut words = Words::default();
        let _ = write!(words, "{found}");
        if words.as_str() == wanted {
            Ok(())
        } else {
            self.wrong(format_args!(
                "found \"{}\", wanted \"{wanted}\"",
                words.as_str()
            ))
        }
    }

    /// The platform must have refused for this reason.
    pub fn refused<T>(&mut self, result: Result<T, Error>, status: scmi::Status) -> Outcome {
        match result {
            Ok(_) => self.wrong(format_args!("not refused")),
            Err(error) if error.is(status) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The driver must have refused for this reason.
    pub fn no_answer<T>(
        &mut self,
        result: Result<T, Error>,
        reason: drv_scmi_api::ScmiError,
    ) -> Outcome {
        match result {
            Ok(_) => self.wrong(format_args!("not refused")),
            Err(Error::NoAnswer(found)) => self.same(found, reason),
            Err(error) => Err(error.into()),
        }
    }

    /// The next event must say this; it is waited for.
    pub fn event(&mut self, wanted: &str) -> Outcome {
        let limit = sys_get_timer().now + EVENT_MS;
        loop {
            let mut buffer: Buffer = [0; PAYLOAD_MAX];
            match next_event(&self.scmi, &mut buffer)? {
                Incoming::Notice {
                    notice, lost: 0, ..
                } => return self.text(notice, wanted),
                Incoming::Empty if sys_get_timer().now < limit => {}
                other => return self.wrong(format_args!("wanted \"{wanted}\", but {other:?}")),
            }
            sys_set_timer(Some(limit), notifications::TIMER_MASK);
            let _ = sys_recv_notification(notifications::SCMI_MASK | notifications::TIMER_MASK);
            sys_set_timer(None, notifications::TIMER_MASK);
        }
    }

    /// Drops events that are there, up to the last of this kind: one that says this is among them.
    pub fn event_among(&mut self, wanted: &str) -> Outcome {
        for _ in 0..64 {
            let mut buffer: Buffer = [0; PAYLOAD_MAX];
            match next_event(&self.scmi, &mut buffer)? {
                Incoming::Notice { notice, .. } => {
                    let mut words = Words::default();
                    let _ = write!(words, "{notice}");
                    if words.as_str() == wanted {
                        return Ok(());
                    }
                }
                Incoming::Empty => {
                    let _ = sys_recv_notification(notifications::SCMI_MASK);
                }
                other => return self.wrong(format_args!("wanted \"{wanted}\", but {other:?}")),
            }
        }
        self.wrong(format_args!("no event says \"{wanted}\""))
    }

    /// Drops all events that are there.
    pub fn drain(&mut self) -> Outcome {
        let mut buffer: Buffer = [0; PAYLOAD_MAX];
        while !matches!(next_event(&self.scmi, &mut buffer)?, Incoming::Empty) {}
        Ok(())
    }

    /// Takes all events that are there: how many, and how many the driver says are lost.
    pub fn count_events(&mut self) -> Result<(u32, u32), Failure> {
        let (mut received, mut lost_in_all) = (0, 0);
        let mut buffer: Buffer = [0; PAYLOAD_MAX];
        loop {
            match next_event(&self.scmi, &mut buffer)? {
                Incoming::Notice { lost, .. } => {
                    received += 1;
                    lost_in_all += lost;
                }
                _ => return Ok((received, lost_in_all)),
            }
        }
    }

    /// No event is there.
    pub fn no_event(&mut self) -> Outcome {
        let mut buffer: Buffer = [0; PAYLOAD_MAX];
        match next_event(&self.scmi, &mut buffer)? {
            Incoming::Empty => Ok(()),
            other => self.wrong(format_args!("wanted no event, but {other:?}")),
        }
    }
}

/// Text that fits a line.
pub struct Words {
    bytes: [u8; 160],
    len: usize,
}

impl Default for Words {
    fn default() -> Self {
        Self {
            bytes: [0; 160],
            len: 0,
        }
    }
}

impl Words {
    /// What was written.
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..self.len).unwrap_or(&[]);
        core::str::from_utf8(bytes).unwrap_or("(no text)")
    }
}

impl Write for Words {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            *self.bytes.get_mut(self.len).ok_or(fmt::Error)? = byte;
            self.len += 1;
        }
        Ok(())
    }
}
