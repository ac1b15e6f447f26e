// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A linked program, as far as stack depth asks: its functions, its constants, and the pointers to functions among them.

use std::collections::{BTreeMap, BTreeSet};

use object::read::elf::ElfFile32;
use object::{Endianness, Object, ObjectSection, ObjectSymbol, SectionFlags, SymbolKind};

/// A function.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its name, without hashes and mangling.
    pub name: String,
    /// Its first instruction.
    pub address: u32,
    /// Its length in bytes, with tables and constants that stand in it.
    pub size: u32,
    /// Whether it is a label in assembly, and not a function of a compiler.
    pub hand_written: bool,
}

impl Function {
    /// One past its last byte.
    pub fn end(&self) -> u32 {
        self.address + self.size
    }

    /// Whether `address` is in it.
    pub fn contains(&self, address: u32) -> bool {
        (self.address..self.end()).contains(&address)
    }
}

/// Bytes at an address.
struct Part<'a> {
    address: u32,
    bytes: &'a [u8],
    executable: bool,
    writable: bool,
}

/// A linked program.
pub struct Program<'a> {
    /// Its functions, in ascending order of address.
    pub functions: Vec<Function>,
    parts: Vec<Part<'a>>,
    /// Where instructions begin and end in the executable parts: address to "these are instructions".
    kinds: BTreeMap<u32, bool>,
}

/// A method table begins with how to drop the value, its size, and its alignment.
const FIRST_METHOD: i64 = 12;

impl<'a> Program<'a> {
    /// Reads an ELF file.
    pub fn read(bytes: &'a [u8]) -> Result<Self, String> {
        let elf = ElfFile32::<Endianness>::parse(bytes).map_err(|error| error.to_string())?;
        let mut parts = Vec::new();
        for section in elf.sections() {
            let SectionFlags::Elf { sh_flags } = section.flags() else {
                continue;
            };
            let has = |flag: u32| sh_flags & u64::from(flag) != 0;
            let (Ok(data), true) = (section.data(), has(object::elf::SHF_ALLOC)) else {
                continue;
            };
            // Other programs' bytes are not this program's constants.
            if data.is_empty()
                || [".task_images", ".translation_tables"]
                    .iter()
                    .any(|name| section.name() == Ok(name))
            {
                continue;
            }
            parts.push(Part {
                address: section.address() as u32,
                bytes: data,
                executable: has(object::elf::SHF_EXECINSTR),
                writable: has(object::elf::SHF_WRITE),
            });
        }
        let mut functions: BTreeMap<u32, Function> = BTreeMap::new();
        let mut kinds = BTreeMap::new();
        for symbol in elf.symbols() {
            let (address, name) = (symbol.address() as u32, symbol.name().unwrap_or_default());
            if !parts
                .iter()
                .any(|part| part.executable && part.contains(address))
            {
                continue;
            }
            match name.get(..2) {
                Some("$a") => _ = kinds.insert(address, true),
                Some("$d" | "$t") => _ = kinds.insert(address, false),
                _ => {
                    let function = symbol.kind() == SymbolKind::Text && symbol.size() > 0;
                    // The names of linker scripts have no section of their own kind; assembly's labels are global.
                    let label = symbol.is_global() && symbol.section_index().is_some();
                    if !function && !label {
                        continue;
                    }
                    let new = Function {
                        name: format!("{:#}", rustc_demangle::demangle(name)),
                        address: address & !1,
                        size: symbol.size() as u32,
                        hand_written: !function,
                    };
                    match functions.get(&new.address) {
                        Some(old) if !old.hand_written => {}
                        _ => _ = functions.insert(new.address, new),
                    }
                }
            }
        }
        let mut functions: Vec<Function> = functions.into_values().collect();
        for number in 0..functions.len() {
            let address = functions[number].address;
            let limit = parts
                .iter()
                .find(|part| part.contains(address))
                .map_or(address, Part::end);
            let next = functions
                .get(number + 1)
                .map_or(limit, |next| next.address.min(limit));
            let function = &mut functions[number];
            // A label reaches to the next one; and what is said to overlap does not.
            if function.size == 0 || function.end() > next {
                function.size = next - address;
            }
        }
        Ok(Self {
            functions,
            parts,
            kinds,
        })
    }

    /// The instructions of `function`, without the tables and constants that stand among them.
    pub fn instructions(
        &self,
        function: &Function,
    ) -> impl Iterator<Item = (u32, u32)> + use<'_, 'a> {
        let range = function.address..function.end();
        range.step_by(4).filter_map(|address| {
            let instructions = self
                .kinds
                .range(..=address)
                .next_back()
                .is_none_or(|(_, instructions)| *instructions);
            Some((address, self.word(address).filter(|_| instructions)?))
        })
    }

    /// The function that begins at `address`.
    pub fn starting_at(&self, address: u32) -> Option<usize> {
        self.functions
            .binary_search_by_key(&address, |function| function.address)
            .ok()
    }

    /// The function that `address` is in.
    pub fn containing(&self, address: u32) -> Option<usize> {
        let next = self
            .functions
            .partition_point(|function| function.address <= address);
        next.checked_sub(1)
            .filter(|number| self.functions[*number].contains(address))
    }

    /// The function called `name`.
    pub fn named(&self, name: &str) -> Option<usize> {
        self.functions
            .iter()
            .position(|function| function.name == name)
    }

    fn word(&self, address: u32) -> Option<u32> {
        let part = self.parts.iter().find(|part| part.contains(address))?;
        let at = (address - part.address) as usize;
        Some(u32::from_le_bytes(
            part.bytes.get(at..at + 4)?.try_into().ok()?,
        ))
    }

    /// The word at `address`, if nobody can ever change it.
    pub fn constant(&self, address: u32) -> Option<u32> {
        let part = self.parts.iter().find(|part| part.contains(address))?;
        if part.writable {
            None
        } else {
            self.word(address)
        }
    }

    /// The functions whose address stands in memory: those in method tables, by their offset, and all others.
    pub fn pointers(&self) -> (BTreeMap<i64, BTreeSet<usize>>, BTreeSet<usize>) {
        let mut methods: BTreeMap<i64, BTreeSet<usize>> = BTreeMap::new();
        let mut others = BTreeSet::new();
        for part in &self.parts {
            let first = part.address.next_multiple_of(4);
            for address in (first..part.end()).step_by(4) {
                let code = part.executable
                    && self
                        .kinds
                        .range(..=address)
                        .next_back()
                        .is_none_or(|(_, code)| *code);
                let Some(function) = self
                    .word(address)
                    .filter(|_| !code)
                    .and_then(|word| self.starting_at(word))
                else {
                    continue;
                };
                let mut offsets = self.method_offsets(address);
                if self.begins_method_table(address) {
                    offsets.push(0);
                }
                if offsets.is_empty() {
                    others.insert(function);
                }
                for offset in offsets {
                    methods.entry(offset).or_default().insert(function);
                }
            }
        }
        (methods, others)
    }

    /// Whether a method table may begin at `address`: how to drop, a size, an alignment, a method.
    fn begins_method_table(&self, address: u32) -> bool {
        let word = |offset: u32| self.word(address.wrapping_add(offset));
        let is_function =
            |word: Option<u32>| word.is_some_and(|word| self.starting_at(word).is_some());
        (word(0) == Some(0) || is_function(word(0)))
            && word(4).is_some_and(|size| size < 1 << 20)
            && word(8).is_some_and(|align| align.is_power_of_two() && align <= 4096)
            && is_function(word(12))
    }

    /// At which offsets of a method table the pointer at `address` may be.
    fn method_offsets(&self, address: u32) -> Vec<i64> {
        let mut offsets = Vec::new();
        let mut offset = FIRST_METHOD;
        let is_function = |address: u32| {
            self.word(address)
                .is_some_and(|word| self.starting_at(word).is_some())
        };
        while is_function(address.wrapping_sub((offset - FIRST_METHOD) as u32)) {
            if self.begins_method_table(address.wrapping_sub(offset as u32)) {
                offsets.push(offset);
            }
            offset += 4;
        }
        offsets
    }
}

impl Part<'_> {
    fn end(&self) -> u32 {
        self.address + self.bytes.len() as u32
    }

    fn contains(&self, address: u32) -> bool {
        address >= self.address && address - self.address < self.bytes.len() as u32
    }
}
