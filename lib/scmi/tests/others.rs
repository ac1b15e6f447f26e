// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Messages in bytes, laid out after the structures of other implementations (Linux, SCP-firmware, OP-TEE, imx-sm): read, they mean
//! what is told here, and what is told here is written as these bytes. Header and status word are left out.

use std::fmt::Debug;

use scmi::common::ShortName;
use scmi::wire::Message;
use scmi::{clock, perf, power, powercap, system, voltage};

fn agree<M: Message + PartialEq + Debug>(text: &str, meaning: M) {
    let bytes: Vec<u8> = text
        .split_ascii_whitespace()
        .map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect();
    assert_eq!(M::parse_exact(&bytes).as_ref(), Ok(&meaning));
    let mut out = [0; 128];
    let len = meaning.emit(&mut out).unwrap();
    assert_eq!(out[..len], bytes, "{}", M::NAME);
}

#[test]
fn clocks_of_others() {
    // OP-TEE says version 2 and tells no latency.
    agree(
        "01 00 00 00 63 6b 5f 6d 70 75 00 00 00 00 00 00 00 00 00 00",
        clock::ClockInfo {
            attributes: clock::ClockFlags::default().with_enabled(true),
            name: ShortName::new("ck_mpu"),
            enable_latency_us: None,
        },
    );
    // State unchanged, duty cycle 40.
    agree(
        "07 00 00 00 03 00 01 00 28 00 00 00",
        clock::ConfigSet {
            clock: 7,
            attributes: clock::ConfigFlags::default()
                .with_clock_state(clock::ClockState::Unchanged)
                .with_extended(clock::extended_config::DUTY_CYCLE),
            extended_value: 40,
        },
    );
    agree(
        "07 00 00 00 01 00 00 00",
        clock::ConfigSetV1 {
            clock: 7,
            attributes: clock::ConfigFlags::default().with_clock_state(clock::ClockState::Enabled),
        },
    );
    agree(
        "04 00 00 00 00 f2 05 2a 01 00 00 00",
        clock::RateSetComplete {
            clock: 4,
            hertz: 5_000_000_000,
        },
    );
    agree(
        "00 00 00 a0",
        clock::Permissions {
            permissions: clock::PermissionFlags::default()
                .with_state(true)
                .with_rate(true),
        },
    );
}

#[test]
fn performance_and_power_of_others() {
    // A minimum of 0 leaves it as it is, from version 3.
    agree(
        "01 00 00 00 05 00 00 00 00 00 00 00",
        perf::LimitsSet {
            domain: 1,
            highest: 5,
            lowest: 0,
        },
    );
    agree(
        "02 00 00 00 01 00 00 00 09 00 00 00 03 00 00 00",
        perf::LimitsChanged {
            agent: 2,
            domain: 1,
            highest: 9,
            lowest: 3,
        },
    );
    agree(
        "01 00 00 00 02 00 00 00 00 00 00 40",
        power::StateSet {
            flags: power::SetFlags::default().with_asynchronous(true),
            domain: 2,
            state: power::PowerState::OFF,
        },
    );
}

#[test]
fn power_caps_of_others() {
    // Asynchronous, no delayed response.
    agree(
        "01 00 00 00 03 00 00 00 c4 09 00 00",
        powercap::CapSet {
            domain: 1,
            flags: powercap::CapSetFlags(0b11),
            cap: 2500,
        },
    );
    // Version 2: no cap from now on.
    agree(
        "01 00 00 00 00 00 00 00 00 00 00 00",
        powercap::CapSet {
            domain: 1,
            flags: powercap::CapSetFlags::default(),
            cap: 0,
        },
    );
    agree(
        "02 00 00 00 01 00 00 00 a0 0f 00 00 a0 86 01 00",
        powercap::CapChanged {
            agent: 2,
            domain: 1,
            cap: 4000,
            interval_us: 100_000,
        },
    );
}

#[test]
fn the_system_and_voltages_of_others() {
    // The same word limits a graceful shutdown, and means nothing for a suspend.
    for (state, text, limit) in [
        (system::SystemState::SHUTDOWN, "00", Some(5000)),
        (system::SystemState::SUSPEND, "04", None),
    ] {
        let notice = system::StateNotifier {
            agent: 0,
            flags: system::SystemFlags::default().with_graceful(true),
            state,
            timeout_ms: Some(5000),
        };
        agree(
            &format!("00 00 00 00 01 00 00 00 {text} 00 00 00 88 13 00 00"),
            notice,
        );
        assert_eq!(notice.limit_ms(), limit);
    }
    agree(
        "01 00 00 00 01 00 00 00 70 fa ef ff",
        voltage::LevelSet {
            domain: 1,
            flags: voltage::LevelSetFlags::default().with_asynchronous(true),
            microvolts: -1_050_000,
        },
    );
    agree(
        "01 00 00 00 70 fa ef ff",
        voltage::LevelSetComplete {
            domain: 1,
            microvolts: -1_050_000,
        },
    );
}
