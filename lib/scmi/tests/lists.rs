// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Lists as a platform writes them and an agent reads them, versions that differ, and what people see.

use scmi::common::{ListCount, ProtocolVersion, Range, ShortName};
use scmi::limits::MAX_PAYLOAD;
use scmi::perf::{
    DescribeLevels, DescribeLevelsV4, Level, LevelFlags, LevelV4, Levels, LevelsHead, LevelsV4,
};
use scmi::sensor::descriptor::*;
use scmi::sensor::unit::SensorUnit;
use scmi::units::PowerUnit;
use scmi::wire::{Command, Emit, Fault, Malformed, Message, Page, PageHead, PageWriter, Parse};
use scmi::{base, clock, perf, pinctrl, power, reset, sensor, system, voltage};

fn level(number: u32) -> Level {
    Level {
        level: number,
        cost: number * 2,
        attributes: LevelFlags::default().with_latency_us(30),
    }
}

/// What a platform does with PERFORMANCE_DESCRIBE_LEVELS.
fn levels_from(all: &[Level], skip: usize, out: &mut [u8]) -> usize {
    let mut page = PageWriter::new(out).unwrap();
    for level in &all[skip..] {
        if !page.push(level) {
            break;
        }
    }
    page.finish(|returned| LevelsHead {
        count: ListCount::new(returned, all.len() - skip - returned),
    })
    .unwrap()
}

#[test]
fn a_long_list_comes_in_pages_that_fill_the_room() {
    let all: Vec<Level> = (1..=23).map(level).collect();
    let mut seen = Vec::new();
    let mut pages = 0;
    while seen.len() < all.len() {
        let mut out = [0; MAX_PAYLOAD];
        let len = levels_from(&all, seen.len(), &mut out);
        let page = <DescribeLevels as Command>::Reply::parse(&out[..len]).unwrap();
        assert_eq!(page.remaining(), all.len() - seen.len() - page.len());
        assert!(
            page.remaining() == 0 || page.len() == 10,
            "ten entries of twelve bytes fit"
        );
        seen.extend(page.iter());
        pages += 1;
    }
    assert_eq!((seen, pages), (all, 3));
}

#[test]
fn a_list_that_says_more_than_it_has_is_malformed() {
    let mut bytes = vec![3, 0, 0, 0];
    bytes.extend([0; 35]);
    let malformed = Levels::parse(&bytes).unwrap_err();
    assert_eq!(
        malformed,
        Malformed {
            message: "LevelsHead",
            fault: Fault::Entries { said: 3, got: 2 }
        }
    );
    assert_eq!(
        malformed.to_string(),
        "malformed LevelsHead: says it lists 3 entries, there are 2"
    );
    bytes.push(0);
    assert_eq!(Levels::parse(&bytes).unwrap().len(), 3);
    bytes.push(0);
    assert_eq!(Levels::parse(&bytes).unwrap().len(), 3);
    assert_eq!(
        Levels::parse_exact(&bytes).unwrap_err().to_string(),
        "malformed LevelsHead: should end after 40 bytes, there are 41"
    );
    assert_eq!(
        Levels::parse(&bytes[..3]).unwrap_err().to_string(),
        "malformed LevelsHead: needs 4 bytes, there are 3"
    );
}

#[test]
fn a_page_without_room_for_its_head_is_refused() {
    assert!(PageWriter::<LevelsHead, Level>::new(&mut [0; 3]).is_err());
    let mut four = [0xff; 4];
    let mut page = PageWriter::<LevelsHead, Level>::new(&mut four).unwrap();
    assert!(!page.push(&level(1)));
    assert!(page.is_empty());
    assert_eq!(
        page.finish(|returned| LevelsHead {
            count: ListCount::new(returned, 9)
        }),
        Ok(4)
    );
    assert_eq!(four, [0, 0, 9, 0]);
}

#[test]
fn the_two_versions_of_levels_have_one_request_and_two_replies() {
    assert_eq!(DescribeLevels::MESSAGE, DescribeLevelsV4::MESSAGE);
    let fast = LevelV4 {
        level: 5,
        cost: 900,
        attributes: LevelFlags(2000),
        indicative_khz: 1_800_000,
        index: 4,
    };
    let mut out = [0; MAX_PAYLOAD];
    let mut page = PageWriter::new(&mut out).unwrap();
    while page.push(&fast) {}
    let len = page
        .finish(|returned| LevelsHead {
            count: ListCount::new(returned, 0),
        })
        .unwrap();
    let page = LevelsV4::parse(&out[..len]).unwrap();
    assert_eq!(page.len(), 6, "six entries of twenty bytes fit");
    assert!(page.iter().all(|level| level == fast));
    assert_eq!(
        fast.to_string(),
        "level 5, cost 900, reached in 2 ms, 1.8 GHz, index 4"
    );
}

#[test]
fn rates_are_a_list_or_a_range() {
    let rates = [1_000, 2_000, 3_000].map(|hertz| clock::Rate { hertz });
    let mut out = [0; MAX_PAYLOAD];
    let mut write = |count: ListCount| {
        let mut page = PageWriter::new(&mut out).unwrap();
        assert!(rates.iter().all(|rate| page.push(rate)));
        let len = page.finish(|_| clock::RatesHead { count }).unwrap();
        out[..len].to_vec()
    };
    let list = write(ListCount::new(3, 7));
    let list = clock::Rates::parse(&list).unwrap();
    assert_eq!((list.range(), list.len(), list.remaining()), (None, 3, 7));
    // Counted right, and as some platforms count.
    for count in [3, 1] {
        let range = write(ListCount::new(count, 0).with_range(true));
        let range = clock::Rates::parse(&range).unwrap();
        assert_eq!(
            range.range(),
            Some(Range {
                lowest: 1_000,
                highest: 2_000,
                step: 3_000
            })
        );
    }
    // A range of which not all is there is none.
    let cut = write(ListCount::new(2, 0).with_range(true));
    assert_eq!(clock::Rates::parse(&cut[..20]).unwrap().range(), None);
}

#[test]
fn voltages_may_be_negative() {
    let bytes = [
        3, 0x10, 0, 0, 0x80, 0xbd, 0xf0, 0xff, 0, 0, 0, 0, 0x50, 0xc3, 0, 0,
    ];
    let levels = voltage::Levels::parse(&bytes).unwrap();
    assert_eq!(
        levels.range(),
        Some(Range {
            lowest: -1_000_064,
            highest: 0,
            step: 50_000
        })
    );
    assert_eq!(levels.get(0).unwrap().to_string(), "-1 V");
}

/// Some platforms count the three values of a range as one, in each protocol that has ranges.
#[test]
fn a_range_that_is_counted_as_one_is_a_range() {
    for count in [1, 3] {
        let head = ListCount::new(count, 0).with_range(true);
        let mut bytes = head.0.to_le_bytes().to_vec();
        for word in [100_u32, 500, 20] {
            bytes.extend(word.to_le_bytes());
        }
        let levels = voltage::Levels::parse(&bytes).unwrap().range().unwrap();
        assert_eq!((levels.lowest, levels.highest, levels.step), (100, 500, 20));
        let intervals = sensor::Intervals::parse(&bytes).unwrap().range().unwrap();
        let words = [intervals.lowest, intervals.highest, intervals.step];
        assert_eq!(
            words.map(|word| word.0),
            [100, 500, 20],
            "counted as {count}"
        );
    }
    // A list of one is a list.
    let one = [1, 0, 0, 0, 100, 0, 0, 0, 0xff, 0, 0, 0, 0xff, 0, 0, 0];
    let list = sensor::Intervals::parse(&one).unwrap();
    assert_eq!((list.range(), list.len()), (None, 1));
}

fn scalar(extended: bool) -> SensorDescriptor {
    SensorDescriptor {
        base: SensorBase {
            sensor: 1,
            attributes: SensorFlags::default()
                .with_extended_attributes(extended)
                .with_trip_points(2),
            scale: SensorScale::new(SensorUnit::CELSIUS, -3),
            name: ShortName::new("gpu"),
        },
        power: extended.then_some(SensorPower { microwatts: 15 }),
        range: extended.then_some(ValueRange {
            resolution: Resolution::default()
                .with_value(125)
                .with_exponent_bits(0x1d),
            lowest: -40_000,
            highest: 125_000,
        }),
    }
}

#[test]
fn sensors_of_all_lengths_share_a_page() {
    let mut axes = scalar(true);
    axes.base.scale = SensorScale::default().with_axes(true).with_axis_count(3);
    axes.range = None;
    let all = [scalar(false), axes, scalar(true)];
    let mut out = [0; MAX_PAYLOAD];
    let mut page = PageWriter::new(&mut out).unwrap();
    for sensor in &all {
        assert!(page.push(sensor));
    }
    assert!(!page.push(&scalar(false)), "12 bytes are left");
    let len = page
        .finish(|returned| SensorsHead {
            count: ListCount::new(returned, 0),
        })
        .unwrap();
    assert_eq!(len, 4 + 28 + 32 + 52);
    let read: Vec<_> = Sensors::parse(&out[..len]).unwrap().iter().collect();
    assert_eq!(read, all);
    assert_eq!(read[2].range.unwrap().resolution.exponent(), -3);
    assert_eq!(read[0].base.scale.quantity(41_250).to_string(), "41.250 °C");
}

/// The flags of a descriptor win over its options, so that what is written can be read.
#[test]
fn a_descriptor_is_written_as_its_flags_say() {
    let mut said_more = scalar(true);
    said_more.range = None;
    let mut out = [0; 64];
    let len = said_more.emit(&mut out).unwrap();
    let read = SensorDescriptor::parse_exact(&out[..len]).unwrap();
    assert_eq!(read.range, Some(ValueRange::UNKNOWN));
    let mut said_less = scalar(true);
    said_less.base.attributes = SensorFlags::default();
    assert_eq!(said_less.emit(&mut out), Ok(28));
}

#[test]
fn versions_are_told_apart_by_length() {
    let v1 = base::AgentReply {
        agent: None,
        name: ShortName::new("ospm"),
    };
    let v2 = base::AgentReply {
        agent: Some(1),
        ..v1
    };
    let mut out = [0; 64];
    for (reply, len) in [(v1, 16), (v2, 20)] {
        assert_eq!(reply.emit(&mut out), Ok(len));
        assert_eq!(base::AgentReply::parse(&out[..len]), Ok(reply));
    }
    let v1 = clock::ClockInfo {
        attributes: clock::ClockFlags::default().with_enabled(true),
        name: ShortName::new("pix"),
        enable_latency_us: None,
    };
    let v2 = clock::ClockInfo {
        enable_latency_us: Some(100),
        ..v1
    };
    for (reply, len) in [(v1, 20), (v2, 24)] {
        assert_eq!(reply.emit(&mut out), Ok(len));
        assert_eq!(clock::ClockInfo::parse(&out[..len]), Ok(reply));
    }
    let v1 = system::StateNotifier {
        agent: 0,
        flags: system::SystemFlags::default(),
        state: system::SystemState::WARM_RESET,
        timeout_ms: None,
    };
    assert_eq!(v1.emit(&mut out), Ok(12));
    assert_eq!(
        v1.to_string(),
        "agent 0 wants the system to go to warm reset at once"
    );
    assert_eq!(clock::ConfigSet::MESSAGE, clock::ConfigSetV1::MESSAGE);
}

#[test]
fn lists_of_protocols_fill_whole_words() {
    let list = base::ProtocolList {
        protocols: &[0x11, 0x12, 0x13, 0x14, 0x15],
    };
    let mut out = [0xff; 16];
    assert_eq!(list.emit(&mut out), Ok(12));
    assert_eq!(
        out[..12],
        [5, 0, 0, 0, 0x11, 0x12, 0x13, 0x14, 0x15, 0, 0, 0]
    );
    assert_eq!(base::ProtocolList::parse(&out[..12]), Ok(list));
    // A platform that leaves the filling out is understood.
    assert_eq!(base::ProtocolList::parse(&out[..9]), Ok(list));
    assert!(base::ProtocolList::parse(&out[..8]).is_err());
    assert!(base::ProtocolList::parse(&[0xff; 4]).is_err());
    assert!(list.emit(&mut out[..11]).is_err());
    assert_eq!(base::ProtocolList::capacity(MAX_PAYLOAD), 124);
    assert_eq!(base::ProtocolList::capacity(3), 0);
}

#[test]
fn pin_settings_go_both_ways() {
    let settings = [(1, 7), (9, 0)].map(|(id, value)| pinctrl::Setting {
        kind: pinctrl::SettingType(id),
        value,
    });
    let request = pinctrl::SettingsConfigure {
        identifier: 5,
        selector: pinctrl::Selector::Group,
        function: Some(3),
        settings: &settings,
    };
    let mut out = [0; MAX_PAYLOAD];
    let len = request.emit(&mut out).unwrap();
    assert_eq!(len, 12 + 16);
    let read = pinctrl::SettingsConfigureRequest::parse_exact(&out[..len]).unwrap();
    assert_eq!((read.head.identifier, read.head.function), (5, 3));
    assert!(read.head.attributes.sets_function());
    assert_eq!(
        read.head.attributes.selector_bits(),
        pinctrl::Selector::Group as u8
    );
    assert!(read.iter().eq(settings));
    // As much as fits, and not one more.
    let many = [settings[0]; 15];
    let fits = pinctrl::SettingsConfigure {
        settings: &many[..14],
        ..request
    };
    assert_eq!(fits.emit(&mut out), Ok(124));
    assert!(
        pinctrl::SettingsConfigure {
            settings: &many,
            ..request
        }
        .emit(&mut out)
        .is_err()
    );
}

#[test]
fn pages_of_other_count_words() {
    let head = clock::ParentsHead {
        count: clock::ParentCount::default()
            .with_returned(2)
            .with_remaining(200),
    };
    assert_eq!((head.returned(), head.remaining()), (2, 200));
    let head = AxesHead {
        count: AxisCount::default().with_returned(63).with_remaining(63),
    };
    assert_eq!(
        (head.returned(), head.remaining(), head.count.0),
        (63, 63, 0xfc00_003f)
    );
    let head = pinctrl::SettingsHead {
        function: pinctrl::NO_FUNCTION,
        count: pinctrl::SettingCount::default()
            .with_returned(1)
            .with_remaining(2),
    };
    assert_eq!((head.returned(), head.remaining()), (1, 2));
    // Readings have no count: whole readings are taken, what is left over is not.
    assert_eq!(sensor::Readings::parse(&[0; 47]).unwrap().len(), 2);
}

#[test]
fn errors_name_more_commands_than_they_list() {
    let mut bytes = [0; 8 + 16 + 3];
    bytes[4] = 200;
    let event = Page::<base::ErrorEvent, base::ErrorReport>::parse(&bytes).unwrap();
    assert_eq!((event.head.error.commands(), event.len()), (200, 2));
}

#[test]
fn shown_for_people() {
    assert_eq!(power::PowerState::ON.to_string(), "on");
    assert_eq!(format!("{:>4}", power::PowerState::OFF), " off");
    assert_eq!(power::PowerState(5).to_string(), "state 5 (context kept)");
    assert_eq!(
        power::PowerState(0x4000_0002).to_string(),
        "state 2 (context lost)"
    );
    assert_eq!(
        system::SystemState(0x8000_0001).to_string(),
        "vendor state 0x1"
    );
    assert_eq!(reset::ResetState::COLD.to_string(), "cold");
    assert_eq!(voltage::Mode::ON.to_string(), "on");
    assert_eq!(voltage::Mode(9).to_string(), "vendor mode 1");
    assert_eq!(clock::Rate { hertz: 48_000 }.to_string(), "48 kHz");
    assert_eq!(level(3).to_string(), "level 3, cost 6, reached in 30 us");
    assert_eq!(
        format!("{:?}", power::PowerState::OFF),
        "PowerState(0x40000000)"
    );
    assert_eq!(ProtocolVersion::new(3, 0).to_string(), "3.0");
}

#[test]
fn units_of_power() {
    let flags = perf::ProtocolFlags::default();
    assert_eq!(flags.cost_unit(), PowerUnit::Abstract);
    assert_eq!(
        flags.with_costs_in_milliwatts(true).cost_unit(),
        PowerUnit::Milliwatts
    );
    assert_eq!(
        flags.with_costs_in_microwatts(true).cost_unit(),
        PowerUnit::Microwatts
    );
    for unit in [
        PowerUnit::Abstract,
        PowerUnit::Milliwatts,
        PowerUnit::Microwatts,
        PowerUnit::Undefined,
    ] {
        assert_eq!(
            scmi::powercap::DomainFlags::default()
                .with_unit(unit)
                .unit(),
            unit
        );
    }
}
