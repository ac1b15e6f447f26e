// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The machine: a QEMU process, its console and its control connection.

use std::fs;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::child::Guarded;
use crate::command;
use crate::keeper::Keeper;
use crate::qmp::Qmp;

/// QEMU connects to us while it starts.
const CONNECT_LIMIT: Duration = Duration::from_secs(60);

/// How the machine is made up.
#[derive(Clone, Debug)]
pub struct Options {
    /// The QEMU program.
    pub program: PathBuf,
    /// The image's ELF file.
    pub image: PathBuf,
    /// The processor, as QEMU calls it.
    pub cpu: String,
    /// The socket of the SCMI platform; `None` leaves the device out.
    pub scmi: Option<PathBuf>,
    /// Give the virtio-mmio slots their legacy interface, which the driver refuses.
    pub legacy: bool,
    /// Start paused, with a debugger's port (TCP, this host only) open.
    pub debugger: Option<u16>,
    /// Let [`inspect`](crate::inspect) look inside, and keep the machine when the kernel stops it: see
    /// [`keeper`](crate::keeper).
    pub inspect: bool,
    /// Further arguments.
    pub extra: Vec<String>,
}

impl Options {
    /// A `cortex-a15` without an SCMI device.
    #[must_use]
    pub fn new(program: &Path, image: &Path) -> Self {
        Self {
            program: program.to_owned(),
            image: image.to_owned(),
            cpu: "cortex-a15".into(),
            scmi: None,
            legacy: false,
            debugger: None,
            inspect: false,
            extra: Vec::new(),
        }
    }

    fn command(&self, folder: &Path) -> Command {
        let (console, control) = (folder.join(CONSOLE), folder.join(CONTROL));
        let mut command = Command::new(&self.program);
        // The platform works in the guest's memory, so that is a file which both can map.
        command
            .args([
                "-M",
                "virt,memory-backend=mem",
                "-m",
                "128M",
                "-cpu",
                &self.cpu,
            ])
            .args(["-object", "memory-backend-memfd,id=mem,size=128M,share=on"])
            .args([
                "-nodefaults",
                "-nic",
                "none",
                "-display",
                "none",
                "-no-reboot",
            ]);
        if !self.legacy {
            command.args(["-global", "virtio-mmio.force-legacy=false"]);
        }
        // QEMU dials in to us: whatever it prints from its first instruction on, somebody is there.
        for (id, path) in [("console", &console), ("control", &control)] {
            command.args([
                "-chardev",
                &format!("socket,id={id},path={}", path.display()),
            ]);
        }
        command.args([
            "-serial",
            "chardev:console",
            "-mon",
            "chardev=control,mode=control",
        ]);
        if let Some(socket) = &self.scmi {
            command
                .args([
                    "-chardev",
                    &format!("socket,id=scmi,path={}", socket.display()),
                ])
                .args(["-device", "vhost-user-scmi,chardev=scmi"]);
        }
        if let Some(port) = self.debugger {
            command.args(["-S", "-gdb", &format!("tcp:127.0.0.1:{port}")]);
        }
        if self.inspect {
            let (debug, keeper) = (folder.join(DEBUG), folder.join(KEEPER));
            command.args([
                "-gdb",
                &format!("unix:{},server=on,wait=off", debug.display()),
            ]);
            command.args([
                "-chardev",
                &format!("socket,id=keeper,path={}", keeper.display()),
                "-mon",
                "chardev=keeper,mode=control",
                "-no-shutdown",
            ]);
        }
        command.args(&self.extra).arg("-kernel").arg(&self.image);
        command
    }
}

/// A running machine; it is killed when this is dropped.
#[derive(Debug)]
pub struct Machine {
    process: Guarded,
    console: Option<UnixStream>,
    control: Qmp,
    keeper: Option<Keeper>,
    folder: TempDir,
}

/// Sockets in the machine's folder.
const CONSOLE: &str = "console";
const CONTROL: &str = "control";
const DEBUG: &str = "debug";
const KEEPER: &str = "keeper";

impl Machine {
    /// Starts QEMU and waits until its console and its control connection are there.
    ///
    /// # Errors
    ///
    /// QEMU cannot be started or refuses its arguments; the message has what it printed.
    pub fn start(options: &Options) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("scmi").tempdir()?;
        let listen = |name: &str| {
            UnixListener::bind(folder.path().join(name))
                .with_context(|| format!("cannot make a socket ({name}) for QEMU"))
        };
        let (console_listener, control_listener) = (listen(CONSOLE)?, listen(CONTROL)?);
        let keeper_listener = options.inspect.then(|| listen(KEEPER)).transpose()?;
        let mut command = options.command(folder.path());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.path().join(MESSAGES))?);
        let mut process = Guarded::spawn("QEMU", &mut command)?;
        let connect = |process: &mut Guarded| {
            let console = accept(&console_listener, process)?;
            let control = Qmp::new(accept(&control_listener, process)?)?;
            let keeper = match &keeper_listener {
                Some(listener) => Some(Keeper::start(Qmp::new(accept(listener, process)?)?)),
                None => None,
            };
            Ok((console, control, keeper))
        };
        match connect(&mut process) {
            Ok((console, control, keeper)) => Ok(Self {
                process,
                console: Some(console),
                control,
                keeper,
                folder,
            }),
            Err(error) => {
                let error: anyhow::Error = error;
                Err(error.context(format!(
                    "{}\n{}",
                    command::describe(&command),
                    messages(&folder).trim_end()
                )))
            }
        }
    }

    /// The console's stream; it can be taken once.
    ///
    /// # Panics
    ///
    /// If it has been taken.
    pub fn take_console(&mut self) -> UnixStream {
        self.console.take().expect("the console is taken once")
    }

    /// QEMU's control connection.
    pub fn control(&mut self) -> &mut Qmp {
        &mut self.control
    }

    /// The socket of the debugger's stub, if the machine lets itself be inspected.
    #[must_use]
    pub fn debug_socket(&self) -> Option<PathBuf> {
        self.keeper.as_ref()?;
        Some(self.folder.path().join(DEBUG))
    }

    /// What watches over the end of a machine that lets itself be inspected.
    #[must_use]
    pub fn keeper(&self) -> Option<&Keeper> {
        self.keeper.as_ref()
    }

    /// Waits at most `limit` for the machine to end by itself; `None`: it runs.
    ///
    /// # Errors
    ///
    /// The operating system does not know the process.
    pub fn wait(&mut self, limit: Duration) -> Result<Option<ExitStatus>> {
        self.process.wait(limit)
    }

    /// QEMU's process number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// What QEMU itself had to say.
    #[must_use]
    pub fn messages(&self) -> String {
        messages(&self.folder)
    }
}

/// The file with QEMU's standard error.
const MESSAGES: &str = "messages";

fn messages(folder: &TempDir) -> String {
    fs::read_to_string(folder.path().join(MESSAGES)).unwrap_or_default()
}

fn accept(listener: &UnixListener, process: &mut Guarded) -> Result<UnixStream> {
    listener.set_nonblocking(true)?;
    let deadline = Instant::now() + CONNECT_LIMIT;
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                return Ok(stream);
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
        if let Some(status) = process.ended()? {
            bail!("QEMU ended while it started ({status})");
        }
        if Instant::now() >= deadline {
            bail!(
                "QEMU did not open its console within {} s",
                CONNECT_LIMIT.as_secs()
            );
        }
        thread::sleep(Duration::from_millis(5));
    }
}
