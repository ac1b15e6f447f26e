// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The user's terminal, connected to the machine's console.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context, Result};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::child;

/// Ctrl-], as in telnet: no shell, editor or serial console uses it for anything else.
const LEAVE: u8 = 0x1d;

/// The terminal passes every key on at once; how it was before comes back with the drop.
struct RawMode {
    before: Termios,
}

impl RawMode {
    fn enter() -> Result<Self> {
        let stdin = rustix::stdio::stdin();
        let before = tcgetattr(stdin).context("cannot read the terminal's mode")?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(stdin, OptionalActions::Now, &raw)
            .context("cannot change the terminal's mode")?;
        let restored = before.clone();
        child::before_end(move || restore(&restored));
        Ok(Self { before })
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        restore(&self.before);
    }
}

fn restore(mode: &Termios) {
    let _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, mode);
}

/// Passes keys to the machine and its output to the user, until the user leaves or the machine ends.
///
/// # Errors
///
/// Standard input is no terminal, or standard output is closed.
pub fn connect(console: UnixStream) -> Result<()> {
    let left = Arc::new(AtomicBool::new(false));
    let mut output = console.try_clone()?;
    let mode = RawMode::enter()?;
    let leaving = Arc::clone(&left);
    // It ends with the process: nothing else can interrupt a read from the terminal.
    thread::spawn(move || keys(console, &leaving));
    let result = show(&mut output);
    drop(mode);
    match left.load(Ordering::SeqCst) {
        true => eprintln!("\nleft the console; the machine is switched off"),
        false => eprintln!("\nthe machine has ended"),
    }
    result
}

fn keys(mut console: UnixStream, left: &AtomicBool) {
    let mut buffer = [0; 256];
    while let Ok(count @ 1..) = std::io::stdin().read(&mut buffer) {
        let typed = &buffer[..count];
        if let Some(at) = typed.iter().position(|key| *key == LEAVE) {
            let _ = console.write_all(&typed[..at]);
            break;
        }
        if console.write_all(typed).is_err() {
            return;
        }
    }
    left.store(true, Ordering::SeqCst);
    let _ = console.shutdown(std::net::Shutdown::Both);
}

fn show(console: &mut UnixStream) -> Result<()> {
    let mut buffer = [0; 4096];
    let mut terminal = std::io::stdout().lock();
    loop {
        // A machine that ends may reset the connection instead of closing it; both are its end.
        let Ok(count @ 1..) = console.read(&mut buffer) else {
            return Ok(());
        };
        terminal.write_all(&buffer[..count])?;
        terminal.flush()?;
    }
}
