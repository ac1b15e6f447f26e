// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Whose instruction lies at an address: a task's or the kernel's, and which function's.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use object::{Object, ObjectSection, ObjectSymbol};

use crate::image::Image;

/// The kernel, among the tasks.
pub const KERNEL: &str = "kernel";

/// One program of an image.
struct Program {
    name: String,
    /// Its instructions: first address, bytes.
    text: Vec<(u32, Vec<u8>)>,
    /// Its functions, by address.
    functions: Vec<Function>,
}

/// A function of a program.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Function {
    address: u32,
    name: String,
    /// Whether its instructions are T32.
    thumb: bool,
}

/// The bytes of an instruction, of which those of T32 may be two less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instruction {
    /// In A32: the word.
    A32(u32),
    /// In T32: the first half, and what follows it.
    T32(u16, u16),
}

/// All programs of an image.
pub struct Symbols {
    programs: Vec<Program>,
    addresses: HashMap<String, u32>,
}

/// A function of a program, as two numbers that compare fast.
pub type Place = (usize, usize);

impl Symbols {
    /// Reads the binaries of an image.
    ///
    /// # Errors
    ///
    /// One cannot be read.
    pub fn read(image: &Image) -> Result<Self> {
        let report = image.report()?;
        let mut symbols = Self {
            programs: Vec::new(),
            addresses: HashMap::new(),
        };
        symbols.add(KERNEL, &image.elf)?;
        for task in &report.tasks {
            symbols.add(&task.name, &image.folder.join(&task.elf))?;
        }
        Ok(symbols)
    }

    /// Programs for a test, each at an address, with functions of one instruction that does nothing.
    #[cfg(test)]
    pub fn of(programs: &[(&str, u32, &[&str])]) -> Self {
        const NOP: u32 = 0xe320_f000;
        let mut symbols = Self {
            programs: Vec::new(),
            addresses: HashMap::new(),
        };
        for (name, base, functions) in programs {
            let placed: Vec<Function> = (*base..)
                .step_by(4)
                .zip(*functions)
                .map(|(address, name)| Function {
                    address,
                    name: (*name).to_owned(),
                    thumb: false,
                })
                .collect();
            let addresses = placed
                .iter()
                .map(|function| (function.name.clone(), function.address));
            symbols.addresses.extend(addresses);
            symbols.programs.push(Program {
                name: (*name).to_owned(),
                text: vec![(*base, NOP.to_le_bytes().repeat(placed.len()))],
                functions: placed,
            });
        }
        symbols
    }

    fn add(&mut self, name: &str, path: &Path) -> Result<()> {
        let shown = path.display();
        let bytes = fs::read(path).with_context(|| format!("cannot read {shown}"))?;
        let file =
            object::File::parse(&*bytes).with_context(|| format!("{shown} is no ELF file"))?;
        let mut text = Vec::new();
        for section in file.sections() {
            if section.kind() == object::SectionKind::Text {
                text.push((u32::try_from(section.address())?, section.data()?.to_vec()));
            }
        }
        let mut functions = Vec::new();
        for symbol in file.symbols() {
            let Ok(symbol_name) = symbol.name() else {
                continue;
            };
            // Bit 0 says that the function is T32.
            let (address, thumb) = (symbol.address() as u32 & !1, symbol.address() & 1 != 0);
            // Names with a dollar mark what follows as code or data; they are no functions.
            if symbol.kind() == object::SymbolKind::Text && !symbol_name.starts_with('$') {
                self.addresses.insert(symbol_name.to_owned(), address);
                functions.push(Function {
                    address,
                    name: format!("{:#}", rustc_demangle::demangle(symbol_name)),
                    thumb,
                });
            }
        }
        functions.sort();
        self.programs.push(Program {
            name: name.to_owned(),
            text,
            functions,
        });
        Ok(())
    }

    /// The address of a function by its name in the binary.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn address(&self, name: &str) -> Result<u32> {
        self.addresses
            .get(name)
            .copied()
            .with_context(|| format!("no program of the image has a function `{name}`"))
    }

    /// Where an instruction is, and the instruction itself.
    pub fn find(&self, address: u32) -> Option<(Place, Instruction)> {
        for (number, program) in self.programs.iter().enumerate() {
            for (base, bytes) in &program.text {
                let offset = address.wrapping_sub(*base) as usize;
                let Some(rest) = bytes.get(offset..).filter(|rest| rest.len() >= 2) else {
                    continue;
                };
                let function = program
                    .functions
                    .partition_point(|function| function.address <= address)
                    .checked_sub(1)?;
                let half = |at: usize| {
                    let half = rest.get(at..).and_then(|rest| rest.first_chunk());
                    half.map_or(0, |half| u16::from_le_bytes(*half))
                };
                let instruction = if program.functions[function].thumb {
                    Instruction::T32(half(0), half(2))
                } else {
                    Instruction::A32(u32::from(half(2)) << 16 | u32::from(half(0)))
                };
                return Some(((number, function), instruction));
            }
        }
        None
    }

    /// The program's name.
    pub fn program(&self, place: Place) -> &str {
        self.programs
            .get(place.0)
            .map_or("?", |program| &program.name)
    }

    /// The function's name.
    pub fn function(&self, place: Place) -> &str {
        self.programs
            .get(place.0)
            .and_then(|program| program.functions.get(place.1))
            .map_or("?", |function| &function.name)
    }
}
