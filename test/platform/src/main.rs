// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `scmi-platform`: a programmable SCMI platform for QEMU's `vhost-user-scmi`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::Parser;
use scmi_platform::control;
use scmi_platform::device::{Device, Shared, TIMER_TOKEN, WAKE_TOKEN};
use scmi_platform::engine::Engine;
use scmi_platform::machine::Machine;
use scmi_platform::record::Recorder;
use scmi_platform::relay;
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use vhost::vhost_user::Error::{Disconnected, PartialMessage};
use vhost::vhost_user::Listener;
use vhost_user_backend::Error::HandleRequest;
use vhost_user_backend::VhostUserDaemon;
use vm_memory::{GuestMemoryAtomic, GuestMemoryMmap};
use vmm_sys_util::epoll::EventSet;

/// How long `--connect` tries to reach QEMU's socket.
const CONNECT_LIMIT: Duration = Duration::from_secs(30);
/// How long `--connect` waits after a connection before it dials again: a QEMU that hangs up at once is not to keep a core busy, and
/// the vhost-user library keeps an event descriptor of each connection.
const REDIAL_PAUSE: Duration = Duration::from_millis(100);

/// A programmable SCMI platform: give QEMU the socket with `-chardev socket,id=c,path=PATH -device vhost-user-scmi,chardev=c`.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The vhost-user socket.
    #[arg(long)]
    socket: PathBuf,
    /// Dial into a socket that QEMU listens on (`server=on`) instead of listening. QEMU takes up such a platform again after it
    /// ended and was started anew.
    #[arg(long)]
    connect: bool,
    /// The machine to be; the sample machine if not given.
    #[arg(long)]
    machine: Option<PathBuf>,
    /// A socket for commands at run time: one JSON object a line.
    #[arg(long)]
    control: Option<PathBuf>,
    /// Record what the machine does into this file, one JSON object a line, for `cargo xtask plot`.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// End when QEMU hangs up, instead of waiting for the next one.
    #[arg(long)]
    once: bool,
    /// Read and check the machine file, and do nothing else.
    #[arg(long)]
    check: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("scmi-platform: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let machine = match &arguments.machine {
        Some(path) => Machine::load(path)?,
        None => Machine::sample(),
    };
    if arguments.check {
        return Ok(());
    }
    let mut engine = Engine::new(machine);
    if let Some(path) = &arguments.record {
        let recorder = File::create(path)
            .and_then(|file| Recorder::new(&engine.platform.model.machine, file))
            .with_context(|| format!("cannot record into {}", path.display()))?;
        engine.record(recorder);
    }
    let shared = Shared::new(engine).context("no event descriptor left")?;
    if let Some(path) = &arguments.control {
        control::listen(path, shared.clone())
            .with_context(|| format!("cannot listen on control socket {}", path.display()))?;
    }
    // One for life: a QEMU that comes while another is being served waits its turn.
    let mut listener = match arguments.connect {
        true => None,
        false => Some(listen(&arguments.socket)?),
    };
    loop {
        serve(arguments, &shared, listener.as_mut())?;
        if arguments.once {
            return Ok(());
        }
        if arguments.connect {
            thread::sleep(REDIAL_PAUSE);
        }
    }
}

/// Serves one connection of QEMU from beginning to end.
fn serve(
    arguments: &Arguments,
    shared: &Shared,
    listener: Option<&mut Listener>,
) -> anyhow::Result<()> {
    let memory = GuestMemoryAtomic::new(GuestMemoryMmap::new());
    let device = Device::new(shared.clone(), memory.clone()).context("no descriptor left")?;
    let timer = device.timer_fd();
    let device = Arc::new(RwLock::new(device));
    let mut daemon = VhostUserDaemon::new("scmi-platform".into(), device.clone(), memory)
        .map_err(|error| anyhow::anyhow!("cannot start the device: {error}"))?;
    let handlers = daemon.get_epoll_handlers();
    let handler = handlers.first().context("the device has no worker")?;
    handler.register_listener(
        shared.wake_fd().as_raw_fd(),
        EventSet::IN,
        WAKE_TOKEN.into(),
    )?;
    handler.register_listener(timer, EventSet::IN, TIMER_TOKEN.into())?;

    let socket = &arguments.socket;
    let mut start = |listener: &mut Listener| {
        daemon
            .start(listener)
            .map_err(|error| anyhow::anyhow!("no QEMU on {}: {error}", socket.display()))
    };
    if let Some(listener) = listener {
        start(listener)?;
    } else {
        // The daemon listens to a relay, beside QEMU's socket and gone as soon as both are connected.
        let mut own = socket.clone().into_os_string();
        own.push(format!(".{}", std::process::id()));
        let qemu = dial(socket)?;
        let mut listener = listen(Path::new(&own))?;
        let relay = UnixStream::connect(&own)?;
        start(&mut listener)?;
        drop(listener);
        relay::start(qemu, relay).context("no descriptor left")?;
    }
    shared.wake();
    // However the connection ends, the machine stays as it is for the next one.
    match daemon.wait() {
        Ok(()) | Err(HandleRequest(Disconnected | PartialMessage)) => {}
        Err(error) => eprintln!("scmi-platform: QEMU is gone: {error}"),
    }
    handler.send_exit_event();
    // A QEMU that was killed could not say goodbye: its chains mean nothing to the next one.
    shared.lock().disconnect();
    Ok(())
}

fn listen(socket: &Path) -> anyhow::Result<Listener> {
    Listener::new(socket, true).with_context(|| format!("cannot listen on {}", socket.display()))
}

/// Dials into QEMU's socket, which may not be there yet.
fn dial(socket: &Path) -> anyhow::Result<UnixStream> {
    let started = Instant::now();
    loop {
        match UnixStream::connect(socket) {
            Ok(stream) => return Ok(stream),
            Err(error) if started.elapsed() > CONNECT_LIMIT => {
                bail!(
                    "no QEMU listens on {} (waited {} s): {error}",
                    socket.display(),
                    CONNECT_LIMIT.as_secs()
                )
            }
            Err(_) => thread::sleep(Duration::from_millis(50)),
        }
    }
}
