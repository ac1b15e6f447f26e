// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A zone: a sensor, and the trips that its reading can reach.

use drv_scmi_api::{Buffer, Error, Exchange, Link, PAYLOAD_MAX, Repeat, Sensors};
use scmi::Status;
use scmi::sensor::DescriptionGet;
use scmi::sensor::descriptor::SensorDescriptor;
use task_thermal_api::Cause;

/// From this version of the sensor protocol a sensor can be configured (SCMI 3.0).
const CONFIG_V2: u16 = 2;
/// The most sensors of a list that are looked at. A longer list would keep this task from its other sensors; a sensor that the
/// platform lists at the place of its number is found anyway.
const LISTED_MAX: usize = 256;

/// A zone, as `app.toml` describes it.
#[derive(Copy, Clone, Debug)]
pub struct Zone {
    /// Its name.
    pub name: &'static str,
    /// The number of its sensor.
    pub sensor: u32,
    /// What the platform must call the sensor, if that is to be checked.
    pub platform_name: Option<&'static str>,
    /// How far below a trip the reading must fall before that is left, in the unit of the sensor.
    pub hysteresis: i64,
    /// From the lowest to the highest.
    pub trips: &'static [Trip],
}

/// A reading from which on limits are lower.
#[derive(Copy, Clone, Debug)]
pub struct Trip {
    /// The reading, in the unit and scale of the sensor.
    pub at: i64,
    /// Limits, by number, and what they are to be.
    pub cuts: &'static [(u8, u32)],
}

/// The band of readings in which nothing changes.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct Band {
    /// At this reading or above, one more trip is in effect.
    pub(crate) up: Option<i64>,
    /// Below this reading, one less.
    pub(crate) down: Option<i64>,
}

impl Zone {
    /// How many trips are in effect at this reading, when `before` were.
    pub fn passed(&self, reading: i64, before: usize) -> usize {
        let reached = |trip: &Trip| reading >= trip.at;
        let kept = |trip: &Trip| reading >= trip.at.saturating_sub(self.hysteresis);
        self.trips
            .iter()
            .enumerate()
            .take_while(|(index, trip)| reached(trip) || (*index < before && kept(trip)))
            .count()
    }

    /// The band in which `passed` trips stay in effect.
    pub(crate) fn band(&self, passed: usize) -> Band {
        let last = passed.checked_sub(1).and_then(|last| self.trips.get(last));
        Band {
            up: self.trips.get(passed).map(|trip| trip.at),
            down: last.map(|trip| trip.at.saturating_sub(self.hysteresis)),
        }
    }

    /// What the trips in effect make of a limit.
    pub(crate) fn cut(&self, limit: u8, passed: usize) -> Option<u32> {
        let trips = self.trips.get(..passed).unwrap_or(self.trips);
        trips
            .iter()
            .flat_map(|trip| trip.cuts)
            .filter(|(number, _)| *number == limit)
            .map(|(_, value)| *value)
            .min()
    }

    /// Whether any of its trips cuts this limit.
    pub(crate) fn concerns(&self, limit: u8) -> bool {
        self.cut(limit, self.trips.len()).is_some()
    }

    /// Finds the sensor. Returns how many trip points it has.
    pub(crate) fn find<E: Exchange + ?Sized>(&self, link: Link<'_, E>) -> Result<u8, Cause> {
        let descriptor = describe(&Sensors::over(link)?, self.sensor)?;
        if let Some(wanted) = self.platform_name
            && !descriptor.base.name.is(wanted)
        {
            return Err(Cause::WrongName);
        }
        Ok(descriptor.base.attributes.trip_points())
    }

    /// Switches the sensor on. Configuration is optional for a platform: a sensor that cannot be configured is always on.
    pub(crate) fn switch_on<E: Exchange + ?Sized>(
        &self,
        link: Link<'_, E>,
    ) -> Result<(), SwitchOnError> {
        let sensors = Sensors::over(link).map_err(|error| SwitchOnError::Unknown(error.into()))?;
        if sensors.version().major() < CONFIG_V2 {
            return Ok(());
        }
        let config = match sensors.config(self.sensor) {
            Ok(config) if config.is_enabled() => return Ok(()),
            Ok(config) => config,
            Err(error) if error.is_missing_message() => return Ok(()),
            Err(error) => return Err(SwitchOnError::Unknown(error.into())),
        };
        match sensors.set_config(self.sensor, config.with_enabled(true)) {
            Ok(()) => Ok(()),
            Err(error) if error.is_missing_message() => Ok(()),
            Err(error) => Err(SwitchOnError::Off(error.into())),
        }
    }

    /// Asks the platform to notify this task of trip points.
    pub(crate) fn subscribe<E: Exchange + ?Sized>(&self, link: Link<'_, E>) -> Result<(), Cause> {
        Ok(Sensors::over(link)?.notify_trip_points(self.sensor, true)?)
    }

    /// What the sensor shows, alone. See [`read_all`].
    pub(crate) fn read<E: Exchange + ?Sized>(&self, link: Link<'_, E>) -> Result<i64, Cause> {
        Ok(Sensors::over(link)?.read(self.sensor)?.value())
    }

    /// Puts the sensor's trip points at the ends of the band. Returns whether the platform tells when it is left, either way.
    pub(crate) fn arm<E: Exchange + ?Sized>(
        &self,
        link: Link<'_, E>,
        points: u8,
        band: Band,
    ) -> Result<bool, Cause> {
        if points == 0 {
            return Ok(false);
        }
        let sensors = Sensors::over(link)?;
        let set = |point, at: Option<i64>, rising| match at {
            Some(at) => sensors.set_trip_point(self.sensor, point, at, rising, !rising),
            None => sensors.set_trip_point(self.sensor, point, 0, false, false),
        };
        let told = match (band.up, band.down) {
            // One point for two ends: the upper one is what matters.
            (Some(_), Some(_)) if points == 1 => set(0, band.up, true).map(|()| false),
            (None, down) if points == 1 => set(0, down, false).map(|()| true),
            (up, _) if points == 1 => set(0, up, true).map(|()| true),
            (up, down) => set(0, up, true)
                .and_then(|()| set(1, down, false))
                .map(|()| true),
        };
        Ok(told?)
    }
}

/// What the sensors of several zones show, asked for together.
pub(crate) fn read_all<E: Exchange + ?Sized>(
    link: Link<'_, E>,
    sensors: &[u32],
    mut each: impl FnMut(usize, Result<i64, Cause>),
) {
    let asked = Sensors::over(link).and_then(|handle| {
        handle.read_all(sensors, |place, readings| {
            each(
                place,
                readings
                    .map(|readings| readings.value())
                    .map_err(Cause::from),
            );
        })
    });
    if let Err(error) = asked {
        (0..sensors.len()).for_each(|place| each(place, Err(error.into())));
    }
}

/// Why a sensor was not switched on.
pub(crate) enum SwitchOnError {
    /// The platform does not say whether it is on. Its readings count.
    Unknown(Cause),
    /// It is off, by the platform's own word, and stays off. Its readings must not be trusted.
    Off(Cause),
}

/// Finds the descriptor of a sensor: at the place of its number, or else in the list from its beginning.
fn describe<E: Exchange + ?Sized>(
    sensors: &Sensors<'_, E>,
    sensor: u32,
) -> Result<SensorDescriptor, Error> {
    let mut buffer: Buffer = [0; PAYLOAD_MAX];
    let command = DescriptionGet { skip: sensor };
    match sensors.link().ask(&command, Repeat::Harmless, &mut buffer) {
        Ok(page) => {
            if let Some(found) = page.get(0).filter(|found| found.base.sensor == sensor) {
                return Ok(found);
            }
        }
        // Another question could be lost as well.
        Err(error @ Error::NoAnswer(_)) => return Err(error),
        Err(_) => {}
    }
    for found in sensors.sensors().take(LISTED_MAX) {
        let found = found?;
        if found.base.sensor == sensor {
            return Ok(found);
        }
    }
    Err(Error::Refused(Status::NOT_FOUND))
}
