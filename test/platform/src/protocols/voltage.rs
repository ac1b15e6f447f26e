// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Voltage domains.

use scmi::StatusCode;
use scmi::common::ListCount;
use scmi::protocol::VoltageMessage;
use scmi::voltage::{
    ConfigGet, ConfigGetReply, ConfigSet, DescribeLevels, DomainAttributes, DomainFlags,
    DomainInfo, DomainNameGet, Level, LevelGet, LevelSet, LevelSetComplete, LevelsHead, Mode,
    ProtocolFlags, ProtocolInfo,
};

use super::{index, is_long, long_name, page, short, writable};
use crate::machine::Choices;
use crate::platform::{Action, Outcome, Platform, Reply, Request};

/// Handles a command.
pub fn handle(platform: &mut Platform, request: &Request<'_>) -> Outcome {
    let message =
        VoltageMessage::from_id(request.header.message).ok_or(StatusCode::NotSupported)?;
    let domains = &platform.model.machine.voltages;
    match message {
        VoltageMessage::Attributes => {
            request.parse::<()>()?;
            Reply::with(&ProtocolInfo {
                attributes: ProtocolFlags::default().with_domains(domains.len() as u16),
            })
        }
        VoltageMessage::DomainAttributes => {
            let DomainAttributes { domain } = request.parse()?;
            let domain = &domains[index(domains, domain)?];
            Reply::with(&DomainInfo {
                attributes: DomainFlags::default()
                    .with_sets_asynchronously(
                        platform.model.machine.platform.p2a && domain.asynchronous,
                    )
                    .with_extended_name(is_long(&domain.name)),
                name: short(&domain.name),
            })
        }
        VoltageMessage::DescribeLevels => {
            let DescribeLevels { domain, skip } = request.parse()?;
            let level = |microvolts: i64| Level {
                microvolts: microvolts as i32,
            };
            match &domains[index(domains, domain)?].levels {
                Choices::Range { low, high, step } => {
                    let entries = [level(*low), level(*high), level(*step)];
                    page(request.room, &entries, 0, |returned, _| LevelsHead {
                        count: ListCount::new(returned, 0).with_range(true),
                    })
                }
                Choices::List(list) => {
                    let entries: Vec<_> = list.iter().map(|&value| level(value)).collect();
                    page(request.room, &entries, skip, |returned, remaining| {
                        LevelsHead {
                            count: ListCount::new(returned, remaining),
                        }
                    })
                }
            }
        }
        VoltageMessage::ConfigSet => {
            let ConfigSet { domain, mode } = request.parse()?;
            let domain = index(domains, domain)?;
            writable(domains[domain].read_only)?;
            platform.model.voltages[domain].on = match mode {
                Mode::ON => true,
                Mode::OFF => false,
                _ => return Err(StatusCode::InvalidParameters),
            };
            Reply::done()
        }
        VoltageMessage::ConfigGet => {
            let ConfigGet { domain } = request.parse()?;
            let on = platform.model.voltages[index(domains, domain)?].on;
            Reply::with(&ConfigGetReply {
                mode: if on { Mode::ON } else { Mode::OFF },
            })
        }
        VoltageMessage::LevelSet => {
            let LevelSet {
                domain,
                flags,
                microvolts,
            } = request.parse()?;
            let domain = index(domains, domain)?;
            writable(domains[domain].read_only)?;
            if !domains[domain].levels.contains(microvolts.into()) {
                return Err(StatusCode::OutOfRange);
            }
            if flags.asynchronous() {
                platform.check_asynchronous(domains[domain].asynchronous)?;
                return Reply::later(Action::SetVoltage {
                    domain,
                    level_uv: microvolts,
                });
            }
            platform.model.voltages[domain].level_uv = microvolts;
            Reply::done()
        }
        VoltageMessage::LevelGet => {
            let LevelGet { domain } = request.parse()?;
            let microvolts = platform.model.voltages[index(domains, domain)?].level_uv;
            Reply::with(&Level { microvolts })
        }
        VoltageMessage::DomainNameGet => {
            let DomainNameGet { domain } = request.parse()?;
            long_name(&domains[index(domains, domain)?].name)
        }
        _ => Err(StatusCode::NotSupported),
    }
}

/// Ends an asynchronous VOLTAGE_LEVEL_SET.
pub fn finish(platform: &mut Platform, domain: usize, level_uv: i32) -> Outcome {
    platform.model.voltages[domain].level_uv = level_uv;
    Reply::with(&LevelSetComplete {
        domain: domain as u32,
        microvolts: level_uv,
    })
}
