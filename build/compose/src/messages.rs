// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What cargo prints with `--message-format=json`, a line each.

use std::path::PathBuf;

use serde::Deserialize;

/// One of those lines.
#[derive(Debug, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Line {
    /// Something was built, or had been before.
    CompilerArtifact {
        /// What.
        target: Target,
        /// Where it is, if it is a program.
        executable: Option<PathBuf>,
    },
    /// The compiler, or clippy, has something to say.
    CompilerMessage {
        /// That.
        message: Message,
    },
    /// Anything else.
    #[serde(other)]
    Other,
}

/// What of a package is built.
#[derive(Debug, Deserialize)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// Such as `bin`.
    pub kind: Vec<String>,
}

/// A message of the compiler.
#[derive(Debug, Deserialize)]
pub struct Message {
    /// Such as `warning`.
    pub level: String,
    message: String,
    /// As the compiler prints it.
    pub rendered: Option<String>,
}

impl Line {
    /// Reads a line; `None` if it is no message of cargo's, or the one that says nothing new.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let line = serde_json::from_str(line).ok()?;
        match &line {
            Self::CompilerMessage { message } if message.is_about_thumb() => None,
            _ => Some(line),
        }
    }
}

impl Message {
    /// rustc accepts `thumb-mode` and calls it unstable, in every crate, and not by a lint that could be allowed. The alternative, the
    /// target `thumbv7a-none-eabi`, has no compiled library. Should the flag ever cease to work, the entry points of the tasks are not
    /// T32, which is an error of the build. So nothing is lost with this message, and it alone is left out.
    fn is_about_thumb(&self) -> bool {
        self.level == "warning"
            && self.message == "unstable feature specified for `-Ctarget-feature`: `thumb-mode`"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(level: &str, text: &str) -> Option<Line> {
        Line::parse(&format!(
            r#"{{"reason":"compiler-message","target":{{}},"message":{{"rendered":"x","level":"{level}","message":"{text}"}}}}"#
        ))
    }

    #[test]
    fn one_warning_is_left_out_and_no_other() {
        let known = "unstable feature specified for `-Ctarget-feature`: `thumb-mode`";
        assert!(parsed("warning", known).is_none());
        assert!(parsed("error", known).is_some());
        for other in [
            "unstable feature specified for `-Ctarget-feature`: `thumb-mod`",
            "unstable feature specified for `-Ctarget-feature`: `vfp3`",
            "function `thumb-mode` is never used",
            "",
        ] {
            let line = parsed("warning", other);
            assert!(
                matches!(line, Some(Line::CompilerMessage { .. })),
                "{other}"
            );
        }
        assert!(Line::parse("{}").is_none() && Line::parse("Compiling x").is_none());
        let line = Line::parse(r#"{"reason":"build-finished","success":true}"#);
        assert!(matches!(line, Some(Line::Other)), "{line:?}");
    }
}
