// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Reads translation tables as the processor does: an independent reading of what `tables` has written.
//!
//! ARM DDI 0406C, B3.5 (short descriptors), with `TTBCR.N` = 1, `SCTLR.AFE` = 0 and domain 0 a client.

use super::tables::LEVEL1_BYTES;
use crate::layout::PAGE;
use crate::tables::Tables;
use crate::walk::{Broken, Kind, Mapping, Rights, Space};

/// Every page that the table that `ttbr0` names maps.
pub fn space(tables: &Tables, ttbr0: u32) -> Result<Space, Broken> {
    if !(ttbr0 & !0x7f).is_multiple_of(LEVEL1_BYTES) {
        return Err(format!(
            "the table of TTBR0 {ttbr0:#010x} is not aligned to its size"
        ));
    }
    let mut space = Space::new();
    for mib in 0..LEVEL1_BYTES / 4 {
        if is_empty(tables, ttbr0, mib)? {
            continue;
        }
        for page in (mib << 20..(mib + 1) << 20).step_by(PAGE as usize) {
            if let Some(mapping) = walk(tables, ttbr0, page)? {
                space.insert(page, mapping);
            }
        }
    }
    Ok(space)
}

/// Whether the table that `ttbr0` names has nothing in MiB number `mib`.
fn is_empty(tables: &Tables, ttbr0: u32, mib: u32) -> Result<bool, Broken> {
    Ok(word(tables, (ttbr0 & !0x1fff) + mib * 4)? & 0b11 == 0)
}

/// Looks `address` up in the table that `ttbr0` names.
pub fn walk(tables: &Tables, ttbr0: u32, address: u32) -> Result<Option<Mapping>, Broken> {
    if address >> 31 != 0 {
        // TTBCR.PD1 is set: the upper half is not walked.
        return Ok(None);
    }
    let level1 = word(tables, (ttbr0 & !0x1fff) + (address >> 20) * 4)?;
    let level2 = match level1 & 0b11 {
        0b00 => return Ok(None),
        0b01 => level1 & !0x3ff,
        _ => {
            return Err(format!(
                "the entry for {address:#010x} is neither empty nor a table: {level1:#010x}"
            ));
        }
    };
    if level1 >> 3 & 0x7f != 0 {
        return Err(format!(
            "the entry for {address:#010x} is not in domain 0, or has bits that must be 0"
        ));
    }
    let never_privileged = level1 & 1 << 2 != 0;
    let page = word(tables, level2 + (address >> 12 & 0xff) * 4)?;
    if page & 0b10 == 0 {
        return match page {
            0 => Ok(None),
            _ => Err(format!(
                "the page at {address:#010x} is neither empty nor small: {page:#010x}"
            )),
        };
    }
    let never = page & 1 != 0;
    let shareable = page >> 10 & 1 != 0;
    let kind = match (page >> 6 & 0b111, page >> 2 & 0b11) {
        (0b001, 0b11) if shareable => Kind::Normal,
        (0b000, 0b01) if shareable => Kind::Device,
        _ => Kind::Other,
    };
    let (privileged, user) = match (page >> 9 & 1, page >> 4 & 0b11) {
        (0, 0b01) => ((true, true), (false, false)),
        (0, 0b10) => ((true, true), (true, false)),
        (0, 0b11) => ((true, true), (true, true)),
        (1, 0b01) => ((true, false), (false, false)),
        (1, 0b11) => ((true, false), (true, false)),
        _ => {
            return Err(format!(
                "the page at {address:#010x} has rights with no meaning: {page:#010x}"
            ));
        }
    };
    let rights = |(read, write): (bool, bool), never: bool| Rights {
        read,
        write,
        execute: read && !never,
    };
    Ok(Some(Mapping {
        physical: (page & !0xfff) | (address & 0xfff),
        kind,
        global: page >> 11 & 1 == 0,
        privileged: rights(privileged, never || never_privileged),
        user: rights(user, never),
        execute_never: never,
        privileged_execute_never: never_privileged,
        // A page cannot say it of the kernel alone; its MiB can.
        page_never_privileged: never || never_privileged,
    }))
}

fn word(tables: &Tables, address: u32) -> Result<u32, Broken> {
    let offset = address.wrapping_sub(tables.range.base);
    if offset >= tables.range.size {
        return Err(format!("a walk leaves the tables, to {address:#010x}"));
    }
    Ok(tables.words[(offset / 4) as usize])
}
