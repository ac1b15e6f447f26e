// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Integration tests: the image on QEMU against real platforms.
//!
//! Each test boots a machine of its own and talks to its console, as a user does with `cargo xtask run --exec`:
//!
//! ```no_run
//! use test_integration::{Kind, Rig};
//!
//! let mut rig = Rig::boot(Kind::VhostDeviceScmi);
//! assert!(rig.ok("info").contains("rust-vmm"));
//! ```
//!
//! `cargo xtask test` sets up what they need and runs them. `cargo test --package test-integration` runs them on a machine
//! where that has been done. Any failure panics with what the image, QEMU and the platform printed.

pub mod debugger;
pub mod oracle;

use std::fmt::Display;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::Value;
pub use xtask::board::{Board, Programs, Setting};
use xtask::command::{self, Outcome};
pub use xtask::image::Image;
pub use xtask::platform::Kind;
pub use xtask::session::{Answer, Session};
use xtask::test::MACHINES_PER_CORE;
use xtask::{image, setup, workspace};

/// How long a boot and an answer may take. Generous: the tests share a small machine with a compiler.
pub const LIMIT: Duration = Duration::from_secs(120);
/// How long a test waits for its turn.
const TURN_LIMIT: Duration = command::BUILD_LIMIT;

/// The image of `app`, built if it is not up to date.
///
/// # Panics
///
/// If it cannot be built, with what the build says.
#[must_use]
pub fn image_of(app: &Path) -> Image {
    // One build at a time in this process; between processes the build has its own lock.
    static BUILDING: Mutex<()> = Mutex::new(());
    let _building = BUILDING
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let rust = setup::rust::find().expect("Rust for the target: `cargo xtask setup` installs it");
    let built = image::resolve_app(app)
        .and_then(|app| image::build(&rust, &app, &workspace::image_target_dir(), |_| ()));
    built.unwrap_or_else(|error| panic!("{error:#}"))
}

/// The image of `app.toml`.
///
/// # Panics
///
/// As [`image_of`].
#[must_use]
pub fn image() -> Image {
    image_of(Path::new(image::DEFAULT_APP))
}

/// `cargo xtask` with these arguments; its status and all that it prints.
///
/// # Panics
///
/// If it cannot be started.
#[must_use]
pub fn xtask(arguments: &[&str]) -> Outcome {
    let mut cargo = workspace::cargo();
    cargo
        .args(["run", "--quiet", "--bin", "xtask", "--"])
        .args(arguments);
    let outcome = command::run("cargo xtask", &mut cargo, command::BUILD_LIMIT, |_| ());
    outcome.unwrap_or_else(|error| panic!("{error:#}"))
}

/// A manifest like `app.toml` with some text replaced, in a folder that goes away with it.
#[derive(Debug)]
pub struct Variant {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Variant {
    /// Names it `name`, so that it has an image of its own, and replaces each first text, which must be there, by the second.
    ///
    /// # Panics
    ///
    /// If a text to be replaced is not in `app.toml`.
    #[must_use]
    pub fn new(name: &str, replacements: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut text = fs::read_to_string(workspace::root().join(image::DEFAULT_APP))
            .expect("app.toml is there");
        let renamed = format!("name = \"{name}\"");
        for (old, new) in [("name = \"virtio-scmi\"", renamed.as_str())]
            .iter()
            .chain(replacements)
        {
            assert!(
                text.contains(old),
                "app.toml has no `{old}` any more; adapt this test"
            );
            text = text.replacen(old, new, 1);
        }
        let path = folder.path().join("app.toml");
        fs::write(&path, text).expect("the manifest is written");
        Self {
            _folder: folder,
            path,
        }
    }

    /// The manifest.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// How many machines run at once, over all test processes: most of their time they wait.
fn machines() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from) * MACHINES_PER_CORE
}

/// A turn to run a machine; it ends when this is dropped, or the process does.
#[derive(Debug)]
pub struct Turn(#[expect(dead_code, reason = "holds the lock")] File);

impl Turn {
    /// Waits for one.
    ///
    /// # Panics
    ///
    /// If none comes within the limit.
    #[must_use]
    pub fn take() -> Self {
        let folder = workspace::image_target_dir().join("image");
        fs::create_dir_all(&folder).expect("the target folder is writable");
        let start = Instant::now();
        loop {
            for number in 0..machines() {
                let file = File::create(folder.join(format!("machine-{number}.lock")))
                    .expect("a lock file");
                if file.try_lock().is_ok() {
                    return Self(file);
                }
            }
            assert!(
                start.elapsed() < TURN_LIMIT,
                "no machine ended within {} s",
                TURN_LIMIT.as_secs()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// A booted machine at its prompt.
#[derive(Debug)]
pub struct Rig {
    // In this order: the machine ends before the turn does.
    session: Session,
    board: Board,
    _turn: Turn,
}

impl Rig {
    /// Boots the default image with this platform.
    ///
    /// # Panics
    ///
    /// If the prompt does not come.
    #[must_use]
    pub fn boot(platform: Kind) -> Self {
        Self::boot_setting(&Setting::new(&image().elf, platform))
    }

    /// Boots what `setting` says.
    ///
    /// # Panics
    ///
    /// If the prompt does not come.
    #[must_use]
    pub fn boot_setting(setting: &Setting) -> Self {
        let turn = Turn::take();
        let programs = Programs::find()
            .unwrap_or_else(|error| panic!("{error:#}; `cargo xtask setup` installs it"));
        let started = Board::start(&programs, setting).and_then(|mut board| {
            let session = board.session(LIMIT)?;
            Ok((board, session))
        });
        let (board, session) = started.unwrap_or_else(|error| panic!("{error:#}"));
        Self {
            session,
            board,
            _turn: turn,
        }
    }

    /// Types a line and returns the answer, be it good or bad.
    ///
    /// # Panics
    ///
    /// If none comes in time, or the machine ends.
    pub fn exec(&mut self, line: &str) -> Answer {
        let answer = self.session.exec(line, LIMIT);
        answer.unwrap_or_else(|error| panic!("{:#}", self.board.explain(error)))
    }

    /// Types a line that must be answered by `ok`, and returns the text before it.
    ///
    /// # Panics
    ///
    /// As [`exec`](Self::exec), and if the answer is an error.
    pub fn ok(&mut self, line: &str) -> String {
        let answer = self.exec(line);
        assert!(answer.is_ok(), "`{line}` answered:\n{answer}");
        answer.text
    }

    /// Types a line that must be answered by an error, and returns its reason.
    ///
    /// # Panics
    ///
    /// As [`exec`](Self::exec), and if the answer is `ok`.
    pub fn error(&mut self, line: &str) -> String {
        match self.exec(line).verdict {
            Err(reason) => reason,
            Ok(()) => panic!(
                "`{line}` answered ok:\n{}",
                self.session.console().transcript()
            ),
        }
    }

    /// Repeats a line until its answer satisfies `good`, for what takes a moment after an event.
    ///
    /// # Panics
    ///
    /// As [`exec`](Self::exec), and if no answer does within the limit; `what` says what was expected.
    pub fn eventually(&mut self, line: &str, what: &str, good: impl Fn(&Answer) -> bool) -> Answer {
        let start = Instant::now();
        loop {
            let answer = self.exec(line);
            if good(&answer) {
                return answer;
            }
            assert!(
                start.elapsed() < LIMIT,
                "{what}: not within {} s; `{line}` last answered:\n{answer}",
                LIMIT.as_secs()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Everything that the image has printed.
    pub fn transcript(&mut self) -> String {
        self.session.console().transcript()
    }

    /// The conversation.
    pub fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    /// The machine and its platform.
    pub fn board(&mut self) -> &mut Board {
        &mut self.board
    }

    /// Ends the machine by the console's `reboot`.
    ///
    /// # Panics
    ///
    /// If it does not end in time, or not well.
    pub fn power_off(mut self) {
        let ended = self.board.power_off(&mut self.session);
        ended.unwrap_or_else(|error| panic!("{error:#}"));
    }
}

/// Sends a line to the platform's control socket and returns the value of the answer. The platform must
/// carry it out.
pub fn tell(socket: &Path, line: &(impl Display + ?Sized)) -> Value {
    let mut stream = UnixStream::connect(socket).expect("the control socket answers");
    stream.set_read_timeout(Some(LIMIT)).expect("a time-out");
    writeln!(stream, "{line}").expect("the platform reads");
    let mut answer = String::new();
    BufReader::new(stream)
        .read_line(&mut answer)
        .expect("the platform answers");
    let mut answer: Value = serde_json::from_str(&answer).expect("JSON");
    assert_eq!(answer["ok"], true, "{line}: {answer}");
    answer["value"].take()
}

/// The row of a table, found by a word in it. A report of a fault that came in between is no row.
#[must_use]
pub fn row<'a>(table: &'a str, word: &str) -> Option<&'a str> {
    let mut rows = table.lines().filter(|line| !line.starts_with('!'));
    rows.find(|line| {
        line.split(|c: char| !c.is_alphanumeric() && c != '_')
            .any(|part| part == word)
    })
}

/// Every number in a text, with sign and fraction: `x: -12.5 C` gives -12.5. A word with digits in it (`x0`, `0x15`) is none.
#[must_use]
pub fn numbers(text: &str) -> Vec<f64> {
    text.split(|c: char| c.is_whitespace() || ",;:()[]=|".contains(c))
        .filter_map(|word| word.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_found_by_a_whole_word() {
        let table = "virtio_scmi2 9\nvirtio_scmi 1\n";
        assert_eq!(row(table, "virtio_scmi"), Some("virtio_scmi 1"));
        let reported = format!("! task virtio_scmi faulted: panic; restarted\n{table}");
        assert_eq!(row(&reported, "virtio_scmi"), Some("virtio_scmi 1"));
        assert_eq!(row(table, "virtio"), None);
    }

    #[test]
    fn numbers_are_told_from_names() {
        assert_eq!(
            numbers("fake-0 x0=12, y: -3.5 (z 7) 0x15"),
            [12.0, -3.5, 7.0]
        );
    }
}
