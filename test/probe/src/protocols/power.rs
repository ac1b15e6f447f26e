// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Power domains.

use super::{V1, V2, V3};
use crate::table::{
    EXTENDED_NAME, Field, NOTHING, Param, Protocol, bytes, message, named, read, with,
};

const SOURCE: &str = "Linux drivers/firmware/arm_scmi/power.c; imx-sm components/scmi/scmi_power.h";

/// The table.
pub const PROTOCOL: Protocol = Protocol {
    id: 0x11,
    name: "Power",
    versions: &[V1, V2, V3, V3 + 1],
    attributes: with(16, &[(0, 0xffff_0000)]),
    domains: Some(Field::LOW),
    messages: &[
        // Bit 28 (change requests) and bit 27 (extended name) came with 3.0.
        message!(0x3 POWER_DOMAIN_ATTRIBUTES Read [Param::Domain]
            0x1_0000 -> named(20, &[(0, 0x1fff_ffff)], 4),
            0x3_0000 -> named(20, &[(0, 0x07ff_ffff)], 4); SOURCE),
        message!(0x4 POWER_STATE_SET Write since 0x1_0000 [Param::Flags(!1), Param::Domain, read(0x5, 0)] -> NOTHING, SOURCE),
        message!(0x5 POWER_STATE_GET Read since 0x1_0000 [Param::Domain] -> bytes(4), SOURCE),
        message!(0x6 POWER_STATE_NOTIFY Notify since 0x1_0000 [Param::Domain, Param::Enable] -> NOTHING, SOURCE),
        message!(0x7 POWER_STATE_CHANGE_REQUESTED_NOTIFY Notify since 0x3_0000 [Param::Domain, Param::Enable] -> NOTHING, SOURCE),
        message!(0x8 POWER_DOMAIN_NAME_GET Read since 0x3_0000 [Param::Domain] -> EXTENDED_NAME, SOURCE),
    ],
};
