// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `scmi-platform`: a programmable SCMI platform for QEMU's `vhost-user-scmi`.

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
use std::os::fd::AsRawFd as _;
use vhost::vhost_user::Error::{Disconnected, PartialMessage};
use vhost::vhost_user::Listener;
use vhost_user_backend::Error::HandleRequest;
use vhost_user_backend::VhostUserDaemon;
use vm_memory::{GuestMemoryAtomic, GuestMemoryMmap};
use vmm_sys_util::epoll::EventSet;

/// How long `--connect` tries to reach QEMU's socket.
const CONNECT_LIMIT: Duration = Duration::from_secs(30);

/// A programmable SCMI platform: give QEMU the socket with `-chardev socket,id=c,path=PATH -device vhost-user-scmi,chardev=c`.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The vhost-user socket.
    #[arg(long)]
    socket: PathBuf,
    /// Dial into a socket that QEMU listens on (`server=on`) instead of listening. QEMU 10.0 cannot take up a platform that
    /// comes back: it waits for acknowledgements that were negotiated with the one before.
    #[arg(long)]
    connect: bool,
    /// The machine to be; the sample machine if not given.
    #[arg(long)]
    machine: Option<PathBuf>,
    /// A socket for commands at run time: one JSON object a line.
    #[arg(long)]
    control: Option<PathBuf>,
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
    let shared = Shared::new(Engine::new(machine)).context("no event descriptor left")?;
    if let Some(path) = &arguments.control {
        control::listen(path, shared.clone())
            .with_context(|| format!("cannot listen on control socket {}", path.display()))?;
    }
    loop {
        serve(arguments, &shared)?;
        if arguments.once {
            return Ok(());
        }
    }
}

/// Serves one connection of QEMU from beginning to end.
fn serve(arguments: &Arguments, shared: &Shared) -> anyhow::Result<()> {
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
    if arguments.connect {
        connect(&mut daemon, socket)?;
    } else {
        let mut listener = Listener::new(socket, true)
            .with_context(|| format!("cannot listen on {}", socket.display()))?;
        daemon
            .start(&mut listener)
            .map_err(|error| anyhow::anyhow!("no QEMU on {}: {error}", socket.display()))?;
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

/// Dials into QEMU's socket, which may not be there yet.
fn connect(daemon: &mut VhostUserDaemon<Arc<RwLock<Device>>>, socket: &Path) -> anyhow::Result<()> {
    let path = socket
        .to_str()
        .context("the socket's path is not valid text")?;
    let started = Instant::now();
    loop {
        match daemon.start_client(path) {
            Ok(()) => return Ok(()),
            Err(error) if started.elapsed() > CONNECT_LIMIT => {
                bail!(
                    "no QEMU listens on {path} (waited {} s): {error}",
                    CONNECT_LIMIT.as_secs()
                )
            }
            Err(_) => thread::sleep(Duration::from_millis(50)),
        }
    }
}
