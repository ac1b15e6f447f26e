// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The verbs of `idl/scmi.idol`, and the driver as its clients call it.

use scmi::events::Thresholds;
use userlib::TaskId;
use zerocopy::IntoBytes;

use crate::stub;
use crate::{
    Answer, BatchAnswer, BatchEntry, Event, EventSource, PAYLOAD_MAX, Polled, Request, Response,
    SMALL_RESPONSE, ScmiError, ScmiInfo, ScmiStats, WireRequest, WireSubscription,
};

/// What carries commands to the platform: the driver task, or in tests whatever plays it.
///
/// The verbs are those of `idl/scmi.idol`, which says more of each.
pub trait Exchange {
    /// Sends a command and waits for its answer.
    ///
    /// The return values, without header and status word, go to the front of `response`; [`Response::len`] says how many
    /// bytes the platform gave, which may be more than fit.
    fn exchange(
        &self,
        request: &Request<&[u8]>,
        response: &mut [u8],
    ) -> Result<Response, ScmiError>;

    /// Starts a command and returns its handle at once. `notification` bits, or 0, are posted when it is done.
    fn send(&self, request: &Request<&[u8]>, notification: u32) -> Result<u32, ScmiError>;

    /// Sends small commands, as many at once as the caller's slots allow, and waits for all of them, at most `deadline_ms`. `slots`: take
    /// at most so many, 0 for all. Answers may get lost, and a slot with each, so a caller that must be able to act leaves one free.
    ///
    /// `answers` has an equal share for each entry, in order, of at least the size of [`BatchAnswer`]: that, then as many return values
    /// as fit. Every entry ends on its own; an error means that nothing was sent.
    ///
    /// Whoever plays the driver may leave this out: then the entries are sent one by one.
    fn batch(
        &self,
        entries: &[BatchEntry],
        deadline_ms: u32,
        slots: u8,
        answers: &mut [u8],
    ) -> Result<(), ScmiError> {
        let _ = slots;
        one_by_one(self, entries, deadline_ms, answers)
    }

    /// Looks whether a command that was sent is done; its return values go to the front of `response`.
    fn poll(&self, handle: u32, response: &mut [u8]) -> Result<Polled, ScmiError>;

    /// Gives up a command that was sent.
    fn cancel(&self, handle: u32) -> Result<(), ScmiError>;

    /// Subscribes to an event of a source, or ends that. Thresholds are [`Thresholds::NONE`] but for the event that has them.
    fn notify(
        &self,
        event: EventSource,
        enable: bool,
        thresholds: Thresholds,
    ) -> Result<(), ScmiError>;

    /// Fetches the oldest event.
    fn next_event(&self, payload: &mut [u8]) -> Result<Event, ScmiError>;
}

/// The driver task.
#[derive(Debug)]
pub struct Scmi(stub::Scmi);

impl From<TaskId> for Scmi {
    #[inline]
    fn from(driver: TaskId) -> Self {
        Self(stub::Scmi::from(driver))
    }
}

impl Scmi {
    /// State, limits and what was negotiated.
    pub fn info(&self) -> ScmiInfo {
        self.0.info()
    }

    /// Counters, and the pools that they must balance with.
    pub fn stats(&self) -> ScmiStats {
        self.0.stats()
    }
}

impl Exchange for Scmi {
    #[inline]
    fn exchange(
        &self,
        request: &Request<&[u8]>,
        response: &mut [u8],
    ) -> Result<Response, ScmiError> {
        let wire = WireRequest::new(request)?;
        let response = front(response);
        let answer = self.0.exchange(wire, request.payload, response)?;
        Ok(unpack(&answer, response))
    }

    #[inline]
    fn send(&self, request: &Request<&[u8]>, notification: u32) -> Result<u32, ScmiError> {
        let wire = WireRequest::new(request)?;
        self.0.send(wire, notification, request.payload)
    }

    fn batch(
        &self,
        entries: &[BatchEntry],
        deadline_ms: u32,
        slots: u8,
        answers: &mut [u8],
    ) -> Result<(), ScmiError> {
        self.0.batch(deadline_ms, slots, entries, answers)
    }

    #[inline]
    fn poll(&self, handle: u32, response: &mut [u8]) -> Result<Polled, ScmiError> {
        let response = front(response);
        let found = self.0.poll(handle, response)?;
        if found.done == 0 {
            return Ok(Polled::PENDING);
        }
        Ok(Polled::done(unpack(&found.answer, response)))
    }

    fn cancel(&self, handle: u32) -> Result<(), ScmiError> {
        self.0.cancel(handle)
    }

    fn notify(
        &self,
        event: EventSource,
        enable: bool,
        thresholds: Thresholds,
    ) -> Result<(), ScmiError> {
        self.0.notify(WireSubscription {
            source: event.source,
            low: thresholds.low,
            high: thresholds.high,
            protocol: event.protocol,
            event: event.event,
            enable: enable.into(),
            reserved: 0,
        })
    }

    fn next_event(&self, payload: &mut [u8]) -> Result<Event, ScmiError> {
        self.0.next_event(payload)
    }
}

/// [`Exchange::batch`] by [`Exchange::exchange`].
fn one_by_one<E: Exchange + ?Sized>(
    exchange: &E,
    entries: &[BatchEntry],
    deadline_ms: u32,
    answers: &mut [u8],
) -> Result<(), ScmiError> {
    let share = answers.len().checked_div(entries.len()).unwrap_or(0);
    if share < size_of::<BatchAnswer>() || share * entries.len() != answers.len() {
        return Err(ScmiError::InvalidArgument);
    }
    let mut in_time = true;
    for (entry, answer) in entries.iter().zip(answers.chunks_exact_mut(share)) {
        let parameters = entry.parameters.as_bytes().get(..entry.len.into());
        let request = Request::new(entry.protocol, entry.message, parameters.unwrap_or(&[]))
            .with_deadline(deadline_ms);
        let (head, values) = answer.split_at_mut(size_of::<BatchAnswer>());
        let end = match (parameters, entry.flags) {
            (None, _) => Err(ScmiError::RequestTooLong),
            (Some(_), 0) if !in_time => Err(ScmiError::TimedOut),
            (Some(_), 0) => exchange.exchange(&request, values),
            (Some(_), _) => Err(ScmiError::InvalidArgument),
        };
        // The time is for all together.
        in_time &= end != Err(ScmiError::TimedOut);
        let end = match end {
            Ok(response) => BatchAnswer {
                len: response.len as u16,
                error: 0,
                status: response.status,
            },
            Err(error) => BatchAnswer {
                error: error as u16,
                ..BatchAnswer::default()
            },
        };
        head.copy_from_slice(end.as_bytes());
    }
    Ok(())
}

/// As much of the caller's room as a response can fill.
#[inline]
fn front(response: &mut [u8]) -> &mut [u8] {
    let room = response.len().min(PAYLOAD_MAX);
    response.get_mut(..room).unwrap_or(&mut [])
}

/// Moves return values that came with the answer to where the caller wants them.
#[inline]
fn unpack(answer: &Answer, response: &mut [u8]) -> Response {
    if answer.response.len as usize <= SMALL_RESPONSE {
        // With zeros behind them: a length that is known beforehand costs no loop.
        let room = response.len().min(SMALL_RESPONSE);
        if let (Some(to), Some(from)) = (
            response.get_mut(..room),
            answer.values.as_bytes().get(..room),
        ) {
            to.copy_from_slice(from);
        }
    }
    answer.response
}
