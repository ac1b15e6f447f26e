// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! ARMv7-A: short descriptors, ELF files of 32 bits, start-up code of `cortex-a-rt`.

mod script;
mod tables;
mod walk;

use manifest::App;

use super::{Arch, Class, Script};
use crate::layout::Layout;
use crate::tables::{Tables, Unfit};
use crate::walk::{Broken, Mapping, Space};

/// ARMv7-A.
#[derive(Debug)]
pub struct Armv7a;

impl Arch for Armv7a {
    fn class(&self) -> Class {
        Class::Elf32
    }

    fn has_thumb(&self) -> bool {
        true
    }

    fn unwind_sections(&self) -> &'static [&'static str] {
        &[".ARM.exidx", ".ARM.extab"]
    }

    fn table_alignment(&self) -> u32 {
        tables::LEVEL1_BYTES
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

    fn script(&self, app: &App, layout: &Layout, tables: &Tables, flash_bytes: usize) -> Script {
        Script {
            name: "memory.x",
            text: script::memory_x(app, layout, tables, flash_bytes),
        }
    }
}
