// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The protocols, one file each: from a request to a reply, and from a change in the machine to notifications.

use scmi::common::{
    ExtendedName, MessageFlags, MessageInfo, NameReply, ProtocolVersion, ShortName, VersionReply,
};
use scmi::protocol::common;
use scmi::wire::{Message, PageHead, PageWriter};
use scmi::{Protocol, StatusCode};

use crate::model::Change;
use crate::platform::{Action, Outcome, Platform, Reply, Request};

mod base;
mod clock;
mod perf;
pub mod pinctrl;
mod power;
mod powercap;
mod reset;
mod sensor;
mod system;
#[cfg(test)]
mod tests;
pub mod vendor;
mod voltage;

/// Longest name that needs no extended name message, in bytes.
const SHORT_NAME: usize = 15;

/// The newest version of each protocol that the platform speaks.
pub fn version(protocol: Protocol) -> u32 {
    match protocol {
        Protocol::Base | Protocol::System | Protocol::Voltage => 0x2_0001,
        Protocol::Power | Protocol::Sensor | Protocol::Reset => 0x3_0001,
        Protocol::Perf => 0x4_0000,
        Protocol::Clock => 0x3_0000,
        Protocol::Powercap => 0x2_0000,
        Protocol::Pinctrl => 0x1_0000,
    }
}

/// Whether the machine has anything that a protocol is for.
pub fn exists(platform: &Platform, protocol: Protocol) -> bool {
    let machine = &platform.model.machine;
    match protocol {
        Protocol::Base => true,
        Protocol::Power => !machine.power.is_empty(),
        Protocol::System => machine.system.is_some(),
        Protocol::Perf => !machine.perf.is_empty(),
        Protocol::Clock => !machine.clocks.is_empty(),
        Protocol::Sensor => !machine.sensors.is_empty(),
        Protocol::Reset => !machine.resets.is_empty(),
        Protocol::Voltage => !machine.voltages.is_empty(),
        Protocol::Powercap => !machine.powercaps.is_empty(),
        Protocol::Pinctrl => machine.pinctrl.is_some(),
    }
}

/// Handles a command.
pub fn handle(platform: &mut Platform, protocol: Protocol, request: &Request<'_>) -> Outcome {
    match request.header.message {
        common::PROTOCOL_VERSION => {
            request.parse::<()>()?;
            Reply::with(&VersionReply {
                version: ProtocolVersion(version(protocol)),
            })
        }
        common::PROTOCOL_MESSAGE_ATTRIBUTES => {
            let wanted: scmi::base::MessageAttributes = request.parse()?;
            let known = u8::try_from(wanted.message)
                .is_ok_and(|message| supports(platform, protocol, message));
            if !known {
                return Err(StatusCode::NotFound);
            }
            let attributes = match protocol {
                Protocol::System => system::message_flags(wanted.message as u8),
                _ => MessageFlags::default(),
            };
            Reply::with(&MessageInfo { attributes })
        }
        common::NEGOTIATE_PROTOCOL_VERSION => {
            let wanted: scmi::base::NegotiateVersion = request.parse()?;
            // Every version from 1.0 on is spoken: replies shrink to what that version has.
            if !(0x1_0000..=version(protocol)).contains(&wanted.version.0) {
                return Err(StatusCode::NotSupported);
            }
            platform.negotiate(protocol, wanted.version.0);
            Reply::done()
        }
        message if !supports(platform, protocol, message) => Err(StatusCode::NotSupported),
        _ => match protocol {
            Protocol::Base => base::handle(platform, request),
            Protocol::Power => power::handle(platform, request),
            Protocol::System => system::handle(platform, request),
            Protocol::Perf => perf::handle(platform, request),
            Protocol::Clock => clock::handle(platform, request),
            Protocol::Sensor => sensor::handle(platform, request),
            Protocol::Reset => reset::handle(platform, request),
            Protocol::Voltage => voltage::handle(platform, request),
            Protocol::Powercap => powercap::handle(platform, request),
            Protocol::Pinctrl => pinctrl::handle(platform, request),
        },
    }
}

/// Whether the platform has a message of a protocol.
fn supports(platform: &Platform, protocol: Protocol, message: u8) -> bool {
    use scmi::protocol::{PerfMessage, PowerMessage, PowercapMessage};
    let absent = match protocol {
        // There is no memory that guest and platform share.
        Protocol::Perf => message == PerfMessage::DescribeFastchannel.id(),
        Protocol::Powercap => message == PowercapMessage::DescribeFastchannel.id(),
        // There is one guest: nobody else asks for changes.
        Protocol::Power => message == PowerMessage::ChangeRequestedNotify.id(),
        _ => false,
    };
    !absent && exists(platform, protocol) && protocol.message_name(message).is_some()
}

/// Ends an asynchronous command; the values go into the delayed response.
pub fn finish(platform: &mut Platform, action: &Action) -> Outcome {
    match *action {
        Action::SetPower { domain, state } => power::finish(platform, domain, state),
        Action::SetRate { clock, rate } => clock::finish(platform, clock, rate),
        Action::ReadSensor { sensor } => sensor::finish(platform, sensor),
        Action::Reset { domain, state } => reset::finish(platform, domain, state),
        Action::SetVoltage { domain, level_uv } => voltage::finish(platform, domain, level_uv),
        Action::SetCap { domain, cap_mw } => powercap::finish(platform, domain, cap_mw),
    }
}

/// Tells the guest of a change, if it asked to be told.
pub fn tell(platform: &mut Platform, change: &Change) {
    match *change {
        Change::Power { domain, state } => power::tell(platform, domain, state),
        Change::Level { domain, level } => perf::tell_level(platform, domain, level),
        Change::Limits { domain, min, max } => perf::tell_limits(platform, domain, min, max),
        Change::Rate { clock, rate } => clock::tell(platform, clock, rate),
        Change::Trip {
            sensor,
            point,
            rising,
        } => sensor::tell_trip(platform, sensor, point, rising),
        Change::Update { sensor } => sensor::tell_update(platform, sensor),
        Change::Reset { domain, state } => reset::tell(platform, domain, state),
        Change::Cap {
            domain,
            cap_mw,
            interval_ms,
        } => powercap::tell_cap(platform, domain, cap_mw, interval_ms),
        Change::Measurement { domain, power_mw } => {
            powercap::tell_measurement(platform, domain, power_mw)
        }
        Change::System { graceful, state } => system::tell(platform, graceful, state),
    }
}

/// The index of a domain, or whatever a protocol numbers.
fn index<T>(list: &[T], id: u32) -> Result<usize, StatusCode> {
    usize::try_from(id)
        .ok()
        .filter(|&index| index < list.len())
        .ok_or(StatusCode::NotFound)
}

/// Whether a name is too long for the 16-byte field of attributes.
fn is_long(name: &str) -> bool {
    name.len() > SHORT_NAME
}

/// A name for the 16-byte field; too long ones are cut there.
fn short(name: &str) -> ShortName {
    ShortName::new(name)
}

/// The reply to a message that asks for the long form of a name.
fn long_name(name: &str) -> Outcome {
    Reply::with(&NameReply {
        flags: 0,
        name: ExtendedName::new(name),
    })
}

/// Refuses what the guest may only look at.
fn writable(read_only: bool) -> Result<(), StatusCode> {
    if read_only {
        Err(StatusCode::Denied)
    } else {
        Ok(())
    }
}

/// A page of a list: as many entries from `skip` on as fit the room.
fn page<H: PageHead, T: Message>(
    room: usize,
    entries: &[T],
    skip: u32,
    head: impl FnOnce(usize, usize) -> H,
) -> Outcome {
    let skip = skip as usize;
    if skip > entries.len() {
        return Err(StatusCode::OutOfRange);
    }
    let mut values = vec![0; room.min(scmi::limits::MAX_PAYLOAD)];
    let mut writer = PageWriter::<H, T>::new(&mut values).map_err(|_| StatusCode::CommsError)?;
    for entry in &entries[skip..] {
        if !writer.push(entry) {
            break;
        }
    }
    let length = writer
        .finish(|returned| head(returned, entries.len() - skip - returned))
        .map_err(|_| StatusCode::GenericError)?;
    values.truncate(length);
    Ok(Reply {
        values,
        later: None,
    })
}

/// A payload that was put together byte by byte.
struct Bytes(Vec<u8>);

impl scmi::wire::Emit for Bytes {
    fn emit_prefix<'o>(&self, out: &'o mut [u8]) -> Result<&'o mut [u8], scmi::wire::Malformed> {
        let too_short = scmi::wire::Malformed {
            message: "payload",
            fault: scmi::wire::Fault::Short {
                needed: self.0.len(),
                got: out.len(),
            },
        };
        let (place, rest) = out.split_at_mut_checked(self.0.len()).ok_or(too_short)?;
        place.copy_from_slice(&self.0);
        Ok(rest)
    }
}
