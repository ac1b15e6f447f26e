// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! SCMI platforms: the daemons that QEMU's `vhost-user-scmi` device talks to.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::child::Guarded;

/// A daemon opens its socket at once, or something is wrong.
const LIMIT: Duration = Duration::from_secs(60);
/// What is kept of a daemon's output.
const LOG_LIMIT: usize = 64 << 10;

/// Which platform a machine gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// The programmable platform of this tree (`test/platform`): every protocol, a machine that a scenario describes.
    Sim,
    /// rust-vmm's daemon: Base and Sensor, with one fake sensor of three axes.
    VhostDeviceScmi,
    /// No daemon, and a machine without the SCMI device.
    None,
}

/// A running daemon; it is killed when this is dropped.
#[derive(Debug)]
pub struct Platform {
    process: Guarded,
    socket: PathBuf,
    control: Option<PathBuf>,
    log: Arc<Mutex<Vec<u8>>>,
    drain: Option<JoinHandle<()>>,
}

impl Platform {
    /// Starts rust-vmm's daemon with one fake sensor, whose name has 1 to 15 characters, and waits for its socket, which
    /// it makes in `folder`.
    ///
    /// # Errors
    ///
    /// It cannot be started, ends at once, or opens no socket in time. The message has what it printed.
    pub fn vhost_device_scmi(program: &Path, folder: &Path, sensor: &str) -> Result<Self> {
        let socket = folder.join("scmi.sock");
        let mut command = Command::new(program);
        command
            .arg("-s")
            .arg(&socket)
            .args(["-d", &format!("fake,name={sensor}")])
            .env(
                "RUST_LOG",
                std::env::var_os("RUST_LOG").unwrap_or_else(|| "info".into()),
            );
        Self::start("vhost-device-scmi", &mut command, socket, None)
    }

    /// Starts the platform of this tree as the machine of `scenario`, or the sample machine, and waits for its socket,
    /// which it makes in `folder`, as it does its control socket. What the machine does goes into `recording`.
    ///
    /// # Errors
    ///
    /// As [`vhost_device_scmi`](Self::vhost_device_scmi); a scenario with a mistake in it is named with its line.
    pub fn sim(
        program: &Path,
        folder: &Path,
        scenario: Option<&Path>,
        recording: Option<&Path>,
    ) -> Result<Self> {
        let socket = folder.join("scmi.sock");
        let control = folder.join("control.sock");
        let mut command = Command::new(program);
        command
            .arg("--socket")
            .arg(&socket)
            .arg("--control")
            .arg(&control);
        if let Some(scenario) = scenario {
            command.arg("--machine").arg(scenario);
        }
        if let Some(recording) = recording {
            command.arg("--record").arg(recording);
        }
        Self::start("scmi-platform", &mut command, socket, Some(control))
    }

    fn start(
        name: &str,
        command: &mut Command,
        socket: PathBuf,
        control: Option<PathBuf>,
    ) -> Result<Self> {
        // This daemon waits on its standard output for hang-up events: with a file or /dev/null there it panics. What it
        // writes must be read, or it stops when the pipe is full.
        let (reader, writer) = std::io::pipe()?;
        command
            .stdin(Stdio::null())
            .stdout(writer.try_clone()?)
            .stderr(writer);
        let process = Guarded::spawn(name, command)?;
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let log = Arc::<Mutex<Vec<u8>>>::default();
        let theirs = Arc::clone(&log);
        let drain = Some(thread::spawn(move || drain(reader, &theirs)));
        let mut platform = Self {
            process,
            socket,
            control,
            log,
            drain,
        };
        platform.wait_for_socket()?;
        Ok(platform)
    }

    fn wait_for_socket(&mut self) -> Result<()> {
        let deadline = Instant::now() + LIMIT;
        while !is_listening(&self.socket) {
            if let Some(status) = self.process.ended()? {
                self.kill();
                bail!(
                    "{} ended at once ({status}):\n{}",
                    self.process.name(),
                    self.log()
                );
            }
            if Instant::now() >= deadline {
                bail!(
                    "{} opened no socket within {} s:\n{}",
                    self.process.name(),
                    LIMIT.as_secs(),
                    self.log()
                );
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// The socket for QEMU.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The socket that drives the daemon at run time, one JSON object a line, if it has one.
    #[must_use]
    pub fn control(&self) -> Option<&Path> {
        self.control.as_deref()
    }

    /// The daemon's process number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// What the daemon has printed.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&self.log.lock().unwrap())
            .trim_end()
            .to_owned()
    }

    /// Whether the daemon is alive.
    ///
    /// # Errors
    ///
    /// The operating system does not know the process.
    pub fn is_alive(&mut self) -> Result<bool> {
        Ok(self
            .process
            .ended()
            .context("asking for the platform")?
            .is_none())
    }

    /// Kills the daemon, as a crash would.
    pub fn kill(&mut self) {
        self.process.kill();
        // Nobody holds the pipe any more, so the thread ends; then the log is complete.
        if let Some(drain) = self.drain.take() {
            let _ = drain.join();
        }
    }
}

fn drain(mut reader: std::io::PipeReader, log: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = reader.read(&mut buffer) {
        let mut log = log.lock().unwrap();
        log.extend_from_slice(&buffer[..count]);
        let excess = log.len().saturating_sub(LOG_LIMIT);
        log.drain(..excess);
    }
}

/// Whether somebody listens on this socket. Connecting would tell as well, but the daemon serves its first connection and
/// that must be QEMU's; and the file alone exists a moment before anybody listens.
fn is_listening(socket: &Path) -> bool {
    const ACCEPTS: &str = "00010000";
    let Some(path) = socket.to_str() else {
        return false;
    };
    std::fs::read_to_string("/proc/net/unix").is_ok_and(|table| {
        table.lines().any(|line| {
            // Num RefCount Protocol Flags Type St Inode Path
            let mut words = line.split_ascii_whitespace();
            words.nth(3) == Some(ACCEPTS) && words.nth(3) == Some(path)
        })
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_socket_listens_only_when_somebody_does() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("s");
        assert!(!is_listening(&socket));
        let listener = UnixListener::bind(&socket).unwrap();
        assert!(is_listening(&socket));
        drop(listener);
        assert!(socket.exists() && !is_listening(&socket));
    }

    #[test]
    fn a_daemon_that_ends_at_once_is_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo bad sensor name; exit 2"]);
        let error =
            Platform::start("daemon", &mut command, folder.path().join("s"), None).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("ended at once") && text.contains("bad sensor name"),
            "{text}"
        );
    }
}
