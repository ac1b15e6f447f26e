// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Clocks, voltages, resets, pins.

use scmi::clock::{self, ClockState, ConfigFlags, Parents, RateSetFlags, Rates};
use scmi::pinctrl::{
    self, Associations, PinctrlAttributes, Selector, SelectorWord, Setting, SettingType, Settings,
};
use scmi::reset::{self, ResetFlags, ResetState};
use scmi::voltage::{self, Levels, Mode};
use scmi::wire::{Emit as _, Message as _, Parse as _};
use scmi::{Protocol, StatusCode};

use super::{NOBODY, ROOM, ask, delayed, event, event_of, get, platform, send};

const PLL: u32 = 1;
const GPU_CLOCK: u32 = 2;

#[test]
fn clocks_list_rates_as_list_or_range() {
    let mut platform = platform();
    assert_eq!(
        get(&mut platform, &clock::Attributes {})
            .attributes
            .clocks(),
        5
    );
    let values = ask(
        &mut platform,
        &clock::DescribeRates {
            clock: PLL,
            skip: 0,
        },
    )
    .expect("succeeds");
    let range = Rates::parse(&values)
        .expect("parses")
        .range()
        .expect("a range");
    assert_eq!(
        (range.lowest, range.highest, range.step),
        (100_000_000, 1_600_000_000, 4_000_000)
    );
    // Two rates of eight bytes a page.
    let values = send(
        &mut platform,
        0x14,
        4,
        &[2, 0, 0, 0, 1, 0, 0, 0],
        8 + 4 + 16,
    )
    .expect("succeeds");
    let page = Rates::parse(&values).expect("parses");
    let rates: Vec<_> = page.iter().map(|rate| rate.hertz).collect();
    assert_eq!(
        (rates, page.remaining()),
        (vec![200_000_000, 400_000_000], 2)
    );
}

#[test]
fn clocks_round_as_asked() {
    let mut platform = platform();
    let set = |flags, hertz| clock::RateSet {
        flags,
        clock: GPU_CLOCK,
        hertz,
    };
    let down = RateSetFlags::default();
    for (flags, wanted, got) in [
        (down, 500_000_000, 400_000_000),
        (down.with_round_up(true), 500_000_001, 600_000_000),
        (down.with_round_auto(true), 500_000_001, 600_000_000),
        (down.with_round_auto(true), 450_000_000, 400_000_000),
        (down, 800_000_000, 800_000_000),
    ] {
        ask(&mut platform, &set(flags, wanted)).expect("succeeds");
        assert_eq!(
            get(&mut platform, &clock::RateGet { clock: GPU_CLOCK }).hertz,
            got
        );
    }
    for wrong in [1, 900_000_000, u64::MAX] {
        assert_eq!(
            ask(&mut platform, &set(down, wrong)),
            Err(StatusCode::OutOfRange)
        );
    }
}

#[test]
fn clocks_change_later_and_tell() {
    let mut platform = platform();
    ask(
        &mut platform,
        &clock::RateNotify {
            clock: PLL,
            enable: true.into(),
        },
    )
    .expect("succeeds");
    let flags = RateSetFlags::default().with_asynchronous(true);
    ask(
        &mut platform,
        &clock::RateSet {
            flags,
            clock: PLL,
            hertz: 400_000_000,
        },
    )
    .expect("succeeds");
    let (header, values) = delayed(&mut platform);
    assert_eq!((header.protocol, header.message), (0x14, 5));
    assert_eq!(
        clock::RateSetComplete::parse_exact(&values)
            .expect("parses")
            .hertz,
        400_000_000
    );
    let told: clock::RateChanged = event_of(&mut platform, Protocol::Clock, 0);
    assert_eq!(told.hertz, 400_000_000);
    ask(
        &mut platform,
        &clock::RateSet {
            flags: RateSetFlags::default(),
            clock: PLL,
            hertz: 500_000_000,
        },
    )
    .expect("succeeds");
    let told: clock::RateChanged = event_of(&mut platform, Protocol::Clock, 0);
    assert_eq!((told.clock, told.hertz), (PLL, 500_000_000));
    // Asynchronous, but nobody wants to hear of it: done at once.
    let quiet = flags.with_no_delayed_response(true);
    ask(
        &mut platform,
        &clock::RateSet {
            flags: quiet,
            clock: PLL,
            hertz: 600_000_000,
        },
    )
    .expect("succeeds");
    assert_eq!(
        get(&mut platform, &clock::RateGet { clock: PLL }).hertz,
        600_000_000
    );
}

#[test]
fn clocks_have_gates_parents_and_permissions() {
    let mut platform = platform();
    let config = |clock, state| clock::ConfigSet {
        clock,
        attributes: ConfigFlags::default().with_clock_state(state),
        extended_value: 0,
    };
    ask(&mut platform, &config(GPU_CLOCK, ClockState::Enabled)).expect("succeeds");
    let flags = Default::default();
    assert!(
        get(
            &mut platform,
            &clock::ConfigGet {
                clock: GPU_CLOCK,
                flags
            }
        )
        .config
        .is_enabled()
    );
    ask(&mut platform, &config(GPU_CLOCK, ClockState::Unchanged)).expect("succeeds");
    assert!(
        get(&mut platform, &clock::ClockAttributes { clock: GPU_CLOCK })
            .attributes
            .is_enabled()
    );
    assert_eq!(
        ask(&mut platform, &config(GPU_CLOCK, ClockState::Reserved)),
        Err(StatusCode::InvalidParameters)
    );
    assert_eq!(
        ask(&mut platform, &config(0, ClockState::Disabled)),
        Err(StatusCode::Denied),
        "read only"
    );
    assert!(
        !get(&mut platform, &clock::GetPermissions { clock: 0 })
            .permissions
            .rate()
    );
    assert!(
        get(&mut platform, &clock::GetPermissions { clock: PLL })
            .permissions
            .rate()
    );

    let values = ask(
        &mut platform,
        &clock::PossibleParentsGet {
            clock: GPU_CLOCK,
            skip: 0,
        },
    )
    .expect("succeeds");
    let parents: Vec<_> = Parents::parse(&values)
        .expect("parses")
        .iter()
        .map(|parent| parent.clock)
        .collect();
    assert_eq!(parents, [1, 0]);
    assert_eq!(
        get(&mut platform, &clock::ParentGet { clock: GPU_CLOCK }).clock,
        1
    );
    ask(
        &mut platform,
        &clock::ParentSet {
            clock: GPU_CLOCK,
            parent: 0,
        },
    )
    .expect("succeeds");
    assert_eq!(
        get(&mut platform, &clock::ParentGet { clock: GPU_CLOCK }).clock,
        0
    );
    let wrong = clock::ParentSet {
        clock: GPU_CLOCK,
        parent: 3,
    };
    assert_eq!(
        ask(&mut platform, &wrong),
        Err(StatusCode::InvalidParameters)
    );
    assert_eq!(
        ask(&mut platform, &clock::ParentGet { clock: 0 }),
        Err(StatusCode::NotSupported),
        "has none"
    );
    assert!(
        get(&mut platform, &clock::NameGet { clock: PLL })
            .name
            .is("pll")
    );
}

#[test]
fn clocks_of_an_older_version_have_shorter_messages() {
    let mut platform = platform();
    send(&mut platform, 0x14, 0x10, &0x1_0000u32.to_le_bytes(), ROOM).expect("negotiates");
    let values = ask(&mut platform, &clock::ClockAttributes { clock: PLL }).expect("succeeds");
    assert_eq!(values.len(), 20);
    let attributes = ConfigFlags::default().with_clock_state(ClockState::Enabled);
    ask(
        &mut platform,
        &clock::ConfigSetV1 {
            clock: GPU_CLOCK,
            attributes,
        },
    )
    .expect("succeeds");
    assert!(platform.model.clocks[GPU_CLOCK as usize].enabled);
}

#[test]
fn voltages_list_set_and_switch() {
    let mut platform = platform();
    let values = ask(
        &mut platform,
        &voltage::DescribeLevels { domain: 0, skip: 0 },
    )
    .expect("succeeds");
    let range = Levels::parse(&values)
        .expect("parses")
        .range()
        .expect("a range");
    assert_eq!(
        (range.lowest, range.highest, range.step),
        (600_000, 1_100_000, 12_500)
    );
    let values = ask(
        &mut platform,
        &voltage::DescribeLevels { domain: 2, skip: 1 },
    )
    .expect("succeeds");
    assert_eq!(
        Levels::parse(&values)
            .expect("parses")
            .get(0)
            .map(|level| level.microvolts),
        Some(3_300_000)
    );

    let set = |microvolts| voltage::LevelSet {
        domain: 1,
        flags: Default::default(),
        microvolts,
    };
    ask(&mut platform, &set(712_500)).expect("succeeds");
    assert_eq!(
        get(&mut platform, &voltage::LevelGet { domain: 1 }).microvolts,
        712_500
    );
    for wrong in [712_501, 0, -1, 2_000_000] {
        assert_eq!(ask(&mut platform, &set(wrong)), Err(StatusCode::OutOfRange));
    }
    ask(
        &mut platform,
        &voltage::ConfigSet {
            domain: 1,
            mode: Mode::ON,
        },
    )
    .expect("succeeds");
    assert_eq!(
        get(&mut platform, &voltage::ConfigGet { domain: 1 }).mode,
        Mode::ON
    );
    assert_eq!(
        ask(
            &mut platform,
            &voltage::ConfigSet {
                domain: 1,
                mode: Mode(3)
            }
        ),
        Err(StatusCode::InvalidParameters)
    );

    let flags = voltage::LevelSetFlags::default().with_asynchronous(true);
    ask(
        &mut platform,
        &voltage::LevelSet {
            flags,
            ..set(800_000)
        },
    )
    .expect("succeeds");
    let (_, values) = delayed(&mut platform);
    assert_eq!(
        voltage::LevelSetComplete::parse_exact(&values)
            .expect("parses")
            .microvolts,
        800_000
    );
    assert!(
        get(&mut platform, &voltage::DomainNameGet { domain: 1 })
            .name
            .is("vdd-gpu")
    );
    assert_eq!(
        ask(&mut platform, &voltage::LevelGet { domain: NOBODY }),
        Err(StatusCode::NotFound)
    );
}

#[test]
fn resets_assert_release_and_pulse() {
    let mut platform = platform();
    let info = get(&mut platform, &reset::DomainAttributes { domain: 0 });
    assert!(info.name.is("gpu") && info.latency_us == 500);
    ask(
        &mut platform,
        &reset::Notify {
            domain: 0,
            enable: true.into(),
        },
    )
    .expect("succeeds");
    let flags = ResetFlags::default();
    let reset = |flags| reset::Reset {
        domain: 0,
        flags,
        state: ResetState::COLD,
    };
    ask(&mut platform, &reset(flags)).expect("succeeds");
    assert!(!platform.model.resets[0], "let go");
    ask(&mut platform, &reset(flags.with_assert(true))).expect("succeeds");
    assert!(platform.model.resets[0]);
    event_of::<reset::ResetIssued>(&mut platform, Protocol::Reset, 0);
    event(&mut platform);
    ask(
        &mut platform,
        &reset(flags.with_autonomous(true).with_asynchronous(true)),
    )
    .expect("succeeds");
    let (_, values) = delayed(&mut platform);
    assert_eq!(
        reset::ResetComplete::parse_exact(&values)
            .expect("parses")
            .domain,
        0
    );
    assert!(!platform.model.resets[0]);
    let unknown = reset::Reset {
        state: ResetState(7),
        ..reset(flags)
    };
    assert_eq!(
        ask(&mut platform, &unknown),
        Err(StatusCode::InvalidParameters)
    );
    assert!(
        get(&mut platform, &reset::DomainNameGet { domain: 2 })
            .name
            .is("radio")
    );
}

fn word(selector: Selector) -> SelectorWord {
    SelectorWord::default().with_selector_bits(selector as u8)
}

#[test]
fn pins_are_listed_named_and_owned() {
    let mut platform = platform();
    let info = get(&mut platform, &pinctrl::Attributes {});
    assert_eq!(
        (
            info.pins.pins(),
            info.pins.groups(),
            info.functions.functions()
        ),
        (6, 3, 3)
    );
    let group = get(
        &mut platform,
        &PinctrlAttributes {
            identifier: 1,
            selector: word(Selector::Group),
        },
    );
    assert!(group.name.is("i2c0-pins") && group.attributes.elements() == 2);
    let list = pinctrl::ListAssociations {
        identifier: 2,
        selector: word(Selector::Function),
        skip: 0,
    };
    let values = ask(&mut platform, &list).expect("succeeds");
    let groups: Vec<_> = Associations::parse(&values)
        .expect("parses")
        .iter()
        .map(|one| one.identifier)
        .collect();
    assert_eq!(groups, [0, 1, 2]);
    let request = pinctrl::Request {
        identifier: 0,
        selector: word(Selector::Group),
    };
    ask(&mut platform, &request).expect("succeeds");
    let pin = pinctrl::Request {
        identifier: 1,
        selector: word(Selector::Pin),
    };
    assert_eq!(
        ask(&mut platform, &pin),
        Err(StatusCode::InUse),
        "its group has it"
    );
    ask(
        &mut platform,
        &pinctrl::Release {
            identifier: 0,
            selector: word(Selector::Group),
        },
    )
    .expect("succeeds");
    ask(&mut platform, &pin).expect("free now");
    let name = pinctrl::NameGet {
        identifier: 0,
        selector: word(Selector::Function),
    };
    assert!(get(&mut platform, &name).name.is("uart0"));
    let wrong = PinctrlAttributes {
        identifier: NOBODY,
        selector: word(Selector::Pin),
    };
    assert_eq!(ask(&mut platform, &wrong), Err(StatusCode::NotFound));
}

#[test]
fn pins_are_configured_and_read_back() {
    let mut platform = platform();
    let settings = [
        Setting {
            kind: SettingType::default().with_id(3),
            value: 10,
        },
        Setting {
            kind: SettingType::default().with_id(9),
            value: 1,
        },
    ];
    let configure = pinctrl::SettingsConfigure {
        identifier: 1,
        selector: Selector::Group,
        function: Some(1),
        settings: &settings,
    };
    let mut parameters = [0; 128];
    let length = configure.emit(&mut parameters).expect("fits");
    assert_eq!(
        send(&mut platform, 0x19, 6, &parameters[..length], ROOM),
        Ok(vec![])
    );
    let attributes = pinctrl::SettingsGetFlags::default()
        .with_selector_bits(Selector::Pin as u8)
        .with_scope(pinctrl::settings_scope::ALL);
    let values = ask(
        &mut platform,
        &pinctrl::SettingsGet {
            identifier: 2,
            attributes,
        },
    )
    .expect("succeeds");
    let read = Settings::parse(&values).expect("parses");
    assert_eq!((read.head.function, read.len()), (1, 2));
    let wrong = pinctrl::SettingsConfigure {
        identifier: 0,
        selector: Selector::Group,
        function: Some(1),
        settings: &[],
    };
    let length = wrong.emit(&mut parameters).expect("fits");
    assert_eq!(
        send(&mut platform, 0x19, 6, &parameters[..length], ROOM),
        Err(StatusCode::InvalidParameters),
        "cannot carry it"
    );
    assert_eq!(
        send(&mut platform, 0x19, 6, &parameters[..length - 4], ROOM),
        Err(StatusCode::ProtocolError)
    );
}
