// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A linked program, as far as stack depth asks: its functions, its constants, and the pointers to functions among them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use object::read::elf::ElfFile32;
use object::{Endianness, Object, ObjectSection, ObjectSymbol, SectionFlags, SymbolKind};

use super::decode::{Decoded, Decoder, Effect, Kind};

/// A function.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its name, without hashes and mangling.
    pub name: String,
    /// Its first instruction.
    pub address: u32,
    /// Whether it begins in T32.
    pub thumb: bool,
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

    /// What a pointer to it holds: bit 0 says that it is T32.
    fn pointer(&self) -> u32 {
        self.address | u32::from(self.thumb)
    }
}

/// Bytes at an address.
struct Part<'a> {
    address: u32,
    bytes: Cow<'a, [u8]>,
    executable: bool,
    writable: bool,
}

/// What a function of a test consists of.
#[cfg(test)]
pub type Pieces<'a> = &'a [(Kind, &'a [u8])];

/// A linked program.
pub struct Program<'a> {
    /// Its functions, in ascending order of address.
    pub functions: Vec<Function>,
    parts: Vec<Part<'a>>,
    /// What begins where in the executable parts.
    kinds: BTreeMap<u32, Kind>,
    /// The linker's ways to code that is far away or in the other instruction set: function to function.
    ways: BTreeMap<usize, usize>,
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
                bytes: data.into(),
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
                Some("$a") => _ = kinds.insert(address, Kind::A32),
                Some("$t") => _ = kinds.insert(address, Kind::T32),
                Some("$d") => _ = kinds.insert(address, Kind::Data),
                _ => {
                    // The linker's ways from one instruction set to the other are functions without a size.
                    let function = symbol.kind() == SymbolKind::Text;
                    // The names of linker scripts have no section of their own kind; assembly's labels are global.
                    let label = symbol.is_global() && symbol.section_index().is_some();
                    if !function && !label {
                        continue;
                    }
                    let new = Function {
                        name: format!("{:#}", rustc_demangle::demangle(name)),
                        address: address & !1,
                        thumb: false,
                        size: symbol.size() as u32,
                        hand_written: symbol.size() == 0,
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
            function.thumb = kind(&kinds, address) == Kind::T32;
            // A label reaches to the next one; and what is said to overlap does not.
            if function.size == 0 || function.end() > next {
                function.size = next - address;
            }
        }
        let mut program = Self {
            functions,
            parts,
            kinds,
            ways: BTreeMap::new(),
        };
        program.find_ways();
        Ok(program)
    }

    /// A program for tests: of each function its name, its address, and what it consists of.
    #[cfg(test)]
    pub fn of(functions: &[(&str, u32, Pieces)]) -> Self {
        let mut program = Self {
            functions: Vec::new(),
            parts: Vec::new(),
            kinds: BTreeMap::new(),
            ways: BTreeMap::new(),
        };
        for (name, address, pieces) in functions {
            let mut bytes = Vec::new();
            for (kind, piece) in *pieces {
                program.kinds.insert(address + bytes.len() as u32, *kind);
                bytes.extend_from_slice(piece);
            }
            program.functions.push(Function {
                name: (*name).into(),
                address: *address,
                thumb: kind(&program.kinds, *address) == Kind::T32,
                size: bytes.len() as u32,
                hand_written: false,
            });
            program.parts.push(Part {
                address: *address,
                bytes: bytes.into(),
                executable: true,
                writable: false,
            });
        }
        program.find_ways();
        program
    }

    /// Finds the functions that do nothing but go to a constant: `movw r12`, `movt r12`, `bx r12`.
    fn find_ways(&mut self) {
        self.ways = (0..self.functions.len())
            .filter_map(|number| {
                let mut all = self.instructions(&self.functions[number]);
                let mut next = || Some(all.next()?.1.effect);
                match (next()?, next()?, next()?) {
                    (
                        Effect::Constant(12, lower),
                        Effect::Upper(12, upper),
                        Effect::JumpRegister(12),
                    ) => Some((number, self.pointed_at(lower | upper << 16)?)),
                    _ => None,
                }
            })
            .collect();
    }

    /// The instructions of `function`, without the tables and constants that stand among them. Where the bytes end within an
    /// instruction, that one is not known.
    pub fn instructions(
        &self,
        function: &Function,
    ) -> impl Iterator<Item = (u32, Decoded)> + use<'_, 'a> {
        let (mut address, end) = (function.address, function.end());
        let mut decoder = Decoder::default();
        std::iter::from_fn(move || {
            while address < end && kind(&self.kinds, address) == Kind::Data {
                let mut later = self.kinds.range(address + 1..);
                let code = later.find(|(_, kind)| **kind != Kind::Data);
                address = code.map_or(end, |(code, _)| *code);
            }
            if address >= end {
                return None;
            }
            let bytes = self.bytes(address, end);
            let decoded = decoder.decode(kind(&self.kinds, address), address, bytes);
            let decoded = decoded.unwrap_or(Decoded {
                effect: Effect::Unknown,
                conditional: false,
                size: end - address,
            });
            let at = address;
            address += decoded.size;
            Some((at, decoded))
        })
    }

    /// The function that begins at `address`.
    pub fn starting_at(&self, address: u32) -> Option<usize> {
        self.functions
            .binary_search_by_key(&address, |function| function.address)
            .ok()
    }

    /// The function that a pointer leads to: to its beginning, and in its instruction set.
    pub fn pointed_at(&self, pointer: u32) -> Option<usize> {
        self.starting_at(pointer & !1)
            .filter(|number| self.functions[*number].pointer() == pointer)
            .map(|number| self.behind(number))
    }

    /// The function that the linker's way leads to, if `number` is one; else that one.
    fn behind(&self, number: usize) -> usize {
        self.ways.get(&number).copied().unwrap_or(number)
    }

    /// Whether the instructions at `address` are T32.
    pub fn is_thumb(&self, address: u32) -> bool {
        kind(&self.kinds, address) == Kind::T32
    }

    /// The function that `address` is in.
    pub fn containing(&self, address: u32) -> Option<usize> {
        let next = self
            .functions
            .partition_point(|function| function.address <= address);
        next.checked_sub(1)
            .filter(|number| self.functions[*number].contains(address))
            .map(|number| self.behind(number))
    }

    /// The function called `name`.
    pub fn named(&self, name: &str) -> Option<usize> {
        self.functions
            .iter()
            .position(|function| function.name == name)
    }

    /// What is there from `address` on, at most until `end`.
    fn bytes(&self, address: u32, end: u32) -> &[u8] {
        let part = self.parts.iter().find(|part| part.contains(address));
        part.map_or(&[], |part| {
            let bytes = &part.bytes[(address - part.address) as usize..];
            &bytes[..bytes.len().min((end - address) as usize)]
        })
    }

    fn word(&self, address: u32) -> Option<u32> {
        let bytes = self.bytes(address, address.saturating_add(4));
        Some(u32::from_le_bytes(*bytes.first_chunk()?))
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
                let code = part.executable && kind(&self.kinds, address) != Kind::Data;
                let Some(function) = self
                    .word(address)
                    .filter(|_| !code)
                    .and_then(|word| self.pointed_at(word))
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
            |word: Option<u32>| word.is_some_and(|word| self.pointed_at(word).is_some());
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
                .is_some_and(|word| self.pointed_at(word).is_some())
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

/// What is at `address`: what the last mapping symbol before it says, or A32 without one.
fn kind(kinds: &BTreeMap<u32, Kind>, address: u32) -> Kind {
    let mut before = kinds.range(..=address);
    before.next_back().map_or(Kind::A32, |(_, kind)| *kind)
}

impl Part<'_> {
    fn end(&self) -> u32 {
        self.address + self.bytes.len() as u32
    }

    fn contains(&self, address: u32) -> bool {
        address >= self.address && address - self.address < self.bytes.len() as u32
    }
}
