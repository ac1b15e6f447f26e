// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Commands by the shortest way.

use zerocopy::IntoBytes;

use crate::{
    Answer, DEFAULT_DEADLINE, PAYLOAD_MAX, Polled, Response, SMALL_REQUEST, SMALL_RESPONSE, Scmi,
    ScmiError, SmallRequest, TransferFlags,
};

impl Scmi {
    /// Sends a command and waits for the answer, at most 60 s.
    ///
    /// The return values, without header and status word, go to the front of `response`; [`Response::len`] says how many
    /// bytes the platform gave, which may be more than fit.
    #[inline]
    pub fn call(
        &self,
        protocol: u8,
        message: u8,
        request: &[u8],
        response: &mut [u8],
    ) -> Result<Response, ScmiError> {
        self.call_with(
            protocol,
            message,
            TransferFlags::NONE,
            DEFAULT_DEADLINE,
            request,
            response,
        )
    }

    /// [`Scmi::call`] with [`TransferFlags`] and a deadline in milliseconds.
    #[inline]
    pub fn call_with(
        &self,
        protocol: u8,
        message: u8,
        flags: u8,
        deadline_ms: u32,
        request: &[u8],
        response: &mut [u8],
    ) -> Result<Response, ScmiError> {
        let (small, request_len) = small(request)?;
        let room = response.len().min(PAYLOAD_MAX);
        let response = response.get_mut(..room).unwrap_or(&mut []);
        let answer = self.exchange(
            protocol,
            message,
            flags,
            request_len,
            deadline_ms,
            small,
            request,
            response,
        )?;
        Ok(unpack(&answer, response))
    }

    /// Starts a command and returns its handle at once. `notification` bits, or 0, are posted when it is done.
    #[inline]
    pub fn start(
        &self,
        protocol: u8,
        message: u8,
        flags: u8,
        deadline_ms: u32,
        notification: u32,
        request: &[u8],
    ) -> Result<u32, ScmiError> {
        let (small, request_len) = small(request)?;
        self.send(
            protocol,
            message,
            flags,
            request_len,
            deadline_ms,
            notification,
            small,
            request,
        )
    }

    /// Looks whether a started command is done; its return values go to the front of `response`.
    #[inline]
    pub fn ask(&self, handle: u32, response: &mut [u8]) -> Result<Polled, ScmiError> {
        let room = response.len().min(PAYLOAD_MAX);
        let response = response.get_mut(..room).unwrap_or(&mut []);
        let found = self.poll(handle, response)?;
        if found.done == 0 {
            return Ok(Polled::PENDING);
        }
        Ok(Polled::done(unpack(&found.answer, response)))
    }
}

/// The request as it goes into a message, if it is small enough, and its length.
#[inline]
fn small(request: &[u8]) -> Result<(SmallRequest, u8), ScmiError> {
    let mut small = [0; SMALL_REQUEST / 4];
    if request.len() > PAYLOAD_MAX {
        return Err(ScmiError::RequestTooLong);
    }
    if let Some(start) = small.as_mut_bytes().get_mut(..request.len()) {
        start.copy_from_slice(request);
    }
    Ok((small, request.len() as u8))
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
