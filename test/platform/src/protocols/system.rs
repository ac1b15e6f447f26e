// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Power of the whole system.

use scmi::common::MessageFlags;
use scmi::protocol::SystemMessage;
use scmi::system::{
    ProtocolInfo, StateGetReply, StateNotifier, StateNotify, StateSet, SystemFlags, SystemState,
};
use scmi::{Protocol, StatusCode};

use super::writable;
use crate::model::Change;
use crate::platform::{Outcome, Platform, Reply, Request};

/// What PROTOCOL_MESSAGE_ATTRIBUTES says of a message.
pub fn message_flags(message: u8) -> MessageFlags {
    let is_set = message == SystemMessage::StateSet.id();
    MessageFlags::default()
        .with_warm_reset(is_set)
        .with_suspend(is_set)
}

/// Handles a command.
pub fn handle(platform: &mut Platform, request: &Request<'_>) -> Outcome {
    let message = SystemMessage::from_id(request.header.message).ok_or(StatusCode::NotSupported)?;
    let read_only = platform
        .model
        .machine
        .system
        .as_ref()
        .is_none_or(|system| system.read_only);
    match message {
        SystemMessage::Attributes => {
            request.parse::<()>()?;
            Reply::with(&ProtocolInfo { attributes: 0 })
        }
        SystemMessage::StateSet => {
            let StateSet { flags, state } = request.parse()?;
            writable(read_only)?;
            if state.is_vendor() || state.0 > SystemState::SUSPEND.0 {
                return Err(StatusCode::InvalidParameters);
            }
            platform.model.system = state.0;
            platform.model.changed(Change::System {
                graceful: flags.graceful(),
                state: state.0,
            });
            Reply::done()
        }
        SystemMessage::StateGet => {
            request.parse::<()>()?;
            Reply::with(&StateGetReply {
                state: SystemState(platform.model.system),
            })
        }
        SystemMessage::StateNotify => {
            let StateNotify { enable } = request.parse()?;
            platform.subscribe(Protocol::System, 0, 0, enable.enabled())
        }
        _ => Err(StatusCode::NotSupported),
    }
}

/// Tells of a request for another state.
pub fn tell(platform: &mut Platform, graceful: bool, state: u32) {
    let limit = platform
        .model
        .machine
        .system
        .as_ref()
        .map_or(0, |system| system.graceful_timeout_ms);
    // The time limit came with version 2 of the protocol.
    let timeout_ms = (platform.version(Protocol::System) >= 0x2_0000).then_some(if graceful {
        limit
    } else {
        0
    });
    let payload = StateNotifier {
        agent: platform.cause(),
        flags: SystemFlags::default().with_graceful(graceful),
        state: SystemState(state),
        timeout_ms,
    };
    platform.notify(Protocol::System, 0, 0, &payload);
}
