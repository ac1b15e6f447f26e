// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The machines that `run` has started and that run now: where `inspect` finds them.
//!
//! Each has a file in `target/run`, named after the process that started it; it goes away with the machine. One that was
//! left behind, by a power failure say, is recognised by its process, which is gone, and removed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, test_kill_process};
use serde::{Deserialize, Serialize};

use crate::image::Image;
use crate::{json_file, workspace};

/// How to start a machine.
const START: &str = "start one in another terminal with `cargo xtask run`";

/// A machine that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Machine {
    /// The process that started it.
    pub process: u32,
    /// The image's name.
    pub image: String,
    /// The folder with all that was built for the image.
    pub folder: PathBuf,
    /// The socket of its debugger's stub.
    pub socket: PathBuf,
}

/// A machine's file; removed when this is dropped.
#[derive(Debug)]
pub struct Entry(PathBuf);

impl Drop for Entry {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Where the files are.
#[must_use]
pub fn folder() -> PathBuf {
    workspace::target_dir().join("run")
}

/// Makes a machine known that this process has started.
///
/// # Errors
///
/// The file cannot be written.
pub fn announce(folder: &Path, image: &Image, socket: &Path) -> Result<Entry> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let process = std::process::id();
    let path = folder.join(format!("{process}.json"));
    let machine = Machine {
        process,
        image: image.name.clone(),
        folder: image.folder.clone(),
        socket: socket.to_owned(),
    };
    json_file::write(&path, &machine)?;
    Ok(Entry(path))
}

/// The machine that runs, or that of `process` where there are several.
///
/// # Errors
///
/// None runs, or several do and none is named; the message says what to do.
pub fn find(folder: &Path, process: Option<u32>) -> Result<Machine> {
    let mut running = running(folder);
    if let Some(process) = process {
        let found = running.iter().find(|machine| machine.process == process);
        return found.cloned().with_context(|| match running.is_empty() {
            true => format!("no machine runs: {START}"),
            false => format!(
                "no machine is of process {process}; there are\n{}",
                list(&running)
            ),
        });
    }
    match running.len() {
        0 => bail!("no machine runs: {START}"),
        1 => Ok(running.remove(0)),
        _ => bail!(
            "several machines run; say which with --machine:\n{}",
            list(&running)
        ),
    }
}

fn list(machines: &[Machine]) -> String {
    let lines: Vec<_> = machines
        .iter()
        .map(|machine| format!("  {:>7}  {}", machine.process, machine.image))
        .collect();
    lines.join("\n")
}

/// All that run. Files that were left behind are removed.
fn running(folder: &Path) -> Vec<Machine> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut machines: Vec<Machine> = entries
        .filter_map(|entry| {
            let path = entry.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                return None;
            }
            let text = fs::read_to_string(&path).ok()?;
            let machine: Option<Machine> = serde_json::from_str(&text).ok();
            let runs = |machine: &Machine| is_alive(machine.process) && machine.socket.exists();
            if machine.as_ref().is_some_and(runs) {
                return machine;
            }
            let _ = fs::remove_file(&path);
            None
        })
        .collect();
    machines.sort_by_key(|machine| machine.process);
    machines
}

fn is_alive(process: u32) -> bool {
    let pid = i32::try_from(process).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| test_kill_process(pid).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(folder: &Path) -> Image {
        Image {
            name: "x".into(),
            app: "app.toml".into(),
            folder: folder.to_owned(),
            elf: folder.join("image.elf"),
            output: String::new(),
        }
    }

    #[test]
    fn a_machine_is_found_until_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        fs::write(&socket, "").unwrap();
        let entry = announce(folder.path(), &image(folder.path()), &socket).unwrap();
        let found = find(folder.path(), None).unwrap();
        assert_eq!((found.image.as_str(), &found.socket), ("x", &socket));
        assert_eq!(find(folder.path(), Some(found.process)).unwrap(), found);
        let error = find(folder.path(), Some(found.process + 1)).unwrap_err();
        assert!(error.to_string().contains(&found.process.to_string()));
        drop(entry);
        let error = find(folder.path(), None).unwrap_err().to_string();
        assert!(error.contains("cargo xtask run"), "{error}");
    }

    #[test]
    fn a_file_that_was_left_behind_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("gone");
        let _entry = announce(folder.path(), &image(folder.path()), &socket).unwrap();
        let damaged = folder.path().join("1.json");
        fs::write(&damaged, "{").unwrap();
        assert!(find(folder.path(), None).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn of_several_machines_one_must_be_named() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        fs::write(&socket, "").unwrap();
        let entry = announce(folder.path(), &image(folder.path()), &socket).unwrap();
        // Our parent lives as long as we do.
        let parent = std::os::unix::process::parent_id();
        let mut other = find(folder.path(), None).unwrap();
        other.process = parent;
        json_file::write(&folder.path().join("other.json"), &other).unwrap();
        let error = find(folder.path(), None).unwrap_err().to_string();
        assert!(
            error.contains("--machine") && error.contains(&parent.to_string()),
            "{error}"
        );
        assert_eq!(find(folder.path(), Some(parent)).unwrap(), other);
        drop(entry);
    }
}
