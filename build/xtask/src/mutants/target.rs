// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `cargo xtask mutants --target`: the mutants of `test/suite/mutants.toml`, each of which one
//! named test must notice.
//!
//! They are made in a copy of the tree, so that nothing stays behind in the tree itself however
//! this ends. The copy keeps its build from one mutant to the next, and from one run to the next.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use crate::board::{Board, Programs, Setting};
use crate::command::{self, Outcome};
use crate::console::Console;
use crate::platform::Kind;
use crate::record::{self, Row};
use crate::{image, setup, workspace};

/// Names the table in `doc/testing.md`.
const RESULTS: &str = "mutants on the target";
/// The mutants, relative to the root.
const FILE: &str = "test/suite/mutants.toml";
/// The image with the cases.
const SUITE: &str = "test/suite/app.toml";
/// The integration tests.
const TESTS: &str = "test/integration/tests";
/// One mutant, an image that is built from nothing included.
const LIMIT: Duration = Duration::from_secs(30 * 60);
/// From the start of the machine to the end of a case. A mutant that hangs, or goes round and round,
/// is noticed by this. The whole suite takes 20 s of a computer that does nothing else.
const CASE_LIMIT: Duration = Duration::from_secs(300);
/// How a case begins on the console, and how it ends.
const CASE: &str = "case ";
const PASSED: &str = " ... ok";
const FAILED: &str = " ... FAILED";
/// What the judge of a case says when the case has noticed, and when it has not ended.
const NOTICED: &str = "noticed: ";
const HANGS: &str = "hangs: ";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    mutant: Vec<Mutant>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Mutant {
    /// What is wrong with the kernel.
    name: String,
    killed_by: Killer,
    edits: Vec<Edit>,
}

/// What must notice a mutant.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Killer {
    /// A case of the suite.
    Case(String),
    /// An integration test.
    Test(String),
    /// Tests of a host package: its name, and what their names begin with.
    Host(String),
    /// The build, which refuses the image with this text.
    Build(String),
}

/// A text that is replaced.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    /// Relative to the root.
    file: String,
    from: String,
    to: String,
}

impl Killer {
    fn describe(&self) -> String {
        match self {
            Self::Case(name) => format!("case `{name}`"),
            Self::Test(name) => format!("`{name}`"),
            Self::Host(name) => format!("`{}` on the host", name.trim_end_matches(':')),
            Self::Build(text) => format!("the build: `{text}`"),
        }
    }

    /// The command in a copy of the tree that fails if the mutant is noticed.
    fn command(&self, tree: &Path) -> Result<Vec<String>> {
        let file;
        let words: Vec<&str> = match self {
            Self::Case(_) | Self::Build(_) => {
                // That the build fails is noticed before any case.
                let case = match self {
                    Self::Case(name) => name,
                    _ => "",
                };
                vec![
                    "run",
                    "--quiet",
                    "--package",
                    "xtask",
                    "--",
                    "mutants",
                    "--judge",
                    case,
                ]
            }
            Self::Test(name) => {
                file = file_of(tree, name)?;
                // Only that one is built.
                vec![
                    "test",
                    "--quiet",
                    "--package",
                    "test-integration",
                    "--test",
                    &file,
                    name,
                ]
            }
            Self::Host(name) => {
                let (package, tests) = name.split_once(' ').unwrap_or((name, ""));
                vec!["test", "--quiet", "--package", package, "--lib", tests]
            }
        };
        Ok(words.into_iter().map(Into::into).collect())
    }

    /// Whether what the command printed means that the mutant was noticed, in the way that is said.
    fn noticed(&self, outcome: &Outcome) -> bool {
        let text = &outcome.output;
        match self {
            _ if outcome.success() => false,
            Self::Case(_) => text.contains(NOTICED) || text.contains(HANGS),
            // A package that does not compile is no test that failed.
            Self::Test(_) | Self::Host(_) => text.contains("test result: FAILED"),
            Self::Build(refusal) => text.contains(refusal.as_str()),
        }
    }
}

/// The integration test, without folder and extension, that has this function.
fn file_of(tree: &Path, function: &str) -> Result<String> {
    for entry in fs::read_dir(tree.join(TESTS))? {
        let path = entry?.path();
        if fs::read_to_string(&path).is_ok_and(|text| text.contains(&format!("fn {function}("))) {
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            return Ok(stem.unwrap_or_default().to_owned());
        }
    }
    bail!("no integration test is called {function}")
}

fn read(root: &Path) -> Result<Vec<Mutant>> {
    let text =
        fs::read_to_string(root.join(FILE)).with_context(|| format!("cannot read {FILE}"))?;
    let file: File = toml::from_str(&text).with_context(|| format!("{FILE} is not understood"))?;
    Ok(file.mutant)
}

/// Makes each mutant whose name contains one of `words`, or all, and keeps what became of it.
///
/// # Errors
///
/// A mutant is not noticed by the test that is named, or cannot be made.
pub fn run(words: &[String], in_place: bool) -> Result<()> {
    let mutants = read(workspace::root())?;
    let chosen: Vec<&Mutant> = mutants
        .iter()
        .filter(|mutant| {
            words.is_empty() || words.iter().any(|word| mutant.name.contains(word.as_str()))
        })
        .collect();
    ensure!(
        !chosen.is_empty(),
        "no mutant is called so; they are in {FILE}"
    );
    let commit = record::commit();
    let tree = if in_place {
        workspace::root().to_owned()
    } else {
        copy_tree()?
    };
    let mut survivors = Vec::new();
    for (number, mutant) in chosen.iter().enumerate() {
        let begin = Instant::now();
        let noticed = mutant.make(&tree);
        let (verdict, whole) = match &noticed {
            // A hang is no proof: the computer may have been too busy, or asleep.
            Ok((true, output)) if output.contains(HANGS) => ("noticed: it hangs", String::new()),
            Ok((true, _)) => ("noticed", String::new()),
            Ok((false, output)) => ("SURVIVED", output.clone()),
            Err(error) => ("not made", format!("{error:#}")),
        };
        println!(
            "[{}/{}] {}: {verdict}, by {} ({} s)",
            number + 1,
            chosen.len(),
            mutant.name,
            mutant.killed_by.describe(),
            begin.elapsed().as_secs()
        );
        if !matches!(noticed, Ok((true, _))) {
            let tail: Vec<&str> = whole.lines().rev().take(15).collect();
            for line in tail.iter().rev() {
                println!("    {line}");
            }
            survivors.push(mutant.name.as_str());
        }
        let cells = [mutant.killed_by.describe(), verdict.into()];
        record::write(RESULTS, &[Row::new(&mutant.name, cells)], &commit)?;
    }
    let names: BTreeSet<&str> = mutants.iter().map(|mutant| mutant.name.as_str()).collect();
    record::edit(|text| record::retain(text, RESULTS, |key| names.contains(key)))?;
    if survivors.is_empty() {
        return Ok(());
    }
    bail!(
        "not noticed by the test that {FILE} names: {}",
        survivors.join("; ")
    )
}

impl Mutant {
    /// Makes the mutant in the copy, runs what must notice it, and takes it back. Returns whether
    /// it was noticed, and all that was printed.
    fn make(&self, tree: &Path) -> Result<(bool, String)> {
        let mut originals: Vec<(PathBuf, String)> = Vec::new();
        let outcome = self.edit(tree, &mut originals).and_then(|()| {
            let arguments = self.killed_by.command(tree)?;
            let mut cargo = workspace::cargo();
            cargo
                .args(arguments)
                .current_dir(tree)
                .env("RUST_BACKTRACE", "0")
                .env_remove("CARGO_TARGET_DIR")
                .env_remove(workspace::IMAGE_TARGET_DIR)
                .env_remove(image::TEST_RUN);
            command::run("cargo", &mut cargo, LIMIT, |_| ())
        });
        // The last edit of a file comes off first.
        for (path, text) in originals.iter().rev() {
            fs::write(path, text).with_context(|| format!("cannot restore {}", path.display()))?;
        }
        let outcome = outcome?;
        Ok((self.killed_by.noticed(&outcome), outcome.output))
    }

    fn edit(&self, tree: &Path, originals: &mut Vec<(PathBuf, String)>) -> Result<()> {
        for edit in &self.edits {
            let path = tree.join(&edit.file);
            let text = fs::read_to_string(&path).with_context(|| format!("no {}", edit.file))?;
            ensure!(
                text.matches(&edit.from).count() == 1,
                "{} has not exactly one `{}`",
                edit.file,
                edit.from
            );
            let changed = text.replacen(&edit.from, &edit.to, 1);
            originals.push((path.clone(), text));
            fs::write(&path, changed).with_context(|| format!("cannot write {}", edit.file))?;
        }
        Ok(())
    }
}

/// Brings the copy of the tree up to date, and returns its folder. Files that are the same keep
/// their time, so nothing is built twice.
fn copy_tree() -> Result<PathBuf> {
    let root = workspace::root();
    let tree = workspace::target_dir().join("mutants").join("tree");
    let mut git = std::process::Command::new("git");
    git.current_dir(root).args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]);
    let list = command::query(&mut git).context("git does not list the files of the tree")?;
    let mut known = BTreeSet::new();
    for name in list.split('\0').filter(|name| !name.is_empty()) {
        let (from, to) = (root.join(name), tree.join(name));
        let Ok(bytes) = fs::read(&from) else {
            // It was removed, and git has not been told.
            continue;
        };
        known.insert(to.clone());
        if fs::read(&to).is_ok_and(|there| there == bytes) {
            continue;
        }
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
        }
        fs::copy(&from, &to).with_context(|| format!("cannot copy {name}"))?;
        // The time of the copy is now, and not that of the original: a build must see that it
        // changed.
        let file = fs::File::options().write(true).open(&to)?;
        file.set_modified(std::time::SystemTime::now())?;
    }
    remove_others(&tree, &tree, &known)?;
    Ok(tree)
}

/// Removes what the tree does not have any more.
fn remove_others(tree: &Path, folder: &Path, known: &BTreeSet<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path == tree.join("target") {
            continue;
        }
        if path.is_dir() {
            remove_others(tree, &path, known)?;
        } else if !known.contains(&path) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// Boots the suite of this tree until the case of this name has ended. With no name it only builds
/// the image.
///
/// # Errors
///
/// The case failed, or the machine stopped in it or before it: the mutant is noticed. Or the image
/// cannot be built.
pub fn judge(case: &str) -> Result<()> {
    let rust =
        setup::rust::find().context("Rust for the target: `cargo xtask setup` installs it")?;
    let app = image::resolve_app(Path::new(SUITE))?;
    let image = image::build(&rust, &app, &workspace::image_target_dir(), |_| ())?;
    if case.is_empty() {
        return Ok(());
    }
    let mut board = Board::start(&Programs::find()?, &Setting::new(&image.elf, Kind::None))?;
    let mut console = Console::new(board.machine().take_console())?;
    let line = format!("{CASE}{case}");
    let deadline = Instant::now() + CASE_LIMIT;
    let mut next_line = || {
        let left = deadline.saturating_duration_since(Instant::now());
        console.wait_until(&format!("the end of `{case}`"), left, |seen| {
            let end = seen.find('\n')?;
            Some((end + 1, seen[..end].to_owned()))
        })
    };
    while Instant::now() < deadline {
        let text = match next_line() {
            Ok(text) => text,
            Err(_) if Instant::now() >= deadline => break,
            // What stopped the machine in this case or before it was the mutant's doing too.
            Err(error) => bail!("{NOTICED}{error:#}"),
        };
        match text.strip_prefix(&line) {
            Some(rest) if rest.starts_with(PASSED) => return Ok(()),
            Some(rest) if rest.starts_with(FAILED) => bail!("{NOTICED}{text}"),
            _ => {}
        }
    }
    bail!(
        "{HANGS}`{case}` has not ended after {} s",
        CASE_LIMIT.as_secs()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mutant_can_be_made() {
        let root = workspace::root();
        let mutants = read(root).unwrap();
        assert!(mutants.len() >= 40, "{}", mutants.len());
        let names: BTreeSet<_> = mutants.iter().map(|mutant| &mutant.name).collect();
        assert_eq!(names.len(), mutants.len(), "two have the same name");
        for mutant in &mutants {
            assert!(!mutant.edits.is_empty(), "{}", mutant.name);
            for edit in &mutant.edits {
                let text = fs::read_to_string(root.join(&edit.file)).unwrap();
                let count = text.matches(&edit.from).count();
                assert_eq!(count, 1, "{}: {} in {}", mutant.name, edit.from, edit.file);
                assert_ne!(edit.from, edit.to, "{}", mutant.name);
            }
        }
    }

    #[test]
    fn every_killer_exists() {
        let root = workspace::root();
        let text = |folder: &str| -> String {
            let entries = fs::read_dir(root.join(folder)).unwrap();
            entries
                .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
                .collect()
        };
        let cases = text("test/suite/suite/src/cases");
        let tests = text(TESTS);
        let rules = fs::read_to_string(root.join("build/compose/src/verify.rs")).unwrap();
        for mutant in read(root).unwrap() {
            let found = match &mutant.killed_by {
                Killer::Case(name) => cases.contains(&format!("\"{name}\"")),
                Killer::Test(name) => tests.contains(&format!("fn {name}(")),
                Killer::Host(name) => name.contains(' '),
                Killer::Build(rule) => rules.contains(&format!("\"{rule}\"")),
            };
            assert!(found, "{}: {}", mutant.name, mutant.killed_by.describe());
        }
    }
}
