// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Building one task: cargo within cargo.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use manifest::{App, InstructionSet, Task};

use crate::error::Error;
use crate::messages::Line;
use crate::{Request, environment};

/// What came of building a task.
#[derive(Debug)]
pub struct Built {
    /// The relocatable object, everything but its addresses.
    pub object: PathBuf,
    /// The warnings of the compiler, as it printed them.
    pub warnings: Vec<String>,
}

/// Where cargo builds `task`. One instruction set has a folder of its own: where flags remap paths, cargo takes builds with other
/// flags for the same, and each would undo the other.
pub fn folder_of(request: &Request, task: &Task) -> PathBuf {
    match task.instruction_set {
        InstructionSet::T32 => request.tasks.clone(),
        InstructionSet::A32 => request.tasks.join("a32"),
    }
}

/// Compiles `task` to a relocatable object.
pub fn build(request: &Request, app: &App, task: &Task, folder: &Path) -> Result<Built, Error> {
    let variables = environment::of_task(app, task)?;
    let mut command = Command::new(&request.cargo);
    command.current_dir(&request.root);
    environment::scrub(&mut command);
    command.args(&request.cargo_args);
    command.args([
        "rustc",
        "--release",
        "--message-format=json",
        "--color=never",
        "--target",
        &app.target,
    ]);
    command.args(["-p", &task.package, "--bin", &task.package]);
    if task.no_default_features {
        command.arg("--no-default-features");
    }
    if !task.features.is_empty() {
        command.arg(format!("--features={}", task.features.join(",")));
    }
    if let Some(jobs) = request.jobs {
        command.arg(format!("--jobs={jobs}"));
    }
    // `-r` leaves the addresses to our own link. The last flag changes nothing but what cargo takes for the same binary:
    // macros may read these variables without cargo knowing.
    command.args(["--", "-C", "link-arg=-r", "-C", "link-arg=--entry=_start"]);
    command.args([
        "--cfg",
        &format!("task_environment=\"{:016x}\"", fingerprint(&variables)),
    ]);
    command.args(["--check-cfg", "cfg(task_environment, values(any()))"]);

    let mut flags = environment::remap_flags(&request.root, &request.tasks, &request.rustc);
    flags.extend(environment::instruction_set_flags(app, task));
    command.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
    command.env("CARGO_TARGET_DIR", folder_of(request, task));
    command.envs(&variables);
    let output = command.output().map_err(|error| {
        Error::Machine(format!("cannot start {}: {error}", request.cargo.display()))
    })?;

    let mut object = None;
    let mut warnings = Vec::new();
    let mut errors = String::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        match Line::parse(line) {
            Some(Line::CompilerArtifact {
                target,
                executable: Some(path),
            }) if target.name == task.package && target.kind.iter().any(|kind| kind == "bin") => {
                object = Some(path);
            }
            Some(Line::CompilerMessage { message }) => {
                let rendered = message.rendered.unwrap_or_default();
                match message.level.as_str() {
                    "warning" => warnings.push(rendered),
                    level if level.starts_with("error") => errors.push_str(&rendered),
                    _ => {}
                }
            }
            _ => {}
        }
    }
    match object {
        Some(object) if output.status.success() => Ok(Built {
            object: keep(&object, folder, task)?,
            warnings,
        }),
        _ => {
            errors.push_str(&without_script_output(&String::from_utf8_lossy(
                &output.stderr,
            )));
            let advice = advice(app, task, &errors);
            Err(Error::Build {
                task: task.name.clone(),
                output: errors,
                advice,
            })
        }
    }
}

/// Leaves out what a build script that failed had told cargo, which stands before what it tells us.
fn without_script_output(text: &str) -> String {
    match (text.find("  --- stdout\n"), text.find("  --- stderr\n")) {
        (Some(from), Some(to)) if from < to => format!("{}{}", &text[..from], &text[to..]),
        _ => text.into(),
    }
}

/// Copies the object: two tasks may be made from one package, and cargo has one place for both.
fn keep(object: &Path, folder: &Path, task: &Task) -> Result<PathBuf, Error> {
    let kept = folder.join("link").join(format!("{}.o", task.name));
    let bytes = fs::read(object).map_err(|error| Error::file("read", object, error))?;
    crate::write(&kept, &bytes)?;
    Ok(kept)
}

/// A number that is different when a variable is.
fn fingerprint(variables: &BTreeMap<String, String>) -> u64 {
    let mut hash = crate::hash::Hash::default();
    for (name, value) in variables {
        hash.write(name.as_bytes());
        hash.write(&[0]);
        hash.write(value.as_bytes());
        hash.write(&[0]);
    }
    hash.finish()
}

/// What the manifest's author can do about a compiler's error.
fn advice(app: &App, task: &Task, errors: &str) -> Option<String> {
    let line = errors.lines().find(|line| {
        (line.contains("_MASK`") || line.contains("_BIT`"))
            && (line.contains("cannot find")
                || line.contains("unresolved import")
                || line.contains("no `"))
    })?;
    let constant = line
        .split('`')
        .find(|word| word.ends_with("_MASK") || word.ends_with("_BIT"))?;
    let constant = constant.rsplit("::").next()?;
    let stem = constant
        .strip_suffix("_MASK")
        .or_else(|| constant.strip_suffix("_BIT"))?;
    let notification = stem.to_lowercase().replace('_', "-");
    // `notifications::peer::FOO_MASK` is about another task.
    let peer = app.tasks.iter().find(|peer| {
        let path = format!("{}::{constant}", peer.name);
        errors.contains(&path) || line.contains(&format!("in module `{}`", peer.name))
    });
    let owner = peer.unwrap_or(task);
    Some(format!(
        "add `{notification}` to `notifications` of [tasks.{}] in {} (it has: {})",
        owner.name,
        app.files[0],
        if owner.notifications.is_empty() {
            "none".into()
        } else {
            owner.notifications.join(", ")
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_build_script_told_cargo_is_left_out() {
        let text = "error: failed\n  --- stdout\n  cargo:x\n\n  --- stderr\n  Error: no\n";
        assert_eq!(
            without_script_output(text),
            "error: failed\n  --- stderr\n  Error: no\n"
        );
        assert_eq!(without_script_output("error: plain\n"), "error: plain\n");
    }

    #[test]
    fn variables_have_a_fingerprint() {
        let of = |pairs: &[(&str, &str)]| {
            fingerprint(
                &pairs
                    .iter()
                    .map(|(name, value)| (name.to_string(), value.to_string()))
                    .collect(),
            )
        };
        assert_eq!(of(&[("A", "1"), ("B", "2")]), of(&[("B", "2"), ("A", "1")]));
        assert_ne!(of(&[("A", "1")]), of(&[("A", "2")]));
        assert_ne!(of(&[("A", "1B")]), of(&[("A", "1"), ("B", "")]));
    }
}
