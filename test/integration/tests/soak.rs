// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The long run: many commands over many wraps of indices and tokens, with crashes of the driver and of a client in between.

use std::path::Path;
use std::time::{Duration, Instant};

use test_integration::{Answer, Kind, Rig, Setting, image_of, row};
use xtask::soak;

/// Crashes of the driver in one boot.
const DRIVER_CRASHES: u32 = 1000;
/// After so many of them a client crashes too.
const CLIENT_CRASH_EVERY: u32 = 10;
/// Commands that must have been answered in the end: two hundred wraps of the tokens, three of the ring's indices.
const COMMANDS: u64 = 200_000;
/// How long the second half may take: the commands that were not sent between crashes.
const LIMIT: Duration = Duration::from_secs(15 * 60);

/// Restarts and faults of a task.
fn counts(table: &str, task: &str) -> (u64, u64) {
    soak::counts(table, task).unwrap_or_else(|error| panic!("{error:#}"))
}

fn balanced(rig: &mut Rig) {
    let stats = rig.ok("stats");
    assert!(
        row(&stats, "balanced").is_some_and(|line| line.ends_with("yes")),
        "{stats}"
    );
}

#[test]
fn nothing_is_lost_over_many_commands_and_a_thousand_crashes() {
    let image = image_of(Path::new("test/soak/app.toml"));
    let mut rig = Rig::boot_setting(&Setting::new(&image.elf, Kind::VhostDeviceScmi));
    let start = Instant::now();
    for crash in 1..=DRIVER_CRASHES {
        rig.eventually("crash virtio_scmi", "the driver runs again", Answer::is_ok);
        if crash % CLIENT_CRASH_EVERY == 0 {
            rig.eventually("crash exchanger_a", "the client runs again", Answer::is_ok);
        }
        if crash % 100 == 0 {
            rig.ok("sensors");
            balanced(&mut rig);
        }
    }
    let crashed = start.elapsed();
    let done = loop {
        let table = rig.ok("tasks");
        let done = soak::commands(&table).unwrap_or_else(|error| panic!("{error:#}"));
        if done > COMMANDS {
            break done;
        }
        assert!(
            start.elapsed() < crashed + LIMIT,
            "{done} commands in {} s",
            start.elapsed().as_secs()
        );
        std::thread::sleep(Duration::from_millis(500));
    };
    let table = rig.ok("tasks");
    assert_eq!(
        counts(&table, "virtio_scmi"),
        (DRIVER_CRASHES.into(), DRIVER_CRASHES.into()),
        "{table}"
    );
    assert_eq!(
        counts(&table, "exchanger_b").1,
        0,
        "no wrong answer, and no harm from others' crashes\n{table}"
    );
    for task in ["jefe", "uart", "console", "idle"] {
        assert_eq!(counts(&table, task), (0, 0), "{table}");
    }
    rig.ok("sensors");
    balanced(&mut rig);
    println!(
        "soak: {done} commands answered rightly, {DRIVER_CRASHES} crashes of the driver, {} of a client, books balanced, {} s",
        DRIVER_CRASHES / CLIENT_CRASH_EVERY,
        start.elapsed().as_secs()
    );
}
