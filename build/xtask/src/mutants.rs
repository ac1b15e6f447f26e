// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `cargo xtask mutants`: changes the code of host crates in small ways by cargo-mutants, and counts the changes that no test
//! notices. The last result of each crate, and each survivor with the reason why it stays, are kept in `doc/testing.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

mod target;

use crate::child::{self, Guarded};
use crate::record::{self, Row};
use crate::{setup, workspace};

/// Names the tables in `doc/testing.md`.
const RESULTS: &str = "mutants";
const SURVIVORS: &str = "mutants: survivors";
/// Stands where nobody has written a reason.
const NO_REASON: &str = "no reason given";
/// Packages whose tests boot machines, or run this command.
const LEFT_OUT: [&str; 2] = ["test-integration", "xtask"];
/// cargo-mutants ends within this after an interrupt, which it hands on to what it runs.
const END_LIMIT: Duration = Duration::from_secs(60);

/// What `mutants` can be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// Mutate this package (repeatable); without any, all that have tests on the host
    #[arg(long, short)]
    package: Vec<String>,
    /// Mutate only files that match this path or pattern (repeatable); a path also names its package
    #[arg(long, short)]
    file: Vec<String>,
    /// Run one part of the mutants of each package: 0/4 to 3/4
    #[arg(long, value_name = "K/N")]
    shard: Option<String>,
    /// Seconds that the tests of a mutant may take; without it, five times what they take unchanged
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
    /// Seconds that building a mutant may take
    #[arg(long, value_name = "SECONDS")]
    build_timeout: Option<u64>,
    /// Stop after so many minutes in each package, and count what was run until then
    #[arg(long, default_value_t = 240)]
    minutes: u64,
    /// Mutate the kernel on the target instead: the mutants of test/suite/mutants.toml, each of which a named test must notice
    #[arg(long)]
    target: bool,
    /// With --target, only mutants whose name contains this text (repeatable)
    #[arg(long, value_name = "TEXT", requires = "target")]
    only: Vec<String>,
    /// With --target, make mutants in this tree and not in a copy: nothing is built from nothing, but a
    /// mutant stays behind if this is killed
    #[arg(long, requires = "target")]
    in_place: bool,
    /// Boot the suite until this case has ended
    #[arg(long, hide = true, value_name = "CASE")]
    judge: Option<String>,
    /// Arguments for `cargo test`, after `--`
    #[arg(last = true)]
    test: Vec<String>,
}

/// What became of a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Caught,
    TimedOut,
    Unviable,
    Survived,
}

/// What a run of cargo-mutants says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    /// Mutants that there are.
    total: usize,
    /// What became of those that were run. They go by name without position, since lines move; one function may have several of
    /// the same name.
    mutants: Vec<(String, Fate)>,
}

/// Runs the command.
///
/// # Errors
///
/// A package is not known, its tests fail without any mutation, or a mutant survived without a reason in `doc/testing.md`.
pub fn run(arguments: &Arguments) -> Result<()> {
    if let Some(case) = &arguments.judge {
        return target::judge(case);
    }
    if arguments.target {
        return target::run(&arguments.only, arguments.in_place);
    }
    ensure!(arguments.minutes > 0, "--minutes 0 would run nothing");
    let known = packages()?;
    let chosen = arguments.choose(&known)?;
    let program = setup::mutants::ensure()?;
    let mut unexplained = Vec::new();
    for package in chosen {
        let commit = record::commit();
        let outcome = arguments.mutate(&program, package)?;
        println!("{package}: {}", outcome.summary());
        let of = arguments.of(package);
        record::write(RESULTS, &[Row::new(of, outcome.cells())], &commit)?;
        let folder = &known[package];
        let complete =
            outcome.is_complete() && arguments.shard.is_none() && arguments.file.is_empty();
        record::edit(|text| outcome.keep_survivors(text, complete.then_some(folder.as_str())))?;
        let text = record::read()?;
        unexplained.extend(outcome.unexplained(&record::rows(&text, SURVIVORS)?));
    }
    if unexplained.is_empty() {
        return Ok(());
    }
    bail!(
        "no test notices these mutants, and doc/testing.md has no reason why they stay:\n{}",
        unexplained.join("\n")
    )
}

/// The packages with tests on the host, and the folder of each.
fn packages() -> Result<BTreeMap<String, String>> {
    let metadata = workspace::metadata()?;
    let list = |key: &str| metadata[key].as_array().into_iter().flatten();
    let default: Vec<&Value> = list("workspace_default_members").collect();
    Ok(list("packages")
        .filter(|package| default.contains(&&package["id"]))
        .filter_map(|package| {
            let name = package["name"].as_str()?;
            let folder = Path::new(package["manifest_path"].as_str()?).parent()?;
            (!LEFT_OUT.contains(&name)).then(|| (name.to_owned(), workspace::shown(folder)))
        })
        .collect())
}

impl Arguments {
    fn choose<'k>(&self, known: &'k BTreeMap<String, String>) -> Result<Vec<&'k str>> {
        if self.package.is_empty() && self.file.is_empty() {
            return Ok(known.keys().map(String::as_str).collect());
        }
        let mut chosen = BTreeSet::new();
        for name in &self.package {
            let (name, _) = known.get_key_value(name).with_context(|| {
                let names: Vec<_> = known.keys().map(String::as_str).collect();
                format!(
                    "there is no package `{name}` with tests on the host; there are: {}",
                    names.join(", ")
                )
            })?;
            chosen.insert(name.as_str());
        }
        if self.package.is_empty() {
            for file in &self.file {
                let (name, _) = known
                    .iter()
                    .filter(|(_, folder)| Path::new(file).starts_with(folder))
                    .max_by_key(|(_, folder)| folder.len())
                    .with_context(|| {
                        format!("{file} is in no package with tests on the host: name one by --package, or a path from the root")
                    })?;
                chosen.insert(name);
            }
        }
        Ok(chosen.into_iter().collect())
    }

    /// The first cell of the row: what was mutated.
    fn of(&self, package: &str) -> String {
        let mut of = format!("`{package}`");
        if !self.file.is_empty() {
            of.push_str(&format!(": `{}`", self.file.join("`, `")));
        }
        if let Some(shard) = &self.shard {
            of.push_str(&format!(", part {shard}"));
        }
        if !self.test.is_empty() {
            of.push_str(&format!(", by `{}`", self.test.join(" ")));
        }
        of
    }

    fn command(&self, program: &Path, package: &str, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(workspace::root());
        workspace::scrub(&mut command);
        // Mutants are built in a copy of the tree.
        command.env_remove("CARGO_TARGET_DIR");
        command
            .args(["mutants", "--no-shuffle", "--package", package, "--output"])
            .arg(folder);
        for file in &self.file {
            command.args(["--file", file]);
        }
        if let Some(shard) = &self.shard {
            command.args(["--shard", shard]);
        }
        for (option, seconds) in [
            ("--timeout", self.timeout),
            ("--build-timeout", self.build_timeout),
        ] {
            if let Some(seconds) = seconds {
                command.args([option, &seconds.to_string()]);
            }
        }
        if !self.test.is_empty() {
            command.arg("--").args(&self.test);
        }
        command
    }

    /// Runs cargo-mutants in one package. It shows its own progress.
    fn mutate(&self, program: &Path, package: &str) -> Result<Outcome> {
        let folder = workspace::target_dir().join("mutants").join(package);
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let results = folder.join("mutants.out").join("outcomes.json");
        // Those of an earlier run must not stand for this one.
        let _ = fs::remove_file(&results);
        eprintln!("mutating {package}, for at most {} min ...", self.minutes);
        let mut process = Guarded::spawn(
            "cargo-mutants",
            self.command(program, package, &folder)
                .stdin(std::process::Stdio::null()),
        )?;
        // The tests of a mutant are in a process group of their own, which only cargo-mutants ends.
        let interrupt = process.interrupter();
        child::before_end(move || interrupt.end(END_LIMIT));
        let status = process.wait(Duration::from_secs(self.minutes * 60))?;
        if status.is_none() {
            println!("{package}: {} minutes are over; stopping", self.minutes);
            process.interrupter().send();
            process.wait(END_LIMIT)?;
        }
        drop(process);
        if let Some(status) = status {
            check_status(status, package)?;
        }
        let text = fs::read_to_string(&results).with_context(|| {
            format!(
                "{package}: cargo-mutants ran no mutant; its logs are in {}",
                workspace::shown(&folder)
            )
        })?;
        parse(&text).with_context(|| format!("{} is not understood", workspace::shown(&results)))
    }
}

/// Tells a run that has results from one that has none.
fn check_status(status: ExitStatus, package: &str) -> Result<()> {
    match status.code() {
        // All caught; some missed; some timed out.
        Some(0 | 2 | 3) => Ok(()),
        Some(4) => bail!("{package}: the tests fail or time out without any mutation"),
        _ => bail!("{package}: cargo-mutants failed ({status})"),
    }
}

/// Reads `outcomes.json`.
fn parse(text: &str) -> Result<Outcome> {
    let json: Value = serde_json::from_str(text)?;
    let mut outcome = Outcome {
        total: json["total_mutants"]
            .as_u64()
            .context("no number of mutants")?
            .try_into()?,
        mutants: Vec::new(),
    };
    for one in json["outcomes"].as_array().context("no outcomes")? {
        let mutant = &one["scenario"]["Mutant"];
        if mutant.is_null() {
            // The run without a mutation.
            continue;
        }
        let name = mutant["name"].as_str().context("a mutant without a name")?;
        let fate = match one["summary"].as_str() {
            Some("CaughtMutant") => Fate::Caught,
            Some("Timeout") => Fate::TimedOut,
            Some("Unviable") => Fate::Unviable,
            Some("MissedMutant") => Fate::Survived,
            other => bail!("{name} ended by {other:?}"),
        };
        outcome.mutants.push((without_position(name), fate));
    }
    Ok(outcome)
}

/// `a.rs:12:5: replace f` without the line and the column.
fn without_position(name: &str) -> String {
    let parts = name.split_once(": ").and_then(|(place, what)| {
        let mut place = place.rsplitn(3, ':');
        let (column, line, file) = (place.next()?, place.next()?, place.next()?);
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        (is_number(column) && is_number(line)).then(|| format!("{file}: {what}"))
    });
    parts.unwrap_or_else(|| name.to_owned())
}

/// The name of a survivor in the table.
fn survivor(name: &str, times: usize) -> String {
    if times == 1 {
        format!("`{name}`")
    } else {
        // A reason for one of them is none for two.
        format!("`{name}`, {times} times")
    }
}

/// The name within such a row.
fn mutant_of(key: &str) -> &str {
    key.trim_start_matches('`')
        .rsplit_once('`')
        .map_or(key, |(name, _)| name)
}

impl Outcome {
    fn count(&self, fate: Fate) -> usize {
        self.mutants.iter().filter(|(_, own)| *own == fate).count()
    }

    fn is_complete(&self) -> bool {
        self.mutants.len() == self.total
    }

    /// The cells of the table after the first.
    fn cells(&self) -> Vec<String> {
        let mutants = if self.is_complete() {
            self.total.to_string()
        } else {
            format!("{} of {}", self.mutants.len(), self.total)
        };
        [Fate::Caught, Fate::TimedOut, Fate::Unviable, Fate::Survived]
            .iter()
            .fold(vec![mutants], |mut cells, fate| {
                cells.push(self.count(*fate).to_string());
                cells
            })
    }

    fn summary(&self) -> String {
        let cells = self.cells();
        format!(
            "{} mutants: {} caught, {} timed out, {} do not compile, {} survived",
            cells[0], cells[1], cells[2], cells[3], cells[4]
        )
    }

    /// The survivors as the table has them.
    fn survivors(&self) -> Vec<String> {
        let mut times = BTreeMap::new();
        for (name, fate) in &self.mutants {
            if *fate == Fate::Survived {
                *times.entry(name).or_insert(0) += 1;
            }
        }
        times
            .into_iter()
            .map(|(name, times)| survivor(name, times))
            .collect()
    }

    /// Takes survivors that are none any more out of the table, and adds new ones; reasons stay. After a complete run of a package
    /// with this folder nothing else of it stays either.
    fn keep_survivors(&self, text: &str, folder: Option<&str>) -> Result<String> {
        let survivors = self.survivors();
        let ran: BTreeSet<&str> = self.mutants.iter().map(|(name, _)| name.as_str()).collect();
        let text = record::retain(text, SURVIVORS, |key| {
            let mutant = mutant_of(key);
            let outdated = ran.contains(mutant)
                || folder.is_some_and(|folder| Path::new(mutant).starts_with(folder));
            !outdated || survivors.iter().any(|survivor| survivor == key)
        })?;
        let listed: Vec<String> = record::rows(&text, SURVIVORS)?
            .into_iter()
            .map(|row| row.key)
            .collect();
        let new: Vec<Row> = survivors
            .into_iter()
            .filter(|survivor| !listed.contains(survivor))
            .map(|survivor| Row::new(survivor, [NO_REASON.to_owned()]))
            .collect();
        record::replace(&text, SURVIVORS, &new)
    }

    /// Survivors that have no reason.
    fn unexplained(&self, table: &[Row]) -> Vec<String> {
        let has_reason = |survivor: &String| {
            table.iter().any(|row| {
                row.key == *survivor
                    && row
                        .cells
                        .first()
                        .is_some_and(|cell| !cell.is_empty() && cell != NO_REASON)
            })
        };
        let mut survivors = self.survivors();
        survivors.retain(|survivor| !has_reason(survivor));
        survivors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "<!-- results of mutants: survivors -->\n| survivor | why it stays |\n|---|---|\n\
                         | `lib/a/src/lib.rs: replace f -> bool with true` | both are right |\n\
                         | `lib/a/src/old.rs: replace g` | no reason given |\n\
                         | `lib/ab/src/lib.rs: replace g` | another package |\n\
                         <!-- end of results -->\n";

    fn outcomes(of: &[(&str, &str)]) -> String {
        let mutants: Vec<String> = of
            .iter()
            .map(|(name, summary)| {
                format!("{{\"scenario\":{{\"Mutant\":{{\"name\":\"{name}\",\"package\":\"a\"}}}},\"summary\":\"{summary}\"}}")
            })
            .collect();
        format!(
            "{{\"outcomes\":[{{\"scenario\":\"Baseline\",\"summary\":\"Success\"}},{}],\"total_mutants\":{}}}",
            mutants.join(","),
            of.len()
        )
    }

    fn survived(name: &str) -> (String, Fate) {
        (name.into(), Fate::Survived)
    }

    #[test]
    fn outcomes_are_counted() {
        let text = outcomes(&[
            (
                "lib/a/src/lib.rs:1:2: replace f -> bool with true",
                "MissedMutant",
            ),
            (
                "lib/a/src/lib.rs:9:12: replace + with - in g",
                "CaughtMutant",
            ),
            ("lib/a/src/lib.rs:9:12: replace + with * in g", "Timeout"),
            ("lib/a/src/lib.rs:30:1: replace h", "Unviable"),
            ("lib/a/src/lib.rs:40:1: replace i", "CaughtMutant"),
        ]);
        let outcome = parse(&text).unwrap();
        assert_eq!(outcome.cells(), ["5", "2", "1", "1", "1"]);
        assert_eq!(
            outcome.summary(),
            "5 mutants: 2 caught, 1 timed out, 1 do not compile, 1 survived"
        );
        assert_eq!(
            outcome.survivors(),
            ["`lib/a/src/lib.rs: replace f -> bool with true`"]
        );
    }

    #[test]
    fn an_incomplete_run_says_so() {
        let text = outcomes(&[("a.rs:1:1: replace f", "CaughtMutant")])
            .replace("\"total_mutants\":1", "\"total_mutants\":7");
        let outcome = parse(&text).unwrap();
        assert_eq!(outcome.cells()[0], "1 of 7");
        assert!(!outcome.is_complete());
    }

    #[test]
    fn an_unknown_outcome_is_an_error() {
        let error = parse(&outcomes(&[("a.rs:1:1: replace f", "Vanished")])).unwrap_err();
        assert!(error.to_string().contains("Vanished"), "{error}");
        assert!(parse("{}").is_err());
    }

    #[test]
    fn a_mutant_goes_by_name_without_position() {
        let of = |name| without_position(name);
        assert_eq!(
            of("a/b.rs:12:5: replace f -> x::y"),
            "a/b.rs: replace f -> x::y"
        );
        assert_eq!(of("a/b.rs: replace f"), "a/b.rs: replace f");
        assert_eq!(mutant_of(&survivor("a: f", 1)), "a: f");
        assert_eq!(mutant_of(&survivor("a: f", 2)), "a: f");
    }

    #[test]
    fn a_survivor_keeps_its_reason() {
        let outcome = Outcome {
            total: 1,
            mutants: vec![survived("lib/a/src/lib.rs: replace f -> bool with true")],
        };
        let text = outcome.keep_survivors(TABLE, Some("lib/a")).unwrap();
        let rows = record::rows(&text, SURVIVORS).unwrap();
        assert_eq!(rows[0].cells, ["both are right"]);
        assert!(outcome.unexplained(&rows).is_empty());
        // What is gone from the package goes, and nothing of another one.
        let keys: Vec<_> = rows.iter().map(|row| mutant_of(&row.key)).collect();
        assert_eq!(keys[1..], ["lib/ab/src/lib.rs: replace g"]);
    }

    #[test]
    fn a_part_of_a_package_leaves_the_others_alone() {
        let outcome = Outcome {
            total: 2,
            mutants: vec![
                (
                    "lib/a/src/lib.rs: replace f -> bool with true".into(),
                    Fate::Caught,
                ),
                survived("lib/a/src/new.rs: replace | with ^ in h"),
            ],
        };
        let text = outcome.keep_survivors(TABLE, None).unwrap();
        let rows = record::rows(&text, SURVIVORS).unwrap();
        let keys: Vec<_> = rows.iter().map(|row| mutant_of(&row.key)).collect();
        assert_eq!(
            keys,
            [
                "lib/a/src/old.rs: replace g",
                "lib/ab/src/lib.rs: replace g",
                "lib/a/src/new.rs: replace | with ^ in h"
            ]
        );
        assert_eq!(outcome.unexplained(&rows).len(), 1);
        assert_eq!(rows[2].cells, [NO_REASON]);
    }

    #[test]
    fn a_second_survivor_of_the_same_name_needs_a_reason_of_its_own() {
        let name = "lib/a/src/lib.rs: replace f -> bool with true";
        let outcome = Outcome {
            total: 2,
            mutants: vec![survived(name), survived(name)],
        };
        let text = outcome.keep_survivors(TABLE, Some("lib/a")).unwrap();
        let rows = record::rows(&text, SURVIVORS).unwrap();
        assert!(rows[1].key.ends_with(", 2 times") && rows[1].cells == [NO_REASON]);
        assert_eq!(outcome.unexplained(&rows).len(), 1);
    }

    #[test]
    fn a_file_names_its_package() {
        let known: BTreeMap<String, String> = [("a", "lib/a"), ("ab", "lib/ab")]
            .map(|(name, folder)| (name.to_owned(), folder.to_owned()))
            .into();
        let arguments = |package: &[&str], file: &[&str]| Arguments {
            package: package.iter().map(|text| (*text).to_owned()).collect(),
            file: file.iter().map(|text| (*text).to_owned()).collect(),
            shard: None,
            timeout: None,
            build_timeout: None,
            minutes: 1,
            target: false,
            only: Vec::new(),
            in_place: false,
            judge: None,
            test: Vec::new(),
        };
        assert_eq!(arguments(&[], &[]).choose(&known).unwrap(), ["a", "ab"]);
        let of_file = arguments(&[], &["lib/ab/src/x.rs"]);
        assert_eq!(of_file.choose(&known).unwrap(), ["ab"]);
        assert_eq!(of_file.of("ab"), "`ab`: `lib/ab/src/x.rs`");
        assert!(arguments(&[], &["src/x.rs"]).choose(&known).is_err());
        let error = arguments(&["c"], &[])
            .choose(&known)
            .unwrap_err()
            .to_string();
        assert!(error.contains("`c`") && error.contains("a, ab"), "{error}");
    }

    #[test]
    fn packages_of_the_host_are_known_by_folder() {
        let known = packages().unwrap();
        assert_eq!(known["virtqueue"], "lib/virtqueue");
        assert!(!known.contains_key("xtask") && !known.contains_key("test-integration"));
    }
}
