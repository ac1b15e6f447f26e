// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Rules of messages about domains.

use super::{Judge, Special, special};
use crate::table::word;
use crate::walk::{INVALID_PARAMETERS, NOT_SUPPORTED, OUT_OF_RANGE};

const IMX: &str = "imx-sm, headers of components/scmi";
const CODES: &str = "imx-sm, SCP-firmware: return codes of the function";
const VIRTIO: &str = "virtio 1.3, 5.17.6: no delayed responses without P2A_CHANNELS";

/// The rules.
pub const RULES: &[Special] = &[
    special(
        "BITS16",
        Some(0x11),
        0x5,
        "identifiers have 16 bits: upper bits are ignored",
        IMX,
        false,
        wide,
    ),
    special(
        "BITS16",
        Some(0x17),
        0x8,
        "identifiers have 16 bits: upper bits are ignored",
        IMX,
        false,
        wide,
    ),
    special(
        "BITS16",
        Some(0x19),
        0x3,
        "identifiers have 16 bits: upper bits are ignored",
        IMX,
        false,
        |judge| {
            if let (Some(plain), Some(answer)) = (judge.ask(&[0, 0]), judge.ask(&[0x1_0000, 0])) {
                judge.check(plain.status == answer.status, "the answer for 0", &answer);
            }
        },
    ),
    special(
        "SELECTOR",
        Some(0x19),
        0x3,
        "a selector that is neither pin, group nor function is INVALID_PARAMETERS",
        "imx-sm components/scmi/scmi_pinctrl.h",
        false,
        |judge| {
            if let Some(answer) = judge.ask(&[0, 3]) {
                judge.check(
                    answer.status == INVALID_PARAMETERS,
                    "INVALID_PARAMETERS",
                    &answer,
                );
            }
        },
    ),
    special(
        "FUNCTION-ONLY",
        Some(0x19),
        0x5,
        "mode 2 returns the function alone",
        "imx-sm 4.11.2.5; U-Boot pinctrl.c",
        false,
        |judge| {
            if let Some(answer) = judge.ask(&[0, 2 << 18]) {
                let alone = answer.status == 0
                    && answer.values.len() == 8
                    && word(&answer.values, 4) == Some(0);
                judge.check(alone, "the function and 0 settings", &answer);
            }
        },
    ),
    special(
        "NO-SETTING",
        Some(0x19),
        0x5,
        "a setting that is not there is INVALID_PARAMETERS or NOT_SUPPORTED",
        "imx-sm 4.11.2.5; Linux pinctrl",
        false,
        |judge| {
            if let Some(answer) = judge.ask(&[0, 0xff]) {
                let right = [INVALID_PARAMETERS, NOT_SUPPORTED].contains(&answer.status);
                judge.check(right, "INVALID_PARAMETERS or NOT_SUPPORTED", &answer);
            }
        },
    ),
    special(
        "UNIT",
        Some(0x13),
        0x1,
        "power unit 3 is reserved",
        IMX,
        false,
        |judge| {
            if let Some(answer) = judge.ask(&[]) {
                let unit = word(&answer.values, 0).map(|word| word >> 16 & 3);
                judge.check(unit != Some(3), "power unit 0, 1 or 2", &answer);
            }
        },
    ),
    special(
        "BOTH-ZERO",
        Some(0x13),
        0x5,
        "from 3.0 on both limits 0 are OUT_OF_RANGE",
        "imx-sm scmi_perf.h; Linux perf.c",
        true,
        |judge| {
            if judge.spoken.version >= 0x3_0000
                && let Some(answer) = judge.allowed(0x3, 1 << 31, &[0, 0, 0])
            {
                judge.check(answer.status == OUT_OF_RANGE, "OUT_OF_RANGE", &answer);
            }
        },
    ),
    special(
        "LEAVE",
        Some(0x13),
        0x5,
        "from 3.0 on a limit of 0 leaves that limit",
        "imx-sm scmi_perf.h; Linux perf.c",
        true,
        |judge| {
            let Some(limits) = judge.other(0x6, &[0]).filter(|answer| answer.status == 0) else {
                return;
            };
            let Some(highest) = word(&limits.values, 0).filter(|highest| *highest != 0) else {
                return;
            };
            if judge.spoken.version >= 0x3_0000
                && let Some(answer) = judge.allowed(0x3, 1 << 31, &[0, highest, 0])
            {
                let after = judge.other(0x6, &[0]).map(|answer| answer.values);
                judge.check(
                    answer.status == 0 && after == Some(limits.values),
                    "SUCCESS, and the limits as before",
                    &answer,
                );
            }
        },
    ),
    special(
        "LIMITS",
        Some(0x13),
        0x6,
        "the lowest limit is at most the highest",
        IMX,
        false,
        |judge| {
            if let Some(answer) = judge.ask(&[0]).filter(|answer| answer.status == 0) {
                judge.check(
                    word(&answer.values, 4) <= word(&answer.values, 0),
                    "lowest <= highest",
                    &answer,
                );
            }
        },
    ),
    special(
        "NO-RATE",
        Some(0x14),
        0x5,
        "a rate that cannot be had is INVALID_PARAMETERS",
        CODES,
        true,
        |judge| {
            let Some(now) = judge.other(0x6, &[0]).filter(|answer| answer.status == 0) else {
                return;
            };
            if let Some(answer) = judge.ask(&[0, 0, !0, !0])
                && answer.status != crate::walk::DENIED
            {
                judge.check(
                    answer.status == INVALID_PARAMETERS,
                    "INVALID_PARAMETERS",
                    &answer,
                );
                if let (0, Some(low), Some(high)) =
                    (answer.status, word(&now.values, 0), word(&now.values, 4))
                {
                    judge.ask(&[0, 0, low, high]);
                }
            }
        },
    ),
    special(
        "UNCHANGED",
        Some(0x14),
        0x7,
        "from 3.0 on \"unchanged\" needs an extended configuration",
        "Linux clock.c; imx-sm",
        true,
        |judge| {
            if judge.spoken.version >= 0x3_0000
                && let Some(answer) = judge.ask(&[0, 3, 0])
                && answer.status != crate::walk::DENIED
            {
                judge.check(
                    answer.status == INVALID_PARAMETERS,
                    "INVALID_PARAMETERS",
                    &answer,
                );
            }
        },
    ),
    special(
        "NO-REQUESTS",
        Some(0x14),
        0xa,
        "requested-change notifications are NOT_SUPPORTED where attribute bit 30 is 0",
        "imx-sm, ClockRateChangeRequestedNotify",
        true,
        |judge| {
            let Some(attributes) = judge.other(0x3, &[0]).filter(|answer| answer.status == 0)
            else {
                return;
            };
            let never = word(&attributes.values, 0).is_some_and(|word| word & 1 << 30 == 0);
            if never
                && judge.spoken.version >= 0x2_0000
                && let Some(answer) = judge.ask(&[0, 1])
            {
                judge.check(answer.status == NOT_SUPPORTED, "NOT_SUPPORTED", &answer);
                if answer.status == 0 {
                    judge.ask(&[0, 0]);
                }
            }
        },
    ),
    special(
        "NO-LEVEL",
        Some(0x17),
        0x7,
        "a level that is not there is INVALID_PARAMETERS",
        CODES,
        true,
        |judge| {
            if let Some(answer) = judge.ask(&[0, 0, 0x7fff_ffff])
                && answer.status != crate::walk::DENIED
            {
                judge.check(
                    answer.status == INVALID_PARAMETERS,
                    "INVALID_PARAMETERS",
                    &answer,
                );
            }
        },
    ),
    special(
        "NO-TRIP-POINT",
        Some(0x15),
        0x5,
        "a trip point that is not there is INVALID_PARAMETERS",
        CODES,
        true,
        |judge| {
            for sensor in 0..judge.spoken.domains {
                if let Some(answer) = judge.ask(&[sensor, 0xff0, 0, 0])
                    && answer.status != NOT_SUPPORTED
                {
                    judge.check(
                        answer.status == INVALID_PARAMETERS,
                        "INVALID_PARAMETERS",
                        &answer,
                    );
                }
            }
        },
    ),
    special(
        "CAP",
        Some(0x18),
        0x4,
        "a cap lies in the range of its domain, or is 0 for none from 2.0 on",
        "Linux powercap.c",
        false,
        |judge| {
            let Some(domain) = judge.other(0x3, &[0]).filter(|answer| answer.status == 0) else {
                return;
            };
            if let Some(answer) = judge.ask(&[0])
                && let Some(cap) = word(&answer.values, 0)
            {
                let inside =
                    word(&domain.values, 32) <= Some(cap) && Some(cap) <= word(&domain.values, 36);
                let off = cap == 0 && judge.spoken.version >= 0x2_0000;
                judge.check(inside || off, "a cap in the range", &answer);
            }
        },
    ),
    special(
        "NO-DELAYED",
        Some(0x11),
        0x3,
        "without an event queue nothing is asynchronous",
        VIRTIO,
        false,
        |judge| judge.synchronous(1 << 30),
    ),
    special(
        "NO-DELAYED",
        Some(0x16),
        0x3,
        "without an event queue nothing is asynchronous",
        VIRTIO,
        false,
        |judge| judge.synchronous(1 << 31),
    ),
    special(
        "NO-DELAYED",
        Some(0x17),
        0x3,
        "without an event queue nothing is asynchronous",
        VIRTIO,
        false,
        |judge| judge.synchronous(1 << 31),
    ),
    special(
        "NO-DELAYED",
        Some(0x18),
        0x3,
        "without an event queue nothing is asynchronous",
        VIRTIO,
        false,
        |judge| judge.synchronous(1 << 29),
    ),
];

fn wide(judge: &mut Judge<'_, '_>) {
    if let (Some(plain), Some(answer)) = (judge.ask(&[0]), judge.ask(&[0x1_0000])) {
        judge.check(plain.status == answer.status, "the answer for 0", &answer);
    }
}
