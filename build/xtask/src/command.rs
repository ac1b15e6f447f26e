// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Running a program to its end, within a limit, with its output line by line.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::child::Guarded;

/// The limit of anything that cargo builds, from nothing, with `core` from its sources, on a slow and busy machine: only a hang takes longer. (20
/// minutes were not enough for an image beside seven other builds on two cores.)
pub const BUILD_LIMIT: Duration = Duration::from_secs(90 * 60);

/// How a program ended.
#[derive(Debug)]
pub struct Outcome {
    /// The exit status; `None` if it was killed because the limit had passed.
    pub status: Option<ExitStatus>,
    /// All that it wrote, standard output and standard error in the order in which they came.
    pub output: String,
    /// How long it ran.
    pub elapsed: Duration,
}

impl Outcome {
    /// Whether it ended in time with status 0.
    #[must_use]
    pub fn success(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }
}

/// Runs `command` for at most `limit`, hands each line of output to `line` at once, and collects them.
///
/// # Errors
///
/// The program cannot be started. A failure or a passed limit is an [`Outcome`], not an error.
pub fn run(
    name: &str,
    command: &mut Command,
    limit: Duration,
    mut line: impl FnMut(&str),
) -> Result<Outcome> {
    let start = Instant::now();
    let deadline = start + limit;
    // One pipe for both streams, so that the order of lines is the order in which they were written.
    let (reader, writer) = std::io::pipe().context("cannot make a pipe")?;
    command
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer);
    let mut child = Guarded::spawn(name, command)?;
    // The command still holds our copies of the pipe's writing end, which would keep it open for ever.
    command.stdout(Stdio::null()).stderr(Stdio::null());

    let (sender, lines) = channel();
    thread::spawn(move || {
        let mut reader = BufReader::new(reader);
        let mut bytes = Vec::new();
        while reader.read_until(b'\n', &mut bytes).is_ok_and(|n| n > 0) {
            let text = String::from_utf8_lossy(&bytes);
            if sender.send(text.trim_end().to_owned()).is_err() {
                break;
            }
            bytes.clear();
        }
    });

    let mut output = String::new();
    let mut ended_at = None;
    loop {
        match lines.recv_timeout(Duration::from_millis(20)) {
            Ok(text) => {
                line(&text);
                output.push_str(&text);
                output.push('\n');
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if Instant::now() >= deadline {
            break;
        }
        // A process that it left behind may hold the pipe; its last lines get a moment, no more.
        if child.ended()?.is_some() {
            let since = *ended_at.get_or_insert_with(Instant::now);
            if since.elapsed() > Duration::from_secs(2) {
                break;
            }
        }
    }
    let status = child.wait(deadline.saturating_duration_since(Instant::now()))?;
    child.kill();
    if status.is_none() {
        let _ = writeln!(
            output,
            "{name}: stopped, it took longer than {} s",
            limit.as_secs()
        );
    }
    Ok(Outcome {
        status,
        output,
        elapsed: start.elapsed(),
    })
}

/// As [`run`], and anything but success is an error that carries the output.
///
/// # Errors
///
/// The program cannot be started, fails, or takes longer than `limit`.
pub fn check(
    name: &str,
    command: &mut Command,
    limit: Duration,
    line: impl FnMut(&str),
) -> Result<String> {
    let shown = describe(command);
    let outcome = run(name, command, limit, line)?;
    match outcome.status {
        Some(status) if status.success() => Ok(outcome.output),
        Some(status) => bail!("{shown}: {status}\n{}", outcome.output.trim_end()),
        None => bail!(
            "{shown}: not done within {} s\n{}",
            limit.as_secs(),
            outcome.output.trim_end()
        ),
    }
}

/// What a program prints, or `None` if it cannot be run or fails: for asking what a machine has.
#[must_use]
pub fn query(command: &mut Command) -> Option<String> {
    let outcome = run("query", command, Duration::from_secs(60), |_| ()).ok()?;
    outcome.success().then_some(outcome.output)
}

/// The command as a user would type it.
#[must_use]
pub fn describe(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(quote)
        .collect::<Vec<_>>()
        .join(" ")
}

fn quote(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    // A word with a zero byte cannot be given to a shell; no command has one.
    shlex::try_quote(&word).map_or_else(|_| word.to_string(), Into::into)
}

/// Whether a program of this name can be found.
#[must_use]
pub fn find_program(name: &str) -> Option<std::path::PathBuf> {
    which::which(name).ok()
}

/// Whether this path is a file that may be executed.
#[must_use]
pub fn is_executable(path: &std::path::Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn collects_both_streams_in_order() {
        let mut seen = Vec::new();
        let outcome = run(
            "test",
            &mut shell("echo a; echo b >&2; echo c"),
            Duration::from_secs(60),
            |line| seen.push(line.to_owned()),
        )
        .unwrap();
        assert!(outcome.success());
        assert_eq!(seen, ["a", "b", "c"]);
        assert_eq!(outcome.output, "a\nb\nc\n");
    }

    #[test]
    fn a_program_that_hangs_is_stopped() {
        // On a busy computer a shell may not come to its first word in time; then it gets longer.
        for limit in [300, 3_000, 30_000].map(Duration::from_millis) {
            let outcome = run("slow", &mut shell("echo on; sleep 1000"), limit, |_| ()).unwrap();
            assert!(outcome.status.is_none() && !outcome.success());
            let stopped = outcome.output.strip_prefix("on\n");
            let words = stopped.unwrap_or(&outcome.output);
            assert!(words.starts_with("slow: stopped"), "{}", outcome.output);
            assert!(outcome.elapsed < Duration::from_secs(500));
            if stopped.is_some() {
                return;
            }
        }
        panic!("what it wrote before it was stopped is lost");
    }

    #[test]
    fn something_left_behind_does_not_hold_us() {
        let start = Instant::now();
        let outcome = run(
            "parent",
            &mut shell("sleep 1000 & echo done"),
            Duration::from_secs(60),
            |_| (),
        )
        .unwrap();
        assert!(outcome.success());
        assert_eq!(outcome.output, "done\n");
        assert!(start.elapsed() < Duration::from_secs(500));
    }

    #[test]
    fn failure_says_which_command_and_what_it_wrote() {
        let error = check(
            "x",
            &mut shell("echo broken; exit 3"),
            Duration::from_secs(60),
            |_| (),
        )
        .unwrap_err();
        let text = error.to_string();
        assert!(text.contains("sh -c 'echo broken; exit 3'"), "{text}");
        assert!(text.contains("3") && text.ends_with("broken"), "{text}");
    }
}
