// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The image package's build script: what cargo tells us, what we tell cargo.
//!
//! | variable | meaning |
//! |---|---|
//! | `IMAGE_APP_TOML` | the manifest, from the project's root; `app.toml` if not set |
//! | `IMAGE_CARGO_ARGS` | arguments for the cargo that builds tasks, separated by spaces, such as `-Zbuild-std=core` |
//! | `IMAGE_LLD` | the linker, if not the compiler's own rust-lld |
//! | `IMAGE_LOG` | a file to which progress is appended |

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::{Composed, Error, Request, compose};

/// Composes the image if the kernel is built for its target; a check on the host (clippy, doc) needs none.
pub fn main() {
    for variable in [
        "IMAGE_APP_TOML",
        "IMAGE_CARGO_ARGS",
        "IMAGE_LLD",
        "RUSTC_BOOTSTRAP",
    ] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    if env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("none") {
        println!("cargo::rerun-if-changed=build.rs");
        return;
    }
    let request = match request() {
        Ok(request) => request,
        Err(error) => fail(&error),
    };
    match compose(&request).and_then(|composed| kernel(&composed.app).map(|()| composed)) {
        Ok(composed) => succeed(&request, &composed),
        Err(error) => fail(&error),
    }
}

fn request() -> Result<Request, Error> {
    let path = |name: &str| {
        env::var_os(name).map(PathBuf::from).ok_or_else(|| {
            Error::Machine(format!(
                "cargo did not set {name}: this runs as a build script only"
            ))
        })
    };
    let out = path("OUT_DIR")?;
    let text = |name: &str| env::var(name).unwrap_or_default();
    let manifest = match text("IMAGE_APP_TOML") {
        name if name.is_empty() => "app.toml".into(),
        name => name,
    };
    Ok(Request {
        root: path("CARGO_MANIFEST_DIR")?,
        manifest,
        images: target_dir(&out).join("image"),
        tasks: crate::tasks_dir(&target_dir(&out)),
        out,
        cargo: path("CARGO")?,
        rustc: path("RUSTC")?,
        cargo_args: text("IMAGE_CARGO_ARGS")
            .split_whitespace()
            .map(String::from)
            .collect(),
        jobs: text("NUM_JOBS").parse().ok(),
    })
}

/// Whether cargo builds the kernel that the manifest describes: it chose package and features before it asked us.
fn kernel(app: &manifest::App) -> Result<(), Error> {
    let package = env::var("CARGO_PKG_NAME").unwrap_or_default();
    if app.kernel.package != package {
        return Err(Error::Machine(format!(
            "{}: [kernel], key `name`: it is `{}`, and cargo builds `{package}`\n    remedy: write `{package}`, or build the other \
             package",
            app.files[0], app.kernel.package
        )));
    }
    let set = |feature: &str| {
        let name = feature.to_uppercase().replace('-', "_");
        env::var_os(format!("CARGO_FEATURE_{name}")).is_some()
    };
    match app.kernel.features.iter().find(|feature| !set(feature)) {
        None => Ok(()),
        Some(feature) => Err(Error::Machine(format!(
            "{}: [kernel], key `features`: cargo builds the kernel without `{feature}`\n    remedy: build with `--features {}`",
            app.files[0],
            app.kernel.features.join(",")
        ))),
    }
}

/// cargo's target folder: the one above the folder that cargo names after the target.
fn target_dir(out: &Path) -> PathBuf {
    let triple = env::var_os("TARGET");
    out.ancestors()
        .find(|folder| folder.file_name() == triple.as_deref())
        .and_then(Path::parent)
        .unwrap_or(out)
        .to_path_buf()
}

fn succeed(request: &Request, composed: &Composed) {
    for file in &composed.app.files {
        watch(&request.root.join(file));
    }
    for file in sources(request, composed) {
        watch(&file);
    }
    for warning in composed.app.warnings() {
        println!("cargo::warning={}", warning.in_one_line());
    }
    for (task, warning) in &composed.warnings {
        let mut lines = warning
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty());
        let (what, place) = (
            lines.next().unwrap_or_default(),
            lines.next().unwrap_or_default(),
        );
        println!("cargo::warning=task `{task}`: {what} {place}");
    }
    // link.x is the start-up crate's; it includes our memory.x.
    println!("cargo::rustc-link-search={}", request.out.display());
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
    println!("cargo::rustc-link-arg-bins=-zmax-page-size=4096");
    // Names the whole binary, tasks and symbols included, so that a tool can tell whether it has the one that runs.
    println!("cargo::rustc-link-arg-bins=--build-id=sha1");
}

/// Every file of this project that a task was made from: what the nested cargo noted, and the `Cargo.toml` above each.
fn sources(request: &Request, composed: &Composed) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    for name in ["Cargo.toml", "Cargo.lock", ".cargo/config.toml"] {
        files.insert(request.root.join(name));
    }
    for task in &composed.app.tasks {
        let notes = crate::cargo::folder_of(request, task)
            .join(&composed.app.target)
            .join("release")
            .join(format!("{}.d", task.package));
        let text = fs::read_to_string(&notes).unwrap_or_default();
        let Some((_, list)) = text.split_once(": ") else {
            // Nothing is known, so everything is watched.
            files.insert(request.root.clone());
            continue;
        };
        // A space in a path is written with a backslash before it.
        let list = list.trim().replace("\\ ", "\u{0}");
        for file in list.split(' ').filter(|file| !file.is_empty()) {
            let file = plain(&request.root.join(file.replace('\u{0}', " ")));
            if file.starts_with(&request.tasks) {
                continue;
            }
            if let Some(manifest) = file
                .ancestors()
                .skip(1)
                .map(|folder| folder.join("Cargo.toml"))
                .find(|manifest| manifest.exists())
            {
                files.insert(manifest);
            }
            files.insert(file);
        }
    }
    files
}

/// A path without `..`, so that each file is named once.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => _ = plain.pop(),
            part => plain.push(part),
        }
    }
    plain
}

fn watch(path: &Path) {
    // A file that does not exist would make cargo run us every time.
    if path.exists() {
        println!("cargo::rerun-if-changed={}", path.display());
    }
}

fn fail(error: &Error) -> ! {
    crate::log::say(&format!("error: {error}"));
    std::process::exit(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lose_their_detours() {
        assert_eq!(plain(Path::new("/a/b/../../c/./d")), Path::new("/c/d"));
        assert_eq!(plain(Path::new("a/../b")), Path::new("b"));
    }
}
