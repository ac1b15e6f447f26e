// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Power domains.

use scmi::power::{
    DomainAttributes, DomainFlags, DomainInfo, DomainNameGet, PowerState, ProtocolFlags,
    ProtocolInfo, StateChanged, StateGet, StateGetReply, StateNotify, StateSet, StateSetComplete,
};
use scmi::protocol::PowerMessage;
use scmi::{Protocol, StatusCode};

use super::{index, is_long, long_name, short, writable};
use crate::platform::{Action, Outcome, Platform, Reply, Request};

/// Handles a command.
pub fn handle(platform: &mut Platform, request: &Request<'_>) -> Outcome {
    let message = PowerMessage::from_id(request.header.message).ok_or(StatusCode::NotSupported)?;
    let domains = &platform.model.machine.power;
    match message {
        PowerMessage::Attributes => {
            request.parse::<()>()?;
            Reply::with(&ProtocolInfo {
                attributes: ProtocolFlags::default().with_domains(domains.len() as u16),
                statistics_address: 0,
                statistics_len: 0,
            })
        }
        PowerMessage::DomainAttributes => {
            let DomainAttributes { domain } = request.parse()?;
            let domain = &domains[index(domains, domain)?];
            Reply::with(&DomainInfo {
                attributes: DomainFlags::default()
                    .with_notifies_change(platform.model.machine.platform.p2a)
                    .with_set_asynchronously(domain.asynchronous && !domain.read_only)
                    .with_set_synchronously(!domain.read_only)
                    .with_extended_name(is_long(&domain.name)),
                name: short(&domain.name),
            })
        }
        PowerMessage::StateSet => {
            let StateSet {
                flags,
                domain,
                state,
            } = request.parse()?;
            let domain = index(domains, domain)?;
            writable(domains[domain].read_only)?;
            if state != PowerState::ON && state != PowerState::OFF {
                return Err(StatusCode::InvalidParameters);
            }
            if flags.asynchronous() {
                platform.check_asynchronous(domains[domain].asynchronous)?;
                return Reply::later(Action::SetPower {
                    domain,
                    state: state.0,
                });
            }
            platform.model.set_power(domain, state.0);
            Reply::done()
        }
        PowerMessage::StateGet => {
            let StateGet { domain } = request.parse()?;
            let domain = index(domains, domain)?;
            Reply::with(&StateGetReply {
                state: PowerState(platform.model.power[domain]),
            })
        }
        PowerMessage::StateNotify => {
            let StateNotify { domain, enable } = request.parse()?;
            index(domains, domain)?;
            platform.subscribe(Protocol::Power, 0, domain, enable.enabled())
        }
        PowerMessage::DomainNameGet => {
            let DomainNameGet { domain } = request.parse()?;
            long_name(&domains[index(domains, domain)?].name)
        }
        _ => Err(StatusCode::NotSupported),
    }
}

/// Ends an asynchronous POWER_STATE_SET.
pub fn finish(platform: &mut Platform, domain: usize, state: u32) -> Outcome {
    platform.model.set_power(domain, state);
    Reply::with(&StateSetComplete {
        domain: domain as u32,
        state: PowerState(state),
    })
}

/// Tells of a change.
pub fn tell(platform: &mut Platform, domain: usize, state: u32) {
    let domain = domain as u32;
    let payload = StateChanged {
        agent: platform.cause(),
        domain,
        state: PowerState(state),
    };
    platform.notify(Protocol::Power, 0, domain, &payload);
}
