// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Tasks are isolated: what a task must not do faults it, and nobody else notices.

use std::fs;
use std::path::Path;

use object::{Object as _, ObjectSection as _, ObjectSymbol as _};
use test_integration::{Answer, Image, Kind, Rig, Setting, image_of, row};

/// What the offender does in each life, and how its fault is told. The order is that of test/isolation/offender.
const OFFENCES: [(&str, &str); 12] = [
    (
        "reads the driver's variables",
        "it touched memory that is not its own",
    ),
    (
        "writes the driver's variables",
        "it touched memory that is not its own",
    ),
    (
        "reads the queues",
        "it touched memory that is not its own, at 0x40380000",
    ),
    (
        "writes the queues",
        "it touched memory that is not its own, at 0x40380000",
    ),
    (
        "reads the device",
        "it touched memory that is not its own, at 0x0a003000",
    ),
    (
        "writes the device",
        "it touched memory that is not its own, at 0x0a003000",
    ),
    (
        "executes its stack",
        "it jumped to where it may not execute",
    ),
    (
        "jumps into the kernel",
        "it jumped to where it may not execute",
    ),
    (
        "reads the kernel",
        "it touched memory that is not its own, at 0x40100000",
    ),
    ("overruns its stack", "its stack overflowed"),
    (
        "writes its own text",
        "it touched memory that is not its own",
    ),
    (
        "sends what is not its own",
        "it gave the kernel memory that is not its own, at 0x40380000",
    ),
];

fn isolation() -> Image {
    image_of(Path::new("test/isolation/app.toml"))
}

/// The image with the address of the driver's variables written into the offender.
fn image_with_the_address(folder: &Path) -> std::path::PathBuf {
    let image = isolation();
    let report = image.report().expect("the layout is reported");
    let driver = report
        .tasks
        .iter()
        .find(|task| task.name == "virtio_scmi")
        .expect("has the driver");
    let variables = driver
        .regions
        .iter()
        .find(|region| {
            region.access.starts_with("rw") && (0x4030_0000..0x4038_0000).contains(&region.base)
        })
        .expect("the driver has variables");

    let offender = fs::read(image.folder.join("offender.elf")).expect("the offender is there");
    let offender = object::File::parse(&*offender).expect("is an ELF");
    let symbol = offender
        .symbols()
        .find(|symbol| symbol.name() == Ok("DRIVER_DATA"))
        .expect("has the word");

    let mut bytes = fs::read(&image.elf).expect("the image is there");
    let place = {
        let file = object::File::parse(&*bytes).expect("is an ELF");
        let section = file
            .sections()
            .find(|section| {
                (section.address()..section.address() + section.size()).contains(&symbol.address())
            })
            .expect("the word is in a section of the image");
        let (offset, _) = section.file_range().expect("which is in the file");
        (offset + symbol.address() - section.address()) as usize
    };
    bytes[place..place + 4].copy_from_slice(&variables.base.to_le_bytes());
    let path = folder.join("image.elf");
    fs::write(&path, bytes).expect("the image is written");
    path
}

#[test]
fn every_offence_faults_the_offender_alone() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let elf = image_with_the_address(folder.path());
    let mut rig = Rig::boot_setting(&Setting::new(&elf, Kind::VhostDeviceScmi));
    let wanted = format!("{}", OFFENCES.len());
    rig.eventually(
        "tasks",
        "the offender has committed all its offences",
        |answer| {
            let row = row(&answer.text, "offender").map(str::to_owned);
            row.is_some_and(|row| row.split_whitespace().nth(1) == Some(&*wanted))
        },
    );
    let text = rig.transcript();
    let faults: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("! task offender faulted"))
        .collect();
    assert_eq!(faults.len(), OFFENCES.len(), "{text}");
    for ((offence, told), line) in OFFENCES.iter().zip(&faults) {
        assert!(
            line.contains(told),
            "a task that {offence} must be told as `{told}`, not as `{line}`"
        );
    }
    // Each life set another state, and once more the same: told once each, to the task on the mailing list.
    rig.eventually("tasks", "the listener has heard every change", |answer| {
        row(&answer.text, "listener")
            .is_some_and(|row| row.split_whitespace().skip(1).take(2).eq(["1", "0"]))
    });
    // Nobody else noticed.
    let table = rig.ok("tasks");
    for task in ["jefe", "uart", "virtio_scmi", "console", "idle"] {
        let row = row(&table, task).unwrap_or_else(|| panic!("no {task} in\n{table}"));
        assert_eq!(row.split_whitespace().nth(1), Some("0"), "{row}");
    }
    rig.ok("sensors");
}

/// How often a task was restarted, and how often it faulted.
fn counts(rig: &mut Rig, task: &str) -> (u32, u32) {
    let table = rig.ok("tasks");
    let row = row(&table, task).unwrap_or_else(|| panic!("no {task} in\n{table}"));
    let mut numbers = row
        .split_whitespace()
        .skip(1)
        .map(|word| word.parse().expect("a number"));
    (
        numbers.next().expect("restarts"),
        numbers.next().expect("faults"),
    )
}

#[test]
fn two_clients_at_once_each_get_their_own_answers() {
    let mut rig = Rig::boot_setting(&Setting::new(&isolation().elf, Kind::VhostDeviceScmi));
    for task in ["exchanger_a", "exchanger_b"] {
        rig.eventually("tasks", &format!("{task} gets on"), |answer| {
            row(&answer.text, task)
                .and_then(|row| row.split_whitespace().nth(1)?.parse().ok())
                .is_some_and(|n: u32| n >= 5)
        });
        assert_eq!(counts(&mut rig, task).1, 0, "no wrong answer");
    }
    rig.ok("sensors");
}

#[test]
fn a_client_that_crashes_while_waiting_disturbs_nobody() {
    let mut rig = Rig::boot_setting(&Setting::new(&isolation().elf, Kind::VhostDeviceScmi));
    for _ in 0..20 {
        // Refused while the supervisor still holds it back from the last crash.
        rig.eventually("crash exchanger_a", "it runs again", Answer::is_ok);
    }
    let before = counts(&mut rig, "exchanger_b");
    rig.eventually("tasks", "exchanger_b gets on", |answer| {
        row(&answer.text, "exchanger_b")
            .and_then(|row| row.split_whitespace().nth(1)?.parse().ok())
            .is_some_and(|restarts: u32| restarts > before.0)
    });
    assert!(counts(&mut rig, "exchanger_a").1 >= 20);
    assert_eq!(counts(&mut rig, "exchanger_b").1, 0);
    assert_eq!(counts(&mut rig, "virtio_scmi"), (0, 0));
    let stats = rig.ok("stats");
    assert!(
        row(&stats, "balanced").is_some_and(|line| line.ends_with("yes")),
        "{stats}"
    );
}
