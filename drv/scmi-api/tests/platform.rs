// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Every call of every protocol against the platform daemon's machine, with the value looked at on both ends.

mod support;

use drv_scmi_api::*;
use scmi::clock::extended_config;
use scmi::common::{ProtocolVersion, Range};
use scmi::perf::LevelV4;
use scmi::pinctrl::{Selector, Setting, SettingType};
use scmi::power::PowerState;
use scmi::reset::ResetState;
use scmi::sensor::unit::SensorUnit;
use scmi::system::SystemState;
use scmi::voltage::Mode;
use scmi::{Notice, Protocol, Status};
use support::Fake;

const CPU: u32 = 0;
const GPU: u32 = 1;
const NOBODY: u32 = 99;

fn list<T>(items: impl Iterator<Item = Result<T, Error>>) -> Vec<T> {
    items.map(|item| item.expect("an entry")).collect()
}

/// All events that are there now.
fn notices(fake: &Fake) -> Vec<String> {
    let mut shown = Vec::new();
    loop {
        let mut buffer = [0; PAYLOAD_MAX];
        match next_event(fake, &mut buffer).expect("no error") {
            Incoming::Empty => return shown,
            Incoming::Notice { notice, .. } => shown.push(notice.to_string()),
            other => shown.push(format!("{other:?}")),
        }
    }
}

#[test]
fn base() {
    let fake = Fake::new();
    let base = Base::connect(&fake).unwrap();
    assert_eq!(base.vendor().unwrap().to_string(), "heron");
    assert_eq!(base.sub_vendor().unwrap().to_string(), "sample");
    assert_eq!(base.implementation_version(), Ok(0x0100));
    let protocols = list(base.protocols());
    assert_eq!(
        protocols,
        [0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19]
    );
    assert_eq!(
        usize::from(base.attributes().unwrap().attributes.protocols()),
        protocols.len()
    );
    assert_eq!(base.own_agent().unwrap().name.to_string(), "rtos");
    assert_eq!(base.agent(0).unwrap().name.to_string(), "platform");
    assert!(base.agent(NOBODY).unwrap_err().is(Status::NOT_FOUND));
    assert!(base.message(0x3).unwrap().is_some());
    assert_eq!(base.message(0x77), Ok(None));
    // What this agent may not do is refused with a reason, or done.
    for result in [
        base.set_device_permissions(1, 0, true),
        base.set_protocol_permissions(1, 0, 0x13, true),
        base.reset_agent_configuration(1, false),
    ] {
        assert!(
            matches!(result, Ok(()) | Err(Error::Refused(_))),
            "{result:?}"
        );
    }
}

#[test]
fn every_protocol_connects_and_tells_its_version() {
    let fake = Fake::new();
    let mut power = Power::connect(&fake).unwrap();
    let version = power.version();
    assert!(version.major() >= 1);
    assert_eq!(power.negotiate(version), Ok(()));
    assert_eq!(
        SystemPower::connect(&fake).unwrap().attributes().map(drop),
        Ok(())
    );
    assert_eq!(Perf::connect(&fake).unwrap().count(), Ok(3));
    assert_eq!(Clocks::connect(&fake).unwrap().count(), Ok(5));
    assert_eq!(Sensors::connect(&fake).unwrap().count(), Ok(6));
    assert_eq!(Resets::connect(&fake).unwrap().count(), Ok(3));
    assert_eq!(Voltages::connect(&fake).unwrap().count(), Ok(3));
    assert_eq!(Powercaps::connect(&fake).unwrap().count(), Ok(2));
    assert_eq!(Pins::connect(&fake).unwrap().count(Selector::Pin), Ok(6));
    assert_eq!(power.count(), Ok(5));
}

#[test]
fn power() {
    let fake = Fake::new();
    let power = Power::connect(&fake).unwrap();
    assert_eq!(power.domain(GPU).unwrap().name.to_string(), "gpu");
    assert_eq!(power.state(GPU), Ok(PowerState::OFF));
    power.set_state(GPU, PowerState::ON).unwrap();
    assert_eq!(power.state(GPU), Ok(PowerState::ON));
    assert_eq!(
        power.set_state_delayed(GPU, PowerState::OFF),
        Ok(PowerState::OFF)
    );
    assert_eq!(power.state(GPU), Ok(PowerState::OFF));
    let denied = power.set_state(CPU, PowerState::OFF).unwrap_err();
    assert!(denied.is(Status::DENIED));
    assert_eq!(denied.advice(), Advice::DoWithout);
    assert!(power.state(NOBODY).unwrap_err().is(Status::NOT_FOUND));

    power.notify_changes(GPU, true).unwrap();
    power.set_state(GPU, PowerState::ON).unwrap();
    fake.pass(100);
    assert_eq!(notices(&fake), ["power domain 1 is on by agent 1"]);
    power.notify_changes(GPU, false).unwrap();
    power.set_state(GPU, PowerState::OFF).unwrap();
    fake.pass(100);
    assert_eq!(notices(&fake), [""; 0]);
    let asked = power.notify_change_requests(GPU, true);
    assert!(
        matches!(
            asked,
            Ok(()) | Err(Error::NoAnswer(ScmiError::EventNotSupported))
        ),
        "{asked:?}"
    );
}

#[test]
fn system() {
    let fake = Fake::new();
    let system = SystemPower::connect(&fake).unwrap();
    assert!(system.can(SystemState::SHUTDOWN).unwrap());
    let _ = (
        system.can(SystemState::SUSPEND).unwrap(),
        system.can(SystemState::WARM_RESET).unwrap(),
    );
    system.notify_state(0, true).unwrap();
    assert_eq!(system.set_state(SystemState::SHUTDOWN, true), Ok(()));
    assert_eq!(system.state(), Ok(SystemState::SHUTDOWN));
}

#[test]
fn perf() {
    let fake = Fake::new();
    let perf = Perf::connect(&fake).unwrap();
    assert_eq!(perf.domain(GPU).unwrap().name.to_string(), "gpu");
    assert_eq!(perf.domain(GPU).unwrap().sustained_level, 3);
    let levels = list(perf.levels(GPU));
    assert_eq!(
        levels.iter().map(|level| level.level).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5]
    );
    assert_eq!(levels[2].cost, 1100);
    assert_eq!(levels[2].attributes.latency_us(), 120);
    Power::connect(&fake)
        .unwrap()
        .set_state(GPU, PowerState::ON)
        .unwrap();
    perf.set_level(GPU, 3).unwrap();
    fake.pass(100);
    assert_eq!(perf.level(GPU), Ok(3));
    perf.notify_limits(GPU, true).unwrap();
    perf.notify_level(GPU, true).unwrap();
    perf.set_limits(GPU, 1, 2).unwrap();
    let limits = perf.limits(GPU).unwrap();
    assert_eq!((limits.lowest, limits.highest), (1, 2));
    fake.pass(100);
    let notices = notices(&fake);
    assert!(
        notices.contains(&"performance domain 1 is limited to levels 1 to 2 by agent 1".into()),
        "{notices:?}"
    );
    assert!(perf.set_level(GPU, 77).is_err());
    assert!(perf.level(NOBODY).unwrap_err().is(Status::NOT_FOUND));
    assert!(list(perf.levels(CPU)).len() == 5);
}

/// The same levels whatever the version, apart from what older versions do not tell.
#[test]
fn perf_levels_of_all_versions() {
    let fake = Fake::new();
    let mut perf = Perf::connect(&fake).unwrap();
    let known = |level: &LevelV4| (level.level, level.cost, level.attributes);
    let now: Vec<_> = list(perf.levels(CPU)).iter().map(known).collect();
    for major in [1, 3, 4] {
        let version = ProtocolVersion::new(major, 0);
        assert_eq!(perf.negotiate(version), Ok(()));
        let levels = list(perf.levels(CPU));
        assert_eq!(
            levels.iter().map(known).collect::<Vec<_>>(),
            now,
            "version {major}"
        );
    }
}

/// A clock is switched, and found to be so, in every version.
#[test]
fn clocks_of_all_versions() {
    let fake = Fake::new();
    let mut clocks = Clocks::connect(&fake).unwrap();
    let gpu = 2;
    let newest = clocks.version();
    for version in [
        newest,
        ProtocolVersion::new(2, 0),
        ProtocolVersion::new(1, 0),
    ] {
        assert_eq!(clocks.negotiate(version), Ok(()));
        clocks.enable(gpu).unwrap();
        assert!(
            clocks.clock(gpu).unwrap().attributes.is_enabled(),
            "{version}"
        );
        clocks.disable(gpu).unwrap();
        assert!(
            !clocks.clock(gpu).unwrap().attributes.is_enabled(),
            "{version}"
        );
    }
}

/// A sensor shows the same in every version, at once and in a delayed response.
#[test]
fn sensor_readings_of_all_versions() {
    let fake = Fake::new();
    let mut sensors = Sensors::connect(&fake).unwrap();
    let cpu_temp = 0;
    let newest = sensors.version();
    for version in [
        newest,
        ProtocolVersion::new(2, 0),
        ProtocolVersion::new(1, 0),
    ] {
        assert_eq!(sensors.negotiate(version), Ok(()));
        let now = sensors.read(cpu_temp).unwrap().value();
        assert!((20_000..40_000).contains(&now), "{version}: {now}");
        let later = sensors.read_delayed(cpu_temp).unwrap().value();
        assert!((now - later).abs() < 2_000, "{version}: {now}, {later}");
    }
}

#[test]
fn clocks() {
    let fake = Fake::new();
    let clocks = Clocks::connect(&fake).unwrap();
    let (pll, gpu, uart) = (1, 2, 4);
    assert_eq!(clocks.clock(pll).unwrap().name.to_string(), "pll");
    assert!(clocks.clock(pll).unwrap().attributes.is_enabled());
    let Choices::Range(range) = clocks.rates(pll).unwrap() else {
        panic!("the pll has a range")
    };
    assert_eq!(
        range,
        Range {
            lowest: 100_000_000,
            highest: 1_600_000_000,
            step: 4_000_000
        }
    );
    let Choices::List(rates) = clocks.rates(gpu).unwrap() else {
        panic!("the gpu has a list")
    };
    let rates: Vec<u64> = list(rates).iter().map(|rate| rate.hertz).collect();
    assert_eq!(
        rates,
        [
            100_000_000,
            200_000_000,
            400_000_000,
            600_000_000,
            800_000_000
        ]
    );

    clocks.notify_rate(uart, true).unwrap();
    clocks.set_rate(uart, 12_300_000, Rounding::Down).unwrap();
    assert_eq!(clocks.rate(uart), Ok(12_000_000));
    clocks.set_rate(uart, 12_300_000, Rounding::Up).unwrap();
    assert_eq!(clocks.rate(uart), Ok(13_000_000));
    clocks.set_rate(uart, 14_900_000, Rounding::Auto).unwrap();
    assert!([14_000_000, 15_000_000].contains(&clocks.rate(uart).unwrap()));
    fake.pass(100);
    assert!(notices(&fake).contains(&"clock 4 runs at 13 MHz by agent 1".into()));
    let late = clocks.set_rate_delayed(uart, 24_000_000, Rounding::Down);
    assert!(
        matches!(
            late,
            Ok(24_000_000) | Err(Error::Refused(Status::NOT_SUPPORTED))
        ),
        "{late:?}"
    );

    clocks.enable(gpu).unwrap();
    assert!(
        clocks
            .config(gpu, extended_config::NONE)
            .unwrap()
            .config
            .is_enabled()
    );
    clocks.disable(gpu).unwrap();
    assert!(
        !clocks
            .config(gpu, extended_config::NONE)
            .unwrap()
            .config
            .is_enabled()
    );
    let duty = clocks.set_extended(gpu, extended_config::DUTY_CYCLE, 50);
    assert!(matches!(duty, Ok(()) | Err(Error::Refused(_))), "{duty:?}");

    let parents: Vec<u32> = list(clocks.possible_parents(gpu))
        .iter()
        .map(|parent| parent.clock)
        .collect();
    assert_eq!(parents, [1, 0]);
    clocks.set_parent(gpu, 0).unwrap();
    assert_eq!(clocks.parent(gpu), Ok(0));
    assert!(clocks.set_parent(gpu, NOBODY).is_err());
    assert!(clocks.permissions(gpu).unwrap().rate());
    assert!(!clocks.permissions(0).unwrap().rate());
    assert!(clocks.disable(0).unwrap_err().is(Status::DENIED));
}

#[test]
fn sensors() {
    let fake = Fake::new();
    let sensors = Sensors::connect(&fake).unwrap();
    let (gpu_temp, accelerometer) = (1, 5);
    let all = list(sensors.sensors());
    let names: Vec<String> = all
        .iter()
        .map(|sensor| sensor.base.name.to_string())
        .collect();
    assert_eq!(
        names,
        [
            "cpu-temp",
            "gpu-temp",
            "skin-temp",
            "gpu-power",
            "vdd-cpu",
            "accelerometer"
        ]
    );
    let descriptor = sensors.sensor(gpu_temp).unwrap();
    assert_eq!(descriptor, all[1]);
    assert_eq!(descriptor.base.scale.unit(), SensorUnit::CELSIUS);
    assert_eq!(descriptor.base.attributes.trip_points(), 3);
    assert!(sensors.sensor(NOBODY).unwrap_err().is(Status::NOT_FOUND));

    sensors.enable(gpu_temp, true).unwrap();
    assert!(sensors.config(gpu_temp).unwrap().is_enabled());
    let reading = sensors.read(gpu_temp).unwrap();
    assert_eq!(reading.len(), 1);
    let shown = descriptor.base.scale.quantity(reading.value()).to_string();
    assert!(shown.ends_with(" °C"), "{shown}");
    let delayed = sensors.read_delayed(gpu_temp).unwrap();
    assert!((delayed.value() - reading.value()).abs() < 5_000);

    sensors.enable(accelerometer, true).unwrap();
    assert_eq!(sensors.sensor(accelerometer).unwrap().base.scale.axes(), 3);
    let axes = list(sensors.axes(accelerometer));
    assert_eq!(
        axes.iter()
            .map(|axis| axis.base.name.to_string())
            .collect::<Vec<_>>(),
        ["x", "y", "z"]
    );
    let reading = sensors.read(accelerometer).unwrap();
    assert_eq!(
        reading.iter().map(|axis| axis.value).collect::<Vec<_>>(),
        [12, -40, 9806]
    );
    assert!(matches!(sensors.read(NOBODY), Err(Error::Refused(_))));

    match sensors.update_intervals(gpu_temp).unwrap() {
        Choices::List(intervals) => assert_eq!(list(intervals).len(), 3),
        Choices::Range(range) => panic!("three intervals are a list: {range:?}"),
    }
}

/// A trip point tells when the machine heats up, and updates come while they are wanted.
#[test]
fn sensors_are_read_together() {
    let fake = Fake::new();
    let sensors = Sensors::connect(&fake).unwrap();
    let (gpu_temp, accelerometer) = (1, 5);
    for sensor in [0, gpu_temp, accelerometer] {
        sensors.enable(sensor, true).unwrap();
    }
    let asked = [accelerometer, NOBODY, gpu_temp, 0, gpu_temp];
    let mut all = Vec::new();
    sensors
        .read_all(&asked, |place, readings| all.push((place, readings)))
        .unwrap();
    let places: Vec<usize> = all.iter().map(|(place, _)| *place).collect();
    assert_eq!(places, [0, 1, 2, 3, 4]);
    for ((_, readings), sensor) in all.iter().zip(asked) {
        assert_eq!(*readings, sensors.read(sensor), "{sensor}");
    }
    assert_eq!(all[0].1.unwrap().len(), 3);
    assert!(all[1].1.unwrap_err().is(Status::NOT_FOUND));
}

#[test]
fn sensors_tell() {
    let fake = Fake::new();
    let sensors = Sensors::connect(&fake).unwrap();
    let gpu_temp = 1;
    sensors.enable(gpu_temp, true).unwrap();
    sensors
        .set_trip_point(gpu_temp, 0, 40_000, true, false)
        .unwrap();
    sensors.notify_trip_points(gpu_temp, true).unwrap();
    Power::connect(&fake)
        .unwrap()
        .set_state(GPU, PowerState::ON)
        .unwrap();
    Perf::connect(&fake).unwrap().set_level(GPU, 5).unwrap();
    for _ in 0..100 {
        fake.pass(100);
    }
    let told = notices(&fake);
    assert!(
        told.contains(&"sensor 1 rose through trip point 0".into()),
        "{told:?}"
    );
    assert!(sensors.read(gpu_temp).unwrap().value() > 40_000);

    sensors.notify_updates(gpu_temp, true).unwrap();
    fake.pass(3000);
    let mut buffer = [0; PAYLOAD_MAX];
    match next_event(&fake, &mut buffer).unwrap() {
        Incoming::Notice {
            notice: Notice::SensorUpdate(update),
            ..
        } => {
            assert_eq!((update.head.sensor, update.len()), (gpu_temp, 1));
        }
        other => panic!("no update: {other:?}"),
    }
}

#[test]
fn resets() {
    let fake = Fake::new();
    let resets = Resets::connect(&fake).unwrap();
    let radio = 2;
    assert_eq!(resets.domain(radio).unwrap().name.to_string(), "radio");
    resets.notify_resets(radio, true).unwrap();
    resets.reset(radio, ResetState::COLD).unwrap();
    assert_eq!(
        notices(&fake),
        ["reset domain 2 was reset (cold) by agent 1"]
    );
    resets.reset_delayed(radio, ResetState::COLD).unwrap();
    resets.release(0).unwrap();
    resets.assert(0).unwrap();
    assert!(
        resets
            .reset(NOBODY, ResetState::COLD)
            .unwrap_err()
            .is(Status::NOT_FOUND)
    );
}

#[test]
fn voltages() {
    let fake = Fake::new();
    let voltages = Voltages::connect(&fake).unwrap();
    let (gpu, io) = (1, 2);
    assert_eq!(voltages.domain(gpu).unwrap().name.to_string(), "vdd-gpu");
    let Choices::Range(range) = voltages.levels(gpu).unwrap() else {
        panic!("a range")
    };
    assert_eq!(
        range,
        Range {
            lowest: 600_000,
            highest: 1_000_000,
            step: 12_500
        }
    );
    let Choices::List(levels) = voltages.levels(io).unwrap() else {
        panic!("a list")
    };
    assert_eq!(
        list(levels)
            .iter()
            .map(|level| level.microvolts)
            .collect::<Vec<_>>(),
        [1_800_000, 3_300_000]
    );
    voltages.set_mode(gpu, Mode::ON).unwrap();
    assert_eq!(voltages.mode(gpu), Ok(Mode::ON));
    voltages.set_level(gpu, 800_000).unwrap();
    assert_eq!(voltages.level(gpu), Ok(800_000));
    let late = voltages.set_level_delayed(gpu, 850_000);
    assert!(
        matches!(
            late,
            Ok(850_000) | Err(Error::Refused(Status::NOT_SUPPORTED))
        ),
        "{late:?}"
    );
    assert!(voltages.set_level(gpu, 5_000_000).is_err());
}

#[test]
fn powercaps() {
    let fake = Fake::new();
    let caps = Powercaps::connect(&fake).unwrap();
    let info = caps.domain(GPU).unwrap();
    assert_eq!((info.name.to_string(), info.parent), ("gpu".into(), 0));
    caps.notify_cap(GPU, true).unwrap();
    caps.set_cap(GPU, info.lowest_cap).unwrap();
    assert_eq!(caps.cap(GPU), Ok(info.lowest_cap));
    assert!(
        notices(&fake)
            .iter()
            .any(|notice| notice.starts_with("power domain 1 is capped at"))
    );
    let late = caps.set_cap_delayed(GPU, info.highest_cap);
    assert!(
        matches!(late, Err(Error::Refused(_))) || late == Ok(info.highest_cap),
        "{late:?}"
    );
    let interval = caps.interval(GPU).unwrap();
    let same = caps.set_interval(GPU, interval);
    assert!(matches!(same, Ok(()) | Err(Error::Refused(_))), "{same:?}");
    assert!(caps.measure(GPU).is_ok());
    caps.notify_measurements(GPU, true).unwrap();
    assert!(caps.set_cap(GPU, 1).is_err());
}

#[test]
fn power_caps_tell_of_what_leaves_the_chosen_thresholds() {
    let fake = Fake::new();
    let caps = Powercaps::connect(&fake).unwrap();
    let power = Power::connect(&fake).unwrap();
    let perf = Perf::connect(&fake).unwrap();
    power.set_state(GPU, PowerState::ON).unwrap();
    perf.set_level(GPU, 1).unwrap();
    fake.pass(5_000);
    let idle = caps.measure(GPU).unwrap().power;
    // Within them nothing is told.
    caps.watch_measurements(GPU, 0, 2 * idle).unwrap();
    fake.pass(5_000);
    assert_eq!(notices(&fake), [""; 0]);
    perf.set_level(GPU, 5).unwrap();
    fake.pass(5_000);
    let told = notices(&fake);
    let above = told.iter().filter(|notice| {
        let words: Vec<&str> = notice.split(' ').collect();
        notice.starts_with("power domain 1 takes")
            && words.last().unwrap().parse::<u32>().unwrap() > 2 * idle
    });
    assert_eq!(above.count(), 1, "{told:?}");
    // The platform refuses thresholds that contradict each other, and has no domain of that number.
    assert!(caps.watch_measurements(GPU, 9, 8).is_err());
    assert!(caps.watch_measurements(NOBODY, 8, 9).is_err());
    caps.notify_measurements(GPU, false).unwrap();
    perf.set_level(GPU, 1).unwrap();
    fake.pass(5_000);
    assert_eq!(notices(&fake), [""; 0]);
}

#[test]
fn pins() {
    let fake = Fake::new();
    let pins = Pins::connect(&fake).unwrap();
    assert_eq!(pins.count(Selector::Group), Ok(3));
    assert_eq!(pins.count(Selector::Function), Ok(3));
    assert_eq!(
        pins.info(Selector::Group, 0).unwrap().name.to_string(),
        "uart0-pins"
    );
    assert_eq!(list(numbers(pins.pins_of(1))), [2, 3]);
    assert_eq!(list(numbers(pins.groups_of(0))), [0, 2]);
    pins.request(Selector::Group, 0).unwrap();
    let setting = Setting {
        kind: SettingType(9),
        value: 4,
    };
    pins.configure(Selector::Group, 0, Some(0), &[setting])
        .unwrap();
    assert_eq!(pins.function(Selector::Group, 0), Ok(Some(0)));
    assert_eq!(pins.setting(Selector::Group, 0, SettingType(9)), Ok(4));
    assert!(list(pins.settings(Selector::Group, 0)).contains(&setting));
    pins.release(Selector::Group, 0).unwrap();
    assert!(pins.info(Selector::Pin, NOBODY).is_err());
}

#[test]
fn commands_can_be_started_and_polled() {
    let fake = Fake::new();
    let link = Link::new(&fake).with_deadline(500);
    let started = link
        .send(&scmi::power::StateGet { domain: GPU }, 1 << 3)
        .unwrap();
    let mut buffer = [0; PAYLOAD_MAX];
    assert_eq!(link.poll(&started, &mut buffer), Ok(None));
    fake.pass(1);
    let reply = link.poll(&started, &mut buffer).unwrap().expect("done");
    assert_eq!(reply.state, PowerState::OFF);
    assert_eq!(
        link.poll(&started, &mut buffer),
        Err(Error::NoAnswer(ScmiError::BadHandle))
    );
    let refused = link
        .send(&scmi::power::StateGet { domain: NOBODY }, 0)
        .unwrap();
    assert_eq!(
        link.poll(&refused, &mut buffer),
        Err(Error::Refused(Status::NOT_FOUND))
    );
    let unwanted = link
        .send(&scmi::power::StateGet { domain: GPU }, 0)
        .unwrap();
    assert_eq!(link.cancel(unwanted), Ok(()));
    assert!(
        fake.sent
            .borrow()
            .iter()
            .all(|sent| sent.deadline_ms == 500)
    );
}

#[test]
fn events_have_names() {
    assert_eq!(event_name(Protocol::Sensor, 1), Some("SENSOR_UPDATE"));
    assert_eq!(event_name(Protocol::Voltage, 0), None);
}

#[test]
fn every_kind_of_thing_has_numbers_and_names() {
    let fake = Fake::new();
    let link = Link::new(&fake);
    for (kind, count, number, name) in [
        (Kind::Power, 5, 1, "gpu"),
        (Kind::Perf, 3, 2, "npu"),
        (Kind::Clock, 5, 4, "uart"),
        (Kind::Sensor, 6, 5, "accelerometer"),
        (Kind::Reset, 3, 2, "radio"),
        (Kind::Voltage, 3, 0, "vdd-cpu"),
        (Kind::Powercap, 2, 0, "soc"),
        (Kind::Pin(Selector::Group), 3, 1, "i2c0-pins"),
        (Kind::Pin(Selector::Function), 3, 2, "gpio"),
    ] {
        assert_eq!(kind.count(link), Ok(count), "{kind}");
        let found = kind.name(link, number);
        assert_eq!(found.unwrap().as_str(), Some(name), "{kind}");
        assert!(kind.name(link, NOBODY).is_err(), "{kind}");
        let is_pin = kind.protocol() == Protocol::Pinctrl;
        let of = (!is_pin).then_some(kind);
        assert_eq!(Kind::of(kind.protocol()), of);
    }
    // Names need no version.
    assert_eq!(fake.count(0x11, 0), 0);
}

/// The short name of what promises a longer one serves if the platform does not keep that.
#[test]
fn a_long_name_that_is_refused_is_the_short_one() {
    for refused in [false, true] {
        let fake = Fake::new();
        fake.tamper(
            move |sent, status, values| match (sent.protocol, sent.message) {
                // DOMAIN_ATTRIBUTES: bit 27 promises a longer name.
                (0x11, 3) => values[3] |= 1 << 3,
                (0x11, 8) if refused => *status = -1,
                (0x11, 8) => {
                    *status = 0;
                    *values = vec![0; 68];
                    values[4..][..8].copy_from_slice(b"graphics");
                }
                _ => {}
            },
        );
        let name = Kind::Power.name(Link::new(&fake), GPU).unwrap();
        let wanted = if refused { "gpu" } else { "graphics" };
        assert_eq!(name.as_str(), Some(wanted));
    }
}
