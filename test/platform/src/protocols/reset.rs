// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Reset domains.

use scmi::protocol::ResetMessage;
use scmi::reset::{
    DomainAttributes, DomainFlags, DomainInfo, DomainNameGet, Notify, ProtocolFlags, ProtocolInfo,
    Reset, ResetComplete, ResetIssued, ResetState,
};
use scmi::{Protocol, StatusCode};

use super::{index, is_long, long_name, short, writable};
use crate::platform::{Action, Outcome, Platform, Reply, Request};

/// Handles a command.
pub fn handle(platform: &mut Platform, request: &Request<'_>) -> Outcome {
    let message = ResetMessage::from_id(request.header.message).ok_or(StatusCode::NotSupported)?;
    let domains = &platform.model.machine.resets;
    match message {
        ResetMessage::Attributes => {
            request.parse::<()>()?;
            Reply::with(&ProtocolInfo {
                attributes: ProtocolFlags::default().with_domains(domains.len() as u16),
            })
        }
        ResetMessage::DomainAttributes => {
            let DomainAttributes { domain } = request.parse()?;
            let domain = &domains[index(domains, domain)?];
            let p2a = platform.model.machine.platform.p2a;
            Reply::with(&DomainInfo {
                attributes: DomainFlags::default()
                    .with_resets_asynchronously(p2a && domain.asynchronous)
                    .with_notifies_reset(p2a)
                    .with_extended_name(is_long(&domain.name)),
                latency_us: domain.latency_us,
                name: short(&domain.name),
            })
        }
        ResetMessage::Reset => {
            let Reset {
                domain,
                flags,
                state,
            } = request.parse()?;
            let domain = index(domains, domain)?;
            writable(domains[domain].read_only)?;
            if !state.is_vendor() && state != ResetState::COLD {
                return Err(StatusCode::InvalidParameters);
            }
            if !flags.autonomous() {
                platform.model.set_reset(domain, flags.assert(), state.0);
                return Reply::done();
            }
            if flags.asynchronous() {
                platform.check_asynchronous(domains[domain].asynchronous)?;
                return Reply::later(Action::Reset {
                    domain,
                    state: state.0,
                });
            }
            platform.model.set_reset(domain, false, state.0);
            Reply::done()
        }
        ResetMessage::Notify => {
            let Notify { domain, enable } = request.parse()?;
            index(domains, domain)?;
            platform.subscribe(Protocol::Reset, 0, domain, enable.enabled())
        }
        ResetMessage::DomainNameGet => {
            let DomainNameGet { domain } = request.parse()?;
            long_name(&domains[index(domains, domain)?].name)
        }
        _ => Err(StatusCode::NotSupported),
    }
}

/// Ends an asynchronous RESET.
pub fn finish(platform: &mut Platform, domain: usize, state: u32) -> Outcome {
    platform.model.set_reset(domain, false, state);
    Reply::with(&ResetComplete {
        domain: domain as u32,
    })
}

/// Tells of a reset.
pub fn tell(platform: &mut Platform, domain: usize, state: u32) {
    let domain = domain as u32;
    let payload = ResetIssued {
        agent: platform.cause(),
        domain,
        state: ResetState(state),
    };
    platform.notify(Protocol::Reset, 0, domain, &payload);
}
