// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `sensor` and `sensors`: what the machine measures.

use console_core::grammar::{Command, Words};
use console_core::quantity::{PLAIN, SECONDS, quantity};
use drv_scmi_api::{AxisReadings, Choices, Domains, Error, Kind, Sensors};
use scmi::sensor::descriptor::SensorBase;
use scmi::sensor::{IntervalWord, SensorConfig};
use scmi::units::Scaled;

use super::{Outcome, Row, Run, Verb, has, named, next_word, on_off, plain, row, troubled, value};
use crate::Console;
use crate::asker::Asker;
use crate::failure::Failure;
use crate::platform::{Link, link};
use crate::terminal::{Terminal, say};

pub const COMMAND: Command<Run> = Command {
    name: "sensor",
    help: "sensors: read them, and have them tell when a value is passed",
    verbs: &[
        Verb::new("list", "", "every sensor and what it reads", list),
        Verb::new(
            "read",
            "NAME [delayed]",
            "what a sensor reads; `delayed` waits for the delayed response",
            read,
        ),
        Verb::new("axes", "NAME", "the axes of a sensor", axes),
        Verb::new(
            "trip",
            "NAME POINT VALUE rising|falling|both|off",
            "sets a trip point, in the sensor's unit; `events sensor` shows when it is passed",
            trip,
        ),
        Verb::new(
            "config",
            "NAME [on|off] [INTERVAL]",
            "how a sensor works, or switches it, with an update interval (`100ms`)",
            config,
        ),
        Verb::new(
            "intervals",
            "NAME",
            "the update intervals that it can have",
            intervals,
        ),
    ],
};

pub const SENSORS: Command<Run> = plain(
    "sensors",
    "every sensor and what it reads; switches on those that are off",
    &[Verb::new("", "", "switches them on and lists them", all_on)],
);

fn list<'a>(console: &mut Console, _: Words<'a>) -> Outcome<'a> {
    show_all(console, false)
}

fn all_on<'a>(console: &mut Console, _: Words<'a>) -> Outcome<'a> {
    show_all(console, true)
}

/// A row for every sensor. Since version 2 of the protocol a platform may leave a sensor off until somebody asks for it, and
/// then refuses readings.
fn show_all(console: &mut Console, switch_on: bool) -> Outcome<'static> {
    let link = link(&console.scmi)?;
    let sensors = Sensors::over(link)?;
    let mut trouble = None;
    for sensor in sensors.sensors() {
        let base = sensor?.base;
        let is_cut = base.attributes.has_extended_name();
        let name = sensors.full_name_of(base.sensor, base.name, is_cut);
        let terminal = &mut console.terminal;
        row(terminal, base.sensor, name, &mut trouble, |row| {
            show_row(row, &sensors, &base, switch_on)
        })?;
    }
    troubled(trouble)
}

fn show_row(
    row: &mut Row<'_>,
    sensors: &Sensors<'_, Asker>,
    base: &SensorBase,
    switch_on: bool,
) -> Result<(), Error> {
    let config = config_of(sensors, base.sensor);
    // A sensor that cannot tell how it works may be read all the same.
    let configured = match config {
        Ok(Some(config)) if !config.is_enabled() && !switch_on => {
            say!(row, "off");
            return Ok(());
        }
        Ok(Some(config)) if !config.is_enabled() => {
            sensors.set_config(base.sensor, config.with_enabled(true))
        }
        Ok(_) => Ok(()),
        Err(error) => Err(error),
    };
    match sensors.read(base.sensor) {
        Ok(readings) => {
            let shown = show(row.begin(), sensors, base, &readings);
            shown.or_else(|error| row.note("axes", error))?;
        }
        Err(error) => row.note("", error)?,
    }
    match configured {
        Ok(()) => Ok(()),
        Err(error) => row.note("configuration", error),
    }
}

/// From this version a sensor can be configured.
const CONFIG_V2: u16 = 2;

/// How a sensor works; `None` for one that always does.
fn config_of(sensors: &Sensors<'_, Asker>, sensor: u32) -> Result<Option<SensorConfig>, Error> {
    if sensors.version().major() < CONFIG_V2 {
        return Ok(None);
    }
    match sensors.config(sensor) {
        Ok(config) => Ok(Some(config)),
        Err(error) if error.is_missing_message() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The values of a sensor, each with its unit, and each axis with its name.
fn show(
    terminal: &mut Terminal,
    sensors: &Sensors<'_, Asker>,
    base: &SensorBase,
    readings: &AxisReadings,
) -> Result<(), Error> {
    if base.scale.axes() == 0 {
        say!(terminal, "{}", base.scale.quantity(readings.value()));
        return Ok(());
    }
    let mut values = readings.iter();
    let mut separator = "";
    for axis in sensors.axes(base.sensor) {
        let axis = axis?.base;
        say!(terminal, "{separator}{} = ", axis.name);
        match values.next() {
            Some(reading) => say!(terminal, "{}", axis.scale.quantity(reading.value)),
            None => say!(terminal, "no value"),
        }
        separator = " ";
    }
    Ok(())
}

fn read<'a>(console: &mut Console, mut words: Words<'a>) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let sensors = Sensors::over(link)?;
    let sensor = named(link, Kind::Sensor, &mut words)?;
    let base = sensors.sensor(sensor)?.base;
    let readings = if has(&words, "delayed") {
        sensors.read_delayed(sensor)?
    } else {
        sensors.read(sensor)?
    };
    say!(console.terminal, "{} ", base.name);
    show(&mut console.terminal, &sensors, &base, &readings)?;
    say!(console.terminal, "\n");
    Ok(())
}

fn axes<'a>(console: &mut Console, mut words: Words<'a>) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let sensors = Sensors::over(link)?;
    let sensor = named(link, Kind::Sensor, &mut words)?;
    if sensors.sensor(sensor)?.base.scale.axes() == 0 {
        return Err(Failure::Told("this sensor has one value, and no axes"));
    }
    for axis in sensors.axes(sensor) {
        let axis = axis?;
        let scale = axis.base.scale;
        say!(
            console.terminal,
            "{:>3}  {:<16} ",
            axis.base.axis,
            axis.base.name
        );
        say!(
            console.terminal,
            "{} in steps of {}",
            scale.unit(),
            scale.quantity(1)
        );
        if let Some(range) = axis.range {
            let (lowest, highest) = (scale.quantity(range.lowest), scale.quantity(range.highest));
            say!(console.terminal, ", {lowest} to {highest}");
        }
        say!(console.terminal, "\n");
    }
    Ok(())
}

fn trip<'a>(console: &mut Console, mut words: Words<'a>) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let sensors = Sensors::over(link)?;
    let sensor = named(link, Kind::Sensor, &mut words)?;
    let base = sensors.sensor(sensor)?.base;
    let point = value::<u8>(
        next_word(&mut words),
        PLAIN,
        0,
        "the number of a trip point",
    )?;
    if point >= base.attributes.trip_points() {
        return Err(Failure::Told(match base.attributes.trip_points() {
            0 => "this sensor has no trip points",
            _ => "this sensor does not have as many trip points; they are numbered from 0",
        }));
    }
    let value = value::<i64>(
        next_word(&mut words),
        PLAIN,
        base.scale.exponent(),
        "a value in the sensor's unit, such as 70.5",
    )?;
    let (rising, falling) = match next_word(&mut words) {
        "rising" => (true, false),
        "falling" => (false, true),
        "both" => (true, true),
        _ => (false, false),
    };
    Ok(sensors.set_trip_point(sensor, point, value, rising, falling)?)
}

fn config<'a>(console: &mut Console, mut words: Words<'a>) -> Outcome<'a> {
    let link = link(&console.scmi)?;
    let sensors = Sensors::over(link)?;
    let sensor = named(link, Kind::Sensor, &mut words)?;
    let mut config = sensors.config(sensor)?;
    if words.clone().next().is_none() {
        say!(console.terminal, "{}", on_off(config.is_enabled()));
        if config.interval() != 0 {
            let interval = Scaled {
                value: config.interval().into(),
                exponent: config.interval_exponent(),
            };
            say!(console.terminal, ", every {interval} s");
        }
        if config.has_timestamps() {
            say!(console.terminal, ", with time stamps");
        }
        say!(console.terminal, "\n");
        return Ok(());
    }
    for word in words {
        config = match word {
            "on" | "off" => config.with_enabled(word == "on"),
            interval => with_interval(config, interval)?,
        };
    }
    Ok(sensors.set_config(sensor, config)?)
}

/// The configuration with another update interval: the largest power of ten with which its sixteen bits hold it.
fn with_interval(config: SensorConfig, word: &str) -> Result<SensorConfig, Failure<'_>> {
    let mut failed = None;
    for exponent in -6..=6 {
        match quantity(word, SECONDS, exponent).map(u16::try_from) {
            Ok(Ok(interval)) => {
                return Ok(config
                    .with_interval(interval)
                    .with_interval_exponent_bits(exponent as u8));
            }
            Ok(Err(_)) => {}
            Err(bad) => failed = failed.or(Some(bad)),
        }
    }
    let wanted = "a time, such as 100ms or 0.5s";
    let bad = failed.unwrap_or(console_core::quantity::Bad::OutOfRange);
    Err(Failure::Value(word, wanted, bad))
}

fn intervals<'a>(console: &mut Console, mut words: Words<'a>) -> Outcome<'a> {
    let link: Link<'_> = link(&console.scmi)?;
    let sensors = Sensors::over(link)?;
    let sensor = named(link, Kind::Sensor, &mut words)?;
    let seconds = |interval: IntervalWord| Scaled {
        value: interval.seconds().into(),
        exponent: interval.exponent(),
    };
    match sensors.update_intervals(sensor)? {
        Choices::List(list) => {
            for entry in list {
                say!(console.terminal, "{} s\n", seconds(entry?.interval));
            }
        }
        Choices::Range(range) => say!(
            console.terminal,
            "{} s to {} s in steps of {} s\n",
            seconds(range.lowest),
            seconds(range.highest),
            seconds(range.step)
        ),
    }
    Ok(())
}
