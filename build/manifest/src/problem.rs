// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What is wrong with a manifest, said so that it can be mended.

use std::fmt;

/// Stands between what is wrong and what to do, here and in the messages of types that are read from TOML.
pub(crate) const REMEDY: &str = "\n    remedy: ";

/// A place in one of the manifest's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The file, as it was named when it was read.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where, if it is written anywhere (a key that is missing is not).
    pub location: Option<Location>,
    /// The table that it is about, as people call it: a task by its name, other tables in brackets.
    pub table: String,
    /// The key in that table.
    pub key: String,
    /// What is wrong.
    pub fault: String,
    /// What to write instead.
    pub remedy: String,
}

impl Problem {
    /// The same in one line, for a warning.
    pub fn in_one_line(&self) -> String {
        self.to_string().replace(REMEDY, "; remedy: ")
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Location { file, line }) = &self.location {
            write!(f, "{file}:{line}: ")?;
        }
        f.write_str(&self.table)?;
        if !self.key.is_empty() {
            write!(f, ", key `{}`", self.key)?;
        }
        write!(f, ": {}{REMEDY}{}", self.fault, self.remedy)
    }
}

/// Everything that is wrong with a manifest; never empty when returned as an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, problem) in self.0.iter().enumerate() {
            if position > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}
