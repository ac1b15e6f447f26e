// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What linked binaries contain.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use object::{Object, ObjectSection, ObjectSymbol, SectionFlags, elf};

/// What a section is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Instructions.
    Text,
    /// Constants.
    Constants,
    /// Variables, with and without initial values.
    Variables,
    /// Loaded, but neither code nor data of this program: tasks packed into an image, translation tables.
    Other,
}

/// A section that is there at run time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its name.
    pub name: String,
    /// Its first address.
    pub address: u32,
    /// Its length in bytes.
    pub size: u32,
    /// What it is for.
    pub kind: Kind,
}

/// The sections of an ELF file that are there at run time.
///
/// # Errors
///
/// It cannot be read, or is no ELF file.
pub fn sections(path: &Path) -> Result<Vec<Section>> {
    with(path, |file| {
        let mut sections = Vec::new();
        for section in file.sections() {
            let SectionFlags::Elf { sh_flags } = section.flags() else {
                continue;
            };
            let sh_flags = sh_flags as u32;
            if sh_flags & elf::SHF_ALLOC == 0 || section.size() == 0 {
                continue;
            }
            let name = section.name()?.to_owned();
            let kind = if !OWN
                .iter()
                .any(|own| name == *own || name.starts_with(&format!("{own}.")))
            {
                Kind::Other
            } else if sh_flags & elf::SHF_EXECINSTR != 0 {
                Kind::Text
            } else if sh_flags & elf::SHF_WRITE != 0 {
                Kind::Variables
            } else {
                Kind::Constants
            };
            sections.push(Section {
                name,
                address: u32::try_from(section.address())?,
                size: u32::try_from(section.size())?,
                kind,
            });
        }
        Ok(sections)
    })
}

/// Names of sections that hold a program's own code and data.
const OWN: [&str; 8] = [
    ".vectors",
    ".vector_table",
    ".text",
    ".rodata",
    ".ARM",
    ".data",
    ".bss",
    ".uninit",
];

/// The size in bytes of the first symbol whose name contains `part`.
///
/// # Errors
///
/// It cannot be read, is no ELF file, or has no such symbol.
pub fn symbol_size(path: &Path, part: &str) -> Result<u64> {
    with(path, |file| {
        file.symbols()
            .find(|symbol| symbol.size() > 0 && symbol.name().is_ok_and(|name| name.contains(part)))
            .map(|symbol| symbol.size())
            .with_context(|| format!("no symbol `{part}`"))
    })
}

fn with<T>(path: &Path, work: impl FnOnce(&object::File) -> Result<T>) -> Result<T> {
    let shown = path.display();
    let bytes = fs::read(path).with_context(|| format!("cannot read {shown}"))?;
    let file = object::File::parse(&*bytes).with_context(|| format!("{shown} is no ELF file"))?;
    work(&file).with_context(|| format!("in {shown}"))
}
