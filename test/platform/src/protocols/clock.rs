// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Clocks.

use scmi::clock::{
    ClockAttributes, ClockFlags, ClockInfo, ClockState, ConfigFlags, ConfigGet, ConfigGetReply,
    ConfigSet, ConfigSetV1, ConfigWord, DescribeRates, GetPermissions, NameGet, Parent,
    ParentCount, ParentGet, ParentSet, ParentsHead, PermissionFlags, Permissions,
    PossibleParentsGet, ProtocolFlags, ProtocolInfo, Rate, RateChangeRequestedNotify, RateChanged,
    RateGet, RateNotify, RateSet, RateSetComplete, RateSetFlags, RatesHead, extended_config,
};
use scmi::common::ListCount;
use scmi::protocol::ClockMessage;
use scmi::{Protocol, StatusCode};

use super::{index, is_long, long_name, page, short, writable};
use crate::machine::{Choices, Clock};
use crate::platform::{Action, Outcome, Platform, Reply, Request};

const RATE_CHANGED: u8 = 0;
/// The version that added parents, permissions and extended configuration.
const V3: u32 = 0x3_0000;
/// The version that added the enable latency.
const V2: u32 = 0x2_0000;

/// Handles a command.
pub fn handle(platform: &mut Platform, request: &Request<'_>) -> Outcome {
    let message = ClockMessage::from_id(request.header.message).ok_or(StatusCode::NotSupported)?;
    let clocks = &platform.model.machine.clocks;
    let version = platform.version(Protocol::Clock);
    match message {
        ClockMessage::Attributes => {
            request.parse::<()>()?;
            Reply::with(&ProtocolInfo {
                attributes: ProtocolFlags::default()
                    .with_clocks(clocks.len() as u16)
                    .with_pending(4),
            })
        }
        ClockMessage::ClockAttributes => {
            let ClockAttributes { clock } = request.parse()?;
            let clock = index(clocks, clock)?;
            let enabled = platform.model.clocks[clock].enabled;
            let p2a = platform.model.machine.platform.p2a;
            Reply::with(&describe(&clocks[clock], enabled, p2a, version))
        }
        ClockMessage::DescribeRates => {
            let DescribeRates { clock, skip } = request.parse()?;
            rates(request, &clocks[index(clocks, clock)?].rates, skip)
        }
        ClockMessage::RateSet => {
            let RateSet {
                flags,
                clock,
                hertz,
            } = request.parse()?;
            let clock = index(clocks, clock)?;
            writable(clocks[clock].read_only)?;
            let rate = round(&clocks[clock].rates, flags, hertz)?;
            if flags.asynchronous() && !flags.no_delayed_response() {
                platform.check_asynchronous(true)?;
                return Reply::later(Action::SetRate { clock, rate });
            }
            platform.model.set_rate(clock, rate);
            Reply::done()
        }
        ClockMessage::RateGet => {
            let RateGet { clock } = request.parse()?;
            let clock = index(clocks, clock)?;
            Reply::with(&Rate {
                hertz: platform.model.clocks[clock].rate,
            })
        }
        ClockMessage::ConfigSet => {
            let (clock, attributes) = if version >= V3 {
                let ConfigSet {
                    clock, attributes, ..
                } = request.parse()?;
                (clock, attributes)
            } else {
                let ConfigSetV1 { clock, attributes } = request.parse()?;
                (clock, attributes)
            };
            let clock = index(clocks, clock)?;
            writable(clocks[clock].read_only)?;
            configure(platform, clock, attributes)
        }
        ClockMessage::ConfigGet => {
            let ConfigGet { clock, flags } = request.parse()?;
            let clock = index(clocks, clock)?;
            if flags.extended() != extended_config::NONE {
                return Err(StatusCode::NotSupported);
            }
            Reply::with(&ConfigGetReply {
                attributes: 0,
                config: ConfigWord::default().with_enabled(platform.model.clocks[clock].enabled),
                extended_value: 0,
            })
        }
        ClockMessage::NameGet => {
            let NameGet { clock } = request.parse()?;
            long_name(&clocks[index(clocks, clock)?].name)
        }
        ClockMessage::RateNotify => {
            let RateNotify { clock, enable } = request.parse()?;
            index(clocks, clock)?;
            platform.subscribe(Protocol::Clock, RATE_CHANGED, clock, enable.enabled())
        }
        ClockMessage::RateChangeRequestedNotify => {
            let RateChangeRequestedNotify { clock, enable } = request.parse()?;
            index(clocks, clock)?;
            platform.subscribe(Protocol::Clock, 1, clock, enable.enabled())
        }
        ClockMessage::PossibleParentsGet => {
            let PossibleParentsGet { clock, skip } = request.parse()?;
            let entries: Vec<_> = clocks[index(clocks, clock)?]
                .parents
                .iter()
                .map(|&parent| Parent {
                    clock: parent as u32,
                })
                .collect();
            page(request.room, &entries, skip, |returned, remaining| {
                ParentsHead {
                    count: ParentCount::default()
                        .with_returned(returned as u8)
                        .with_remaining(remaining as u8),
                }
            })
        }
        ClockMessage::ParentSet => {
            let ParentSet { clock, parent } = request.parse()?;
            let clock = index(clocks, clock)?;
            writable(clocks[clock].read_only)?;
            let parent = index(clocks, parent)?;
            if !clocks[clock].parents.contains(&parent) {
                return Err(StatusCode::InvalidParameters);
            }
            platform.model.clocks[clock].parent = Some(parent);
            Reply::done()
        }
        ClockMessage::ParentGet => {
            let ParentGet { clock } = request.parse()?;
            let parent = platform.model.clocks[index(clocks, clock)?].parent;
            let parent = parent.ok_or(StatusCode::NotSupported)?;
            Reply::with(&Parent {
                clock: parent as u32,
            })
        }
        ClockMessage::GetPermissions => {
            let GetPermissions { clock } = request.parse()?;
            let allowed = !clocks[index(clocks, clock)?].read_only;
            Reply::with(&Permissions {
                permissions: PermissionFlags::default()
                    .with_state(allowed)
                    .with_parent(allowed)
                    .with_rate(allowed),
            })
        }
        _ => Err(StatusCode::NotSupported),
    }
}

fn describe(clock: &Clock, enabled: bool, p2a: bool, version: u32) -> ClockInfo {
    ClockInfo {
        attributes: ClockFlags::default()
            .with_enabled(enabled)
            .with_notifies_rate(p2a)
            .with_extended_name(is_long(&clock.name))
            .with_parents(version >= V3 && !clock.parents.is_empty())
            .with_restricted(version >= V3 && clock.read_only),
        name: short(&clock.name),
        enable_latency_us: (version >= V2).then_some(0),
    }
}

fn rates(request: &Request<'_>, rates: &Choices, skip: u32) -> Outcome {
    let hertz = |value: i64| Rate {
        hertz: value as u64,
    };
    match rates {
        Choices::Range { low, high, step } => {
            let entries = [hertz(*low), hertz(*high), hertz(*step)];
            page(request.room, &entries, 0, |returned, _| RatesHead {
                count: ListCount::new(returned, 0).with_range(true),
            })
        }
        Choices::List(list) => {
            let entries: Vec<_> = list.iter().map(|&rate| hertz(rate)).collect();
            page(request.room, &entries, skip, |returned, remaining| {
                RatesHead {
                    count: ListCount::new(returned, remaining),
                }
            })
        }
    }
}

/// The rate that a request leads to: rounded as it asks, or refused.
fn round(rates: &Choices, flags: RateSetFlags, hertz: u64) -> Result<u64, StatusCode> {
    let wanted = i64::try_from(hertz).map_err(|_| StatusCode::OutOfRange)?;
    if !(rates.low()..=rates.high()).contains(&wanted) {
        return Err(StatusCode::OutOfRange);
    }
    let below = rates.at_most(wanted);
    let above = rates.at_least(wanted);
    let rounded = if flags.round_auto() {
        // The nearer one; in the middle, the lower one.
        [below, above]
            .into_iter()
            .flatten()
            .min_by_key(|choice| (choice - wanted).abs())
    } else if flags.round_up() {
        above.or(below)
    } else {
        below
    };
    rounded
        .map(|rate| rate as u64)
        .ok_or(StatusCode::OutOfRange)
}

fn configure(platform: &mut Platform, clock: usize, attributes: ConfigFlags) -> Outcome {
    if attributes.extended() != extended_config::NONE {
        return Err(StatusCode::NotSupported);
    }
    match attributes.clock_state() {
        ClockState::Disabled => platform.model.clocks[clock].enabled = false,
        ClockState::Enabled => platform.model.clocks[clock].enabled = true,
        ClockState::Unchanged => {}
        ClockState::Reserved => return Err(StatusCode::InvalidParameters),
    }
    Reply::done()
}

/// Ends an asynchronous CLOCK_RATE_SET.
pub fn finish(platform: &mut Platform, clock: usize, rate: u64) -> Outcome {
    platform.model.set_rate(clock, rate);
    Reply::with(&RateSetComplete {
        clock: clock as u32,
        hertz: rate,
    })
}

/// Tells of another rate.
pub fn tell(platform: &mut Platform, clock: usize, rate: u64) {
    let clock = clock as u32;
    let payload = RateChanged {
        agent: platform.cause(),
        clock,
        hertz: rate,
    };
    platform.notify(Protocol::Clock, RATE_CHANGED, clock, &payload);
}
