// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The sample machine, warm and cool.

use drv_scmi_api::ScmiError;
use proptest::prelude::*;
use task_thermal_api::{Cause, ZoneState};

use super::fake::{Fake, Log};
use crate::{BACK_OFF_MAX_MS, Governor, Limit, Target, Times, Trip, Zone};

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

#[test]
fn another_machine_is_left_alone() {
    // No sensors, no such sensor.
    for (message, status) in [(0x0, -1), (0x3, -4)] {
        let fake = Fake::new();
        fake.refuse(0x15, message, status);
        let thermal = new(&fake);
        for zone in [GPU, SKIN] {
            assert_eq!(thermal.zone(zone).unwrap().state, ZoneState::Absent);
        }
        assert_eq!(thermal.next(), None, "it is not asked again and again");
        assert_eq!(fake.take_log(), Log::new());
        assert_eq!(thermal.limit(LEVEL).unwrap().target, None);
    }
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
