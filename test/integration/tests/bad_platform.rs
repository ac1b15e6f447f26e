// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The device is missing, of the wrong kind, or its platform dies: one clear line, and what can go on goes on.

use std::time::Instant;

use test_integration::{Kind, LIMIT, Rig, Setting, image, row};

/// The image is alive in all that does not need the platform.
fn the_rest_goes_on(rig: &mut Rig) {
    let table = rig.ok("tasks");
    for task in ["jefe", "uart", "virtio_scmi", "console", "idle"] {
        let row = row(&table, task).unwrap_or_else(|| panic!("no {task} in\n{table}"));
        assert!(!row.contains("faulted") && !row.contains("held"), "{table}");
    }
    rig.ok("help");
    rig.ok("stats");
}

#[test]
fn without_the_device_every_command_says_what_to_add() {
    let mut rig = Rig::boot(Kind::None);
    for line in ["info", "protocols", "sensors"] {
        let reason = rig.error(line);
        assert!(
            reason.contains("no SCMI device") && reason.contains("vhost-user-scmi"),
            "`{line}`: {reason}"
        );
    }
    the_rest_goes_on(&mut rig);
    // A restart of the driver looks again, finds nothing again, and is no reason to faint.
    rig.ok("crash virtio_scmi");
    assert!(rig.error("sensors").contains("no SCMI device"));
    the_rest_goes_on(&mut rig);
}

#[test]
fn a_legacy_device_is_refused_with_the_option_that_helps() {
    let mut setting = Setting::new(&image().elf, Kind::VhostDeviceScmi);
    setting.legacy = true;
    let mut rig = Rig::boot_setting(&setting);
    let reason = rig.error("info");
    assert!(
        reason.contains("legacy") && reason.contains("force-legacy=false"),
        "{reason}"
    );
    the_rest_goes_on(&mut rig);
}

#[test]
fn a_platform_that_dies_leaves_an_error_in_time_and_a_live_console() {
    let mut rig = Rig::boot(Kind::VhostDeviceScmi);
    rig.ok("sensors");
    rig.board().platform().unwrap().kill();
    let start = Instant::now();
    let reason = rig.error("sensors");
    assert!(start.elapsed() < LIMIT, "{reason}");
    // QEMU does not tell the guest; what shows is that nobody answers.
    the_rest_goes_on(&mut rig);
    // However often it is asked: slots run out at worst, the image does not.
    for _ in 0..12 {
        rig.error("sensors");
    }
    let text = rig.ok("stats");
    assert!(
        row(&text, "balanced").is_some_and(|line| line.ends_with("yes")),
        "{text}"
    );
    the_rest_goes_on(&mut rig);
}
