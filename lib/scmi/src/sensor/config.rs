// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! How sensors work: whether and how often they measure.

use super::unit;
use crate::common::{ListCount, Range};
use crate::wire::{Message as _, Page, PageHead, bits, message};

message! {
    /// SENSOR_LIST_UPDATE_INTERVALS.
    pub struct ListUpdateIntervals {
        /// Which sensor.
        sensor: u32,
        /// How many intervals to skip.
        skip: u32,
    }
}

message! {
    /// What stands before the list of intervals.
    pub struct IntervalsHead {
        /// Counts, and whether this is a list or a range.
        count: ListCount,
    }
}

impl PageHead for IntervalsHead {
    fn returned(&self) -> usize {
        self.count.returned().into()
    }
    fn remaining(&self) -> usize {
        self.count.remaining().into()
    }
    fn entries(&self, room: usize) -> usize {
        self.count.entries(room, Interval::MIN_LEN)
    }
}

bits! {
    /// A time between two updates: seconds times a power of ten.
    pub struct IntervalWord {
        fields {
            /// The factor.
            seconds, with_seconds: u16 = [20:5];
            /// The power of ten; see [`IntervalWord::exponent`].
            exponent_bits, with_exponent_bits: u8 = [4:0];
        }
    }
}

impl IntervalWord {
    /// The power of ten.
    pub const fn exponent(self) -> i8 {
        unit::sign_extend(self.exponent_bits())
    }
}

message! {
    /// An update interval.
    pub struct Interval {
        /// The interval.
        interval: IntervalWord,
    }
}

/// Reply to SENSOR_LIST_UPDATE_INTERVALS.
pub type Intervals<'a> = Page<'a, IntervalsHead, Interval>;

impl Intervals<'_> {
    /// The range, if this is one: then there is no list.
    pub fn range(&self) -> Option<Range<IntervalWord>> {
        let mut all = self.iter().map(|entry| entry.interval);
        match (
            self.head.count.is_range(),
            all.next(),
            all.next(),
            all.next(),
        ) {
            (true, Some(lowest), Some(highest), Some(step)) => Some(Range {
                lowest,
                highest,
                step,
            }),
            _ => None,
        }
    }
}

bits! {
    /// How a sensor works.
    pub struct SensorConfig {
        flags {
            /// It measures.
            is_enabled, with_enabled: 0;
            /// Its readings carry the time.
            has_timestamps, with_timestamps: 1;
        }
        fields {
            /// How to round the interval to one that the sensor can do: 0 down, 1 up, 2 as the platform likes.
            rounding, with_rounding: u8 = [10:9];
            /// The power of ten of the update interval; see [`SensorConfig::interval_exponent`].
            interval_exponent_bits, with_interval_exponent_bits: u8 = [15:11];
            /// The update interval, in seconds times the power of ten.
            interval, with_interval: u16 = [31:16];
        }
    }
}

impl SensorConfig {
    /// The power of ten of the update interval.
    pub const fn interval_exponent(self) -> i8 {
        unit::sign_extend(self.interval_exponent_bits())
    }
}

message! {
    /// SENSOR_CONFIG_GET.
    pub struct ConfigGet {
        /// Which sensor.
        sensor: u32,
    }
}

message! {
    /// Reply to SENSOR_CONFIG_GET.
    pub struct ConfigGetReply {
        /// How it works.
        config: SensorConfig,
    }
}

message! {
    /// SENSOR_CONFIG_SET.
    pub struct ConfigSet {
        /// Which sensor.
        sensor: u32,
        /// How it is to work.
        config: SensorConfig,
    }
}
