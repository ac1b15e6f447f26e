// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Random system calls (test/suite/fuzz.toml), judged by the tasks that make them and by a look at
//! all memory.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use test_integration::oracle::{Memory, Places};
use test_integration::{Board, Kind, Programs, Setting, Turn, image_of};
use xtask::console::Console;

/// Between two looks, on a machine that the whole test run shares.
const LIMIT: Duration = Duration::from_secs(300);
const BYSTANDERS: [&str; 2] = ["sleeper", "waiter"];
/// What the supervisor waits for: see `test_suite_common::fuzz`.
const GO_ON: &[u8] = b"g";

/// What happened, by its name.
struct Counts(String);

impl Counts {
    fn of(&self, name: &str) -> u32 {
        self.0
            .split(", ")
            .find_map(|part| part.trim().strip_suffix(name)?.trim().parse().ok())
            .unwrap_or_else(|| panic!("no number of {name} in `{}`", self.0))
    }
}

/// Makes `calls` calls at least, and looks at memory each `interval` calls.
fn fuzz(seed: u32, calls: u32, interval: u32) -> Counts {
    let image = image_of(Path::new("test/suite/fuzz.toml"));
    let _turn = Turn::take();
    let programs = Programs::find()
        .unwrap_or_else(|error| panic!("{error:#}; `cargo xtask setup` installs it"));
    let places = Places::of(&image, &BYSTANDERS);
    let setting = Setting::new(&image.elf, Kind::None);
    let mut board = Board::start(&programs, &setting).unwrap_or_else(|error| panic!("{error:#}"));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut console =
        Console::new(board.machine().take_console()).expect("the console can be read");
    console
        .wait_for("fuzz: ready\n", LIMIT)
        .unwrap_or_else(|error| panic!("{:#}", board.explain(error)));
    let parameters = [
        seed,
        calls,
        interval,
        places.records,
        places.variables.start,
    ];
    let bytes: Vec<u8> = parameters
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .collect();
    // The device has room for 16 bytes at least, and takes more when the supervisor has taken
    // those.
    console.send(&bytes).expect("the console takes parameters");
    let mut before: Option<Memory> = None;
    let mut looks = 0;
    loop {
        let line = console
            .wait_until("the next look", LIMIT, |seen| {
                let end = seen.find('\n')?;
                Some((end + 1, seen[..end].to_owned()))
            })
            .unwrap_or_else(|error| panic!("after {looks} looks: {:#}", board.explain(error)));
        if let Some(end) = line.strip_prefix("fuzz: ") {
            let _ = writeln!(std::io::stdout(), "{end}, {looks} looks");
            assert!(!end.starts_with("WRONG"), "after {looks} looks: {end}");
            return Counts(end.into());
        }
        assert_eq!(line, "look", "after {looks} looks");
        let now = Memory::of(board.machine().control(), &places, folder.path());
        if let Some(before) = &before
            && let Err(what) = now.check(before, &places)
        {
            panic!("after {looks} looks: {what}");
        }
        looks += 1;
        before = Some(now);
        console.send(GO_ON).expect("the console takes a byte");
    }
}

/// A run in which nothing happened would prove nothing.
fn expect(counts: &Counts, calls: u32) {
    assert!(counts.of("calls") >= calls, "{}", counts.0);
    for (name, one_in) in [
        ("answered", 15),
        ("received", 15),
        ("read", 25),
        ("written", 25),
        ("dead", 150),
        ("notified", 100),
        ("interrupts", 300),
        ("lives", 300),
    ] {
        assert!(counts.of(name) >= calls / one_in, "{name}: {}", counts.0);
    }
    assert!(
        counts.of("interrupts") <= counts.of("raised"),
        "{}",
        counts.0
    );
}

#[test]
fn a_hundred_thousand_random_system_calls_change_nobody_else() {
    expect(&fuzz(1, 100_000, 1_000), 100_000);
}

#[test]
fn a_million_random_system_calls_change_nobody_else() {
    expect(&fuzz(2, 1_000_000, 5_000), 1_000_000);
}
