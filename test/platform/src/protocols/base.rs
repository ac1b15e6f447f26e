// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The Base protocol: who the platform is and what it has.

use scmi::base::{
    AgentReply, DiscoverAgent, DiscoverListProtocols, ImplementationVersionReply, NotifyErrors,
    ProtocolFlags, ProtocolInfo, ProtocolList, ResetAgentConfiguration, SELF, SetDevicePermissions,
    SetProtocolPermissions, VendorReply,
};
use scmi::protocol::BaseMessage;
use scmi::{Protocol, StatusCode};

use super::{exists, short};
use crate::platform::{GUEST, Outcome, Platform, Reply, Request};

/// Handles a command.
pub fn handle(platform: &mut Platform, request: &Request<'_>) -> Outcome {
    let message = BaseMessage::from_id(request.header.message).ok_or(StatusCode::NotSupported)?;
    let machine = &platform.model.machine;
    match message {
        BaseMessage::Attributes => {
            request.parse::<()>()?;
            Reply::with(&ProtocolInfo {
                attributes: ProtocolFlags::default()
                    .with_protocols(protocols(platform).len() as u8)
                    // The platform itself is not counted.
                    .with_agents(machine.agents.len().saturating_sub(1) as u8),
            })
        }
        BaseMessage::DiscoverVendor => {
            request.parse::<()>()?;
            Reply::with(&VendorReply {
                vendor: short(&machine.platform.vendor),
            })
        }
        BaseMessage::DiscoverSubVendor => {
            request.parse::<()>()?;
            Reply::with(&VendorReply {
                vendor: short(&machine.platform.sub_vendor),
            })
        }
        BaseMessage::DiscoverImplementationVersion => {
            request.parse::<()>()?;
            Reply::with(&ImplementationVersionReply {
                version: machine.platform.implementation_version,
            })
        }
        BaseMessage::DiscoverListProtocols => {
            let DiscoverListProtocols { skip } = request.parse()?;
            let all = protocols(platform);
            let left = all
                .get(skip as usize..)
                .ok_or(StatusCode::InvalidParameters)?;
            let fit = left.len().min(ProtocolList::capacity(request.room));
            Reply::with(&ProtocolList {
                protocols: &left[..fit],
            })
        }
        BaseMessage::DiscoverAgent => {
            let DiscoverAgent { agent } = request.parse()?;
            let agent = if agent == SELF { GUEST } else { agent };
            let name = machine
                .agents
                .get(agent as usize)
                .ok_or(StatusCode::NotFound)?;
            Reply::with(&AgentReply {
                agent: Some(agent),
                name: short(name),
            })
        }
        BaseMessage::NotifyErrors => {
            let NotifyErrors { enable } = request.parse()?;
            platform.subscribe(Protocol::Base, 0, 0, enable.enabled())
        }
        BaseMessage::SetDevicePermissions => {
            let SetDevicePermissions { agent, .. } = request.parse()?;
            known_agent(platform, agent)?;
            // A guest is not trusted to give or take permissions.
            Err(StatusCode::Denied)
        }
        BaseMessage::SetProtocolPermissions => {
            let SetProtocolPermissions { agent, .. } = request.parse()?;
            known_agent(platform, agent)?;
            Err(StatusCode::Denied)
        }
        BaseMessage::ResetAgentConfiguration => {
            let ResetAgentConfiguration { agent, .. } = request.parse()?;
            known_agent(platform, agent)?;
            if agent != GUEST {
                return Err(StatusCode::Denied);
            }
            platform.forget_guest();
            Reply::done()
        }
        _ => Err(StatusCode::NotSupported),
    }
}

fn known_agent(platform: &Platform, agent: u32) -> Result<(), StatusCode> {
    super::index(&platform.model.machine.agents, agent).map(|_| ())
}

/// The numbers of the protocols beside Base; those of vendors are above all others.
fn protocols(platform: &Platform) -> Vec<u8> {
    Protocol::ALL
        .into_iter()
        .filter(|&protocol| protocol != Protocol::Base && exists(platform, protocol))
        .map(Protocol::id)
        .chain(platform.model.machine.vendor_protocols.keys().copied())
        .collect()
}
