// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A debugger: just what the tests need of GDB's remote protocol. Whatever goes wrong panics.

#![allow(clippy::missing_panics_doc, reason = "said above, of all")]

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

pub use xtask::gdb::free_port;

use crate::LIMIT;

/// A machine that does not stop within this goes on.
const MOMENT: Duration = Duration::from_secs(2);

/// The machine under a debugger.
pub struct Debugger(TcpStream);

impl Debugger {
    /// Connects to the machine.
    ///
    /// # Errors
    ///
    /// Nobody listens, or not yet.
    pub fn connect(port: u16) -> io::Result<Self> {
        Ok(Self(TcpStream::connect(("127.0.0.1", port))?))
    }

    /// Sends a packet, and waits for no answer.
    pub fn send(&mut self, text: &str) {
        let sum = text.bytes().fold(0_u8, u8::wrapping_add);
        let packet = format!("${text}#{sum:02x}");
        self.0.write_all(packet.as_bytes()).expect("QEMU reads");
    }

    /// The next packet, if one comes within the limit.
    pub fn packet(&mut self, limit: Duration) -> Option<String> {
        let deadline = Instant::now() + limit;
        let mut text: Option<String> = None;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            self.0
                .set_read_timeout(Some(left.max(Duration::from_millis(1))))
                .expect("a time-out");
            let mut byte = [0];
            match self.0.read(&mut byte) {
                Ok(1) => {}
                Ok(_) => panic!("QEMU closed the debugger's connection"),
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    return None;
                }
                Err(error) => panic!("the debugger's connection: {error}"),
            }
            match (byte[0], &mut text) {
                (b'$', _) => text = Some(String::new()),
                (b'#', Some(_)) => {
                    self.0.read_exact(&mut [0; 2]).expect("the checksum");
                    self.0.write_all(b"+").expect("QEMU reads");
                    return text;
                }
                (other, Some(text)) => text.push(other.into()),
                // An acknowledgement.
                (_, None) => {}
            }
        }
    }

    /// Sends a packet, and returns the answer.
    pub fn ask(&mut self, text: &str) -> String {
        self.send(text);
        self.packet(LIMIT)
            .unwrap_or_else(|| panic!("no answer to `{text}`"))
    }

    /// A system register of the stopped machine, by the name that QEMU gives it.
    pub fn system_register(&mut self, name: &str) -> u32 {
        let mut description = String::new();
        loop {
            let at = description.len();
            let part = self.ask(&format!(
                "qXfer:features:read:system-registers.xml:{at:x},800"
            ));
            let (more, text) = part.split_at(1);
            description.push_str(text);
            match more {
                "m" => {}
                "l" => break,
                _ => panic!("QEMU does not describe its registers: {part}"),
            }
        }
        let place = description
            .find(&format!("name=\"{name}\""))
            .unwrap_or_else(|| panic!("QEMU has no register {name}"));
        let number = description[place..]
            .split("regnum=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next()?.parse::<u32>().ok())
            .expect("a register has a number");
        let answer = self.ask(&format!("p{number:x}"));
        // Bytes in the order of memory.
        u32::from_str_radix(&answer, 16)
            .map(u32::swap_bytes)
            .unwrap_or_else(|_| panic!("register {name} is {answer}"))
    }

    /// Goes on from a breakpoint, and past it.
    pub fn go_on(&mut self, breakpoint: u64) {
        for order in [
            format!("z1,{breakpoint:x},4"),
            "s".into(),
            format!("Z1,{breakpoint:x},4"),
        ] {
            self.ask(&order);
        }
        self.send("c");
    }

    /// Goes past the breakpoint for as long as interrupts come.
    pub fn until_quiet(&mut self, breakpoint: u64) {
        for _ in 0..100 {
            if self.packet(MOMENT).is_none() {
                return;
            }
            self.go_on(breakpoint);
        }
        panic!("interrupts come and come");
    }

    /// Has the machine stop.
    pub fn interrupt(&mut self) {
        self.0.write_all(b"\x03").expect("QEMU reads");
    }
}
