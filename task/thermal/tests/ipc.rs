// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The thermal task that ships, as `app.toml` has it, over the driver that ships, on the sample machine of the platform: what becomes of a
//! hot machine, and what its callers can do about that.

#[path = "../../../drv/virtio-scmi-server/tests/support/mod.rs"]
mod driver;
#[path = "../../../drv/virtio-scmi-server/tests/support/machine.rs"]
mod machine;

use driver::{Bench, FIRST as THERMAL, SECOND, SERVER, STRANGER};
use drv_scmi_api::Scmi;
use machine::Behind;
use task_thermal::Server;
use task_thermal_api::{Thermal, ThermalError, ZoneState};
use userlib::host::keep;
use userlib::{FaultInfo, Lease, TaskState, sys_post, sys_refresh_task_id, sys_send};

/// Numbers in `app.toml`, by name: cpu, gpu, skin; and of limits cpu, gpu, npu, soc-power.
const GPU_ZONE: u8 = 1;
/// The GPU's domain, and its body in the machine.
const GPU: usize = 1;

fn thermal(_: &Scmi) {
    Server::new(keep(Server::configured()), SERVER).serve()
}

/// The image, and the machine, cool, with its GPU switched on.
fn running(
    caller: impl Fn(&Thermal) + Send + Sync + 'static,
    other: impl Fn(&Thermal) + Send + Sync + 'static,
) -> (Bench, Behind) {
    let of = |caller: Box<dyn Fn(&Thermal) + Send + Sync>| {
        move |_: &Scmi| caller(&Thermal::from(sys_refresh_task_id(THERMAL)))
    };
    let mut bench = Bench::new(thermal, of(Box::new(caller)), of(Box::new(other)));
    let mut behind = Behind::new();
    // On, and as fast as it can be.
    behind.platform.model.power[GPU] = 0;
    behind.platform.model.set_level(GPU, 4);
    behind.pass(&mut bench, 100);
    (bench, behind)
}

fn check(bench: &Bench, ended: &[userlib::TaskId]) {
    for &task in ended {
        assert!(bench.image.has_ended(task), "{:?}", bench.image.state(task));
    }
    for task in [SERVER, THERMAL] {
        let state = bench.image.state(task);
        assert!(matches!(state, TaskState::Healthy(_)), "{state:?}");
    }
}

#[test]
fn a_hot_gpu_is_slowed_down_and_a_cool_one_is_not() {
    let (mut bench, mut behind) = running(|_| {}, |_| {});
    assert_eq!(behind.platform.model.level(GPU), 5);
    for (temperature, level) in [(62_000, 4), (78_000, 2), (95_000, 1), (40_000, 5)] {
        behind.platform.model.set_temperature(GPU, temperature);
        behind.pass(&mut bench, 50);
        let found = behind.platform.model.level(GPU);
        assert_eq!(found, level, "at {temperature}");
    }
    check(&bench, &[]);
}

/// What ships is restarted by the supervisor, and finds the machine hot.
#[test]
fn after_a_restart_of_either_task_a_hot_gpu_is_slowed_down() {
    for victim in [THERMAL, SERVER] {
        let (mut bench, mut behind) = running(|_| {}, |_| {});
        bench.image.restart(victim);
        // The supervisor tells.
        bench.post(THERMAL, 1 << 4);
        behind.platform.model.set_temperature(GPU, 95_000);
        behind.pass(&mut bench, 300);
        // It may have cooled down by a trip already.
        let level = behind.platform.model.level(GPU);
        assert!(level <= 2, "{victim:?}: {level}");
        check(&bench, &[]);
    }
}

/// Forged bits, messages that are none, and a caller that dies again and again: the GPU is watched all the same.
#[test]
fn hostile_callers_do_not_keep_a_hot_gpu_from_being_slowed_down() {
    let (mut bench, mut behind) = running(
        |_| {
            loop {
                for bits in [1 << 4, 1 << 5, 1 << 6, u32::MAX] {
                    sys_post(sys_refresh_task_id(THERMAL), bits);
                }
                userlib::hl::sleep_for(1);
            }
        },
        |_| {
            let leases = [Lease::no_access(b"????")];
            sys_send(sys_refresh_task_id(THERMAL), 3, &[1], &mut [0; 8], &leases);
        },
    );
    let state = bench.image.state(STRANGER);
    let faulted = matches!(
        state,
        TaskState::Faulted {
            fault: FaultInfo::FromServer(THERMAL, _),
            ..
        }
    );
    assert!(faulted, "{state:?}");
    behind.platform.model.set_temperature(GPU, 95_000);
    for _ in 0..10 {
        bench.image.restart(STRANGER);
        behind.pass(&mut bench, 10);
    }
    assert_eq!(behind.platform.model.level(GPU), 1);
    check(&bench, &[]);
}

#[test]
fn callers_learn_how_warm_it_is_by_number_and_by_name() {
    let (bench, _) = running(
        |thermal| {
            let mut name = [0; 32];
            let len = thermal.zone_name(GPU_ZONE, &mut name).unwrap();
            assert_eq!(&name[..usize::from(len)], b"gpu");
            assert_eq!(thermal.zone_name(GPU_ZONE, &mut name[..2]), Ok(2));
            let len = thermal.limit_name(3, &mut name).unwrap();
            assert_eq!(&name[..usize::from(len)], b"soc-power");
            for number in [4, 0xff] {
                let none = thermal.limit(number);
                assert!(matches!(none, Err(ThermalError::NoSuchNumber)));
                let none = thermal.zone(number);
                assert!(matches!(none, Err(ThermalError::NoSuchNumber)));
            }
            userlib::hl::sleep_for(20);
            let zone = thermal.zone(GPU_ZONE).unwrap();
            assert!(matches!(zone.state, ZoneState::Watched), "{:?}", zone.state);
        },
        |_| {},
    );
    check(&bench, &[SECOND, STRANGER]);
}

/// The platform stops answering for a sensor: that must be as bad as a hot one.
#[test]
fn a_sensor_that_falls_silent_makes_its_limits_safe() {
    let (mut bench, mut behind) = running(|_| {}, |_| {});
    assert_eq!(behind.platform.model.level(GPU), 5);
    // SENSOR_READING_GET.
    behind.silent_to = Some((0x15, 6));
    behind.pass(&mut bench, 12_000);
    assert_eq!(behind.platform.model.level(GPU), 1);
    behind.silent_to = None;
    behind.pass(&mut bench, 60_000);
    // As fast as its warmth allows.
    assert!(behind.platform.model.level(GPU) >= 4);
    check(&bench, &[]);
}
