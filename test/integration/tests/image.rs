// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What `app.toml` says is what is in the image.

use std::process::Command;
use std::time::Duration;

use test_integration::{Image, Kind, Rig, Setting, Variant, image, image_of, xtask};
use xtask::{command, elf, setup, sizes, workspace};

/// Bytes of the driver's memory that the device uses.
fn pools(image: &Image) -> u32 {
    let sections = elf::sections(&image.folder.join("virtio_scmi.elf")).unwrap();
    let pools = sections
        .iter()
        .find(|section| section.name == ".virtqueues");
    pools
        .unwrap_or_else(|| panic!("the driver has no section .virtqueues: {sections:?}"))
        .size
}

#[test]
fn the_ring_size_in_the_manifest_sizes_the_pools_of_the_linked_driver() {
    let normal = image();
    let variant = Variant::new("vring-128", &[("vring-size = 64", "vring-size = 128")]);
    let larger = image_of(variant.path());
    let (before, after) = (pools(&normal), pools(&larger));
    // Twice the descriptors and twice the buffers; only what does not depend on the size stays.
    assert!(
        after > before * 17 / 10 && after <= before * 2,
        "{before} -> {after} bytes"
    );
    // In all at most 24 KiB at the default size.
    assert!(before <= 24 << 10, "{before} bytes");

    let mut rig = Rig::boot_setting(&Setting::new(&larger.elf, Kind::VhostDeviceScmi));
    let text = rig.ok("info");
    assert!(
        text.contains("128 command entries, 128 event entries"),
        "{text}"
    );
    assert!(text.contains("slots       64"), "{text}");
    rig.ok("sensors");
}

/// Budgets with head room, not walls: clarity comes before bytes. Of 48 KiB for the driver's code, 160 KiB for the text of the image and
/// 256 KiB for its memory, both without the console, a tenth must be free.
#[test]
fn a_tenth_of_each_budget_is_free() {
    let budgets = sizes::budgets_of(&image()).unwrap();
    let limits: Vec<_> = budgets.iter().map(|one| (one.what, one.limit)).collect();
    assert_eq!(
        limits,
        [
            ("driver code", 48 << 10),
            ("image text", 160 << 10),
            ("image ram", 256 << 10)
        ]
    );
    for budget in budgets {
        assert!(budget.used > 0 && budget.has_room(), "{budget:?}");
    }
}

#[test]
fn two_builds_give_the_same_bytes() {
    let first = image();
    let before = std::fs::read(&first.elf).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let rust = setup::rust::find().unwrap();
    let second = xtask::image::build(&rust, "app.toml", folder.path(), |_| ()).unwrap();
    let after = std::fs::read(&second.elf).unwrap();
    assert!(
        before == after,
        "{} and {} differ",
        first.elf.display(),
        second.elf.display()
    );
}

#[test]
fn a_broken_manifest_is_an_error_that_names_the_key() {
    let variant = Variant::new("broken", &[("stacksize = 1024", "stacksise = 1024")]);
    let outcome = xtask(&["dist", "--app", variant.path().to_str().unwrap()]);
    assert!(!outcome.success());
    assert!(
        outcome.output.contains("stacksise") && outcome.output.contains("idle"),
        "{}",
        outcome.output
    );
}

#[test]
fn a_task_that_outgrows_its_memory_is_an_error_that_names_it() {
    let variant = Variant::new(
        "outgrown",
        &[(
            "[tasks.console]\n",
            "[tasks.console]\nmax-sizes = { flash = 4096 }\n",
        )],
    );
    let outcome = xtask(&["dist", "--app", variant.path().to_str().unwrap()]);
    assert!(!outcome.success());
    assert!(
        outcome.output.contains("console") && outcome.output.contains("max-sizes"),
        "{}",
        outcome.output
    );
}

#[test]
fn a_kernel_whose_stack_can_overflow_is_an_error_that_shows_the_way() {
    let variant = Variant::new("shallow", &[("stacksize = 4096", "stacksize = 512")]);
    let outcome = xtask(&["dist", "--app", variant.path().to_str().unwrap()]);
    assert!(!outcome.success());
    for words in [
        "[kernel], key `stacksize`",
        "and this is 512",
        "kmain",
        "remedy: raise it",
    ] {
        assert!(outcome.output.contains(words), "{}", outcome.output);
    }
}

#[test]
fn a_missing_manifest_is_an_error_that_names_it() {
    let outcome = xtask(&["dist", "--app", "no-such.toml"]);
    assert!(
        !outcome.success() && outcome.output.contains("no-such.toml"),
        "{}",
        outcome.output
    );
}

const RUN: [&str; 3] = ["run", "--platform", "vhost-device-scmi"];

#[test]
fn run_prints_answers_and_fails_if_a_line_does() {
    let _turn = test_integration::Turn::take();
    let good = xtask(&[&RUN[..], &["--exec", "info", "--exec", "protocols"]].concat());
    assert!(good.success(), "{}", good.output);
    assert!(
        good.output.contains("rust-vmm") && good.output.contains("0x15"),
        "{}",
        good.output
    );
    assert!(
        !good.output.contains("scmi> "),
        "no prompts: {}",
        good.output
    );

    let bad = xtask(&[&RUN[..], &["--exec", "frobnicate", "--exec", "help"]].concat());
    assert!(!bad.success());
    assert!(
        bad.output.contains("no command `frobnicate`"),
        "{}",
        bad.output
    );
    assert!(
        bad.output.contains("crash"),
        "the line after it is typed all the same: {}",
        bad.output
    );
}

#[test]
fn run_leaves_no_process_behind() {
    let _turn = test_integration::Turn::take();
    // The daemon's socket lies in a folder of its own; whoever names it on the command line was started by us.
    let folder = tempfile::Builder::new()
        .prefix("left-behind")
        .tempdir()
        .unwrap();
    let mut cargo = workspace::cargo();
    cargo
        .args(["run", "--quiet", "--bin", "xtask", "--"])
        .args(RUN)
        .args(["--exec", "info"])
        .env("TMPDIR", folder.path());
    let outcome =
        command::run("cargo xtask", &mut cargo, Duration::from_secs(600), |_| ()).unwrap();
    assert!(outcome.success(), "{}", outcome.output);
    let listing = command::query(Command::new("ps").args(["-eo", "args"])).unwrap_or_default();
    let name = folder.path().to_str().unwrap();
    assert!(
        !listing.lines().any(|line| line.contains(name)),
        "{listing}"
    );
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        0,
        "temporary files are left"
    );
}
