// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The on-target suite (test/suite): the kernel, `userlib` and generated IPC code, tried case by case on the machine itself.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use test_integration::{Board, Kind, Programs, Setting, Turn, image_of};
use xtask::console::Console;

/// All cases, on a machine that the whole test run shares.
const LIMIT: Duration = Duration::from_secs(300);
/// The suite has at least as many cases.
const CASES: usize = 100;
/// What the last line starts with.
const LAST: &str = "suite: ";

/// Boots an image on this processor, with further arguments for QEMU, passes what it prints through, and returns that and the line
/// that begins with `last`.
fn boot(app: &str, cpu: &str, extra: &[&str], last: &str) -> (String, String) {
    let image = image_of(Path::new(app));
    let _turn = Turn::take();
    let programs = Programs::find()
        .unwrap_or_else(|error| panic!("{error:#}; `cargo xtask setup` installs it"));
    let mut setting = Setting::new(&image.elf, Kind::None);
    setting.cpu = cpu.into();
    setting.extra = extra.iter().map(|&word| word.into()).collect();
    let mut board = Board::start(&programs, &setting).unwrap_or_else(|error| panic!("{error:#}"));
    let stream = board.machine().take_console();
    let mut console = Console::new(stream).expect("the console can be read");
    let ended = console.wait_until(&format!("`{last}`"), LIMIT, |seen| {
        let at = seen.find(&format!("\n{last}"))? + 1;
        let length = seen[at..].find('\n')?;
        Some((at + length, seen[at..at + length].to_owned()))
    });
    let text = console.transcript();
    // Not by `println!`: a test that passes would keep it to itself.
    let mut out = std::io::stdout();
    for line in text.lines() {
        let _ = writeln!(out, "{cpu}: {line}");
    }
    let last = ended.unwrap_or_else(|error| panic!("{:#}", board.explain(error)));
    (text, last)
}

/// Boots the suite on this processor, judges its cases, and returns what it printed.
fn run(app: &str, cpu: &str, extra: &[&str]) -> String {
    let (text, last) = boot(app, cpu, extra, LAST);
    let verdicts = |verdict: &str| {
        text.lines()
            .filter(|line| line.starts_with("case ") && line.contains(verdict))
            .collect::<Vec<_>>()
    };
    let failed = verdicts(" ... FAILED");
    assert!(failed.is_empty(), "on {cpu}:\n{}", failed.join("\n"));
    let passed = verdicts(" ... ok").len();
    assert_eq!(last, format!("{LAST}{passed} passed, 0 failed"), "{text}");
    assert!(
        passed >= CASES,
        "only {passed} cases, of {CASES} or more: are some not in their group any more?"
    );
    text
}

#[test]
fn every_case_passes_on_a_cortex_a15() {
    run("test/suite/app.toml", "cortex-a15", &[]);
}

#[test]
fn every_case_passes_on_a_cortex_a7() {
    run("test/suite/app.toml", "cortex-a7", &[]);
}

/// Everything that QEMU can emulate: what no earlier processor had must be closed to tasks too.
#[test]
fn every_case_passes_on_the_largest_processor() {
    run("test/suite/app.toml", "max", &[]);
}

/// With as many tasks as there can be, on a machine whose cycles are instructions: there the cases about cost hold each number against
/// its limit.
#[test]
fn every_case_passes_with_32_tasks_and_no_call_costs_more_than_its_limit() {
    let text = run(
        "test/suite/crowd.toml",
        "cortex-a15",
        &["-icount", "shift=0"],
    );
    let costs: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("cost: "))
        .collect();
    assert!(
        costs.iter().any(|line| line.contains("27 timers due")),
        "not all tasks took part:\n{}",
        costs.join("\n")
    );
}

/// What user mode may do with coprocessors 14 and 15 on every processor, and why it does no harm.
const ALLOWED: [&str; 12] = [
    // TPIDRURW, the task's own thread register: cleared at each switch and restart.
    "mcr p15, 0, c13, c0, 2",
    "mrc p15, 0, c13, c0, 2",
    // TPIDRURO: always 0.
    "mrc p15, 0, c13, c0, 3",
    // PMUSERENR: whether the performance counters are open, which is in the manifest too.
    "mrc p15, 0, c9, c14, 0",
    // The barriers ISB, DSB and DMB as ARMv6 spelt them. SCTLR.CP15BEN is 0, which QEMU does not heed.
    "mcr p15, 0, c7, c5, 4",
    "mcr p15, 0, c7, c10, 4",
    "mcr p15, 0, c7, c10, 5",
    // DBGDIDR, DBGDRAR and DBGDSAR: constants. DBGDSCR.UDCCdis closes them on hardware; QEMU heeds it for the rest only.
    "mrc p14, 0, c0, c0, 0",
    "mrc p14, 0, c1, c0, 0",
    "mrc p14, 0, c2, c0, 0",
    "mrrc p14, 0, c1",
    "mrrc p14, 0, c2",
];

/// Every MCR, MRC, MCRR, MRRC, STC and LDC of coprocessors 14 and 15, from user mode.
fn probe(cpu: &str) {
    let (text, last) = boot("test/suite/probe.toml", cpu, &[], "probe: ");
    let allowed: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("allowed: "))
        .filter(|access| !ALLOWED.contains(access))
        .collect();
    assert!(allowed.is_empty(), "on {cpu} tasks may: {allowed:#?}");
    assert!(last.starts_with("probe: 66688 accesses, "), "{last}");
    assert!(last.ends_with(", 0 unexpected"), "{text}");
}

#[test]
fn every_coprocessor_access_but_a_few_faults_on_a_cortex_a15() {
    probe("cortex-a15");
}

#[test]
fn every_coprocessor_access_but_a_few_faults_on_a_cortex_a7() {
    probe("cortex-a7");
}

#[test]
fn every_coprocessor_access_but_a_few_faults_on_the_largest_processor() {
    probe("max");
}
