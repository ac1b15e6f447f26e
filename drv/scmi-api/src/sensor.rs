// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Sensors.

use core::fmt;
use core::ops::Deref;

use scmi::common::{ExtendedName, NameReply};
use scmi::sensor::descriptor::SensorDescriptor;
use scmi::sensor::{
    AxisDescriptionGet, AxisNameGet, ConfigGet, ConfigSet, DescriptionGet, Intervals,
    ListUpdateIntervals, NameGet, ReadFlags, Reading, ReadingGet, ReadingGetV1, SensorConfig,
    TripPointConfig, TripPointFlags,
};
use scmi::sensor::{IntervalWord, ReadingCompleteV1, ReadingV1};
use scmi::wire::Parse;

use crate::incoming::subscriptions;
use crate::link::{Repeat, protocol, same};
use crate::paged::Choices;
use crate::{Error, Exchange, PAYLOAD_MAX, Paged};

protocol! {
    /// Reads what the machine measures.
    ///
    /// ```
    /// # use drv_scmi_api::{Error, Scmi, Sensors};
    /// # const GPU_TEMPERATURE: u32 = 1;
    /// # fn show(_: impl core::fmt::Display) {}
    /// # fn example(scmi: Scmi) -> Result<(), Error> {
    /// let sensors = Sensors::connect(&scmi)?;
    /// let descriptor = sensors.sensor(GPU_TEMPERATURE)?;
    /// let reading = sensors.read(GPU_TEMPERATURE)?;
    /// show(descriptor.base.scale.quantity(reading[0].value)); // 41.250 °C
    /// # Ok(())
    /// # }
    /// ```
    pub struct Sensors: Sensor, sensor;
}

/// From this version readings are per axis and carry the time.
const READINGS_V2: u16 = 2;

impl<'e, E: Exchange + ?Sized> Sensors<'e, E> {
    /// How many sensors there are.
    pub fn count(&self) -> Result<u32, Error> {
        Ok(self.attributes()?.attributes.sensors().into())
    }

    /// All sensors, with what they measure.
    pub fn sensors(&self) -> Paged<'e, DescriptionGet, E> {
        Paged::new(self.link, DescriptionGet { skip: 0 })
    }

    /// One sensor, by its number.
    ///
    /// Sensors are listed in the order of their numbers on most platforms, so the list is read from there first, and from its
    /// beginning only if the sensor is not there.
    pub fn sensor(&self, sensor: u32) -> Result<SensorDescriptor, Error> {
        if let Some(Ok(found)) = Paged::new(self.link, DescriptionGet { skip: 0 })
            .starting_at(sensor)
            .next()
            && found.base.sensor == sensor
        {
            return Ok(found);
        }
        for entry in self.sensors() {
            let entry = entry?;
            if entry.base.sensor == sensor {
                return Ok(entry);
            }
        }
        Err(Error::Refused(scmi::Status::NOT_FOUND))
    }

    /// The longer name of a sensor that has one; see `has_extended_name` of its attributes.
    pub fn name(&self, sensor: u32) -> Result<ExtendedName, Error> {
        let reply: NameReply = self.link.get(&NameGet { sensor })?;
        Ok(reply.name)
    }

    /// The axes of a sensor.
    pub fn axes(&self, sensor: u32) -> Paged<'e, AxisDescriptionGet, E> {
        Paged::new(self.link, AxisDescriptionGet { sensor, skip: 0 })
    }

    /// The longer names of the axes of a sensor.
    pub fn axis_names(&self, sensor: u32) -> Paged<'e, AxisNameGet, E> {
        Paged::new(self.link, AxisNameGet { sensor, skip: 0 })
    }

    /// What a sensor shows: one reading for each axis, one for a scalar sensor.
    pub fn read(&self, sensor: u32) -> Result<AxisReadings, Error> {
        let flags = ReadFlags::default();
        if self.version.major() < READINGS_V2 {
            let ReadingV1 { value } = self.link.get(&ReadingGetV1 { sensor, flags })?;
            return Ok(AxisReadings::scalar(value));
        }
        let mut buffer = [0; PAYLOAD_MAX];
        let readings =
            self.link
                .ask(&ReadingGet { sensor, flags }, Repeat::Harmless, &mut buffer)?;
        AxisReadings::collect(readings.iter())
    }

    /// What several sensors show, asked for together: so it may take no longer than one. `each` is told of every one, by its place in
    /// `sensors`.
    ///
    /// # Errors
    ///
    /// Nothing could be asked.
    pub fn read_all(
        &self,
        sensors: &[u32],
        mut each: impl FnMut(usize, Result<AxisReadings, Error>),
    ) -> Result<(), Error> {
        let flags = ReadFlags::default();
        let sensors = sensors.iter().copied();
        if self.version.major() < READINGS_V2 {
            let questions = sensors.map(|sensor| ReadingGetV1 { sensor, flags });
            return self
                .link
                .ask_each::<READ_AT_ONCE, _>(questions, |place, reply| {
                    each(place, reply.map(|reply| AxisReadings::scalar(reply.value)));
                });
        }
        let questions = sensors.map(|sensor| ReadingGet { sensor, flags });
        self.link
            .ask_each::<READ_AT_ONCE, _>(questions, |place, reply| {
                each(
                    place,
                    reply.and_then(|readings| AxisReadings::collect(readings.iter())),
                );
            })
    }

    /// What a sensor shows, read asynchronously: waits for the delayed response.
    pub fn read_delayed(&self, sensor: u32) -> Result<AxisReadings, Error> {
        let flags = ReadFlags::default().with_asynchronous(true);
        if self.version.major() < READINGS_V2 {
            let done: ReadingCompleteV1 = self.link.get_delayed(&ReadingGetV1 { sensor, flags })?;
            same(sensor, done.sensor)?;
            return Ok(AxisReadings::scalar(done.value));
        }
        let mut buffer = [0; PAYLOAD_MAX];
        let done = self
            .link
            .ask_delayed(&ReadingGet { sensor, flags }, &mut buffer)?;
        same(sensor, done.head.sensor)?;
        AxisReadings::collect(done.iter())
    }

    /// How a sensor works.
    pub fn config(&self, sensor: u32) -> Result<SensorConfig, Error> {
        Ok(self.link.get(&ConfigGet { sensor })?.config)
    }

    /// Sets how a sensor works.
    pub fn set_config(&self, sensor: u32, config: SensorConfig) -> Result<(), Error> {
        self.link.get(&ConfigSet { sensor, config })
    }

    /// Switches a sensor on or off, and leaves the rest of its configuration as it is.
    pub fn enable(&self, sensor: u32, enabled: bool) -> Result<(), Error> {
        let config = self.config(sensor)?;
        self.set_config(sensor, config.with_enabled(enabled))
    }

    /// Puts a trip point where the value has to rise or fall through to be told; see [`Sensors::notify_trip_points`].
    /// `value` is in the unit and scale of the sensor. Neither rising nor falling switches it off.
    pub fn set_trip_point(
        &self,
        sensor: u32,
        trip_point: u8,
        value: i64,
        rising: bool,
        falling: bool,
    ) -> Result<(), Error> {
        let control = TripPointFlags::default()
            .with_trip_point(trip_point)
            .with_rising(rising)
            .with_falling(falling);
        self.link.get(&TripPointConfig {
            sensor,
            control,
            value,
        })
    }

    /// The update intervals that a sensor can have.
    pub fn update_intervals(
        &self,
        sensor: u32,
    ) -> Result<Choices<Paged<'e, ListUpdateIntervals, E>, IntervalWord>, Error> {
        let list = Paged::new(self.link, ListUpdateIntervals { sensor, skip: 0 }).started()?;
        Ok(match Intervals::parse(list.page())?.range() {
            Some(range) => Choices::Range(range),
            None => Choices::List(list),
        })
    }
}

subscriptions! {
    Sensors;
    /// Follows the trip points of a sensor.
    notify_trip_points: scmi::sensor::TripPointEvent;
    /// Follows the values of a sensor.
    notify_updates: scmi::sensor::Update;
}

/// How many sensors are read together: their answers are on the stack.
const READ_AT_ONCE: usize = 4;

/// The most readings that a message has room for.
const MOST_AXES: usize = PAYLOAD_MAX / 16;

/// What a sensor shows, axis by axis: a slice of [`Reading`] that is never empty.
#[derive(Copy, Clone, Eq, PartialEq)]
pub struct AxisReadings {
    readings: [Reading; MOST_AXES],
    len: usize,
}

impl AxisReadings {
    const EMPTY: Self = Self {
        readings: [Reading {
            value: 0,
            timestamp: 0,
        }; MOST_AXES],
        len: 0,
    };

    fn scalar(value: i64) -> Self {
        let mut one = Self {
            len: 1,
            ..Self::EMPTY
        };
        if let Some(first) = one.readings.first_mut() {
            first.value = value;
        }
        one
    }

    fn collect(readings: impl Iterator<Item = Reading>) -> Result<Self, Error> {
        let mut all = Self::EMPTY;
        for (to, from) in all.readings.iter_mut().zip(readings) {
            *to = from;
            all.len = all.len.saturating_add(1);
        }
        if all.len == 0 {
            return Err(Error::Inconsistent("a sensor has no reading"));
        }
        Ok(all)
    }

    /// The value of the first axis, or of a scalar sensor.
    pub fn value(&self) -> i64 {
        self.first().map_or(0, |reading| reading.value)
    }
}

impl Deref for AxisReadings {
    type Target = [Reading];
    fn deref(&self) -> &[Reading] {
        self.readings.get(..self.len).unwrap_or(&[])
    }
}

impl fmt::Debug for AxisReadings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.deref().fmt(f)
    }
}
