// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Protocols of a vendor's own: the machine file has the answers.

use scmi::StatusCode;
use scmi::base::{MessageAttributes, NegotiateVersion};
use scmi::common::{MessageFlags, MessageInfo, ProtocolVersion, VersionReply};
use scmi::protocol::common;

use crate::machine::{VendorAnswer, VendorProtocol};
use crate::platform::{Outcome, Reply, Request};

/// Handles a command.
pub fn handle(protocol: &VendorProtocol, request: &Request<'_>) -> Outcome {
    match request.header.message {
        common::PROTOCOL_VERSION => {
            request.parse::<()>()?;
            Reply::with(&VersionReply {
                version: ProtocolVersion(protocol.version),
            })
        }
        common::PROTOCOL_ATTRIBUTES => {
            request.parse::<()>()?;
            // A word, as everywhere; what it says would be the vendor's to say.
            Ok(values(&[0; 4]))
        }
        common::PROTOCOL_MESSAGE_ATTRIBUTES => {
            let wanted: MessageAttributes = request.parse()?;
            if !has(protocol, wanted.message) {
                return Err(StatusCode::NotFound);
            }
            Reply::with(&MessageInfo {
                attributes: MessageFlags::default(),
            })
        }
        common::NEGOTIATE_PROTOCOL_VERSION => {
            let wanted: NegotiateVersion = request.parse()?;
            // There is one form of the messages, and so one version.
            if wanted.version.0 == protocol.version {
                Reply::done()
            } else {
                Err(StatusCode::NotSupported)
            }
        }
        message => match protocol.messages.get(&message) {
            Some(VendorAnswer::Parameters) => Ok(values(request.parameters)),
            Some(VendorAnswer::Values(bytes)) => Ok(values(bytes)),
            None => Err(StatusCode::NotSupported),
        },
    }
}

fn has(protocol: &VendorProtocol, message: u32) -> bool {
    const EVERYWHERE: [u8; 4] = [
        common::PROTOCOL_VERSION,
        common::PROTOCOL_ATTRIBUTES,
        common::PROTOCOL_MESSAGE_ATTRIBUTES,
        common::NEGOTIATE_PROTOCOL_VERSION,
    ];
    u8::try_from(message).is_ok_and(|message| {
        EVERYWHERE.contains(&message) || protocol.messages.contains_key(&message)
    })
}

fn values(bytes: &[u8]) -> Reply {
    Reply {
        values: bytes.to_vec(),
        later: None,
    }
}
