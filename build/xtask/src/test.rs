// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `cargo xtask test`: what is worth running before each commit; with `--all`, everything that must hold. In stages, each within a
//! limit, side by side as far as one does not need what another builds.

mod schedule;
mod slowest;
mod stages;

use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::command;
use crate::platform::Kind;
use crate::progress::Progress;
use crate::setup::{self, Mode, rust::TargetRust};
use crate::tally::Tally;
use crate::{run, workspace};
use stages::STAGES;

/// How many machines of the integration tests run at once.
pub const MACHINES_PER_CORE: usize = 2;

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
    /// It ran, and these lines of it are shown in any case.
    Shown(Tally, String, String),
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

/// What a stage does.
type Work = fn(&Machine) -> Result<Ended>;

struct Stage {
    name: &'static str,
    tier: Tier,
    /// Names of stages that must have ended before it starts, as far as they are part of the run: it needs what they build, or
    /// builds in the same folder.
    after: &'static [&'static str],
    work: Work,
}

impl Stage {
    const fn new(
        name: &'static str,
        tier: Tier,
        after: &'static [&'static str],
        work: Work,
    ) -> Self {
        Self {
            name,
            tier,
            after,
            work,
        }
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
    /// Where images are built.
    images: PathBuf,
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
    let tally = perform_all(&chosen).unwrap_or_else(|error| {
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

/// What stages that run side by side add to.
#[derive(Default)]
struct Results {
    total: Tally,
    /// Seconds, and the stage that took them.
    times: Vec<(u64, &'static str)>,
    slowest: Vec<(f64, String)>,
}

fn perform_all(stages: &[&Stage]) -> Result<Tally> {
    let rust = setup::rust::ensure(Mode::Install)?.context("Rust for the target is missing")?;
    run::programs(Kind::VhostDeviceScmi)?;
    let nextest = command::query(workspace::cargo().args(["nextest", "--version"])).is_some();
    let (packages, task_libraries) = stages::packages()?;
    let machine = Machine {
        rust,
        nextest,
        packages,
        task_libraries,
        images: stages::images_dir(stages),
    };
    let start = Instant::now();
    let load = load_average();
    let after: Vec<Vec<usize>> = stages
        .iter()
        .map(|stage| {
            let needed = |other: &&Stage| stage.after.contains(&other.name);
            let places = stages.iter().enumerate();
            let places = places.filter(|(_, other)| needed(other));
            places.map(|(place, _)| place).collect()
        })
        .collect();
    let results = Mutex::new(Results::default());
    let progress = Progress::several();
    schedule::run(&after, lanes(), |index| {
        let stage = stages[index];
        let position = format!("[{}/{}]", index + 1, stages.len());
        progress.begin(&format!("{position} {}", stage.name));
        let start = Instant::now();
        let report = perform(stage, &position, &machine);
        progress.end(&format!("{position} {}", stage.name));
        progress.print(&report.text);
        let mut results = results.lock().expect("no stage panics");
        results.total += report.tally;
        results.times.push((start.elapsed().as_secs(), stage.name));
        results.slowest.extend(slowest::durations(&report.output));
    });
    drop(progress);
    let Results {
        total,
        mut times,
        slowest,
    } = results.into_inner().expect("no stage panics");
    println!("where the time went, stages side by side:");
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
        cores()
    );
    Ok(total)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// How many stages run at once: more than there are cores, because those that boot machines mostly wait.
fn lanes() -> usize {
    cores() + 2
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

/// What a stage came to.
struct Report {
    tally: Tally,
    /// Everything that it printed.
    output: String,
    /// What is shown of it.
    text: String,
}

fn perform(stage: &Stage, position: &str, machine: &Machine) -> Report {
    let start = Instant::now();
    // A stage that cannot even start is a failure like any other; the later ones still say what they know.
    let ended = (stage.work)(machine)
        .unwrap_or_else(|error| Ended::Ran(Tally::check(false), format!("{error:#}\n")));
    let seconds = start.elapsed().as_secs();
    let (mut tally, output, mut text) = match ended {
        Ended::Skipped(reason) => {
            return Report {
                tally: Tally::default(),
                output: String::new(),
                text: format!("{position} {}: skipped: {reason}\n", stage.name),
            };
        }
        Ended::Ran(tally, output) => (tally, output, String::new()),
        Ended::Shown(tally, output, text) => (tally, output, text),
    };
    let log = write_log(stage.name, &output).unwrap_or_else(|error| {
        tally += Tally::check(false);
        format!("no log: {error:#}")
    });
    if tally.failed > 0 {
        let lines: Vec<_> = output.lines().filter(|line| !is_noise(line)).collect();
        let shown = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
        text.push_str(&format!(
            "{}\n{position} {}: FAILED, {tally} ({seconds} s); all of it is in {log}\n",
            shown.join("\n"),
            stage.name,
        ));
    } else {
        text.push_str(&format!(
            "{position} {}: {tally} ({seconds} s)\n",
            stage.name
        ));
    }
    Report {
        tally,
        output,
        text,
    }
}

/// Keeps what a stage printed, and returns the file's name as it is shown.
fn write_log(stage: &str, output: &str) -> Result<String> {
    let log = log_file(stage)?;
    fs::write(&log, output).with_context(|| format!("cannot write {}", log.display()))?;
    Ok(workspace::shown(&log))
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
            ["clippy, host", "clippy, target"]
        );
        assert_eq!(
            names(&["miri", "formatting"], false),
            ["formatting", "miri, core", "miri, libraries"]
        );
        // The longer one of two, unless the shorter is named.
        assert_eq!(names(&["integration"], false), ["integration tests"]);
        assert_eq!(names(&["scenarios"], false), ["integration, scenarios"]);
        assert!(names(&["nonsense"], false).is_empty());
    }

    #[test]
    fn a_stage_needs_only_stages_before_it() {
        for (place, stage) in STAGES.iter().enumerate() {
            let before: Vec<_> = STAGES[..place].iter().map(|stage| stage.name).collect();
            for needed in stage.after {
                assert!(before.contains(needed), "{}: {needed}", stage.name);
            }
        }
    }

    #[test]
    fn everything_is_more_than_what_runs_before_each_commit() {
        let (quick, all) = (names(&[], false), names(&[], true));
        assert!(all.contains(&"miri, core") && !quick.contains(&"miri, core"));
        assert!(all.contains(&"host tests") && quick.contains(&"host tests"));
        assert!(quick.contains(&"integration, scenarios"));
        assert!(!all.contains(&"integration, scenarios"));
    }
}
