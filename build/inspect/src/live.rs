// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A running machine, through QEMU's debugger stub on a local socket.
//!
//! To connect stops the machine, and to detach lets it go on; in between is everything that is read,
//! all of it asked for before the first answer is waited for. In the stub's physical memory mode,
//! addresses mean the same whoever runs at that moment; memory is mapped identically, so these are
//! the addresses that the programs use.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::memory::{Piece, Range, Registers, Snapshot, Source};

/// The stub answers in milliseconds, or QEMU hangs.
const LIMIT: Duration = Duration::from_secs(30);
/// The stub's packets are 4096 characters, two for a byte.
const PART: u32 = 2048;

/// A machine that runs.
#[derive(Clone, Debug)]
pub struct Live {
    socket: PathBuf,
}

impl Live {
    /// The machine whose debugger stub listens on `socket`.
    #[must_use]
    pub fn new(socket: &Path) -> Self {
        Self {
            socket: socket.to_owned(),
        }
    }
}

impl Source for Live {
    fn take(&mut self, wanted: &[Range]) -> Result<Snapshot> {
        let start = Instant::now();
        let stream = UnixStream::connect(&self.socket)
            .with_context(|| format!("no machine answers at {}", self.socket.display()))?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(LIMIT))?;
        let mut requests = vec![String::from("Qqemu.PhyMemMode:1"), String::from("g")];
        requests.extend(parts(wanted).map(|part| format!("m{:x},{:x}", part.base, part.size)));
        requests.push("D".into());
        let (answers, end) = ask(&stream, &requests).context("reading the machine")?;
        if answers[0] != "OK" {
            bail!("QEMU's debugger stub has no physical memory mode: it is older than 4.1");
        }
        let mut snapshot = Snapshot {
            registers: registers(&answers[1]),
            stopped: Some(end - start),
            ..Snapshot::default()
        };
        for (part, answer) in parts(wanted).zip(&answers[2..]) {
            let Some(bytes) = bytes(answer).filter(|bytes| bytes.len() == part.size as usize)
            else {
                continue;
            };
            match snapshot.pieces.last_mut() {
                Some(last) if last.base + last.bytes.len() as u32 == part.base => {
                    last.bytes.extend(bytes);
                }
                _ => snapshot.pieces.push(Piece {
                    base: part.base,
                    bytes,
                }),
            }
        }
        Ok(snapshot)
    }
}

/// The ranges in pieces that fit into a packet.
fn parts(wanted: &[Range]) -> impl Iterator<Item = Range> + '_ {
    wanted.iter().flat_map(|range| {
        (0..range.size.div_ceil(PART)).map(|number| Range {
            base: range.base + number * PART,
            size: PART.min(range.size - number * PART),
        })
    })
}

/// Sends all requests at once, of which the last is to detach. Returns the answers in their order, and when the last one
/// came.
fn ask(stream: &UnixStream, requests: &[String]) -> Result<(Vec<String>, Instant)> {
    let mut text = Vec::new();
    for request in requests {
        let sum = request.bytes().fold(0_u8, u8::wrapping_add);
        text.extend(format!("${request}#{sum:02x}").bytes());
    }
    let mut writer = stream.try_clone()?;
    // The stub stops reading while nobody takes its answers.
    let sender = thread::spawn(move || writer.write_all(&text));
    let mut reader = stream;
    let mut received = Vec::new();
    let mut buffer = vec![0; 1 << 18];
    let answers = loop {
        let count = reader
            .read(&mut buffer)
            .with_context(|| format!("QEMU did not answer within {} s", LIMIT.as_secs()))?;
        if count == 0 {
            bail!(
                "QEMU closed the connection: another debugger is connected, or the machine has ended"
            );
        }
        received.extend_from_slice(&buffer[..count]);
        // While the machine stands still, nothing else is done. The last answer is this one; so is the first.
        let end = received.len().saturating_sub(6);
        if received[end..].starts_with(b"$OK#") {
            let now = Instant::now();
            let mut splitter = Splitter::default();
            splitter.put(&received);
            if splitter.answers.len() >= requests.len() {
                break (splitter.answers, now);
            }
        }
    };
    match sender.join() {
        Ok(sent) => sent.context("QEMU takes no requests")?,
        Err(_) => bail!("sending to QEMU failed"),
    }
    Ok(answers)
}

/// Finds the packets in what comes, in whatever portions: `+$text#ab`.
#[derive(Default)]
struct Splitter {
    answers: Vec<String>,
    text: Option<String>,
    checksum: u8,
}

impl Splitter {
    fn put(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if self.checksum > 0 {
                self.checksum -= 1;
                continue;
            }
            match (byte, &mut self.text) {
                (b'$', _) => self.text = Some(String::new()),
                (b'#', Some(text)) => {
                    self.answers.push(std::mem::take(text));
                    self.text = None;
                    self.checksum = 2;
                }
                (other, Some(text)) => text.push(other.into()),
                // An acknowledgement.
                (_, None) => {}
            }
        }
    }
}

/// Bytes out of hexadecimal digits.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some((digit(*high)? << 4 | digit(*low)?) as u8),
            _ => None,
        })
        .collect()
}

/// The answer to `g`: r0 to r15 and the program status, in the order of memory.
fn registers(answer: &str) -> Option<Registers> {
    let words: Vec<u32> = bytes(answer)?
        .chunks_exact(4)
        .map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]))
        .collect();
    Some(Registers {
        r: words.get(..16)?.try_into().ok()?,
        psr: *words.get(16)?,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn answers_are_found_in_any_portions() {
        let all = b"+$OK#9a+$E22#a9+$00#60";
        for cut in 0..all.len() {
            let mut splitter = Splitter::default();
            splitter.put(&all[..cut]);
            splitter.put(&all[cut..]);
            assert_eq!(splitter.answers, ["OK", "E22", "00"]);
        }
    }

    #[test]
    fn ranges_are_cut_to_fit_packets() {
        let parts: Vec<_> = parts(&[Range {
            base: 0x1000,
            size: 0x1001,
        }])
        .map(|part| (part.base, part.size))
        .collect();
        assert_eq!(parts, [(0x1000, 0x800), (0x1800, 0x800), (0x2000, 1)]);
    }

    /// A stub that has 16 bytes at 0x1000 and refuses the rest.
    fn stub(folder: &Path, mode: &'static str) -> PathBuf {
        let socket = folder.join("stub");
        let listener = UnixListener::bind(&socket).unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut requests = Splitter::default();
            let mut buffer = [0; 64];
            let mut done = 0;
            loop {
                let count = stream.read(&mut buffer).unwrap();
                if count == 0 {
                    return;
                }
                requests.put(&buffer[..count]);
                for request in &requests.answers[done..] {
                    let answer = match request.as_str() {
                        "g" => (0..17).map(|n| format!("{n:02x}000000")).collect(),
                        "m1000,10" => "ab".repeat(16),
                        "D" => "OK".into(),
                        other if other.starts_with("Q") => mode.into(),
                        _ => String::from("E14"),
                    };
                    write!(stream, "+${answer}#00").unwrap();
                }
                done = requests.answers.len();
            }
        });
        socket
    }

    const WANTED: [Range; 2] = [
        Range {
            base: 0x1000,
            size: 16,
        },
        Range {
            base: 0x2000,
            size: 16,
        },
    ];

    #[test]
    fn a_machine_is_read_and_what_it_refuses_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let snapshot = Live::new(&stub(folder.path(), "OK")).take(&WANTED).unwrap();
        assert_eq!(snapshot.pieces.len(), 1);
        assert_eq!(snapshot.bytes(0x1000, 16), Ok(&[0xab; 16][..]));
        let registers = snapshot.registers.unwrap();
        assert_eq!((registers.r[15], registers.psr), (15, 16));
        assert!(snapshot.stopped.is_some());
    }

    #[test]
    fn a_stub_without_physical_memory_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let error = Live::new(&stub(folder.path(), ""))
            .take(&WANTED)
            .unwrap_err();
        assert!(error.to_string().contains("physical memory"), "{error}");
    }

    #[test]
    fn a_machine_that_has_ended_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = Live::new(&folder.path().join("gone"))
            .take(&WANTED)
            .unwrap_err();
        assert!(error.to_string().contains("no machine answers"), "{error}");
    }
}
