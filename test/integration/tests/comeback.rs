// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! W9: a platform that goes away under the running image, and comes back.

use std::path::Path;
use std::process::{Command, Stdio};

use test_integration::{Kind, Rig, Setting, image, numbers, row};
use xtask::child::Guarded;
use xtask::sim;

/// Starts a platform that dials into QEMU; it is killed when this is dropped.
fn dialling(program: &Path, socket: &Path) -> Guarded {
    let mut command = Command::new(program);
    command
        .arg("--connect")
        .arg("--socket")
        .arg(socket)
        .stdin(Stdio::null());
    Guarded::spawn("scmi-platform", &mut command).expect("the platform starts")
}

/// Waits until nothing is lost: the books balance, and no slot is in flight or with a platform that is gone. How often the device
/// was reset until then.
fn is_well(rig: &mut Rig) -> f64 {
    let answer = rig.eventually("stats", "books in order", |answer| {
        [
            ("balanced", "yes"),
            ("in_flight", " 0"),
            ("slots_lost", " 0"),
        ]
        .iter()
        .all(|(name, value)| row(&answer.text, name).is_some_and(|line| line.ends_with(value)))
    });
    numbers(row(&answer.text, "recoveries").unwrap())[0]
}

#[test]
fn w09_a_platform_that_dies_and_comes_back_is_used_again() {
    let program = sim::build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("scmi.sock");
    let mut setting = Setting::new(&image().elf, Kind::None);
    // QEMU listens, so that it can take up another platform; it begins when the first has dialled in.
    setting.extra = vec![
        "-chardev".into(),
        format!("socket,id=scmi,server=on,wait=on,path={}", socket.display()),
        "-device".into(),
        "vhost-user-scmi,chardev=scmi".into(),
    ];
    let mut platform = dialling(&program, &socket);
    let mut rig = Rig::boot_setting(&setting);
    assert!(rig.ok("info").contains("heron"));
    // It comes back at once, and after the driver gave up for the moment.
    for given_up in [false, true] {
        drop(platform);
        // What is sent before the driver can know ends in time, by its own error.
        assert_eq!(
            rig.error("sensors"),
            "the platform did not answer in time: read the state back"
        );
        if given_up {
            let expected = "platform unavailable: it does not answer; trying again slowly";
            rig.eventually("sensors", expected, |answer| {
                answer.verdict == Err(expected.into())
            });
            // The books balance meanwhile, with the driver's own question in flight.
            let stats = rig.ok("stats");
            assert!(row(&stats, "balanced").is_some_and(|line| line.ends_with("yes")));
        }
        platform = dialling(&program, &socket);
        rig.eventually("sensors", "the new platform's sensors", |answer| {
            answer.is_ok()
        });
        assert!(rig.ok("info").contains("heron"));
        assert!(is_well(&mut rig) > 0.0 || !given_up);
    }
    // The driver lived through all of it, and so did everybody else.
    let tasks = rig.ok("tasks");
    assert_eq!(
        numbers(row(&tasks, "virtio_scmi").unwrap()),
        [0.0, 0.0],
        "{tasks}"
    );
    rig.power_off();
}
