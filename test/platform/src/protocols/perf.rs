// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Performance domains.

use scmi::common::ListCount;
use scmi::perf::{
    DescribeLevels, DomainAttributes, DomainFlags, DomainInfo, DomainNameGet, Level, LevelChanged,
    LevelFlags, LevelGet, LevelGetReply, LevelSet, LevelV4, LevelsHead, LimitsChanged, LimitsGet,
    LimitsGetReply, LimitsSet, NotifyLevel, NotifyLimits, ProtocolFlags, ProtocolInfo, RateLimit,
};
use scmi::protocol::PerfMessage;
use scmi::{Protocol, StatusCode};

use super::{index, is_long, long_name, page, short, writable};
use crate::machine::Perf;
use crate::platform::{Outcome, Platform, Reply, Request};

const LIMITS_CHANGED: u8 = 0;
const LEVEL_CHANGED: u8 = 1;
/// The version that lists levels with frequency and index.
const V4: u32 = 0x4_0000;

/// Handles a command.
pub fn handle(platform: &mut Platform, request: &Request<'_>) -> Outcome {
    let message = PerfMessage::from_id(request.header.message).ok_or(StatusCode::NotSupported)?;
    let domains = &platform.model.machine.perf;
    match message {
        PerfMessage::Attributes => {
            request.parse::<()>()?;
            Reply::with(&ProtocolInfo {
                attributes: ProtocolFlags::default()
                    .with_domains(domains.len() as u16)
                    .with_costs_in_milliwatts(true),
                statistics_address: 0,
                statistics_len: 0,
            })
        }
        PerfMessage::DomainAttributes => {
            let DomainAttributes { domain } = request.parse()?;
            Reply::with(&describe(
                &domains[index(domains, domain)?],
                platform.model.machine.platform.p2a,
            ))
        }
        PerfMessage::DescribeLevels => {
            let DescribeLevels { domain, skip } = request.parse()?;
            let levels = &domains[index(domains, domain)?].levels;
            let head = |returned, remaining| LevelsHead {
                count: ListCount::new(returned, remaining),
            };
            let flags = |latency_us| LevelFlags::default().with_latency_us(latency_us);
            if platform.version(Protocol::Perf) >= V4 {
                let entries: Vec<_> = levels
                    .iter()
                    .enumerate()
                    .map(|(index, level)| LevelV4 {
                        level: level.level,
                        cost: level.power_mw,
                        attributes: flags(level.latency_us),
                        indicative_khz: level.level * 1000,
                        index: index as u32,
                    })
                    .collect();
                page(request.room, &entries, skip, head)
            } else {
                let entries: Vec<_> = levels
                    .iter()
                    .map(|level| Level {
                        level: level.level,
                        cost: level.power_mw,
                        attributes: flags(level.latency_us),
                    })
                    .collect();
                page(request.room, &entries, skip, head)
            }
        }
        PerfMessage::LimitsSet => {
            let LimitsSet {
                domain,
                highest,
                lowest,
            } = request.parse()?;
            let domain = index(domains, domain)?;
            writable(domains[domain].read_only)?;
            let levels = &domains[domain].levels;
            let known = |wanted| levels.iter().any(|level| level.level == wanted);
            if lowest > highest {
                return Err(StatusCode::InvalidParameters);
            }
            if !known(highest) || !known(lowest) {
                return Err(StatusCode::OutOfRange);
            }
            platform.model.set_limits(domain, lowest, highest);
            Reply::done()
        }
        PerfMessage::LimitsGet => {
            let LimitsGet { domain } = request.parse()?;
            let state = &platform.model.perf[index(domains, domain)?];
            Reply::with(&LimitsGetReply {
                highest: state.max,
                lowest: state.min,
            })
        }
        PerfMessage::LevelSet => {
            let LevelSet { domain, level } = request.parse()?;
            let domain = index(domains, domain)?;
            writable(domains[domain].read_only)?;
            let state = &platform.model.perf[domain];
            let position = domains[domain]
                .levels
                .iter()
                .position(|candidate| candidate.level == level)
                .filter(|_| (state.min..=state.max).contains(&level))
                .ok_or(StatusCode::OutOfRange)?;
            platform.model.set_level(domain, position);
            Reply::done()
        }
        PerfMessage::LevelGet => {
            let LevelGet { domain } = request.parse()?;
            let domain = index(domains, domain)?;
            Reply::with(&LevelGetReply {
                level: platform.model.level(domain),
            })
        }
        PerfMessage::NotifyLimits => {
            let NotifyLimits { domain, enable } = request.parse()?;
            index(domains, domain)?;
            platform.subscribe(Protocol::Perf, LIMITS_CHANGED, domain, enable.enabled())
        }
        PerfMessage::NotifyLevel => {
            let NotifyLevel { domain, enable } = request.parse()?;
            index(domains, domain)?;
            platform.subscribe(Protocol::Perf, LEVEL_CHANGED, domain, enable.enabled())
        }
        PerfMessage::DomainNameGet => {
            let DomainNameGet { domain } = request.parse()?;
            long_name(&domains[index(domains, domain)?].name)
        }
        _ => Err(StatusCode::NotSupported),
    }
}

fn describe(domain: &Perf, p2a: bool) -> DomainInfo {
    let sustained = domain.levels[domain.sustained].level;
    DomainInfo {
        attributes: DomainFlags::default()
            .with_sets_limits(!domain.read_only)
            .with_sets_level(!domain.read_only)
            .with_notifies_limits(p2a)
            .with_notifies_level(p2a)
            .with_extended_name(is_long(&domain.name)),
        rate_limit: RateLimit::default(),
        // Levels are megahertz, for the sake of people who read them.
        sustained_khz: sustained * 1000,
        sustained_level: sustained,
        name: short(&domain.name),
    }
}

/// Tells of another level.
pub fn tell_level(platform: &mut Platform, domain: usize, level: u32) {
    let domain = domain as u32;
    let payload = LevelChanged {
        agent: platform.cause(),
        domain,
        level,
    };
    platform.notify(Protocol::Perf, LEVEL_CHANGED, domain, &payload);
}

/// Tells of other limits.
pub fn tell_limits(platform: &mut Platform, domain: usize, lowest: u32, highest: u32) {
    let domain = domain as u32;
    let payload = LimitsChanged {
        agent: platform.cause(),
        domain,
        highest,
        lowest,
    };
    platform.notify(Protocol::Perf, LIMITS_CHANGED, domain, &payload);
}
