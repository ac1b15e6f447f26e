// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Power domains, system power, performance domains, power caps.

use scmi::perf::{self, Levels, LevelsV4};
use scmi::power::{self, PowerState};
use scmi::powercap;
use scmi::system::{self, SystemFlags, SystemState};
use scmi::wire::{Message as _, Parse as _};
use scmi::{Protocol, StatusCode};

use super::{GPU, NOBODY, ROOM, ask, delayed, event, event_of, get, platform, send, wait};

#[test]
fn power_switches_and_tells() {
    let mut platform = platform();
    assert_eq!(
        get(&mut platform, &power::Attributes {})
            .attributes
            .domains(),
        5
    );
    let info = get(&mut platform, &power::DomainAttributes { domain: GPU });
    assert!(info.name.is("gpu") && info.attributes.set_asynchronously());
    assert_eq!(
        get(&mut platform, &power::StateGet { domain: GPU }).state,
        PowerState::OFF
    );
    ask(
        &mut platform,
        &power::StateNotify {
            domain: GPU,
            enable: true.into(),
        },
    )
    .expect("succeeds");
    let on = power::StateSet {
        flags: Default::default(),
        domain: GPU,
        state: PowerState::ON,
    };
    ask(&mut platform, &on).expect("succeeds");
    assert_eq!(
        get(&mut platform, &power::StateGet { domain: GPU }).state,
        PowerState::ON
    );
    let told: power::StateChanged = event_of(&mut platform, Protocol::Power, 0);
    assert_eq!((told.domain, told.state), (GPU, PowerState::ON));
    ask(
        &mut platform,
        &power::StateNotify {
            domain: GPU,
            enable: false.into(),
        },
    )
    .expect("succeeds");
    ask(
        &mut platform,
        &power::StateSet {
            state: PowerState::OFF,
            ..on
        },
    )
    .expect("succeeds");
    assert_eq!(event(&mut platform), None, "nobody asked any more");
}

#[test]
fn power_later_comes_as_a_delayed_response() {
    let mut platform = platform();
    let flags = power::SetFlags::default().with_asynchronous(true);
    let on = power::StateSet {
        flags,
        domain: GPU,
        state: PowerState::ON,
    };
    assert_eq!(ask(&mut platform, &on), Ok(vec![]));
    assert_eq!(
        get(&mut platform, &power::StateGet { domain: GPU }).state,
        PowerState::OFF,
        "not yet"
    );
    let (header, values) = delayed(&mut platform);
    assert_eq!((header.protocol, header.message), (0x11, 4));
    let done = power::StateSetComplete::parse_exact(&values).expect("parses");
    assert_eq!((done.domain, done.state), (GPU, PowerState::ON));
    assert_eq!(
        get(&mut platform, &power::StateGet { domain: GPU }).state,
        PowerState::ON
    );
}

#[test]
fn power_refuses() {
    let mut platform = platform();
    let set = |domain, state| power::StateSet {
        flags: Default::default(),
        domain,
        state,
    };
    assert_eq!(
        ask(&mut platform, &set(0, PowerState::OFF)),
        Err(StatusCode::Denied),
        "the guest runs on it"
    );
    assert_eq!(
        ask(&mut platform, &set(NOBODY, PowerState::OFF)),
        Err(StatusCode::NotFound)
    );
    assert_eq!(
        ask(&mut platform, &set(GPU, PowerState(5))),
        Err(StatusCode::InvalidParameters)
    );
    assert_eq!(
        ask(&mut platform, &power::StateGet { domain: NOBODY }),
        Err(StatusCode::NotFound)
    );
    assert_eq!(
        ask(&mut platform, &power::DomainAttributes { domain: NOBODY }),
        Err(StatusCode::NotFound)
    );
    assert!(
        get(&mut platform, &power::DomainNameGet { domain: GPU })
            .name
            .is("gpu")
    );
}

#[test]
fn system_takes_requests_and_tells() {
    let mut platform = platform();
    ask(
        &mut platform,
        &system::StateNotify {
            enable: true.into(),
        },
    )
    .expect("succeeds");
    let flags = SystemFlags::default().with_graceful(true);
    ask(
        &mut platform,
        &system::StateSet {
            flags,
            state: SystemState::WARM_RESET,
        },
    )
    .expect("succeeds");
    let told: system::StateNotifier = event_of(&mut platform, Protocol::System, 0);
    assert_eq!(
        (told.state, told.timeout_ms),
        (SystemState::WARM_RESET, Some(2000))
    );
    assert_eq!(
        get(&mut platform, &system::StateGet {}).state,
        SystemState::WARM_RESET
    );
    let unknown = system::StateSet {
        flags,
        state: SystemState(9),
    };
    assert_eq!(
        ask(&mut platform, &unknown),
        Err(StatusCode::InvalidParameters)
    );
    // Version 1 knew no time limit.
    send(&mut platform, 0x12, 0x10, &0x1_0000u32.to_le_bytes(), ROOM).expect("negotiates");
    ask(
        &mut platform,
        &system::StateSet {
            flags,
            state: SystemState::SHUTDOWN,
        },
    )
    .expect("succeeds");
    let (_, _, payload) = event(&mut platform).expect("told");
    assert_eq!(payload.len(), 12);
}

#[test]
fn perf_sets_levels_inside_limits_and_tells() {
    let mut platform = platform();
    let set = |domain, level| perf::LevelSet { domain, level };
    ask(
        &mut platform,
        &perf::NotifyLevel {
            domain: GPU,
            enable: true.into(),
        },
    )
    .expect("succeeds");
    ask(
        &mut platform,
        &perf::NotifyLimits {
            domain: GPU,
            enable: true.into(),
        },
    )
    .expect("succeeds");
    ask(&mut platform, &set(GPU, 3)).expect("succeeds");
    assert_eq!(get(&mut platform, &perf::LevelGet { domain: GPU }).level, 3);
    assert_eq!(
        event_of::<perf::LevelChanged>(&mut platform, Protocol::Perf, 1).level,
        3
    );
    let limits = |highest, lowest| perf::LimitsSet {
        domain: GPU,
        highest,
        lowest,
    };
    ask(&mut platform, &limits(2, 1)).expect("succeeds");
    let told: perf::LimitsChanged = event_of(&mut platform, Protocol::Perf, 0);
    assert_eq!((told.lowest, told.highest), (1, 2));
    assert_eq!(
        event_of::<perf::LevelChanged>(&mut platform, Protocol::Perf, 1).level,
        2
    );
    assert_eq!(
        ask(&mut platform, &set(GPU, 3)),
        Err(StatusCode::OutOfRange),
        "above the limit"
    );
    let now = get(&mut platform, &perf::LimitsGet { domain: GPU });
    assert_eq!((now.lowest, now.highest), (1, 2));
    assert_eq!(
        ask(&mut platform, &set(GPU, 17)),
        Err(StatusCode::OutOfRange)
    );
    assert_eq!(
        ask(&mut platform, &limits(1, 2)),
        Err(StatusCode::InvalidParameters)
    );
    assert_eq!(
        ask(&mut platform, &limits(9, 1)),
        Err(StatusCode::OutOfRange)
    );
    assert_eq!(
        ask(&mut platform, &set(NOBODY, 1)),
        Err(StatusCode::NotFound)
    );
}

#[test]
fn perf_lists_levels_in_the_form_of_the_version() {
    let mut platform = platform();
    let info = get(&mut platform, &perf::DomainAttributes { domain: GPU });
    assert_eq!(
        (info.sustained_level, info.attributes.sets_level()),
        (3, true)
    );
    let values = ask(
        &mut platform,
        &perf::DescribeLevelsV4 {
            domain: GPU,
            skip: 0,
        },
    )
    .expect("succeeds");
    let all: Vec<_> = LevelsV4::parse(&values)
        .expect("parses")
        .iter()
        .map(|level| (level.level, level.index))
        .collect();
    assert_eq!(all, [(1, 0), (2, 1), (3, 2), (4, 3), (5, 4)]);
    // Room for two entries of 20 bytes a page.
    let values = send(
        &mut platform,
        0x13,
        4,
        &[1, 0, 0, 0, 3, 0, 0, 0],
        8 + 4 + 40,
    )
    .expect("succeeds");
    let page = LevelsV4::parse(&values).expect("parses");
    assert_eq!((page.len(), page.remaining()), (2, 0));
    send(&mut platform, 0x13, 0x10, &0x3_0000u32.to_le_bytes(), ROOM).expect("negotiates");
    let values = ask(
        &mut platform,
        &perf::DescribeLevels {
            domain: GPU,
            skip: 1,
        },
    )
    .expect("succeeds");
    assert_eq!(
        Levels::parse(&values)
            .expect("parses")
            .iter()
            .next()
            .map(|level| (level.level, level.cost)),
        Some((2, 520))
    );
    assert_eq!(
        ask(
            &mut platform,
            &perf::DescribeLevels {
                domain: GPU,
                skip: 6
            }
        ),
        Err(StatusCode::OutOfRange)
    );
}

#[test]
fn power_caps_hold_levels_down_and_tell() {
    let mut platform = platform();
    let info = get(&mut platform, &powercap::DomainAttributes { domain: GPU });
    assert_eq!(
        (info.parent, info.lowest_cap, info.highest_cap),
        (0, 200, 4000)
    );
    assert_eq!(
        get(&mut platform, &powercap::DomainAttributes { domain: 0 }).parent,
        powercap::NO_PARENT
    );
    ask(
        &mut platform,
        &power::StateSet {
            flags: Default::default(),
            domain: GPU,
            state: PowerState::ON,
        },
    )
    .expect("on");
    ask(
        &mut platform,
        &perf::LevelSet {
            domain: GPU,
            level: 5,
        },
    )
    .expect("fast");
    ask(
        &mut platform,
        &powercap::CapNotify {
            domain: GPU,
            enable: true.into(),
        },
    )
    .expect("succeeds");
    let set = |cap| powercap::CapSet {
        domain: GPU,
        flags: Default::default(),
        cap,
    };
    ask(&mut platform, &set(1500)).expect("succeeds");
    assert_eq!(
        event_of::<powercap::CapChanged>(&mut platform, Protocol::Powercap, 0).cap,
        1500
    );
    assert_eq!(
        get(&mut platform, &perf::LevelGet { domain: GPU }).level,
        3,
        "held down"
    );
    assert_eq!(
        get(&mut platform, &powercap::CapGet { domain: GPU }).cap,
        1500
    );
    assert_eq!(
        ask(&mut platform, &set(1501)),
        Err(StatusCode::OutOfRange),
        "between two steps"
    );
    assert_eq!(ask(&mut platform, &set(9000)), Err(StatusCode::OutOfRange));
    let flags = powercap::CapSetFlags::default().with_asynchronous(true);
    ask(
        &mut platform,
        &powercap::CapSet {
            domain: GPU,
            flags,
            cap: 4000,
        },
    )
    .expect("succeeds");
    let (_, values) = delayed(&mut platform);
    assert_eq!(
        powercap::CapSetComplete::parse_exact(&values)
            .expect("parses")
            .cap,
        4000
    );
    assert_eq!(
        get(&mut platform, &perf::LevelGet { domain: GPU }).level,
        5,
        "let go"
    );
}

#[test]
fn power_caps_measure() {
    let mut platform = platform();
    let set = powercap::PaiSet {
        domain: GPU,
        flags: 0,
        interval_us: 20_000,
    };
    ask(&mut platform, &set).expect("succeeds");
    assert_eq!(
        get(&mut platform, &powercap::PaiGet { domain: GPU }).interval_us,
        20_000
    );
    assert_eq!(
        ask(
            &mut platform,
            &powercap::PaiSet {
                interval_us: 1,
                ..set
            }
        ),
        Err(StatusCode::OutOfRange)
    );
    let notify = powercap::MeasurementsNotify {
        domain: GPU,
        enable: true.into(),
        low: 100,
        high: 1000,
    };
    ask(&mut platform, &notify).expect("succeeds");
    ask(
        &mut platform,
        &power::StateSet {
            flags: Default::default(),
            domain: GPU,
            state: PowerState::ON,
        },
    )
    .expect("on");
    ask(
        &mut platform,
        &perf::LevelSet {
            domain: GPU,
            level: 5,
        },
    )
    .expect("fast");
    wait(&mut platform);
    let told: powercap::MeasurementsChanged = event_of(&mut platform, Protocol::Powercap, 1);
    assert_eq!((told.domain, told.power), (GPU, 3600));
    assert_eq!(
        get(&mut platform, &powercap::MeasurementsGet { domain: GPU }).power,
        3600
    );
    let crossed = powercap::MeasurementsNotify {
        low: 2,
        high: 1,
        ..notify
    };
    assert_eq!(
        ask(&mut platform, &crossed),
        Err(StatusCode::InvalidParameters)
    );
    assert!(
        get(&mut platform, &powercap::DomainNameGet { domain: GPU })
            .name
            .is("gpu")
    );
}
