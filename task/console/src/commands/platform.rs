// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `info`, `protocols`, `stats`: the SCMI device and the platform behind it.

use core::fmt::Write;

use drv_scmi_api::{NO_TRANSPORT, PAYLOAD_MAX, ScmiInfo};
use scmi::base::{
    DiscoverAgent, DiscoverImplementationVersion, DiscoverListProtocols, DiscoverSubVendor,
    DiscoverVendor, SELF,
};
use scmi::{Protocol, Status};

use super::Outcome;
use crate::Console;
use crate::failure::Failure;

/// Lists longer than this are not lists of protocols, which have one byte for a number.
const MOST_PROTOCOLS: u32 = 256;

/// The device, its driver, and the platform.
pub fn info<'a>(console: &mut Console, _: &'a str) -> Outcome<'a> {
    let info = console.scmi.info();
    device(console, &info);
    if !info.state().is_ready() {
        return Err(Failure::Unavailable(info.state()));
    }
    let mut buffer = [0; PAYLOAD_MAX];
    let vendor = console.ask(&DiscoverVendor {}, &mut buffer)?.vendor;
    let _ = writeln!(console.terminal, "vendor      {vendor}");
    // The rest is the platform's to tell or not.
    if let Some(reply) = optional(console.ask(&DiscoverSubVendor {}, &mut buffer))?
        && !reply.vendor.as_bytes().is_empty()
    {
        let _ = writeln!(console.terminal, "sub-vendor  {}", reply.vendor);
    }
    if let Some(reply) = optional(console.ask(&DiscoverImplementationVersion {}, &mut buffer))? {
        let _ = writeln!(console.terminal, "platform    version {:#x}", reply.version);
    }
    if let Some(reply) = optional(console.ask(&DiscoverAgent { agent: SELF }, &mut buffer))? {
        let _ = match reply.agent {
            Some(number) => writeln!(
                console.terminal,
                "agent       {} (number {number})",
                reply.name
            ),
            None => writeln!(console.terminal, "agent       {}", reply.name),
        };
    }
    Ok(())
}

fn device(console: &mut Console, info: &ScmiInfo) {
    let terminal = &mut console.terminal;
    let _ = writeln!(terminal, "driver      {}", info.state().describe());
    if info.transport == NO_TRANSPORT {
        return;
    }
    let _ = writeln!(
        terminal,
        "device      virtio-mmio slot {}, vendor {:#010x}, features {:#x}",
        info.transport, info.vendor, info.features
    );
    if !info.state().is_ready() {
        return;
    }
    let _ = writeln!(
        terminal,
        "rings       {} command entries, {} event entries (app.toml: {})",
        info.command_ring, info.event_ring, info.ring_configured
    );
    if info.command_ring < info.ring_configured {
        let _ = writeln!(
            terminal,
            "            the device allows no larger ring than {}; fewer commands can be in flight",
            info.command_ring
        );
    }
    let _ = writeln!(
        terminal,
        "slots       {}, of which the console may hold {}; {} bytes each way",
        info.slots, info.caller_slots, info.payload_max
    );
    if info.generation > 1 {
        let _ = writeln!(terminal, "recoveries  {}", info.generation - 1);
    }
}

/// `None` when the platform does not have the message.
fn optional<T>(answer: Result<T, Failure<'static>>) -> Result<Option<T>, Failure<'static>> {
    match answer {
        Ok(reply) => Ok(Some(reply)),
        Err(Failure::Refused(Status::NOT_SUPPORTED | Status::NOT_FOUND)) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// The platform's protocols and their versions: Base, and what it lists.
pub fn protocols<'a>(console: &mut Console, _: &'a str) -> Outcome<'a> {
    console.check_available()?;
    show_protocol(console, Protocol::Base.id())?;
    let mut skip = 0;
    while skip < MOST_PROTOCOLS {
        let mut buffer = [0; PAYLOAD_MAX];
        let list = console.ask(&DiscoverListProtocols { skip }, &mut buffer)?;
        if list.protocols.is_empty() {
            return Ok(());
        }
        for &id in list.protocols {
            show_protocol(console, id)?;
        }
        skip = skip.saturating_add(list.protocols.len() as u32);
    }
    Err(Failure::EndlessList)
}

fn show_protocol(console: &mut Console, id: u8) -> Outcome<'static> {
    let title = Protocol::from_id(id).map_or("(unknown)", Protocol::title);
    let _ = match console.version(id) {
        Ok(version) => writeln!(console.terminal, "{id:#04x}  {title:<24} {version}"),
        // One protocol that is not there after all is no reason to hide the others.
        Err(Failure::Refused(status)) => {
            writeln!(console.terminal, "{id:#04x}  {title:<24} {status}")
        }
        Err(failure) => return Err(failure),
    };
    Ok(())
}

/// The driver's counters.
pub fn stats<'a>(console: &mut Console, _: &'a str) -> Outcome<'a> {
    let stats = console.scmi.stats();
    for (name, value) in stats.named() {
        let _ = writeln!(console.terminal, "{name:<30} {value}");
    }
    let _ = writeln!(
        console.terminal,
        "{:<30} {}",
        "balanced",
        if stats.balanced() { "yes" } else { "no" }
    );
    Ok(())
}
