// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Voltage domains.

use super::{V1, V2};
use crate::table::{
    EXTENDED_NAME, Field, NOTHING, Param, Protocol, Values, bytes, list, message, named, read, with,
};

const SOURCE: &str =
    "Linux drivers/firmware/arm_scmi/voltage.c; OP-TEE core/drivers/scmi-msg/voltage_domain.c";

/// The table.
pub const PROTOCOL: Protocol = Protocol {
    id: 0x17,
    name: "Voltage",
    versions: &[V1, V2, V2 + 1],
    attributes: with(4, &[(0, 0xffff_0000)]),
    domains: Some(Field::LOW),
    messages: &[
        // Asynchronous setting (31) and the extended name (30) came with 2.0.
        message!(0x3 VOLTAGE_DOMAIN_ATTRIBUTES Read [Param::Domain]
            0x1_0000 -> named(20, &[(0, !0)], 4),
            0x2_0000 -> named(20, &[(0, 0x3fff_ffff)], 4); SOURCE),
        message!(0x4 VOLTAGE_DESCRIBE_LEVELS Read since 0x1_0000 [Param::Domain, Param::Skip] -> Values::List(list(4, 1 << 12)), SOURCE),
        message!(0x5 VOLTAGE_CONFIG_SET Write since 0x1_0000
            [Param::Domain, Param::Read { from: 0x6, at: 0, mask: 0xf, reserved: !0xf }] -> NOTHING, SOURCE),
        message!(0x6 VOLTAGE_CONFIG_GET Read since 0x1_0000 [Param::Domain] -> with(4, &[(0, !0xf)]), SOURCE),
        message!(0x7 VOLTAGE_LEVEL_SET Write since 0x1_0000 [Param::Domain, Param::Flags(!1), read(0x8, 0)] -> NOTHING, SOURCE),
        message!(0x8 VOLTAGE_LEVEL_GET Read since 0x1_0000 [Param::Domain] -> bytes(4), SOURCE),
        message!(0x9 VOLTAGE_DOMAIN_NAME_GET Read since 0x2_0000 [Param::Domain] -> EXTENDED_NAME, SOURCE),
    ],
};
