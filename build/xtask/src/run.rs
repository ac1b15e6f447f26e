// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `cargo xtask run`: the image on its machine, with a console.

use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::board::{Board, Programs, Setting};
use crate::platform::Kind;
use crate::progress::Progress;
use crate::setup::{self, Mode};
use crate::{image, inspect, interactive, machines, sim, workspace};

/// What `run` can be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// The manifest of the image
    #[arg(long, default_value = image::DEFAULT_APP)]
    app: PathBuf,
    /// The SCMI platform on the other side of the device
    #[arg(long, value_enum, default_value = "sim")]
    platform: Kind,
    /// The machine that the platform sim is, instead of the sample machine: a TOML file, see doc/scenario.md
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// Record what the machine of the platform sim does into FILE, for `cargo xtask plot`
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Type LINE at the prompt, print the answer, and power off after the last one (repeatable)
    #[arg(long, value_name = "LINE")]
    exec: Vec<String>,
    /// Seconds that the prompt and each answer may take
    #[arg(long, default_value_t = 30.0, value_parser = seconds)]
    timeout: f64,
    /// The processor, as QEMU calls it
    #[arg(long, default_value = "cortex-a15")]
    cpu: String,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value <= 86400.0 => Ok(value),
        _ => Err("a number of seconds, more than 0 and at most 86400".into()),
    }
}

/// Sets up what is missing for booting an image with `platform`.
///
/// # Errors
///
/// Something is missing and cannot be installed.
pub fn programs(platform: Kind) -> Result<Programs> {
    let vhost_device_scmi = match platform {
        Kind::VhostDeviceScmi => setup::daemon::ensure(Mode::Install)?,
        Kind::Sim | Kind::None => None,
    };
    let qemu = setup::qemu::ensure(Mode::Install)?.context("QEMU is missing")?;
    Ok(Programs {
        qemu,
        vhost_device_scmi,
    })
}

/// Builds the image of `app`, setting up Rust for the target first, and says so.
///
/// # Errors
///
/// There is no Rust for the target, or the image cannot be built.
pub fn build(app: &std::path::Path) -> Result<image::Image> {
    let app = image::resolve_app(app)?;
    let rust = setup::rust::ensure(Mode::Install)?.context("Rust for the target is missing")?;
    let progress = Progress::start(&format!("building the image of {app}"));
    let image = image::build(&rust, &app, &workspace::image_target_dir(), |line| {
        progress.line(line)
    })?;
    drop(progress);
    for line in image
        .output
        .lines()
        .filter(|line| line.starts_with("warning"))
    {
        eprintln!("{line}");
    }
    Ok(image)
}

/// Runs the command.
///
/// # Errors
///
/// Something cannot be set up, built or started, a line's answer is an error, or none came in time.
pub fn run(arguments: &Arguments) -> Result<()> {
    check_scenario(arguments)?;
    if arguments.record.is_some() && arguments.platform != Kind::Sim {
        bail!("only the platform sim records: leave out `--platform`");
    }
    let image = build(&arguments.app)?;
    let programs = programs(arguments.platform)?;
    let mut setting = Setting::new(&image.elf, arguments.platform);
    setting.cpu.clone_from(&arguments.cpu);
    setting.scenario.clone_from(&arguments.scenario);
    setting.recording.clone_from(&arguments.record);
    setting.inspect = true;
    let mut board = Board::start(&programs, &setting)?;
    let _entry = offer(&image, &mut board)?;

    if !arguments.exec.is_empty() {
        return exec(
            &mut board,
            arguments.exec.iter().map(|line| Ok(line.clone())),
            arguments.timeout,
        );
    }
    if !std::io::stdin().is_terminal() {
        return exec(
            &mut board,
            std::io::stdin().lock().lines(),
            arguments.timeout,
        );
    }
    eprintln!(
        "{} on QEMU virt; `help` lists the commands, Ctrl-] leaves",
        image.name
    );
    interactive::connect(board.machine().take_console())
}

/// Lets `inspect` find the machine, and keeps what its memory tells if the kernel stops it.
fn offer(image: &image::Image, board: &mut Board) -> Result<machines::Entry> {
    let machine = board.machine();
    let socket = machine
        .debug_socket()
        .context("the machine has no socket for `inspect`")?;
    let folder = machines::folder();
    let entry = machines::announce(&folder, image, &socket)?;
    if let Some(keeper) = machine.keeper() {
        let image = image.clone();
        let dump = folder.join(format!("{}-{}.core", image.name, std::process::id()));
        keeper.when_stopped(move || {
            // The terminal may be in raw mode.
            match inspect::keep(&image, &socket, &dump) {
                Ok(()) => eprint!(
                    "\r\nthe kernel has stopped the machine; look inside with\r\n    cargo xtask inspect --dump {} tasks --stack\r\n",
                    workspace::shown(&dump)
                ),
                Err(error) => eprint!("\r\nthe kernel has stopped the machine, and it cannot be kept: {error:#}\r\n"),
            }
        });
    }
    Ok(entry)
}

/// A mistake in a scenario is told before an image is built.
fn check_scenario(arguments: &Arguments) -> Result<()> {
    match (&arguments.scenario, arguments.platform) {
        (Some(scenario), Kind::Sim) => sim::check(&sim::build()?, scenario),
        (Some(_), _) => bail!("a scenario is for the platform sim: leave out `--platform`"),
        (None, _) => Ok(()),
    }
}

/// Types the lines one by one, and prints the answers as they come.
fn exec(
    board: &mut Board,
    lines: impl Iterator<Item = std::io::Result<String>>,
    timeout: f64,
) -> Result<()> {
    let limit = Duration::from_secs_f64(timeout);
    let mut session = board.session(limit)?;
    let mut failed = Vec::new();
    for line in lines {
        let line = line?;
        let answer = session
            .exec(&line, limit)
            .map_err(|error| board.explain(error))?;
        print!("{}", answer.text);
        if let Err(reason) = answer.verdict {
            println!("error: {reason}");
            failed.push(line);
        }
    }
    board.power_off(&mut session)?;
    if !failed.is_empty() {
        bail!(
            "{} answered an error: {}",
            count(failed.len(), "line"),
            failed.join(", ")
        );
    }
    Ok(())
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
