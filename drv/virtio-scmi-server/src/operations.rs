// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The operations of `idl/scmi.idol`.

use core::convert::Infallible;

use drv_scmi_api::{
    Answer, BatchAnswer, BatchEntry, Event, PAYLOAD_MAX, PollAnswer, ScmiError, ScmiInfo,
    ScmiStats, WireRequest, WireSubscription,
};
use drv_virtio_scmi::{
    Batch, Cause, Condition, DmaBuffer, Failure, Handle, NotSent, Notified, Owner, Refusal, Reply,
    Transport, Wait,
};
use idol_runtime::{ClientError, LazyLeased, R, RequestError, W};
use userlib::RecvMessage;

use crate::idl;
use crate::server::{Kernel, Server, answer, gone};

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

    /// Sends a command: with a small payload from the message, or one from the lease.
    fn transmit(
        &mut self,
        msg: &RecvMessage,
        request: &WireRequest,
        wait: Wait,
        payload: &Payload<R>,
    ) -> Result<Handle, RequestError<ScmiError>> {
        let write = |buffer: &DmaBuffer| match buffer.write_small(request) {
            Some(len) => Ok(len),
            None => fill(buffer, payload),
        };
        let request = request.with_payload(write);
        let sent = self.driver.send(owner(msg), request, wait, &mut Kernel);
        let handle = sent.map_err(|error| self.not_sent(error))?;
        self.run(Cause::Request);
        Ok(handle)
    }
}

/// Copies a payload from a client's lease into the slot's buffer, once, by the kernel.
fn fill(buffer: &DmaBuffer, payload: &Payload<R>) -> Result<usize, RequestError<ScmiError>> {
    // All that fits after the header, which is a word more than a payload may have: what is too long shows.
    let room = DmaBuffer::LEN - 4;
    // Safety: the buffer is a static of this task with `room` bytes after the header; the core lends it while the device does not have
    // it, and nobody refers to its bytes.
    let copied = unsafe { payload.read_front_raw(buffer.pointer(4), room) };
    match copied.map_err(|()| gone(payload.lender()).fail())? {
        len @ ..=PAYLOAD_MAX => Ok(len),
        _ => Err(ScmiError::RequestTooLong.into()),
    }
}

fn owner(msg: &RecvMessage) -> Owner {
    Owner(msg.sender.0)
}

impl<T: Transport> idl::DeferredScmiImpl for Server<T> {
    fn exchange(
        &mut self,
        msg: &RecvMessage,
        request: WireRequest,
        payload: Payload<R>,
        // An answer that is not small goes there: see `Kernel::ended`.
        _response: Payload<W>,
    ) -> Pending<Answer> {
        self.transmit(msg, &request, Wait::Blocked, &payload)?;
        Ok(None)
    }

    fn send(
        &mut self,
        msg: &RecvMessage,
        request: WireRequest,
        notification: u32,
        payload: Payload<R>,
    ) -> Pending<u32> {
        let handle = self.transmit(msg, &request, Wait::Poll(notification), &payload)?;
        Ok(Some(handle.raw()))
    }

    fn batch(
        &mut self,
        msg: &RecvMessage,
        deadline_ms: u32,
        slots: u8,
        entries: LazyLeased<R, [BatchEntry]>,
        answers: Payload<W>,
    ) -> Pending<()> {
        let (Some(entries), Some(answers)) = (entries.look(None), answers.look(None)) else {
            return Err(ClientError::BadLease.fail());
        };
        let count = entries.len();
        let Some(stride) = BatchAnswer::length_of_each(answers.len(), count) else {
            return Err(self.refuse(Refusal::InvalidArgument));
        };
        let batch = Batch {
            count,
            deadline_ms,
            slots,
            tag: stride as u32,
        };
        let fill = |places: &mut [_]| {
            let read = entries.read_range(0..count, places);
            read.map_err(|()| ClientError::BadLease.fail())
        };
        let begun = self.driver.batch(owner(msg), &batch, &mut Kernel, fill);
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
        let collect = |end: Result<Reply<'_>, Failure>| match end {
            Ok(reply) => match answer(&response, &reply) {
                Ok(answer) => Ok(PollAnswer::done(answer)),
                Err(error) => Err(error.fail()),
            },
            Err(failure) => Err(ScmiError::from(failure).into()),
        };
        let end = self.driver.poll(owner(msg), handle, &mut Kernel, collect);
        let end = end.map_err(|refusal| self.refuse(refusal))?;
        if self.driver.wants_run() {
            self.run(Cause::Poll);
        }
        end.unwrap_or(Ok(PollAnswer::default())).map(Some)
    }

    fn cancel(&mut self, msg: &RecvMessage, handle: u32) -> Pending<()> {
        self.driver
            .cancel(owner(msg), Handle::from_raw(handle), &mut Kernel)
            .map_err(|refusal| self.refuse(refusal))?;
        self.run(Cause::Request);
        Ok(Some(()))
    }

    fn notify(&mut self, msg: &RecvMessage, wanted: WireSubscription) -> Pending<()> {
        let outcome = self.driver.notify(owner(msg), &wanted, &mut Kernel);
        let outcome = outcome.map_err(|refusal| self.refuse(refusal))?;
        self.run(Cause::Request);
        Ok((outcome == Notified::Done).then_some(()))
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
        payload
            .write_front(fetched.payload)
            .map_err(|()| ClientError::BadLease.fail())?;
        Ok(Some(fetched.head()))
    }

    fn info(&mut self, msg: &RecvMessage) -> Result<Option<ScmiInfo>, RequestError<Infallible>> {
        let mut info = self.driver.info(owner(msg));
        if self.driver.condition() == Condition::Down {
            info.state = self.verdict as u8;
        }
        if let Some((_, place)) = &self.device {
            place.tell(&mut info);
        }
        Ok(Some(info))
    }

    fn stats(&mut self, _msg: &RecvMessage) -> Result<Option<ScmiStats>, RequestError<Infallible>> {
        Ok(Some(self.driver.stats()))
    }
}
