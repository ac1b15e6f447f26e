// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Translation tables: a pure function of the layout.
//!
//! ARMv7-A short descriptors with `TTBCR.N` = 1 (ARM DDI 0406C, B3.5): a level-1 table of 2048 entries covers the lower
//! 2 GiB, an entry per MiB, and a level-2 table of 256 entries an entry per 4 KiB page. One level-1 table per task, and
//! one for the kernel alone, which is what the kernel switches through: it holds only global entries, so that nothing
//! walked during a switch can be remembered under the wrong address space identifier.
//!
//! Every table maps all memory of the kernel and of all tasks for the kernel, because it copies between tasks that do not
//! run. What a task may touch itself is what its own table says about user mode.
//!
//! A page's entry is global only if it is the same in every table: a translation lookaside buffer may hold a global
//! entry and one of a task for the same page at once, and which of them counts is not defined.

use std::collections::BTreeMap;

use crate::layout::{Access, Layout, PAGE, Range, pages};
use crate::tables::{Tables, Unfit};

/// The bytes of a level-1 table, and its alignment.
pub const LEVEL1_BYTES: u32 = 8192;
const LEVEL1_ENTRIES: usize = 2048;
const LEVEL2_BYTES: u32 = 1024;
const LEVEL2_ENTRIES: usize = 256;
const MIB: u32 = 1 << 20;

/// TTBR0's attribute bits: walks are shareable, and use the write-back write-allocate caches (B4.1.154).
const TTBR_ATTRIBUTES: u32 = 1 << 6 | 1 << 3 | 1 << 1;

/// A level-1 entry that points to a level-2 table, domain 0.
const LEVEL1_TABLE: u32 = 0b01;
/// In such an entry: privileged code must not execute anything in this MiB.
const LEVEL1_PXN: u32 = 1 << 2;

/// A level-2 entry for a page.
const SMALL_PAGE: u32 = 0b10;
const XN: u32 = 1 << 0;
const SHAREABLE: u32 = 1 << 10;
const NOT_GLOBAL: u32 = 1 << 11;
/// TEX = 001, C = 1, B = 1: Normal, write-back, write-allocate, inside and out.
const NORMAL: u32 = 1 << 6 | 1 << 3 | 1 << 2;
/// TEX = 000, C = 0, B = 1: shareable Device.
const DEVICE: u32 = 1 << 2;
const PRIVILEGED_RW: u32 = ap(0b001);
const ALL_RW: u32 = ap(0b011);
const PRIVILEGED_RO: u32 = ap(0b101);
const ALL_RO: u32 = ap(0b111);

/// AP\[2:0\] where a small page keeps it: bit 9, and bits 5 and 4.
const fn ap(bits: u32) -> u32 {
    (bits >> 2 & 1) << 9 | (bits & 0b11) << 4
}

type Level2 = [u32; LEVEL2_ENTRIES];

/// The MiB's number and its pages.
type Space = BTreeMap<u32, Level2>;

/// Makes the tables. The result has been placed right after the kernel's constants; fails if the kernel's memory is too
/// small for them, saying by how many bytes.
pub fn build(layout: &Layout) -> Result<Tables, Unfit> {
    let tasks: Vec<Space> = (0..layout.tasks.len())
        .map(|task| space(layout, Some(task)))
        .collect();
    let alone = space(layout, None);

    // Equal level-2 tables are stored once. The kernel's own memory looks the same from everywhere, but its entries depend
    // on where the tables end, so its level-2 tables come first and are filled in last.
    let kernel = Range {
        base: layout.kernel.text.base,
        size: layout.kernel.end - layout.kernel.text.base,
    };
    let kernel_mibs: Vec<u32> = (kernel.base / MIB..kernel.end().div_ceil(MIB)).collect();
    let mut unique: Vec<Level2> = Vec::new();
    for space in std::iter::once(&alone).chain(&tasks) {
        for level2 in space.values() {
            if !unique.contains(level2) {
                unique.push(*level2);
            }
        }
    }
    let level1_bytes = LEVEL1_BYTES * (1 + tasks.len() as u32);
    let level2_bytes = LEVEL2_BYTES * (kernel_mibs.len() + unique.len()) as u32;
    let range = Range {
        base: layout.kernel.tables,
        size: pages(level1_bytes + level2_bytes),
    };
    let kernel_ram = Range {
        base: range.end(),
        size: layout.kernel.ram,
    };
    if kernel_ram.end() > layout.kernel.end {
        return Err(Unfit::Missing(kernel_ram.end() - layout.kernel.end));
    }

    let mut words = vec![0; (range.size / 4) as usize];
    let level2_base = range.base + level1_bytes;
    let place = |words: &mut Vec<u32>, position: usize, level2: &Level2| -> u32 {
        let address = level2_base + LEVEL2_BYTES * position as u32;
        let start = ((address - range.base) / 4) as usize;
        words[start..start + LEVEL2_ENTRIES].copy_from_slice(level2);
        address
    };
    let mut kernel_level1 = Vec::new();
    for (position, mib) in kernel_mibs.iter().enumerate() {
        let level2 = kernel_pages(layout, range, kernel_ram, *mib);
        let address = place(&mut words, position, &level2);
        kernel_level1.push((*mib, address | LEVEL1_TABLE));
    }
    for (position, level2) in unique.iter().enumerate() {
        place(&mut words, kernel_mibs.len() + position, level2);
    }

    for (number, space) in std::iter::once(&alone).chain(&tasks).enumerate() {
        let start = number * LEVEL1_ENTRIES;
        for (mib, entry) in &kernel_level1 {
            words[start + *mib as usize] = *entry;
        }
        for (mib, level2) in space {
            let position =
                unique.iter().position(|known| known == level2).unwrap_or(0) + kernel_mibs.len();
            let address = level2_base + LEVEL2_BYTES * position as u32;
            words[start + *mib as usize] = address | LEVEL1_PXN | LEVEL1_TABLE;
        }
    }
    let ttbr0 = |number: usize| (range.base + LEVEL1_BYTES * number as u32) | TTBR_ATTRIBUTES;
    Ok(Tables {
        range,
        words,
        kernel_ttbr0: ttbr0(0),
        task_ttbr0: (1..=tasks.len()).map(ttbr0).collect(),
        kernel_ram,
    })
}

/// Everything outside the kernel's own memory, as `task` sees it, or as the kernel's own table has it.
fn space(layout: &Layout, task: Option<usize>) -> Space {
    let mut space = Space::new();
    for device in &layout.kernel_devices {
        let owners = |page: u32| {
            layout.tasks.iter().any(|task| {
                task.regions
                    .iter()
                    .any(|region| region.range.contains(page))
            })
        };
        for page in (device.base..device.end()).step_by(PAGE as usize) {
            let entry = page | SMALL_PAGE | DEVICE | SHAREABLE | PRIVILEGED_RW | XN;
            match (owners(page), task) {
                (false, _) => put(&mut space, page, entry),
                (true, Some(_)) => put(&mut space, page, entry | NOT_GLOBAL),
                (true, None) => {}
            }
        }
    }
    let Some(own) = task else { return space };
    // The task's own entries come last, so that they hold where another has the same page: memory that the manifest shares.
    let others = layout
        .tasks
        .iter()
        .enumerate()
        .filter(|(index, _)| *index != own);
    for region in others
        .flat_map(|(_, placement)| &placement.regions)
        .filter(|region| !region.access.device)
    {
        put_all(&mut space, region.range, for_kernel(region.access));
    }
    for region in &layout.tasks[own].regions {
        put_all(&mut space, region.range, for_owner(region.access));
    }
    space
}

fn put_all(space: &mut Space, range: Range, rights: u32) {
    for page in (range.base..range.end()).step_by(PAGE as usize) {
        put(
            space,
            page,
            page | SMALL_PAGE | SHAREABLE | NOT_GLOBAL | rights,
        );
    }
}

fn for_owner(access: Access) -> u32 {
    let kind = if access.device { DEVICE } else { NORMAL };
    let rights = if access.write { ALL_RW } else { ALL_RO };
    let never = if access.execute { 0 } else { XN };
    kind | rights | never
}

fn for_kernel(access: Access) -> u32 {
    NORMAL
        | XN
        | if access.write {
            PRIVILEGED_RW
        } else {
            PRIVILEGED_RO
        }
}

fn put(space: &mut Space, page: u32, entry: u32) {
    let level2 = space.entry(page / MIB).or_insert([0; LEVEL2_ENTRIES]);
    level2[(page % MIB / PAGE) as usize] = entry;
}

/// One MiB of the kernel's memory.
fn kernel_pages(layout: &Layout, tables: Range, ram: Range, mib: u32) -> Level2 {
    let mut level2 = [0; LEVEL2_ENTRIES];
    for (number, entry) in level2.iter_mut().enumerate() {
        let page = mib * MIB + number as u32 * PAGE;
        let rights = if layout.kernel.text.contains(page) {
            PRIVILEGED_RO
        } else if layout.kernel.rodata.contains(page) || tables.contains(page) {
            PRIVILEGED_RO | XN
        } else if ram.contains(page) {
            PRIVILEGED_RW | XN
        } else {
            continue;
        };
        *entry = page | SMALL_PAGE | NORMAL | SHAREABLE | rights;
    }
    level2
}
