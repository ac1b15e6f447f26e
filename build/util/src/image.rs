// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The variables themselves.

use std::env;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

/// The value of the variable `name`; cargo builds again when it changes.
///
/// # Errors
///
/// When it is not set. For the variables that describe the image the message says how to build it.
pub fn env_var(name: &str) -> Result<String> {
    match watched(name) {
        Some(value) => Ok(value),
        None if name.starts_with("HUBRIS_") => bail!("{}", outside_an_image(name)),
        None => bail!("the environment variable {name} is not set, or is not text"),
    }
}

/// Whether the crate is being built as part of an image.
pub fn in_image() -> bool {
    watched("HUBRIS_TASKS").is_some()
}

/// Lets a task's library build where there is no image, so that it can be tested on the host: whether this *is* an image's build.
///
/// When it is not, each of `files`, which the build script would have written to `OUT_DIR`, becomes a compile error that says how the task is
/// built. Only the task's binary includes them.
///
/// # Errors
///
/// A file cannot be written.
///
/// # Panics
///
/// Outside a build script.
pub fn only_in_image(files: &[&str]) -> Result<bool> {
    if in_image() {
        return Ok(true);
    }
    for file in files {
        let path = out_dir().join(file);
        let text = format!("compile_error!({:?});\n", outside_an_image("HUBRIS_TASKS"));
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(false)
}

/// The name of the task being built.
///
/// # Panics
///
/// Outside an image. The message says how to build it.
pub fn task_name() -> String {
    or_stop(env_var("HUBRIS_TASK_NAME"))
}

/// The name of the image's board; `None` outside an image.
pub fn target_board() -> Option<String> {
    watched("HUBRIS_BOARD")
}

/// The target triple being built for.
///
/// # Panics
///
/// Outside a build script.
pub fn target() -> String {
    of_cargo("TARGET")
}

/// The operating system being built for: `none` in an image.
///
/// # Panics
///
/// Outside a build script.
pub fn target_os() -> String {
    of_cargo("CARGO_CFG_TARGET_OS")
}

/// Where generated files go.
///
/// # Panics
///
/// Outside a build script.
pub fn out_dir() -> PathBuf {
    of_cargo("OUT_DIR").into()
}

/// A variable that cargo sets for build scripts, and watches itself.
fn of_cargo(name: &str) -> String {
    or_stop(
        env::var(name)
            .with_context(|| format!("{name} is not set: build-util works only in a build script")),
    )
}

/// The value, or the end of the build script with the error's message.
pub(crate) fn or_stop<T>(value: Result<T>) -> T {
    value.unwrap_or_else(|error| panic!("{error:#}"))
}

/// Whether the crate is built with the cargo feature `name`.
pub fn has_feature(name: &str) -> bool {
    env::var_os(format!(
        "CARGO_FEATURE_{}",
        name.to_uppercase().replace('-', "_")
    ))
    .is_some()
}

pub(crate) fn watched(name: &str) -> Option<String> {
    println!("cargo::rerun-if-env-changed={name}");
    env::var(name).ok()
}

fn outside_an_image(name: &str) -> String {
    let package = env::var("CARGO_PKG_NAME").unwrap_or_else(|_| "this crate".into());
    format!(
        "{package} is part of an image and cannot be built alone: its memory, its interrupts and the tasks it calls come from app.toml.\n\
         Build the whole image with `cargo build --release --target armv7a-none-eabi -p virtio-scmi-image`, or run it with `cargo xtask run`.\n\
         To check tasks with clippy in their own environment: `cargo xtask clippy`.\n\
         ({name} is not set.)"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outside_an_image_the_message_says_what_to_do() {
        let message = env_var("HUBRIS_NO_SUCH_VARIABLE").unwrap_err().to_string();
        assert!(
            message.contains("build-util is part of an image"),
            "{message}"
        );
        assert!(message.contains("cargo xtask run"), "{message}");
        assert!(
            message.contains("(HUBRIS_NO_SUCH_VARIABLE is not set.)"),
            "{message}"
        );
    }
}
