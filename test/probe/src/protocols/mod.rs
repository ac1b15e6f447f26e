// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A table for each protocol.

use crate::table::{Message, Param, Protocol, Version, bytes, message};

pub mod base;
pub mod clock;
pub mod perf;
pub mod pinctrl;
pub mod power;
pub mod powercap;
pub mod reset;
pub mod sensor;
pub mod system;
pub mod voltage;

/// All protocols, by number.
pub const ALL: [&Protocol; 10] = [
    &base::PROTOCOL,
    &power::PROTOCOL,
    &system::PROTOCOL,
    &perf::PROTOCOL,
    &clock::PROTOCOL,
    &sensor::PROTOCOL,
    &reset::PROTOCOL,
    &voltage::PROTOCOL,
    &powercap::PROTOCOL,
    &pinctrl::PROTOCOL,
];

const COMMON_SOURCE: &str = "Linux drivers/firmware/arm_scmi/{protocols.h,driver.c,base.c}";

/// Messages that each protocol has. What PROTOCOL_ATTRIBUTES returns stands in the protocol's own table.
pub const COMMON: [Message; 4] = [
    message!(0x0 PROTOCOL_VERSION Read since 0x1_0000 [] -> bytes(4), COMMON_SOURCE),
    message!(0x1 PROTOCOL_ATTRIBUTES Read since 0x1_0000 [] -> bytes(0), COMMON_SOURCE),
    message!(0x2 PROTOCOL_MESSAGE_ATTRIBUTES Read since 0x1_0000 [Param::Value(0)] -> bytes(4), COMMON_SOURCE),
    // A version that never existed.
    message!(0x10 NEGOTIATE_PROTOCOL_VERSION Never since 0x1_0000 [Param::Value(0x1_9999)] -> bytes(0), COMMON_SOURCE),
];

/// 1.0, 2.0 and so on.
pub const V1: Version = 0x1_0000;
/// 2.0.
pub const V2: Version = 0x2_0000;
/// 3.0.
pub const V3: Version = 0x3_0000;
/// 4.0.
pub const V4: Version = 0x4_0000;
