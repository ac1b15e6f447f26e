// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What sensors and their axes are like: entries whose length depends on their flags.
//!
//! ```text
//! sensor   id, attributes low, attributes high, name[16]        28 bytes
//!          power                                                +4 with extended attributes
//!          resolution, lowest, highest                         +20 with extended attributes and no axes
//! axis     id, attributes low, attributes high, name[16]        28 bytes
//!          resolution, lowest, highest                         +20 with extended attributes
//! ```
//!
//! That a sensor with axes and extended attributes has its power but no range is how Linux reads it; the specification was
//! not at hand.

use super::unit::{self, SensorUnit};
use crate::common::{ExtendedName, ListCount, ShortName};
use crate::wire::{Emit, Malformed, Message, Page, PageHead, bits, message};

bits! {
    /// What a sensor can do.
    pub struct SensorFlags {
        flags {
            /// It can be read asynchronously.
            reads_asynchronously, with_reads_asynchronously: 31;
            /// It sends SENSOR_UPDATE (version 2 and later, as all below but the trip points).
            notifies_updates, with_notifies_updates: 30;
            /// SENSOR_NAME_GET has a longer name.
            has_extended_name, with_extended_name: 29;
            /// Its readings can carry the time.
            has_timestamps, with_timestamps: 9;
            /// The entry goes on after the name.
            has_extended_attributes, with_extended_attributes: 8;
        }
        fields {
            /// The power of ten of the time stamp's seconds; see [`SensorFlags::timestamp_exponent`].
            timestamp_exponent_bits, with_timestamp_exponent_bits: u8 = [14:10];
            /// How many trip points it has.
            trip_points, with_trip_points: u8 = [7:0];
        }
    }
}

impl SensorFlags {
    /// The power of ten of the time stamp's seconds.
    pub const fn timestamp_exponent(self) -> i8 {
        unit::sign_extend(self.timestamp_exponent_bits())
    }
}

bits! {
    /// What the numbers of a sensor or axis mean.
    pub struct SensorScale {
        flags {
            /// It has axes; each has a scale of its own.
            has_axes, with_axes: 8;
        }
        fields {
            /// What it measures.
            unit_code, with_unit_code: u8 = [7:0];
            /// The power of ten; see [`SensorScale::exponent`].
            exponent_bits, with_exponent_bits: u8 = [15:11];
            /// How many axes it has, when it has any.
            axis_count, with_axis_count: u8 = [21:16];
            /// Version 1: the power of ten of the update interval.
            interval_exponent_bits, with_interval_exponent_bits: u8 = [26:22];
            /// Version 1: the update interval in seconds; 0 is not known.
            interval, with_interval: u8 = [31:27];
        }
    }
}

impl SensorScale {
    /// A scale for this unit and power of ten, without axes.
    pub const fn new(unit: SensorUnit, exponent: i8) -> Self {
        Self(0)
            .with_unit_code(unit.0)
            .with_exponent_bits(exponent as u8)
    }

    /// What it measures.
    pub const fn unit(self) -> SensorUnit {
        SensorUnit(self.unit_code())
    }

    /// The power of ten.
    pub const fn exponent(self) -> i8 {
        unit::sign_extend(self.exponent_bits())
    }

    /// How many axes it has; 0 for a scalar sensor.
    pub const fn axes(self) -> u8 {
        if self.has_axes() {
            self.axis_count()
        } else {
            0
        }
    }

    /// A value of this scale, as people read it.
    pub const fn quantity(self, value: i64) -> unit::Quantity {
        unit::Quantity {
            value,
            exponent: self.exponent(),
            unit: self.unit(),
        }
    }
}

bits! {
    /// The smallest difference that is seen: a number times a power of ten.
    pub struct Resolution {
        fields {
            /// The number.
            value, with_value: u32 = [26:0];
            /// The power of ten; see [`Resolution::exponent`].
            exponent_bits, with_exponent_bits: u8 = [31:27];
        }
    }
}

impl Resolution {
    /// The power of ten.
    pub const fn exponent(self) -> i8 {
        unit::sign_extend(self.exponent_bits())
    }
}

message! {
    /// The values that a scalar sensor or an axis can show.
    pub struct ValueRange {
        /// The smallest difference.
        resolution: Resolution,
        /// The lowest value.
        lowest: i64,
        /// The highest value.
        highest: i64,
    }
}

message! {
    /// The part of a sensor's entry that is always there.
    pub struct SensorBase {
        /// Its number.
        sensor: u32,
        /// What it can do.
        attributes: SensorFlags,
        /// What its numbers mean.
        scale: SensorScale,
        /// Its name.
        name: ShortName,
    }
}

message! {
    /// The first word of a sensor's extended attributes.
    pub struct SensorPower {
        /// What it takes while it measures, in microwatts.
        microwatts: u32,
    }
}

/// A sensor, as SENSOR_DESCRIPTION_GET tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SensorDescriptor {
    /// What is always told. Its flags say what follows, and win over the two options below when it is written.
    pub base: SensorBase,
    /// What it takes: told with extended attributes.
    pub power: Option<SensorPower>,
    /// What it can show: told with extended attributes, of a sensor without axes.
    pub range: Option<ValueRange>,
}

impl SensorDescriptor {
    fn parts(base: &SensorBase) -> (bool, bool) {
        let extended = base.attributes.has_extended_attributes();
        (extended, extended && base.scale.axes() == 0)
    }
}

impl Message for SensorDescriptor {
    const NAME: &'static str = "SensorDescriptor";
    const MIN_LEN: usize = SensorBase::MIN_LEN;
    const MAX_LEN: usize = SensorBase::MIN_LEN + SensorPower::MIN_LEN + ValueRange::MIN_LEN;

    fn parse_prefix(bytes: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let (base, rest) = SensorBase::parse_prefix(bytes)?;
        let (has_power, has_range) = Self::parts(&base);
        let (power, rest) = parse_if::<SensorPower>(has_power, rest)?;
        let (range, rest) = parse_if::<ValueRange>(has_range, rest)?;
        Ok((Self { base, power, range }, rest))
    }
}

impl Emit for SensorDescriptor {
    fn emit_prefix<'o>(&self, out: &'o mut [u8]) -> Result<&'o mut [u8], Malformed> {
        let (has_power, has_range) = Self::parts(&self.base);
        let mut rest = self.base.emit_prefix(out)?;
        if has_power {
            rest = self
                .power
                .unwrap_or(SensorPower { microwatts: 0 })
                .emit_prefix(rest)?;
        }
        if has_range {
            rest = self
                .range
                .unwrap_or(ValueRange::UNKNOWN)
                .emit_prefix(rest)?;
        }
        Ok(rest)
    }
}

impl ValueRange {
    /// Everything that fits.
    pub const UNKNOWN: Self = Self {
        resolution: Resolution(0),
        lowest: i64::MIN,
        highest: i64::MAX,
    };
}

fn parse_if<T: Message>(present: bool, bytes: &[u8]) -> Result<(Option<T>, &[u8]), Malformed> {
    if present {
        let (value, rest) = T::parse_prefix(bytes)?;
        Ok((Some(value), rest))
    } else {
        Ok((None, bytes))
    }
}

message! {
    /// What stands before the list of sensors.
    pub struct SensorsHead {
        /// Counts.
        count: ListCount,
    }
}

impl PageHead for SensorsHead {
    fn returned(&self) -> usize {
        self.count.returned().into()
    }
    fn remaining(&self) -> usize {
        self.count.remaining().into()
    }
}

/// Reply to SENSOR_DESCRIPTION_GET.
pub type Sensors<'a> = Page<'a, SensorsHead, SensorDescriptor>;

bits! {
    /// What an axis can do.
    pub struct AxisFlags {
        flags {
            /// SENSOR_AXIS_NAME_GET has a longer name.
            has_extended_name, with_extended_name: 9;
            /// The entry goes on after the name.
            has_extended_attributes, with_extended_attributes: 8;
        }
    }
}

message! {
    /// The part of an axis' entry that is always there.
    pub struct AxisBase {
        /// Its number.
        axis: u32,
        /// What it can do.
        attributes: AxisFlags,
        /// What its numbers mean.
        scale: SensorScale,
        /// Its name.
        name: ShortName,
    }
}

/// An axis of a sensor, as SENSOR_AXIS_DESCRIPTION_GET tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AxisDescriptor {
    /// What is always told. Its flags say what follows, and win over the option below when it is written.
    pub base: AxisBase,
    /// What it can show: told with extended attributes.
    pub range: Option<ValueRange>,
}

impl Message for AxisDescriptor {
    const NAME: &'static str = "AxisDescriptor";
    const MIN_LEN: usize = AxisBase::MIN_LEN;
    const MAX_LEN: usize = AxisBase::MIN_LEN + ValueRange::MIN_LEN;

    fn parse_prefix(bytes: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let (base, rest) = AxisBase::parse_prefix(bytes)?;
        let (range, rest) =
            parse_if::<ValueRange>(base.attributes.has_extended_attributes(), rest)?;
        Ok((Self { base, range }, rest))
    }
}

impl Emit for AxisDescriptor {
    fn emit_prefix<'o>(&self, out: &'o mut [u8]) -> Result<&'o mut [u8], Malformed> {
        let rest = self.base.emit_prefix(out)?;
        if self.base.attributes.has_extended_attributes() {
            self.range.unwrap_or(ValueRange::UNKNOWN).emit_prefix(rest)
        } else {
            Ok(rest)
        }
    }
}

bits! {
    /// The count word of the lists of axes.
    pub struct AxisCount {
        fields {
            /// Axes in this message.
            returned, with_returned: u8 = [5:0];
            /// Axes after those of this message.
            remaining, with_remaining: u8 = [31:26];
        }
    }
}

message! {
    /// What stands before a list of axes.
    pub struct AxesHead {
        /// Counts.
        count: AxisCount,
    }
}

impl PageHead for AxesHead {
    fn returned(&self) -> usize {
        self.count.returned().into()
    }
    fn remaining(&self) -> usize {
        self.count.remaining().into()
    }
}

/// Reply to SENSOR_AXIS_DESCRIPTION_GET.
pub type Axes<'a> = Page<'a, AxesHead, AxisDescriptor>;

message! {
    /// The longer name of an axis.
    pub struct AxisName {
        /// Which axis.
        axis: u32,
        /// Its name.
        name: ExtendedName,
    }
}

/// Reply to SENSOR_AXIS_NAME_GET.
pub type AxisNames<'a> = Page<'a, AxesHead, AxisName>;
