// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What rules allow.

use super::*;

/// All of them; under Miri those of the specification and some of their neighbours.
fn protocols() -> std::ops::RangeInclusive<u8> {
    if cfg!(miri) { 0xf..=0x20 } else { 0..=u8::MAX }
}

#[test]
fn s08_requests_that_can_ask_for_a_delayed_response_are_looked_into() {
    let everything = Rules::new(&[Rule::ALL]);
    for protocol in protocols() {
        for message in 0..=if cfg!(miri) { 20 } else { u8::MAX } {
            if let Ok(inspect) = everything.check_command(protocol, message) {
                let delayed = scmi::events::delayed(protocol, message).is_some();
                assert_eq!(inspect, delayed, "{protocol:#x} {message}");
            }
        }
    }
}

#[test]
fn d04_one_rule_with_domains_anywhere_makes_a_client_restricted() {
    const LIMITED: Rule = Rule {
        domains: Some(&[1]),
        ..Rule::protocol(0x14)
    };
    const PLAIN: Rule = Rule::protocol(0x11);
    let restricted = |list| Rules::new(list).restricted;
    assert!(!restricted(&[]));
    assert!(!restricted(&[Rule::ALL, PLAIN, Rule::ALL]));
    assert!(restricted(&[LIMITED, PLAIN, PLAIN]));
    assert!(restricted(&[PLAIN, LIMITED, PLAIN]));
    assert!(restricted(&[PLAIN, PLAIN, LIMITED]));
}

#[test]
fn d04_the_domain_is_where_the_declaration_has_it() {
    for command in COMMANDS {
        let word = domain_word(command.protocol.id(), command.id);
        assert_eq!(word, command.domain_word, "{}", command.name);
    }
    // Flags come first in these two; clients are restricted by the word after them.
    assert_eq!(domain_word(0x11, 0x4), Some(1));
    assert_eq!(domain_word(0x14, 0x5), Some(1));
    // Messages that nobody knows yet, and vendors' protocols; Base and System have no domains.
    for (protocol, message, word) in [
        (0x11, 0x9, Some(0)),
        (0x11, 40, Some(0)),
        (0x1b, 0x3, Some(0)),
        (0x80, 0x3, Some(0)),
        (0x80, 0x2, None),
        (0x10, 0xc, None),
        (0x12, 40, None),
    ] {
        assert_eq!(
            domain_word(protocol, message),
            word,
            "{protocol:#x} {message}"
        );
    }
}

/// Unlike the permissions of Base it concerns one pin or group, and `domains` says which.
#[test]
fn d04_permissions_of_pins_are_restricted_by_the_pin() {
    const PINS: Rule = Rule {
        domains: Some(&[3]),
        ..Rule::protocol(0x19)
    };
    let rules = Rules::new(&[PINS]);
    let message = scmi::protocol::PinctrlMessage::SetPermissions.id();
    assert_eq!(rules.check_command(0x19, message), Ok(true));
    let of_pin =
        |pin| rules.check_domain(0x19, message, 12, |word| if word == 0 { pin } else { 3 });
    assert_eq!(of_pin(3), Ok(()));
    assert_eq!(of_pin(4), Err(Refusal::DomainNotAllowed));
}

#[test]
fn d04_ordinary_commands_are_allowed_by_the_table() {
    let everything = Rules::new(&[Rule::ALL]);
    for (allowed, reserved) in everything.allowed.iter().zip(RESERVED) {
        assert_eq!(*allowed, !reserved);
    }
    const PERF: Rule = Rule::protocol(0x13);
    const LAST: Rule = Rule::protocol(0x1f);
    let two = Rules::new(&[PERF, LAST]);
    let there: Vec<usize> = (0..16).filter(|&low| two.allowed[low] != 0).collect();
    assert_eq!(there, [3, 15]);
}

#[test]
fn d04_the_table_and_the_rules_say_the_same() {
    const SOME: Rule = Rule {
        messages: Some(messages(&[0, 1, 5, 31, 32, 200])),
        ..Rule::protocol(0x13)
    };
    const NONE: Rule = Rule {
        messages: Some(messages(&[])),
        ..Rule::protocol(0x14)
    };
    const FEW: Rule = Rule {
        messages: Some(messages(&[2, 33])),
        ..Rule::ALL
    };
    const PERF: Rule = Rule::protocol(0x13);
    const VENDOR: Rule = Rule::protocol(0x93);
    let lists: [&'static [Rule]; 7] = [
        &[],
        &[Rule::ALL],
        &[SOME, NONE],
        // The first one that fits counts.
        &[PERF, SOME, VENDOR],
        &[SOME, PERF, Rule::ALL],
        &[NONE, FEW, SOME],
        &[FEW, Rule::ALL],
    ];
    for list in lists {
        let rules = Rules::new(list);
        for protocol in protocols() {
            for message in [0, 1, 2, 5, 9, 10, 11, 16, 30, 31, 32, 33, 200, 255] {
                assert_eq!(
                    rules.check_command(protocol, message).map(|_| ()),
                    rules.check_by_rule(protocol, message),
                    "{protocol:#x} {message} by {list:?}"
                );
            }
        }
    }
}

static CLIENT: Rules = Rules::new(&[
    Rule {
        protocol: Some(0x15),
        messages: Some(messages(&[0, 6, 0xb, 200])),
        domains: Some(&[3, 7]),
    },
    Rule {
        protocol: Some(0x14),
        messages: None,
        domains: Some(&[1]),
    },
    Rule {
        protocol: Some(0x11),
        messages: None,
        domains: Some(&[1]),
    },
]);

#[test]
fn d04_only_what_the_table_allows_is_sent() {
    assert_eq!(CLIENT.check_command(0x15, 6), Ok(true));
    assert_eq!(CLIENT.check_command(0x15, 200), Ok(true));
    assert_eq!(
        CLIENT.check_command(0x15, 7),
        Err(Refusal::MessageNotAllowed)
    );
    assert_eq!(
        CLIENT.check_command(0x13, 0),
        Err(Refusal::ProtocolNotAllowed)
    );
}

#[test]
fn n07_commands_that_switch_events_are_the_drivers_own() {
    let everything = Rules::new(&[Rule::ALL]);
    for event in EVENTS {
        assert_eq!(
            everything.check_command(event.protocol.id(), event.enabled_by),
            Err(Refusal::ReservedMessage),
            "{}",
            event.name
        );
    }
    // Each event, the three of Base, and one of each of the 16 protocols; nothing more.
    let count: u32 = RESERVED.iter().map(|set| set.count_ones()).sum();
    assert_eq!(count as usize, EVENTS.len() + RESERVED_BASE.len() + 16);
    assert!(!is_reserved(0x25, 0xb) && !is_reserved(0x15, 0xb + 32));
    // Whether the client's own rule lists the message makes no difference.
    for message in [0x4, 0xb] {
        assert_eq!(
            CLIENT.check_command(0x15, message),
            Err(Refusal::ReservedMessage)
        );
    }
}

/// BASE_RESET_AGENT_CONFIGURATION ends the subscriptions of all clients at the platform, and
/// nobody would know.
#[test]
fn s02_base_messages_about_the_agent_are_reserved() {
    const LISTED: Rule = Rule {
        messages: Some(messages(&[0x7, 0x9, 0xa, 0xb])),
        ..Rule::protocol(0x10)
    };
    const BASE: Rule = Rule::protocol(0x10);
    const SENSORS: Rule = Rule::protocol(0x15);
    for list in [&[LISTED] as &'static [Rule], &[BASE], &[Rule::ALL]] {
        let rules = Rules::new(list);
        for message in [0x9, 0xa, 0xb] {
            assert_eq!(
                rules.check_command(0x10, message),
                Err(Refusal::ReservedMessage)
            );
            // The same numbers are ordinary messages elsewhere.
            assert!(!is_reserved(0x17, message), "{message:#x}");
        }
        assert!(rules.check_command(0x10, 0x7).is_ok());
    }
    // A client that may not use Base at all learns just that.
    let sensors = Rules::new(&[SENSORS]);
    assert_eq!(
        sensors.check_command(0x10, 0xb),
        Err(Refusal::ProtocolNotAllowed)
    );
}

/// NEGOTIATE_PROTOCOL_VERSION by one client changes the protocol under all others.
#[test]
fn s02_negotiation_is_reserved_in_every_protocol() {
    const LISTED: Rule = Rule {
        messages: Some(messages(&[0, 0x10])),
        ..Rule::ALL
    };
    for rules in [Rules::new(&[Rule::ALL]), Rules::new(&[LISTED])] {
        for protocol in 0..=u8::MAX {
            assert_eq!(
                rules.check_command(protocol, 0x10),
                Err(Refusal::ReservedMessage),
                "{protocol:#x}"
            );
            assert!(rules.check_command(protocol, 0).is_ok(), "{protocol:#x}");
        }
    }
    assert_eq!(
        CLIENT.check_command(0x80, 0x10),
        Err(Refusal::ProtocolNotAllowed)
    );
}

#[test]
fn d04_the_domain_is_found_where_the_message_has_it() {
    let check = |protocol, message, words: &[u32]| {
        CLIENT.check_domain(protocol, message, words.len() * 4, |index| words[index])
    };
    assert_eq!(check(0x15, 6, &[3, 9]), Ok(()));
    assert_eq!(check(0x15, 6, &[4, 3]), Err(Refusal::DomainNotAllowed));
    assert_eq!(check(0x15, 6, &[]), Err(Refusal::DomainNotAllowed));
    // Not a domain but a message number.
    assert_eq!(check(0x15, 2, &[4]), Ok(()));
    // Flags first.
    assert_eq!(check(0x14, 5, &[0, 1, 0, 0]), Ok(()));
    assert_eq!(
        check(0x14, 5, &[1, 0, 0, 0]),
        Err(Refusal::DomainNotAllowed)
    );
    assert_eq!(check(0x14, 5, &[1]), Err(Refusal::DomainNotAllowed));
    assert_eq!(check(0x14, 6, &[1]), Ok(()));
    assert_eq!(check(0x11, 4, &[7, 1, 0]), Ok(()));
    assert_eq!(check(0x11, 5, &[7]), Err(Refusal::DomainNotAllowed));
}

#[test]
fn d04_what_lies_behind_a_request_that_is_too_short_names_no_domain() {
    // Of an earlier request of another client, say: everything that this one may use.
    let parameter = |index| if index == 0 { 3 } else { 1 };
    for (protocol, message, needed) in [(0x15, 6, 4), (0x14, 5, 8), (0x11, 4, 8)] {
        for len in 0..=16 {
            let allowed = CLIENT.check_domain(protocol, message, len, parameter);
            assert_eq!(allowed.is_ok(), len >= needed, "{protocol:#x} {len}");
        }
    }
}

#[test]
fn n07_events_follow_the_rules_of_the_message_that_switches_them() {
    assert_eq!(CLIENT.check_event(0x15, 0xb, Some(7)), Ok(()));
    assert_eq!(
        CLIENT.check_event(0x15, 0xb, Some(8)),
        Err(Refusal::DomainNotAllowed)
    );
    assert_eq!(
        CLIENT.check_event(0x15, 0xb, None),
        Err(Refusal::DomainNotAllowed)
    );
    assert_eq!(
        CLIENT.check_event(0x15, 4, Some(7)),
        Err(Refusal::MessageNotAllowed)
    );
}
