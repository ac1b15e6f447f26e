// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Sensors.

use scmi::sensor::descriptor::{Axes, AxisNames, Sensors};
use scmi::sensor::{
    self, AxisDescriptionGet, AxisNameGet, ContinuousUpdateNotify, DescriptionGet, Intervals,
    ListUpdateIntervals, ReadFlags, Reading, ReadingComplete, ReadingGet, Readings, SensorConfig,
    TripPointConfig, TripPointEvent, TripPointFlags, TripPointNotify, Update,
};
use scmi::wire::{Page, Parse as _};
use scmi::{Protocol, StatusCode};

use super::{GPU, NOBODY, ROOM, ask, delayed, event, event_of, get, platform, send};

const GPU_TEMP: u32 = 1;
const SKIN_TEMP: u32 = 2;
const GPU_POWER: u32 = 3;
const ACCELEROMETER: u32 = 5;

#[test]
fn sensors_describe_themselves_in_pages() {
    let mut platform = platform();
    assert_eq!(
        get(&mut platform, &sensor::Attributes {})
            .attributes
            .sensors(),
        6
    );
    let mut names = Vec::new();
    loop {
        let values = ask(
            &mut platform,
            &DescriptionGet {
                skip: names.len() as u32,
            },
        )
        .expect("succeeds");
        let page = Sensors::parse(&values).expect("parses");
        assert!(page.len() <= 4, "four descriptors fit a message");
        names.extend(page.iter().map(|entry| entry.base.name.to_string()));
        if page.remaining() == 0 {
            break;
        }
    }
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
    assert_eq!(
        ask(&mut platform, &DescriptionGet { skip: 7 }),
        Err(StatusCode::OutOfRange)
    );
}

#[test]
fn sensors_read_scalars_and_axes() {
    let mut platform = platform();
    let read = |sensor| ReadingGet {
        sensor,
        flags: ReadFlags::default(),
    };
    let values = |bytes: &[u8]| -> Vec<i64> {
        Readings::parse(bytes)
            .expect("parses")
            .iter()
            .map(|reading| reading.value)
            .collect()
    };
    let scalar = ask(&mut platform, &read(GPU_TEMP)).expect("succeeds");
    assert_eq!(scalar.len(), 16);
    let axes = ask(&mut platform, &read(ACCELEROMETER)).expect("succeeds");
    assert_eq!(values(&axes), [12, -40, 9806]);
    assert_eq!(ask(&mut platform, &read(NOBODY)), Err(StatusCode::NotFound));
    platform.model.set_power(GPU as usize, 0);
    assert_eq!(
        values(&ask(&mut platform, &read(GPU_POWER)).expect("succeeds")),
        [200]
    );
    let off = sensor::ConfigSet {
        sensor: GPU_POWER,
        config: SensorConfig::default(),
    };
    ask(&mut platform, &off).expect("succeeds");
    assert_eq!(
        ask(&mut platform, &read(GPU_POWER)),
        Err(StatusCode::Denied),
        "switched off"
    );
    assert!(
        !get(&mut platform, &sensor::ConfigGet { sensor: GPU_POWER })
            .config
            .is_enabled()
    );
}

#[test]
fn sensors_read_later() {
    let mut platform = platform();
    let flags = ReadFlags::default().with_asynchronous(true);
    ask(
        &mut platform,
        &ReadingGet {
            sensor: GPU_TEMP,
            flags,
        },
    )
    .expect("succeeds");
    let (header, values) = delayed(&mut platform);
    assert_eq!((header.protocol, header.message), (0x15, 6));
    let done = ReadingComplete::parse(&values).expect("parses");
    assert_eq!((done.head.sensor, done.len()), (GPU_TEMP, 1));
    let refused = ReadingGet {
        sensor: SKIN_TEMP,
        flags,
    };
    assert_eq!(ask(&mut platform, &refused), Err(StatusCode::NotSupported));
}

#[test]
fn sensors_trip() {
    let mut platform = platform();
    let control = TripPointFlags::default()
        .with_trip_point(0)
        .with_rising(true);
    ask(
        &mut platform,
        &TripPointConfig {
            sensor: GPU_TEMP,
            control,
            value: 60_000,
        },
    )
    .expect("succeeds");
    ask(
        &mut platform,
        &TripPointNotify {
            sensor: GPU_TEMP,
            enable: true.into(),
        },
    )
    .expect("succeeds");
    platform.advance(40);
    platform.model.set_temperature(1, 61_000);
    let told: TripPointEvent = event_of(&mut platform, Protocol::Sensor, 0);
    assert!(told.sensor == GPU_TEMP && told.passed.rising() && told.passed.trip_point() == 0);
    let beyond = TripPointFlags::default().with_trip_point(3);
    let wrong = TripPointConfig {
        sensor: GPU_TEMP,
        control: beyond,
        value: 0,
    };
    assert_eq!(ask(&mut platform, &wrong), Err(StatusCode::OutOfRange));
    let none = TripPointNotify {
        sensor: GPU_POWER,
        enable: true.into(),
    };
    assert_eq!(ask(&mut platform, &none), Err(StatusCode::NotSupported));
}

#[test]
fn sensors_report_by_themselves() {
    let mut platform = platform();
    ask(
        &mut platform,
        &ContinuousUpdateNotify {
            sensor: ACCELEROMETER,
            enable: true.into(),
        },
    )
    .expect("succeeds");
    platform.advance(1000);
    let mut updates = 0;
    while let Some((_, id, payload)) = event(&mut platform) {
        let update = Page::<Update, Reading>::parse(&payload).expect("parses");
        assert_eq!(
            (id, update.head.sensor, payload.len()),
            (1, ACCELEROMETER, 8 + 3 * 16)
        );
        updates += 1;
    }
    assert_eq!(updates, 10, "every 100 ms");
    ask(
        &mut platform,
        &ContinuousUpdateNotify {
            sensor: ACCELEROMETER,
            enable: false.into(),
        },
    )
    .expect("succeeds");
    platform.advance(2000);
    assert_eq!(event(&mut platform), None);
    let silent = ContinuousUpdateNotify {
        sensor: GPU_POWER,
        enable: true.into(),
    };
    assert_eq!(ask(&mut platform, &silent), Err(StatusCode::NotSupported));
}

#[test]
fn sensors_list_axes_and_intervals() {
    let mut platform = platform();
    let values = ask(
        &mut platform,
        &AxisDescriptionGet {
            sensor: ACCELEROMETER,
            skip: 1,
        },
    )
    .expect("succeeds");
    let names: Vec<_> = Axes::parse(&values)
        .expect("parses")
        .iter()
        .map(|axis| axis.base.name.to_string())
        .collect();
    assert_eq!(names, ["y", "z"]);
    let values = ask(
        &mut platform,
        &AxisNameGet {
            sensor: ACCELEROMETER,
            skip: 0,
        },
    )
    .expect("succeeds");
    let page = AxisNames::parse(&values).expect("parses");
    assert_eq!(
        (page.len(), page.remaining()),
        (1, 2),
        "one long name fits a message"
    );
    let values = ask(
        &mut platform,
        &ListUpdateIntervals {
            sensor: GPU_TEMP,
            skip: 0,
        },
    )
    .expect("succeeds");
    let intervals: Vec<_> = Intervals::parse(&values)
        .expect("parses")
        .iter()
        .map(|entry| entry.interval.seconds())
        .collect();
    assert_eq!(intervals, [10, 100, 1000]);
    for wrong in [GPU_TEMP, GPU_POWER] {
        assert_eq!(
            ask(
                &mut platform,
                &AxisDescriptionGet {
                    sensor: wrong,
                    skip: 0
                }
            ),
            Err(StatusCode::NotSupported)
        );
    }
    assert!(
        get(&mut platform, &sensor::NameGet { sensor: GPU_TEMP })
            .name
            .is("gpu-temp")
    );
}

#[test]
fn sensors_of_version_1_answer_8_bytes() {
    let mut platform = platform();
    send(&mut platform, 0x15, 0x10, &0x1_0000u32.to_le_bytes(), ROOM).expect("negotiates");
    let values = ask(
        &mut platform,
        &ReadingGet {
            sensor: GPU_TEMP,
            flags: ReadFlags::default(),
        },
    )
    .expect("succeeds");
    assert_eq!(values.len(), 8);
}
