// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The operations of `idl/scmi.idol`.

use core::convert::Infallible;

use drv_scmi_api::{
    Answer, BatchAnswer, BatchEntry, DriverState, Event, NO_TRANSPORT, PAYLOAD_MAX, PollAnswer,
    SMALL_REQUEST, ScmiError, ScmiInfo, ScmiStats, SmallRequest,
};
use drv_virtio_scmi::{
    Batch, Cause, Condition, DmaBuffer, Handle, NotSent, Notified, Owner, Refusal, Request,
    Thresholds, TransferFlags, Transport, Wait,
};
use idol_runtime::{ClientError, LazyLeased, R, RequestError, W};
use ringbuf::ringbuf_entry_root;
use userlib::RecvMessage;

use crate::config::RING;
use crate::server::{Kernel, Server, answer};
use crate::{Trace, idl};

type Payload<A> = LazyLeased<A, [u8]>;
/// `None`: the answer comes later.
type Pending<T> = Result<Option<T>, RequestError<ScmiError>>;

impl<T: Transport> Server<T> {
    /// By the refused operation the driver may have learned that the client's task is in another life, and have things to see to.
    fn refuse(&mut self, refusal: Refusal) -> RequestError<ScmiError> {
        self.run(Cause::Poll);
        let error = match refusal {
            Refusal::NoDevice if self.device.is_some() => ScmiError::DeviceUnusable,
            refusal => refusal.into(),
        };
        error.into()
    }

    fn not_sent(&mut self, error: NotSent<RequestError<ScmiError>>) -> RequestError<ScmiError> {
        match error {
            NotSent::Refused(refusal) => self.refuse(refusal),
            NotSent::NotFilled(error) => {
                self.run(Cause::Poll);
                error
            }
        }
    }

    /// Sends a command: with a small request from the message, or one from the lease.
    fn transmit(
        &mut self,
        msg: &RecvMessage,
        (request, wait): (Request<()>, Wait),
        request_len: u8,
        small: &SmallRequest,
        payload: &Payload<R>,
    ) -> Result<Handle, RequestError<ScmiError>> {
        let write = |buffer: &DmaBuffer| match usize::from(request_len) {
            len @ ..=SMALL_REQUEST => {
                if len > 0 {
                    buffer.write_words(1, small);
                }
                Ok(len)
            }
            _ => fill(buffer, payload),
        };
        let request = Request::new(request.protocol, request.message, write)
            .with_flags(request.flags)
            .with_deadline(request.deadline_ms);
        let sent = self.driver.send(owner(msg), request, wait, &mut Kernel);
        let handle = sent.map_err(|error| self.not_sent(error))?;
        self.run(Cause::Request);
        Ok(handle)
    }
}

/// Copies a request from a client's lease into the slot's buffer, once, by the kernel.
fn fill(buffer: &DmaBuffer, request: &Payload<R>) -> Result<usize, RequestError<ScmiError>> {
    // All that fits after the header, which is a word more than a request may have: what is too long shows.
    let room = DmaBuffer::LEN - 4;
    // Safety: the buffer is a static of this task with `room` bytes after the header; the core lends it while the device does not have
    // it, and nobody refers to its bytes.
    match unsafe { request.read_front_raw(buffer.pointer(4), room) } {
        Ok(len) if len <= PAYLOAD_MAX => Ok(len),
        Ok(_) => Err(ScmiError::RequestTooLong.into()),
        Err(()) => {
            ringbuf_entry_root!(Trace::LeaseGone(request.lender()));
            Err(ClientError::BadLease.fail())
        }
    }
}

fn request(protocol: u8, message: u8, flags: u8, deadline: u32) -> Request<()> {
    Request::new(protocol, message, ())
        .with_flags(TransferFlags::from_bits_retain(flags))
        .with_deadline(deadline)
}

fn owner(msg: &RecvMessage) -> Owner {
    Owner(msg.sender.0)
}

impl<T: Transport> idl::DeferredScmiImpl for Server<T> {
    fn exchange(
        &mut self,
        msg: &RecvMessage,
        protocol: u8,
        message: u8,
        flags: u8,
        request_len: u8,
        deadline_ms: u32,
        small: SmallRequest,
        request: Payload<R>,
        // Lease 1: an answer that is not small goes there, see `server::tell`.
        _response: Payload<W>,
    ) -> Pending<Answer> {
        let command = self::request(protocol, message, flags, deadline_ms);
        self.transmit(msg, (command, Wait::Blocked), request_len, &small, &request)?;
        Ok(None)
    }

    fn send(
        &mut self,
        msg: &RecvMessage,
        protocol: u8,
        message: u8,
        flags: u8,
        request_len: u8,
        deadline_ms: u32,
        notification: u32,
        small: SmallRequest,
        request: Payload<R>,
    ) -> Pending<u32> {
        let wait = Wait::Poll(notification);
        let command = self::request(protocol, message, flags, deadline_ms);
        let handle = self.transmit(msg, (command, wait), request_len, &small, &request)?;
        Ok(Some(handle.raw()))
    }

    fn batch(
        &mut self,
        msg: &RecvMessage,
        deadline_ms: u32,
        entries: LazyLeased<R, [BatchEntry]>,
        answers: Payload<W>,
    ) -> Pending<()> {
        let (Some(entries), Some(answers)) = (entries.look(None), answers.look(None)) else {
            return Err(ClientError::BadLease.fail());
        };
        let count = entries.len();
        let stride = answers.len().checked_div(count).unwrap_or(0);
        if stride < size_of::<BatchAnswer>() || stride * count != answers.len() {
            return Err(self.refuse(Refusal::InvalidArgument));
        }
        let batch = Batch {
            count,
            deadline_ms,
            tag: stride as u32,
        };
        let begun = self
            .driver
            .batch(owner(msg), &batch, &mut Kernel, |places| {
                entries
                    .read_range(0..count, places)
                    .map_err(|()| ClientError::BadLease.fail())
            });
        begun.map_err(|error| self.not_sent(error))?;
        self.run(Cause::Request);
        Ok(None)
    }

    fn poll(
        &mut self,
        msg: &RecvMessage,
        handle: u32,
        response: Payload<W>,
    ) -> Pending<PollAnswer> {
        self.run(Cause::Poll);
        let handle = Handle::from_raw(handle);
        let end = self
            .driver
            .poll(owner(msg), handle, &mut Kernel, |end| match end {
                Ok(reply) => answer(&response, &reply)
                    .map(|answer| Some(PollAnswer { done: 1, answer }))
                    .map_err(ClientError::fail),
                Err(failure) => Err(ScmiError::from(failure).into()),
            });
        match end {
            Err(refusal) => Err(self.refuse(refusal)),
            Ok(None) => Ok(Some(PollAnswer::default())),
            Ok(Some(answer)) => {
                self.run(Cause::Poll);
                answer
            }
        }
    }

    fn cancel(&mut self, msg: &RecvMessage, handle: u32) -> Pending<()> {
        self.driver
            .cancel(owner(msg), Handle::from_raw(handle), &mut Kernel)
            .map_err(|refusal| self.refuse(refusal))?;
        self.run(Cause::Request);
        Ok(Some(()))
    }

    fn notify(
        &mut self,
        msg: &RecvMessage,
        protocol: u8,
        event: u8,
        source: u32,
        enable: bool,
        low: u32,
        high: u32,
    ) -> Pending<()> {
        let owner = owner(msg);
        let thresholds = Thresholds { low, high };
        let outcome = if enable {
            self.driver
                .subscribe(owner, protocol, event, source, thresholds, &mut Kernel)
        } else if thresholds != Thresholds::NONE {
            Err(Refusal::InvalidArgument)
        } else {
            self.driver
                .unsubscribe(owner, protocol, event, source, &mut Kernel)
                .map(|()| Notified::Done)
        };
        let outcome = outcome.map_err(|refusal| self.refuse(refusal))?;
        self.run(Cause::Request);
        Ok(match outcome {
            Notified::Done => Some(()),
            Notified::Waiting => None,
        })
    }

    fn next_event(&mut self, msg: &RecvMessage, payload: Payload<W>) -> Pending<Event> {
        let fetched = match self.driver.fetch(owner(msg), &mut Kernel) {
            Ok(Some(fetched)) => fetched,
            Ok(None) => {
                // Nor is anything in the queue of a client whose task is in another life.
                self.run(Cause::Poll);
                return Ok(Some(Event::default()));
            }
            Err(refusal) => return Err(self.refuse(refusal)),
        };
        if payload.write_front(fetched.payload).is_err() {
            return Err(ClientError::BadLease.fail());
        }
        Ok(Some(Event {
            time_ms: fetched.time,
            lost: fetched.lost,
            len: fetched.payload.len() as u32,
            kind: fetched.kind as u8,
            protocol: fetched.protocol,
            event: fetched.event,
            more: u8::from(fetched.more),
            generation: fetched.generation,
        }))
    }

    fn info(&mut self, msg: &RecvMessage) -> Result<Option<ScmiInfo>, RequestError<Infallible>> {
        let driver = &self.driver;
        let place = self.device.as_ref().map(|(_, place)| *place);
        let state = match driver.condition() {
            Condition::Down => self.verdict,
            Condition::Ready if driver.has_events() => DriverState::Ready,
            Condition::Ready => DriverState::ReadyWithoutEvents,
            Condition::Recovering => DriverState::Recovering,
            Condition::PlatformUnavailable => DriverState::PlatformUnavailable,
        };
        let (caller_slots, caller_events) = driver.client_limits(owner(msg)).unwrap_or_default();
        Ok(Some(ScmiInfo {
            features: driver.features(),
            generation: driver.generation(),
            vendor: place.map_or(0, |place| place.vendor),
            ring_configured: RING as u16,
            command_ring: driver.command_ring(),
            event_ring: driver.event_ring(),
            slots: driver.pools().slots as u16,
            caller_slots,
            payload_max: PAYLOAD_MAX as u16,
            state: state as u8,
            transport: place.map_or(NO_TRANSPORT, |place| place.slot),
            events: u8::from(driver.has_events()),
            caller_events,
            flags: match (driver.is_by_timer(), driver.is_held_off()) {
                (true, _) => ScmiInfo::NO_INTERRUPT,
                (false, true) => ScmiInfo::INTERRUPT_HELD_OFF,
                (false, false) => 0,
            },
            neighbours: place.map_or(0, |place| place.neighbours),
        }))
    }

    fn stats(&mut self, _msg: &RecvMessage) -> Result<Option<ScmiStats>, RequestError<Infallible>> {
        Ok(Some(ScmiStats {
            counters: *self.driver.counters(),
            pools: self.driver.pools(),
        }))
    }
}
