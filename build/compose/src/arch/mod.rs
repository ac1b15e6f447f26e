// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What an image owes to its processor: the format of translation tables, ELF files, and the start-up code's linker script.

mod armv7a;
mod armv8a;

use std::fmt::Debug;

use manifest::{App, Architecture};

use crate::layout::Layout;
use crate::tables::{Tables, Unfit};
use crate::walk::{Broken, Mapping, Space};

pub use armv7a::Armv7a;
pub use armv8a::Armv8a;

/// An architecture.
pub trait Arch: Debug + Sync {
    /// The width of addresses in ELF files and in memory.
    fn class(&self) -> Class;

    /// Whether tasks may be in T32, where bit 0 of an instruction's address says so.
    fn has_thumb(&self) -> bool;

    /// What the compiler makes for unwinding, which no image keeps.
    fn unwind_sections(&self) -> &'static [&'static str];

    /// The alignment of a first translation table.
    fn table_alignment(&self) -> u32;

    /// Makes the translation tables, a pure function of the layout. They are placed right after the kernel's constants.
    ///
    /// # Errors
    ///
    /// The kernel's memory does not do for them.
    fn tables(&self, layout: &Layout) -> Result<Tables, Unfit>;

    /// Looks `address` up in the table that `ttbr0` names, as the processor does: an independent reading of what [`Arch::tables`]
    /// has written.
    ///
    /// # Errors
    ///
    /// The table has an entry that it must not have.
    fn walk(&self, tables: &Tables, ttbr0: u32, address: u32) -> Result<Option<Mapping>, Broken>;

    /// Every page that this table maps.
    ///
    /// # Errors
    ///
    /// The table has an entry that it must not have.
    fn space(&self, tables: &Tables, ttbr0: u32) -> Result<Space, Broken>;

    /// Checks that there is nothing in the tables' memory but tables, where that can be said.
    ///
    /// # Errors
    ///
    /// There is something else.
    fn nothing_else(&self, _tables: &Tables) -> Result<(), Broken> {
        Ok(())
    }

    /// The linker script of the kernel, or what the start-up code's own includes.
    fn script(&self, app: &App, layout: &Layout, tables: &Tables, flash_bytes: usize) -> Script;
}

/// The width of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// 32 bits.
    Elf32,
    /// 64 bits.
    Elf64,
}

impl Class {
    /// The bytes of an address.
    #[must_use]
    pub fn bytes(self) -> usize {
        match self {
            Self::Elf32 => 4,
            Self::Elf64 => 8,
        }
    }
}

/// A linker script with its name.
#[derive(Clone, Debug)]
pub struct Script {
    /// The file.
    pub name: &'static str,
    /// What it says.
    pub text: String,
}

/// The architecture that the manifest's target is for.
#[must_use]
pub fn of(app: &App) -> &'static dyn Arch {
    match app.architecture() {
        Architecture::Armv7a => &Armv7a,
        Architecture::Armv8a => &Armv8a,
    }
}
