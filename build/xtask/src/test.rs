// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `cargo xtask test`: everything that must hold, in stages, each within a limit.

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

struct Stage {
    name: &'static str,
    work: fn(&Machine) -> Result<Ended>,
}

impl Stage {
    const fn new(name: &'static str, work: fn(&Machine) -> Result<Ended>) -> Self {
        Self { name, work }
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
    let mut total = Tally::default();
    for (index, stage) in stages.iter().enumerate() {
        let position = format!("[{}/{}]", index + 1, stages.len());
        total += perform(stage, &position, &machine)?;
    }
    Ok(total)
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
}
