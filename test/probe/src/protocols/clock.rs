// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Clocks.

use super::{V1, V2, V3};
use crate::table::{
    Access, EXTENDED_NAME, Field, Layout, Message, NOTHING, Param, Protocol, Values, bytes, list,
    message, named, read, small_list, with,
};

const SOURCE: &str =
    "Linux drivers/firmware/arm_scmi/clock.c; OP-TEE core/drivers/scmi-msg/clock.c";
/// The state of a clock as its attributes have it: bit 0.
const fn state(reserved: u32) -> Param {
    Param::Read {
        from: 0x3,
        at: 0,
        mask: 1,
        reserved,
    }
}

/// The table.
pub const PROTOCOL: Protocol = Protocol {
    id: 0x14,
    name: "Clock",
    versions: &[V1, V2, V3],
    attributes: with(4, &[(0, 0xff00_0000)]),
    domains: Some(Field::LOW),
    messages: &[
        // Notifications (31, 30) and the extended name (29) came with 2.0, parents (28), extended configuration (27) and
        // restriction (1) with 3.0.
        message!(0x3 CLOCK_ATTRIBUTES Read [Param::Domain]
            0x1_0000 -> named(20, &[(0, 0xffff_fffe)], 4),
            0x2_0000 -> named(24, &[(0, 0x1fff_fffe)], 4),
            0x3_0000 -> named(24, &[(0, 0x07ff_fffc)], 4); SOURCE),
        message!(0x4 CLOCK_DESCRIBE_RATES Read since 0x1_0000 [Param::Domain, Param::Skip] -> Values::List(list(8, 1 << 12)), SOURCE),
        message!(0x5 CLOCK_RATE_SET Write since 0x1_0000
            [Param::Flags(!0xf), Param::Domain, read(0x6, 0), read(0x6, 4)] -> NOTHING, SOURCE),
        message!(0x6 CLOCK_RATE_GET Read since 0x1_0000 [Param::Domain] -> bytes(8), SOURCE),
        Message {
            id: 0x7,
            name: "CLOCK_CONFIG_SET",
            access: Access::Write,
            layouts: &[
                Layout {
                    since: V1,
                    params: &[Param::Domain, state(!1)],
                    values: NOTHING,
                },
                Layout {
                    since: V3,
                    params: &[Param::Domain, state(0xff00_fffc), Param::Value(0)],
                    values: NOTHING,
                },
            ],
            domains: None,
            source: SOURCE,
        },
        message!(0x8 CLOCK_NAME_GET Read since 0x2_0000 [Param::Domain] -> EXTENDED_NAME, SOURCE),
        message!(0x9 CLOCK_RATE_NOTIFY Notify since 0x2_0000 [Param::Domain, Param::Enable] -> NOTHING, SOURCE),
        message!(0xa CLOCK_RATE_CHANGE_REQUESTED_NOTIFY Notify since 0x2_0000 [Param::Domain, Param::Enable] -> NOTHING, SOURCE),
        message!(0xb CLOCK_CONFIG_GET Read since 0x3_0000 [Param::Domain, Param::Flags(!0xff)] -> with(12, &[(0, !0)]), SOURCE),
        message!(0xc CLOCK_POSSIBLE_PARENTS_GET Read since 0x3_0000 [Param::Domain, Param::Skip] -> Values::List(small_list(4, 8)), SOURCE),
        message!(0xd CLOCK_PARENT_SET Write since 0x3_0000 [Param::Domain, read(0xe, 0)] -> NOTHING, SOURCE),
        message!(0xe CLOCK_PARENT_GET Read since 0x3_0000 [Param::Domain] -> bytes(4), SOURCE),
        message!(0xf CLOCK_GET_PERMISSIONS Read since 0x3_0000 [Param::Domain] -> with(4, &[(0, 0x1fff_ffff)]), SOURCE),
    ],
};
