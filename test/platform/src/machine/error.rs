// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What is wrong with a machine file, and in which line.

use std::fmt;
use std::ops::Range;

/// A machine file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineError {
    /// The file, as the user named it.
    pub file: String,
    /// Line, from 1; none when the file as a whole is meant.
    pub line: Option<usize>,
    /// What is wrong, and what to do.
    pub message: String,
}

impl MachineError {
    /// An error at a place in the text.
    pub fn at(file: &str, text: &str, span: Range<usize>, message: impl Into<String>) -> Self {
        // Defaults that the file does not contain have an empty span at its start, which names no line.
        let line = (span.start < span.end).then(|| line_of(text, span.start));
        Self {
            file: file.into(),
            line,
            message: message.into(),
        }
    }

    /// What the TOML reader found: syntax, unknown keys, wrong types.
    pub fn from_toml(file: &str, text: &str, error: &toml::de::Error) -> Self {
        Self {
            file: file.into(),
            line: error.span().map(|span| line_of(text, span.start)),
            message: error.message().trim().replace('\n', " "),
        }
    }
}

/// The line that a byte offset is in, from 1.
fn line_of(text: &str, offset: usize) -> usize {
    let end = offset.min(text.len());
    1 + text.as_bytes()[..end]
        .iter()
        .filter(|&&byte| byte == b'\n')
        .count()
}

impl fmt::Display for MachineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

impl std::error::Error for MachineError {}
