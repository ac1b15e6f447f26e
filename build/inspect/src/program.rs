// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! One program of an image, the kernel or a task: its constants, its variables, its lines.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use addr2line::{Context as Lines, LookupResult};
use anyhow::{Context, Result, bail};
use gimli::{EndianSlice, LittleEndian};
use object::{Object, ObjectSection, ObjectSegment, ObjectSymbol, SymbolKind};

use crate::types::{Type, TypeRef};

/// How DWARF is read: in place.
pub type Reader<'a> = EndianSlice<'a, LittleEndian>;

/// A static variable.
#[derive(Clone, Debug)]
pub struct Static {
    /// Its path: `drv_virtio_scmi_server::__RINGBUF`.
    pub path: String,
    /// Where it is.
    pub address: u32,
    /// What it is.
    pub of: TypeRef,
}

impl Static {
    /// The last part of its path.
    #[must_use]
    pub fn name(&self) -> &str {
        self.path.rsplit("::").next().unwrap_or(&self.path)
    }
}

/// A place in the source: one of the functions that an address belongs to, the innermost first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The function.
    pub function: String,
    /// File and line, if they are known.
    pub line: Option<String>,
}

/// A program.
pub struct Program<'a> {
    /// What it is called: a task's name, or `kernel`.
    pub name: String,
    elf: object::File<'a>,
    debug: OnceCell<Debug<'a>>,
    lines: OnceCell<Option<Lines<Reader<'a>>>>,
}

/// What the debug information says.
pub struct Debug<'a> {
    pub(crate) dwarf: gimli::Dwarf<Reader<'a>>,
    pub(crate) units: Vec<gimli::Unit<Reader<'a>>>,
    pub(crate) types: RefCell<HashMap<TypeRef, Rc<Type>>>,
    statics: Vec<Static>,
}

impl<'a> Program<'a> {
    /// Reads an ELF program. What its debug information says is read when it is first asked for.
    ///
    /// # Errors
    ///
    /// It is no ELF program.
    pub fn read(name: &str, bytes: &'a [u8]) -> Result<Self> {
        let elf = object::File::parse(bytes)
            .with_context(|| format!("{name}: this is no ELF program"))?;
        Ok(Self {
            name: name.to_owned(),
            elf,
            debug: OnceCell::new(),
            lines: OnceCell::new(),
        })
    }

    /// The build id, of a program that has one.
    #[must_use]
    pub fn build_id(&self) -> Option<&'a [u8]> {
        self.elf.build_id().ok().flatten()
    }

    /// Where the note with the build id is in memory.
    #[must_use]
    pub fn build_id_address(&self) -> Option<u32> {
        // The identifier itself follows the header of the note and `GNU`, 16 bytes together.
        let id = self.build_id()?;
        let (address, bytes) = self.elf.segments().find_map(|segment| {
            let bytes = segment.data().ok()?;
            let range = bytes.as_ptr_range();
            range
                .contains(&id.as_ptr())
                .then(|| (segment.address(), bytes))
        })?;
        let offset = id.as_ptr() as usize - bytes.as_ptr() as usize;
        Some(address as u32 + u32::try_from(offset.checked_sub(16)?).ok()?)
    }

    /// Constant bytes of the program itself. Only what nobody can change counts.
    #[must_use]
    pub fn constant(&self, address: u32, size: usize) -> Option<&'a [u8]> {
        self.elf.segments().find_map(|segment| {
            if matches!(segment.flags(), object::SegmentFlags::Elf { p_flags } if p_flags & object::elf::PF_W != 0)
            {
                return None;
            }
            let start = u64::from(address).checked_sub(segment.address())? as usize;
            segment.data().ok()?.get(start..start.checked_add(size)?)
        })
    }

    /// A section's bytes.
    #[must_use]
    pub fn section(&self, name: &str) -> Option<&'a [u8]> {
        self.elf.section_by_name(name)?.data().ok()
    }

    /// The address of a symbol.
    #[must_use]
    pub fn symbol(&self, name: &str) -> Option<u32> {
        let mut symbols = self.elf.symbols();
        let found = symbols.find(|symbol| symbol.name() == Ok(name))?;
        Some(found.address() as u32)
    }

    /// The function that an address is in, by the symbols alone, without its hash.
    #[must_use]
    pub fn function_at(&self, address: u32) -> Option<String> {
        let address = u64::from(address & !1);
        let mut symbols = self.elf.symbols();
        let found = symbols.find(|symbol| {
            let start = symbol.address() & !1;
            symbol.kind() == SymbolKind::Text && (start..start + symbol.size()).contains(&address)
        })?;
        Some(demangled(found.name().ok()?))
    }

    /// Where `address` is in the source: the function, and those into which it was inlined.
    #[must_use]
    pub fn places(&self, address: u32) -> Vec<Place> {
        let lines = self
            .lines
            .get_or_init(|| Lines::from_dwarf(sections(&self.elf).ok()?).ok());
        let mut places = Vec::new();
        if let Some(lines) = lines {
            let frames = match lines.find_frames(address.into()) {
                LookupResult::Output(frames) => frames,
                // Everything is in the one file, so nothing is to be loaded.
                LookupResult::Load { .. } => return places,
            };
            let Ok(mut frames) = frames else {
                return places;
            };
            while let Ok(Some(frame)) = frames.next() {
                let function = frame
                    .function
                    .as_ref()
                    .and_then(|name| Some(demangled(&name.raw_name().ok()?)));
                let line = frame.location.and_then(|location| {
                    let file = location.file?.trim_start_matches("./").to_owned();
                    Some(match location.line {
                        Some(line) => format!("{file}:{line}"),
                        None => file,
                    })
                });
                places.push(Place {
                    function: function.unwrap_or_else(|| "?".into()),
                    line,
                });
            }
        }
        if places.is_empty()
            && let Some(function) = self.function_at(address)
        {
            places.push(Place {
                function,
                line: None,
            });
        }
        places
    }

    /// The rules by which frames are found on the stack.
    #[must_use]
    pub fn frames(&self) -> gimli::DebugFrame<Reader<'a>> {
        let bytes = self.section(".debug_frame").unwrap_or_default();
        let mut frames = gimli::DebugFrame::new(bytes, LittleEndian);
        frames.set_address_size(4);
        frames
    }

    /// What the debug information says.
    ///
    /// # Errors
    ///
    /// It is damaged.
    pub fn debug(&self) -> Result<&Debug<'a>> {
        if let Some(debug) = self.debug.get() {
            return Ok(debug);
        }
        let debug = Debug::read(&self.elf)
            .with_context(|| format!("the debug information of {} is damaged", self.name))?;
        Ok(self.debug.get_or_init(|| debug))
    }

    /// Its variables.
    ///
    /// # Errors
    ///
    /// As [`debug`](Self::debug).
    pub fn statics(&self) -> Result<&[Static]> {
        Ok(&self.debug()?.statics)
    }
}

/// The build id of a program, in digits.
///
/// # Errors
///
/// It is no program, or has none.
pub fn build_id(program: &[u8]) -> Result<String> {
    let program = Program::read("the image", program)?;
    let id = program.build_id().context("the image has no build id")?;
    Ok(crate::view::hexadecimal(id))
}

fn sections<'a>(elf: &object::File<'a>) -> Result<gimli::Dwarf<Reader<'a>>, gimli::Error> {
    gimli::Dwarf::load(|id| {
        let section = elf.section_by_name(id.name());
        let bytes = section.and_then(|section| section.data().ok());
        Ok(EndianSlice::new(bytes.unwrap_or_default(), LittleEndian))
    })
}

/// A name as its author wrote it, without the compiler's hash.
pub(crate) fn demangled(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}

impl<'a> Debug<'a> {
    fn read(elf: &object::File<'a>) -> Result<Self> {
        let dwarf = sections(elf)?;
        let mut units = Vec::new();
        let mut headers = dwarf.units();
        while let Some(header) = headers.next()? {
            units.push(dwarf.unit(header)?);
        }
        let mut statics = Vec::new();
        for (number, unit) in units.iter().enumerate() {
            find_statics(&dwarf, number, unit, &mut statics)?;
        }
        statics.sort_by_key(|found| found.address);
        // A variable that the linker removed is at 0. Method tables are the compiler's.
        statics.retain(|found| found.address != 0 && !found.path.ends_with("{vtable}"));
        if statics.is_empty() && units.is_empty() {
            bail!("there is none");
        }
        Ok(Self {
            dwarf,
            units,
            types: RefCell::default(),
            statics,
        })
    }
}

/// The variables with an address of their own.
fn find_statics(
    dwarf: &gimli::Dwarf<Reader<'_>>,
    number: usize,
    unit: &gimli::Unit<Reader<'_>>,
    statics: &mut Vec<Static>,
) -> Result<()> {
    let mut entries = unit.entries();
    while let Some(entry) = entries.next_dfs()? {
        if entry.tag() != gimli::DW_TAG_variable {
            continue;
        }
        let Some(gimli::AttributeValue::Exprloc(location)) =
            entry.attr_value(gimli::DW_AT_location)
        else {
            continue;
        };
        let mut bytes = location.0;
        let Ok(gimli::Operation::Address { address }) =
            gimli::Operation::parse(&mut bytes, unit.encoding())
        else {
            continue;
        };
        let Some(of) = TypeRef::of(number, dwarf, entry) else {
            continue;
        };
        let text = |name| {
            let value = entry.attr_value(name)?;
            let text = dwarf.attr_string(unit, value).ok()?;
            Some(text.to_string_lossy().into_owned())
        };
        let path = match text(gimli::DW_AT_linkage_name) {
            Some(mangled) => demangled(&mangled),
            None => match text(gimli::DW_AT_name) {
                Some(name) => name,
                None => continue,
            },
        };
        statics.push(Static {
            path,
            address: address as u32,
            of,
        });
    }
    Ok(())
}
