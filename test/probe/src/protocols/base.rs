// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Base.

use super::{V1, V2};
use crate::table::{NOTHING, Param, Protocol, Values, bytes, message, named, with};

const SOURCE: &str = "Linux drivers/firmware/arm_scmi/base.c; imx-sm components/scmi/scmi_base.h";
/// No platform has this agent.
const NOBODY: Param = Param::Value(0x7fff_fffe);

/// The table.
pub const PROTOCOL: Protocol = Protocol {
    id: 0x10,
    name: "Base",
    versions: &[V1, V2, V2 + 1],
    // Protocols [7:0], agents [15:8].
    attributes: with(4, &[(0, 0xffff_0000)]),
    domains: None,
    messages: &[
        message!(0x3 BASE_DISCOVER_VENDOR Read since 0x1_0000 [] -> named(16, &[], 0), SOURCE),
        message!(0x4 BASE_DISCOVER_SUB_VENDOR Read since 0x1_0000 [] -> named(16, &[], 0), SOURCE),
        message!(0x5 BASE_DISCOVER_IMPLEMENTATION_VERSION Read since 0x1_0000 [] -> bytes(4), SOURCE),
        message!(0x6 BASE_DISCOVER_LIST_PROTOCOLS Read since 0x1_0000 [Param::Skip] -> Values::Protocols, SOURCE),
        message!(0x7 BASE_DISCOVER_AGENT Read [Param::Value(0)]
            0x1_0000 -> named(16, &[], 0), 0x2_0000 -> named(20, &[], 4); SOURCE),
        message!(0x8 BASE_NOTIFY_ERRORS Notify since 0x1_0000 [Param::Enable] -> NOTHING, SOURCE),
        message!(0x9 BASE_SET_DEVICE_PERMISSIONS Never since 0x2_0000 [NOBODY, Param::Value(0), Param::Value(0)] -> NOTHING, SOURCE),
        message!(0xa BASE_SET_PROTOCOL_PERMISSIONS Never since 0x2_0000
            [NOBODY, Param::Value(0), Param::Value(0), Param::Value(0)] -> NOTHING, SOURCE),
        message!(0xb BASE_RESET_AGENT_CONFIGURATION Never since 0x2_0000 [NOBODY, Param::Value(0)] -> NOTHING, SOURCE),
    ],
};
