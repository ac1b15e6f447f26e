// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A machine in a file: an ELF core with a thread for each task.
//!
//! A debugger that reads core files sees the tasks as threads, numbered from 1 in the order of their indices, the one
//! that ran first. A note of our own, `SCMI-INSPECT`, holds what such a file has no place for, as JSON: the processor's own
//! registers, which are the kernel's when that ran.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use object::Endianness;
use object::elf;
use object::read::elf::{FileHeader as _, ProgramHeader as _};
use object::write::StreamingBuffer;
use object::write::elf::{FileHeader, ProgramHeader, Writer};
use serde::{Deserialize, Serialize};

use crate::kernel::Kernel;
use crate::memory::{Piece, Range, Registers, Snapshot, Source};
use crate::view::View;

/// The owner of our own note.
const OWNER: &str = "SCMI-INSPECT";
/// Its type, which no note of a debugger has: "INS".
const ABOUT: u32 = 0x49_4e_53;
/// The owner of notes about threads.
const CORE: &str = "CORE";
/// Bytes of `struct elf_prstatus` on 32-bit Arm, and where in it the thread's number and its registers are.
const PRSTATUS: usize = 148;
const PRSTATUS_PID: usize = 24;
const PRSTATUS_REGISTERS: usize = 72;

/// What a core file has no place for.
#[derive(Serialize, Deserialize)]
struct About {
    /// The image's name.
    image: String,
    /// Its build id.
    build_id: String,
    /// r0 to r15 and the program status of the processor.
    processor: Option<([u32; 16], u32)>,
}

/// Everything that was read of a machine, as an ELF core.
///
/// # Errors
///
/// None is known. Tasks that the kernel has not started yet are left out.
pub fn write(view: &View<'_>) -> Result<Vec<u8>> {
    let notes = notes(view)?;
    let pieces = &view.snapshot.pieces;
    let mut bytes = StreamingBuffer::new(Vec::new());
    let mut writer = Writer::new(Endianness::Little, false, &mut bytes);
    writer.reserve_file_header();
    writer.reserve_program_headers(1 + pieces.len() as u32);
    let notes_at = writer.reserve(notes.len(), 4);
    let places: Vec<usize> = pieces
        .iter()
        .map(|piece| writer.reserve(piece.bytes.len(), 4096))
        .collect();
    writer.write_file_header(&FileHeader {
        os_abi: elf::ELFOSABI_NONE,
        abi_version: 0,
        e_type: elf::ET_CORE,
        e_machine: elf::EM_ARM,
        e_entry: 0,
        e_flags: elf::EF_ARM_EABI_VER5,
    })?;
    writer.write_align_program_headers();
    writer.write_program_header(&ProgramHeader {
        p_type: elf::PT_NOTE,
        p_flags: 0,
        p_offset: notes_at as u64,
        p_vaddr: 0,
        p_paddr: 0,
        p_filesz: notes.len() as u64,
        p_memsz: 0,
        p_align: 4,
    });
    for (piece, place) in pieces.iter().zip(&places) {
        writer.write_program_header(&ProgramHeader {
            p_type: elf::PT_LOAD,
            p_flags: elf::PF_R | elf::PF_W,
            p_offset: *place as u64,
            p_vaddr: piece.base.into(),
            p_paddr: piece.base.into(),
            p_filesz: piece.bytes.len() as u64,
            p_memsz: piece.bytes.len() as u64,
            p_align: 4096,
        });
    }
    writer.pad_until(notes_at);
    writer.write(&notes);
    for (piece, place) in pieces.iter().zip(&places) {
        writer.pad_until(*place);
        writer.write(&piece.bytes);
    }
    Ok(bytes.into_inner())
}

fn notes(view: &View<'_>) -> Result<Vec<u8>> {
    let mut notes = Vec::new();
    // A machine whose kernel is just starting can be kept too.
    if let Ok(kernel) = Kernel::read(view) {
        // Debuggers take the first thread for the one that ran.
        let mut records: Vec<_> = kernel.tasks.iter().collect();
        records.sort_by_key(|record| record.index != kernel.current);
        for record in records {
            let mut status = vec![0; PRSTATUS];
            let mut put = |at: usize, word: u32| {
                status[at..at + 4].copy_from_slice(&word.to_le_bytes());
            };
            put(PRSTATUS_PID, record.index as u32 + 1);
            for (number, register) in record.registers.r.iter().enumerate() {
                put(PRSTATUS_REGISTERS + 4 * number, *register);
            }
            put(PRSTATUS_REGISTERS + 4 * 16, record.registers.psr);
            note(&mut notes, CORE, elf::NT_PRSTATUS, &status);
        }
    }
    let about = About {
        image: view.report.name.clone(),
        build_id: view.build_id.clone(),
        processor: view
            .snapshot
            .registers
            .map(|registers| (registers.r, registers.psr)),
    };
    note(&mut notes, OWNER, ABOUT, &serde_json::to_vec(&about)?);
    Ok(notes)
}

fn note(notes: &mut Vec<u8>, owner: &str, kind: u32, bytes: &[u8]) {
    for word in [owner.len() as u32 + 1, bytes.len() as u32, kind] {
        notes.extend(word.to_le_bytes());
    }
    for part in [format!("{owner}\0").as_bytes(), bytes] {
        notes.extend(part);
        notes.resize(notes.len().next_multiple_of(4), 0);
    }
}

/// A file that [`write()`] made.
#[derive(Clone, Debug)]
pub struct DumpFile {
    path: PathBuf,
}

impl DumpFile {
    /// The dump at `path`.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
        }
    }
}

impl Source for DumpFile {
    fn take(&mut self, _wanted: &[Range]) -> Result<Snapshot> {
        let bytes =
            fs::read(&self.path).with_context(|| format!("cannot read {}", self.path.display()))?;
        snapshot(&bytes).with_context(|| format!("{}", self.path.display()))
    }
}

/// Reads a dump. Of one that was cut off, what is there.
///
/// # Errors
///
/// It is no dump.
pub fn snapshot(bytes: &[u8]) -> Result<Snapshot> {
    const NONE: &str = "this is no dump: `cargo xtask inspect dump` makes one";
    let header = elf::FileHeader32::<Endianness>::parse(bytes)
        .ok()
        .context(NONE)?;
    let endian = Endianness::Little;
    if header.e_type(endian) != elf::ET_CORE || header.e_machine(endian) != elf::EM_ARM {
        bail!(NONE);
    }
    let headers = header
        .program_headers(endian, bytes)
        .ok()
        .context("the dump ends within its own table of contents")?;
    let mut snapshot = Snapshot::default();
    let mut missing = 0;
    for program in headers {
        let (start, size) = (
            program.p_offset(endian) as usize,
            program.p_filesz(endian) as usize,
        );
        let end = start.saturating_add(size).min(bytes.len());
        let found = bytes.get(start..end).unwrap_or_default();
        missing += size - found.len();
        match program.p_type(endian) {
            elf::PT_LOAD => snapshot.pieces.push(Piece {
                base: program.p_vaddr(endian),
                bytes: found.to_vec(),
            }),
            elf::PT_NOTE => {
                let processor = about(found).and_then(|about| about.processor);
                snapshot.registers = processor.map(|(r, psr)| Registers { r, psr });
            }
            _ => {}
        }
    }
    if missing > 0 {
        snapshot.remarks.push(format!(
            "the dump is cut off: its last {missing} bytes are missing; the rest is shown"
        ));
    }
    Ok(snapshot)
}

/// The name of the image that a dump is of.
///
/// # Errors
///
/// The file cannot be read, or does not say.
pub fn image_name(path: &Path) -> Result<String> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let find = || {
        let header = elf::FileHeader32::<Endianness>::parse(&*bytes).ok()?;
        let headers = header.program_headers(Endianness::Little, &*bytes).ok()?;
        headers
            .iter()
            .find_map(|program| about(program.data(Endianness::Little, &*bytes).ok()?))
    };
    let found: Option<About> = find();
    found
        .map(|about| about.image)
        .with_context(|| format!("{} does not say of which image it is", path.display()))
}

/// Our own note.
fn about(notes: &[u8]) -> Option<About> {
    let mut rest = notes;
    loop {
        let word = |at: usize| Some(u32::from_le_bytes(rest.get(at..at + 4)?.try_into().ok()?));
        let (name, size) = (word(0)? as usize, word(4)? as usize);
        let name_end = name.checked_add(12)?;
        let start = name_end.next_multiple_of(4);
        let owner = rest.get(12..name_end)?;
        let content = rest.get(start..start.checked_add(size)?)?;
        if owner.strip_suffix(b"\0") == Some(OWNER.as_bytes()) {
            return serde_json::from_slice(content).ok();
        }
        rest = rest.get((start + size).next_multiple_of(4)..)?;
    }
}
