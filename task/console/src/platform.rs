// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Questions to the SCMI platform.

use drv_scmi_api::{PAYLOAD_MAX, TransferFlags};
use scmi::common::{ProtocolVersion, VersionReply};
use scmi::protocol::common::PROTOCOL_VERSION;
use scmi::wire::{Command, Parse};
use scmi::{Protocol, Status};

use crate::Console;
use crate::failure::Failure;

/// Whoever sits at a console does not wait longer than this, in milliseconds.
const DEADLINE_MS: u32 = 2000;

/// Room for an answer.
pub type Answer = [u8; PAYLOAD_MAX];

impl Console {
    /// Fails unless there is a platform that can be asked.
    pub fn check_available(&self) -> Result<(), Failure<'static>> {
        let state = self.scmi.info().state();
        if state.is_ready() {
            Ok(())
        } else {
            Err(Failure::Unavailable(state))
        }
    }

    /// Sends a command, and reads the answer out of `buffer`.
    pub fn ask<'b, C: Command>(
        &self,
        command: &C,
        buffer: &'b mut Answer,
    ) -> Result<C::Reply<'b>, Failure<'static>> {
        let mut request: Answer = [0; PAYLOAD_MAX];
        let len = command.emit(&mut request)?;
        let values = self.exchange(
            C::PROTOCOL.id(),
            C::MESSAGE,
            request.get(..len).unwrap_or_default(),
            buffer,
        )?;
        Ok(C::Reply::parse(values)?)
    }

    /// The version of a protocol, by its number.
    pub fn version(&self, protocol: u8) -> Result<ProtocolVersion, Failure<'static>> {
        let mut buffer: Answer = [0; PAYLOAD_MAX];
        let values = self.exchange(protocol, PROTOCOL_VERSION, &[], &mut buffer)?;
        Ok(VersionReply::parse(values)?.version)
    }

    /// Fails unless the platform has the protocol.
    pub fn check_protocol(&self, protocol: Protocol) -> Result<(), Failure<'static>> {
        self.check_available()?;
        match self.version(protocol.id()) {
            Ok(_) => Ok(()),
            Err(Failure::Refused(Status::NOT_SUPPORTED | Status::NOT_FOUND)) => {
                Err(Failure::NoProtocol(protocol))
            }
            Err(failure) => Err(failure),
        }
    }

    fn exchange<'b>(
        &self,
        protocol: u8,
        message: u8,
        request: &[u8],
        buffer: &'b mut Answer,
    ) -> Result<&'b [u8], Failure<'static>> {
        let response = self.scmi.call_with(
            protocol,
            message,
            TransferFlags::NONE,
            DEADLINE_MS,
            request,
            buffer,
        )?;
        Status::from_raw(response.status)
            .ok()
            .map_err(Failure::Refused)?;
        Ok(buffer.get(..response.len as usize).unwrap_or(buffer))
    }
}
