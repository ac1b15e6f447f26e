// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Commands by the shortest way.

use crate::{
    DEFAULT_DEADLINE, PAYLOAD_MAX, Response, SMALL_REQUEST, SMALL_RESPONSE, Scmi, ScmiError,
    TransferFlags,
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
    ///
    /// What is small travels in the message itself, the rest by lease.
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
        if request.len() <= SMALL_REQUEST && response.len() <= SMALL_RESPONSE {
            let mut small = [0; SMALL_REQUEST];
            copy(&mut small, request);
            let answer = self.exchange_small(
                protocol,
                message,
                flags,
                request.len() as u8,
                deadline_ms,
                small,
            )?;
            copy(response, &answer.values);
            return Ok(Response {
                status: answer.status,
                len: answer.len,
            });
        }
        if request.len() > PAYLOAD_MAX {
            return Err(ScmiError::RequestTooLong);
        }
        let room = response.len().min(PAYLOAD_MAX);
        let response = response.get_mut(..room).unwrap_or(&mut []);
        self.exchange(protocol, message, flags, deadline_ms, request, response)
    }

    /// Starts a command and returns its handle at once. `notification` bits, or 0, are posted when it is done.
    pub fn start(
        &self,
        protocol: u8,
        message: u8,
        flags: u8,
        deadline_ms: u32,
        notification: u32,
        request: &[u8],
    ) -> Result<u32, ScmiError> {
        if request.len() > PAYLOAD_MAX {
            return Err(ScmiError::RequestTooLong);
        }
        self.send(protocol, message, flags, deadline_ms, notification, request)
    }
}

/// Copies as much as both have.
#[inline]
fn copy(to: &mut [u8], from: &[u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}
