// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! QEMU's machine protocol: one JSON object a line, a request and its answer.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// QEMU answers in milliseconds, or it hangs.
const LIMIT: Duration = Duration::from_secs(60);
/// Events that may lie between a request and its answer.
const MOST_EVENTS: usize = 1000;

/// A connection on which the handshake is done.
#[derive(Debug)]
pub struct Qmp {
    reader: BufReader<UnixStream>,
    writer: UnixStream,
}

impl Qmp {
    /// Takes over a connected stream.
    ///
    /// # Errors
    ///
    /// It is not QEMU that speaks there, or it does not within the limit.
    pub fn new(stream: UnixStream) -> Result<Self> {
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(LIMIT))?;
        let mut qmp = Self {
            reader: BufReader::new(stream.try_clone()?),
            writer: stream,
        };
        let greeting = qmp.receive()?;
        if greeting.get("QMP").is_none() {
            bail!("QEMU's machine protocol starts with {greeting}");
        }
        qmp.execute("qmp_capabilities", json!({}))?;
        Ok(qmp)
    }

    /// Waits for the next event by this name, for as long as it takes.
    ///
    /// # Errors
    ///
    /// QEMU has ended.
    pub fn wait_for(&mut self, event: &str) -> Result<Value> {
        self.writer.set_read_timeout(None)?;
        let found = loop {
            let mut message = self.receive()?;
            if message["event"] == event {
                break message["data"].take();
            }
        };
        self.writer.set_read_timeout(Some(LIMIT))?;
        Ok(found)
    }

    fn receive(&mut self) -> Result<Value> {
        let mut line = String::new();
        let count = self
            .reader
            .read_line(&mut line)
            .with_context(|| format!("no answer of QEMU within {} s", LIMIT.as_secs()))?;
        if count == 0 {
            bail!("QEMU has ended");
        }
        serde_json::from_str(&line)
            .with_context(|| format!("QEMU says `{}`, which is no JSON", line.trim()))
    }

    /// Runs a command with the members of an object as its arguments, and returns its result.
    ///
    /// # Errors
    ///
    /// QEMU refuses it, or is gone.
    pub fn execute(&mut self, command: &str, arguments: Value) -> Result<Value> {
        let request = json!({ "execute": command, "arguments": arguments });
        self.writer
            .write_all(format!("{request}\n").as_bytes())
            .context("QEMU takes no command")?;
        for _ in 0..MOST_EVENTS {
            let mut answer = self.receive()?;
            if let Some(result) = answer.get_mut("return") {
                return Ok(result.take());
            }
            if let Some(error) = answer.get("error") {
                bail!(
                    "QEMU refuses {command}: {}",
                    error["desc"].as_str().unwrap_or("no reason given")
                );
            }
        }
        bail!("QEMU does not answer {command}, it only sends events")
    }

    /// Runs a command of the monitor for people, such as `xp /1wx 0x0a003e00`.
    ///
    /// # Errors
    ///
    /// As [`execute`](Self::execute).
    pub fn monitor(&mut self, line: &str) -> Result<String> {
        let answer = self.execute("human-monitor-command", json!({ "command-line": line }))?;
        Ok(answer.as_str().unwrap_or_default().replace('\r', ""))
    }
}
