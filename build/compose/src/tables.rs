// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Translation tables as bytes with a place, whatever their format.

use crate::layout::Range;

/// All translation tables, ready to be placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tables {
    /// Where they go.
    pub range: Range,
    /// Their contents.
    pub words: Vec<u32>,
    /// TTBR0 of the kernel's own table.
    pub kernel_ttbr0: u32,
    /// TTBR0 of each task.
    pub task_ttbr0: Vec<u32>,
    /// Stacks and variables of the kernel: what follows the tables.
    pub kernel_ram: Range,
}

/// Why there are no tables for a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// The kernel's memory lacks so many bytes.
    Missing(u32),
    /// The kernel shares the part of memory that is closed as a whole to its own execution, of so many bytes, with somebody.
    NotAlone(u32),
}
