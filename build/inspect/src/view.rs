// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A machine at one moment, together with the programs of its image.

use std::fmt::Write as _;

use abi::TaskId;
use anyhow::{Context, Result, bail};
use compose::Report;

use crate::archive::{self, Archive};
use crate::memory::{Missing, Range, Snapshot, Source};
use crate::program::Program;
use crate::value::{Memory, Values};

/// Bytes of the note that holds the build id: the header, `GNU`, and a SHA-1.
const NOTE: u32 = 36;
/// What comes before the id in the note: the lengths of name and id, the type, the name.
const NOTE_START: [u8; 16] = *b"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0";

/// A machine at one moment.
pub struct View<'a> {
    /// Where everything lies.
    pub report: &'a Report,
    /// The kernel.
    pub kernel: Program<'a>,
    /// The tasks, in the order of their indices.
    pub tasks: Vec<Program<'a>>,
    /// What was read.
    pub snapshot: Snapshot,
    /// The build id of the archive, which is that of the machine.
    pub build_id: String,
}

/// The memory of a machine, with the constants of one program.
pub struct Place<'v, 'a> {
    view: &'v View<'a>,
    program: &'v Program<'a>,
}

impl Memory for Place<'_, '_> {
    fn bytes(&self, address: u32, size: usize) -> Result<&[u8], Missing> {
        let view = self.view;
        let read = view.snapshot.bytes(address, size);
        let programs = [self.program, &view.kernel];
        read.or_else(|missing| {
            let mut constants = programs.iter().filter_map(|of| of.constant(address, size));
            constants.next().ok_or(missing)
        })
    }

    fn task(&self, id: u16) -> String {
        self.view.task_name(TaskId(id))
    }
}

impl<'a> View<'a> {
    /// Reads what `source` has of the image in the archive.
    ///
    /// # Errors
    ///
    /// The archive is damaged, nothing can be read, or it is another image.
    pub fn new(archive: &'a Archive, report: &'a Report, source: &mut dyn Source) -> Result<Self> {
        let kernel = Program::read("kernel", archive.file(archive::KERNEL)?)?;
        let mut tasks = Vec::new();
        for task in &report.tasks {
            let bytes = archive.file(&archive::task(&task.name))?;
            tasks.push(Program::read(&task.name, bytes)?);
        }
        let note = kernel
            .build_id_address()
            .context("the archive's kernel has no build id: it was built before there were any")?;
        let build_id = hexadecimal(kernel.build_id().unwrap_or_default());
        let mut wanted = vec![Range {
            base: note,
            size: NOTE,
        }];
        wanted.extend(memory_of(report));
        let snapshot = source.take(&wanted)?;
        let theirs = match snapshot.bytes(note, NOTE as usize) {
            Ok(bytes) => match bytes.strip_prefix(&NOTE_START) {
                Some(id) => hexadecimal(id),
                None => "none at the place where this archive has its own".into(),
            },
            Err(_) => "not readable".into(),
        };
        if theirs != build_id {
            bail!(
                "the archive is not of this image\n  build id of the archive: {build_id}\n  build id of the image:   {theirs}\n\
                 use the archive that was made from the same build (`cargo xtask dist`), or start the image again"
            );
        }
        Ok(Self {
            report,
            kernel,
            tasks,
            snapshot,
            build_id,
        })
    }

    /// A task by its name or its index.
    ///
    /// # Errors
    ///
    /// There is none; the message says which there are.
    pub fn task_index(&self, name: &str) -> Result<usize> {
        let tasks = &self.report.tasks;
        let found = tasks.iter().position(|task| task.name == name);
        let number = name.parse().ok().filter(|index| *index < tasks.len());
        found.or(number).with_context(|| {
            let known: Vec<_> = tasks.iter().map(|task| task.name.as_str()).collect();
            format!("there is no task `{name}`; there are {}", known.join(", "))
        })
    }

    /// A program by the name of its task, or `kernel`.
    ///
    /// # Errors
    ///
    /// As [`task_index`](Self::task_index).
    pub fn program(&self, name: &str) -> Result<&Program<'a>> {
        if name == self.kernel.name {
            return Ok(&self.kernel);
        }
        Ok(&self.tasks[self.task_index(name)?])
    }

    /// The memory as a program sees it.
    #[must_use]
    pub fn place<'v>(&'v self, program: &'v Program<'a>) -> Place<'v, 'a> {
        Place {
            view: self,
            program,
        }
    }

    /// What a task is called.
    #[must_use]
    pub fn task_name(&self, id: TaskId) -> String {
        if id == TaskId::KERNEL {
            return "kernel".into();
        }
        let Some(task) = self.report.tasks.get(id.index()) else {
            return format!("<no task {:#06x}>", id.0);
        };
        match u8::from(id.generation()) {
            0 => task.name.clone(),
            generation => format!("{}/{generation}", task.name),
        }
    }

    /// The names of notification bits of a task.
    #[must_use]
    pub fn notifications(&self, index: usize, bits: u32) -> String {
        let names = &self.report.tasks[index].notifications;
        let set: Vec<String> = (0..32)
            .filter(|bit| bits & 1 << bit != 0)
            .map(|bit| match names.get(bit) {
                Some(name) => name.clone(),
                None => format!("bit {bit}"),
            })
            .collect();
        set.join(", ")
    }

    /// What is wrong with what was read, a line for each.
    #[must_use]
    pub fn remarks(&self) -> String {
        let mut text = String::new();
        for remark in &self.snapshot.remarks {
            let _ = writeln!(text, "note: {remark}");
        }
        text
    }
}

impl<'v, 'a> Place<'v, 'a> {
    /// What reads the program's values here.
    #[must_use]
    pub fn values(&'v self) -> Values<'v, 'a> {
        Values {
            program: self.program,
            memory: self,
        }
    }
}

/// The memory that can change: the kernel's and the tasks'. Devices are left alone, for to read one may change it.
fn memory_of(report: &Report) -> Vec<Range> {
    let kernel = report.kernel.ram;
    let mut ranges = vec![(kernel.base, kernel.base + kernel.size)];
    for region in report.tasks.iter().flat_map(|task| &task.regions) {
        if region.access.contains('w') && !region.access.contains('d') {
            ranges.push((region.base, region.base + region.size));
        }
    }
    ranges.sort_unstable();
    let mut merged: Vec<(u32, u32)> = Vec::new();
    for (start, end) in ranges {
        match merged.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => merged.push((start, end)),
        }
    }
    let ranges = merged.into_iter();
    ranges
        .map(|(start, end)| Range {
            base: start,
            size: end - start,
        })
        .collect()
}

/// Bytes as digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
