// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `cargo xtask test`: everything that must hold, in stages, each within a limit.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::command::{self, Outcome};
use crate::image;
use crate::platform::Kind;
use crate::progress::Progress;
use crate::setup::{self, Mode, rust::TargetRust};
use crate::tally::Tally;
use crate::{clippy, conformance, run, sim, workspace};

/// The package whose tests boot machines: they run after all others, on an image that is known to build.
const INTEGRATION: &str = "test-integration";
/// What runs under Miri: code that shares memory with a device or between tasks, or reads bytes of strangers.
const MIRI_PACKAGES: [&str; 5] = [
    "virtqueue",
    "virtio-mmio",
    "scmi",
    "drv-virtio-scmi",
    "kern",
];
/// The driver's binary, in the folder of an image.
const DRIVER_ELF: &str = "virtio_scmi.elf";
/// Lines of a failed stage that are shown; all of them are in its log.
const SHOWN_LINES: usize = 120;

/// What `test` can be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// Run only the stages whose name contains one of these words
    stages: Vec<String>,
    /// List the stages
    #[arg(long)]
    list: bool,
}

/// How a stage ended.
enum Ended {
    /// It ran; its output is for the log, and shown if something failed.
    Ran(Tally, String),
    /// It cannot run here.
    Skipped(String),
}

struct Stage {
    name: &'static str,
    work: fn(&Machine) -> Result<Ended>,
}

/// What later stages build on comes first, then what fails fast.
const STAGES: [Stage; 11] = [
    Stage {
        name: "formatting",
        work: formatting,
    },
    Stage {
        name: "conformance",
        work: conformance,
    },
    Stage {
        name: "image, clean build",
        work: clean_image,
    },
    Stage {
        name: "barriers",
        work: barriers,
    },
    Stage {
        name: "clippy, target",
        work: clippy_target,
    },
    Stage {
        name: "clippy, host",
        work: clippy_host,
    },
    Stage {
        name: "documentation",
        work: documentation,
    },
    Stage {
        name: "host tests",
        work: host_tests,
    },
    Stage {
        name: "documentation tests",
        work: documentation_tests,
    },
    Stage {
        name: "integration tests",
        work: integration_tests,
    },
    Stage {
        name: "miri",
        work: miri,
    },
];

/// What set-up found, and what the workspace has.
struct Machine {
    rust: TargetRust,
    nextest: bool,
    /// Packages with host tests, the integration tests left out.
    packages: Vec<String>,
    /// Tasks that have a library, which runs on the host too.
    task_libraries: Vec<String>,
}

/// Runs the command.
///
/// # Errors
///
/// Set-up fails, or something did not pass.
pub fn run(arguments: &Arguments) -> Result<()> {
    let chosen: Vec<&Stage> = STAGES
        .iter()
        .filter(|stage| arguments.chooses(stage.name))
        .collect();
    if arguments.list || chosen.is_empty() {
        STAGES.iter().for_each(|stage| println!("{}", stage.name));
        return if arguments.list {
            Ok(())
        } else {
            bail!("no stage has such a name")
        };
    }
    let rust = setup::rust::ensure(Mode::Install)?.context("Rust for the target is missing")?;
    run::programs(Kind::VhostDeviceScmi)?;
    let nextest = command::query(workspace::cargo().args(["nextest", "--version"])).is_some();
    let (packages, task_libraries) = packages()?;
    let machine = Machine {
        rust,
        nextest,
        packages,
        task_libraries,
    };

    let mut total = Tally::default();
    for (index, stage) in chosen.iter().enumerate() {
        total += perform(
            stage,
            &format!("[{}/{}]", index + 1, chosen.len()),
            &machine,
        )?;
    }
    println!("{total}");
    if total.failed > 0 {
        bail!("not everything passed");
    }
    Ok(())
}

impl Arguments {
    fn chooses(&self, name: &str) -> bool {
        self.stages.is_empty() || self.stages.iter().any(|word| name.contains(word.as_str()))
    }
}

fn perform(stage: &Stage, position: &str, machine: &Machine) -> Result<Tally> {
    let start = Instant::now();
    let progress = Progress::start(&format!("{position} {}", stage.name));
    // A stage that cannot even start is a failure like any other; the later ones still say what they know.
    let ended = (stage.work)(machine)
        .unwrap_or_else(|error| Ended::Ran(Tally::check(false), format!("{error:#}\n")));
    drop(progress);
    let seconds = start.elapsed().as_secs();
    match ended {
        Ended::Skipped(reason) => {
            println!("{position} {}: skipped: {reason}", stage.name);
            Ok(Tally::default())
        }
        Ended::Ran(tally, output) => {
            let log = log_file(stage.name)?;
            fs::write(&log, &output).with_context(|| format!("cannot write {}", log.display()))?;
            if tally.failed > 0 {
                let lines: Vec<_> = output.lines().filter(|line| !is_noise(line)).collect();
                let shown = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
                println!("{}", shown.join("\n"));
                println!(
                    "{position} {}: FAILED, {tally} ({seconds} s); all of it is in {}",
                    stage.name,
                    workspace::shown(&log)
                );
            } else {
                println!("{position} {}: {tally} ({seconds} s)", stage.name);
            }
            Ok(tally)
        }
    }
}

/// What cargo says of crates that are well.
fn is_noise(line: &str) -> bool {
    const WORDS: [&str; 6] = [
        "Compiling ",
        "Checking ",
        "Downloading ",
        "Downloaded ",
        "Fresh ",
        "Documenting ",
    ];
    let line = line.trim_start();
    WORDS.iter().any(|word| line.starts_with(word))
}

fn log_file(stage: &str) -> Result<PathBuf> {
    let folder = workspace::target_dir().join("test");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let name: String = stage
        .chars()
        .filter_map(|c| match c {
            ' ' => Some('-'),
            ',' => None,
            _ => Some(c),
        })
        .collect();
    Ok(folder.join(name + ".log"))
}

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
    let (rows, complaints) = conformance::check()?;
    let tally = Tally {
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
    Ok(match (first, second) {
        (Ended::Ran(tally, output), Ended::Ran(more, rest)) => {
            let mut total = tally;
            total += more;
            Ended::Ran(total, output + &rest)
        }
        (first, _) => first,
    })
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

fn integration_tests(machine: &Machine) -> Result<Ended> {
    sim::build()?;
    let mut command = runner(machine);
    command
        .args(["--package", INTEGRATION])
        .env(workspace::IMAGE_TARGET_DIR, clean_target());
    tests(&mut command, minutes(30))
}

fn miri(_: &Machine) -> Result<Ended> {
    if let Err(error) = setup::miri::ensure() {
        return Ok(Ended::Skipped(format!("{error:#}")));
    }
    let mut command = setup::miri::command();
    command
        .args(["test", "--lib", "--tests"])
        // Property tests read their environment and the clock.
        .env("MIRIFLAGS", "-Zmiri-disable-isolation")
        .env("CARGO_TARGET_DIR", workspace::target_dir().join("miri"));
    for package in MIRI_PACKAGES {
        command.args(["--package", package]);
    }
    tests(&mut command, minutes(30))
}

/// The packages that build on the host, by cargo's own account; and of the others those that have a library.
fn packages() -> Result<(Vec<String>, Vec<String>)> {
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
    fn a_stage_is_chosen_by_a_part_of_its_name() {
        let arguments = |words: &[&str]| Arguments {
            stages: words.iter().map(|word| (*word).to_owned()).collect(),
            list: false,
        };
        assert!(arguments(&[]).chooses("miri"));
        assert!(arguments(&["clippy", "doc"]).chooses("documentation"));
        assert!(!arguments(&["clippy"]).chooses("miri"));
    }

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
