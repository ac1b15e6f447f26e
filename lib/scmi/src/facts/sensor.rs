// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Sensor: its messages.

use super::facts;
use crate::common::NameReply;
use crate::limits::MAX_PAYLOAD;
use crate::sensor::descriptor::{Axes, AxisNames, Sensors};
use crate::sensor::*;
use crate::wire::Message as _;
use crate::wire::Page;

facts! {
    /// Messages of the sensor protocol.
    Sensor, SensorMessage, known (3, 1), negotiated since (3, 1);
    commands {
        0x3 DescriptionGet "SENSOR_DESCRIPTION_GET" since (1, 0), domain in word 0 => Sensors<'a>;
        0x4 TripPointNotify "SENSOR_TRIP_POINT_NOTIFY" since (1, 0), domain in word 0 => ();
        0x5 TripPointConfig "SENSOR_TRIP_POINT_CONFIG" since (1, 0), domain in word 0 => ();
        0x6 ReadingGet "SENSOR_READING_GET" since (1, 0), domain in word 0 => Readings<'a>;
        0x7 AxisDescriptionGet "SENSOR_AXIS_DESCRIPTION_GET" since (2, 0), domain in word 0
            => Axes<'a>;
        0x8 ListUpdateIntervals "SENSOR_LIST_UPDATE_INTERVALS" since (2, 0), domain in word 0
            => Intervals<'a>;
        0x9 ConfigGet "SENSOR_CONFIG_GET" since (2, 0), domain in word 0 => ConfigGetReply;
        0xa ConfigSet "SENSOR_CONFIG_SET" since (2, 0), domain in word 0 => ();
        0xb ContinuousUpdateNotify "SENSOR_CONTINUOUS_UPDATE_NOTIFY" since (2, 0), domain in word 0
            => ();
        0xc NameGet "SENSOR_NAME_GET" since (3, 0), domain in word 0 => NameReply;
        0xd AxisNameGet "SENSOR_AXIS_NAME_GET" since (3, 0), domain in word 0 => AxisNames<'a>;
    }
    delayed {
        // Version 1 has one value of eight bytes, later versions sixteen bytes per axis.
        ReadingGet "SENSOR_READING_COMPLETE" if word 1 & 0b1 == 0b1,
            bytes (ReadingCompleteV1::MIN_LEN, MAX_PAYLOAD) => ReadingComplete<'a>;
    }
    events {
        0 TripPointEvent "SENSOR_TRIP_POINT_EVENT" enabled by TripPointNotify => TripPointEvent;
        // One reading per axis, at least one; seven fit.
        1 Update "SENSOR_UPDATE" enabled by ContinuousUpdateNotify,
            bytes (Update::MIN_LEN + Reading::MIN_LEN, Update::MAX_LEN + 7 * Reading::MAX_LEN)
            => Page<'a, Update, Reading>;
    }
}
