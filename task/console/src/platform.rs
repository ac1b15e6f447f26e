// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The way to the platform, and the names of what is there.

use console_core::numbers::Numbers;
use drv_scmi_api::{
    Domains, Error, Exchange, Kind, Request, Response, ScmiError, Sensors, TransferFlags,
};
use scmi::Status;
use scmi::common::ExtendedName;

use crate::asker::{Asker, DEADLINE_MS};
use crate::failure::Failure;

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

/// Visits the numbers and names of all, until `visit` says that it is enough.
pub fn each(
    link: Link<'_>,
    kind: Kind,
    mut visit: impl FnMut(u32, &ExtendedName) -> bool,
) -> Result<(), Error> {
    if kind == Kind::Sensor {
        let sensors = Sensors::over(link)?;
        for sensor in sensors.sensors() {
            let base = sensor?.base;
            let is_cut = base.attributes.has_extended_name();
            let name = match sensors.full_name_of(base.sensor, base.name, is_cut) {
                Err(error) if is_one_answer(error) => continue,
                name => name?,
            };
            if visit(base.sensor, &name) {
                break;
            }
        }
        return Ok(());
    }
    let mut numbers = Numbers::below(kind.count(link)?);
    while let Some(number) = numbers.next() {
        match kind.name(link, number) {
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
