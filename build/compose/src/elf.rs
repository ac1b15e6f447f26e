// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Reading what was linked: sizes, loadable bytes, symbols, task slots.

use std::collections::BTreeMap;

use manifest::{App, InstructionSet, Task};
use object::elf::{FileHeader32, PT_LOAD, SHF_ALLOC};
use object::read::elf::{ElfFile32, ProgramHeader};
use object::{Endianness, Object, ObjectSection, SectionFlags};

use crate::error::Error;
use crate::layout::{Needs, Range};

type Elf<'a> = ElfFile32<'a, Endianness>;

fn parse<'a>(task: &Task, bytes: &'a [u8]) -> Result<Elf<'a>, Error> {
    ElfFile32::<Endianness>::parse(bytes).map_err(|error| unreadable(task, error))
}

fn unreadable(task: &Task, error: impl std::fmt::Display) -> Error {
    Error::task(
        &task.name,
        format!("its binary cannot be read: {error}"),
        "remove the folder target/image and build again",
    )
}

/// Every section that takes memory when the task runs: name, address, size, and whether it has bytes in the file.
fn sections<'a>(elf: &Elf<'a>) -> Vec<(String, Range)> {
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
pub fn check_sections(task: &Task, object: &[u8]) -> Result<(), Error> {
    const KNOWN: [&str; 8] = [
        ".text",
        ".rodata",
        ".data",
        ".bss",
        ".ARM.exidx",
        ".ARM.extab",
        ".task_slot_table",
        ".idolatry",
    ];
    let elf = parse(task, object)?;
    for (name, _) in sections(&elf) {
        let is = |known: &str| {
            name == known
                || name
                    .strip_prefix(known)
                    .is_some_and(|rest| rest.starts_with('.'))
        };
        let own = task.sections.keys().any(|own| is(&format!(".{own}")));
        if !(own || KNOWN.iter().any(|known| is(known)) || is(".note") || name == "COMMON") {
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
pub fn measure(task: &Task, bytes: &[u8]) -> Result<Needs, Error> {
    let mut needs = Needs::default();
    for (name, range) in sections(&parse(task, bytes)?) {
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
pub fn entry(task: &Task, bytes: &[u8]) -> Result<u32, Error> {
    let bit = u32::from(task.instruction_set == InstructionSet::T32);
    match parse(task, bytes)?.entry() as u32 {
        0 => Err(Error::task(
            &task.name,
            "it has no `_start`",
            "use userlib in it: `use userlib as _;`",
        )),
        entry if entry & 1 == bit => Ok(entry),
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
pub fn loadable(task: &Task, bytes: &[u8]) -> Result<Vec<(u32, Vec<u8>)>, Error> {
    let elf = parse(task, bytes)?;
    let endian = elf.endian();
    let mut parts = Vec::new();
    for header in elf.elf_program_headers() {
        let header: &<FileHeader32<Endianness> as object::read::elf::FileHeader>::ProgramHeader =
            header;
        if header.p_type(endian) != PT_LOAD || header.p_filesz(endian) == 0 {
            continue;
        }
        let data = header
            .data(endian, bytes)
            .map_err(|()| unreadable(task, "a segment lies outside the file"))?;
        parts.push((header.p_paddr(endian), data.to_vec()));
    }
    parts.sort();
    Ok(parts)
}

/// Writes the index of each callee into the task's slots, as `task-slots` says.
pub fn patch_slots(app: &App, task: &Task, bytes: &mut [u8]) -> Result<(), Error> {
    for (name, address) in slots(task, bytes)? {
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
        let offset = file_offset(task, bytes, address)?;
        bytes[offset..offset + 2].copy_from_slice(&index.to_le_bytes());
    }
    Ok(())
}

/// The slots of a linked task: name, and address of the index.
///
/// Each entry of the table is the address and the length of the name, both 32 bits, and the name; entries are 4-aligned.
pub fn slots(task: &Task, bytes: &[u8]) -> Result<BTreeMap<String, u32>, Error> {
    let elf = parse(task, bytes)?;
    let mut slots = BTreeMap::new();
    let Some(section) = elf.section_by_name(".task_slot_table") else {
        return Ok(slots);
    };
    let table = section.data().map_err(|error| unreadable(task, error))?;
    let word = |at: usize| -> Option<u32> {
        Some(u32::from_le_bytes(table.get(at..at + 4)?.try_into().ok()?))
    };
    let mut at = 0;
    while at + 8 <= table.len() {
        let entry = (|| {
            let length = word(at + 4)? as usize;
            let name = table.get(at + 8..(at + 8).checked_add(length)?)?;
            Some((
                String::from_utf8(name.to_vec()).ok()?,
                word(at)?,
                at + 8 + length,
            ))
        })();
        let Some((name, address, end)) = entry else {
            return Err(unreadable(task, "its section .task_slot_table is damaged"));
        };
        slots.insert(name, address);
        at = end.next_multiple_of(4);
    }
    Ok(slots)
}

/// Where in the file the byte for `address` is.
fn file_offset(task: &Task, bytes: &[u8], address: u32) -> Result<usize, Error> {
    parse(task, bytes)?
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
