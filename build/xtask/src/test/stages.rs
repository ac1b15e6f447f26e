// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The stages themselves.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use serde_json::Value;

use super::{Ended, Machine, Stage, Tier};
use crate::board::Programs;
use crate::command::{self, Outcome};
use crate::tally::Tally;
use crate::{bench, clippy, conformance, image, security, setup, sim, workspace};

/// The package whose tests boot machines: they run after all others, on an image that is known to build.
const INTEGRATION: &str = "test-integration";
/// What a test of the on-target suite is called, and what it prints before the name of a case.
const SUITE_TESTS: &str = "every_case_passes";
const CASE: &str = ": case ";
/// Of the suite, what runs before each commit.
const QUICK_SUITE: &str = "every_case_passes_on_a_cortex_a15";
/// Of the integration tests, what runs before each commit: the machine kept cool while a client does what it must not, a driver that
/// crashes under a client, and a platform that dies.
const SCENARIOS: [&str; 3] = [
    "s02_the_gpu_is_still_limited",
    "s15_events_go_on_across_a_crash_of_the_driver",
    "a_platform_that_dies_is_missed_in_time",
];
/// What runs under Miri: code that shares memory with a device or between tasks, or reads bytes of strangers.
const MIRI_PACKAGES: [&str; 4] = ["virtqueue", "virtio-mmio", "scmi", "kern"];
/// Of the core's integration tests, those that Miri runs in a minute or two each.
const MIRI_CORE_TESTS: [&str; 4] = ["startup", "polling", "counting", "thresholds"];
/// Of the tests of translation tables, those that do not walk each wrong table.
const MIRI_TABLE_TESTS: [&str; 3] = [
    "tables_of_any_layout_isolate",
    "a_task_has_its_own_memory_and_no_other",
    "equal_tables_are_stored_once",
];
/// The driver's binary, in the folder of an image.
const DRIVER_ELF: &str = "virtio_scmi.elf";
/// What later stages build on comes first, then what fails fast.
pub(super) const STAGES: [Stage; 15] = [
    Stage::new("formatting", Tier::Both, formatting),
    Stage::new("conformance", Tier::Both, conformance),
    Stage::new("image, clean build", Tier::Full, clean_image),
    Stage::new("barriers", Tier::Both, barriers),
    Stage::new("clippy, target", Tier::Both, clippy_target),
    Stage::new("clippy, host", Tier::Both, clippy_host),
    Stage::new("documentation", Tier::Full, documentation),
    Stage::new("host tests", Tier::Both, host_tests),
    Stage::new("documentation tests", Tier::Full, documentation_tests),
    Stage::new("on-target suite", Tier::Full, suite),
    Stage::new("on-target suite, cortex-a15", Tier::Quick, quick_suite),
    Stage::new("integration tests", Tier::Full, integration_tests),
    Stage::new("integration, three scenarios", Tier::Quick, scenarios),
    Stage::new("performance", Tier::Both, performance),
    Stage::new("miri", Tier::Full, miri),
];

fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

fn perform_command(command: &mut Command, limit: Duration) -> Result<Outcome> {
    let name = command::describe(command);
    command::run(&name, command, limit, |_| ())
}

fn check(command: &mut Command, limit: Duration) -> Result<Ended> {
    let outcome = perform_command(command, limit)?;
    Ok(Ended::Ran(Tally::check(outcome.success()), outcome.output))
}

fn tests(command: &mut Command, limit: Duration) -> Result<Ended> {
    let outcome = perform_command(command.env("CARGO_TERM_COLOR", "never"), limit)?;
    let tally = Tally::of_runner(&outcome.output, outcome.success());
    Ok(Ended::Ran(tally, outcome.output))
}

fn formatting(_: &Machine) -> Result<Ended> {
    if command::query(workspace::cargo().args(["fmt", "--version"])).is_none() {
        return Ok(Ended::Skipped("this toolchain has no rustfmt".into()));
    }
    check(
        workspace::cargo().args(["fmt", "--all", "--check"]),
        minutes(5),
    )
}

fn conformance(_: &Machine) -> Result<Ended> {
    let (mut rows, mut complaints) = conformance::check()?;
    let (lines, more) = security::check()?;
    rows += lines;
    complaints.extend(more.iter().map(|what| format!("doc/security.md, {what}")));
    let tally = Tally {
        // A row may have several.
        passed: rows.saturating_sub(complaints.len()),
        failed: complaints.len(),
    };
    Ok(Ended::Ran(tally, complaints.join("\n") + "\n"))
}

fn clippy_host(_: &Machine) -> Result<Ended> {
    if !clippy::is_there() {
        return Ok(Ended::Skipped("this toolchain has no clippy".into()));
    }
    check(
        workspace::cargo().args([
            "clippy",
            "--keep-going",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]),
        minutes(15),
    )
}

fn clippy_target(machine: &Machine) -> Result<Ended> {
    if !clippy::is_there() {
        return Ok(Ended::Skipped("this toolchain has no clippy".into()));
    }
    let mut output = String::new();
    let result = clippy::check(
        &machine.rust,
        image::DEFAULT_APP,
        &[],
        &clean_target(),
        &mut output,
    );
    if let Err(error) = &result {
        output.push_str(&format!("{error:#}\n"));
    }
    Ok(Ended::Ran(Tally::check(result.is_ok()), output))
}

fn host_tests(machine: &Machine) -> Result<Ended> {
    let mut command = runner(machine);
    for package in &machine.packages {
        command.args(["--package", package]);
    }
    let first = tests(&mut command, minutes(30))?;
    // Apart, because the tasks themselves do not build for the host.
    let mut command = workspace::cargo();
    command.args(["test", "--no-fail-fast", "--lib"]);
    for package in &machine.task_libraries {
        command.args(["--package", package]);
    }
    let second = tests(&mut command, minutes(10))?;
    Ok(first.and(second))
}

/// A cargo that runs all tests of the packages named after it, whether or not some fail.
fn runner(machine: &Machine) -> Command {
    let mut command = workspace::cargo();
    if machine.nextest {
        command.args(["nextest", "run", "--no-fail-fast", "--no-tests", "pass"]);
    } else {
        command.args(["test", "--no-fail-fast", "--lib", "--bins", "--tests"]);
    }
    command
}

fn documentation_tests(machine: &Machine) -> Result<Ended> {
    let mut command = workspace::cargo();
    command.args(["test", "--doc", "--no-fail-fast"]);
    for package in &machine.packages {
        command.args(["--package", package]);
    }
    tests(&mut command, minutes(20))
}

fn documentation(_: &Machine) -> Result<Ended> {
    let mut command = workspace::cargo();
    command
        .args(["doc", "--no-deps"])
        .env("RUSTDOCFLAGS", "-D warnings");
    check(&mut command, minutes(15))
}

/// Where the clean image is built, and kept for the integration tests.
fn clean_target() -> PathBuf {
    workspace::target_dir().join("test").join("image")
}

fn clean_image(machine: &Machine) -> Result<Ended> {
    let target = clean_target();
    if target.exists() {
        fs::remove_dir_all(&target)
            .with_context(|| format!("cannot remove {}", target.display()))?;
    }
    let image = image::build(&machine.rust, image::DEFAULT_APP, &target, |_| ())?;
    let clean = !image.output.lines().any(|line| line.starts_with("warning"));
    Ok(Ended::Ran(Tally::check(clean), image.output))
}

/// Each barrier that virtio needs stands in the linked driver: see lib/virtqueue/tests/barriers.
fn barriers(machine: &Machine) -> Result<Ended> {
    let image = image::build(&machine.rust, image::DEFAULT_APP, &clean_target(), |_| ())?;
    let mut command = workspace::cargo();
    command
        .args(["test", "--package", "virtqueue", "--test", "barriers"])
        .args(["--", "--ignored"])
        .env("VIRTQUEUE_ARM_ELF", image.folder.join(DRIVER_ELF));
    tests(&mut command, minutes(10))
}

fn suite(_: &Machine) -> Result<Ended> {
    suite_of(&[])
}

fn quick_suite(_: &Machine) -> Result<Ended> {
    suite_of(&[QUICK_SUITE])
}

/// Cases of the suite count one by one, and are printed one by one.
fn suite_of(names: &[&str]) -> Result<Ended> {
    let mut command = workspace::cargo();
    command
        .args(["test", "--package", INTEGRATION, "--test", "suite"])
        .args(["--", "--nocapture", "--test-threads", "1"])
        .args(names)
        .env(workspace::IMAGE_TARGET_DIR, clean_target())
        .env(image::TEST_RUN, this_run());
    let outcome = perform_command(&mut command, minutes(30))?;
    let is_case = |line: &&str| line.contains(CASE);
    let cases: Vec<&str> = outcome.output.lines().filter(is_case).collect();
    println!("{}", cases.join("\n"));
    let passed = cases
        .iter()
        .filter(|line| line.ends_with(" ... ok"))
        .count();
    let failed = cases.len() - passed;
    // Fewer cases than there are, or a machine that stopped, is a failure too.
    let whole = usize::from(!outcome.success() && failed == 0);
    let tally = Tally {
        passed,
        failed: failed + whole,
    };
    Ok(Ended::Ran(tally, outcome.output))
}

fn integration_tests(machine: &Machine) -> Result<Ended> {
    // The suite is the stage before this one.
    integration(machine, &["--skip", SUITE_TESTS])
}

fn scenarios(machine: &Machine) -> Result<Ended> {
    let ended = integration(machine, &SCENARIOS)?;
    // A test that was renamed must not go unnoticed.
    Ok(match ended {
        Ended::Ran(tally, output) if tally.passed + tally.failed < SCENARIOS.len() => {
            let complaint = format!("not all of these tests are there: {SCENARIOS:?}\n");
            Ended::Ran(Tally::check(false), output + &complaint)
        }
        ended => ended,
    })
}

fn integration(machine: &Machine, chosen: &[&str]) -> Result<Ended> {
    sim::build()?;
    let mut command = runner(machine);
    command
        .args(["--package", INTEGRATION])
        .arg("--")
        .args(chosen)
        .env(workspace::IMAGE_TARGET_DIR, clean_target())
        .env(image::TEST_RUN, this_run());
    tests(&mut command, minutes(45))
}

/// What has a limit in instructions or bytes keeps it.
fn performance(machine: &Machine) -> Result<Ended> {
    let programs = Programs::find()?;
    let build = |app| image::build(&machine.rust, app, &clean_target(), |_| ());
    let (tally, table) = bench::guard(
        &programs,
        &build(image::DEFAULT_APP)?,
        &build(bench::measure::APP)?,
    )?;
    Ok(Ended::Ran(tally, table))
}

/// A name for this run that no other has.
fn this_run() -> String {
    static START: LazyLock<u128> = LazyLock::new(|| {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        since.unwrap_or_default().as_nanos()
    });
    format!("{}-{}", std::process::id(), *START)
}

fn miri(_: &Machine) -> Result<Ended> {
    if let Err(error) = setup::miri::ensure() {
        return Ok(Ended::Skipped(format!("{error:#}")));
    }
    let mut command = miri_test(&["--lib", "--tests"]);
    for package in MIRI_PACKAGES {
        command.args(["--package", package]);
    }
    let first = tests(&mut command, minutes(30))?;
    // The core's other tests play whole lives of a device; under Miri they take far too long.
    let mut command = miri_test(&["--lib", "--package", "drv-virtio-scmi"]);
    for test in MIRI_CORE_TESTS {
        command.args(["--test", test]);
    }
    let second = tests(&mut command, minutes(15))?;
    let mut command = miri_test(&["--lib", "--package", "compose", "--"]);
    command.args(MIRI_TABLE_TESTS);
    Ok(first.and(second).and(tests(&mut command, minutes(15))?))
}

/// `cargo miri test` with these arguments, in a target folder of its own.
fn miri_test(arguments: &[&str]) -> Command {
    let mut command = setup::miri::command();
    command
        .arg("test")
        .args(arguments)
        // Property tests read their environment and the clock.
        .env("MIRIFLAGS", "-Zmiri-disable-isolation")
        .env("CARGO_TARGET_DIR", workspace::target_dir().join("miri"));
    command
}

/// The packages that build on the host, by cargo's own account; and of the others those that have a library.
pub(super) fn packages() -> Result<(Vec<String>, Vec<String>)> {
    let text =
        command::query(workspace::cargo().args(["metadata", "--format-version", "1", "--no-deps"]))
            .context("cargo metadata fails")?;
    // cargo may print a note before it.
    let json = text
        .lines()
        .find(|line| line.starts_with('{'))
        .context("cargo metadata prints no JSON")?;
    let metadata: Value = serde_json::from_str(json)?;
    let list = |key: &str| metadata[key].as_array().into_iter().flatten();
    let default: Vec<&Value> = list("workspace_default_members").collect();
    let (host, target): (Vec<&Value>, Vec<&Value>) =
        list("packages").partition(|package| default.contains(&&package["id"]));
    let names = |packages: Vec<&Value>| -> Vec<String> {
        packages
            .into_iter()
            .filter_map(|package| package["name"].as_str())
            .filter(|name| *name != INTEGRATION)
            .map(str::to_owned)
            .collect()
    };
    let with_library = target.into_iter().filter(|package| has_library(package));
    Ok((names(host), names(with_library.collect())))
}

fn has_library(package: &Value) -> bool {
    let kinds = package["targets"].as_array().into_iter().flatten();
    kinds
        .filter_map(|target| target["kind"].as_array())
        .flatten()
        .any(|kind| kind == "lib")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packages_are_those_of_the_host() {
        let (packages, task_libraries) = packages().unwrap();
        assert!(packages.iter().any(|name| name == "xtask"));
        assert!(task_libraries.iter().any(|name| name == "task-console"));
        assert!(task_libraries.iter().all(|name| name != "task-idle"));
        assert!(
            packages
                .iter()
                .all(|name| name != INTEGRATION && name != "task-idle"),
            "{packages:?}"
        );
    }
}
