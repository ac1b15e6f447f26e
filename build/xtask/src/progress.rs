// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Shows that something is going on, without leaving noise behind: a line that changes in a terminal, and a plain line
//! where output goes to a file.

use std::io::{IsTerminal, Write as _};
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// One piece of work, or several side by side.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    /// Parts of it that go on.
    parts: Mutex<Vec<String>>,
}

impl Progress {
    /// Starts to show `what`.
    #[must_use]
    pub fn start(what: &str) -> Self {
        let progress = Self::several();
        match &progress.bar {
            Some(bar) => bar.set_prefix(what.to_owned()),
            None => eprintln!("{what} ..."),
        }
        progress
    }

    /// Shows nothing yet: parts of the work begin and end.
    #[must_use]
    pub fn several() -> Self {
        if !std::io::stderr().is_terminal() {
            return Self::new(None);
        }
        let bar = ProgressBar::new_spinner();
        let style = ProgressStyle::with_template("{spinner} {prefix} ({elapsed}) {wide_msg:.dim}");
        bar.set_style(style.expect("the template is well formed"));
        bar.enable_steady_tick(Duration::from_millis(120));
        Self::new(Some(bar))
    }

    fn new(bar: Option<ProgressBar>) -> Self {
        Self {
            bar,
            parts: Mutex::default(),
        }
    }

    /// Shows that a part has begun.
    pub fn begin(&self, part: &str) {
        let mut parts = self.parts();
        parts.push(part.to_owned());
        match &self.bar {
            Some(bar) => bar.set_prefix(parts.join(", ")),
            None => eprintln!("{part} ..."),
        }
    }

    /// Shows that it has ended.
    pub fn end(&self, part: &str) {
        let mut parts = self.parts();
        parts.retain(|one| one != part);
        if let Some(bar) = &self.bar {
            bar.set_prefix(parts.join(", "));
        }
    }

    /// Prints whole lines on standard output, with nothing of another thread between them.
    pub fn print(&self, text: &str) {
        let _alone = self.parts();
        let print = || {
            let mut out = std::io::stdout().lock();
            let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        };
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    fn parts(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.parts
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Shows the latest line of output.
    pub fn line(&self, line: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(line.trim().to_owned());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
