// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Requests: what a client gives, what travels, and what the driver's core takes.

use bitflags::bitflags;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::Refusal;

/// Largest request or response, in bytes, header and status word not counted.
pub const PAYLOAD_MAX: usize = 128;
/// Largest payload of a request that travels in the message, in bytes.
pub const SMALL_REQUEST: usize = 16;
/// `deadline_ms` that stands for the default of 60 s.
pub const DEFAULT_DEADLINE: u32 = 0;

bitflags! {
    /// How a command is sent.
    #[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
    pub struct TransferFlags: u8 {
        /// The result is the delayed response, which arrives on the event queue after the command was accepted.
        /// Needs a device with an event queue, or the transfer is refused with `EventsUnavailable`.
        const DELAYED = 1 << 0;
        /// The caller will `poll`: do not raise interrupts for this transfer. Not for `exchange`, not with `DELAYED`. A caller that
        /// is to be notified as well gets the interrupt all the same: the notification would come late without.
        const POLLED = 1 << 1;
    }
}

/// A command to the platform, from the client to the core of the driver.
///
/// The payload is the parameters of the SCMI command, header not counted: a slice for clients, and in the driver whatever writes them
/// into the buffer that the device reads.
///
/// ```
/// use drv_scmi_types::{Request, TransferFlags};
///
/// // SENSOR_READING_GET of sensor 3, asynchronously, with 200 ms for the answer.
/// let request = Request::new(0x15, 6, &[3u8, 0, 0, 0, 1, 0, 0, 0][..])
///     .with_flags(TransferFlags::DELAYED)
///     .with_deadline(200);
/// assert_eq!(request.payload.len(), 8);
/// ```
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Request<P> {
    /// SCMI protocol.
    pub protocol: u8,
    /// Message of the protocol.
    pub message: u8,
    /// How it is sent.
    pub flags: TransferFlags,
    /// Milliseconds until the command is given up; [`DEFAULT_DEADLINE`] is that of `app.toml`.
    pub deadline_ms: u32,
    /// The parameters, at most [`PAYLOAD_MAX`] bytes.
    pub payload: P,
}

impl<P> Request<P> {
    /// A request with no flags and the default deadline.
    #[inline]
    pub const fn new(protocol: u8, message: u8, payload: P) -> Self {
        Self {
            protocol,
            message,
            flags: TransferFlags::empty(),
            deadline_ms: DEFAULT_DEADLINE,
            payload,
        }
    }

    /// The same with these flags.
    #[must_use]
    #[inline]
    pub fn with_flags(self, flags: TransferFlags) -> Self {
        Self { flags, ..self }
    }

    /// The same with this deadline, in milliseconds.
    #[must_use]
    #[inline]
    pub fn with_deadline(self, deadline_ms: u32) -> Self {
        Self {
            deadline_ms,
            ..self
        }
    }
}

/// A [`Request`] as it travels.
///
/// What is small travels in it, so that it costs no call of the kernel: of a payload of up to [`SMALL_REQUEST`] bytes `len` bytes count;
/// a larger one is read from the lease, as much as the lease has.
#[derive(
    Copy, Clone, Debug, Default, Eq, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct WireRequest {
    /// As [`Request::deadline_ms`].
    pub deadline_ms: u32,
    /// As [`Request::protocol`].
    pub protocol: u8,
    /// As [`Request::message`].
    pub message: u8,
    /// As [`Request::flags`]: any bits may come.
    pub flags: u8,
    /// Length of the payload in bytes.
    pub len: u8,
    /// A small payload, in words as they lie in memory.
    pub small: [u32; SMALL_REQUEST / 4],
}

impl WireRequest {
    /// A request as it travels; a payload that is not small goes along as a lease.
    ///
    /// # Errors
    ///
    /// The payload is longer than [`PAYLOAD_MAX`].
    #[inline]
    pub fn new(request: &Request<&[u8]>) -> Result<Self, Refusal> {
        let payload = request.payload;
        if payload.len() > PAYLOAD_MAX {
            return Err(Refusal::RequestTooLong);
        }
        let mut small = [0; SMALL_REQUEST / 4];
        if let Some(start) = small.as_mut_bytes().get_mut(..payload.len()) {
            start.copy_from_slice(payload);
        }
        Ok(Self {
            deadline_ms: request.deadline_ms,
            protocol: request.protocol,
            message: request.message,
            flags: request.flags.bits(),
            len: payload.len() as u8,
            small,
        })
    }

    /// The request with this payload. Its flags may have bits that mean nothing.
    #[inline]
    pub fn with_payload<P>(&self, payload: P) -> Request<P> {
        Request {
            protocol: self.protocol,
            message: self.message,
            flags: TransferFlags::from_bits_retain(self.flags),
            deadline_ms: self.deadline_ms,
            payload,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_payloads_travel_in_the_message() {
        for len in [0, 1, SMALL_REQUEST, SMALL_REQUEST + 1, PAYLOAD_MAX] {
            let payload = [7; PAYLOAD_MAX];
            let request = Request::new(0x15, 6, &payload[..len]).with_deadline(200);
            let wire = WireRequest::new(&request).unwrap();
            assert_eq!(usize::from(wire.len), len);
            let small = if len <= SMALL_REQUEST { len } else { 0 };
            let mut expected = [0; SMALL_REQUEST];
            expected[..small].fill(7);
            assert_eq!(wire.small.as_bytes(), expected, "{len}");
            assert_eq!(wire.with_payload(&payload[..len]), request);
        }
        let long = [0; PAYLOAD_MAX + 1];
        let refused = WireRequest::new(&Request::new(0x15, 6, &long[..]));
        assert_eq!(refused, Err(Refusal::RequestTooLong));
    }
}
