// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Sensors.

use drv_scmi_api::{Choices, Error, Link, Perf, Power, Scmi, Sensors};
use scmi::Status;
use scmi::power::PowerState;
use scmi::sensor::unit::SensorUnit;

use crate::common;
use crate::run::Run;

const WARMTH: u32 = 0;
const MOTION: u32 = 1;
const LONG: u32 = 2;
const TAKE: u32 = 3;
const GPU: u32 = 1;
const NOBODY: u32 = 99;

pub fn cases(run: &mut Run, scmi: &Scmi) {
    common!(run, scmi, Sensors, "sensor", 196609);
    run.case("sensor: descriptions and names over pages", |run| {
        let sensors = Sensors::connect(scmi)?;
        run.same(sensors.count()?, 5)?;
        let all = sensors.sensors();
        run.list(all, |sensor| sensor.base.sensor, 0..5)?;
        let warmth = sensors.sensor(WARMTH)?.base;
        run.text(warmth.name, "warmth")?;
        run.same(warmth.scale.unit(), SensorUnit::CELSIUS)?;
        run.same(warmth.attributes.trip_points(), 2)?;
        run.text(sensors.name(LONG)?, "a-sensor-with-a-long-name")?;
        for (axis, name) in [(0, "x"), (1, "y"), (2, "z")] {
            match (
                sensors.axes(MOTION).nth(axis),
                sensors.axis_names(MOTION).nth(axis),
            ) {
                (Some(short), Some(long)) => {
                    run.text(short?.base.name, name)?;
                    run.text(long?.name, name)?;
                }
                _ => run.wrong(format_args!("there is no axis {axis}"))?,
            }
        }
        run.refused(sensors.sensor(NOBODY), Status::NOT_FOUND)
    });
    run.case("sensor: several asked for together, by two slots", |run| {
        let sensors = Sensors::over(Link::new(scmi).with_slots(2))?;
        run.tell(r#"{"cmd":"set","what":"sensor","name":"motion","axis":2,"value":-77}"#)?;
        run.tell(r#"{"cmd":"set","what":"temperature","name":"die","value":31000}"#)?;
        // More than go together.
        let asked = [WARMTH, MOTION, NOBODY, WARMTH, MOTION, WARMTH];
        let (mut told, mut right) = (0, 0);
        sensors.read_all(&asked, |place, readings| {
            let shown = readings
                .as_ref()
                .map(|readings| readings.last().map(|last| last.value));
            right += u32::from(
                match asked.get(place) {
                    // It cools down from there, and how far depends on the time that passes.
                    Some(&WARMTH) => matches!(shown, Ok(Some(25_000..=31_000))),
                    Some(&MOTION) => {
                        shown == Ok(Some(-77)) && readings.is_ok_and(|readings| readings.len() == 3)
                    }
                    _ => shown == Err(&Error::Refused(Status::NOT_FOUND)),
                } && place == told,
            );
            told += 1;
        })?;
        run.same((told, right), (6, 6))
    });
    run.case("sensor: readings, now and later", |run| {
        let sensors = Sensors::connect(scmi)?;
        run.tell(r#"{"cmd":"set","what":"sensor","name":"motion","axis":2,"value":-1234}"#)?;
        let motion = sensors.read(MOTION)?;
        run.list(
            motion.iter().map(Ok),
            |axis| axis.value,
            [12, -40, -1234].into_iter(),
        )?;
        run.see("/sensor/motion", "[12,-40,-1234]")?;
        run.tell(r#"{"cmd":"set","what":"temperature","name":"die","value":25000}"#)?;
        run.same(sensors.read(WARMTH)?.value(), 25_000)?;
        run.same(sensors.read_delayed(WARMTH)?.value(), 25_000)?;
        run.see("/sensor/warmth", "[25000]")?;
        run.refused(sensors.read_delayed(MOTION), Status::NOT_SUPPORTED)
    });
    run.case("sensor: configuration and intervals", |run| {
        let sensors = Sensors::connect(scmi)?;
        run.same(sensors.config(LONG)?.is_enabled(), true)?;
        sensors.enable(LONG, false)?;
        run.see("/measures/a-sensor-with-a-long-name", "false")?;
        run.same(sensors.config(LONG)?.is_enabled(), false)?;
        run.refused(sensors.read(LONG), Status::DENIED)?;
        sensors.enable(LONG, true)?;
        run.see("/measures/a-sensor-with-a-long-name", "true")?;
        run.same(sensors.read(LONG)?.value(), 5)?;
        match sensors.update_intervals(WARMTH)? {
            Choices::List(list) => run.list(
                list,
                |entry| (entry.interval.seconds(), entry.interval.exponent()),
                [(10, -3), (100, -3), (1000, -3)].into_iter(),
            ),
            Choices::Range(_) => run.wrong(format_args!("the list is a range")),
        }
    });
    run.case("sensor: trip points, set from outside", |run| {
        let sensors = Sensors::connect(scmi)?;
        sensors.set_trip_point(LONG, 0, 10, true, true)?;
        run.see("/trips/a-sensor-with-a-long-name", r#"[[10,"both"]]"#)?;
        sensors.notify_trip_points(LONG, true)?;
        run.tell(r#"{"cmd":"set","what":"sensor","name":"a-sensor-with-a-long-name","value":12}"#)?;
        run.event("sensor 2 rose through trip point 0")?;
        run.same(sensors.read(LONG)?.value(), 12)?;
        run.tell(r#"{"cmd":"set","what":"sensor","name":"a-sensor-with-a-long-name","value":3}"#)?;
        run.event("sensor 2 fell through trip point 0")?;
        sensors.notify_trip_points(LONG, false)?;
        run.refused(
            sensors.set_trip_point(LONG, 1, 10, true, true),
            Status::OUT_OF_RANGE,
        )
    });
    run.case("sensor: trip points, by physics", |run| {
        let sensors = Sensors::connect(scmi)?;
        sensors.set_trip_point(WARMTH, 1, 40_000, true, true)?;
        run.see("/trips/warmth", r#"[[0,"off"],[40000,"both"]]"#)?;
        sensors.notify_trip_points(WARMTH, true)?;
        Perf::connect(scmi)?.set_level(GPU, 3)?;
        let power = Power::connect(scmi)?;
        power.set_state(GPU, PowerState::ON)?;
        run.event("sensor 0 rose through trip point 1")?;
        run.same(sensors.read(TAKE)?.value(), 2000)?;
        run.same(sensors.read(WARMTH)?.value() >= 40_000, true)?;
        power.set_state(GPU, PowerState::OFF)?;
        run.event("sensor 0 fell through trip point 1")?;
        sensors.notify_trip_points(WARMTH, false)?;
        Ok(())
    });
    run.case("sensor: updates", |run| {
        let sensors = Sensors::connect(scmi)?;
        sensors.notify_updates(MOTION, true)?;
        run.event("sensor 1 reads 12, -40, -1234")?;
        run.tell(r#"{"cmd":"set","what":"sensor","name":"motion","axis":0,"value":13}"#)?;
        run.event_among("sensor 1 reads 13, -40, -1234")?;
        sensors.notify_updates(MOTION, false)?;
        run.drain()
    });
}
