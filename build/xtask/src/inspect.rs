// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `cargo xtask inspect`: see inside a running or crashed image.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use compose::Report;
use inspect::archive::{self, Archive};
use inspect::dump::{self, DumpFile};
use inspect::{Detail, Live, Source, View};

use crate::image::Image;
use crate::machines::{self, Machine};
use crate::workspace;

/// What `inspect` can be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
    /// The archive of the image, as `dist` makes it; if not given, what was built last is taken
    #[arg(long, global = true, value_name = "FILE")]
    archive: Option<PathBuf>,
    /// Look into this dump instead of a running machine
    #[arg(long, global = true, value_name = "FILE")]
    dump: Option<PathBuf>,
    /// Which of several running machines: the number of the process that started it
    #[arg(long, global = true, value_name = "PROCESS")]
    machine: Option<u32>,
    /// Say for how long the machine stood still
    #[arg(long, short, global = true)]
    verbose: bool,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum What {
    /// What each task does, and waits for
    Tasks {
        /// Only this task: its name or its index
        task: Option<String>,
        /// With registers
        #[arg(short, long)]
        registers: bool,
        /// With a backtrace
        #[arg(short, long)]
        stack: bool,
    },
    /// The trace rings, the newest entry last
    Ring {
        /// Only those of this task, or those by this name
        name: Option<String>,
    },
    /// What tasks count, and the driver's statistics
    Counters {
        /// Only this task
        task: Option<String>,
    },
    /// How deep each stack was used, how deep it can get, and how large it is
    Stack,
    /// A static variable, or a part of one: `DRIVER.recovery`, `CLIENTS[0]`
    Read {
        /// The task, or `kernel`
        task: String,
        /// The variable, and perhaps fields of it
        variable: String,
    },
    /// Who has which memory
    Map,
    /// The manifest after merging
    Manifest,
    /// The registers of a task
    Registers {
        /// The task
        task: String,
    },
    /// What the supervisor kept of tasks that faulted
    Dumps {
        /// Only this one, with its backtrace
        number: Option<u32>,
        /// With registers
        #[arg(short, long, requires = "number")]
        registers: bool,
    },
    /// Keep the whole machine in a file: an ELF core
    Dump {
        /// The file; NAME.core if not given
        file: Option<PathBuf>,
    },
}

/// Runs the command.
///
/// # Errors
///
/// No machine runs, the archive is of another image, or there is no such task or variable.
pub fn run(arguments: &Arguments) -> Result<()> {
    // What needs no machine.
    if let What::Map | What::Manifest = arguments.what {
        let archive = archive(arguments, || Err(anyhow::anyhow!("")))?;
        let text = match arguments.what {
            What::Map => inspect::map(&archive.report()?),
            _ => archive.text(archive::APP)?.to_owned(),
        };
        return print(&text);
    }
    let (archive, mut source): (Archive, Box<dyn Source>) = match &arguments.dump {
        Some(path) => {
            let name = || dump::image_name(path);
            (archive(arguments, name)?, Box::new(DumpFile::new(path)))
        }
        None => {
            let machine = machines::find(&machines::folder(), arguments.machine)?;
            let archive = match &arguments.archive {
                Some(path) => Archive::open(path)?,
                None => built(&machine)?,
            };
            (archive, Box::new(Live::new(&machine.socket)))
        }
    };
    let report = archive.report()?;
    let mut view = View::new(&archive, &report, &mut *source)?;
    if arguments.verbose
        && let Some(stopped) = view.snapshot.stopped
    {
        eprintln!(
            "the machine stood still for at most {:.1} ms",
            stopped.as_secs_f64() * 1e3
        );
    }
    print(&show(&arguments.what, &mut view, &report)?)
}

/// Writes to standard output. A reader who has seen enough, such as `head`, is no failure.
fn print(text: &str) -> Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("cannot write the answer")
        }
        _ => Ok(()),
    }
}

fn show(what: &What, view: &mut View<'_>, report: &Report) -> Result<String> {
    let index = |task: &Option<String>| task.as_ref().map(|task| view.task_index(task)).transpose();
    match what {
        What::Tasks {
            task,
            registers,
            stack,
        } => {
            let detail = Detail {
                registers: *registers,
                stack: *stack,
            };
            inspect::tasks(view, index(task)?, detail)
        }
        What::Ring { name } => inspect::ring(view, name.as_deref()),
        What::Counters { task } => inspect::counters(view, index(task)?),
        What::Stack => Ok(inspect::stack(view)),
        What::Read { task, variable } => inspect::read(view, task, variable),
        What::Registers { task } => inspect::registers(view, view.task_index(task)?),
        What::Dumps { number, registers } => inspect::dumps(view, *number, *registers),
        What::Dump { file } => {
            let file = match file {
                Some(file) => file.clone(),
                None => PathBuf::from(format!("{}.core", report.name)),
            };
            write_dump(view, &file)?;
            Ok(format!(
                "{}the dump is in {}\n",
                view.remarks(),
                file.display()
            ))
        }
        What::Map => Ok(inspect::map(report)),
        What::Manifest => Ok(String::new()),
    }
}

fn write_dump(view: &View<'_>, file: &Path) -> Result<()> {
    fs::write(file, dump::write(view)?).with_context(|| format!("cannot write {}", file.display()))
}

/// The archive that was named, or what was built last for the image of that name.
fn archive(arguments: &Arguments, name: impl FnOnce() -> Result<String>) -> Result<Archive> {
    if let Some(path) = &arguments.archive {
        return Archive::open(path);
    }
    let name = match &arguments.dump {
        Some(_) => name()?,
        None => match machines::find(&machines::folder(), arguments.machine) {
            Ok(machine) => return built(&machine),
            Err(error) => return Err(error.context("name an archive with --archive")),
        },
    };
    let folder = workspace::image_target_dir().join("image").join(&name);
    Image::in_folder(&folder)
        .and_then(|image| image.archive())
        .with_context(|| {
            format!("no image `{name}` was built here: name its archive with --archive")
        })
}

/// What was built for a machine's image.
fn built(machine: &Machine) -> Result<Archive> {
    Image::in_folder(&machine.folder)?.archive()
}

/// Keeps a machine that its kernel has stopped in `file`.
///
/// # Errors
///
/// The machine cannot be read, or the file not be written.
pub fn keep(image: &Image, socket: &Path, file: &Path) -> Result<()> {
    let archive = image.archive()?;
    let report = archive.report()?;
    let view = View::new(&archive, &report, &mut Live::new(socket))?;
    write_dump(&view, file)
}
