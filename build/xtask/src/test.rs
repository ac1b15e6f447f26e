// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `cargo xtask test`: what is worth running before each commit; with `--all`, everything that must hold. In stages, each within a
//! limit.

mod slowest;
mod stages;

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::command;
use crate::platform::Kind;
use crate::progress::Progress;
use crate::setup::{self, Mode, rust::TargetRust};
use crate::tally::Tally;
use crate::{run, workspace};
use stages::STAGES;

/// Lines of a failed stage that are shown; all of them are in its log.
const SHOWN_LINES: usize = 120;

/// What `test` can be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// Run only the stages whose name contains one of these words
    stages: Vec<String>,
    /// Run everything: all of the image on all processors, Miri, documentation
    #[arg(long)]
    all: bool,
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

impl Ended {
    /// Both together.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Ran(mut tally, output), Self::Ran(more, rest)) => {
                tally += more;
                Self::Ran(tally, output + &rest)
            }
            (first, _) => first,
        }
    }
}

/// Which runs a stage is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tier {
    /// Of the run before each commit alone: what stands for a longer stage.
    Quick,
    /// Of the run of everything alone.
    Full,
    /// Of both.
    Both,
}

struct Stage {
    name: &'static str,
    tier: Tier,
    work: fn(&Machine) -> Result<Ended>,
}

impl Stage {
    const fn new(name: &'static str, tier: Tier, work: fn(&Machine) -> Result<Ended>) -> Self {
        Self { name, tier, work }
    }

    /// Whether the stage is part of the run of everything, or of that before each commit.
    fn is_in(&self, all: bool) -> bool {
        self.tier != if all { Tier::Quick } else { Tier::Full }
    }
}

/// What set-up found, and what the workspace has.
struct Machine {
    rust: TargetRust,
    nextest: bool,
    /// Packages with host tests, the integration tests left out.
    packages: Vec<String>,
    /// Tasks that have a library, which runs on the host too.
    task_libraries: Vec<String>,
}

/// Runs the command. The last line of its output says how much passed; the process ends here if something did not.
///
/// # Errors
///
/// No stage has such a name.
pub fn run(arguments: &Arguments) -> Result<()> {
    let chosen = arguments.choose(&STAGES);
    if arguments.list || chosen.is_empty() {
        for stage in &STAGES {
            let note = match stage.tier {
                Tier::Both => "",
                Tier::Quick => " (not with --all)",
                Tier::Full => " (with --all, or by its name)",
            };
            println!("{}{note}", stage.name);
        }
        return if arguments.list {
            Ok(())
        } else {
            bail!("no stage has such a name")
        };
    }
    let tally = all(&chosen).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        Tally::check(false)
    });
    println!("{tally}");
    if tally.failed > 0 {
        // Not by an error: nothing may follow that line.
        std::process::exit(1);
    }
    Ok(())
}

fn all(stages: &[&Stage]) -> Result<Tally> {
    let rust = setup::rust::ensure(Mode::Install)?.context("Rust for the target is missing")?;
    run::programs(Kind::VhostDeviceScmi)?;
    let nextest = command::query(workspace::cargo().args(["nextest", "--version"])).is_some();
    let (packages, task_libraries) = stages::packages()?;
    let machine = Machine {
        rust,
        nextest,
        packages,
        task_libraries,
    };
    let start = Instant::now();
    let load = load_average();
    let mut total = Tally::default();
    let mut times = Vec::new();
    let mut slowest = Vec::new();
    for (index, stage) in stages.iter().enumerate() {
        let position = format!("[{}/{}]", index + 1, stages.len());
        let start = Instant::now();
        let (tally, output) = perform(stage, &position, &machine)?;
        total += tally;
        times.push((start.elapsed().as_secs(), stage.name));
        slowest.extend(slowest::durations(&output));
    }
    println!("where the time went:");
    times.sort_unstable_by(|a, b| b.cmp(a));
    for (seconds, stage) in times {
        println!("{seconds:>6} s  {stage}");
    }
    for line in slowest::table(slowest) {
        println!("{line}");
    }
    println!(
        "{} s in all; load average {load} at the start, {} at the end, on {} cores",
        start.elapsed().as_secs(),
        load_average(),
        std::thread::available_parallelism().map_or(1, usize::from)
    );
    Ok(total)
}

/// How busy the computer has been for the last minute, as far as it says so.
fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_ascii_whitespace()
        .next()
        .unwrap_or("unknown")
        .into()
}

impl Arguments {
    /// The stages of the run. Words choose among those of the run of everything, and a stage that stands for a longer one by its own
    /// words.
    fn choose<'s>(&self, stages: &'s [Stage]) -> Vec<&'s Stage> {
        if self.stages.is_empty() {
            return stages
                .iter()
                .filter(|stage| stage.is_in(self.all))
                .collect();
        }
        let named = |all: bool| -> Vec<&Stage> {
            let named = |stage: &&Stage| {
                let mut words = self.stages.iter();
                stage.is_in(all) && words.any(|word| stage.name.contains(word.as_str()))
            };
            stages.iter().filter(named).collect()
        };
        let chosen = named(true);
        if chosen.is_empty() {
            named(false)
        } else {
            chosen
        }
    }
}

fn perform(stage: &Stage, position: &str, machine: &Machine) -> Result<(Tally, String)> {
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
            Ok((Tally::default(), String::new()))
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
            Ok((tally, output))
        }
    }
}

/// What cargo says of crates and tests that are well.
fn is_noise(line: &str) -> bool {
    const WORDS: [&str; 7] = [
        "PASS [",
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

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(words: &[&str], all: bool) -> Arguments {
        Arguments {
            stages: words.iter().map(|word| (*word).to_owned()).collect(),
            all,
            list: false,
        }
    }

    fn names(words: &[&str], all: bool) -> Vec<&'static str> {
        let chosen = arguments(words, all).choose(&STAGES);
        chosen.iter().map(|stage| stage.name).collect()
    }

    #[test]
    fn a_stage_is_chosen_by_a_part_of_its_name() {
        assert_eq!(
            names(&["clippy"], false),
            ["clippy, target", "clippy, host"]
        );
        assert_eq!(
            names(&["miri", "formatting"], false),
            ["formatting", "miri"]
        );
        // The longer one of two, unless the shorter is named.
        assert_eq!(names(&["integration"], false), ["integration tests"]);
        assert_eq!(
            names(&["three scenarios"], false),
            ["integration, three scenarios"]
        );
        assert!(names(&["nonsense"], false).is_empty());
    }

    #[test]
    fn everything_is_more_than_what_runs_before_each_commit() {
        let (quick, all) = (names(&[], false), names(&[], true));
        assert!(all.contains(&"miri") && !quick.contains(&"miri"));
        assert!(all.contains(&"host tests") && quick.contains(&"host tests"));
        assert!(quick.contains(&"integration, three scenarios"));
        assert!(!all.contains(&"integration, three scenarios"));
    }
}
