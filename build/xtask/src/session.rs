// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A conversation with the console task: type a line at its prompt, get its answer.
//!
//! The console prints `scmi> ` when it is ready, echoes what is typed, and ends each answer with a line that is `ok` or
//! starts with `error:`, before it prompts again.

use std::time::Duration;

use anyhow::{Context, Result};

use crate::console::Console;

/// What the console prints when it is ready for a line.
pub const PROMPT: &str = "scmi> ";

/// What the console answered to one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its lines, without the echo, the verdict and the next prompt.
    pub text: String,
    /// What the last line said: `Err` holds what follows `error:`.
    pub verdict: std::result::Result<(), String>,
}

impl Answer {
    /// Whether the last line was `ok`.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.verdict.is_ok()
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)?;
        match &self.verdict {
            Ok(()) => writeln!(f, "ok"),
            Err(reason) => writeln!(f, "error: {reason}"),
        }
    }
}

/// The console, at its prompt.
#[derive(Debug)]
pub struct Session {
    console: Console,
}

impl Session {
    /// Waits for the first prompt.
    ///
    /// # Errors
    ///
    /// It does not come within `limit`, or the machine ends.
    pub fn start(mut console: Console, limit: Duration) -> Result<Self> {
        console
            .wait_for(PROMPT, limit)
            .context("the image did not come up")?;
        Ok(Self { console })
    }

    /// Types a line and returns the answer.
    ///
    /// # Errors
    ///
    /// No complete answer within `limit`, or the machine ends. An answer that says `error:` is an answer.
    pub fn exec(&mut self, line: &str, limit: Duration) -> Result<Answer> {
        self.type_line(line.as_bytes())?;
        self.answer(line, limit)
    }

    /// Types a line, of any bytes, and does not wait for the answer.
    ///
    /// # Errors
    ///
    /// The machine takes no input.
    pub fn type_line(&mut self, line: &[u8]) -> Result<()> {
        self.console.skip();
        self.console.send(line)?;
        self.console.send(b"\r")
    }

    /// Waits for the answer to a line that has been typed.
    ///
    /// # Errors
    ///
    /// As for [`exec`](Self::exec).
    pub fn answer(&mut self, line: &str, limit: Duration) -> Result<Answer> {
        self.console
            .wait_until(&format!("an answer to `{line}`"), limit, |seen| {
                find_answer(seen, line)
            })
    }

    /// The console itself.
    pub fn console(&mut self) -> &mut Console {
        &mut self.console
    }
}

/// Finds a complete answer: the echo's line, lines of text, the verdict, and the prompt at the start of a line.
fn find_answer(seen: &str, typed: &str) -> Option<(usize, Answer)> {
    let mut lines = Lines { text: seen, at: 0 };
    let (echo_end, echo) = lines.next()?;
    // There is nothing to answer to an empty line: the prompt comes again, and that is all.
    if typed.trim().is_empty() && seen[echo_end..].starts_with(PROMPT) {
        let answer = Answer {
            text: String::new(),
            verdict: Ok(()),
        };
        return Some((echo_end + PROMPT.len(), answer));
    }
    let mut text = String::new();
    // A report of another task may come before the echo or cut it in two: it belongs to the answer, and the line that ends
    // with what was typed is the echo.
    let comes_later = |line: &str| line.ends_with(typed);
    if !echo.ends_with(typed) && seen.lines().skip(1).any(comes_later) {
        if !typed.starts_with(echo) {
            push_line(&mut text, echo);
        }
        for (_, line) in lines.by_ref().take_while(|(_, line)| !comes_later(line)) {
            push_line(&mut text, line);
        }
    }
    let (verdict_end, verdict) = lines.find_map(|(end, line)| {
        if line == "ok" {
            return Some((end, Ok(())));
        }
        if let Some(reason) = line.strip_prefix("error:") {
            return Some((end, Err(reason.trim().to_owned())));
        }
        push_line(&mut text, line);
        None
    })?;
    let rest = &seen[verdict_end..];
    let prompt = if rest.starts_with(PROMPT) {
        0
    } else {
        rest.find(&format!("\n{PROMPT}"))? + 1
    };
    Some((
        verdict_end + prompt + PROMPT.len(),
        Answer { text, verdict },
    ))
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

/// Complete lines, each with the place where the next one starts.
struct Lines<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Iterator for Lines<'a> {
    type Item = (usize, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = &self.text[self.at..];
        let length = rest.find('\n')?;
        self.at += length + 1;
        Some((self.at, &rest[..length]))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::os::unix::net::UnixStream;
    use std::thread;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    /// A console task in Rust: prompts, echoes, and answers each line by `reply`, until it is hung up.
    fn play(reply: impl Fn(&str) -> Option<String> + Send + 'static) -> Console {
        let (ours, machine) = UnixStream::pair().unwrap();
        thread::spawn(move || {
            let mut input = BufReader::new(machine.try_clone().unwrap());
            let mut output = machine;
            output.write_all(b"booting\r\n\r\nscmi> ").unwrap();
            let mut line = Vec::new();
            while input
                .read_until(b'\r', &mut line)
                .is_ok_and(|count| count > 0)
            {
                let text = String::from_utf8_lossy(&line).trim().to_owned();
                output.write_all(format!("{text}\r\n").as_bytes()).unwrap();
                match reply(&text) {
                    Some(answer) => output
                        .write_all(answer.replace('\n', "\r\n").as_bytes())
                        .unwrap(),
                    None => return,
                }
                line.clear();
            }
        });
        Console::new(ours).unwrap()
    }

    #[test]
    fn answers_come_clean() {
        let console = play(|line| {
            Some(match line {
                "info" => "vendor rust-vmm\nscmi> is the prompt\nok\nscmi> ".into(),
                _ => format!("error: no command `{line}`, try help\nscmi> "),
            })
        });
        let mut session = Session::start(console, LONG).unwrap();
        let answer = session.exec("info", LONG).unwrap();
        assert_eq!(answer.text, "vendor rust-vmm\nscmi> is the prompt\n");
        assert!(answer.is_ok());
        let answer = session.exec("nonsense", LONG).unwrap();
        assert_eq!(
            answer.verdict,
            Err("no command `nonsense`, try help".into())
        );
        assert_eq!(
            answer.to_string(),
            "error: no command `nonsense`, try help\n"
        );
    }

    #[test]
    fn a_line_without_an_answer_fails_in_time() {
        let console = play(|_| Some("thinking\n".into()));
        let mut session = Session::start(console, LONG).unwrap();
        session.type_line(b"sensors").unwrap();
        let thinks = |seen: &str| seen.contains("thinking\n").then_some((0, ()));
        session
            .console()
            .wait_until("all that it says", LONG, thinks)
            .unwrap();
        let error = session
            .answer("sensors", Duration::from_millis(200))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("an answer to `sensors`") && error.contains("| thinking"),
            "{error}"
        );
    }

    #[test]
    fn a_machine_that_ends_within_an_answer_fails_at_once() {
        let console = play(|_| None);
        let mut session = Session::start(console, LONG).unwrap();
        let error = session.exec("reboot", LONG).unwrap_err().to_string();
        assert!(error.contains("the machine ended"), "{error}");
    }

    #[test]
    fn lines_of_other_tasks_may_come_between() {
        let seen = "jefe: restarted virtio_scmi\ncrash virtio_scmi\ndone\nok\njefe: virtio_scmi runs\nscmi> ";
        let (consumed, answer) = find_answer(seen, "crash virtio_scmi").unwrap();
        assert_eq!(consumed, seen.len());
        assert_eq!(answer.text, "jefe: restarted virtio_scmi\ndone\n");
        assert!(answer.is_ok());
    }

    #[test]
    fn an_answer_is_complete_only_with_the_next_prompt() {
        for part in [
            "info",
            "info\n",
            "info\nok",
            "info\nok\n",
            "info\nok\nscmi>",
        ] {
            assert_eq!(find_answer(part, "info"), None, "{part:?}");
        }
        assert!(find_answer("info\nok\nscmi> ", "info").is_some());
    }

    #[test]
    fn an_empty_line_is_answered_by_the_prompt_alone() {
        let (consumed, answer) = find_answer("  \nscmi> ", "  ").unwrap();
        assert_eq!((consumed, answer.text.as_str()), (9, ""));
        assert!(answer.is_ok());
        assert_eq!(find_answer("\nscmi>", ""), None);
    }

    #[test]
    fn a_report_may_cut_the_echo_in_two() {
        let seen = "sens\n! task x faulted: panic; restarted\nscmi> sensors\n0 fake\nok\nscmi> ";
        let (_, answer) = find_answer(seen, "sensors").unwrap();
        assert_eq!(answer.text, "! task x faulted: panic; restarted\n0 fake\n");
        assert!(answer.is_ok());
    }

    #[test]
    fn an_echo_that_is_cut_short_is_still_the_echo() {
        let (_, answer) = find_answer("xxxxx\nerror: too long\nscmi> ", "xxxxxxxxxx").unwrap();
        assert_eq!(answer.text, "");
        assert_eq!(answer.verdict, Err("too long".into()));
    }
}
