// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Translation tables: a pure function of the layout.
//!
//! VMSAv8-64 with pages of 4 KiB and addresses of 32 bits, `TCR_EL1.T0SZ` = 32 (ARM DDI 0487, D8.2): a level-1 table of
//! 4 entries, an entry per GiB; level-2 tables of 512 entries, an entry per 2 MiB; level-3 tables of 512 entries, an entry per
//! page. One level-1 table per task, and one for the kernel alone, which holds only global entries. The level-1 tables share
//! a page; equal tables of the other levels are stored once.
//!
//! As on ARMv7-A, every table maps all memory of the kernel and of all tasks for the kernel, and a page's entry is global only
//! if it is the same in every table. What the kernel must not execute is said twice: for each 2 MiB outside its own, and in
//! each page.

use std::collections::BTreeMap;

use crate::layout::{Access, Layout, PAGE, Range};
use crate::tables::{Tables, Unfit};

/// The bytes from one level-1 table to the next: the least alignment that TTBR0 can name.
pub const LEVEL1_STRIDE: u32 = 64;
/// The bytes that one entry of a level-2 table covers.
pub const BLOCK: u32 = 2 << 20;
const ENTRIES: usize = 512;
const BLOCKS_IN_GIB: u32 = ENTRIES as u32;

/// An entry for a table, or for a page.
const VALID: u64 = 0b11;
/// In an entry for a table: nothing in it is executed by the kernel.
const PXN_TABLE: u64 = 1 << 59;
const ACCESSED: u64 = 1 << 10;
/// AttrIndx 1 and inner shareable: write-back, write-allocate, inside and out (MAIR_EL1 is the kernel's).
const NORMAL: u64 = 1 << 2 | 0b11 << 8;
/// AttrIndx 0: Device-nGnRE.
const DEVICE: u64 = 0;
const FOR_TASK: u64 = 1 << 6;
const READ_ONLY: u64 = 1 << 7;
const NOT_GLOBAL: u64 = 1 << 11;
const PXN: u64 = 1 << 53;
const UXN: u64 = 1 << 54;

/// A table of 512 entries.
type Table = [u64; ENTRIES];

/// The number of a block of 2 MiB, and its pages.
type Leaves = BTreeMap<u32, Table>;

/// Makes the tables.
pub fn build(layout: &Layout) -> Result<Tables, Unfit> {
    let kernel_block = layout.kernel.text.base / BLOCK;
    let spaces: Vec<Leaves> = std::iter::once(None)
        .chain((0..layout.tasks.len()).map(Some))
        .map(|task| leaves(layout, task))
        .collect();
    let alone = spaces
        .iter()
        .all(|space| !space.contains_key(&kernel_block));
    if !alone || (layout.kernel.end - 1) / BLOCK != kernel_block {
        return Err(Unfit::NotAlone(BLOCK));
    }

    // Where the tables end is part of the kernel's own entries, so everything is counted first. Only the kernel's leaf is
    // still empty then; no other table can be equal to it.
    let mut drawing = Drawing::new(layout.kernel.tables, spaces.len() as u32);
    let kernel_leaf = drawing.keep([0; ENTRIES], false);
    let mut roots = Vec::new();
    for space in &spaces {
        let mut directories: BTreeMap<u32, Table> = BTreeMap::new();
        let own = std::iter::once((kernel_block, kernel_leaf));
        let shared: Vec<(u32, u64)> = space
            .iter()
            .map(|(block, leaf)| (*block, drawing.keep(*leaf, true) | PXN_TABLE))
            .collect();
        for (block, address) in own.chain(shared) {
            let directory = directories
                .entry(block / BLOCKS_IN_GIB)
                .or_insert([0; ENTRIES]);
            directory[(block % BLOCKS_IN_GIB) as usize] = address | VALID;
        }
        let root: Vec<(u32, u64)> = directories
            .into_iter()
            .map(|(gib, directory)| (gib, drawing.keep(directory, true) | VALID))
            .collect();
        roots.push(root);
    }
    let range = Range {
        base: layout.kernel.tables,
        size: drawing.bytes(),
    };
    let kernel_ram = Range {
        base: range.end(),
        size: layout.kernel.ram,
    };
    if kernel_ram.end() > layout.kernel.end {
        return Err(Unfit::Missing(kernel_ram.end() - layout.kernel.end));
    }
    drawing.tables[0] = kernel_pages(layout, range, kernel_ram, kernel_block);

    let mut entries = vec![0; (range.size / 8) as usize];
    let stride = (LEVEL1_STRIDE / 8) as usize;
    for (number, root) in roots.iter().enumerate() {
        for (gib, entry) in root {
            entries[number * stride + *gib as usize] = *entry;
        }
    }
    let first = ((drawing.first - range.base) / 8) as usize;
    for (place, entry) in entries[first..]
        .iter_mut()
        .zip(drawing.tables.iter().flatten())
    {
        *place = *entry;
    }
    let root = |number: u32| range.base + number * LEVEL1_STRIDE;
    Ok(Tables {
        range,
        words: entries
            .iter()
            .flat_map(|entry| [*entry as u32, (*entry >> 32) as u32])
            .collect(),
        kernel_ttbr0: root(0),
        task_ttbr0: (1..spaces.len() as u32).map(root).collect(),
        kernel_ram,
    })
}

/// Tables of 512 entries, each with a place.
struct Drawing {
    base: u32,
    first: u32,
    tables: Vec<Table>,
}

impl Drawing {
    /// Leaves room for so many level-1 tables at `base`.
    fn new(base: u32, roots: u32) -> Self {
        Self {
            base,
            first: base + (roots * LEVEL1_STRIDE).next_multiple_of(PAGE),
            tables: Vec::new(),
        }
    }

    /// The address of a table; `common` if an equal one does.
    fn keep(&mut self, table: Table, common: bool) -> u64 {
        let known = self
            .tables
            .iter()
            .position(|known| common && *known == table);
        let number = known.unwrap_or_else(|| {
            self.tables.push(table);
            self.tables.len() - 1
        });
        u64::from(self.first) + number as u64 * u64::from(PAGE)
    }

    fn bytes(&self) -> u32 {
        self.first - self.base + self.tables.len() as u32 * PAGE
    }
}

/// Everything outside the kernel's own memory, as `task` sees it, or as the kernel's own table has it.
fn leaves(layout: &Layout, task: Option<usize>) -> Leaves {
    let mut leaves = Leaves::new();
    for device in &layout.kernel_devices {
        let owned = |page: u32| {
            let regions = layout.tasks.iter().flat_map(|task| &task.regions);
            regions
                .into_iter()
                .any(|region| region.range.contains(page))
        };
        for page in (device.base..device.end()).step_by(PAGE as usize) {
            match (owned(page), task) {
                (false, _) => put(&mut leaves, page, DEVICE | PXN | UXN),
                (true, Some(_)) => put(&mut leaves, page, DEVICE | PXN | UXN | NOT_GLOBAL),
                (true, None) => {}
            }
        }
    }
    let Some(own) = task else { return leaves };
    // The task's own entries come last, so that they hold where another has the same page: memory that the manifest shares.
    for (other, placement) in layout.tasks.iter().enumerate() {
        let memory = placement
            .regions
            .iter()
            .filter(|region| !region.access.device);
        for region in memory.filter(|_| other != own) {
            let rights = if region.access.write { 0 } else { READ_ONLY };
            put_all(&mut leaves, region.range, NORMAL | PXN | UXN | rights);
        }
    }
    for region in &layout.tasks[own].regions {
        put_all(&mut leaves, region.range, for_owner(region.access));
    }
    leaves
}

fn for_owner(access: Access) -> u64 {
    let kind = if access.device { DEVICE } else { NORMAL };
    let rights = if access.write {
        FOR_TASK
    } else {
        FOR_TASK | READ_ONLY
    };
    let never = if access.execute { PXN } else { PXN | UXN };
    kind | rights | never
}

fn put_all(leaves: &mut Leaves, range: Range, rights: u64) {
    for page in (range.base..range.end()).step_by(PAGE as usize) {
        put(leaves, page, rights | NOT_GLOBAL);
    }
}

fn put(leaves: &mut Leaves, page: u32, rights: u64) {
    let leaf = leaves.entry(page / BLOCK).or_insert([0; ENTRIES]);
    leaf[(page % BLOCK / PAGE) as usize] = u64::from(page) | VALID | ACCESSED | rights;
}

/// The 2 MiB of the kernel.
fn kernel_pages(layout: &Layout, tables: Range, ram: Range, block: u32) -> Table {
    let mut leaf = [0; ENTRIES];
    for (number, entry) in leaf.iter_mut().enumerate() {
        let page = block * BLOCK + number as u32 * PAGE;
        let rights = if layout.kernel.text.contains(page) {
            READ_ONLY | UXN
        } else if layout.kernel.rodata.contains(page) || tables.contains(page) {
            READ_ONLY | UXN | PXN
        } else if ram.contains(page) {
            UXN | PXN
        } else {
            continue;
        };
        *entry = u64::from(page) | VALID | ACCESSED | NORMAL | rights;
    }
    leaf
}
