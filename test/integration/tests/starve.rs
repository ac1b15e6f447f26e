// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A server works for its clients at its own priority; that must not let an unimportant client keep the processor (H4).

use std::path::Path;
use std::time::Duration;

use test_integration::{Board, Kind, Programs, Setting, Turn, image_of};
use xtask::console::Console;

/// Four seconds of the guest's, on a machine whose time is counted in instructions, on a busy computer.
const LIMIT: Duration = Duration::from_secs(300);
/// How much longer a gap may be with the writer than without, in milliseconds of the guest's.
const LONGER: u64 = 2;

#[test]
fn h04_a_writer_of_many_bytes_delays_nobody_more_important() {
    let image = image_of(Path::new("test/starve/app.toml"));
    let _turn = Turn::take();
    let programs = Programs::find()
        .unwrap_or_else(|error| panic!("{error:#}; `cargo xtask setup` installs it"));
    let mut setting = Setting::new(&image.elf, Kind::None);
    setting.extra = ["-icount", "shift=0,sleep=off"].map(str::to_owned).into();
    let mut board = Board::start(&programs, &setting).unwrap_or_else(|error| panic!("{error:#}"));
    let stream = board.machine().take_console();
    let mut console = Console::new(stream).expect("the console can be read");
    let done = console.wait_for("meter: done", LIMIT);
    if let Err(error) = done {
        panic!("{:#}", board.explain(error));
    }
    let gaps: Vec<u64> = console
        .transcript()
        .lines()
        .filter_map(|line| {
            let (_, gap) = line.split_once(", worst gap ")?;
            gap.strip_suffix(" ms")?.parse().ok()
        })
        .collect();
    let [first, second, _, last] = gaps[..] else {
        panic!("four rounds were expected: {gaps:?}");
    };
    assert!(
        last <= first.max(second) + LONGER,
        "the worst gaps by round, in ms: {gaps:?}"
    );
}
