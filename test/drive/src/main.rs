// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A client that makes every typed call of `drv/scmi-api` on the machine of `machine.toml`, and has the other end looked at.
//!
//! For each message of each protocol: what the client is told, and, through the host, what the machine behind the platform has become.
//! Events are caused by the client itself, by somebody else (through the host), and by the machine's physics. The host's half is
//! `test/integration/tests/drive.rs`; it also checks that the platform has seen every message there is.

#![no_std]
#![no_main]

mod base;
mod clock;
mod faults;
mod host;
mod perf;
mod pins;
mod polling;
mod power;
mod powercap;
mod reset;
mod run;
mod sensor;
mod voltage;

use drv_scmi_api::Scmi;
use userlib::*;

use crate::run::Run;

include!(concat!(env!("OUT_DIR"), "/notifications.rs"));

task_slot!(SCMI, scmi);

/// What every protocol has: its version, its attributes, and what it says of its messages. Other
/// versions are the driver's matter, so the request for one must not reach the platform.
macro_rules! common {
    ($run:expr, $scmi:expr, $handle:ident, $name:literal, $version:literal) => {
        $run.case(concat!($name, ": version, attributes, messages"), |run| {
            let mut it = drv_scmi_api::$handle::connect($scmi)?;
            run.same(it.version().0, $version)?;
            it.attributes()?;
            run.same(it.message(0)?.is_some(), true)?;
            run.same(it.message(0x77)?.is_some(), false)?;
            for version in [0x9_0000, 0x1_0000, $version] {
                let refused = it.negotiate(scmi::common::ProtocolVersion(version));
                run.no_answer(refused, drv_scmi_api::ScmiError::ReservedMessage)?;
            }
            run.see(concat!("/versions/", $name), stringify!($version))
        });
    };
}
pub(crate) use common;

#[unsafe(export_name = "main")]
fn main() -> ! {
    let driver = SCMI.get_task_id();
    let scmi = Scmi::from(driver);
    let mut run = Run::new(Scmi::from(driver));
    base::cases(&mut run, &scmi);
    power::cases(&mut run, &scmi);
    perf::cases(&mut run, &scmi);
    clock::cases(&mut run, &scmi);
    sensor::cases(&mut run, &scmi);
    reset::cases(&mut run, &scmi);
    voltage::cases(&mut run, &scmi);
    powercap::cases(&mut run, &scmi);
    pins::cases(&mut run, &scmi);
    faults::cases(&mut run, &scmi);
    polling::cases(&mut run, &scmi);
    run.end();
    loop {
        hl::sleep_for(1000);
    }
}
