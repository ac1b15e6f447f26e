// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Power of the whole system.

use super::{V1, V2};
use crate::table::{NOTHING, Param, Protocol, bytes, message, with};

const SOURCE: &str = "Linux drivers/firmware/arm_scmi/system.c; imx-sm components/scmi/scmi_sys.h";

/// The table.
pub const PROTOCOL: Protocol = Protocol {
    id: 0x12,
    name: "System",
    versions: &[V1, V2, V2 + 1],
    attributes: with(4, &[(0, !0)]),
    domains: None,
    messages: &[
        // 0x7fffffff is a reserved state: no platform goes there.
        message!(0x3 SYSTEM_POWER_STATE_SET Never since 0x1_0000 [Param::Value(0), Param::Value(0x7fff_ffff)] -> NOTHING, SOURCE),
        message!(0x4 SYSTEM_POWER_STATE_GET Read since 0x1_0000 [] -> bytes(4), SOURCE),
        message!(0x5 SYSTEM_POWER_STATE_NOTIFY Notify since 0x1_0000 [Param::Enable] -> NOTHING, SOURCE),
    ],
};
