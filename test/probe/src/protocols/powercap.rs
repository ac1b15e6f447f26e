// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Power caps, up to 2.0. What 3.0 changed is not checked.

use super::{V1, V2};
use crate::table::{
    EXTENDED_NAME, Field, NOTHING, Param, Protocol, bytes, message, named, read, with,
};

const SOURCE: &str =
    "Linux drivers/firmware/arm_scmi/powercap.c; SCP-firmware module/scmi_power_capping";

/// The table.
pub const PROTOCOL: Protocol = Protocol {
    id: 0x18,
    name: "Powercap",
    versions: &[V1, V2],
    attributes: with(4, &[(0, 0xffff_0000)]),
    domains: Some(Field::LOW),
    messages: &[
        // Bits [31:22] have a meaning.
        message!(0x3 POWERCAP_DOMAIN_ATTRIBUTES Read since 0x1_0000 [Param::Domain] -> named(56, &[(0, 0x003f_ffff)], 4), SOURCE),
        message!(0x4 POWERCAP_CAP_GET Read since 0x1_0000 [Param::Domain] -> bytes(4), SOURCE),
        message!(0x5 POWERCAP_CAP_SET Write since 0x1_0000 [Param::Domain, Param::Flags(!3), read(0x4, 0)] -> NOTHING, SOURCE),
        message!(0x6 POWERCAP_PAI_GET Read since 0x1_0000 [Param::Domain] -> bytes(4), SOURCE),
        message!(0x7 POWERCAP_PAI_SET Write since 0x1_0000 [Param::Domain, Param::Flags(!0), read(0x6, 0)] -> NOTHING, SOURCE),
        message!(0x8 POWERCAP_DOMAIN_NAME_GET Read since 0x1_0000 [Param::Domain] -> EXTENDED_NAME, SOURCE),
        message!(0x9 POWERCAP_MEASUREMENTS_GET Read since 0x1_0000 [Param::Domain] -> bytes(8), SOURCE),
        message!(0xa POWERCAP_CAP_NOTIFY Notify since 0x1_0000 [Param::Domain, Param::Enable] -> NOTHING, SOURCE),
        message!(0xb POWERCAP_MEASUREMENTS_NOTIFY Notify since 0x1_0000
            [Param::Domain, Param::Enable, Param::Value(0), Param::Value(0)] -> NOTHING, SOURCE),
        message!(0xc POWERCAP_DESCRIBE_FASTCHANNEL Read since 0x1_0000 [Param::Domain, Param::Value(0x4)] -> bytes(40), SOURCE),
    ],
};
