// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The way to the platform, and the names of what is there.

use console_core::numbers::Numbers;
use drv_scmi_api::{Error, Exchange, Request, Response, ScmiError, Sensors, TransferFlags};
use scmi::common::{ExtendedName, NameReply, ShortName};
use scmi::pinctrl::Selector;
use scmi::{Protocol, Status, clock, perf, pinctrl, power, powercap, reset, sensor, voltage};

use crate::asker::{Asker, DEADLINE_MS};
use crate::failure::Failure;
use crate::kind::Kind;

/// The way to the platform, which Ctrl-C ends.
pub type Link<'e> = drv_scmi_api::Link<'e, Asker>;

/// The way to the platform; fails unless there is one that can be asked.
pub fn link(scmi: &Asker) -> Result<Link<'_>, Failure<'static>> {
    let state = scmi.info()?.state();
    if state.is_ready() {
        Ok(Link::new(scmi).with_deadline(DEADLINE_MS))
    } else {
        Err(Failure::Unavailable(state))
    }
}

/// How many there are. Except for sensors, their numbers run from 0.
pub fn count(link: Link<'_>, kind: Kind) -> Result<u32, Error> {
    Ok(match kind {
        Kind::Power => link.get(&power::Attributes {})?.attributes.domains().into(),
        Kind::Perf => link.get(&perf::Attributes {})?.attributes.domains().into(),
        Kind::Clock => link.get(&clock::Attributes {})?.attributes.clocks().into(),
        Kind::Sensor => link
            .get(&sensor::Attributes {})?
            .attributes
            .sensors()
            .into(),
        Kind::Reset => link.get(&reset::Attributes {})?.attributes.domains().into(),
        Kind::Voltage => link
            .get(&voltage::Attributes {})?
            .attributes
            .domains()
            .into(),
        Kind::Cap => link
            .get(&powercap::Attributes {})?
            .attributes
            .domains()
            .into(),
        Kind::Pin(selector) => {
            let info = link.get(&pinctrl::Attributes {})?;
            match selector {
                Selector::Pin => info.pins.pins().into(),
                Selector::Group => info.pins.groups().into(),
                Selector::Function => info.functions.functions().into(),
                Selector::Reserved => 0,
            }
        }
    })
}

/// The name of one, by its number: the long one where it has one.
pub fn name(link: Link<'_>, kind: Kind, number: u32) -> Result<ExtendedName, Error> {
    let (short, is_cut) = match kind {
        Kind::Power => {
            let info = link.get(&power::DomainAttributes { domain: number })?;
            (info.name, info.attributes.has_extended_name())
        }
        Kind::Perf => {
            let info = link.get(&perf::DomainAttributes { domain: number })?;
            (info.name, info.attributes.has_extended_name())
        }
        Kind::Clock => {
            let info = link.get(&clock::ClockAttributes { clock: number })?;
            (info.name, info.attributes.has_extended_name())
        }
        Kind::Sensor => {
            let base = Sensors::over(link)?.sensor(number)?.base;
            (base.name, base.attributes.has_extended_name())
        }
        Kind::Reset => {
            let info = link.get(&reset::DomainAttributes { domain: number })?;
            (info.name, info.attributes.has_extended_name())
        }
        Kind::Voltage => {
            let info = link.get(&voltage::DomainAttributes { domain: number })?;
            (info.name, info.attributes.has_extended_name())
        }
        Kind::Cap => {
            let info = link.get(&powercap::DomainAttributes { domain: number })?;
            (info.name, info.attributes.has_extended_name())
        }
        Kind::Pin(selector) => {
            let info = link.get(&pinctrl::PinctrlAttributes {
                identifier: number,
                selector: selector.into(),
            })?;
            (info.name, info.attributes.has_extended_name())
        }
    };
    long_name(link, kind, number, short, is_cut)
}

/// The long name of something, if its short one `is_cut`.
pub fn long_name(
    link: Link<'_>,
    kind: Kind,
    number: u32,
    short: ShortName,
    is_cut: bool,
) -> Result<ExtendedName, Error> {
    let reply: Result<NameReply, Error> = match kind {
        _ if !is_cut => return Ok(widened(short)),
        Kind::Power => link.get(&power::DomainNameGet { domain: number }),
        Kind::Perf => link.get(&perf::DomainNameGet { domain: number }),
        Kind::Clock => link.get(&clock::NameGet { clock: number }),
        Kind::Sensor => link.get(&sensor::NameGet { sensor: number }),
        Kind::Reset => link.get(&reset::DomainNameGet { domain: number }),
        Kind::Voltage => link.get(&voltage::DomainNameGet { domain: number }),
        Kind::Cap => link.get(&powercap::DomainNameGet { domain: number }),
        Kind::Pin(selector) => link.get(&pinctrl::NameGet {
            identifier: number,
            selector: selector.into(),
        }),
    };
    match reply {
        Ok(reply) => Ok(reply.name),
        // It promised one. The short one does.
        Err(Error::Refused(_)) => Ok(widened(short)),
        Err(error) => Err(error),
    }
}

fn widened(short: ShortName) -> ExtendedName {
    let mut wide = [0; 64];
    for (to, from) in wide.iter_mut().zip(short.as_bytes()) {
        *to = *from;
    }
    scmi::common::Name(wide)
}

/// Visits the numbers and names of all, until `visit` says that it is enough.
pub fn each(
    link: Link<'_>,
    kind: Kind,
    mut visit: impl FnMut(u32, &ExtendedName) -> bool,
) -> Result<(), Error> {
    if kind == Kind::Sensor {
        for sensor in Sensors::over(link)?.sensors() {
            let base = sensor?.base;
            let is_cut = base.attributes.has_extended_name();
            let name = match long_name(link, kind, base.sensor, base.name, is_cut) {
                Err(error) if is_one_answer(error) => continue,
                name => name?,
            };
            if visit(base.sensor, &name) {
                break;
            }
        }
        return Ok(());
    }
    let mut numbers = Numbers::below(count(link, kind)?);
    while let Some(number) = numbers.next() {
        match name(link, kind, number) {
            Ok(name) => {
                if visit(number, &name) {
                    break;
                }
            }
            Err(Error::Refused(Status::NOT_FOUND)) => numbers.is_missing(),
            // One that cannot be asked is no reason to miss the others.
            Err(Error::Refused(_)) => {}
            Err(error) if is_one_answer(error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Returns `true` if only this answer is bad: the platform gives answers, and gave one here.
pub fn is_one_answer(error: Error) -> bool {
    matches!(
        error,
        Error::NoAnswer(ScmiError::ShortReply | ScmiError::WrongReply)
            | Error::Malformed(_)
            | Error::Inconsistent(_)
    )
}

/// The number of what `word` names: by its number, which the platform may know or not, or by its name.
pub fn find<'a>(link: Link<'_>, kind: Kind, word: &'a str) -> Result<u32, Failure<'a>> {
    if let Some(number) = console_core::quantity::number(word) {
        return Ok(number);
    }
    let mut found = None;
    let mut others = false;
    each(link, kind, |number, name| {
        if name.as_bytes() == word.as_bytes() {
            others = found.replace(number).is_some();
        }
        others
    })?;
    match found {
        Some(_) if others => Err(Failure::SameName(kind, word)),
        Some(number) => Ok(number),
        None => Err(Failure::NotThere(kind, word)),
    }
}

/// The number of a protocol, by its number, its name, or the command for it.
pub fn protocol_of(word: &str) -> Option<u8> {
    match word {
        "cap" => Some(Protocol::Powercap.id()),
        "pin" => Some(Protocol::Pinctrl.id()),
        _ => match console_core::quantity::number(word) {
            Some(number) => u8::try_from(number).ok(),
            None => Protocol::from_name(word).map(Protocol::id),
        },
    }
}

/// Sends any message, once. Where it asks for a delayed response, the answer is that.
pub fn send(
    link: Link<'_>,
    protocol: u8,
    message: u8,
    request: &[u8],
    values: &mut [u8],
) -> Result<Response, Error> {
    let is_delayed =
        scmi::events::delayed(protocol, message).is_some_and(|delayed| delayed.asked_by(request));
    let mut flags = TransferFlags::empty();
    flags.set(TransferFlags::DELAYED, is_delayed);
    let request = Request::new(protocol, message, request)
        .with_flags(flags)
        .with_deadline(DEADLINE_MS);
    Ok(link.exchange().exchange(&request, values)?)
}
