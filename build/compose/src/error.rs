// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Why an image could not be composed.

use std::fmt;
use std::path::Path;

/// Why an image could not be composed. Its text is for the person who wrote the manifest or the task.
#[derive(Debug)]
pub enum Error {
    /// The manifest is wrong.
    Manifest(manifest::Problems),
    /// A task's crate does not build; holds the task, what cargo printed, and advice if there is any.
    Build {
        /// The task's name.
        task: String,
        /// What cargo and rustc printed.
        output: String,
        /// What to do, where we know.
        advice: Option<String>,
    },
    /// Something about one task: which, what, and the remedy.
    Task {
        /// The task's name.
        task: String,
        /// What is wrong.
        fault: String,
        /// What to do.
        remedy: String,
    },
    /// The build itself cannot go on: a file that cannot be written, a tool that cannot be started.
    Machine(String),
}

impl Error {
    pub(crate) fn task(task: &str, fault: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Task {
            task: task.into(),
            fault: fault.into(),
            remedy: remedy.into(),
        }
    }

    pub(crate) fn file(what: &str, path: &Path, error: impl fmt::Display) -> Self {
        Self::Machine(format!("cannot {what} {}: {error}", path.display()))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manifest(problems) => write!(f, "{problems}"),
            Self::Build {
                task,
                output,
                advice,
            } => {
                writeln!(f, "task `{task}` does not build:")?;
                f.write_str(output.trim_end())?;
                match advice {
                    Some(advice) => write!(f, "\n    remedy: {advice}"),
                    None => Ok(()),
                }
            }
            Self::Task {
                task,
                fault,
                remedy,
            } => write!(f, "task `{task}`: {fault}\n    remedy: {remedy}"),
            Self::Machine(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Error {}

impl From<manifest::Problems> for Error {
    fn from(problems: manifest::Problems) -> Self {
        Self::Manifest(problems)
    }
}
