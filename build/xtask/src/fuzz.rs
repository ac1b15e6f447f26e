// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `cargo xtask fuzz`: runs the fuzz targets of the tree, each for some minutes, from the seeds that are kept with it.
//!
//! What a target plays is also a bounded test of `cargo xtask test`, so a finding that goes to the seeds is a test from then on.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::command::{self, Outcome};
use crate::progress::Progress;
use crate::record::{self, Row};
use crate::setup;
use crate::workspace;

/// How long a target may take to be built, and after that to end when its time is up.
const BUILD_LIMIT: Duration = Duration::from_secs(30 * 60);
/// Names the table in `doc/testing.md`.
const RESULTS: &str = "fuzz";
/// Lines of a finding that are shown.
const SHOWN_LINES: usize = 60;

/// A fuzz target.
struct Target {
    name: &'static str,
    /// The package that it is for, by its folder; the target is in the folder `fuzz` there.
    package: &'static str,
    /// Longest input, in bytes.
    max_len: u32,
    what: &'static str,
}

const TARGETS: [Target; 6] = [
    Target {
        name: "hostile",
        package: "lib/virtqueue",
        max_len: 4096,
        what: "a device that writes anything anywhere, against the queue",
    },
    Target {
        name: "drama",
        package: "drv/virtio-scmi",
        max_len: 4096,
        what: "such a device and clients that do anything, against the whole channel core",
    },
    Target {
        name: "natural",
        package: "drv/virtio-scmi",
        max_len: 4096,
        what: "a true device and clients at any pace, against the driver's loop",
    },
    Target {
        name: "any_bytes",
        package: "lib/scmi",
        max_len: 160,
        what: "any bytes as a message of any protocol",
    },
    Target {
        name: "engine",
        package: "test/platform",
        max_len: 768,
        what: "any requests and orders to the simulated platform",
    },
    Target {
        name: "device",
        package: "test/platform",
        max_len: 512,
        what: "any chains and rings to the simulated platform",
    },
];

/// What `fuzz` can be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// The targets; all if none is named
    targets: Vec<String>,
    /// How long each runs
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// List the targets
    #[arg(long)]
    list: bool,
}

/// How a run of a target went.
#[derive(Debug, PartialEq, Eq)]
struct Report {
    executions: u64,
    seconds: u64,
}

impl Report {
    /// The cells of the table in `doc/testing.md` after the first.
    fn cells(&self) -> [String; 3] {
        let minutes = self.seconds / 60;
        [
            self.executions.to_string(),
            format!("{minutes} min"),
            "nothing found".into(),
        ]
    }
}

/// Runs the command.
///
/// # Errors
///
/// A target is not known, cannot be built, or found something: then the message says where the input is and how to play it again.
pub fn run(arguments: &Arguments) -> Result<()> {
    if arguments.list {
        for target in &TARGETS {
            println!("{:10} {:16} {}", target.name, target.package, target.what);
        }
        return Ok(());
    }
    ensure!(arguments.minutes > 0, "--minutes 0 would fuzz nothing");
    let chosen = choose(&arguments.targets)?;
    setup::fuzz::ensure()?;
    let mut found = Vec::new();
    for target in chosen {
        let commit = record::commit();
        let row = match target.run(arguments.minutes)? {
            Ok(report) => {
                println!(
                    "{}: {} executions in {} s, nothing found",
                    target.name, report.executions, report.seconds
                );
                report.cells()
            }
            Err(finding) => {
                println!("{finding}");
                found.push(target.name);
                [String::new(), String::new(), "found something".into()]
            }
        };
        record::write(
            RESULTS,
            &[Row::new(format!("`{}`", target.name), row)],
            &commit,
        )?;
    }
    if found.is_empty() {
        Ok(())
    } else {
        bail!("something was found by {}", found.join(", "))
    }
}

fn choose(names: &[String]) -> Result<Vec<&'static Target>> {
    if names.is_empty() {
        return Ok(TARGETS.iter().collect());
    }
    let find = |name: &String| {
        TARGETS
            .iter()
            .find(|target| target.name == name)
            .with_context(|| {
                let known: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
                format!(
                    "there is no fuzz target `{name}`; there are: {}",
                    known.join(", ")
                )
            })
    };
    names.iter().map(find).collect()
}

impl Target {
    fn folder(&self) -> PathBuf {
        workspace::root().join(self.package)
    }

    /// A failure of the target is not an error of this function, but the text to show.
    fn run(&self, minutes: u64) -> Result<Result<Report, String>> {
        let corpus = workspace::target_dir().join("fuzz").join("corpus");
        let corpus = corpus.join(self.name);
        fs::create_dir_all(&corpus).with_context(|| format!("cannot make {}", corpus.display()))?;
        let artifacts = workspace::target_dir().join("fuzz").join("found");
        fs::create_dir_all(&artifacts)
            .with_context(|| format!("cannot make {}", artifacts.display()))?;
        let prefix = format!("{}/{}-", artifacts.display(), self.name);

        let mut build = self.cargo_fuzz("build");
        let progress = Progress::start(&format!("building {}", self.name));
        command::check("cargo fuzz build", &mut build, BUILD_LIMIT, |line| {
            progress.line(line);
        })?;
        drop(progress);

        let mut fuzz = self.cargo_fuzz("run");
        fuzz.arg(&corpus)
            .arg(self.folder().join("fuzz").join("seeds").join(self.name))
            .arg("--")
            .arg(format!("-max_len={}", self.max_len))
            .arg(format!("-max_total_time={}", minutes * 60))
            .arg("-print_final_stats=1")
            .arg(format!("-artifact_prefix={prefix}"));
        let limit = Duration::from_secs(minutes * 60) + BUILD_LIMIT;
        let progress = Progress::start(&format!("fuzzing with {} for {minutes} min", self.name));
        let outcome = command::run("cargo fuzz", &mut fuzz, limit, |line| progress.line(line))?;
        drop(progress);
        if outcome.success() {
            return Ok(Ok(report(&outcome)?));
        }
        Ok(Err(self.finding(&outcome, &prefix)))
    }

    fn cargo_fuzz(&self, what: &str) -> Command {
        let mut command = setup::fuzz::command();
        command
            .current_dir(self.folder())
            .arg(what)
            .arg("--target-dir")
            .arg(workspace::target_dir().join("fuzz").join("build"))
            .arg(self.name);
        command
    }

    fn finding(&self, outcome: &Outcome, prefix: &str) -> String {
        let lines: Vec<&str> = outcome.output.lines().collect();
        let shown = lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n");
        let input = outcome.output.lines().find_map(|line| {
            let path = line.split("Test unit written to ").nth(1)?;
            path.starts_with(prefix).then_some(path.trim())
        });
        match input {
            Some(input) => format!(
                "{shown}\n{name}: found something: {input}\n\
                 Play it again:  cd {package} && cargo +nightly fuzz run {name} {input}\n\
                 Keep it:        cp {input} {package}/fuzz/seeds/{name}/",
                name = self.name,
                package = self.package,
            ),
            None => format!("{shown}\n{}: did not run to its end", self.name),
        }
    }
}

/// Reads libFuzzer's last words.
fn report(outcome: &Outcome) -> Result<Report> {
    let executions = outcome
        .output
        .lines()
        .find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))
        .and_then(|number| number.trim().parse().ok())
        .context("libFuzzer did not say how many inputs it played")?;
    ensure!(executions > 0, "libFuzzer played no input");
    Ok(Report {
        executions,
        seconds: outcome.elapsed.as_secs(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn outcome(output: &str) -> Outcome {
        Outcome {
            status: None,
            output: output.into(),
            elapsed: Duration::from_secs(7),
        }
    }

    #[test]
    fn every_fuzz_target_of_the_tree_is_known_and_has_seeds() {
        let root = workspace::root();
        let mut there = BTreeSet::new();
        for part in ["build", "drv", "lib", "sys", "task", "test"] {
            for package in fs::read_dir(root.join(part)).unwrap() {
                let targets = package.unwrap().path().join("fuzz/fuzz_targets");
                let Ok(files) = fs::read_dir(&targets) else {
                    continue;
                };
                for file in files {
                    let path = file.unwrap().path();
                    there.insert(path.strip_prefix(root).unwrap().to_owned());
                }
            }
        }
        let known: BTreeSet<PathBuf> = TARGETS
            .iter()
            .map(|target| {
                PathBuf::from(target.package)
                    .join("fuzz/fuzz_targets")
                    .join(format!("{}.rs", target.name))
            })
            .collect();
        assert_eq!(there, known);
        for target in &TARGETS {
            let seeds = target.folder().join("fuzz/seeds").join(target.name);
            assert!(fs::read_dir(&seeds).unwrap().count() > 0, "{}", target.name);
        }
    }

    #[test]
    fn an_unknown_target_is_an_error_that_lists_the_known_ones() {
        assert_eq!(choose(&[]).unwrap().len(), TARGETS.len());
        assert_eq!(choose(&["drama".into()]).unwrap()[0].name, "drama");
        let error = choose(&["comedy".into()]).err().unwrap().to_string();
        assert!(
            error.contains("comedy") && error.contains("hostile, drama"),
            "{error}"
        );
    }

    #[test]
    fn the_last_words_are_read() {
        let text =
            "#123 DONE\nstat::number_of_executed_units: 8812\nstat::average_exec_per_sec: 9\n";
        let expected = Report {
            executions: 8812,
            seconds: 7,
        };
        assert_eq!(report(&outcome(text)).unwrap(), expected);
        assert!(report(&outcome("nothing")).is_err());
        assert!(report(&outcome("stat::number_of_executed_units: 0")).is_err());
    }

    #[test]
    fn a_finding_says_how_to_play_it_again() {
        let text = "panicked at x\nTest unit written to /t/found/drama-crash-1f\n";
        let said = TARGETS[1].finding(&outcome(text), "/t/found/drama-");
        assert!(said.contains(
            "cd drv/virtio-scmi && cargo +nightly fuzz run drama /t/found/drama-crash-1f"
        ));
        assert!(said.contains("cp /t/found/drama-crash-1f drv/virtio-scmi/fuzz/seeds/drama/"));
        let said = TARGETS[1].finding(&outcome("cannot link"), "/t/found/drama-");
        assert!(said.ends_with("drama: did not run to its end"));
    }
}
