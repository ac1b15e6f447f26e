// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The rules that are applied to messages, and the list of all checks: a check is a rule applied to a message.

use crate::protocols::{ALL, COMMON};
use crate::special;
use crate::table::{Access, Message, Param, Protocol, Values};

/// A rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its id.
    pub id: &'static str,
    /// The rule.
    pub text: &'static str,
    /// Where it is from; empty for a rule whose source is the message's layout.
    pub source: &'static str,
}

macro_rules! rules {
    ($($name:ident $id:literal $text:literal $source:literal;)*) => {
        $(#[doc = $text] pub const $name: Rule = Rule { id: $id, text: $text, source: $source };)*
    };
}

rules! {
    ANSWER "ANSWER" "each command is answered" "virtio 1.3, 5.17 SCMI device: the device must process all commands";
    HEADER "HEADER" "a reply has the header of its command" "Linux driver.c scmi_rx_callback; virtio 1.3, 5.17.6.1";
    STATUS "STATUS" "a status is 0 to -11 or below -127" "Linux protocols.h scmi_error_codes; vendor codes are below -127";
    FAILS "FAILS" "a reply that reports a failure has the status alone" "virtio 1.3, 5.17.6.1";
    LENGTH "LENGTH" "the return values have the length of the version that is spoken" "";
    RESERVED "RESERVED" "reserved bits of return values are 0" "";
    NAME "NAME" "a name ends with a NUL inside its field, and is printable" "";
    LISTED "LISTED" "PROTOCOL_MESSAGE_ATTRIBUTES knows a message exactly if the platform has it" "Linux protocols.h; SCP-firmware, message_attributes_handler of each protocol";
    LATER "LATER" "a message of a later version than is spoken is NOT_SUPPORTED" "Linux, gates by version in each protocol";
    SHORT "SHORT" "a request without its last word is a PROTOCOL_ERROR, or INVALID_PARAMETERS" "SCP-firmware, payload size check of each handler";
    LONG "LONG" "a request with a word too many is a PROTOCOL_ERROR, or INVALID_PARAMETERS" "SCP-firmware, payload size check of each handler";
    DOMAIN "DOMAIN" "a number that does not exist is NOT_FOUND" "SCP-firmware, each handler; imx-sm, return codes of each function";
    PAGES "PAGES" "the pages of a list add up: none is empty, and what remains shrinks by what came" "Linux driver.c scmi_iterator_run";
    END "END" "a list index equal to the count is INVALID_PARAMETERS" "Arm scmi-tests 507, 605; imx-sm";
    PAST "PAST" "a list index past the count is INVALID_PARAMETERS" "imx-sm; SCP-firmware";
    FLAGS "FLAGS" "reserved bits of flags are INVALID_PARAMETERS" "SCP-firmware, each handler; Arm scmi-tests";
    ENABLE "ENABLE" "reserved bits of notify_enable are INVALID_PARAMETERS" "SCP-firmware, each handler; Arm scmi-tests";
    SAME "SAME" "the value that was read can be set, and reads back the same" "";
    NO_EVENTS "NO-EVENTS" "without an event queue a request for notifications is NOT_SUPPORTED" "virtio 1.3, 5.17.6";
}

/// All rules that are applied to many messages.
pub const RULES: [&Rule; 19] = [
    &ANSWER, &HEADER, &STATUS, &FAILS, &LENGTH, &RESERVED, &NAME, &LISTED, &LATER, &SHORT, &LONG,
    &DOMAIN, &PAGES, &END, &PAST, &FLAGS, &ENABLE, &SAME, &NO_EVENTS,
];

/// A rule applied to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The protocol's number.
    pub protocol: u8,
    /// The message's number.
    pub message: u8,
    /// The rule's id.
    pub rule: &'static str,
}

/// A row of the list of checks.
#[derive(Debug)]
pub struct Check {
    /// Which.
    pub key: Key,
    /// Names of protocol and message.
    pub names: [&'static str; 2],
    /// The rule.
    pub text: &'static str,
    /// Where it is from.
    pub source: &'static str,
}

/// The messages of a protocol, the common ones first.
pub fn messages(protocol: &'static Protocol) -> impl Iterator<Item = &'static Message> {
    COMMON_MESSAGES.iter().chain(protocol.messages)
}

static COMMON_MESSAGES: [Message; 4] = COMMON;

/// The return values of a message.
pub fn values(protocol: &Protocol, message: &Message, version: u32) -> Option<Values> {
    let values = message.layout(version)?.values;
    Some(if message.id == 1 {
        protocol.attributes
    } else {
        values
    })
}

/// Whether a rule can be applied to a message at all.
fn applies(rule: &Rule, protocol: &Protocol, message: &Message) -> bool {
    let params = || message.layouts.iter().flat_map(|layout| layout.params);
    let mut all_values = message.layouts.iter().map(|layout| {
        if message.id == 1 {
            protocol.attributes
        } else {
            layout.values
        }
    });
    let answers = message.access != Access::Never;
    match rule.id {
        "ANSWER" | "HEADER" | "STATUS" | "FAILS" | "LISTED" | "LONG" => true,
        "LENGTH" => answers,
        "RESERVED" => {
            answers
                && all_values.any(|values| match values {
                    Values::Fixed { reserved, .. } => !reserved.is_empty(),
                    Values::List(list) => !list.reserved.is_empty(),
                    _ => false,
                })
        }
        "NAME" => {
            answers
                && all_values.any(|values| matches!(values, Values::Fixed { name: Some(_), .. }))
        }
        "LATER" => message.layouts[0].since > 0x1_0000,
        "SHORT" => params().count() > 0,
        "DOMAIN" => params().any(|param| *param == Param::Domain),
        "PAGES" | "PAST" => params().any(|param| *param == Param::Skip),
        "END" => params().any(|param| *param == Param::Skip) && protocol.id != 0x10,
        "FLAGS" => {
            answers
                && params().any(|param| match param {
                    Param::Flags(_) => true,
                    Param::Read { reserved, .. } => *reserved != 0,
                    _ => false,
                })
        }
        "ENABLE" | "NO-EVENTS" => params().any(|param| *param == Param::Enable),
        "SAME" => message.access == Access::Write,
        _ => false,
    }
}

/// All checks.
pub fn checks() -> Vec<Check> {
    let mut checks = Vec::new();
    for protocol in ALL {
        for message in messages(protocol) {
            for rule in RULES
                .into_iter()
                .filter(|rule| applies(rule, protocol, message))
            {
                checks.push(Check {
                    key: Key {
                        protocol: protocol.id,
                        message: message.id,
                        rule: rule.id,
                    },
                    names: [protocol.name, message.name],
                    text: rule.text,
                    source: if rule.source.is_empty() {
                        message.source
                    } else {
                        rule.source
                    },
                });
            }
        }
        for special in special::all() {
            if special.protocol.is_none_or(|id| id == protocol.id) {
                let name = messages(protocol).find(|message| message.id == special.message);
                checks.push(Check {
                    key: Key {
                        protocol: protocol.id,
                        message: special.message,
                        rule: special.id,
                    },
                    names: [
                        protocol.name,
                        name.map_or("unknown message", |message| message.name),
                    ],
                    text: special.text,
                    source: special.source,
                });
            }
        }
    }
    checks
}
