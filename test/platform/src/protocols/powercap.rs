// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Power caps. Powers are in milliwatts, as the domain attributes say.

use scmi::powercap::{
    CapChanged, CapGet, CapGetReply, CapNotify, CapSet, CapSetComplete, DomainAttributes,
    DomainFlags, DomainInfo, DomainNameGet, Measurements, MeasurementsChanged, MeasurementsGet,
    MeasurementsNotify, NO_PARENT, PaiGet, PaiGetReply, PaiSet, ProtocolFlags, ProtocolInfo,
};
use scmi::protocol::PowercapMessage;
use scmi::units::PowerUnit;
use scmi::{Protocol, StatusCode};

use super::{index, is_long, long_name, short};
use crate::machine::Powercap;
use crate::platform::{Action, Outcome, Platform, Reply, Request};

const CAP_CHANGED: u8 = 0;
const MEASUREMENTS_CHANGED: u8 = 1;
const US_PER_MS: u32 = 1000;

/// Handles a command.
pub fn handle(platform: &mut Platform, request: &Request<'_>) -> Outcome {
    let message =
        PowercapMessage::from_id(request.header.message).ok_or(StatusCode::NotSupported)?;
    let domains = &platform.model.machine.powercaps;
    match message {
        PowercapMessage::Attributes => {
            request.parse::<()>()?;
            Reply::with(&ProtocolInfo {
                attributes: ProtocolFlags::default().with_domains(domains.len() as u16),
            })
        }
        PowercapMessage::DomainAttributes => {
            let DomainAttributes { domain } = request.parse()?;
            let p2a = platform.model.machine.platform.p2a;
            Reply::with(&describe(&domains[index(domains, domain)?], p2a))
        }
        PowercapMessage::CapGet => {
            let CapGet { domain } = request.parse()?;
            Reply::with(&CapGetReply {
                cap: platform.model.caps[index(domains, domain)?].cap_mw,
            })
        }
        PowercapMessage::CapSet => {
            let CapSet { domain, flags, cap } = request.parse()?;
            let domain = index(domains, domain)?;
            check(domains[domain].range_mw, cap)?;
            if flags.asynchronous() && !flags.no_delayed_response() {
                platform.check_asynchronous(true)?;
                return Reply::later(Action::SetCap {
                    domain,
                    cap_mw: cap,
                });
            }
            platform.model.set_cap(domain, cap);
            Reply::done()
        }
        PowercapMessage::PaiGet => {
            let PaiGet { domain } = request.parse()?;
            let interval_ms = platform.model.caps[index(domains, domain)?].interval_ms;
            Reply::with(&PaiGetReply {
                interval_us: interval_ms * US_PER_MS,
            })
        }
        PowercapMessage::PaiSet => {
            let PaiSet {
                domain,
                interval_us,
                ..
            } = request.parse()?;
            let domain = index(domains, domain)?;
            let interval_ms = interval_us / US_PER_MS;
            check(domains[domain].interval_ms, interval_ms)?;
            platform.model.set_interval(domain, interval_ms);
            Reply::done()
        }
        PowercapMessage::DomainNameGet => {
            let DomainNameGet { domain } = request.parse()?;
            long_name(&domains[index(domains, domain)?].name)
        }
        PowercapMessage::MeasurementsGet => {
            let MeasurementsGet { domain } = request.parse()?;
            let state = &platform.model.caps[index(domains, domain)?];
            Reply::with(&Measurements {
                power: state.power_mw(),
                interval_us: state.interval_ms * US_PER_MS,
            })
        }
        PowercapMessage::CapNotify => {
            let CapNotify { domain, enable } = request.parse()?;
            index(domains, domain)?;
            platform.subscribe(Protocol::Powercap, CAP_CHANGED, domain, enable.enabled())
        }
        PowercapMessage::MeasurementsNotify => {
            let MeasurementsNotify {
                domain,
                enable,
                low,
                high,
            } = request.parse()?;
            let position = index(domains, domain)?;
            if low > high {
                return Err(StatusCode::InvalidParameters);
            }
            let reply = platform.subscribe(
                Protocol::Powercap,
                MEASUREMENTS_CHANGED,
                domain,
                enable.enabled(),
            )?;
            platform.model.caps[position].thresholds = enable.enabled().then_some((low, high));
            Ok(reply)
        }
        _ => Err(StatusCode::NotSupported),
    }
}

/// Whether a value lies on the steps of a range.
fn check([low, high, step]: [u32; 3], value: u32) -> Result<(), StatusCode> {
    if (low..=high).contains(&value) && (value - low).is_multiple_of(step.max(1)) {
        Ok(())
    } else {
        Err(StatusCode::OutOfRange)
    }
}

fn describe(domain: &Powercap, p2a: bool) -> DomainInfo {
    let [lowest_cap, highest_cap, cap_step] = domain.range_mw;
    let [shortest, longest, step] = domain.interval_ms;
    DomainInfo {
        attributes: DomainFlags::default()
            .with_notifies_cap(p2a)
            .with_notifies_measurements(p2a)
            .with_sets_asynchronously(p2a)
            .with_extended_name(is_long(&domain.name))
            .with_sets_cap(true)
            .with_measures(true)
            .with_sets_interval(shortest != longest)
            .with_unit(PowerUnit::Milliwatts),
        name: short(&domain.name),
        lowest_interval_us: shortest * US_PER_MS,
        highest_interval_us: longest * US_PER_MS,
        interval_step_us: step * US_PER_MS,
        lowest_cap,
        highest_cap,
        cap_step,
        sustainable_power: highest_cap,
        accuracy: 0,
        parent: domain.parent.map_or(NO_PARENT, |parent| parent as u32),
    }
}

/// Ends an asynchronous POWERCAP_CAP_SET.
pub fn finish(platform: &mut Platform, domain: usize, cap_mw: u32) -> Outcome {
    platform.model.set_cap(domain, cap_mw);
    Reply::with(&CapSetComplete {
        domain: domain as u32,
        cap: cap_mw,
    })
}

/// Tells of another cap or averaging interval.
pub fn tell_cap(platform: &mut Platform, domain: usize, cap_mw: u32, interval_ms: u32) {
    let domain = domain as u32;
    let payload = CapChanged {
        agent: platform.cause(),
        domain,
        cap: cap_mw,
        interval_us: interval_ms * US_PER_MS,
    };
    platform.notify(Protocol::Powercap, CAP_CHANGED, domain, &payload);
}

/// Tells that the measured power crossed a threshold.
pub fn tell_measurement(platform: &mut Platform, domain: usize, power_mw: u32) {
    let domain = domain as u32;
    let payload = MeasurementsChanged {
        agent: platform.cause(),
        domain,
        power: power_mw,
    };
    platform.notify(Protocol::Powercap, MEASUREMENTS_CHANGED, domain, &payload);
}
