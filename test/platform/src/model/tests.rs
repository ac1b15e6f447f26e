// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The physics, exactly.

use super::{Change, Model, POWER_OFF, POWER_ON, Trip, TripDirection};
use crate::machine::Machine;

const GPU: usize = 1;
const GPU_TEMP: usize = 1;

fn model() -> Model {
    Model::new(Machine::sample())
}

#[test]
fn a_domain_without_power_costs_nothing() {
    let mut model = model();
    assert_eq!(model.perf_power_mw(GPU), 0);
    model.set_power(GPU, POWER_ON);
    assert_eq!(model.perf_power_mw(GPU), 200);
    assert_eq!(
        model.take_changes(),
        [Change::Power {
            domain: GPU,
            state: POWER_ON
        }]
    );
    model.set_power(GPU, POWER_ON);
    assert!(model.take_changes().is_empty(), "no change, nothing told");
}

#[test]
fn level_leads_to_the_temperature_that_the_file_promises() {
    let mut model = model();
    model.set_power(GPU, POWER_ON);
    model.set_level(GPU, 4);
    // 25 °C and (3600 mW + 80 mW leakage) times 20 K/W.
    assert_eq!(model.final_temperature_mc(1), 25_000 + 3680 * 20);
    model.advance(1500);
    let after_one_constant = 25_000.0 + 73_600.0 * (1.0 - (-1.0f64).exp());
    assert!((model.temperature_mc(1) as f64 - after_one_constant).abs() < 2.0);
    model.advance(60_000);
    assert!((model.temperature_mc(1) - 98_600).abs() <= 1);
}

#[test]
fn step_length_does_not_change_the_result() {
    let mut fine = model();
    let mut coarse = model();
    coarse.machine.platform.step_ms = 500;
    for model in [&mut fine, &mut coarse] {
        model.set_power(GPU, POWER_ON);
        model.set_level(GPU, 3);
        model.advance(5000);
    }
    assert!((fine.temperature_mc(1) - coarse.temperature_mc(1)).abs() <= 1);
}

/// Between switching the sensor on and setting its reading the model has not looked at it.
#[test]
fn a_reading_set_right_after_the_sensor_is_enabled_trips() {
    const MOTION: usize = 5;
    let mut model = model();
    assert!(model.set_reading(MOTION, 0, 3));
    model.sensors[MOTION].enabled = false;
    model.advance(100);
    model.sensors[MOTION].enabled = true;
    model.sensors[MOTION].trips = vec![Trip {
        value: 10,
        direction: TripDirection::Both,
    }];
    model.take_changes();
    assert!(model.set_reading(MOTION, 0, 12));
    let tripped = model.take_changes().into_iter().any(|change| {
        matches!(
            change,
            Change::Trip {
                sensor: MOTION,
                point: 0,
                rising: true
            }
        )
    });
    assert!(tripped);
}

#[test]
fn temperature_trips_in_the_direction_asked_for() {
    let mut model = model();
    model.set_power(GPU, POWER_ON);
    model.sensors[GPU_TEMP].trips[0] = Trip {
        value: 50_000,
        direction: TripDirection::Rising,
    };
    model.sensors[GPU_TEMP].trips[1] = Trip {
        value: 40_000,
        direction: TripDirection::Falling,
    };
    model.advance(100);
    model.set_level(GPU, 4);
    model.take_changes();
    model.advance(10_000);
    let rising = Change::Trip {
        sensor: GPU_TEMP,
        point: 0,
        rising: true,
    };
    assert_eq!(model.take_changes(), [rising]);
    model.set_power(GPU, POWER_OFF);
    model.take_changes();
    model.advance(30_000);
    let falling = Change::Trip {
        sensor: GPU_TEMP,
        point: 1,
        rising: false,
    };
    assert_eq!(model.take_changes(), [falling]);
}

#[test]
fn limits_hold_a_level_down_and_let_it_go() {
    let mut model = model();
    model.set_power(GPU, POWER_ON);
    model.set_level(GPU, 4);
    model.set_limits(GPU, 1, 2);
    assert_eq!(model.level(GPU), 2);
    model.set_limits(GPU, 1, 5);
    assert_eq!(model.level(GPU), 5);
    let levels: Vec<_> = model
        .take_changes()
        .into_iter()
        .filter_map(|change| match change {
            Change::Level { level, .. } => Some(level),
            _ => None,
        })
        .collect();
    assert_eq!(levels, [5, 2, 5]);
}

#[test]
fn a_cap_holds_the_costliest_domain_down() {
    let mut model = model();
    model.set_power(GPU, POWER_ON);
    model.set_level(GPU, 4);
    model.set_cap(1, 1500);
    assert_eq!(
        model.level(GPU),
        3,
        "1100 mW fit under 1500 mW, 2100 mW do not"
    );
    model.set_cap(1, 4000);
    assert_eq!(model.level(GPU), 5);
    // The cap above: cpu at 310 mW and gpu together.
    model.set_cap(0, 1450);
    assert_eq!((model.level(0), model.level(GPU)), (800, 3));
}

#[test]
fn measured_power_averages_and_tells_thresholds() {
    let mut model = model();
    model.set_power(GPU, POWER_ON);
    model.set_interval(1, 100);
    model.caps[1].thresholds = Some((100, 1000));
    model.advance(1000);
    model.take_changes();
    model.set_level(GPU, 3);
    model.take_changes();
    model.advance(1020);
    assert_eq!(model.caps[1].power_mw(), 200 + (2100 - 200) / 5);
    model.advance(2000);
    let told: Vec<_> = model.take_changes();
    assert!(
        matches!(told[..], [Change::Measurement { domain: 1, power_mw }] if power_mw > 1000),
        "{told:?}"
    );
}

#[test]
fn fixed_readings_change_from_outside_only() {
    let mut model = model();
    assert_eq!(model.reading(5), [12, -40, 9806]);
    assert!(model.set_reading(5, 2, 1));
    assert_eq!(model.reading(5), [12, -40, 1]);
    assert!(!model.set_reading(5, 3, 1), "no such axis");
    assert!(!model.set_reading(1, 0, 1), "a body feeds it");
}

#[test]
fn a_sensor_reports_by_itself_at_its_pace() {
    let mut model = model();
    model.sensors[5].report_every_ms = Some(100);
    model.advance(1000);
    assert_eq!(model.take_changes(), vec![Change::Update { sensor: 5 }; 10]);
}
