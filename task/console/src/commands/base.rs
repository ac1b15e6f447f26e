// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `info`, `protocols`, `stats`: the SCMI device and the platform behind it.

use console_core::grammar::{Command, Words};
use drv_scmi_api::{Base, Error, NO_TRANSPORT, ScmiInfo};
use scmi::common::VersionReply;
use scmi::protocol::common::PROTOCOL_VERSION;
use scmi::wire::Parse;
use scmi::{Protocol, Status};

use super::{Outcome, Run, Verb, plain};
use crate::Console;
use crate::failure::Failure;
use crate::platform::{Link, link};
use crate::terminal::{Terminal, say};

pub const INFO: Command<Run> = plain(
    "info",
    "the SCMI device, its driver, and the platform behind it",
    &[Verb::new("", "", "shows them", info)],
);
pub const PROTOCOLS: Command<Run> = plain(
    "protocols",
    "the platform's protocols and their versions",
    &[Verb::new("", "", "lists them", protocols)],
);
pub const STATS: Command<Run> = plain(
    "stats",
    "the SCMI driver's counters",
    &[Verb::new(
        "",
        "",
        "shows them, and whether they balance",
        stats,
    )],
);

/// The device, its driver, and the platform.
fn info<'a>(console: &mut Console, _: Words<'a>) -> Outcome<'a> {
    let terminal = &mut console.terminal;
    device(terminal, &console.scmi.info()?);
    let base = Base::over(link(&console.scmi)?)?;
    say!(terminal, "vendor      {}\n", base.vendor()?);
    // The rest is the platform's to tell or not.
    if let Some(vendor) = optional(base.sub_vendor())?
        && !vendor.as_bytes().is_empty()
    {
        say!(terminal, "sub-vendor  {vendor}\n");
    }
    if let Some(version) = optional(base.implementation_version())? {
        say!(terminal, "platform    version {version:#x}\n");
    }
    if let Some(own) = optional(base.own_agent())? {
        say!(terminal, "agent       {}", own.name);
        if let Some(number) = own.agent {
            say!(terminal, " (number {number})");
        }
        say!(terminal, "\n");
    }
    Ok(())
}

fn device(terminal: &mut Terminal, info: &ScmiInfo) {
    say!(terminal, "driver      {}\n", info.state().describe());
    if info.transport == NO_TRANSPORT {
        return;
    }
    say!(
        terminal,
        "device      virtio-mmio slot {}, vendor {:#010x}, features {:#x}\n",
        info.transport,
        info.vendor,
        info.features
    );
    for warning in info.warnings() {
        say!(terminal, "warning     {warning}\n");
    }
    if !info.state().is_ready() {
        return;
    }
    say!(
        terminal,
        "rings       {} command entries, {} event entries (app.toml: {})\n",
        info.command_ring,
        info.event_ring,
        info.ring_configured
    );
    if info.command_ring < info.ring_configured {
        say!(
            terminal,
            "            the device allows no larger ring than {}; fewer commands can be in flight, and each client's quota of slots shrinks in proportion\n",
            info.command_ring
        );
    }
    say!(
        terminal,
        "slots       {}, of which the console may hold {}; {} bytes each way\n",
        info.slots,
        info.caller_slots,
        info.payload_max
    );
    if info.generation > 1 {
        say!(terminal, "recoveries  {}\n", info.generation - 1);
    }
}

/// `None` when the platform does not have the message.
fn optional<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Ok(reply) => Ok(Some(reply)),
        Err(error) if error.is_missing_message() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The platform's protocols and their versions: Base, and what it lists.
fn protocols<'a>(console: &mut Console, _: Words<'a>) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let base = Base::over(link)?;
    show_protocol(&mut console.terminal, link, Protocol::Base.id())?;
    for id in base.protocols() {
        show_protocol(&mut console.terminal, link, id?)?;
    }
    Ok(())
}

fn show_protocol(terminal: &mut Terminal, link: Link<'_>, id: u8) -> Outcome<'static> {
    let title = Protocol::from_id(id).map_or("(unknown)", Protocol::title);
    say!(terminal, "{id:#04x}  {title:<24} ");
    let version = version(link, id);
    match version {
        Ok(reply) => {
            say!(terminal, "{}", reply.version);
            let known = Protocol::from_id(id).map(Protocol::known_version);
            if let Some(known) = known.filter(|known| reply.version.0 > known.0) {
                say!(terminal, ", newer than {known}, which is known here");
            }
            say!(terminal, "\n");
        }
        // One protocol that is not there after all is no reason to hide the others.
        Err(Error::Refused(status)) => say!(terminal, "{status}\n"),
        Err(_) => terminal.end_line(),
    }
    match version {
        Ok(_) | Err(Error::Refused(_)) => Ok(()),
        Err(error) => Err(Failure::Scmi(error)),
    }
}

/// The version of any protocol, by its number.
fn version(link: Link<'_>, protocol: u8) -> Result<VersionReply, Error> {
    let mut values = [0; 4];
    let answer = crate::platform::send(link, protocol, PROTOCOL_VERSION, &[], &mut values)?;
    Status::from_raw(answer.status).ok()?;
    let values = values.get(..answer.len as usize).unwrap_or(&values);
    Ok(VersionReply::parse(values)?)
}

/// The driver's counters.
fn stats<'a>(console: &mut Console, _: Words<'a>) -> Outcome<'a> {
    let stats = console.scmi.stats()?;
    for (name, value) in stats.named() {
        say!(console.terminal, "{name:<30} {value}\n");
    }
    let balanced = if stats.balanced() { "yes" } else { "no" };
    say!(console.terminal, "{:<30} {balanced}\n", "balanced");
    Ok(())
}
