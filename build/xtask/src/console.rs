// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The machine's console as text that can be waited for.
//!
//! A thread reads whatever the machine sends, so it never blocks on us. Every wait has a limit, and a wait that fails says
//! what it waited for and shows the last lines that came instead.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// The kernel's and the supervisor's last words: after one of these nothing else comes.
pub const LAST_WORDS: [&str; 3] = ["KERNEL PANIC:", "SUPERVISOR FAULT:", "CANNOT START:"];
/// More than this is a machine that babbles without end.
const CAPACITY: usize = 16 << 20;
/// What a failed wait shows.
const TAIL_LINES: usize = 15;

#[derive(Default)]
struct Received {
    text: String,
    closed: bool,
}

type Shared = Arc<(Mutex<Received>, Condvar)>;

/// Our end of the console.
#[derive(Debug)]
pub struct Console {
    stream: UnixStream,
    shared: Shared,
    /// Everything before this byte has been consumed by a wait.
    position: usize,
}

impl std::fmt::Debug for Received {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.text.len())
    }
}

impl Console {
    /// Takes over a connected stream.
    ///
    /// # Errors
    ///
    /// The stream cannot be shared with the reading thread.
    pub fn new(stream: UnixStream) -> Result<Self> {
        let shared = Shared::default();
        let reader = stream.try_clone().context("cannot share the console")?;
        reader.set_read_timeout(None)?;
        // A machine that reads no input must not block us for ever.
        stream.set_write_timeout(Some(Duration::from_secs(60)))?;
        let theirs = Arc::clone(&shared);
        thread::spawn(move || collect(reader, &theirs));
        Ok(Self {
            stream,
            shared,
            position: 0,
        })
    }

    /// Types these bytes.
    ///
    /// # Errors
    ///
    /// The machine is gone, or takes no input.
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream
            .write_all(bytes)
            .context("the console takes no input (has the machine ended?)")
    }

    /// Forgets what has come so far: the next wait sees only what comes from now on.
    pub fn skip(&mut self) {
        self.position = self.shared.0.lock().unwrap().text.len();
    }

    /// All that the machine has printed, without carriage returns and control sequences.
    #[must_use]
    pub fn transcript(&self) -> String {
        self.shared.0.lock().unwrap().text.clone()
    }

    /// Whether the machine has hung up.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.0.lock().unwrap().closed
    }

    /// Waits until `text` comes, and returns what came before it. The next wait starts after it.
    ///
    /// # Errors
    ///
    /// It did not come within `limit`, the machine ended, or the kernel spoke its last words.
    pub fn wait_for(&mut self, text: &str, limit: Duration) -> Result<String> {
        self.wait_until(&format!("`{text}`"), limit, |seen| {
            seen.find(text)
                .map(|at| (at + text.len(), seen[..at].to_owned()))
        })
    }

    /// Waits until `find`, given all that has come and was not consumed, returns how many bytes it consumes and its result.
    ///
    /// # Errors
    ///
    /// As [`wait_for`](Self::wait_for); `what` names it in the message.
    pub fn wait_until<T>(
        &mut self,
        what: &str,
        limit: Duration,
        mut find: impl FnMut(&str) -> Option<(usize, T)>,
    ) -> Result<T> {
        let deadline = Instant::now() + limit;
        let (lock, changed) = &*self.shared;
        let mut received = lock.lock().unwrap();
        loop {
            if let Some((consumed, result)) = find(&received.text[self.position..]) {
                self.position += consumed;
                return Ok(result);
            }
            let text = &received.text;
            if let Some(words) = last_words(&text[self.position..]) {
                bail!("waiting for {what}, the image stopped:\n{words}");
            }
            if received.closed {
                bail!("waiting for {what}, the machine ended; {}", tail(text));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                bail!(
                    "{what} did not come within {} s; {}",
                    limit.as_secs_f32(),
                    tail(text)
                );
            }
            received = changed.wait_timeout(received, left).unwrap().0;
        }
    }
}

fn collect(mut stream: UnixStream, shared: &Shared) {
    let (lock, changed) = &**shared;
    let mut cleaner = Cleaner::default();
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer).unwrap_or(0);
        let mut received = lock.lock().unwrap();
        cleaner.push(&buffer[..count], &mut received.text);
        received.closed = count == 0 || received.text.len() > CAPACITY;
        changed.notify_all();
        if received.closed {
            return;
        }
    }
}

/// A complete line of the kernel or the supervisor that ends everything, with what follows it.
fn last_words(text: &str) -> Option<&str> {
    let at = LAST_WORDS
        .iter()
        .filter_map(|words| text.find(words))
        .min()?;
    // Wait for the whole line.
    text[at..].contains('\n').then(|| text[at..].trim_end())
}

fn tail(text: &str) -> String {
    let lines: Vec<_> = text.trim_end().lines().collect();
    if lines.is_empty() {
        return "it printed nothing".into();
    }
    let shown = &lines[lines.len().saturating_sub(TAIL_LINES)..];
    format!("its last lines were:\n    | {}", shown.join("\n    | "))
}

/// Turns the console's bytes into text: drops carriage returns and terminal control sequences, replaces what is no UTF-8.
#[derive(Default)]
struct Cleaner {
    state: State,
    /// Bytes of a character that has not come in full.
    pending: Vec<u8>,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    Escape,
    /// Inside `ESC [ … letter`.
    Sequence,
}

impl Cleaner {
    fn push(&mut self, bytes: &[u8], text: &mut String) {
        for &byte in bytes {
            match (self.state, byte) {
                (State::Text, 0x1b) => self.state = State::Escape,
                (State::Text, b'\n' | b'\t' | b' '..=b'~' | 0x80..) => self.pending.push(byte),
                // Carriage return, bell, backspace: how a line editor draws, not what it says.
                (State::Text, _) => {}
                (State::Escape, b'[') => self.state = State::Sequence,
                (State::Escape, _) => self.state = State::Text,
                (State::Sequence, b'@'..=b'~') => self.state = State::Text,
                (State::Sequence, _) => {}
            }
        }
        loop {
            match std::str::from_utf8(&self.pending) {
                Ok(whole) => {
                    text.push_str(whole);
                    self.pending.clear();
                    return;
                }
                Err(error) => {
                    let valid = error.valid_up_to();
                    text.push_str(&String::from_utf8_lossy(&self.pending[..valid]));
                    // None: the last character is cut short, its rest is to come.
                    let Some(invalid) = error.error_len() else {
                        self.pending.drain(..valid);
                        return;
                    };
                    text.push(char::REPLACEMENT_CHARACTER);
                    self.pending.drain(..valid + invalid);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(100);
    const LONG: Duration = Duration::from_secs(60);

    fn pair() -> (Console, UnixStream) {
        let (ours, machine) = UnixStream::pair().unwrap();
        (Console::new(ours).unwrap(), machine)
    }

    #[test]
    fn waits_for_text_in_order() {
        let (mut console, mut machine) = pair();
        machine.write_all(b"boot\r\nscmi> one").unwrap();
        assert_eq!(console.wait_for("scmi> ", LONG).unwrap(), "boot\n");
        machine.write_all(b" two scmi> ").unwrap();
        assert_eq!(console.wait_for("scmi> ", LONG).unwrap(), "one two ");
    }

    #[test]
    fn a_wait_that_fails_says_for_what_and_shows_the_end() {
        let (mut console, mut machine) = pair();
        machine.write_all(b"almost\nthere").unwrap();
        let all = |seen: &str| seen.contains("there").then_some((7, ()));
        console.wait_until("all of it", LONG, all).unwrap();
        let error = console.wait_for("scmi> ", SOON).unwrap_err().to_string();
        assert!(
            error.contains("`scmi> ` did not come within 0.1 s"),
            "{error}"
        );
        assert!(error.contains("| almost\n    | there"), "{error}");
    }

    #[test]
    fn a_machine_that_ends_is_told_from_a_slow_one() {
        let (mut console, machine) = pair();
        drop(machine);
        let error = console.wait_for("scmi> ", LONG).unwrap_err().to_string();
        assert!(
            error.contains("the machine ended; it printed nothing"),
            "{error}"
        );
        assert!(console.is_closed());
    }

    #[test]
    fn last_words_end_the_wait_at_once() {
        let (mut console, mut machine) = pair();
        machine.write_all(b"x\nKERNEL PANIC: at a\nmore\n").unwrap();
        let error = console.wait_for("never", LONG).unwrap_err().to_string();
        assert!(
            error.contains("the image stopped:\nKERNEL PANIC: at a"),
            "{error}"
        );
    }

    #[test]
    fn skipping_forgets_what_came_before() {
        let (mut console, mut machine) = pair();
        machine.write_all(b"scmi> ").unwrap();
        console
            .wait_until("a prompt", LONG, |seen| {
                seen.contains("scmi> ").then_some((0, ()))
            })
            .unwrap();
        console.skip();
        assert!(console.wait_for("scmi> ", SOON).is_err());
    }

    #[test]
    fn what_is_typed_arrives() {
        let (mut console, mut machine) = pair();
        console.send(b"info\r").unwrap();
        let mut bytes = [0; 5];
        machine.read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"info\r");
    }

    #[test]
    fn control_sequences_and_broken_characters_are_cleaned() {
        let mut cleaner = Cleaner::default();
        let mut text = String::new();
        for part in [
            &b"\x1b[3"[..],
            b"1mred\x1b[0m\r\n\x07caf\xc3",
            b"\xa9 \xff\x08!",
            b"\x1bM.",
        ] {
            cleaner.push(part, &mut text);
        }
        assert_eq!(text, "red\ncaf\u{e9} \u{fffd}!.");
    }
}
