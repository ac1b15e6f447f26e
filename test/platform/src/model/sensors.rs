// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Sensors that watch: trip points, and readings that report themselves.

use super::{Change, Model};
use crate::machine::{Feed, Sensor};

/// Which crossing of a trip point is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TripDirection {
    /// None: the trip point is off.
    #[default]
    Off,
    /// From below.
    Rising,
    /// From above.
    Falling,
    /// Both.
    Both,
}

/// A trip point.
#[derive(Debug, Clone, Copy, Default)]
pub struct Trip {
    /// The reading at which it trips.
    pub value: i64,
    /// Which crossing is told.
    pub direction: TripDirection,
}

/// A sensor while it runs.
#[derive(Debug, Clone)]
pub struct SensorState {
    /// Readings of a sensor that nothing feeds, one an axis.
    pub fixed: Vec<i64>,
    /// Whether it measures.
    pub enabled: bool,
    /// Whether readings carry a time stamp.
    pub timestamped: bool,
    /// Its trip points.
    pub trips: Vec<Trip>,
    /// It reports every reading by itself, this many milliseconds apart.
    pub report_every_ms: Option<u64>,
    last_report_ms: u64,
    last_reading: Option<i64>,
}

impl SensorState {
    pub(super) fn new(sensor: &Sensor) -> Self {
        Self {
            fixed: match &sensor.feed {
                Feed::Fixed(values) => values.clone(),
                _ => Vec::new(),
            },
            enabled: sensor.enabled,
            timestamped: false,
            trips: vec![Trip::default(); usize::from(sensor.trip_points)],
            report_every_ms: None,
            last_report_ms: 0,
            last_reading: None,
        }
    }
}

impl Model {
    /// Sets a reading of a sensor that nothing feeds; `false` when something does, or there is no such axis.
    pub fn set_reading(&mut self, sensor: usize, axis: usize, value: i64) -> bool {
        // A sensor that was switched on since the last look has its reading from before as well: a trip point between that and this one
        // is crossed.
        self.watch_sensors();
        match self.sensors[sensor].fixed.get_mut(axis) {
            Some(reading) => {
                *reading = value;
                self.watch_sensors();
                true
            }
            None => false,
        }
    }

    /// Compares readings with the last look: crossings of trip points, and reports that are due.
    pub(super) fn watch_sensors(&mut self) {
        for sensor in 0..self.sensors.len() {
            if !self.sensors[sensor].enabled {
                self.sensors[sensor].last_reading = None;
                continue;
            }
            self.watch_trips(sensor);
            let now_ms = self.now_ms;
            let state = &mut self.sensors[sensor];
            if state
                .report_every_ms
                .is_some_and(|every| now_ms >= state.last_report_ms.saturating_add(every))
            {
                state.last_report_ms = now_ms;
                self.changed(Change::Update { sensor });
            }
        }
    }

    fn watch_trips(&mut self, sensor: usize) {
        // Trip points are for scalar sensors; on several axes the first one trips.
        let Some(&now) = self.reading(sensor).first() else {
            return;
        };
        let Some(before) = self.sensors[sensor].last_reading.replace(now) else {
            return;
        };
        for (point, trip) in self.sensors[sensor].trips.clone().into_iter().enumerate() {
            let rising = before < trip.value && now >= trip.value;
            let falling = before >= trip.value && now < trip.value;
            let told = match trip.direction {
                TripDirection::Off => false,
                TripDirection::Rising => rising,
                TripDirection::Falling => falling,
                TripDirection::Both => rising || falling,
            };
            if told {
                self.changed(Change::Trip {
                    sensor,
                    point: point as u8,
                    rising,
                });
            }
        }
    }
}
