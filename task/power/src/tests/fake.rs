// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A driver without a driver: the sample machine of the platform daemon, called directly, and what can be wrong between.

#![allow(dead_code, reason = "each test uses its part")]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use drv_scmi_api::{Event, EventSource, Exchange, Polled, Request, Response, ScmiError};
use scmi::wire::split_status;
use scmi::{Header, Token, events};
use scmi_platform::machine::Machine;
use scmi_platform::platform::Platform;

/// Protocol and message of what changes something, in the order of arrival, with the first word of the request.
pub type Log = Vec<(u8, u8, u32)>;

pub struct Fake {
    pub platform: RefCell<Platform>,
    /// Status by protocol and message: the platform refuses that.
    pub refusals: RefCell<BTreeMap<(u8, u8), i32>>,
    /// By protocol and message: how many are carried out before the platform refuses one, and with what status.
    pub refusals_once: RefCell<BTreeMap<(u8, u8), (u32, i32)>>,
    /// The number of answers to that protocol and message that get lost. Each takes a slot and the time of its deadline.
    pub losses: RefCell<BTreeMap<(u8, u8), u32>>,
    /// One command of that protocol and message is carried out, and its answer gets lost.
    pub done_unanswered: Cell<Option<(u8, u8)>>,
    /// Readings of this sensor are refused.
    pub refused_sensor: Cell<Option<u32>>,
    /// Command slots that are left: without one every command is refused by the driver.
    pub slots: Cell<u32>,
    /// The version that the platform returns for a protocol, instead of the sample machine's own.
    pub versions: RefCell<BTreeMap<u8, u32>>,
    /// Protocol and message of every command, in the order of arrival.
    pub asked: RefCell<Vec<(u8, u8)>>,
    /// Every command ends so, and is not carried out.
    pub away: Cell<Option<ScmiError>>,
    /// Every command ends so after so many more.
    pub fails_after: Cell<Option<(usize, ScmiError)>>,
    pub log: RefCell<Log>,
    pub now: Cell<u64>,
}

impl Fake {
    pub fn new() -> Self {
        Self {
            platform: RefCell::new(Platform::new(Machine::sample())),
            refusals: RefCell::default(),
            refusals_once: RefCell::default(),
            losses: RefCell::default(),
            done_unanswered: Cell::new(None),
            refused_sensor: Cell::new(None),
            slots: Cell::new(u32::MAX),
            versions: RefCell::default(),
            asked: RefCell::default(),
            away: Cell::new(None),
            fails_after: Cell::new(None),
            log: RefCell::default(),
            now: Cell::new(0),
        }
    }

    /// Another daemon with the same machine, as it is at its start.
    pub fn restart_platform(&self) {
        *self.platform.borrow_mut() = Platform::new(Machine::sample());
    }

    pub fn refuse(&self, protocol: u8, message: u8, status: i32) {
        self.refusals
            .borrow_mut()
            .insert((protocol, message), status);
    }

    /// One command is refused, after `others` of the same.
    pub fn refuse_one(&self, protocol: u8, message: u8, others: u32, status: i32) {
        self.refusals_once
            .borrow_mut()
            .insert((protocol, message), (others, status));
    }

    fn refused_once(&self, command: (u8, u8)) -> Option<i32> {
        let mut refusals = self.refusals_once.borrow_mut();
        let (others, status) = refusals.get_mut(&command)?;
        if let Some(left) = others.checked_sub(1) {
            *others = left;
            return None;
        }
        let status = *status;
        refusals.remove(&command);
        Some(status)
    }

    pub fn lose(&self, protocol: u8, message: u8, count: u32) {
        self.losses.borrow_mut().insert((protocol, message), count);
    }

    /// Returns `true` if the answer to this command gets lost.
    fn is_lost(&self, protocol: u8, message: u8) -> bool {
        let mut losses = self.losses.borrow_mut();
        let left = losses.get_mut(&(protocol, message));
        left.is_some_and(|left| {
            let is_lost = *left > 0;
            *left = left.saturating_sub(1);
            is_lost
        })
    }

    /// Lets the machine run.
    pub fn pass(&self, ms: u64) {
        self.now.set(self.now.get() + ms);
        self.platform.borrow_mut().advance(self.now.get());
    }

    /// What was set since the last time.
    pub fn take_log(&self) -> Log {
        self.log.take()
    }

    /// Whether the platform has sent a message of this protocol by itself; what it has sent is gone then.
    pub fn was_told(&self, protocol: u8) -> bool {
        let mut told = false;
        while let Some(outgoing) = self.platform.borrow_mut().next_outgoing() {
            let (header, _) = Header::parse(&outgoing.bytes).expect("a whole message");
            told |= header.protocol == protocol;
        }
        told
    }
}

/// What changes something: the rest only asks.
fn sets(protocol: u8, message: u8) -> bool {
    matches!(
        (protocol, message),
        (0x11, 0x4)
            | (0x13, 0x5 | 0x7)
            | (0x14, 0x5 | 0x7)
            | (0x16, 0x4)
            | (0x17, 0x5 | 0x7)
            | (0x18, 0x5)
    )
}

impl Exchange for Fake {
    fn exchange(
        &self,
        request: &Request<&[u8]>,
        response: &mut [u8],
    ) -> Result<Response, ScmiError> {
        let &Request {
            protocol,
            message,
            deadline_ms,
            payload: request,
            ..
        } = request;
        if let Some(error) = self.away.get() {
            return Err(error);
        }
        match self.fails_after.get() {
            Some((0, error)) => return Err(error),
            Some((left, error)) => self.fails_after.set(Some((left - 1, error))),
            None => {}
        }
        if self.slots.get() == 0 {
            return Err(ScmiError::SlotQuota);
        }
        self.asked.borrow_mut().push((protocol, message));
        if self.is_lost(protocol, message) {
            self.slots.set(self.slots.get() - 1);
            self.pass(deadline_ms.into());
            return Err(ScmiError::TimedOut);
        }
        let word = request
            .first_chunk()
            .map_or(0, |word| u32::from_le_bytes(*word));
        if (protocol, message) == (0x15, 0x6) && self.refused_sensor.get() == Some(word) {
            return Ok(Response { status: -9, len: 0 });
        }
        let once = self.refused_once((protocol, message));
        let refused = once.or_else(|| self.refusals.borrow().get(&(protocol, message)).copied());
        if let Some(status) = refused {
            return Ok(Response { status, len: 0 });
        }
        if message == 0
            && let Some(version) = self.versions.borrow().get(&protocol)
            && let Some(to) = response.first_chunk_mut()
        {
            *to = version.to_le_bytes();
            return Ok(Response { status: 0, len: 4 });
        }
        if sets(protocol, message) {
            self.log.borrow_mut().push((protocol, message, word));
        }
        let header = Header::command(protocol, message, Token::wrapping(0));
        let mut bytes = header.to_le_bytes().to_vec();
        bytes.extend_from_slice(request);
        let reply = self.platform.borrow_mut().handle(&bytes, 136);
        let reply = reply.expect("a whole request");
        if self.done_unanswered.get() == Some((protocol, message)) {
            self.done_unanswered.set(None);
            return Err(ScmiError::TimedOut);
        }
        let (status, values) = split_status(&reply[4..]).expect("a status");
        let len = values.len().min(response.len());
        response[..len].copy_from_slice(&values[..len]);
        Ok(Response {
            status: status.raw(),
            len: values.len() as u32,
        })
    }

    fn send(&self, _: &Request<&[u8]>, _: u32) -> Result<u32, ScmiError> {
        unimplemented!("these tasks wait for every answer")
    }

    fn poll(&self, _: u32, _: &mut [u8]) -> Result<Polled, ScmiError> {
        unimplemented!("as above")
    }

    fn cancel(&self, _: u32) -> Result<(), ScmiError> {
        unimplemented!("as above")
    }

    fn notify(
        &self,
        event: EventSource,
        enable: bool,
        thresholds: events::Thresholds,
    ) -> Result<(), ScmiError> {
        let EventSource {
            protocol,
            event,
            source,
        } = event;
        let entry = events::find(protocol, event).ok_or(ScmiError::UnknownEvent)?;
        let request = entry.enable_request_with(source, enable, thresholds);
        let request = Request::new(protocol, entry.enabled_by, request.as_bytes());
        let answer = self.exchange(&request, &mut [])?;
        match answer.status {
            0 => Ok(()),
            -1 => Err(ScmiError::EventNotSupported),
            _ => Err(ScmiError::EventRefused),
        }
    }

    fn next_event(&self, _: &mut [u8]) -> Result<Event, ScmiError> {
        unimplemented!("the tests tell of events themselves")
    }
}
