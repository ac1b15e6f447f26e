// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The sample machine, warm and cool.

use drv_scmi_api::{ScmiError, Sensors};
use proptest::prelude::*;
use scmi::common::ProtocolVersion;
use task_thermal_api::{Cause, ZoneState};

use super::fake::{Fake, Log};
use crate::{BACK_OFF_MAX_MS, Governor, Limit, SERVE_MS, Target, Times, Trip, Zone};

const GPU: u8 = 0;
const SKIN: u8 = 1;
const LEVEL: u8 = 0;
const CAP: u8 = 1;

static LIMITS: [Limit; 2] = [
    Limit {
        name: "gpu",
        target: Target::Perf { domain: 1 },
        platform_name: Some("gpu"),
        normal: 5,
        safe: 1,
    },
    Limit {
        name: "soc",
        target: Target::Cap { domain: 0 },
        platform_name: Some("soc"),
        normal: 8000,
        safe: 2000,
    },
];
static GPU_TRIPS: [Trip; 3] = [
    Trip {
        at: 60_000,
        cuts: &[(0, 4)],
    },
    Trip {
        at: 75_000,
        cuts: &[(0, 2)],
    },
    Trip {
        at: 90_000,
        cuts: &[(0, 1), (1, 3000)],
    },
];
static SKIN_TRIPS: [Trip; 1] = [Trip {
    at: 40_000,
    cuts: &[(1, 4000)],
}];
static ZONES: [Zone; 2] = [
    Zone {
        name: "gpu",
        sensor: 1,
        platform_name: Some("gpu-temp"),
        hysteresis: 5000,
        trips: &GPU_TRIPS,
    },
    Zone {
        name: "skin",
        sensor: 2,
        platform_name: Some("skin-temp"),
        hysteresis: 1000,
        trips: &SKIN_TRIPS,
    },
];
const TIMES: Times = Times {
    deadline_ms: 200,
    poll_ms: 1000,
    check_ms: 10_000,
    blind_ms: 1000,
};

type Thermal = Governor<2, 2>;

/// The task, with the gpu running as fast as it may.
fn new(fake: &Fake) -> Thermal {
    let mut thermal = Governor::new(&ZONES, &LIMITS, TIMES);
    {
        let mut platform = fake.platform.borrow_mut();
        platform.model.power[1] = 0;
        platform.model.set_level(1, 4);
    }
    thermal.run(fake, || fake.now.get());
    thermal
}

/// Lets time pass, and the task do what is due, and what it is told.
fn pass(fake: &Fake, thermal: &mut Thermal, ms: u64) {
    let end = fake.now.get() + ms;
    while fake.now.get() < end {
        fake.pass(20);
        let now = fake.now.get();
        if fake.was_told(0x15) {
            thermal.tripped(1, now);
            thermal.tripped(2, now);
        }
        if thermal.next().is_some_and(|at| at <= now) {
            thermal.run(fake, || now);
        }
    }
}

fn level(fake: &Fake) -> u32 {
    fake.platform.borrow().model.level(1)
}

fn cap(fake: &Fake) -> u32 {
    fake.platform.borrow().model.caps[0].cap_mw
}

fn applied(thermal: &Thermal, limit: u8) -> Option<u32> {
    thermal.limit(limit).unwrap().applied
}

#[test]
fn what_gets_warm_is_slowed_down_and_comes_back() {
    let fake = Fake::new();
    let mut thermal = new(&fake);
    let zone = thermal.zone(GPU).unwrap();
    assert_eq!(
        (zone.state, zone.passed, zone.notified),
        (ZoneState::Watched, 0, true)
    );
    assert_eq!((level(&fake), applied(&thermal, LEVEL)), (5, Some(5)));
    // At its top level it would end up at 97 degrees.
    let (mut lowest, mut highest) = (5, 0);
    for _ in 0..200 {
        pass(&fake, &mut thermal, 100);
        let zone = thermal.zone(GPU).unwrap();
        lowest = lowest.min(level(&fake));
        highest = highest.max(zone.reading);
        assert!(level(&fake) <= applied(&thermal, LEVEL).unwrap());
    }
    assert_eq!(lowest, 4, "the first trip is enough for this machine");
    assert!(highest < 75_000, "{highest}");
    let zone = thermal.zone(GPU).unwrap();
    assert!(zone.actions > 0 && zone.last_action_ms > 0, "{zone:?}");
    // Idle, it cools down, and may run as fast as it wants again.
    fake.platform.borrow_mut().model.power[1] = 1 << 30;
    pass(&fake, &mut thermal, 10_000);
    assert_eq!((level(&fake), thermal.zone(GPU).unwrap().passed), (5, 0));
}

#[test]
fn trips_are_left_only_below_their_hysteresis() {
    let zone = &ZONES[0];
    for (reading, before, passed) in [
        (59_999, 0, 0),
        (60_000, 0, 1),
        (55_000, 1, 1),
        (54_999, 1, 0),
        (89_999, 0, 2),
        (95_000, 0, 3),
        (85_000, 3, 3),
        (84_999, 3, 2),
        (10_000, 3, 0),
        (i64::MAX, 0, 3),
        (i64::MIN, 3, 0),
    ] {
        assert_eq!(
            zone.passed(reading, before),
            passed,
            "{reading} from {before}"
        );
    }
}

#[test]
fn a_limit_is_the_lowest_that_any_zone_asks_for() {
    let fake = Fake::new();
    let mut thermal = new(&fake);
    let set = |name: &str, mc: i64| {
        let mut platform = fake.platform.borrow_mut();
        let body = platform
            .model
            .machine
            .bodies
            .iter()
            .position(|body| body.name == name);
        platform.model.set_temperature(body.unwrap(), mc);
    };
    set("skin", 45_000);
    thermal.look_at_all(0);
    thermal.run(&fake, || 0);
    assert_eq!((cap(&fake), applied(&thermal, CAP)), (4000, Some(4000)));
    set("gpu-die", 95_000);
    thermal.look_at_all(0);
    thermal.run(&fake, || 0);
    assert_eq!((cap(&fake), level(&fake)), (3000, 1));
    assert_eq!(thermal.zone(GPU).unwrap().passed, 3);
    set("gpu-die", 30_000);
    thermal.look_at_all(0);
    thermal.run(&fake, || 0);
    assert_eq!((cap(&fake), applied(&thermal, LEVEL)), (4000, Some(5)));
    assert_eq!(thermal.zone(SKIN).unwrap().passed, 1);
}

#[test]
fn a_sensor_that_is_silent_makes_its_limits_safe() {
    let fake = Fake::new();
    let mut thermal = new(&fake);
    fake.refuse(0x15, 0x6, -9);
    thermal.look_at_all(0);
    let mut pauses = Vec::new();
    let mut now = 0;
    for _ in 0..12 {
        thermal.run(&fake, || now);
        let blind = thermal.zone(GPU).unwrap().state == ZoneState::Blind;
        assert_eq!(blind, now >= TIMES.blind_ms, "at {now}");
        let next = thermal.next().unwrap();
        pauses.push(next - now);
        now = next;
    }
    assert_eq!(pauses.last(), Some(&BACK_OFF_MAX_MS), "{pauses:?}");
    assert_eq!((level(&fake), cap(&fake)), (1, 2000));
    let zone = thermal.zone(GPU).unwrap();
    assert_eq!(zone.trouble, Some(Cause::Refused(-9)));
    fake.refusals.take();
    thermal.run(&fake, || now);
    assert_eq!(thermal.zone(GPU).unwrap().state, ZoneState::Watched);
    assert_eq!((level(&fake), cap(&fake)), (5, 8000));
}

#[test]
fn a_platform_that_comes_back_is_set_anew() {
    let fake = Fake::new();
    let mut thermal = new(&fake);
    fake.away.set(Some(ScmiError::PlatformUnavailable));
    thermal.resynchronise(0);
    let mut now = 0;
    while now < 30_000 {
        thermal.run(&fake, || now);
        now = thermal.next().unwrap();
    }
    assert_eq!(thermal.zone(GPU).unwrap().state, ZoneState::Blind);
    assert_eq!(thermal.limit(LEVEL).unwrap().target, Some(1));
    // It takes orders again before its sensors read: first of all it is made safe.
    fake.away.set(None);
    fake.restart_platform();
    fake.refuse(0x15, 0x6, -6);
    now = thermal.next().unwrap();
    thermal.resynchronise(now);
    thermal.run(&fake, || now);
    assert_eq!(cap(&fake), 2000);
    fake.refusals.take();
    now = thermal.next().unwrap();
    thermal.run(&fake, || now);
    let zone = thermal.zone(GPU).unwrap();
    assert_eq!((zone.state, zone.notified), (ZoneState::Watched, true));
    assert_eq!(cap(&fake), 8000);
}

#[test]
fn a_platform_without_limits_has_its_level_set_and_given_back() {
    let fake = Fake::new();
    let mut thermal = new(&fake);
    fake.refuse(0x13, 0x5, -1);
    let hot = |mc| {
        fake.platform.borrow_mut().model.set_temperature(1, mc);
        thermal.look_at_all(0);
        thermal.run(&fake, || 0);
        level(&fake)
    };
    let mut hot = hot;
    assert_eq!(hot(80_000), 2);
    assert_eq!(hot(95_000), 1);
    assert_eq!(hot(30_000), 5, "as it was before");
    // Whoever sets another level meanwhile has the last word.
    assert_eq!(hot(80_000), 2);
    fake.platform.borrow_mut().model.set_level(1, 0);
    assert_eq!(hot(30_000), 1);
}

#[test]
fn a_limit_that_is_refused_is_tried_again() {
    let fake = Fake::new();
    let mut thermal = new(&fake);
    fake.refuse(0x18, 0x5, -6);
    fake.platform.borrow_mut().model.set_temperature(2, 45_000);
    thermal.look_at_all(0);
    thermal.run(&fake, || 0);
    assert_eq!(
        thermal.limit(CAP).unwrap().trouble,
        Some(Cause::Refused(-6))
    );
    assert_eq!(applied(&thermal, CAP), None);
    fake.refusals.take();
    let at = thermal.next().unwrap();
    thermal.run(&fake, || at);
    assert_eq!(
        (cap(&fake), thermal.limit(CAP).unwrap().trouble),
        (4000, None)
    );
}

/// Does what is due until the time is over, and what is due then. Returns the pauses between.
fn spend(fake: &Fake, thermal: &mut Thermal, ms: u64) -> Vec<u64> {
    let end = fake.now.get() + ms;
    let mut pauses = Vec::new();
    loop {
        thermal.run(fake, || fake.now.get());
        let next = thermal
            .next()
            .expect("a sensor is asked again, for ever")
            .max(fake.now.get());
        if next > end {
            return pauses;
        }
        pauses.push(next - fake.now.get());
        fake.pass(next - fake.now.get());
    }
}

#[test]
fn another_machine_is_left_alone() {
    // No sensors, no such sensor.
    for (message, status) in [(0x0, -1), (0x3, -4)] {
        let fake = Fake::new();
        fake.refuse(0x15, message, status);
        let mut thermal = new(&fake);
        let pauses = spend(&fake, &mut thermal, 600_000);
        for zone in [GPU, SKIN] {
            assert_eq!(thermal.zone(zone).unwrap().state, ZoneState::Absent);
        }
        assert!(pauses.len() < 2 * 80, "it is asked often: {pauses:?}");
        assert_eq!(fake.take_log(), Log::new());
        assert_eq!(thermal.limit(LEVEL).unwrap().target, None);
    }
}

/// S13: what never worked is asked again, so that a platform which was not ready is no reason to do without its sensors.
#[test]
fn s13_absent_sensor_is_asked_again() {
    for (message, status) in [(0x0, -1), (0x3, -4), (0x3, -1)] {
        let fake = Fake::new();
        fake.refuse(0x15, message, status);
        let mut thermal = new(&fake);
        fake.platform.borrow_mut().model.power[1] = 1 << 30;
        spend(&fake, &mut thermal, 60_000);
        assert_eq!(thermal.zone(GPU).unwrap().state, ZoneState::Absent);
        fake.refusals.take();
        spend(&fake, &mut thermal, 10_000);
        let zone = thermal.zone(GPU).unwrap();
        assert_eq!((zone.state, zone.notified), (ZoneState::Watched, true));
        assert_eq!(applied(&thermal, LEVEL), Some(5));
    }
}

/// S13: one false refusal of a reading switched a zone off for good, and left its limits as they were.
#[test]
fn s13_false_refusal_makes_a_zone_blind() {
    for status in [-1, -4] {
        let fake = Fake::new();
        let mut thermal = new(&fake);
        fake.platform.borrow_mut().model.set_temperature(1, 62_000);
        fake.refuse_one(0x15, 0x6, 0, status);
        thermal.look_at_all(0);
        thermal.run(&fake, || 0);
        let zone = thermal.zone(GPU).unwrap();
        assert_eq!(zone.state, ZoneState::Blind, "{status}");
        assert_eq!(zone.trouble, Some(Cause::Refused(status)));
        assert_eq!((level(&fake), applied(&thermal, LEVEL)), (1, Some(1)));
        let at = thermal.next().unwrap();
        thermal.run(&fake, || at);
        let zone = thermal.zone(GPU).unwrap();
        assert_eq!((zone.state, zone.passed), (ZoneState::Watched, 1));
        assert_eq!((level(&fake), applied(&thermal, LEVEL)), (4, Some(4)));
    }
}

/// S13: a sensor that was there once is there, whatever the platform says, and is asked again at least every second.
#[test]
fn s13_known_sensor_is_never_absent() {
    for (message, status) in [(0x0, -1), (0x3, -4), (0x3, -1), (0x6, -1), (0x6, -4)] {
        let fake = Fake::new();
        let mut thermal = new(&fake);
        thermal.resynchronise(0);
        fake.refuse(0x15, message, status);
        for _ in 0..60 {
            let pauses = spend(&fake, &mut thermal, 1000);
            assert!(!pauses.is_empty(), "it is asked once a second at least");
            for zone in [GPU, SKIN] {
                let state = thermal.zone(zone).unwrap().state;
                assert_eq!(state, ZoneState::Blind, "{message} {status}");
            }
            assert_eq!((level(&fake), cap(&fake)), (1, 2000));
        }
        fake.refusals.take();
        spend(&fake, &mut thermal, 1000);
        assert_eq!(thermal.zone(GPU).unwrap().state, ZoneState::Watched);
        assert_eq!((level(&fake), cap(&fake)), (5, 8000));
    }
}

/// S13: a sensor that the platform lists and has never let be read is dangerous, not absent.
#[test]
fn s13_listed_sensor_without_reading_is_blind() {
    let fake = Fake::new();
    fake.refuse(0x15, 0x6, -1);
    let mut thermal = new(&fake);
    assert_eq!(thermal.zone(GPU).unwrap().state, ZoneState::Blind);
    assert_eq!((level(&fake), cap(&fake)), (1, 2000));
    fake.refusals.take();
    spend(&fake, &mut thermal, 1000);
    assert_eq!((level(&fake), cap(&fake)), (5, 8000));
}

/// S13: SENSOR_CONFIG_GET is optional, and platforms have several statuses for what they lack.
#[test]
fn s13_sensor_without_config_is_watched() {
    for status in [-1, -2, -3, -4, -6, -8, -9, 5] {
        let fake = Fake::new();
        fake.refuse(0x15, 0x9, status);
        let mut thermal = new(&fake);
        let zone = thermal.zone(GPU).unwrap();
        assert_eq!(
            (zone.state, zone.notified),
            (ZoneState::Watched, true),
            "{status}"
        );
        pass(&fake, &mut thermal, 5000);
        assert_eq!(thermal.zone(GPU).unwrap().passed, 1);
        assert_eq!(level(&fake), 4);
    }
}

/// S13: CONFIG_GET came with version 2 of the protocol, and is not sent to a platform of version 1.
#[test]
fn s13_version_1_is_not_asked_for_config() {
    let fake = Fake::new();
    let v1 = ProtocolVersion::new(1, 0);
    Sensors::connect(&fake).unwrap().negotiate(v1).unwrap();
    fake.versions.borrow_mut().insert(0x15, 0x1_0000);
    let thermal = new(&fake);
    assert_eq!(thermal.zone(GPU).unwrap().state, ZoneState::Watched);
    assert_eq!(thermal.zone(GPU).unwrap().reading, 25_000);
    let asked = fake.asked.take();
    assert!(!asked.contains(&(0x15, 0x9)), "{asked:?}");
}

/// S13: a platform that never answers CONFIG_GET has its sensors read all the same.
#[test]
fn s13_lost_config_does_not_blind_for_long() {
    let fake = Fake::new();
    fake.lose(0x15, 0x9, u32::MAX);
    let mut thermal = new(&fake);
    spend(&fake, &mut thermal, 3000);
    for zone in [GPU, SKIN] {
        assert_eq!(thermal.zone(zone).unwrap().state, ZoneState::Watched);
    }
    assert!(applied(&thermal, LEVEL).is_some());
}

/// S13: a sensor whose trip points are refused, or not answered for, is polled, and asked to tell again.
#[test]
fn s13_refused_trip_points_are_asked_for_again() {
    // TRIP_POINT_NOTIFY, TRIP_POINT_CONFIG.
    for message in [0x4, 0x5] {
        for status in [Some(-1), Some(-6), None] {
            let fake = Fake::new();
            match status {
                Some(status) => fake.refuse(0x15, message, status),
                None => fake.lose(0x15, message, 2),
            }
            let mut thermal = new(&fake);
            let zone = thermal.zone(GPU).unwrap();
            assert_eq!(
                (zone.state, zone.notified),
                (ZoneState::Watched, false),
                "{message} {status:?}"
            );
            fake.refusals.take();
            fake.losses.take();
            fake.platform.borrow_mut().model.power[1] = 1 << 30;
            spend(&fake, &mut thermal, 25_000);
            assert!(thermal.zone(GPU).unwrap().notified);
        }
    }
}

/// S13: a limit that was refused once as not supported, or not found, was never set again.
#[test]
fn s13_refused_limit_is_tried_again() {
    // Of the performance domain: version, attributes; of the power cap: version, attributes, and the cap itself.
    for refused in [
        (0x13, 0x0),
        (0x13, 0x3),
        (0x18, 0x0),
        (0x18, 0x3),
        (0x18, 0x5),
    ] {
        for status in [-1, -4, -6] {
            // From the start, and after it has worked.
            for has_worked in [false, true] {
                let fake = Fake::new();
                let hot = |mc| fake.platform.borrow_mut().model.set_temperature(1, mc);
                fake.platform.borrow_mut().model.power[1] = 1 << 30;
                hot(95_000);
                let mut thermal = Governor::new(&ZONES, &LIMITS, TIMES);
                if has_worked {
                    thermal.run(&fake, || 0);
                    thermal.resynchronise(0);
                    hot(70_000);
                    thermal.run(&fake, || 0);
                    thermal.resynchronise(0);
                    hot(95_000);
                }
                fake.refuse(refused.0, refused.1, status);
                thermal.run(&fake, || 0);
                let number = u8::from(refused.0 == 0x18);
                assert_eq!(applied(&thermal, number), None, "{refused:?} {status}");
                fake.refusals.take();
                hot(95_000);
                thermal.run(&fake, || fake.now.get());
                let at = thermal.next().unwrap();
                fake.now.set(at);
                thermal.run(&fake, || at);
                assert_eq!(thermal.limit(number).unwrap().trouble, None);
                assert_eq!((level(&fake), cap(&fake)), (1, 3000));
            }
        }
    }
}

/// S13: a platform that lacks what is limited is asked slowly.
#[test]
fn s13_missing_limit_is_asked_for_slowly() {
    let fake = Fake::new();
    fake.refuse(0x18, 0x3, -4);
    let mut thermal = new(&fake);
    fake.platform.borrow_mut().model.power[1] = 1 << 30;
    spend(&fake, &mut thermal, 60_000);
    fake.asked.take();
    spend(&fake, &mut thermal, 600_000);
    let asked = fake.asked.take();
    let count = asked
        .iter()
        .filter(|command| **command == (0x18, 0x3))
        .count();
    assert!((55..=65).contains(&count), "{count} times in 600 s");
}

/// S13: what cannot be read is set all the same.
#[test]
fn s13_limit_is_set_unread() {
    // LIMITS_GET, LEVEL_GET, POWERCAP_CAP_GET.
    for refused in [(0x13, 0x6), (0x13, 0x8), (0x18, 0x4)] {
        for status in [-1, -4, -6, -9] {
            let fake = Fake::new();
            fake.refuse(refused.0, refused.1, status);
            let mut thermal = new(&fake);
            fake.platform.borrow_mut().model.set_temperature(1, 95_000);
            thermal.look_at_all(0);
            thermal.run(&fake, || 0);
            assert_eq!(
                (level(&fake), cap(&fake)),
                (1, 3000),
                "{refused:?} {status}"
            );
            assert_eq!(applied(&thermal, LEVEL), Some(1));
            let platform = fake.platform.borrow();
            let limits = &platform.model.perf[1];
            assert_eq!((limits.min, limits.max), (1, 1));
        }
    }
}

/// S13: a platform that neither has limits nor tells the level has its level set.
#[test]
fn s13_level_is_set_unread() {
    let fake = Fake::new();
    let mut thermal = new(&fake);
    fake.refuse(0x13, 0x5, -4);
    fake.refuse(0x13, 0x8, -4);
    fake.platform.borrow_mut().model.set_temperature(1, 80_000);
    thermal.look_at_all(0);
    thermal.run(&fake, || 0);
    assert_eq!((level(&fake), applied(&thermal, LEVEL)), (2, Some(2)));
}

/// S13: one false refusal of PERFORMANCE_LIMITS_SET left a level that anybody could raise again.
#[test]
fn s13_limits_that_were_refused_once_are_set() {
    for status in [-1, -3, -4] {
        let fake = Fake::new();
        let mut thermal = new(&fake);
        fake.refuse_one(0x13, 0x5, 0, status);
        let highest = || fake.platform.borrow().model.perf[1].max;
        fake.platform.borrow_mut().model.set_temperature(1, 80_000);
        thermal.look_at_all(0);
        thermal.run(&fake, || 0);
        assert_eq!((level(&fake), highest()), (2, 5), "{status}");
        fake.platform.borrow_mut().model.power[1] = 1 << 30;
        fake.pass(thermal.next().unwrap());
        fake.platform.borrow_mut().model.set_temperature(1, 80_000);
        thermal.run(&fake, || fake.now.get());
        assert_eq!((level(&fake), highest()), (2, 2), "{status}");
    }
}

/// S1, S13: two lost answers take both slots of this task. By then the limits are safe, whichever answers get lost.
#[test]
fn s13_limits_are_safe_before_the_last_slot_goes() {
    // The trip of the gpu, a check of another sensor, and what is asked before a sensor is read.
    for message in [0x6, 0x0] {
        for first in [0, 9_900, 10_300, 10_900] {
            let fake = Fake::new();
            let mut thermal = Governor::new(&ZONES, &LIMITS, TIMES);
            thermal.run(&fake, || 0);
            // Checks of all sensors are due some time on the way up, or never.
            pass(&fake, &mut thermal, first);
            fake.slots.set(2);
            fake.lose(0x15, message, 2);
            {
                let mut platform = fake.platform.borrow_mut();
                platform.model.power[1] = 0;
                platform.model.set_level(1, 4);
            }
            let (mut highest, mut empty_since) = (0, None);
            let start = fake.now.get();
            while fake.now.get() < start + 20_000 {
                fake.pass(10);
                let now = fake.now.get();
                if fake.slots.get() == 0 && *empty_since.get_or_insert(now) + 2000 < now {
                    // The driver gets them back.
                    fake.slots.set(2);
                    thermal.resynchronise(now);
                }
                if fake.was_told(0x15) {
                    thermal.tripped(1, now);
                    thermal.tripped(2, now);
                }
                if thermal.next().is_some_and(|at| at <= now) {
                    thermal.run(&fake, || fake.now.get());
                }
                highest = highest.max(fake.platform.borrow().model.temperature_mc(1));
            }
            assert!(empty_since.is_some(), "both slots were lost");
            assert!(highest < 75_000, "{message} {first}: {highest}");
            assert_eq!(thermal.zone(GPU).unwrap().state, ZoneState::Watched);
            assert_eq!(applied(&thermal, LEVEL), Some(4));
        }
    }
}

/// S1, S13: whatever answers about one limit get lost, the others are safe before the last slot goes.
#[test]
fn s13_one_attempt_at_a_limit_costs_one_slot() {
    let cap_lost = [(0x18, 0x4), (0x18, 0x5)];
    // The level's own limit cannot be lowered then, but the cap can.
    let limits_lost = [(0x13, 0x6), (0x13, 0x5)];
    for lost in [cap_lost, limits_lost] {
        let fake = Fake::new();
        let mut thermal = new(&fake);
        fake.slots.set(2);
        for (protocol, message) in lost {
            fake.lose(protocol, message, 10);
        }
        thermal.resynchronise(fake.now.get());
        thermal.run(&fake, || fake.now.get());
        let is_safe = match lost == cap_lost {
            true => level(&fake) == 1,
            false => cap(&fake) == 2000,
        };
        assert!(is_safe, "{lost:x?}");
    }
}

/// S1, S13: a limit without an answer is tried again only while the others are safe, also after the driver has the slots back.
#[test]
fn s13_limit_without_answer_keeps_the_others_safe() {
    let fake = Fake::new();
    let mut thermal = new(&fake);
    fake.slots.set(2);
    for message in [0x0, 0x4, 0x5] {
        fake.lose(0x18, message, 1000);
    }
    thermal.resynchronise(fake.now.get());
    for _ in 0..10 {
        let end = fake.now.get() + 2000;
        while fake.now.get() < end {
            thermal.run(&fake, || fake.now.get());
            if fake.slots.get() == 0 {
                assert_eq!(level(&fake), 1);
            }
            let next = thermal.next().expect("a limit is to be tried again");
            fake.pass(next.saturating_sub(fake.now.get()));
        }
        // The driver gets them back.
        fake.slots.set(2);
        thermal.resynchronise(fake.now.get());
    }
    fake.losses.borrow_mut().clear();
    spend(&fake, &mut thermal, 2000);
    assert_eq!(applied(&thermal, CAP), Some(8000));
    assert!(level(&fake) > 1);
}

/// S1, S13: a limit that is refused is asked for again with an answer at stake, too.
#[test]
fn s13_limits_are_safe_before_a_refused_limit_is_tried_again() {
    let fake = Fake::new();
    let mut thermal = new(&fake);
    fake.platform.borrow_mut().model.power[1] = 1 << 30;
    fake.slots.set(2);
    fake.refuse(0x18, 0x5, -3);
    fake.refuse(0x18, 0x4, -3);
    // One answer of a sensor gets lost.
    fake.lose(0x15, 0x6, 1);
    thermal.look_at_all(fake.now.get());
    spend(&fake, &mut thermal, 1500);
    assert_eq!((fake.slots.get(), level(&fake)), (1, 5));
    fake.lose(0x18, 0x0, 1);
    fake.lose(0x18, 0x4, 1);
    spend(&fake, &mut thermal, 1500);
    assert_eq!((fake.slots.get(), level(&fake)), (0, 1));
}

/// S13: a zone that is refused for good makes its own limits safe, and keeps no others so after an answer was lost.
#[test]
fn s13_refused_zone_does_not_keep_the_others_safe() {
    let fake = Fake::new();
    let mut thermal = new(&fake);
    fake.platform.borrow_mut().model.power[1] = 1 << 30;
    fake.refused_sensor.set(Some(2));
    fake.lose(0x15, 0x6, 1);
    thermal.look_at_all(fake.now.get());
    thermal.run(&fake, || fake.now.get());
    assert_eq!((level(&fake), cap(&fake)), (1, 2000));
    spend(&fake, &mut thermal, 3000);
    assert_eq!(thermal.zone(SKIN).unwrap().state, ZoneState::Blind);
    assert_eq!((level(&fake), cap(&fake)), (5, 2000));
}

/// S13: a limit that has worked is tried again at least every second, though the platform says that there is no such thing.
#[test]
fn s13_limit_that_has_worked_is_tried_often() {
    let fake = Fake::new();
    let mut thermal = new(&fake);
    for message in [0x4, 0x5] {
        fake.refuse(0x18, message, -4);
    }
    fake.platform.borrow_mut().model.set_temperature(2, 50_000);
    thermal.look_at_all(fake.now.get());
    let pauses = spend(&fake, &mut thermal, 20_000);
    assert_eq!(applied(&thermal, CAP), None);
    let longest = pauses.iter().max();
    assert!(longest <= Some(&BACK_OFF_MAX_MS), "{pauses:?}");
}

/// S13: a zone that was hotter than its safe limits ask for stays where it was when its sensor fails.
#[test]
fn s13_safe_limits_are_never_above_what_was_in_effect() {
    static LOOSE: [Limit; 2] = [
        Limit {
            safe: 4,
            ..LIMITS[0]
        },
        LIMITS[1],
    ];
    let fake = Fake::new();
    let mut thermal: Thermal = Governor::new(&ZONES, &LOOSE, TIMES);
    fake.platform.borrow_mut().model.set_temperature(1, 80_000);
    thermal.run(&fake, || fake.now.get());
    assert_eq!(applied(&thermal, LEVEL), Some(2));
    fake.refuse(0x15, 0x6, -9);
    thermal.look_at_all(fake.now.get());
    spend(&fake, &mut thermal, 3000);
    assert_eq!(thermal.zone(GPU).unwrap().state, ZoneState::Blind);
    assert_eq!(applied(&thermal, LEVEL), Some(2));
}

/// S13: limits that are safe because nothing answered are given back where the sensor turns out not to be there.
#[test]
fn s13_limits_of_an_absent_sensor_are_given_back() {
    let fake = Fake::new();
    fake.lose(0x15, 0x0, 3);
    fake.lose(0x15, 0x3, 20);
    let mut thermal = Governor::new(&ZONES, &LIMITS, TIMES);
    spend(&fake, &mut thermal, 3000);
    assert_eq!((applied(&thermal, LEVEL), cap(&fake)), (Some(1), 2000));
    fake.losses.borrow_mut().clear();
    fake.refuse(0x15, 0x3, -4);
    spend(&fake, &mut thermal, 30_000);
    assert_eq!(thermal.zone(GPU).unwrap().state, ZoneState::Absent);
    assert_eq!((applied(&thermal, LEVEL), cap(&fake)), (Some(5), 8000));
}

/// S1, S13: the question whether a sensor is on may take the last slot but one. Limits are safe before the sensor is read.
#[test]
fn s13_limits_are_safe_after_a_lost_config() {
    let fake = Fake::new();
    let mut thermal = new(&fake);
    fake.slots.set(2);
    // SENSOR_CONFIG_GET, SENSOR_READING_GET.
    fake.lose(0x15, 0x9, 1);
    fake.lose(0x15, 0x6, 1);
    thermal.resynchronise(fake.now.get());
    spend(&fake, &mut thermal, 1000);
    assert_eq!((fake.slots.get(), level(&fake)), (0, 1));
}

/// S1, S7: the driver accepts a subscription that it cannot pass on yet, because answers to its own commands were lost. After a
/// restart the platform's silence proves nothing for a while.
#[test]
fn s13_silence_after_a_restart_is_not_trusted() {
    let fake = Fake::new();
    let mut thermal = new(&fake);
    pass(&fake, &mut thermal, 100);
    let start = fake.now.get();
    thermal.resynchronise(start);
    fake.platform.borrow_mut().model.set_temperature(1, 30_000);
    let mut highest = 0;
    while fake.now.get() < start + 20_000 {
        fake.pass(20);
        // The word of the platform does not come.
        fake.was_told(0x15);
        if thermal.next().is_some_and(|at| at <= fake.now.get()) {
            thermal.run(&fake, || fake.now.get());
        }
        highest = highest.max(fake.platform.borrow().model.temperature_mc(1));
    }
    assert!(highest < 85_000, "{highest}");
}

/// S13: what it was is not asked for at each attempt if that is never answered.
#[test]
fn s13_limit_is_set_though_its_question_is_never_answered() {
    for (protocol, message) in [(0x13, 0x6), (0x18, 0x4)] {
        let fake = Fake::new();
        let mut thermal = new(&fake);
        fake.lose(protocol, message, 1000);
        fake.platform.borrow_mut().model.set_temperature(1, 95_000);
        thermal.look_at_all(0);
        thermal.run(&fake, || fake.now.get());
        spend(&fake, &mut thermal, 1000);
        assert!(level(&fake) == 1 && cap(&fake) <= 3000, "{protocol:#x}");
    }
}

/// S15: where each answer takes longer than any pause, something is always due. Whoever calls the task has a turn all the same.
#[test]
fn s15_slow_platform_leaves_callers_a_turn() {
    let fake = Fake::new();
    let mut thermal = new(&fake);
    for protocol in [0x13, 0x15, 0x18] {
        fake.lose(protocol, 0x0, u32::MAX);
    }
    thermal.resynchronise(0);
    for _ in 0..20 {
        thermal.run(&fake, || fake.now.get());
        let next = thermal.next().expect("something is to be done");
        assert!(next >= fake.now.get() + SERVE_MS, "{next}");
        fake.now.set(next);
    }
}

/// S13: one lost answer slows the machine down for a moment only.
#[test]
fn s13_one_lost_answer_passes() {
    let fake = Fake::new();
    let mut thermal = new(&fake);
    fake.slots.set(2);
    fake.lose(0x15, 0x6, 1);
    fake.platform.borrow_mut().model.power[1] = 1 << 30;
    thermal.look_at_all(0);
    thermal.run(&fake, || fake.now.get());
    assert_eq!((level(&fake), cap(&fake)), (1, 2000), "of all zones");
    spend(&fake, &mut thermal, 1000);
    assert_eq!((level(&fake), cap(&fake)), (5, 8000));
}

#[test]
fn without_notifications_sensors_are_polled() {
    let fake = Fake::new();
    // SENSOR_TRIP_POINT_NOTIFY.
    fake.refuse(0x15, 0x4, -1);
    let mut thermal = new(&fake);
    assert!(!thermal.zone(GPU).unwrap().notified);
    assert_eq!(thermal.next(), Some(TIMES.poll_ms));
    pass(&fake, &mut thermal, 5000);
    assert!(level(&fake) < 5);
}

proptest! {
    #![proptest_config(test_props::config(256, 1))]

    /// Whatever the readings, trips in effect are those reached, and those not left yet.
    #[test]
    fn hysteresis_holds(readings in proptest::collection::vec(20_000..120_000_i64, 1..50)) {
        let zone = &ZONES[0];
        let mut passed = 0;
        for reading in readings {
            let before = passed;
            passed = zone.passed(reading, before);
            let reached = zone.trips.iter().filter(|trip| reading >= trip.at).count();
            let kept = zone.trips.iter().filter(|trip| reading >= trip.at - zone.hysteresis).count();
            prop_assert!((reached..=kept).contains(&passed));
            prop_assert!(passed <= before.max(reached));
            prop_assert!(passed >= before.min(kept));
        }
    }
}
