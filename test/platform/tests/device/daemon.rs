// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The platform as a process, with its control socket.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::guest::LIMIT;

/// A running platform; it is killed when this is dropped.
pub struct Daemon {
    child: Child,
    folder: TempDir,
    control: BufReader<UnixStream>,
}

impl Daemon {
    /// Starts the sample machine.
    pub fn start() -> Self {
        Self::start_with("")
    }

    /// Starts the sample machine with further keys of `[platform]`.
    pub fn start_with(keys: &str) -> Self {
        let sample = include_str!("../../machines/sample.toml");
        let machine = sample.replacen("[platform]", &format!("[platform]\n{keys}"), 1);
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("machine.toml"), machine).unwrap();
        let child = spawn(folder.path());
        let control = control(folder.path());
        Self {
            child,
            folder,
            control,
        }
    }

    /// Starts it again after its death, with the same sockets.
    pub fn start_again(&mut self) {
        self.child = spawn(self.folder.path());
        self.control = control(self.folder.path());
    }

    /// The vhost-user socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("scmi.sock")
    }

    /// Sends a line to the control socket and returns the answer.
    pub fn line(&mut self, line: &str) -> Value {
        writeln!(self.control.get_mut(), "{line}").unwrap();
        let mut answer = String::new();
        self.control.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{answer:?}: {error}"))
    }

    /// Sends a line that must be carried out, and returns the value of the answer.
    pub fn tell(&mut self, line: &str) -> Value {
        let mut answer = self.line(line);
        assert_eq!(answer["ok"], true, "{line}: {answer}");
        answer["value"].take()
    }

    /// A count of `status`.
    pub fn count(&mut self, name: &str) -> u64 {
        let status = self.tell(r#"{"cmd":"status"}"#);
        status["counts"][name].as_u64().unwrap()
    }

    /// Tells it to die, and returns how it did.
    pub fn die(&mut self) -> ExitStatus {
        writeln!(self.control.get_mut(), r#"{{"cmd":"die"}}"#).unwrap();
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < LIMIT, "it lives");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(folder: &Path) -> Child {
    let _ = std::fs::remove_file(folder.join("control.sock"));
    Command::new(env!("CARGO_BIN_EXE_scmi-platform"))
        .arg("--socket")
        .arg(folder.join("scmi.sock"))
        .arg("--control")
        .arg(folder.join("control.sock"))
        .arg("--machine")
        .arg(folder.join("machine.toml"))
        .stdin(Stdio::null())
        .spawn()
        .unwrap()
}

fn control(folder: &Path) -> BufReader<UnixStream> {
    let start = Instant::now();
    loop {
        if let Ok(stream) = UnixStream::connect(folder.join("control.sock")) {
            stream.set_read_timeout(Some(LIMIT)).unwrap();
            return BufReader::new(stream);
        }
        assert!(start.elapsed() < LIMIT, "no control socket");
        std::thread::sleep(Duration::from_millis(5));
    }
}
