// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Rules of the messages that each protocol has, and of Base.

use super::{Special, special};
use crate::table::word;
use crate::walk::{NO_MESSAGE, NOT_FOUND, NOT_SUPPORTED};

/// The rules.
pub const RULES: &[Special] = &[
    special(
        "KNOWN",
        None,
        0x0,
        "the version existed, or is newer than all that are known here",
        "Linux, versions that each protocol accepts",
        false,
        |judge| {
            let version = judge.spoken.version;
            let versions = judge.spoken.protocol.versions;
            let known =
                versions.contains(&version) || versions.last().is_some_and(|last| version > *last);
            if let Some(answer) = judge.ask(&[]) {
                judge.check(known, "a version that existed", &answer);
            }
        },
    ),
    special(
        "STEADY",
        None,
        0x0,
        "PROTOCOL_VERSION tells the same each time",
        "Linux driver.c: asked once, kept for good",
        false,
        |judge| {
            if let Some(answer) = judge.ask(&[]) {
                let same = word(&answer.values, 0) == Some(judge.spoken.version);
                judge.check(same, "the version of the first time", &answer);
            }
        },
    ),
    special(
        "NEVER",
        None,
        0x10,
        "a version that never existed cannot be negotiated",
        "imx-sm, NegotiateProtocolVersion",
        true,
        |judge| {
            for version in [0x1_9999, 0x2_0007] {
                if let Some(answer) = judge.ask(&[version]) {
                    judge.check(answer.status == NOT_SUPPORTED, "NOT_SUPPORTED", &answer);
                }
            }
            let own = judge.spoken.version;
            judge.ask(&[own]);
        },
    ),
    special(
        "OWN",
        None,
        0x10,
        "the version that the platform tells can be negotiated, where any can",
        "Linux driver.c scmi_protocol_version_negotiate",
        true,
        |judge| {
            let own = judge.spoken.version;
            let has = judge
                .other(0x2, &[0x10])
                .is_some_and(|answer| answer.status == 0);
            if has && let Some(answer) = judge.ask(&[own]) {
                judge.check(answer.status == 0, "SUCCESS", &answer);
            }
        },
    ),
    special(
        "NO-MESSAGE",
        None,
        NO_MESSAGE,
        "a message that no protocol has is NOT_SUPPORTED",
        "Linux protocols.h; SCP-firmware, each handler",
        false,
        |judge| {
            if let Some(answer) = judge.ask(&[]) {
                judge.check(answer.status == NOT_SUPPORTED, "NOT_SUPPORTED", &answer);
            }
        },
    ),
    special(
        "NO-ATTRIBUTES",
        None,
        0x2,
        "the attributes of a message that no protocol has are NOT_FOUND",
        "SCP-firmware, message_attributes_handler of each protocol",
        false,
        |judge| {
            for message in [u32::from(NO_MESSAGE), 0x1234] {
                if let Some(answer) = judge.ask(&[message]) {
                    judge.check(answer.status == NOT_FOUND, "NOT_FOUND", &answer);
                }
            }
        },
    ),
    special(
        "COUNTED",
        Some(0x10),
        0x1,
        "Base counts as many protocols as it lists",
        "Linux base.c scmi_base_implementation_list_get",
        false,
        |judge| {
            if let (Some(answer), Some(list)) = (judge.ask(&[]), judge.other(0x6, &[0])) {
                let counted = word(&answer.values, 0).map(|word| word & 0xff);
                judge.check(
                    counted == word(&list.values, 0) || counted > Some(32),
                    "the count of the list",
                    &answer,
                );
            }
        },
    ),
    special(
        "PRESENT",
        Some(0x10),
        0x6,
        "what Base lists is there, and what is there is listed",
        "Linux base.c, bus.c",
        false,
        |judge| {
            if let Some(answer) = judge.ask(&[0]) {
                let count = word(&answer.values, 0).unwrap_or(0) as usize;
                let listed = answer
                    .values
                    .get(4..)
                    .and_then(|list| list.get(..count))
                    .unwrap_or_default();
                let standard: Vec<u8> = listed
                    .iter()
                    .copied()
                    .filter(|id| (0x11..=0x19).contains(id))
                    .collect();
                let there: Vec<u8> = judge
                    .present
                    .iter()
                    .copied()
                    .filter(|id| *id != 0x10)
                    .collect();
                let same = there.iter().all(|id| standard.contains(id))
                    && standard.iter().all(|id| there.contains(id));
                judge.check(same, &format!("{there:02x?}"), &answer);
            }
        },
    ),
];
