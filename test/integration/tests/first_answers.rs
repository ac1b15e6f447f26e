// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A task gets real SCMI answers through the isolated driver, from a platform that is not ours.

use std::time::Duration;

use test_integration::{Kind, Rig, numbers, row};
use xtask::board::SENSOR;

/// The axes' values of the fake sensor. Each axis is shown as `name = value unit`.
fn axes(rig: &mut Rig) -> Vec<f64> {
    let text = rig.ok("sensors");
    let line = text
        .lines()
        .find(|line| line.contains(SENSOR))
        .unwrap_or_else(|| panic!("no sensor {SENSOR} in\n{text}"));
    let values: Vec<f64> = line
        .split(" = ")
        .skip(1)
        .map(|rest| {
            *numbers(rest)
                .first()
                .unwrap_or_else(|| panic!("no value after `=` in `{line}`"))
        })
        .collect();
    assert_eq!(values.len(), 3, "the fake sensor has three axes: {line}");
    values
}

/// Readings differ as time goes by; two within the same moment may be equal.
fn axes_other_than(rig: &mut Rig, before: &[f64]) -> Vec<f64> {
    for _ in 0..20 {
        let now = axes(rig);
        if now.iter().zip(before).all(|(now, before)| now != before) {
            return now;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    panic!("some axis still reads what it did: {before:?}");
}

#[test]
fn info_names_the_vendor_and_the_device() {
    let mut rig = Rig::boot(Kind::VhostDeviceScmi);
    let text = rig.ok("info");
    assert!(text.contains("rust-vmm"), "{text}");
    assert!(
        text.contains("slot 31"),
        "QEMU puts the device into the last slot:\n{text}"
    );
    // A power-up is no recovery.
    assert!(!text.contains("recoveries"), "{text}");
}

#[test]
fn protocols_lists_base_and_sensor_with_their_versions() {
    let mut rig = Rig::boot(Kind::VhostDeviceScmi);
    let text = rig.ok("protocols");
    let line = |id: &str| {
        text.lines()
            .find(|line| line.starts_with(id))
            .unwrap_or_else(|| panic!("no {id} in\n{text}"))
    };
    assert!(
        line("0x10").contains("Base") && line("0x10").contains("2.0"),
        "{text}"
    );
    assert!(
        line("0x15").contains("Sensor") && line("0x15").contains("3.0"),
        "{text}"
    );
    assert_eq!(text.lines().count(), 2, "{text}");
}

#[test]
fn sensors_reads_three_axes_that_change() {
    let mut rig = Rig::boot(Kind::VhostDeviceScmi);
    let first = axes(&mut rig);
    axes_other_than(&mut rig, &first);
}

#[test]
fn a_crashed_driver_comes_back_and_answers() {
    let mut rig = Rig::boot(Kind::VhostDeviceScmi);
    let first = axes(&mut rig);
    rig.ok("crash virtio_scmi");
    axes_other_than(&mut rig, &first);
    let table = rig.ok("tasks");
    let restarts = |task: &str| {
        let row = row(&table, task).unwrap_or_else(|| panic!("no {task} in\n{table}"));
        numbers(row)[0]
    };
    assert_eq!(restarts("virtio_scmi"), 1.0, "{table}");
    for other in ["jefe", "uart", "console", "idle"] {
        assert_eq!(restarts(other), 0.0, "{other} did not crash:\n{table}");
    }
}

#[test]
fn every_task_can_crash_and_come_back_but_the_supervisor() {
    let mut rig = Rig::boot(Kind::VhostDeviceScmi);
    for task in ["idle", "uart", "virtio_scmi"] {
        rig.ok(&format!("crash {task}"));
    }
    // Its answer dies with it; the new one greets.
    rig.session().type_line(b"crash console").unwrap();
    rig.session()
        .console()
        .wait_for("`help` lists the commands", test_integration::LIMIT)
        .unwrap();
    rig.session()
        .console()
        .wait_for("scmi> ", test_integration::LIMIT)
        .unwrap();
    assert!(rig.error("crash jefe").contains("supervisor"));
    let table = rig.ok("tasks");
    for task in ["idle", "uart", "virtio_scmi", "console"] {
        assert_eq!(
            row(&table, task).map(|row| numbers(row)[0]),
            Some(1.0),
            "{task}:\n{table}"
        );
    }
    assert!(rig.ok("info").contains("rust-vmm"));
}

#[test]
fn the_counters_balance() {
    let mut rig = Rig::boot(Kind::VhostDeviceScmi);
    for _ in 0..5 {
        rig.ok("sensors");
    }
    let text = rig.ok("stats");
    assert!(
        row(&text, "balanced").is_some_and(|line| line.ends_with("yes")),
        "{text}"
    );
    assert!(
        row(&text, "sent_ok").is_some_and(|line| numbers(line)[0] >= 15.0),
        "{text}"
    );
}

#[test]
fn it_runs_on_a_cortex_a7_too() {
    let mut setting =
        test_integration::Setting::new(&test_integration::image().elf, Kind::VhostDeviceScmi);
    setting.cpu = "cortex-a7".into();
    let mut rig = Rig::boot_setting(&setting);
    axes(&mut rig);
    rig.power_off();
}

#[test]
fn reboot_ends_the_machine() {
    Rig::boot(Kind::VhostDeviceScmi).power_off();
}
