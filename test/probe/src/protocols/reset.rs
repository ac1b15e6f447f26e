// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Reset domains.

use super::{V1, V3};
use crate::table::{EXTENDED_NAME, Field, NOTHING, Param, Protocol, message, named, with};

const SOURCE: &str = "Linux drivers/firmware/arm_scmi/reset.c";

/// The table.
pub const PROTOCOL: Protocol = Protocol {
    id: 0x16,
    name: "Reset",
    versions: &[V1, V3, V3 + 1],
    attributes: with(4, &[(0, 0xffff_0000)]),
    domains: Some(Field::LOW),
    messages: &[
        message!(0x3 RESET_DOMAIN_ATTRIBUTES Read [Param::Domain]
            0x1_0000 -> named(24, &[(0, 0x3fff_ffff)], 8),
            0x3_0000 -> named(24, &[(0, 0x1fff_ffff)], 8); SOURCE),
        message!(0x4 RESET Never since 0x1_0000 [Param::Domain, Param::Value(0), Param::Value(0)] -> NOTHING, SOURCE),
        message!(0x5 RESET_NOTIFY Notify since 0x1_0000 [Param::Domain, Param::Enable] -> NOTHING, SOURCE),
        message!(0x6 RESET_DOMAIN_NAME_GET Read since 0x3_0000 [Param::Domain] -> EXTENDED_NAME, SOURCE),
    ],
};
