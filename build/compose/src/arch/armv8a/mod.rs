// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! ARMv8-A in AArch64: VMSAv8-64 tables, ELF files of 64 bits, start-up code of `aarch64-rt`.

mod script;
mod tables;
mod walk;

use manifest::App;

use super::{Arch, Class, Script};
use crate::layout::{Layout, PAGE};
use crate::tables::{Tables, Unfit};
use crate::walk::{Broken, Mapping, Space};

/// ARMv8-A in AArch64.
#[derive(Debug)]
pub struct Armv8a;

impl Arch for Armv8a {
    fn class(&self) -> Class {
        Class::Elf64
    }

    fn has_thumb(&self) -> bool {
        false
    }

    fn unwind_sections(&self) -> &'static [&'static str] {
        &[".eh_frame"]
    }

    fn table_alignment(&self) -> u32 {
        PAGE
    }

    fn tables(&self, layout: &Layout) -> Result<Tables, Unfit> {
        tables::build(layout)
    }

    fn walk(&self, tables: &Tables, ttbr0: u32, address: u32) -> Result<Option<Mapping>, Broken> {
        walk::walk(tables, ttbr0, address)
    }

    fn space(&self, tables: &Tables, ttbr0: u32) -> Result<Space, Broken> {
        walk::space(tables, ttbr0)
    }

    fn nothing_else(&self, tables: &Tables) -> Result<(), Broken> {
        walk::nothing_else(tables)
    }

    fn script(&self, app: &App, layout: &Layout, tables: &Tables, flash_bytes: usize) -> Script {
        Script {
            name: "link.x",
            text: script::link_x(app, layout, tables, flash_bytes),
        }
    }
}

#[cfg(test)]
mod tests;
