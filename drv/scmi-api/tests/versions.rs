// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Platforms that speak a newer version than is known here, or an older one than a call needs.

mod support;

use drv_scmi_api::*;
use scmi::Protocol;
use scmi::common::ProtocolVersion;
use support::Fake;

/// PROTOCOL_VERSION and NEGOTIATE_PROTOCOL_VERSION.
const VERSION: u8 = 0x00;
const NEGOTIATE: u8 = 0x10;

/// A platform that says it speaks this version of a protocol, and answers to negotiation with this status.
fn speaking(protocol: Protocol, version: ProtocolVersion, negotiation: i32) -> Fake {
    let fake = Fake::new();
    fake.tamper(move |sent, status, values| {
        if sent.protocol == protocol.id() {
            match sent.message {
                VERSION => *values = version.0.to_le_bytes().to_vec(),
                NEGOTIATE => (*status, *values) = (negotiation, Vec::new()),
                _ => {}
            }
        }
    });
    fake
}

/// Connects to a protocol, and returns its version and whether it is newer than what is known.
fn connect(fake: &Fake, protocol: Protocol) -> (ProtocolVersion, bool) {
    macro_rules! all {
        ($($protocol:ident: $handle:ident;)*) => {
            match protocol {
                $(Protocol::$protocol => {
                    let handle = $handle::connect(fake).unwrap();
                    (handle.version(), handle.is_newer())
                })*
            }
        };
    }
    all! {
        Base: Base;
        Power: Power;
        System: SystemPower;
        Perf: Perf;
        Clock: Clocks;
        Sensor: Sensors;
        Reset: Resets;
        Voltage: Voltages;
        Powercap: Powercaps;
        Pinctrl: Pins;
    }
}

#[test]
fn a_newer_platform_is_asked_to_speak_what_is_known() {
    for protocol in Protocol::ALL {
        let known = protocol.known_version();
        for newer in [
            ProtocolVersion::new(known.major() + 1, 0),
            ProtocolVersion::new(known.major(), known.minor() + 1),
        ] {
            let fake = speaking(protocol, newer, 0);
            assert_eq!(connect(&fake, protocol), (known, false), "{protocol}");
            assert_eq!(fake.count(protocol.id(), NEGOTIATE), 1, "{protocol}");
            // It refuses: what it speaks is told, and not known.
            let fake = speaking(protocol, newer, -1);
            assert_eq!(connect(&fake, protocol), (newer, true), "{protocol}");
        }
        let fake = speaking(protocol, known, 0);
        assert_eq!(connect(&fake, protocol), (known, false), "{protocol}");
        assert_eq!(fake.count(protocol.id(), NEGOTIATE), 0, "{protocol}");
    }
}

/// A platform of version 3 takes the cap for flags.
#[test]
fn power_caps_whose_messages_are_not_known_are_not_set() {
    let fake = speaking(Protocol::Powercap, ProtocolVersion::new(3, 0), -1);
    let caps = Powercaps::connect(&fake).unwrap();
    assert!(matches!(caps.set_cap(0, 4000), Err(Error::Version(_))));
    assert!(matches!(
        caps.set_cap_delayed(0, 4000),
        Err(Error::Version(_))
    ));
    assert!(matches!(caps.disable(0), Err(Error::Version(_))));
    assert!(matches!(caps.cap(0), Err(Error::Version(_))));
    assert!(matches!(caps.domain(0), Err(Error::Version(_))));
    assert_eq!(fake.count(0x18, 5), 0);
    assert!(caps.count().is_ok(), "this is the same in all versions");
}

/// From version 2 on 0 switches a cap off.
#[test]
fn power_caps_are_switched_off_where_they_can_be() {
    let fake = speaking(Protocol::Powercap, ProtocolVersion::new(1, 0), -1);
    let caps = Powercaps::connect(&fake).unwrap();
    assert!(matches!(caps.disable(0), Err(Error::Version(_))));
    assert_eq!(fake.count(0x18, 5), 0);

    let fake = speaking(Protocol::Powercap, ProtocolVersion::new(2, 0), -1);
    let caps = Powercaps::connect(&fake).unwrap();
    let _ = caps.disable(0);
    assert_eq!(fake.count(0x18, 5), 1);
    // A cap that is meant as one does not: a safe limit of 0 would be none.
    let zero = Error::NoAnswer(ScmiError::InvalidArgument);
    assert_eq!(caps.set_cap(0, 0), Err(zero));
    assert_eq!(caps.set_cap_delayed(0, 0), Err(zero));
    assert_eq!(fake.count(0x18, 5), 1);
    assert_eq!(caps.set_cap(0, 4000), Ok(()));
}

/// Older platforms look at bit 0 of the attributes alone: "unchanged" would start the clock.
#[test]
fn extended_clock_configuration_is_not_sent_to_a_platform_that_has_none() {
    for (major, minor, sent) in [(1, 0, 0), (2, 0, 0), (3, 0, 1)] {
        let fake = speaking(Protocol::Clock, ProtocolVersion::new(major, minor), -1);
        let clocks = Clocks::connect(&fake).unwrap();
        let end = clocks.set_extended(1, scmi::clock::extended_config::DUTY_CYCLE, 50);
        assert_eq!(matches!(end, Err(Error::Version(_))), sent == 0, "{end:?}");
        assert_eq!(fake.count(0x14, 7), sent, "version {major}");
        let nothing = clocks.set_extended(1, scmi::clock::extended_config::NONE, 50);
        assert!(nothing.is_err());
        assert_eq!(fake.count(0x14, 7), sent, "version {major}");
    }
}
