// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Pins, groups of pins, and functions.

use super::V1;
use crate::table::{
    Access, EXTENDED_NAME, Field, Layout, List, Message, NOTHING, Param, Protocol, Values, message,
    named, small_list, with,
};

const SOURCE: &str =
    "Linux drivers/firmware/arm_scmi/pinctrl.c; imx-sm components/scmi/scmi_pinctrl.h";
/// Selects pins.
const PIN: Param = Param::Value(0);
/// Selects groups.
const GROUP: Param = Param::Value(1);

/// Settings: the function, then the count: 8 bits returned, 8 bits remaining at the top.
const SETTINGS: List = List {
    head: 8,
    returned: Field {
        at: 4,
        shift: 0,
        mask: 0xff,
    },
    remaining: Field {
        at: 4,
        shift: 24,
        mask: 0xff,
    },
    ..small_list(8, 8)
};

/// The table.
pub const PROTOCOL: Protocol = Protocol {
    id: 0x19,
    name: "Pinctrl",
    versions: &[V1],
    attributes: with(8, &[(4, 0xffff_0000)]),
    domains: Some(Field::LOW),
    messages: &[
        // Elements [15:0], GPIO function (17), pin-only function (16), extended name (31).
        message!(0x3 PINCTRL_ATTRIBUTES Read since 0x1_0000 [Param::Domain, PIN] -> named(20, &[(0, 0x7ffc_0000)], 4), SOURCE),
        Message {
            id: 0x4,
            name: "PINCTRL_LIST_ASSOCIATIONS",
            access: Access::Read,
            layouts: &[Layout {
                since: V1,
                params: &[Param::Domain, GROUP, Param::Skip],
                values: Values::List(crate::table::list(2, 0)),
            }],
            domains: Some(Field::HIGH),
            source: SOURCE,
        },
        message!(0x5 PINCTRL_SETTINGS_GET Read since 0x1_0000 [Param::Domain, Param::Value(1 << 18)] -> Values::List(SETTINGS), SOURCE),
        message!(0x6 PINCTRL_SETTINGS_CONFIGURE Never since 0x1_0000 [Param::Domain, Param::Value(!0), Param::Value(0)] -> NOTHING, SOURCE),
        message!(0x7 PINCTRL_REQUEST Never since 0x1_0000 [Param::Domain, PIN] -> NOTHING, SOURCE),
        message!(0x8 PINCTRL_RELEASE Never since 0x1_0000 [Param::Domain, PIN] -> NOTHING, SOURCE),
        message!(0x9 PINCTRL_NAME_GET Read since 0x1_0000 [Param::Domain, PIN] -> EXTENDED_NAME, SOURCE),
    ],
};
