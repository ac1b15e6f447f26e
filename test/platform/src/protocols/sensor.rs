// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Sensors.

use scmi::common::ListCount;
use scmi::protocol::SensorMessage;
use scmi::sensor::descriptor::{
    AxesHead, AxisBase, AxisCount, AxisDescriptor, AxisFlags, AxisName, SensorBase,
    SensorDescriptor, SensorFlags, SensorScale, SensorsHead,
};
use scmi::sensor::unit::SensorUnit;
use scmi::sensor::{
    AxisDescriptionGet, AxisNameGet, ConfigGet, ConfigGetReply, ConfigSet, ContinuousUpdateNotify,
    DescriptionGet, Interval, IntervalWord, IntervalsHead, ListUpdateIntervals, NameGet,
    ProtocolFlags, ProtocolInfo, Reading, ReadingCompleteHead, ReadingCompleteV1, ReadingGet,
    ReadingV1, ReadingsHead, SensorConfig, TripPointConfig, TripPointEvent, TripPointNotify,
    TripPointPassed, Update,
};
use scmi::wire::{PageHead, PageWriter};
use scmi::{Protocol, StatusCode};

use super::{Bytes, index, is_long, long_name, page, short};
use crate::machine::{Kind, Sensor};
use crate::model::{Trip, TripDirection};
use crate::platform::{Action, Outcome, Platform, Reply, Request};

const TRIP_POINT: u8 = 0;
const UPDATE: u8 = 1;
/// The version that added axes, configuration and updates.
const V2: u32 = 0x2_0000;

/// Handles a command.
pub fn handle(platform: &mut Platform, request: &Request<'_>) -> Outcome {
    let message = SensorMessage::from_id(request.header.message).ok_or(StatusCode::NotSupported)?;
    let sensors = &platform.model.machine.sensors;
    match message {
        SensorMessage::Attributes => {
            request.parse::<()>()?;
            Reply::with(&ProtocolInfo {
                attributes: ProtocolFlags::default()
                    .with_sensors(sensors.len() as u16)
                    .with_pending(4),
                values_address: 0,
                values_len: 0,
            })
        }
        SensorMessage::DescriptionGet => {
            let DescriptionGet { skip } = request.parse()?;
            let p2a = platform.model.machine.platform.p2a;
            let entries: Vec<_> = sensors
                .iter()
                .enumerate()
                .map(|(id, sensor)| describe(id, sensor, p2a))
                .collect();
            page(request.room, &entries, skip, |returned, remaining| {
                SensorsHead {
                    count: ListCount::new(returned, remaining),
                }
            })
        }
        SensorMessage::TripPointNotify => {
            let TripPointNotify { sensor, enable } = request.parse()?;
            if sensors[index(sensors, sensor)?].trip_points == 0 {
                return Err(StatusCode::NotSupported);
            }
            platform.subscribe(Protocol::Sensor, TRIP_POINT, sensor, enable.enabled())
        }
        SensorMessage::TripPointConfig => trip_point_config(platform, request),
        SensorMessage::ReadingGet => {
            let ReadingGet { sensor, flags } = request.parse()?;
            let sensor = index(sensors, sensor)?;
            if flags.asynchronous() {
                platform.check_asynchronous(sensors[sensor].asynchronous)?;
                return Reply::later(Action::ReadSensor { sensor });
            }
            if !platform.model.sensors[sensor].enabled {
                return Err(StatusCode::Denied);
            }
            if platform.version(Protocol::Sensor) < V2 {
                return Reply::with(&ReadingV1 {
                    value: first(platform, sensor),
                });
            }
            page(request.room, &readings(platform, sensor), 0, |_, _| {
                ReadingsHead {}
            })
        }
        SensorMessage::AxisDescriptionGet => {
            let AxisDescriptionGet { sensor, skip } = request.parse()?;
            let sensor = &sensors[index(sensors, sensor)?];
            check_axes(sensor)?;
            let entries: Vec<_> = sensor
                .axes
                .iter()
                .enumerate()
                .map(|(id, name)| describe_axis(id, name, sensor))
                .collect();
            page(request.room, &entries, skip, axes_head)
        }
        SensorMessage::ListUpdateIntervals => {
            let ListUpdateIntervals { sensor, skip } = request.parse()?;
            let entries: Vec<_> = sensors[index(sensors, sensor)?]
                .intervals_ms
                .iter()
                .map(|&milliseconds| Interval {
                    interval: interval(milliseconds),
                })
                .collect();
            if entries.is_empty() {
                return Err(StatusCode::NotSupported);
            }
            page(request.room, &entries, skip, |returned, remaining| {
                IntervalsHead {
                    count: ListCount::new(returned, remaining),
                }
            })
        }
        SensorMessage::ConfigGet => {
            let ConfigGet { sensor } = request.parse()?;
            let state = &platform.model.sensors[index(sensors, sensor)?];
            Reply::with(&ConfigGetReply {
                config: SensorConfig::default()
                    .with_enabled(state.enabled)
                    .with_timestamps(state.timestamped),
            })
        }
        SensorMessage::ConfigSet => {
            let ConfigSet { sensor, config } = request.parse()?;
            let sensor = index(sensors, sensor)?;
            let state = &mut platform.model.sensors[sensor];
            state.enabled = config.is_enabled();
            state.timestamped = config.has_timestamps();
            if config.interval() != 0
                && let Some(every) = milliseconds(config)
                && state.report_every_ms.is_some()
            {
                state.report_every_ms = Some(every);
            }
            Reply::done()
        }
        SensorMessage::ContinuousUpdateNotify => {
            let ContinuousUpdateNotify { sensor, enable } = request.parse()?;
            let position = index(sensors, sensor)?;
            // Without intervals a sensor cannot report by itself.
            let every = *sensors[position]
                .intervals_ms
                .last()
                .ok_or(StatusCode::NotSupported)?;
            let reply = platform.subscribe(Protocol::Sensor, UPDATE, sensor, enable.enabled())?;
            platform.model.sensors[position].report_every_ms =
                enable.enabled().then_some(every.max(1).into());
            Ok(reply)
        }
        SensorMessage::NameGet => {
            let NameGet { sensor } = request.parse()?;
            long_name(&sensors[index(sensors, sensor)?].name)
        }
        SensorMessage::AxisNameGet => {
            let AxisNameGet { sensor, skip } = request.parse()?;
            let sensor = &sensors[index(sensors, sensor)?];
            check_axes(sensor)?;
            let entries: Vec<_> = sensor
                .axes
                .iter()
                .enumerate()
                .map(|(axis, name)| AxisName {
                    axis: axis as u32,
                    name: scmi::common::ExtendedName::new(name),
                })
                .collect();
            page(request.room, &entries, skip, axes_head)
        }
        _ => Err(StatusCode::NotSupported),
    }
}

fn trip_point_config(platform: &mut Platform, request: &Request<'_>) -> Outcome {
    let TripPointConfig {
        sensor,
        control,
        value,
    } = request.parse()?;
    let sensor = index(&platform.model.machine.sensors, sensor)?;
    let trip = platform.model.sensors[sensor]
        .trips
        .get_mut(usize::from(control.trip_point()))
        .ok_or(StatusCode::OutOfRange)?;
    let direction = match (control.rising(), control.falling()) {
        (false, false) => TripDirection::Off,
        (true, false) => TripDirection::Rising,
        (false, true) => TripDirection::Falling,
        (true, true) => TripDirection::Both,
    };
    *trip = Trip { value, direction };
    Reply::done()
}

fn check_axes(sensor: &Sensor) -> Result<(), StatusCode> {
    if sensor.axes.is_empty() {
        Err(StatusCode::NotSupported)
    } else {
        Ok(())
    }
}

fn axes_head(returned: usize, remaining: usize) -> AxesHead {
    AxesHead {
        count: AxisCount::default()
            .with_returned(returned as u8)
            .with_remaining(remaining as u8),
    }
}

fn unit(kind: Kind) -> SensorUnit {
    match kind {
        Kind::Temperature => SensorUnit::CELSIUS,
        Kind::Voltage => SensorUnit::VOLTS,
        Kind::Current => SensorUnit::AMPERES,
        Kind::Power => SensorUnit::WATTS,
        Kind::Energy => SensorUnit::JOULES,
        Kind::FanSpeed => SensorUnit::RPM,
        Kind::Humidity => SensorUnit::PERCENT,
        Kind::Acceleration => SensorUnit::METRES_PER_SECOND_SQUARED,
        Kind::AngularVelocity => {
            SensorUnit::from_symbol("rad/s").unwrap_or(SensorUnit::UNSPECIFIED)
        }
        Kind::Plain => SensorUnit::NONE,
    }
}

fn describe(id: usize, sensor: &Sensor, p2a: bool) -> SensorDescriptor {
    let axes = sensor.axes.len() as u8;
    SensorDescriptor {
        base: SensorBase {
            sensor: id as u32,
            attributes: SensorFlags::default()
                .with_reads_asynchronously(p2a && sensor.asynchronous)
                .with_notifies_updates(p2a && !sensor.intervals_ms.is_empty())
                .with_extended_name(is_long(&sensor.name))
                .with_trip_points(sensor.trip_points),
            scale: SensorScale::new(unit(sensor.kind), sensor.scale)
                .with_axes(axes > 0)
                .with_axis_count(axes),
            name: short(&sensor.name),
        },
        power: None,
        range: None,
    }
}

fn describe_axis(id: usize, name: &str, sensor: &Sensor) -> AxisDescriptor {
    AxisDescriptor {
        base: AxisBase {
            axis: id as u32,
            attributes: AxisFlags::default(),
            scale: SensorScale::new(unit(sensor.kind), sensor.scale),
            name: short(name),
        },
        range: None,
    }
}

/// An update interval as the message has it: a number and a power of ten of seconds.
fn interval(milliseconds: u32) -> IntervalWord {
    let (mut number, mut exponent) = (milliseconds, -3i8);
    while number > u32::from(u16::MAX) {
        number /= 10;
        exponent += 1;
    }
    IntervalWord::default()
        .with_seconds(number as u16)
        .with_exponent_bits(exponent as u8)
}

/// The update interval that a configuration asks for, in milliseconds.
fn milliseconds(config: SensorConfig) -> Option<u64> {
    let exponent = i32::from(scmi::sensor::unit::sign_extend(
        config.interval_exponent_bits(),
    )) + 3;
    let number = u64::from(config.interval());
    let power = 10u64.checked_pow(exponent.unsigned_abs())?;
    let milliseconds = if exponent >= 0 {
        number.checked_mul(power)?
    } else {
        number / power
    };
    Some(milliseconds.max(1))
}

fn first(platform: &Platform, sensor: usize) -> i64 {
    platform.model.reading(sensor).first().copied().unwrap_or(0)
}

fn readings(platform: &Platform, sensor: usize) -> Vec<Reading> {
    let stamped = platform.model.sensors[sensor].timestamped;
    let timestamp = if stamped { platform.model.now_ms } else { 0 };
    platform
        .model
        .reading(sensor)
        .into_iter()
        .map(|value| Reading { value, timestamp })
        .collect()
}

/// A head and the readings of all axes, as bytes.
fn with_readings<H: PageHead>(platform: &Platform, sensor: usize, head: H) -> Bytes {
    let mut bytes = vec![0; scmi::limits::MAX_PAYLOAD];
    let length = PageWriter::<H, Reading>::new(&mut bytes)
        .and_then(|mut writer| {
            for reading in readings(platform, sensor) {
                // A machine has no sensor with more axes than fit: its file was checked.
                let _ = writer.push(&reading);
            }
            writer.finish(|_| head)
        })
        .unwrap_or(0);
    bytes.truncate(length);
    Bytes(bytes)
}

/// Ends an asynchronous SENSOR_READING_GET.
pub fn finish(platform: &mut Platform, sensor: usize) -> Outcome {
    if !platform.model.sensors[sensor].enabled {
        return Err(StatusCode::Denied);
    }
    let id = sensor as u32;
    if platform.version(Protocol::Sensor) < V2 {
        return Reply::with(&ReadingCompleteV1 {
            sensor: id,
            value: first(platform, sensor),
        });
    }
    let Bytes(values) = with_readings(platform, sensor, ReadingCompleteHead { sensor: id });
    Ok(Reply {
        values,
        later: None,
    })
}

/// Tells that a trip point was crossed.
pub fn tell_trip(platform: &mut Platform, sensor: usize, point: u8, rising: bool) {
    let sensor = sensor as u32;
    let passed = TripPointPassed::default()
        .with_trip_point(point)
        .with_rising(rising);
    platform.notify(
        Protocol::Sensor,
        TRIP_POINT,
        sensor,
        &TripPointEvent {
            agent: platform.cause(),
            sensor,
            passed,
        },
    );
}

/// Tells the reading of a sensor that reports by itself.
pub fn tell_update(platform: &mut Platform, sensor: usize) {
    let id = sensor as u32;
    let payload = with_readings(
        platform,
        sensor,
        Update {
            agent: platform.cause(),
            sensor: id,
        },
    );
    platform.notify(Protocol::Sensor, UPDATE, id, &payload);
}
