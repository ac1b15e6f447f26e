// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A driver without a driver: the platform daemon's own machine, called directly, and what can be wrong between.

#![allow(dead_code, reason = "each test uses its part")]

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use drv_scmi_api::{
    Event, EventKind, EventSource, Exchange, Polled, Request, Response, ScmiError, TransferFlags,
};
use scmi::wire::split_status;
use scmi::{Header, MessageType, Token, events};
use scmi_platform::machine::Machine;
use scmi_platform::platform::Platform;

/// What a command was, for those who look over the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    pub protocol: u8,
    pub message: u8,
    pub flags: TransferFlags,
    pub deadline_ms: u32,
    pub request_len: usize,
    pub room: usize,
}

impl Sent {
    fn new(request: &Request<&[u8]>, room: usize) -> Self {
        Self {
            protocol: request.protocol,
            message: request.message,
            flags: request.flags,
            deadline_ms: request.deadline_ms,
            request_len: request.payload.len(),
            room,
        }
    }
}

/// Changes the status and the return values of a reply.
pub type Tamper = Box<dyn FnMut(Sent, &mut i32, &mut Vec<u8>)>;

/// A reply that waits to be polled, with its return values.
type Answer = (Response, Vec<u8>);

/// Plays the driver.
pub struct Fake {
    pub platform: RefCell<Platform>,
    /// Errors that the next calls end with. The command has been carried out when `lost_after` is set.
    pub errors: RefCell<VecDeque<ScmiError>>,
    pub lost_after: Cell<bool>,
    /// What happens to each reply on its way.
    pub tamper: RefCell<Option<Tamper>>,
    /// Everything that was sent.
    pub sent: RefCell<Vec<Sent>>,
    events: RefCell<VecDeque<(Event, Vec<u8>)>>,
    started: RefCell<Vec<Option<Answer>>>,
    now_ms: Cell<u64>,
}

impl Fake {
    /// The sample machine.
    pub fn new() -> Self {
        Self {
            platform: RefCell::new(Platform::new(Machine::sample())),
            errors: RefCell::default(),
            lost_after: Cell::new(false),
            tamper: RefCell::default(),
            sent: RefCell::default(),
            events: RefCell::default(),
            started: RefCell::default(),
            now_ms: Cell::new(0),
        }
    }

    /// The sample machine behind a reply that is always the same.
    pub fn saying(status: i32, values: &[u8]) -> Self {
        let fake = Self::new();
        let values = values.to_vec();
        fake.tamper(move |_, told, bytes| {
            *told = status;
            bytes.clone_from(&values);
        });
        fake
    }

    pub fn tamper(&self, tamper: impl FnMut(Sent, &mut i32, &mut Vec<u8>) + 'static) {
        *self.tamper.borrow_mut() = Some(Box::new(tamper));
    }

    pub fn fail_next(&self, errors: &[ScmiError]) {
        self.errors.borrow_mut().extend(errors);
    }

    /// Lets the machine run.
    pub fn pass(&self, ms: u64) {
        self.now_ms.set(self.now_ms.get() + ms);
        self.platform.borrow_mut().advance(self.now_ms.get());
    }

    /// How many commands with this number were sent.
    pub fn count(&self, protocol: u8, message: u8) -> usize {
        self.sent
            .borrow()
            .iter()
            .filter(|sent| (sent.protocol, sent.message) == (protocol, message))
            .count()
    }

    pub fn queue(&self, kind: EventKind, protocol: u8, event: u8, lost: u32, payload: &[u8]) {
        let event = Event {
            time_ms: self.now_ms.get(),
            lost,
            len: payload.len() as u32,
            kind: kind as u8,
            protocol,
            event,
            ..Event::default()
        };
        self.events
            .borrow_mut()
            .push_back((event, payload.to_vec()));
    }

    /// Takes what the platform sends by itself: events to the queue, and the delayed response with this token out of it.
    fn collect(&self, token: Option<Token>) -> Option<Vec<u8>> {
        let mut found = None;
        while let Some(outgoing) = self.platform.borrow_mut().next_outgoing() {
            let (header, payload) = Header::parse(&outgoing.bytes).expect("a whole message");
            match header.message_type {
                MessageType::DelayedResponse if Some(header.token) == token => {
                    found = Some(payload.to_vec())
                }
                MessageType::DelayedResponse => {}
                _ => self.queue(
                    EventKind::Event,
                    header.protocol,
                    header.message,
                    0,
                    payload,
                ),
            }
        }
        found
    }

    fn carry_out(&self, sent: Sent, request: &[u8]) -> Result<(i32, Vec<u8>), ScmiError> {
        self.sent.borrow_mut().push(sent);
        if !self.lost_after.get()
            && let Some(error) = self.errors.borrow_mut().pop_front()
        {
            return Err(error);
        }
        let token = Token::wrapping(self.sent.borrow().len() as u32);
        let header = Header::command(sent.protocol, sent.message, token);
        let mut bytes = header.to_le_bytes().to_vec();
        bytes.extend_from_slice(request);
        let reply = self
            .platform
            .borrow_mut()
            .handle(&bytes, 136)
            .expect("a whole request");
        let (status, values) = split_status(&reply[4..]).expect("a status");
        let (mut status, mut values) = (status.raw(), values.to_vec());
        if sent.flags.contains(TransferFlags::DELAYED) && status == 0 {
            let delayed = (0..1000).find_map(|_| {
                self.pass(10);
                self.collect(Some(token))
            });
            let payload = delayed.ok_or(ScmiError::DelayedTimedOut)?;
            let (late, late_values) = split_status(&payload).expect("a status");
            (status, values) = (late.raw(), late_values.to_vec());
        }
        if let Some(tamper) = &mut *self.tamper.borrow_mut() {
            tamper(sent, &mut status, &mut values);
        }
        match self.errors.borrow_mut().pop_front() {
            Some(error) => Err(error),
            None => Ok((status, values)),
        }
    }
}

fn copy(to: &mut [u8], from: &[u8]) {
    let len = to.len().min(from.len());
    to[..len].copy_from_slice(&from[..len]);
}

impl Exchange for Fake {
    fn exchange(
        &self,
        request: &Request<&[u8]>,
        response: &mut [u8],
    ) -> Result<Response, ScmiError> {
        let sent = Sent::new(request, response.len());
        let (status, values) = self.carry_out(sent, request.payload)?;
        copy(response, &values);
        Ok(Response {
            status,
            len: values.len() as u32,
        })
    }

    fn send(&self, request: &Request<&[u8]>, _notification: u32) -> Result<u32, ScmiError> {
        let sent = Sent::new(request, 0);
        let (status, values) = self.carry_out(sent, request.payload)?;
        let mut started = self.started.borrow_mut();
        started.push(Some((
            Response {
                status,
                len: values.len() as u32,
            },
            values,
        )));
        Ok(started.len() as u32 - 1)
    }

    fn poll(&self, handle: u32, response: &mut [u8]) -> Result<Polled, ScmiError> {
        // Pending while no time passes.
        if self.now_ms.get() == 0 {
            return Ok(Polled::PENDING);
        }
        let mut started = self.started.borrow_mut();
        let slot = started
            .get_mut(handle as usize)
            .ok_or(ScmiError::BadHandle)?;
        let (answer, values) = slot.take().ok_or(ScmiError::BadHandle)?;
        copy(response, &values);
        Ok(Polled::done(answer))
    }

    fn cancel(&self, handle: u32) -> Result<(), ScmiError> {
        let mut started = self.started.borrow_mut();
        let slot = started
            .get_mut(handle as usize)
            .ok_or(ScmiError::BadHandle)?;
        slot.take().map(drop).ok_or(ScmiError::BadHandle)
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
            -4 => Err(ScmiError::UnknownSource),
            _ => Err(ScmiError::EventRefused),
        }
    }

    fn next_event(&self, payload: &mut [u8]) -> Result<Event, ScmiError> {
        if let Some(error) = self.errors.borrow_mut().pop_front() {
            return Err(error);
        }
        self.collect(None);
        let Some((event, bytes)) = self.events.borrow_mut().pop_front() else {
            return Ok(Event::default());
        };
        copy(payload, &bytes);
        Ok(event)
    }
}
