// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Reading what was linked: sizes, loadable bytes, symbols, task slots.

use std::collections::BTreeMap;

use manifest::{App, InstructionSet, Task};
use object::elf::{PT_LOAD, SHF_ALLOC};
use object::read::elf::{ElfFile, FileHeader, ProgramHeader};
use object::{Endianness, File, Object, ObjectSection, SectionFlags};

use crate::arch::{Arch, Class};
use crate::error::Error;
use crate::layout::{Needs, Range};

fn parse<'a>(arch: &dyn Arch, task: &Task, bytes: &'a [u8]) -> Result<File<'a>, Error> {
    let file = File::parse(bytes).map_err(|error| unreadable(task, error))?;
    match (arch.class(), &file) {
        (Class::Elf32, File::Elf32(_)) | (Class::Elf64, File::Elf64(_)) => Ok(file),
        (class, _) => Err(unreadable(task, format!("it is no {class:?}"))),
    }
}

fn unreadable(task: &Task, error: impl std::fmt::Display) -> Error {
    Error::task(
        &task.name,
        format!("its binary cannot be read: {error}"),
        "remove the folder target/image and build again",
    )
}

/// Every section that takes memory when the task runs: name, address, size, and whether it has bytes in the file.
fn sections<'a>(elf: &File<'a>) -> Vec<(String, Range)> {
    elf.sections()
        .filter(|section| {
            matches!(section.flags(), SectionFlags::Elf { sh_flags } if sh_flags & u64::from(SHF_ALLOC) != 0)
        })
        .filter(|section| section.size() > 0)
        .map(|section| {
            let name = String::from_utf8_lossy(section.name_bytes().unwrap_or_default()).into_owned();
            (name, Range { base: section.address() as u32, size: section.size() as u32 })
        })
        .collect()
}

/// Refuses an object with a section that has no home: the linker would put it anywhere.
pub fn check_sections(arch: &dyn Arch, task: &Task, object: &[u8]) -> Result<(), Error> {
    const KNOWN: [&str; 6] = [
        ".text",
        ".rodata",
        ".data",
        ".bss",
        ".task_slot_table",
        ".idolatry",
    ];
    let elf = parse(arch, task, object)?;
    for (name, _) in sections(&elf) {
        let is = |known: &str| {
            name == known
                || name
                    .strip_prefix(known)
                    .is_some_and(|rest| rest.starts_with('.'))
        };
        let own = task.sections.keys().any(|own| is(&format!(".{own}")));
        let mut known = KNOWN.iter().chain(arch.unwind_sections());
        if !(own || known.any(|known| is(known)) || is(".note") || name == "COMMON") {
            let bare = name.trim_start_matches('.');
            return Err(Error::task(
                &task.name,
                format!("its section `{name}` goes to no memory"),
                format!(
                    "add `sections = {{ {bare} = \"dma\" }}` (or another memory) to [tasks.{}]",
                    task.name
                ),
            ));
        }
    }
    Ok(())
}

/// The sizes of a linked task.
pub fn measure(arch: &dyn Arch, task: &Task, bytes: &[u8]) -> Result<Needs, Error> {
    let mut needs = Needs::default();
    for (name, range) in sections(&parse(arch, task, bytes)?) {
        match name.as_str() {
            ".text" => needs.text = range.size,
            ".rodata" => needs.rodata = range.size,
            ".data" => needs.data = range.size,
            ".bss" => needs.bss = range.size,
            other => {
                needs
                    .sections
                    .insert(other.trim_start_matches('.').into(), range.size);
            }
        }
    }
    Ok(needs)
}

/// Where the task starts; bit 0 set means T32.
pub fn entry(arch: &dyn Arch, task: &Task, bytes: &[u8]) -> Result<u32, Error> {
    let thumb = arch.has_thumb() && task.instruction_set == InstructionSet::T32;
    let bit = u32::from(thumb);
    match parse(arch, task, bytes)?.entry() as u32 {
        0 => Err(Error::task(
            &task.name,
            "it has no `_start`",
            "use userlib in it: `use userlib as _;`",
        )),
        entry if !arch.has_thumb() || entry & 1 == bit => Ok(entry),
        entry => Err(Error::task(
            &task.name,
            format!(
                "it starts at {entry:#x}, which is not in the instruction set {:?}",
                task.instruction_set
            ),
            "this is an error of the build itself; please report it",
        )),
    }
}

/// The bytes that are to be loaded, each with its load address, in ascending order.
pub fn loadable(arch: &dyn Arch, task: &Task, bytes: &[u8]) -> Result<Vec<(u32, Vec<u8>)>, Error> {
    let mut parts = match parse(arch, task, bytes)? {
        File::Elf32(elf) => segments(&elf, task, bytes),
        File::Elf64(elf) => segments(&elf, task, bytes),
        _ => Ok(Vec::new()),
    }?;
    parts.sort();
    Ok(parts)
}

fn segments<H: FileHeader<Endian = Endianness>>(
    elf: &ElfFile<'_, H>,
    task: &Task,
    bytes: &[u8],
) -> Result<Vec<(u32, Vec<u8>)>, Error> {
    let endian = elf.endian();
    let mut parts = Vec::new();
    for header in elf.elf_program_headers() {
        if header.p_type(endian) != PT_LOAD || header.p_filesz(endian).into() == 0 {
            continue;
        }
        let data = header
            .data(endian, bytes)
            .map_err(|()| unreadable(task, "a segment lies outside the file"))?;
        let address = u32::try_from(header.p_paddr(endian).into())
            .map_err(|_| unreadable(task, "a segment lies beyond 4 GiB"))?;
        parts.push((address, data.to_vec()));
    }
    Ok(parts)
}

/// Writes the index of each callee into the task's slots, as `task-slots` says.
pub fn patch_slots(arch: &dyn Arch, app: &App, task: &Task, bytes: &mut [u8]) -> Result<(), Error> {
    for (name, address) in slots(arch, task, bytes)? {
        let Some(callee) = task.task_slots.get(&name) else {
            let has: Vec<&str> = task.task_slots.keys().map(String::as_str).collect();
            return Err(Error::task(
                &task.name,
                format!(
                    "its source has a task slot `{name}`, and the manifest does not say which task that is"
                ),
                format!(
                    "add `{{ {name} = \"…\" }}` to `task-slots` of [tasks.{}] in {} (it has: {})",
                    task.name,
                    app.files[0],
                    if has.is_empty() {
                        "none".into()
                    } else {
                        has.join(", ")
                    },
                ),
            ));
        };
        let index = app.index(callee).unwrap_or(0) as u16;
        let offset = file_offset(arch, task, bytes, address)?;
        bytes[offset..offset + 2].copy_from_slice(&index.to_le_bytes());
    }
    Ok(())
}

/// The slots of a linked task: name, and address of the index.
///
/// Each entry of the table is an address, the length of the name in 32 bits, and the name; entries are aligned as addresses are.
pub fn slots(arch: &dyn Arch, task: &Task, bytes: &[u8]) -> Result<BTreeMap<String, u32>, Error> {
    let elf = parse(arch, task, bytes)?;
    let mut slots = BTreeMap::new();
    let Some(section) = elf.section_by_name(".task_slot_table") else {
        return Ok(slots);
    };
    let table = section.data().map_err(|error| unreadable(task, error))?;
    let word = |at: usize| -> Option<u32> {
        Some(u32::from_le_bytes(table.get(at..at + 4)?.try_into().ok()?))
    };
    let width = arch.class().bytes();
    let head = width + 4;
    let mut at = 0;
    while at + head <= table.len() {
        let entry = (|| {
            let length = word(at + width)? as usize;
            let name = table.get(at + head..(at + head).checked_add(length)?)?;
            Some((
                String::from_utf8(name.to_vec()).ok()?,
                word(at)?,
                at + head + length,
            ))
        })();
        let Some((name, address, end)) = entry else {
            return Err(unreadable(task, "its section .task_slot_table is damaged"));
        };
        slots.insert(name, address);
        at = end.next_multiple_of(width);
    }
    Ok(slots)
}

/// Where in the file the byte for `address` is.
fn file_offset(arch: &dyn Arch, task: &Task, bytes: &[u8], address: u32) -> Result<usize, Error> {
    parse(arch, task, bytes)?
        .sections()
        .find_map(|section| {
            let (offset, length) = section.file_range()?;
            let within = u64::from(address).checked_sub(section.address())?;
            let allocated =
                matches!(section.flags(), SectionFlags::Elf { sh_flags } if sh_flags & u64::from(SHF_ALLOC) != 0);
            (allocated && within + 2 <= length).then_some((offset + within) as usize)
        })
        .ok_or_else(|| {
            Error::task(
                &task.name,
                format!("its task slot at {address:#x} has no bytes in the file"),
                "declare task slots with `task_slot!`",
            )
        })
}
