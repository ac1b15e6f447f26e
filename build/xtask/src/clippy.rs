// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `cargo xtask clippy`: every task under clippy as the image builds it, with its own features and configuration, and the
//! kernel. Plain `cargo clippy` sees only what builds on the host.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use compose::messages::Line;
use manifest::{App, Task};

use crate::progress::Progress;
use crate::setup::{self, Mode, rust::TargetRust};
use crate::{command, image, workspace};

const KERNEL: &str = "kernel";

/// What `clippy` can be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// The manifest of the image
    #[arg(long, default_value = image::DEFAULT_APP)]
    app: PathBuf,
    /// Only these tasks; `kernel` is the kernel
    tasks: Vec<String>,
}

/// Whether the toolchain has clippy at all.
#[must_use]
pub fn is_there() -> bool {
    command::query(workspace::cargo().args(["clippy", "--version"])).is_some()
}

/// Runs the command.
///
/// # Errors
///
/// There is something to mend, or the task is unknown.
pub fn run(arguments: &Arguments) -> Result<()> {
    let app = image::resolve_app(&arguments.app)?;
    let rust = setup::rust::ensure(Mode::Install)?.context("Rust for the target is missing")?;
    let progress = Progress::start("clippy");
    let mut output = String::new();
    let target = workspace::image_target_dir();
    let result = check(&rust, &app, &arguments.tasks, &target, &mut output);
    drop(progress);
    print!("{output}");
    result
}

/// Checks the named tasks, or all and the kernel if none is named; what clippy says is added to `output`. What has been built
/// for the image below `target` is used again.
///
/// # Errors
///
/// Names those that have something to mend.
pub fn check(
    rust: &TargetRust,
    app: &str,
    names: &[String],
    target: &Path,
    output: &mut String,
) -> Result<()> {
    let app = image::load(app)?;
    let wanted = |name: &str| names.is_empty() || names.iter().any(|n| n == name);
    if let Some(unknown) = names
        .iter()
        .find(|name| *name != KERNEL && app.task(name).is_none())
    {
        let known: Vec<_> = app.tasks.iter().map(|task| task.name.as_str()).collect();
        bail!(
            "there is no task `{unknown}`; there are {} and {KERNEL}",
            known.join(", ")
        );
    }
    let mut bad = Vec::new();
    for task in app.tasks.iter().filter(|task| wanted(&task.name)) {
        if !check_task(rust, &app, task, target, output)? {
            bad.push(task.name.clone());
        }
    }
    if wanted(KERNEL) && !check_kernel(rust, &app, target, output)? {
        bad.push(KERNEL.into());
    }
    if !bad.is_empty() {
        bail!("clippy has something to say about {}", bad.join(", "));
    }
    Ok(())
}

fn check_task(
    rust: &TargetRust,
    app: &App,
    task: &Task,
    target: &Path,
    output: &mut String,
) -> Result<bool> {
    let mut cargo = rust.cargo("clippy");
    cargo
        .args([
            "--release",
            "--package",
            &task.package,
            "--bin",
            &task.package,
        ])
        .env("CARGO_TARGET_DIR", compose::tasks_dir(target))
        .env(
            "CARGO_ENCODED_RUSTFLAGS",
            compose::environment::instruction_set_flags(app, task).join("\x1f"),
        )
        .envs(compose::environment::of_task(app, task)?);
    if task.no_default_features {
        cargo.arg("--no-default-features");
    }
    if !task.features.is_empty() {
        cargo.args(["--features", &task.features.join(",")]);
    }
    finish(&task.name, cargo, output)
}

fn check_kernel(rust: &TargetRust, app: &App, target: &Path, output: &mut String) -> Result<bool> {
    let mut cargo = rust.cargo("clippy");
    cargo
        .args(["--release", "--package", "virtio-scmi-image"])
        .env("CARGO_TARGET_DIR", target)
        .env("IMAGE_APP_TOML", &app.files[0]);
    finish(KERNEL, cargo, output)
}

fn finish(name: &str, mut cargo: std::process::Command, output: &mut String) -> Result<bool> {
    cargo.args(["--message-format=json", "--", "-D", "warnings"]);
    let outcome = command::run(
        &format!("clippy of {name}"),
        &mut cargo,
        command::BUILD_LIMIT,
        |_| (),
    )?;
    output.push_str(&format!("{name}:\n"));
    for line in outcome.output.lines() {
        output.push_str(&shown(line));
    }
    Ok(outcome.success())
}

/// What people see of a line of cargo's: what clippy or the compiler has to say, and cargo's own words.
fn shown(line: &str) -> String {
    match Line::parse(line) {
        Some(Line::CompilerMessage { message }) => message.rendered.unwrap_or_default(),
        None if !line.starts_with('{') => format!("{line}\n"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clippy_says_is_shown_without_what_cargo_tells_programs() {
        assert_eq!(
            shown("    Checking userlib v0.1.0"),
            "    Checking userlib v0.1.0\n"
        );
        assert_eq!(shown(r#"{"reason":"build-finished","success":true}"#), "");
        let message = |text: &str| {
            format!(
                r#"{{"reason":"compiler-message","message":{{"level":"warning","message":"{text}","rendered":"warning: {text}\n"}}}}"#
            )
        };
        assert_eq!(shown(&message("unused")), "warning: unused\n");
        let known = "unstable feature specified for `-Ctarget-feature`: `thumb-mode`";
        assert_eq!(shown(&message(known)), "");
    }
}
