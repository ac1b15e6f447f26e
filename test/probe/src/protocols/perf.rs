// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Performance domains.

use super::{V1, V2, V3, V4};
use crate::table::{
    EXTENDED_NAME, Field, NOTHING, Param, Protocol, Values, bytes, list, message, named, read, with,
};

const SOURCE: &str = "Linux drivers/firmware/arm_scmi/perf.c; imx-sm components/scmi/scmi_perf.h";

/// The table.
pub const PROTOCOL: Protocol = Protocol {
    id: 0x13,
    name: "Perf",
    versions: &[V1, V2, V3, V4],
    // Power unit [17:16].
    attributes: with(16, &[(0, 0xfffc_0000)]),
    domains: Some(Field::LOW),
    messages: &[
        // Extended name (26) came with 3.0, level indexing (25) with 4.0. The rate limit is 20 bits.
        message!(0x3 PERFORMANCE_DOMAIN_ATTRIBUTES Read [Param::Domain]
            0x1_0000 -> named(32, &[(0, 0x07ff_ffff), (4, 0xfff0_0000)], 16),
            0x3_0000 -> named(32, &[(0, 0x03ff_ffff), (4, 0xfff0_0000)], 16),
            0x4_0000 -> named(32, &[(0, 0x01ff_ffff), (4, 0xfff0_0000)], 16); SOURCE),
        message!(0x4 PERFORMANCE_DESCRIBE_LEVELS Read [Param::Domain, Param::Skip]
            0x1_0000 -> Values::List(list(12, 0)), 0x4_0000 -> Values::List(list(20, 0)); SOURCE),
        message!(0x5 PERFORMANCE_LIMITS_SET Write since 0x1_0000 [Param::Domain, read(0x6, 0), read(0x6, 4)] -> NOTHING, SOURCE),
        message!(0x6 PERFORMANCE_LIMITS_GET Read since 0x1_0000 [Param::Domain] -> bytes(8), SOURCE),
        message!(0x7 PERFORMANCE_LEVEL_SET Write since 0x1_0000 [Param::Domain, read(0x8, 0)] -> NOTHING, SOURCE),
        message!(0x8 PERFORMANCE_LEVEL_GET Read since 0x1_0000 [Param::Domain] -> bytes(4), SOURCE),
        message!(0x9 PERFORMANCE_NOTIFY_LIMITS Notify since 0x1_0000 [Param::Domain, Param::Enable] -> NOTHING, SOURCE),
        message!(0xa PERFORMANCE_NOTIFY_LEVEL Notify since 0x1_0000 [Param::Domain, Param::Enable] -> NOTHING, SOURCE),
        message!(0xb PERFORMANCE_DESCRIBE_FASTCHANNEL Read since 0x2_0000 [Param::Domain, Param::Value(0x8)] -> bytes(40), SOURCE),
        message!(0xc PERFORMANCE_DOMAIN_NAME_GET Read since 0x3_0000 [Param::Domain] -> EXTENDED_NAME, SOURCE),
    ],
};
