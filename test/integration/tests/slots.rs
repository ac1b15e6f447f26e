// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Where the device is: alone in its page or not, and in a slot whose interrupt the driver does or does not get.

use test_integration::{Kind, Rig, Setting, Variant, image, image_of, numbers, row};

fn warnings(info: &str) -> Vec<&str> {
    info.lines()
        .filter(|line| line.starts_with("warning"))
        .collect()
}

/// V41: the second device is left alone. Its page is told of, for the driver can reach what is there.
#[test]
fn what_else_is_in_the_devices_page_is_told() {
    let alone = Rig::boot(Kind::Sim).ok("info");
    assert_eq!(warnings(&alone), [""; 0], "{alone}");

    let mut setting = Setting::new(&image().elf, Kind::Sim);
    setting.extra = ["-device", "virtio-rng-device"].map(String::from).to_vec();
    let mut rig = Rig::boot_setting(&setting);
    for _ in 0..2 {
        let info = rig.ok("info");
        let [warning] = warnings(&info)[..] else {
            panic!("one warning, please:\n{info}");
        };
        assert!(warning.ends_with("what is in slot 30"), "{warning}");
        assert!(info.contains("heron"), "{info}");
        // The same after a restart.
        rig.ok("crash virtio_scmi");
    }
}

#[test]
fn without_its_interrupt_the_driver_looks_at_the_device_by_timer() {
    let variant = Variant::new(
        "other-interrupt",
        &[("\"virtio_mmio.slot31\"", "\"virtio_mmio.slot30\"")],
    );
    let mut rig = Rig::boot_setting(&Setting::new(&image_of(variant.path()).elf, Kind::Sim));
    for _ in 0..2 {
        let info = rig.ok("info");
        let [warning] = warnings(&info)[..] else {
            panic!("one warning, please:\n{info}");
        };
        assert!(warning.contains("\"virtio_mmio.slot31\""), "{warning}");
        // Every command is answered, not ended by its deadline.
        assert_eq!(rig.ok("sensors").lines().count(), 6);
        let stats = rig.ok("stats");
        let stat = |name| numbers(row(&stats, name).unwrap())[0];
        assert!(stat("answered") > 10.0, "{stats}");
        assert_eq!(
            [stat("timed_out"), stat("interrupts")],
            [0.0, 0.0],
            "{stats}"
        );
        rig.ok("crash virtio_scmi");
    }
}
