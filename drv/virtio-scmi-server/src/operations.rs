// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The operations of `idl/scmi.idol`.

use core::convert::Infallible;

use drv_scmi_api::{
    Answer, DriverState, Event, NO_TRANSPORT, PAYLOAD_MAX, PollAnswer, SMALL_REQUEST, ScmiError,
    ScmiInfo, ScmiStats, SmallRequest, TransferFlags,
};
use drv_virtio_scmi::{
    self as core_api, Command, Condition, DmaBuffer, Handle, Notified, Owner, Refusal, SlotId,
    Thresholds, Wait,
};
use idol_runtime::{ClientError, LazyLeased, R, RequestError, W};
use ringbuf::ringbuf_entry_root;
use userlib::RecvMessage;

use crate::config::RING;
use crate::server::{KernelClock, Server, answer};
use crate::{Trace, convert, idl};

type Payload<A> = LazyLeased<A, [u8]>;
/// `None`: the answer comes later.
type Pending<T> = Result<Option<T>, RequestError<ScmiError>>;

impl Server {
    fn refuse(&self, refusal: Refusal) -> RequestError<ScmiError> {
        convert::refusal(refusal, self.device.is_some()).into()
    }

    /// Takes a slot. When none is free, some may be held by tasks that are gone.
    #[inline]
    fn begin(
        &mut self,
        owner: Owner,
        command: &Command,
    ) -> Result<SlotId, RequestError<ScmiError>> {
        if self.channel.is_full() {
            self.sweep();
        }
        self.channel
            .begin(owner, command, &mut KernelClock::default())
            .map_err(|refusal| self.refuse(refusal))
    }

    /// Sends a command: with a small request from the message, or one from the lease.
    #[inline(never)]
    fn transmit(
        &mut self,
        msg: &RecvMessage,
        command: &Command,
        request_len: u8,
        small: &SmallRequest,
        request: &Payload<R>,
    ) -> Result<Handle, RequestError<ScmiError>> {
        let id = self.begin(owner(msg), command)?;
        let mut len = usize::from(request_len);
        if len > SMALL_REQUEST {
            len = self.fill(id, request)?;
        } else if len > 0 {
            self.channel.parameters(id).write_words(1, small);
        }
        let handle = self
            .channel
            .submit(id, len)
            .map_err(|refusal| self.refuse(refusal))?;
        self.after();
        Ok(handle)
    }

    /// Copies a request from a client's lease into the slot's buffer, once, by the kernel.
    fn fill(&mut self, id: SlotId, request: &Payload<R>) -> Result<usize, RequestError<ScmiError>> {
        // All that fits after the header, which is a word more than a request may have: what is too long shows.
        let room = DmaBuffer::LEN - 4;
        let buffer = self.channel.parameters(id).pointer(4);
        // Safety: the buffer is a static of this task with `room` bytes after the header; the slot was just begun, so the device
        // does not have it, and nobody refers to its bytes.
        let copied = unsafe { request.read_front_raw(buffer, room) };
        match copied {
            Ok(len) if len <= PAYLOAD_MAX => Ok(len),
            Ok(_) => {
                self.channel.abort(id);
                Err(ScmiError::RequestTooLong.into())
            }
            Err(()) => {
                ringbuf_entry_root!(Trace::LeaseGone(request.lender()));
                self.channel.abort(id);
                Err(ClientError::BadLease.fail())
            }
        }
    }
}

fn command(
    protocol: u8,
    message: u8,
    flags: u8,
    deadline: u32,
    wait: Wait,
) -> Result<Command, RequestError<ScmiError>> {
    if flags & !TransferFlags::ALL != 0 {
        return Err(ScmiError::InvalidArgument.into());
    }
    Ok(Command {
        protocol,
        message,
        delayed: flags & TransferFlags::DELAYED != 0,
        polled: flags & TransferFlags::POLLED != 0,
        deadline,
        wait,
    })
}

fn owner(msg: &RecvMessage) -> Owner {
    Owner(msg.sender.0)
}

impl idl::DeferredScmiImpl for Server {
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
        let command = command(protocol, message, flags, deadline_ms, Wait::Blocked(0))?;
        self.transmit(msg, &command, request_len, &small, &request)?;
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
        let command = command(protocol, message, flags, deadline_ms, wait)?;
        let handle = self.transmit(msg, &command, request_len, &small, &request)?;
        Ok(Some(handle.raw()))
    }

    fn poll(
        &mut self,
        msg: &RecvMessage,
        handle: u32,
        response: Payload<W>,
    ) -> Pending<PollAnswer> {
        if self.channel.has_used() {
            self.look();
        }
        let handle = Handle::from_raw(handle);
        match self
            .channel
            .poll(owner(msg), handle, &mut KernelClock::default())
        {
            Err(refusal) => Err(self.refuse(refusal)),
            Ok(core_api::Polled::Pending) => Ok(Some(PollAnswer::default())),
            Ok(core_api::Polled::Ended(id, result)) => {
                let answer = match result {
                    Ok(reply) => answer(&response, &reply)
                        .map(|answer| Some(PollAnswer { done: 1, answer }))
                        .map_err(ClientError::fail),
                    Err(failure) => Err(convert::failure(failure).into()),
                };
                self.channel.finish(id);
                if self.channel.wants_turn() {
                    self.after();
                }
                answer
            }
        }
    }

    fn cancel(&mut self, msg: &RecvMessage, handle: u32) -> Pending<()> {
        self.channel
            .cancel(
                owner(msg),
                Handle::from_raw(handle),
                &mut KernelClock::default(),
            )
            .map_err(|refusal| self.refuse(refusal))?;
        self.after();
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
        let clock = &mut KernelClock::default();
        let thresholds = Thresholds { low, high };
        let outcome = if enable {
            self.channel
                .subscribe(owner, protocol, event, source, thresholds, clock)
        } else if thresholds != Thresholds::NONE {
            Err(Refusal::InvalidArgument)
        } else {
            self.channel
                .unsubscribe(owner, protocol, event, source, clock)
                .map(|()| Notified::Done)
        };
        let outcome = outcome.map_err(|refusal| self.refuse(refusal))?;
        // A turn sends what the platform is to be told; only then can its answer come.
        self.after();
        Ok(match outcome {
            Notified::Done => Some(()),
            Notified::Waiting => None,
        })
    }

    fn next_event(&mut self, msg: &RecvMessage, payload: Payload<W>) -> Pending<Event> {
        let fetched = match self.channel.fetch(owner(msg), &mut KernelClock::default()) {
            Ok(Some(fetched)) => fetched,
            Ok(None) => return Ok(Some(Event::default())),
            Err(refusal) => return Err(self.refuse(refusal)),
        };
        if payload.write_front(fetched.payload).is_err() {
            return Err(ClientError::BadLease.fail());
        }
        Ok(Some(convert::event(&fetched)))
    }

    fn info(&mut self, msg: &RecvMessage) -> Result<Option<ScmiInfo>, RequestError<Infallible>> {
        let channel = &self.channel;
        let state = match channel.condition() {
            Condition::Down => self.verdict,
            Condition::Ready if channel.has_events() => DriverState::Ready,
            Condition::Ready => DriverState::ReadyWithoutEvents,
            Condition::Recovering => DriverState::Recovering,
            Condition::PlatformUnavailable => DriverState::PlatformUnavailable,
        };
        let (caller_slots, caller_events) = channel.client_limits(owner(msg)).unwrap_or_default();
        Ok(Some(ScmiInfo {
            features: channel.features(),
            generation: channel.generation(),
            vendor: self.device.as_mut().map_or(0, |device| device.vendor()),
            ring_configured: RING as u16,
            command_ring: channel.command_ring(),
            event_ring: channel.event_ring(),
            slots: channel.pools().slots as u16,
            caller_slots,
            payload_max: PAYLOAD_MAX as u16,
            state: state as u8,
            transport: self.place.map_or(NO_TRANSPORT, |place| place.slot),
            events: u8::from(channel.has_events()),
            caller_events,
            flags: match (self.pacing.is_by_timer(), self.pacing.is_held()) {
                (true, _) => ScmiInfo::NO_INTERRUPT,
                (false, true) => ScmiInfo::INTERRUPT_HELD_OFF,
                (false, false) => 0,
            },
            neighbours: self.place.map_or(0, |place| place.neighbours),
        }))
    }

    fn stats(&mut self, _msg: &RecvMessage) -> Result<Option<ScmiStats>, RequestError<Infallible>> {
        Ok(Some(convert::stats(
            &self.channel.counters,
            &self.channel.pools(),
        )))
    }
}
