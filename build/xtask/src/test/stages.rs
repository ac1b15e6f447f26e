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
use crate::image::Image;
use crate::tally::Tally;
use crate::{bench, clippy, conformance, image, security, setup, sim, workspace};

/// The package whose tests boot machines.
const INTEGRATION: &str = "test-integration";
/// What a test of the on-target suite is called, and what it prints before the name of a case.
const SUITE_TESTS: &str = "every_case_passes";
const CASE: &str = ": case ";
/// Of the suite, what runs before each commit.
const QUICK_SUITE: &str = "every_case_passes_on_a_cortex_a15";
/// Of the integration tests, what runs before each commit: the machine kept cool while a client does what it must not, a driver that
/// crashes under a client, a platform that dies, and random system calls.
const SCENARIOS: [&str; 4] = [
    "s02_the_gpu_is_still_limited",
    "s15_events_go_on_across_a_crash_of_the_driver",
    "a_platform_that_dies_is_missed_in_time",
    "a_hundred_thousand_random_system_calls_change_nobody_else",
];
/// What runs under Miri: code that shares memory with a device or between tasks, or reads bytes of strangers.
const MIRI_PACKAGES: [&str; 9] = [
    "virtqueue",
    "virtio-mmio",
    "scmi",
    "kern",
    "userlib",
    "idol-runtime",
    "drv-virtio-scmi-server",
    "drv-pl011-uart",
    "task-jefe",
];
/// Of the core's integration tests, those that Miri has time for, with fewer rounds each.
const MIRI_CORE_TESTS: [&str; 9] = [
    "startup",
    "polling",
    "counting",
    "thresholds",
    "delayed",
    "events",
    "recovery",
    "transfers",
    "random",
];
/// Of the tests of translation tables, those that do not walk each wrong table.
const MIRI_TABLE_TESTS: [&str; 3] = [
    "tables_of_any_layout_isolate",
    "a_task_has_its_own_memory_and_no_other",
    "equal_tables_are_stored_once",
];
/// The driver's binary, in the folder of an image.
const DRIVER_ELF: &str = "virtio_scmi.elf";
/// Stages that others need.
const CLEAN: &str = "image, clean build";
const IMAGES: &str = "images";
const BUILD: &str = "tests, build";
const HOST_CLIPPY: &str = "clippy, host";
/// The images that tests boot, in the order in which they are built. All are linked from the same place; the one that ships comes
/// last, because clippy looks at its kernel and would build it again behind another.
const APPS: [&str; 4] = [
    "test/suite/app.toml",
    "test/suite/fuzz.toml",
    bench::measure::APP,
    image::DEFAULT_APP,
];
/// What takes long and what others need comes first: of the stages that may start, the first does.
pub(super) const STAGES: [Stage; 19] = [
    Stage::new("formatting", Tier::Both, &[], formatting),
    Stage::new("conformance", Tier::Both, &[], conformance),
    Stage::new(CLEAN, Tier::Full, &[], clean_image),
    Stage::new(IMAGES, Tier::Both, &[CLEAN], images),
    Stage::new(HOST_CLIPPY, Tier::Both, &[], clippy_host),
    Stage::new("miri, core", Tier::Full, &[], miri_core),
    // Both compile in the folder of the host's programs.
    Stage::new(BUILD, Tier::Both, &[HOST_CLIPPY], build_tests),
    Stage::new("miri, libraries", Tier::Full, &[], miri_libraries),
    Stage::new("clippy, target", Tier::Both, &[IMAGES], clippy_target),
    Stage::new(
        "integration tests",
        Tier::Full,
        &[IMAGES, BUILD],
        integration_tests,
    ),
    Stage::new(
        "integration, scenarios",
        Tier::Quick,
        &[IMAGES, BUILD],
        scenarios,
    ),
    Stage::new("host tests", Tier::Both, &[BUILD], host_tests),
    Stage::new("on-target suite", Tier::Full, &[IMAGES, BUILD], suite),
    Stage::new(
        "on-target suite, cortex-a15",
        Tier::Quick,
        &[IMAGES, BUILD],
        quick_suite,
    ),
    Stage::new("performance", Tier::Both, &[IMAGES], performance),
    Stage::new("long dramas", Tier::Full, &[BUILD], dramas),
    Stage::new("barriers", Tier::Both, &[IMAGES, BUILD], barriers),
    Stage::new("documentation", Tier::Full, &[BUILD], documentation),
    Stage::new(
        "documentation tests",
        Tier::Full,
        &["documentation"],
        documentation_tests,
    ),
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
        &machine.images,
        &mut output,
    );
    if let Err(error) = &result {
        output.push_str(&format!("{error:#}\n"));
    }
    Ok(Ended::Ran(Tally::check(result.is_ok()), output))
}

/// Builds every test of the host once. The runs that follow choose among them, so that none is built again with other features.
fn build_tests(machine: &Machine) -> Result<Ended> {
    let mut ended = Ended::Ran(Tally::check(true), String::new());
    for mut command in runners(machine, Mode::Build) {
        let built = check(&mut command, minutes(30))?;
        let failed = matches!(&built, Ended::Ran(tally, _) if tally.failed > 0);
        ended = match (ended, built) {
            (Ended::Ran(_, first), Ended::Ran(tally, second)) => Ended::Ran(tally, first + &second),
            (ended, _) => ended,
        };
        if failed {
            break;
        }
    }
    Ok(ended)
}

fn host_tests(machine: &Machine) -> Result<Ended> {
    let chosen = format!("not package({INTEGRATION})");
    let mut ended: Option<Ended> = None;
    for mut command in runners(machine, Mode::Run) {
        if machine.nextest {
            command.args(["--filterset", &chosen]);
        } else if let Some(not_these) = command.get_args().position(|word| word == INTEGRATION) {
            command = without(&command, not_these);
        }
        let more = tests(&mut command, minutes(30))?;
        ended = Some(match ended {
            Some(ended) => ended.and(more),
            None => more,
        });
    }
    ended.context("there are no packages")
}

/// The command without `--package` and its value, which is the argument at this place.
fn without(command: &Command, value: usize) -> Command {
    let mut fewer = workspace::cargo();
    let arguments = command.get_args().enumerate();
    fewer.args(
        arguments
            .filter(|(place, _)| *place != value && place + 1 != value)
            .map(|(_, word)| word),
    );
    fewer
}

/// What is done with tests.
#[derive(Clone, Copy)]
enum Mode {
    Build,
    Run,
}

/// The commands that build or run all tests of the host, whether or not some fail. With nextest it is one, always with the same packages: cargo
/// chooses features by what is built at once, and builds again what has others.
fn runners(machine: &Machine, mode: Mode) -> Vec<Command> {
    let words: &[&str] = match mode {
        Mode::Build => &["--no-run"],
        Mode::Run if machine.nextest => &["--no-fail-fast", "--no-tests", "pass"],
        Mode::Run => &["--no-fail-fast"],
    };
    let named = |command: &mut Command, packages: &[String]| {
        for package in packages {
            command.args(["--package", package]);
        }
    };
    let mut command = workspace::cargo();
    if machine.nextest {
        command.args(["nextest", "run"]).args(words);
        named(&mut command, &machine.packages);
        command.args(["--package", INTEGRATION]);
        named(&mut command, &machine.task_libraries);
        return vec![command];
    }
    command
        .args(["test", "--lib", "--bins", "--tests"])
        .args(words);
    named(&mut command, &machine.packages);
    command.args(["--package", INTEGRATION]);
    // Apart, because the tasks themselves do not build for the host.
    let mut tasks = workspace::cargo();
    tasks.args(["test", "--lib"]).args(words);
    named(&mut tasks, &machine.task_libraries);
    vec![command, tasks]
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

/// Where the clean image is built.
fn clean_target() -> PathBuf {
    workspace::target_dir().join("test").join("image")
}

/// Where the images of a run of these stages are built: from nothing if that is one of them, else where the other commands build
/// them, too.
pub(super) fn images_dir(stages: &[&Stage]) -> PathBuf {
    if stages.iter().any(|stage| stage.name == CLEAN) {
        clean_target()
    } else {
        workspace::image_target_dir()
    }
}

fn clean_image(machine: &Machine) -> Result<Ended> {
    let target = clean_target();
    if target.exists() {
        fs::remove_dir_all(&target)
            .with_context(|| format!("cannot remove {}", target.display()))?;
    }
    let image = image_of(machine, image::DEFAULT_APP)?;
    let clean = !image.output.lines().any(|line| line.starts_with("warning"));
    Ok(Ended::Ran(Tally::check(clean), image.output))
}

/// All that machines boot, and the platform that they talk to.
fn images(machine: &Machine) -> Result<Ended> {
    let mut output = String::new();
    sim::build_in(Some(this_run()))?;
    for app in APPS {
        output += &image_of(machine, app)?.output;
    }
    Ok(Ended::Ran(Tally::check(true), output))
}

/// The image of this manifest, as this run has built it.
fn image_of(machine: &Machine, app: &str) -> Result<Image> {
    image::build_in(
        Some(this_run()),
        &machine.rust,
        app,
        &machine.images,
        |_| (),
    )
}

/// Tests that take too long for a run before each commit.
fn dramas(machine: &Machine) -> Result<Ended> {
    if machine.nextest {
        let chosen = "binary_id(drv-virtio-scmi::random) | binary_id(drv-virtio-scmi::natural)";
        let mut command = chosen_tests(machine, chosen, &[]);
        return tests(command.args(["--run-ignored", "only"]), minutes(20));
    }
    let mut command = workspace::cargo();
    command
        .args(["test", "--package", "drv-virtio-scmi"])
        .args(["--test", "random", "--test", "natural"])
        .args(["--", "--ignored"]);
    tests(&mut command, minutes(20))
}

/// Each barrier that virtio needs stands in the linked driver: see lib/virtqueue/tests/barriers.
fn barriers(machine: &Machine) -> Result<Ended> {
    let image = image_of(machine, image::DEFAULT_APP)?;
    let elf = image.folder.join(DRIVER_ELF);
    if machine.nextest {
        let chosen = "binary_id(virtqueue::barriers)";
        let mut command = chosen_tests(machine, chosen, &[]);
        command
            .args(["--run-ignored", "only"])
            .env("VIRTQUEUE_ARM_ELF", elf);
        return tests(&mut command, minutes(10));
    }
    let mut command = workspace::cargo();
    command
        .args(["test", "--package", "virtqueue", "--test", "barriers"])
        .args(["--", "--ignored"])
        .env("VIRTQUEUE_ARM_ELF", elf);
    tests(&mut command, minutes(10))
}

/// The command that runs these tests alone: those of the filter, with nextest; else of the integration tests those whose name
/// contains one of the words.
fn chosen_tests(machine: &Machine, filter: &str, words: &[&str]) -> Command {
    if machine.nextest {
        let mut command = runners(machine, Mode::Run).remove(0);
        command.args(["--filterset", filter]);
        return command;
    }
    let mut command = workspace::cargo();
    command
        .args(["test", "--no-fail-fast", "--lib", "--bins", "--tests"])
        .args(["--package", INTEGRATION, "--"])
        .args(words);
    command
}

/// Of the integration tests, those whose name contains one of the words.
fn integration_filter(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("test({word})")).collect();
    format!("package({INTEGRATION}) and ({})", words.join(" or "))
}

fn suite(machine: &Machine) -> Result<Ended> {
    suite_of(machine, SUITE_TESTS)
}

fn quick_suite(machine: &Machine) -> Result<Ended> {
    suite_of(machine, QUICK_SUITE)
}

/// Cases of the suite count one by one, and are printed one by one.
fn suite_of(machine: &Machine, word: &str) -> Result<Ended> {
    let mut command = chosen_tests(machine, &integration_filter(&[word]), &[word]);
    if machine.nextest {
        // What a machine printed, when it has ended: several run at once.
        command.args(["--success-output", "immediate"]);
    } else {
        command.arg("--nocapture");
    }
    on_images(&mut command, machine).env("CARGO_TERM_COLOR", "never");
    let outcome = perform_command(&mut command, minutes(30))?;
    let lines = outcome.output.lines().map(str::trim);
    let cases: Vec<&str> = lines.filter(|line| line.contains(CASE)).collect();
    let passed = cases
        .iter()
        .filter(|line| line.ends_with(" ... ok"))
        .count();
    let failed = cases.len() - passed;
    // Fewer cases than there are, or a machine that stopped, is a failure too.
    let whole = usize::from(cases.is_empty() || !outcome.success() && failed == 0);
    let tally = Tally {
        passed,
        failed: failed + whole,
    };
    let shown = cases.join("\n") + "\n";
    Ok(Ended::Shown(tally, outcome.output, shown))
}

/// Has the tests boot what this run has built.
fn on_images<'c>(command: &'c mut Command, machine: &Machine) -> &'c mut Command {
    command
        .env(workspace::IMAGE_TARGET_DIR, &machine.images)
        .env(image::TEST_RUN, this_run())
}

fn integration_tests(machine: &Machine) -> Result<Ended> {
    // The suite is a stage of its own.
    let filter = format!("package({INTEGRATION}) and not test({SUITE_TESTS})");
    integration(machine, &filter, &["--skip", SUITE_TESTS])
}

fn scenarios(machine: &Machine) -> Result<Ended> {
    let ended = integration(machine, &integration_filter(&SCENARIOS), &SCENARIOS)?;
    // A test that was renamed must not go unnoticed.
    Ok(match ended {
        Ended::Ran(tally, output) if tally.passed + tally.failed < SCENARIOS.len() => {
            let complaint = format!("not all of these tests are there: {SCENARIOS:?}\n");
            Ended::Ran(Tally::check(false), output + &complaint)
        }
        ended => ended,
    })
}

fn integration(machine: &Machine, filter: &str, words: &[&str]) -> Result<Ended> {
    let mut command = chosen_tests(machine, filter, words);
    if machine.nextest {
        let machines = super::cores() * super::MACHINES_PER_CORE;
        command.args(["--test-threads", &machines.to_string()]);
    }
    tests(on_images(&mut command, machine), minutes(45))
}

/// What has a limit in instructions or bytes keeps it.
fn performance(machine: &Machine) -> Result<Ended> {
    let programs = Programs::find()?;
    let (tally, table) = bench::guard(
        &programs,
        &image_of(machine, image::DEFAULT_APP)?,
        &image_of(machine, bench::measure::APP)?,
    )?;
    Ok(Ended::Ran(tally, table))
}

/// A name for this run that no other has.
fn this_run() -> &'static str {
    static RUN: LazyLock<String> = LazyLock::new(|| {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let start = since.unwrap_or_default().as_nanos();
        format!("{}-{start}", std::process::id())
    });
    &RUN
}

fn miri_libraries(_: &Machine) -> Result<Ended> {
    if let Err(error) = setup::miri::ensure() {
        return Ok(Ended::Skipped(format!("{error:#}")));
    }
    let mut command = miri_test(&["--lib", "--tests"]);
    for package in MIRI_PACKAGES {
        command.args(["--package", package]);
    }
    let first = tests(&mut command, minutes(60))?;
    let mut command = miri_test(&["--lib", "--package", "compose", "--"]);
    command.args(MIRI_TABLE_TESTS);
    Ok(first.and(tests(&mut command, minutes(20))?))
}

/// Apart from the libraries, because Miri runs one test at a time.
fn miri_core(_: &Machine) -> Result<Ended> {
    if let Err(error) = setup::miri::ensure() {
        return Ok(Ended::Skipped(format!("{error:#}")));
    }
    let mut command = miri_test(&["--lib", "--package", "drv-virtio-scmi"]);
    for test in MIRI_CORE_TESTS {
        command.args(["--test", test]);
    }
    tests(&mut command, minutes(60))
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
    let metadata = workspace::metadata()?;
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
