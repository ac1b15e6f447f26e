// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Reads translation tables as the processor does: an independent reading of what `tables` has written.
//!
//! ARM DDI 0487, D8.3 (descriptors) and D8.4 (permissions), with addresses of 32 bits, pages of 4 KiB and `SCTLR_EL1.WXN` = 1.
//! Stricter than the processor: what our tables never have is refused, be it allowed (blocks, the contiguous hint), ignored
//! (bits for software), or a means to the same end (permissions in a table's entry).

use std::fmt::Display;

use crate::layout::PAGE;
use crate::tables::Tables;
use crate::walk::{Broken, Kind, Mapping, Rights, Space};

/// The entries of a level-1 table: what 32 bits of address can choose from.
const LEVEL1: u32 = 4;
/// The entries of the tables below.
const LEVEL2: u32 = 512;

/// An entry that is there: where the table of the next level, or the page, is; and all else that it says.
struct Entry {
    address: u32,
    rest: u64,
}

/// Splits an entry; `None` if it is empty. An entry that the processor would take for empty must be so.
fn split(entry: u64, place: impl Display) -> Result<Option<Entry>, Broken> {
    const ADDRESS: u64 = 0xffff_ffff_f000;
    if entry == 0 {
        return Ok(None);
    }
    if entry & 0b11 != 0b11 {
        // Of level 1 and 2 a block, of level 3 reserved; or nothing, with bits that something may take for more.
        return Err(format!(
            "{place} is neither empty nor a table or page: {entry:#018x}"
        ));
    }
    let Ok(address) = u32::try_from(entry & ADDRESS) else {
        return Err(format!("{place} leads beyond 4 GiB: {entry:#018x}"));
    };
    Ok(Some(Entry {
        address,
        rest: entry & !ADDRESS & !0b11,
    }))
}

/// What the table that an entry is for forbids the kernel: `true` if it must not execute anything there.
fn no_other_rights(rest: u64, may_close: bool, place: impl Display) -> Result<bool, Broken> {
    const PXN_TABLE: u64 = 1 << 59;
    match rest {
        0 => Ok(false),
        PXN_TABLE if may_close => Ok(true),
        _ => Err(format!("{place} is a table's and says more: {rest:#018x}")),
    }
}

/// What a page's entry says.
fn page(page: u32, entry: &Entry, closed: bool) -> Result<Mapping, Broken> {
    const SHAREABLE: u64 = 0b11 << 8;
    let Entry { address, rest } = entry;
    let bit = |number: u32| rest >> number & 1 != 0;
    let fault = |what: &str| Err(format!("the page at {page:#010x} {what}: {rest:#018x}"));
    // Bits 4:2 AttrIndx, 7:6 AP, 9:8 SH, 10 AF, 11 nG, 53 PXN, 54 UXN. All others: NS, nT, GP, DBM, the contiguous hint, what
    // is reserved, and what is left to software.
    const KNOWN: u64 = 0b111 << 2 | 0b11 << 6 | 0b11 << 8 | 1 << 10 | 1 << 11 | 0b11 << 53;
    if rest & !KNOWN != 0 {
        return fault("has bits that must be 0");
    }
    if !bit(10) {
        return fault("has no access flag");
    }
    let kind = match (rest >> 2 & 0b111, rest & SHAREABLE) {
        (1, SHAREABLE) => Kind::Normal,
        (0, 0) => Kind::Device,
        _ => return fault("is no memory that there is"),
    };
    let (for_task, read_only) = (bit(6), bit(7));
    let (kernel_never, task_never) = (bit(53), bit(54));
    if for_task && !kernel_never {
        return fault("is a task's and the kernel could execute it");
    }
    let user = Rights {
        read: for_task,
        write: for_task && !read_only,
        // Whether it can be read or not.
        execute: !task_never,
    };
    let privileged = Rights {
        read: true,
        write: !read_only,
        // WXN takes it from what can be written, and a task's being able to write does so too; our tables rely on neither.
        execute: !kernel_never && !closed,
    };
    Ok(Mapping {
        physical: *address,
        kind,
        global: !bit(11),
        privileged,
        user,
        execute_never: kernel_never && task_never,
        privileged_execute_never: closed,
        page_never_privileged: kernel_never,
    })
}

/// Looks `address` up in the table that `ttbr0` names.
pub fn walk(tables: &Tables, ttbr0: u32, address: u32) -> Result<Option<Mapping>, Broken> {
    let mut reader = Reader::new(tables);
    let Some(level2) = reader.directory(ttbr0, address >> 30)? else {
        return Ok(None);
    };
    let Some((level3, closed)) = reader.leaf(level2, address >> 30, address >> 21 & 511)? else {
        return Ok(None);
    };
    let mapping = reader.page(level3, closed, address & !(PAGE - 1))?;
    Ok(mapping.map(|mapping| Mapping {
        physical: mapping.physical | address & (PAGE - 1),
        ..mapping
    }))
}

/// Every page that the table that `ttbr0` names maps.
pub fn space(tables: &Tables, ttbr0: u32) -> Result<Space, Broken> {
    let mut reader = Reader::new(tables);
    reader.space(ttbr0)
}

/// Checks that no entry is anywhere but in a table that one of TTBR0's values leads to.
pub fn nothing_else(tables: &Tables) -> Result<(), Broken> {
    let mut reader = Reader::new(tables);
    for ttbr0 in std::iter::once(&tables.kernel_ttbr0).chain(&tables.task_ttbr0) {
        reader.space(*ttbr0)?;
    }
    for (number, entry) in tables.words.chunks(2).enumerate() {
        if !reader.seen[number] && entry != [0, 0] {
            return Err(format!("entry {number} is in no table"));
        }
    }
    Ok(())
}

/// Reads entries, and remembers which.
struct Reader<'a> {
    tables: &'a Tables,
    /// For each entry, whether it was read.
    seen: Vec<bool>,
}

impl<'a> Reader<'a> {
    fn new(tables: &'a Tables) -> Self {
        Self {
            tables,
            seen: vec![false; tables.words.len() / 2],
        }
    }

    fn entry(&mut self, address: u32) -> Result<u64, Broken> {
        let offset = address.wrapping_sub(self.tables.range.base);
        if offset >= self.tables.range.size {
            return Err(format!("a walk leaves the tables, to {address:#010x}"));
        }
        self.seen[(offset / 8) as usize] = true;
        let [low, high] = [0, 1].map(|half| self.tables.words[(offset / 4) as usize + half]);
        Ok(u64::from(low) | u64::from(high) << 32)
    }

    /// The level-2 table for a GiB.
    fn directory(&mut self, ttbr0: u32, gib: u32) -> Result<Option<u32>, Broken> {
        // CnP is 0, and TTBR0's address begins at bit 6 for so small a table.
        if !ttbr0.is_multiple_of(64) {
            return Err(format!(
                "the table of TTBR0 {ttbr0:#010x} is not aligned to 64 bytes"
            ));
        }
        let place = format_args!("the entry of {ttbr0:#010x} for GiB {gib}");
        let Some(entry) = split(self.entry(ttbr0 + gib * 8)?, place)? else {
            return Ok(None);
        };
        // Closed as a whole is a part of memory of 2 MiB, not of a GiB.
        no_other_rights(entry.rest, false, place)?;
        Ok(Some(entry.address))
    }

    /// The level-3 table for 2 MiB, and whether the kernel must not execute anything there.
    fn leaf(&mut self, level2: u32, gib: u32, block: u32) -> Result<Option<(u32, bool)>, Broken> {
        let place = format_args!("the entry for {:#010x}", gib << 30 | block << 21);
        let Some(entry) = split(self.entry(level2 + block * 8)?, place)? else {
            return Ok(None);
        };
        let closed = no_other_rights(entry.rest, true, place)?;
        Ok(Some((entry.address, closed)))
    }

    fn page(&mut self, level3: u32, closed: bool, address: u32) -> Result<Option<Mapping>, Broken> {
        let place = format_args!("the page at {address:#010x}");
        match split(self.entry(level3 + (address >> 12 & 511) * 8)?, place)? {
            None => Ok(None),
            Some(entry) => page(address, &entry, closed).map(Some),
        }
    }

    fn space(&mut self, ttbr0: u32) -> Result<Space, Broken> {
        let mut space = Space::new();
        for gib in 0..LEVEL1 {
            let Some(level2) = self.directory(ttbr0, gib)? else {
                continue;
            };
            for block in 0..LEVEL2 {
                let Some((level3, closed)) = self.leaf(level2, gib, block)? else {
                    continue;
                };
                for number in 0..LEVEL2 {
                    let address = gib << 30 | block << 21 | number << 12;
                    if let Some(mapping) = self.page(level3, closed, address)? {
                        space.insert(address, mapping);
                    }
                }
            }
        }
        Ok(space)
    }
}
