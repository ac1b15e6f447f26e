// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The sensor protocol, 0x15 (DEN0056, "Sensor management protocol").
//!
//! Version 1 (SCMI 2.0) reads one value of eight bytes: ask with [`ReadingGetV1`]. From version 2 (SCMI 3.0) a reading is
//! sixteen bytes per axis with a time stamp: ask with [`ReadingGet`]. On the wire the two requests are the same.
//!
//! What a sensor is like stands in [`descriptor`], what its numbers mean in [`mod@unit`].

use core::fmt;

use crate::common::NotifyEnable;
pub use crate::facts::sensor::{Attributes, MessageAttributes, NegotiateVersion, Version};
use crate::wire::{Command, Delayable, Message as _, Page, PageHead, bits, message};

mod config;
pub mod descriptor;
pub mod unit;

pub use config::*;

bits! {
    /// The first word of PROTOCOL_ATTRIBUTES.
    pub struct ProtocolFlags {
        fields {
            /// How many sensors there are.
            sensors, with_sensors: u16 = [15:0];
            /// How many asynchronous readings can be under way at once.
            pending, with_pending: u8 = [23:16];
        }
    }
}

message! {
    /// Reply to PROTOCOL_ATTRIBUTES.
    pub struct ProtocolInfo {
        /// Counts.
        attributes: ProtocolFlags,
        /// Where the region with sensor values is, 0 when there is none.
        values_address: u64,
        /// How long it is, in bytes.
        values_len: u32,
    }
}

message! {
    /// SENSOR_DESCRIPTION_GET.
    pub struct DescriptionGet {
        /// How many sensors to skip.
        skip: u32,
    }
}

message! {
    /// SENSOR_TRIP_POINT_NOTIFY: switches [`TripPointEvent`] on and off, for all trip points of the sensor.
    pub struct TripPointNotify {
        /// Which sensor.
        sensor: u32,
        /// Whether they are wanted.
        enable: NotifyEnable,
    }
}

bits! {
    /// Which trip point, and when it is to tell.
    pub struct TripPointFlags {
        flags {
            /// Tell when the value rises through it.
            rising, with_rising: 0;
            /// Tell when the value falls through it.
            falling, with_falling: 1;
        }
        fields {
            /// Which trip point of the sensor.
            trip_point, with_trip_point: u8 = [11:4];
        }
    }
}

message! {
    /// SENSOR_TRIP_POINT_CONFIG.
    pub struct TripPointConfig {
        /// Which sensor.
        sensor: u32,
        /// Which trip point, and when it is to tell; neither way switches it off.
        control: TripPointFlags,
        /// Where it is, in the sensor's unit and scale.
        value: i64,
    }
}

bits! {
    /// How to read.
    pub struct ReadFlags {
        flags {
            /// Reply at once; a delayed response brings the value.
            asynchronous, with_asynchronous: 0;
        }
    }
}

message! {
    /// SENSOR_READING_GET from version 2.
    pub struct ReadingGet {
        /// Which sensor.
        sensor: u32,
        /// How.
        flags: ReadFlags,
    }
}

message! {
    /// SENSOR_READING_GET in version 1.
    pub struct ReadingGetV1 {
        /// Which sensor.
        sensor: u32,
        /// How.
        flags: ReadFlags,
    }
}

message! {
    /// What an axis shows.
    pub struct Reading {
        /// The value, in the axis' unit and scale.
        value: i64,
        /// When it was taken, in the sensor's time scale; 0 from a sensor without a clock.
        timestamp: u64,
    }
}

message! {
    /// Reply to SENSOR_READING_GET in version 1.
    pub struct ReadingV1 {
        /// The value, in the sensor's unit and scale.
        value: i64,
    }
}

message! {
    /// The reply to SENSOR_READING_GET has nothing before its readings, and no count: there is one for each axis.
    pub struct ReadingsHead {}
}

impl PageHead for ReadingsHead {
    fn returned(&self) -> usize {
        0
    }
    fn remaining(&self) -> usize {
        0
    }
    fn entries(&self, room: usize) -> usize {
        room / Reading::MIN_LEN
    }
}

/// Reply to SENSOR_READING_GET from version 2: one reading for each axis.
pub type Readings<'a> = Page<'a, ReadingsHead, Reading>;

message! {
    /// What stands before the readings of a delayed response.
    pub struct ReadingCompleteHead {
        /// Which sensor.
        sensor: u32,
    }
}

impl PageHead for ReadingCompleteHead {
    fn returned(&self) -> usize {
        0
    }
    fn remaining(&self) -> usize {
        0
    }
    fn entries(&self, room: usize) -> usize {
        room / Reading::MIN_LEN
    }
}

/// Delayed response to SENSOR_READING_GET from version 2: one reading for each axis.
pub type ReadingComplete<'a> = Page<'a, ReadingCompleteHead, Reading>;

message! {
    /// Delayed response to SENSOR_READING_GET in version 1.
    pub struct ReadingCompleteV1 {
        /// Which sensor.
        sensor: u32,
        /// The value, in the sensor's unit and scale.
        value: i64,
    }
}

message! {
    /// SENSOR_AXIS_DESCRIPTION_GET.
    pub struct AxisDescriptionGet {
        /// Which sensor.
        sensor: u32,
        /// How many axes to skip.
        skip: u32,
    }
}

message! {
    /// SENSOR_CONTINUOUS_UPDATE_NOTIFY: switches [`Update`] on and off.
    pub struct ContinuousUpdateNotify {
        /// Which sensor.
        sensor: u32,
        /// Whether they are wanted.
        enable: NotifyEnable,
    }
}

message! {
    /// SENSOR_NAME_GET.
    pub struct NameGet {
        /// Which sensor.
        sensor: u32,
    }
}

message! {
    /// SENSOR_AXIS_NAME_GET.
    pub struct AxisNameGet {
        /// Which sensor.
        sensor: u32,
        /// How many axes to skip.
        skip: u32,
    }
}

impl Command for ReadingGetV1 {
    const PROTOCOL: crate::Protocol = crate::Protocol::Sensor;
    const MESSAGE: u8 = crate::protocol::SensorMessage::ReadingGet as u8;
    type Reply<'a> = ReadingV1;
}

impl Delayable for ReadingGetV1 {
    type Delayed<'a> = ReadingCompleteV1;
}

bits! {
    /// Which trip point was passed, and how.
    pub struct TripPointPassed {
        flags {
            /// The value rose through it; without it, it fell.
            rising, with_rising: 16;
        }
        fields {
            /// Which trip point of the sensor.
            trip_point, with_trip_point: u8 = [7:0];
        }
    }
}

message! {
    /// SENSOR_TRIP_POINT_EVENT.
    pub struct TripPointEvent {
        /// Who caused it; 0 is the platform.
        agent: u32,
        /// Which sensor.
        sensor: u32,
        /// Which trip point, and how.
        passed: TripPointPassed,
    }
}

message! {
    /// SENSOR_UPDATE without its readings.
    pub struct Update {
        /// Who asked for it.
        agent: u32,
        /// Which sensor.
        sensor: u32,
    }
}

impl PageHead for Update {
    fn returned(&self) -> usize {
        0
    }
    fn remaining(&self) -> usize {
        0
    }
    fn entries(&self, room: usize) -> usize {
        room / Reading::MIN_LEN
    }
}

impl fmt::Display for TripPointEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = if self.passed.rising() { "rose" } else { "fell" };
        write!(
            f,
            "sensor {} {way} through trip point {}",
            self.sensor,
            self.passed.trip_point()
        )
    }
}

impl fmt::Display for Page<'_, Update, Reading> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sensor {} reads", self.head.sensor)?;
        let mut separator = " ";
        for reading in self {
            write!(f, "{separator}{}", reading.value)?;
            separator = ", ";
        }
        Ok(())
    }
}
