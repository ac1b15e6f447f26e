// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Layouts that are right, and tables broken in one bit: every rule must notice.

use super::*;
use crate::arch::Armv7a;
use crate::layout::{KernelPlacement, Placement, Region};
use crate::tables::Unfit;

fn region(base: u32, size: u32, access: Access) -> Region {
    Region {
        range: Range { base, size },
        access,
        shared: false,
        name: String::new(),
    }
}

/// A task with `number` in its addresses: 2 pages of text, 1 of constants, 2 of RAM.
fn task(number: u32) -> Placement {
    let flash = 0x4020_0000 + number * 0x3000;
    let ram = 0x4030_1000 + number * 0x2000;
    let text = Range {
        base: flash,
        size: 0x2000,
    };
    let rodata = Range {
        base: flash + 0x2000,
        size: 0x1000,
    };
    let memory = Range {
        base: ram,
        size: 0x2000,
    };
    Placement {
        text,
        rodata,
        ram: memory,
        stack: Range {
            base: ram,
            size: 1024,
        },
        regions: vec![
            region(text.base, text.size, Access::TEXT),
            region(rodata.base, rodata.size, Access::RODATA),
            region(memory.base, memory.size, Access::RAM),
        ],
        ..Placement::default()
    }
}

/// Three tasks; the second has a device that the kernel has too, and the third a device of its own and DMA memory.
pub(crate) fn layout() -> Layout {
    let mut tasks: Vec<Placement> = (0..3).map(task).collect();
    tasks[1]
        .regions
        .insert(0, region(0x0900_0000, 0x1000, Access::DEVICE));
    tasks[2]
        .regions
        .insert(0, region(0x0a00_0000, 0x4000, Access::DEVICE));
    tasks[2].regions.push(region(
        0x4038_0000,
        0x3000,
        Access {
            dma: true,
            ..Access::RAM
        },
    ));
    Layout {
        kernel: kernel(),
        kernel_devices: vec![
            Range {
                base: 0x0800_0000,
                size: 0x2_0000,
            },
            Range {
                base: 0x0900_0000,
                size: 0x1000,
            },
        ],
        tasks,
        ..Layout::default()
    }
}

/// Where the kernel of all layouts here lies.
pub(super) fn kernel() -> KernelPlacement {
    KernelPlacement {
        text: Range {
            base: 0x4010_0000,
            size: 0x8000,
        },
        rodata: Range {
            base: 0x4010_8000,
            size: 0x3000,
        },
        tables: 0x4010_c000,
        ram: 0x6000,
        end: 0x4020_0000,
    }
}

fn built(layout: &Layout) -> Tables {
    Armv7a.tables(layout).expect("there is room")
}

fn user(tables: &Tables, task: usize, address: u32) -> Rights {
    Armv7a
        .walk(tables, tables.task_ttbr0[task], address)
        .unwrap()
        .map_or(Rights::NONE, |mapping| mapping.user)
}

const NONE: Rights = Rights::NONE;
const R: Rights = Rights {
    read: true,
    write: false,
    execute: false,
};
const RW: Rights = Rights {
    read: true,
    write: true,
    execute: false,
};
const RX: Rights = Rights {
    read: true,
    write: false,
    execute: true,
};

#[test]
fn tables_of_a_right_layout_pass() {
    let layout = layout();
    all(&Armv7a, &layout, &built(&layout)).unwrap();
}

#[test]
fn a_task_has_its_own_memory_and_no_other() {
    let layout = layout();
    let tables = built(&layout);
    for (address, rights) in [
        (0x4020_0000, NONE),
        (0x4020_3000, RX),
        (0x4020_4ffc, RX),
        (0x4020_5000, R),
        (0x4020_6000, NONE),
        (0x4030_2ffc, NONE),
        (0x4030_3000, RW),
        (0x4030_4ffc, RW),
        (0x4030_5000, NONE),
        (0x0900_0000, RW),
        (0x0900_1000, NONE),
        (0x0a00_3000, NONE),
        (0x4038_0000, NONE),
        (0x4010_0000, NONE),
        (0x4010_c000, NONE),
        (0x0800_0000, NONE),
        (0x0000_0000, NONE),
        (0x4000_0000, NONE),
        (0x7fff_f000, NONE),
        (0x8000_0000, NONE),
        (0xffff_fffc, NONE),
    ] {
        assert_eq!(user(&tables, 1, address), rights, "{address:#010x}");
    }
    assert_eq!(user(&tables, 2, 0x4038_2ffc), RW);
    assert_eq!(user(&tables, 2, 0x0a00_3e00), RW);
    assert_eq!(user(&tables, 2, 0x0900_0000), NONE);
}

#[test]
fn the_kernel_reaches_every_tasks_memory_and_executes_none() {
    let layout = layout();
    let tables = built(&layout);
    for ttbr0 in &tables.task_ttbr0 {
        let kernel = |address| {
            Armv7a
                .walk(&tables, *ttbr0, address)
                .unwrap()
                .map(|mapping| mapping.privileged)
        };
        assert_eq!(kernel(0x4010_0000), Some(RX));
        assert_eq!(kernel(0x4010_8000), Some(R), "constants");
        assert_eq!(kernel(0x4010_c000), Some(R), "tables");
        assert_eq!(kernel(tables.kernel_ram.base), Some(RW));
        assert_eq!(kernel(tables.kernel_ram.end()), None);
        for task in &layout.tasks {
            assert_eq!(kernel(task.text.base), Some(R));
            assert_eq!(kernel(task.rodata.base), Some(R));
            assert_eq!(kernel(task.ram.base), Some(RW));
        }
        assert_eq!(kernel(0x4038_0000), Some(RW));
    }
    assert_eq!(
        Armv7a
            .walk(&tables, tables.kernel_ttbr0, 0x4030_1000)
            .unwrap(),
        None,
        "only global pages while switching"
    );
}

#[test]
fn only_pages_that_look_alike_everywhere_are_global() {
    let layout = layout();
    let tables = built(&layout);
    let global = |ttbr0, address| {
        Armv7a
            .walk(&tables, ttbr0, address)
            .unwrap()
            .map(|mapping| mapping.global)
    };
    assert_eq!(
        global(tables.task_ttbr0[0], 0x0800_0000),
        Some(true),
        "the kernel's device"
    );
    assert_eq!(
        global(tables.task_ttbr0[0], 0x0900_0000),
        Some(false),
        "also a task's"
    );
    assert_eq!(global(tables.task_ttbr0[1], 0x0900_0000), Some(false));
    assert_eq!(global(tables.kernel_ttbr0, 0x0900_0000), None);
    assert_eq!(global(tables.task_ttbr0[1], 0x4010_0000), Some(true));
}

#[test]
fn memory_is_cached_and_registers_are_not() {
    let layout = layout();
    let tables = built(&layout);
    let kind = |address| {
        Armv7a
            .walk(&tables, tables.task_ttbr0[2], address)
            .unwrap()
            .map(|mapping| mapping.kind)
    };
    assert_eq!(kind(0x4038_0000), Some(Kind::Normal));
    assert_eq!(kind(0x0a00_0000), Some(Kind::Device));
    assert_eq!(kind(0x0800_0000), Some(Kind::Device));
}

#[test]
fn ttbr0_names_an_aligned_table_with_cached_walks() {
    let layout = layout();
    let tables = built(&layout);
    assert_eq!(tables.kernel_ttbr0, 0x4010_c04a);
    assert_eq!(tables.task_ttbr0, [0x4010_e04a, 0x4011_004a, 0x4011_204a]);
    assert_eq!(tables.range.base, 0x4010_c000);
    assert_eq!(tables.range.size as usize, tables.words.len() * 4);
}

#[test]
fn equal_tables_are_stored_once() {
    let one = built(&layout()).range.size;
    let mut more = layout();
    more.tasks.extend((3..7).map(task));
    // Four more level-1 tables, and for each only the two MiB in which it has memory of its own.
    assert!(built(&more).range.size <= one + 4 * (8192 + 2 * 1024) + PAGE);
}

#[test]
fn tables_that_do_not_fit_are_refused() {
    let mut layout = layout();
    layout.kernel.end = 0x4011_8000;
    let needed = built(&self::layout()).kernel_ram.end() - 0x4011_8000;
    assert_eq!(Armv7a.tables(&layout), Err(Unfit::Missing(needed)));
}

#[test]
fn memory_that_the_manifest_shares_may_have_two_writers() {
    let mut layout = layout();
    let shared = Region {
        shared: true,
        ..region(0x4039_0000, 0x1000, Access::RAM)
    };
    layout.tasks[0].regions.push(shared.clone());
    layout.tasks[1].regions.push(shared);
    let tables = built(&layout);
    all(&Armv7a, &layout, &tables).unwrap();
    assert_eq!(user(&tables, 0, 0x4039_0000), RW);
    assert_eq!(user(&tables, 1, 0x4039_0000), RW);
    assert_eq!(user(&tables, 2, 0x4039_0000), NONE);
}

#[test]
fn memory_that_two_layouts_claim_is_refused() {
    let mut layout = layout();
    let stolen = layout.tasks[0].regions[2].clone();
    layout.tasks[1].regions.push(stolen);
    let fault = all(&Armv7a, &layout, &built(&layout)).unwrap_err();
    assert!(
        fault.starts_with("nothing is writable by two tasks"),
        "{fault}"
    );
}

#[test]
fn a_stack_on_top_of_its_own_memory_is_refused() {
    let mut layout = layout();
    layout.tasks[0].stack.base += PAGE;
    let fault = all(&Armv7a, &layout, &built(&layout)).unwrap_err();
    assert!(
        fault.starts_with("the page below a stack is out of reach"),
        "{fault}"
    );
}

/// Where the entry for `address` is, in the table of task 1.
fn entry(tables: &Tables, address: u32) -> usize {
    let at = |address: u32| ((address - tables.range.base) / 4) as usize;
    let level1 = tables.words[at((tables.task_ttbr0[1] & !0x1fff) + (address >> 20) * 4)];
    at((level1 & !0x3ff) + (address >> 12 & 0xff) * 4)
}

#[test]
fn every_wrong_bit_is_noticed() {
    let layout = layout();
    let right = built(&layout);
    let places = [
        ("own text", 0x4020_3000),
        ("own constants", 0x4020_5000),
        ("own stack", 0x4030_3000),
        ("own device", 0x0900_0000),
        ("foreign text", 0x4020_0000),
        ("foreign memory", 0x4030_1000),
        ("DMA memory", 0x4038_0000),
        ("kernel text", 0x4010_0000),
        ("kernel constants", 0x4010_8000),
        ("tables", 0x4010_c000),
        ("kernel memory", right.kernel_ram.base),
        ("kernel device", 0x0800_0000),
        ("unused", 0x4039_0000),
    ];
    for (place, address) in places {
        for bit in 0..32 {
            let mut wrong = right.clone();
            let at = entry(&wrong, address);
            wrong.words[at] ^= 1 << bit;
            assert!(
                all(&Armv7a, &layout, &wrong).is_err(),
                "bit {bit} of the page for {place}"
            );
        }
    }
}

#[test]
fn every_wrong_bit_of_the_first_level_is_noticed() {
    let layout = layout();
    let right = built(&layout);
    for mib in [0x080, 0x090, 0x400, 0x401, 0x402, 0x403, 0x404] {
        for bit in 0..32 {
            let mut wrong = right.clone();
            let at = ((wrong.task_ttbr0[1] & !0x1fff) - wrong.range.base) / 4 + mib;
            let before = wrong.words[at as usize];
            wrong.words[at as usize] ^= 1 << bit;
            // An empty entry may hold anything in its upper bits.
            if before == 0 && bit > 1 {
                continue;
            }
            assert!(
                all(&Armv7a, &layout, &wrong).is_err(),
                "bit {bit} of the entry for MiB {mib:#x}"
            );
        }
    }
}
