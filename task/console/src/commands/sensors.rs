// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `sensors`: every sensor, and what it reads.

use core::fmt::Write;

use drv_scmi_api::PAYLOAD_MAX;
use scmi::sensor::descriptor::SensorDescriptor;
use scmi::sensor::{
    AxisDescriptionGet, ConfigGet, ConfigSet, DescriptionGet, ReadFlags, ReadingGet, ReadingGetV1,
};
use scmi::{Protocol, Status};

use super::Outcome;
use crate::Console;
use crate::failure::Failure;

/// Sensors have 16-bit numbers, and a list with more entries does not end.
const MOST_SENSORS: u32 = 0x1_0000;

/// Every sensor, and what it reads.
pub fn sensors<'a>(console: &mut Console, _: &'a str) -> Outcome<'a> {
    console.check_protocol(Protocol::Sensor)?;
    let has_axes = console.version(Protocol::Sensor.id())?.major() >= 2;
    let mut skip = 0;
    while skip < MOST_SENSORS {
        let mut buffer = [0; PAYLOAD_MAX];
        let page = console.ask(&DescriptionGet { skip }, &mut buffer)?;
        for sensor in &page {
            show(console, &sensor, has_axes)?;
        }
        if page.is_empty() || page.remaining() == 0 {
            return Ok(());
        }
        skip = skip.saturating_add(page.len() as u32);
    }
    Err(Failure::EndlessList)
}

/// One line for a sensor: number, name, and each value with its unit.
fn show(console: &mut Console, sensor: &SensorDescriptor, has_axes: bool) -> Outcome<'static> {
    let base = &sensor.base;
    let _ = write!(console.terminal, "{:>3}  {:<16}", base.sensor, base.name);
    let shown = if !has_axes {
        scalar_v1(console, sensor)
    } else {
        switch_on(console, base.sensor).and_then(|()| match base.scale.axes() {
            0 => scalar(console, sensor),
            _ => axes(console, sensor),
        })
    };
    // A sensor that cannot be read is no reason to hide the others.
    let _ = match shown {
        Ok(()) => writeln!(console.terminal),
        Err(Failure::Refused(status)) => writeln!(console.terminal, " {status}"),
        Err(failure) => {
            let _ = writeln!(console.terminal);
            return Err(failure);
        }
    };
    Ok(())
}

/// Switches a sensor on if it is off: since version 2 of the protocol a platform may leave it off until somebody asks for it, and then
/// rejects readings.
fn switch_on(console: &mut Console, sensor: u32) -> Outcome<'static> {
    let mut buffer = [0; PAYLOAD_MAX];
    let config = match console.ask(&ConfigGet { sensor }, &mut buffer) {
        Ok(reply) => reply.config,
        // What cannot be configured is always on.
        Err(Failure::Refused(Status::NOT_SUPPORTED)) => return Ok(()),
        Err(failure) => return Err(failure),
    };
    if !config.is_enabled() {
        let config = config.with_enabled(true);
        console.ask(&ConfigSet { sensor, config }, &mut buffer)?;
    }
    Ok(())
}

fn scalar_v1(console: &mut Console, sensor: &SensorDescriptor) -> Outcome<'static> {
    let mut buffer = [0; PAYLOAD_MAX];
    let get = ReadingGetV1 {
        sensor: sensor.base.sensor,
        flags: ReadFlags(0),
    };
    let reading = console.ask(&get, &mut buffer)?;
    let _ = write!(
        console.terminal,
        " {}",
        sensor.base.scale.quantity(reading.value)
    );
    Ok(())
}

fn scalar(console: &mut Console, sensor: &SensorDescriptor) -> Outcome<'static> {
    let mut buffer = [0; PAYLOAD_MAX];
    let get = ReadingGet {
        sensor: sensor.base.sensor,
        flags: ReadFlags(0),
    };
    match console.ask(&get, &mut buffer)?.get(0) {
        Some(reading) => {
            let _ = write!(
                console.terminal,
                " {}",
                sensor.base.scale.quantity(reading.value)
            );
        }
        None => {
            let _ = write!(console.terminal, " no value");
        }
    }
    Ok(())
}

fn axes(console: &mut Console, sensor: &SensorDescriptor) -> Outcome<'static> {
    let number = sensor.base.sensor;
    let mut readings_buffer = [0; PAYLOAD_MAX];
    let readings = console.ask(
        &ReadingGet {
            sensor: number,
            flags: ReadFlags(0),
        },
        &mut readings_buffer,
    )?;
    let mut index = 0;
    // Every turn gets on by an axis, or ends.
    while index < sensor.base.scale.axes() {
        let mut buffer = [0; PAYLOAD_MAX];
        let page = console.ask(
            &AxisDescriptionGet {
                sensor: number,
                skip: index.into(),
            },
            &mut buffer,
        )?;
        for axis in &page {
            let value = readings
                .get(index.into())
                .map(|reading| axis.base.scale.quantity(reading.value));
            let _ = match value {
                Some(value) => write!(console.terminal, " {} = {value}", axis.base.name),
                None => write!(console.terminal, " {} = no value", axis.base.name),
            };
            index = index.saturating_add(1);
        }
        if page.is_empty() {
            break;
        }
    }
    Ok(())
}
