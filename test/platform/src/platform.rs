// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The platform: takes a command, gives the reply, and has messages of its own to send.
//!
//! No sockets, no rings, no clock of its own: [`Platform::handle`] is a function from bytes to bytes, so all of it is tested
//! without a guest. The device in front of it decides when and whether the guest sees what comes out.

use std::collections::{BTreeMap, HashSet, VecDeque};

use scmi::wire::{Emit, Message};
use scmi::{Header, MessageType, Protocol, Status, StatusCode};

use crate::machine::Machine;
use crate::model::Model;
use crate::protocols;

/// The agent that the guest is.
pub const GUEST: u32 = 1;
/// The agent that stands for the platform: what nobody asked for is its doing.
pub const PLATFORM: u32 = 0;

/// Asynchronous commands that can be under way, or done and not told for want of a buffer: half of the largest ring.
pub const PENDING: usize = 512;

/// Bytes of header and status in front of the return values.
const OVERHEAD: usize = scmi::limits::OVERHEAD;

/// A command, taken apart.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Its header.
    pub header: Header,
    /// What follows the header.
    pub parameters: &'a [u8],
    /// Bytes that the guest left for return values.
    pub room: usize,
}

impl Request<'_> {
    /// Its parameters as the message they should be.
    ///
    /// # Errors
    ///
    /// `PROTOCOL_ERROR` when their length is wrong.
    pub fn parse<T: Message>(&self) -> Result<T, StatusCode> {
        T::parse_exact(self.parameters).map_err(|_| StatusCode::ProtocolError)
    }
}

/// What a command led to.
pub type Outcome = Result<Reply, StatusCode>;

/// A successful reply.
#[derive(Debug, Default)]
pub struct Reply {
    /// Return values after the status.
    pub values: Vec<u8>,
    /// What is still to be done, and told by a delayed response.
    pub later: Option<Action>,
}

impl Reply {
    /// SUCCESS without return values.
    pub fn done() -> Outcome {
        Ok(Self::default())
    }

    /// SUCCESS with a message as return values.
    pub fn with(message: &impl Emit) -> Outcome {
        let mut values = vec![0; scmi::limits::MAX_PAYLOAD];
        let length = message
            .emit(&mut values)
            .map_err(|_| StatusCode::GenericError)?;
        values.truncate(length);
        Ok(Self {
            values,
            later: None,
        })
    }

    /// SUCCESS now, and the result in a delayed response.
    pub fn later(action: Action) -> Outcome {
        Ok(Self {
            values: Vec::new(),
            later: Some(action),
        })
    }
}

/// What an asynchronous command does when its time comes. Numbers are indices into the machine's lists.
#[allow(missing_docs, reason = "the fields' names say it")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Sets a power domain's raw state.
    SetPower { domain: usize, state: u32 },
    /// Sets a clock's rate.
    SetRate { clock: usize, rate: u64 },
    /// Reads a sensor.
    ReadSensor { sensor: usize },
    /// Takes a domain through a reset.
    Reset { domain: usize, state: u32 },
    /// Sets a voltage domain's level.
    SetVoltage { domain: usize, level_uv: i32 },
    /// Sets a power cap.
    SetCap { domain: usize, cap_mw: u32 },
}

/// An asynchronous command that is under way.
#[derive(Debug)]
struct Job {
    header: Header,
    due_ms: u64,
    action: Action,
}

/// A message that the platform sends by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Header and payload.
    pub bytes: Vec<u8>,
    /// A delayed response must reach the guest; a notification may be dropped.
    pub must_arrive: bool,
}

/// The platform.
#[derive(Debug)]
pub struct Platform {
    /// The machine behind it.
    pub model: Model,
    /// Events that the guest asked for: protocol, event, source.
    subscriptions: HashSet<(u8, u8, u32)>,
    /// Versions that the guest negotiated, where they are not ours.
    negotiated: BTreeMap<u8, u32>,
    /// Protocols that the guest may not use.
    pub denied: HashSet<u8>,
    /// Who owns each pin, and what it is set to.
    pub pins: protocols::pinctrl::Pins,
    /// The agent whose doing the changes are that come next.
    cause: u32,
    jobs: Vec<Job>,
    outgoing: VecDeque<Outgoing>,
    /// Delayed responses that were taken over and did not reach the guest yet.
    pub unsent: usize,
}

impl Platform {
    /// A platform at its start.
    pub fn new(machine: Machine) -> Self {
        Self {
            pins: protocols::pinctrl::Pins::new(machine.pinctrl.as_ref()),
            model: Model::new(machine),
            subscriptions: HashSet::new(),
            negotiated: BTreeMap::new(),
            denied: HashSet::new(),
            cause: PLATFORM,
            jobs: Vec::new(),
            outgoing: VecDeque::new(),
            unsent: 0,
        }
    }

    /// What a reset of the device does: the guest's subscriptions, versions and unfinished commands are gone; the machine
    /// stays as it is.
    pub fn forget_guest(&mut self) {
        self.subscriptions.clear();
        self.negotiated.clear();
        self.jobs.clear();
        self.outgoing.clear();
        for sensor in &mut self.model.sensors {
            sensor.report_every_ms = None;
        }
    }

    /// Handles a command and returns the whole reply: header, status, return values.
    ///
    /// `request` starts with the header; `room` is what the guest left for the whole reply. Any bytes get an answer that
    /// fits; only a request without a header, or room for less than header and status, gets none.
    pub fn handle(&mut self, request: &[u8], room: usize) -> Option<Vec<u8>> {
        let (word, parameters) = request.split_first_chunk::<4>()?;
        let room = room.checked_sub(OVERHEAD)?;
        let word = u32::from_le_bytes(*word);
        let request = Request {
            header: Header::unpack(word),
            parameters,
            room,
        };
        self.cause = GUEST;
        let (status, values) = match self.dispatch(&request) {
            Ok(reply) if reply.values.len() > room => {
                // Nothing was lost by not delivering it: the guest asks again with more room.
                (StatusCode::CommsError, Vec::new())
            }
            // A guest that takes no delayed responses gets no more of them, and we no end of memory.
            Ok(reply) if reply.later.is_some() && self.jobs.len() + self.unsent >= PENDING => {
                (StatusCode::Busy, Vec::new())
            }
            Ok(reply) => {
                if let Some(action) = reply.later {
                    self.jobs.push(Job {
                        header: request.header,
                        due_ms: self.model.now_ms + self.model.machine.platform.delayed_response_ms,
                        action,
                    });
                }
                (StatusCode::Success, reply.values)
            }
            Err(status) => (status, Vec::new()),
        };
        self.tell_changes();
        self.cause = PLATFORM;
        let mut bytes = word.to_le_bytes().to_vec();
        bytes.extend_from_slice(&Status::from(status).raw().to_le_bytes());
        bytes.extend_from_slice(&values);
        Some(bytes)
    }

    fn dispatch(&mut self, request: &Request<'_>) -> Outcome {
        if request.header.message_type != MessageType::Command {
            return Err(StatusCode::ProtocolError);
        }
        let id = request.header.protocol;
        let standard = Protocol::from_id(id).filter(|&protocol| protocols::exists(self, protocol));
        let vendor = self.model.machine.vendor_protocols.get(&id);
        match (standard, vendor) {
            (None, None) => Err(StatusCode::NotSupported),
            _ if self.denied.contains(&id) => Err(StatusCode::Denied),
            (_, Some(vendor)) => protocols::vendor::handle(vendor, request),
            (Some(protocol), None) => protocols::handle(self, protocol, request),
        }
    }

    /// Lets time pass: asynchronous commands end, the physics goes on.
    pub fn advance(&mut self, now_ms: u64) {
        self.model.advance(now_ms);
        let now_ms = now_ms.max(self.model.now_ms);
        let (due, waiting) = std::mem::take(&mut self.jobs)
            .into_iter()
            .partition::<Vec<_>, _>(|job| job.due_ms <= now_ms);
        self.jobs = waiting;
        self.tell_changes();
        self.cause = GUEST;
        for job in due {
            self.finish(job);
        }
        self.tell_changes();
        self.cause = PLATFORM;
    }

    /// When [`Platform::advance`] has something to do before the next step of the physics, in milliseconds.
    pub fn next_due_ms(&self) -> Option<u64> {
        self.jobs.iter().map(|job| job.due_ms).min()
    }

    fn finish(&mut self, job: Job) {
        let (status, values) = match protocols::finish(self, &job.action) {
            Ok(reply) => (StatusCode::Success, reply.values),
            Err(status) => (status, Vec::new()),
        };
        let header = Header {
            message_type: MessageType::DelayedResponse,
            ..job.header
        };
        let mut bytes = header.pack().to_le_bytes().to_vec();
        bytes.extend_from_slice(&Status::from(status).raw().to_le_bytes());
        bytes.extend_from_slice(&values);
        self.outgoing.push_back(Outgoing {
            bytes,
            must_arrive: true,
        });
    }

    /// The next message of the platform's own, if there is one.
    pub fn next_outgoing(&mut self) -> Option<Outgoing> {
        self.outgoing.pop_front()
    }

    /// Turns what happened in the machine into the notifications that the guest asked for.
    pub fn tell_changes(&mut self) {
        for change in self.model.take_changes() {
            protocols::tell(self, &change);
        }
    }

    /// Sends a notification if the guest asked for it.
    pub fn notify(&mut self, protocol: Protocol, event: u8, source: u32, payload: &impl Emit) {
        if self.wants(protocol, event, source) {
            self.send_event(protocol, event, payload);
        }
    }

    /// Sends a notification, asked for or not.
    pub fn send_event(&mut self, protocol: Protocol, event: u8, payload: &impl Emit) {
        let mut bytes = vec![0; scmi::limits::MAX_MESSAGE];
        let header = Header {
            message: event,
            message_type: MessageType::Notification,
            protocol: protocol.id(),
            token: Default::default(),
            reserved: 0,
        };
        bytes[..4].copy_from_slice(&header.pack().to_le_bytes());
        if let Ok(length) = payload.emit(&mut bytes[4..]) {
            bytes.truncate(4 + length);
            self.outgoing.push_back(Outgoing {
                bytes,
                must_arrive: false,
            });
        }
    }

    /// Sends a message as it is.
    pub fn send(&mut self, bytes: Vec<u8>, must_arrive: bool) {
        self.outgoing.push_back(Outgoing { bytes, must_arrive });
    }

    /// The agent whose doing the present change is.
    pub fn cause(&self) -> u32 {
        self.cause
    }

    /// Whether the guest asked for an event.
    pub fn wants(&self, protocol: Protocol, event: u8, source: u32) -> bool {
        self.subscriptions.contains(&(protocol.id(), event, source))
    }

    /// The events that the guest asked for, in order: protocol, event, source.
    pub fn subscriptions(&self) -> Vec<(u8, u8, u32)> {
        let mut all: Vec<_> = self.subscriptions.iter().copied().collect();
        all.sort_unstable();
        all
    }

    /// The guest asks for an event, or does not want it any more.
    ///
    /// # Errors
    ///
    /// `NOT_SUPPORTED` when the device offers no event queue.
    pub fn subscribe(
        &mut self,
        protocol: Protocol,
        event: u8,
        source: u32,
        enable: bool,
    ) -> Outcome {
        if !self.model.machine.platform.p2a {
            return Err(StatusCode::NotSupported);
        }
        let key = (protocol.id(), event, source);
        if enable {
            self.subscriptions.insert(key);
        } else {
            self.subscriptions.remove(&key);
        }
        Reply::done()
    }

    /// Checks that asynchronous commands can be answered.
    ///
    /// # Errors
    ///
    /// `NOT_SUPPORTED` when the device offers no event queue, or the thing does nothing asynchronously.
    pub fn check_asynchronous(&self, supported: bool) -> Result<(), StatusCode> {
        if supported && self.model.machine.platform.p2a {
            Ok(())
        } else {
            Err(StatusCode::NotSupported)
        }
    }

    /// The version of a protocol that the guest and we speak.
    pub fn version(&self, protocol: Protocol) -> u32 {
        self.negotiated
            .get(&protocol.id())
            .copied()
            .unwrap_or_else(|| protocols::version(protocol))
    }

    /// Speaks an older version of a protocol from now on.
    pub fn negotiate(&mut self, protocol: Protocol, version: u32) {
        self.negotiated.insert(protocol.id(), version);
    }
}
