// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `cargo xtask gdb`: the image, paused before its first instruction, under a debugger that knows the symbols of the
//! kernel and of every task.

use std::fs;
use std::io::{IsTerminal, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use compose::Report;

use crate::board::{Board, Setting};
use crate::image::{self, Image};
use crate::platform::Kind;
use crate::{child, command, interactive, run, workspace};

/// Debuggers that know Arm, the best first; a host's plain gdb mostly does not.
const DEBUGGERS: [&str; 3] = [
    "gdb-multiarch",
    "arm-none-eabi-gdb",
    "arm-none-linux-gnueabihf-gdb",
];
/// The stub answers in milliseconds, or QEMU hangs.
const STUB_LIMIT: Duration = Duration::from_secs(60);
/// A paused machine waits this long for a debugger when nobody sits at a terminal.
const UNATTENDED_LIMIT: Duration = Duration::from_secs(3600);

/// What `gdb` can be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// The manifest of the image
    #[arg(long, default_value = image::DEFAULT_APP)]
    app: PathBuf,
    /// The SCMI platform on the other side of the device
    #[arg(long, value_enum, default_value = "sim")]
    platform: Kind,
    /// The processor, as QEMU calls it
    #[arg(long, default_value = "cortex-a15")]
    cpu: String,
    /// The port of the debugger's connection; a free one if not given
    #[arg(long)]
    port: Option<u16>,
    /// Start no debugger: open the console here, and say how to connect from elsewhere
    #[arg(long)]
    listen: bool,
    /// Have the debugger do this (repeatable)
    #[arg(long, value_name = "COMMAND")]
    ex: Vec<String>,
    /// Leave the debugger after the commands
    #[arg(long)]
    batch: bool,
}

/// Runs the command.
///
/// # Errors
///
/// Something cannot be set up, built or started, or the debugger fails.
pub fn run(arguments: &Arguments) -> Result<()> {
    let image = run::build(&arguments.app)?;
    let programs = run::programs(arguments.platform)?;
    let report = image.report()?;
    let port = match arguments.port {
        Some(port) => port,
        None => free_port()?,
    };
    let mut setting = Setting::new(&image.elf, arguments.platform);
    setting.cpu.clone_from(&arguments.cpu);
    setting.debugger = Some(port);
    let mut board = Board::start(&programs, &setting)?;
    let physical = use_physical_memory(port).context("preparing the debugger's stub")?;
    if !physical {
        eprintln!(
            "this QEMU has no physical memory mode: only what the running task may read can be seen"
        );
    }

    // Last, for whoever waits for it: from now on the stub is free.
    let script = image.folder.join("gdb.script");
    fs::write(&script, commands(&image, &report, port))
        .with_context(|| format!("cannot write {}", script.display()))?;

    let debugger = DEBUGGERS
        .iter()
        .find_map(|name| command::find_program(name));
    match debugger {
        Some(debugger) if !arguments.listen => {
            let log = image.folder.join("console.log");
            record(&mut board, &log)?;
            eprintln!("the console is written to {}", workspace::shown(&log));
            debug(&debugger, &script, arguments)
        }
        _ => {
            let name =
                debugger.map_or_else(|| DEBUGGERS[0].into(), |path| path.display().to_string());
            eprintln!(
                "the machine is paused; connect from another terminal with\n\n    {name} -x {}\n",
                script.display()
            );
            attend(&mut board)
        }
    }
}

/// A port that nobody had a moment ago.
///
/// # Errors
///
/// There is none.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no free port")?;
    Ok(listener.local_addr()?.port())
}

/// Has the stub take addresses for physical ones, which are the addresses of the programs: memory is mapped identically.
/// Otherwise only the memory of the task that runs, and not of the others, could be read. The stub keeps the mode when we
/// leave. The debugger does not ask for it itself, because Debian's aborts when it is told to.
///
/// # Errors
///
/// The stub does not answer.
fn use_physical_memory(port: u16) -> Result<bool> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(STUB_LIMIT))?;
    stream.write_all(b"$Qqemu.PhyMemMode:1#77")?;
    let mut answer = Vec::new();
    // A packet ends with `#` and two digits.
    while answer.iter().rev().nth(2) != Some(&b'#') {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        answer.push(byte[0]);
    }
    stream.write_all(b"+")?;
    Ok(answer.windows(4).any(|part| part == b"$OK#"))
}

/// What the debugger does first. Every binary is linked at its own addresses, so no offsets are needed; but the kernel's
/// file also holds the tasks' bytes, as one object without symbols, which would hide the tasks' own: it is told to be
/// where nothing is.
fn commands(image: &Image, report: &Report, port: u16) -> String {
    let mut text = String::from("set confirm off\nset pagination off\nset architecture armv7\n");
    text.push_str(&format!("directory {}\n", workspace::root().display()));
    text.push_str(&format!(
        "add-symbol-file {} -s .task_images 0xf0000000\n",
        image.elf.display()
    ));
    for task in &report.tasks {
        let elf = image.folder.join(&task.elf);
        text.push_str(&format!("add-symbol-file {}\n", elf.display()));
    }
    text.push_str(&format!("target remote 127.0.0.1:{port}\n"));
    text
}

/// Keeps the console's output: the terminal belongs to the debugger.
fn record(board: &mut Board, log: &Path) -> Result<()> {
    let mut file =
        fs::File::create(log).with_context(|| format!("cannot make {}", log.display()))?;
    let mut console = board.machine().take_console();
    thread::spawn(move || {
        let _ = std::io::copy(&mut console, &mut file);
    });
    Ok(())
}

fn debug(debugger: &Path, script: &Path, arguments: &Arguments) -> Result<()> {
    let mut command = Command::new(debugger);
    // Paths in the symbols are relative to the root.
    command.current_dir(workspace::root());
    command.arg("-q").arg("-x").arg(script);
    if arguments.batch {
        command.arg("--batch");
    }
    for action in &arguments.ex {
        command.args(["-ex", action]);
    }
    // In the debugger an interrupt stops the machine, not us. It shares our terminal, so it gets the signal itself.
    child::ignore_interrupts();
    let status = command
        .status()
        .with_context(|| format!("cannot start {}", debugger.display()))?;
    if !status.success() {
        bail!("{}: {status}", debugger.display());
    }
    Ok(())
}

/// Connects the console, or just waits for the machine's end where there is no terminal.
fn attend(board: &mut Board) -> Result<()> {
    if std::io::stdin().is_terminal() {
        return interactive::connect(board.machine().take_console());
    }
    board.machine().wait(UNATTENDED_LIMIT)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_loads_every_binary_and_then_connects() {
        let image = Image {
            name: "x".into(),
            app: "app.toml".into(),
            folder: "/t/image/x".into(),
            elf: "/t/image/x/image.elf".into(),
            output: String::new(),
        };
        let text = commands(&image, &crate::sizes::tests::report(), 1234);
        let lines: Vec<_> = text.lines().skip(4).collect();
        assert_eq!(
            lines,
            [
                "add-symbol-file /t/image/x/image.elf -s .task_images 0xf0000000",
                "add-symbol-file /t/image/x/jefe.elf",
                "add-symbol-file /t/image/x/driver.elf",
                "target remote 127.0.0.1:1234",
            ]
        );
    }
}
