// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Typed calls of a client with the quota of the thermal task, through the server, on the sample machine of the platform.

#[path = "../../../drv/virtio-scmi-server/tests/support/mod.rs"]
mod driver;
#[path = "../../../drv/virtio-scmi-server/tests/support/machine.rs"]
mod machine;

use driver::{Bench, SECOND, nothing};
use drv_scmi_api::{Kind, Link, Sensors};
use machine::Behind;

/// Every sensor there is, the accelerometer's three axes too, in batches that take two slots at most.
#[test]
fn all_sensors_are_read_with_two_slots() {
    let mut bench = Bench::new(
        nothing,
        |scmi| {
            assert_eq!(scmi.info().caller_slots, 2);
            let sensors = Sensors::connect(scmi).unwrap();
            let numbers: Vec<u32> = sensors
                .sensors()
                .map(|sensor| sensor.unwrap().base.sensor)
                .collect();
            assert_eq!(numbers.len(), 6, "{numbers:?}");
            let mut read = Vec::new();
            sensors
                .read_all(&numbers, |place, readings| {
                    read.push((place, readings.unwrap()));
                })
                .unwrap();
            assert_eq!(read.len(), numbers.len());
            let mut axes = 0;
            for (number, (place, readings)) in numbers.iter().zip(&read) {
                assert_eq!(numbers[*place], *number);
                // Nothing moves while time stands still.
                let alone = sensors.read(*number).unwrap();
                assert_eq!(readings.len(), alone.len(), "sensor {number}");
                for (together, alone) in readings.iter().zip(alone.iter()) {
                    assert_eq!(together.value, alone.value, "sensor {number}");
                }
                axes = axes.max(readings.len());
            }
            assert_eq!(axes, 3, "the accelerometer");
            assert!(scmi.stats().balanced());
            let count = Kind::Sensor.count(Link::new(scmi)).unwrap();
            assert_eq!(count as usize, numbers.len());
        },
        nothing,
    );
    let mut behind = Behind::new();
    behind.pass(&mut bench, 10);
    assert!(
        bench.image.has_ended(SECOND),
        "{:?}",
        bench.image.state(SECOND)
    );
    // SENSOR_READING_GET: each twice.
    let read = behind
        .asked
        .iter()
        .filter(|asked| (asked.0, asked.1) == (0x15, 6));
    let mut by_sensor: Vec<u32> = read.map(|asked| asked.2).collect();
    by_sensor.sort_unstable();
    assert!(
        by_sensor.chunks(2).all(|pair| pair[0] == pair[1]),
        "{by_sensor:?}"
    );
}
