// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A machine with its SCMI platform, booting an image: what `run` and the integration tests work with.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::console::Console;
use crate::platform::{Kind, Platform};
use crate::qemu::{Machine, Options};
use crate::session::Session;
use crate::{setup, sim};

/// The fake sensor's name; the daemon takes 1 to 15 characters.
pub const SENSOR: &str = "fake-sensor";
/// The machine ends within this once the console has been told to reset it.
const POWER_OFF_LIMIT: Duration = Duration::from_secs(60);

/// The programs that a board is made of.
#[derive(Clone, Debug)]
pub struct Programs {
    /// QEMU.
    pub qemu: PathBuf,
    /// rust-vmm's platform; `None` where it is not needed.
    pub vhost_device_scmi: Option<PathBuf>,
}

impl Programs {
    /// Finds them, without installing anything.
    ///
    /// # Errors
    ///
    /// QEMU is missing or too old.
    pub fn find() -> Result<Self> {
        Ok(Self {
            qemu: setup::qemu::find()?,
            vhost_device_scmi: setup::daemon::find(),
        })
    }
}

/// What to boot on what.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The image's ELF file.
    pub image: PathBuf,
    /// The SCMI platform.
    pub platform: Kind,
    /// The machine that the platform `sim` is; `None`: the sample machine.
    pub scenario: Option<PathBuf>,
    /// The file into which the platform `sim` records what its machine does.
    pub recording: Option<PathBuf>,
    /// The processor, as QEMU calls it.
    pub cpu: String,
    /// The legacy virtio-mmio interface.
    pub legacy: bool,
    /// Start paused with a debugger's port open.
    pub debugger: Option<u16>,
    /// Let `inspect` look inside: see [`Options::inspect`].
    pub inspect: bool,
    /// Further arguments for QEMU, after those for the SCMI device.
    pub extra: Vec<String>,
}

impl Setting {
    /// `image` on a `cortex-a15` with this platform.
    #[must_use]
    pub fn new(image: &Path, platform: Kind) -> Self {
        Self {
            image: image.to_owned(),
            platform,
            scenario: None,
            recording: None,
            cpu: "cortex-a15".into(),
            legacy: false,
            debugger: None,
            inspect: false,
            extra: Vec::new(),
        }
    }
}

/// A running board. Dropping it ends the machine first, then the platform.
#[derive(Debug)]
pub struct Board {
    machine: Machine,
    platform: Option<Platform>,
    // Holds the platform's socket.
    _folder: TempDir,
}

impl Board {
    /// Starts the platform, then the machine.
    ///
    /// # Errors
    ///
    /// One of them does not start; the message says which, and what it printed.
    pub fn start(programs: &Programs, setting: &Setting) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("scmi").tempdir()?;
        let platform = match setting.platform {
            Kind::None => None,
            Kind::Sim => Some(Platform::sim(
                &sim::build()?,
                folder.path(),
                setting.scenario.as_deref(),
                setting.recording.as_deref(),
            )?),
            Kind::VhostDeviceScmi => {
                let program = programs
                    .vhost_device_scmi
                    .as_deref()
                    .context("the platform vhost-device-scmi is not installed: `cargo xtask run` installs it")?;
                Some(Platform::vhost_device_scmi(program, folder.path(), SENSOR)?)
            }
        };
        let mut options = Options::new(&programs.qemu, &setting.image);
        options.cpu.clone_from(&setting.cpu);
        options.scmi = platform
            .as_ref()
            .map(|platform| platform.socket().to_owned());
        options.legacy = setting.legacy;
        options.debugger = setting.debugger;
        options.inspect = setting.inspect;
        options.extra.clone_from(&setting.extra);
        let machine = Machine::start(&options)?;
        Ok(Self {
            machine,
            platform,
            _folder: folder,
        })
    }

    /// The machine.
    pub fn machine(&mut self) -> &mut Machine {
        &mut self.machine
    }

    /// The platform, if the board has one.
    pub fn platform(&mut self) -> Option<&mut Platform> {
        self.platform.as_mut()
    }

    /// Waits for the console's prompt.
    ///
    /// # Errors
    ///
    /// It does not come within `limit`. The message has what the image, QEMU and the platform printed.
    ///
    /// # Panics
    ///
    /// If the console was taken before.
    pub fn session(&mut self, limit: Duration) -> Result<Session> {
        let console = Console::new(self.machine.take_console())?;
        Session::start(console, limit).map_err(|error| self.explain(error))
    }

    /// Adds to an error what QEMU and the platform had to say.
    #[must_use]
    pub fn explain(&self, error: anyhow::Error) -> anyhow::Error {
        let mut text = format!("{error:#}");
        for (who, words) in [
            ("QEMU", self.machine.messages()),
            (
                "the platform",
                self.platform
                    .as_ref()
                    .map(Platform::log)
                    .unwrap_or_default(),
            ),
        ] {
            if !words.trim().is_empty() {
                text.push_str(&format!("\n{who} said:\n{}", words.trim_end()));
            }
        }
        anyhow::Error::msg(text)
    }

    /// Ends the machine the way a user does, by the console's `reboot`.
    ///
    /// # Errors
    ///
    /// It is still there after a while, or ended with a failure. It is gone in any case when the board is dropped.
    pub fn power_off(&mut self, session: &mut Session) -> Result<()> {
        session.type_line(b"reboot")?;
        let status = self
            .machine
            .wait(POWER_OFF_LIMIT)?
            .with_context(|| {
                format!(
                    "the machine did not end within {} s of `reboot`",
                    POWER_OFF_LIMIT.as_secs()
                )
            })
            .map_err(|error| self.explain(error))?;
        anyhow::ensure!(
            status.success(),
            "QEMU: {status}\n{}",
            self.machine.messages()
        );
        Ok(())
    }
}
