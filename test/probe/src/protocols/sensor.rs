// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Sensors.

use super::{V1, V2, V3};
use crate::table::{
    EXTENDED_NAME, Field, List, NOTHING, Param, Protocol, Values, bytes, list, message, small_list,
    with,
};

const SOURCE: &str =
    "Linux drivers/firmware/arm_scmi/sensors.c; imx-sm components/scmi/scmi_sensor.h";

/// A list of sensors; these bits of the second word are reserved.
const fn sensors(extended: Option<usize>, reserved: &'static [(usize, u32)]) -> Values {
    Values::List(List {
        extended,
        reserved,
        ..list(28, 0)
    })
}

/// The table.
pub const PROTOCOL: Protocol = Protocol {
    id: 0x15,
    name: "Sensor",
    versions: &[V1, V2, V3, V3 + 1],
    attributes: with(16, &[(0, 0xff00_0000)]),
    domains: Some(Field::LOW),
    messages: &[
        // Updates (30), time stamps (9, [14:10]) and extended attributes (8) came with 2.0, the extended name (29) with 3.0.
        message!(0x3 SENSOR_DESCRIPTION_GET Read [Param::Skip]
            0x1_0000 -> sensors(None, &[(4, 0x7fff_ff00)]),
            0x2_0000 -> sensors(Some(52), &[(4, 0x3fff_8000)]),
            0x3_0000 -> sensors(Some(52), &[(4, 0x1fff_8000)]); SOURCE),
        message!(0x4 SENSOR_TRIP_POINT_NOTIFY Notify since 0x1_0000 [Param::Domain, Param::Enable] -> NOTHING, SOURCE),
        message!(0x5 SENSOR_TRIP_POINT_CONFIG Never since 0x1_0000
            [Param::Domain, Param::Value(0xff0), Param::Value(0), Param::Value(0)] -> NOTHING, SOURCE),
        message!(0x6 SENSOR_READING_GET Read [Param::Domain, Param::Flags(!1)]
            0x1_0000 -> bytes(8), 0x2_0000 -> Values::Readings; SOURCE),
        message!(0x7 SENSOR_AXIS_DESCRIPTION_GET Read since 0x2_0000 [Param::Domain, Param::Skip]
            -> Values::List(List { extended: Some(48), ..small_list(28, 6) }), SOURCE),
        message!(0x8 SENSOR_LIST_UPDATE_INTERVALS Read since 0x2_0000 [Param::Domain, Param::Skip]
            -> Values::List(list(4, 1 << 12)), SOURCE),
        message!(0x9 SENSOR_CONFIG_GET Read since 0x2_0000 [Param::Domain] -> bytes(4), SOURCE),
        // What CONFIG_GET does not tell, the rounding [10:9], is 0.
        message!(0xa SENSOR_CONFIG_SET Write since 0x2_0000
            [Param::Domain, Param::Read { from: 0x9, at: 0, mask: 0xffff_f803, reserved: 0x1fc }] -> NOTHING, SOURCE),
        message!(0xb SENSOR_CONTINUOUS_UPDATE_NOTIFY Notify since 0x2_0000 [Param::Domain, Param::Enable] -> NOTHING, SOURCE),
        message!(0xc SENSOR_NAME_GET Read since 0x3_0000 [Param::Domain] -> EXTENDED_NAME, SOURCE),
        message!(0xd SENSOR_AXIS_NAME_GET Read since 0x3_0000 [Param::Domain, Param::Skip] -> Values::List(small_list(68, 6)), SOURCE),
    ],
};
