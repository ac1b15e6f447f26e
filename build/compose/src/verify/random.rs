// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Layouts at random, up to 32 tasks: the tables that are built for them isolate, and say for each address what the layout says.

use proptest::prelude::*;

use super::*;
use crate::arch::Armv7a;
use crate::layout::{Placement, Region};

const PAGE: u32 = 0x1000;
const DMA: Access = Access {
    dma: true,
    ..Access::RAM
};

/// Pages of a task: text, constants, variables, memory of a device, free ones below its variables; and which device it has, if any.
pub(crate) type Shape = (u32, u32, u32, u32, u32, Option<u32>);

fn shape() -> impl Strategy<Value = Shape> {
    (
        1..4u32,
        0..3u32,
        1..4u32,
        0..3u32,
        0..3u32,
        proptest::option::of(0..8u32),
    )
}

/// Takes pages from the front of what is left.
fn take(next: &mut u32, pages: u32) -> Range {
    let base = *next;
    *next += pages * PAGE;
    Range {
        base,
        size: pages * PAGE,
    }
}

pub(crate) fn layout(shapes: &[Shape]) -> Layout {
    let (mut flash, mut ram, mut dma) = (0x4020_0000, 0x4030_1000, 0x4038_0000);
    let mut owned = [false; 8];
    let tasks = shapes
        .iter()
        .map(|&(text, rodata, pages, shared, free, device)| {
            take(&mut ram, free);
            let (text, rodata) = (take(&mut flash, text), take(&mut flash, rodata));
            let (memory, shared) = (take(&mut ram, pages), take(&mut dma, shared));
            let mut parts = vec![
                (text, Access::TEXT),
                (rodata, Access::RODATA),
                (memory, Access::RAM),
                (shared, DMA),
            ];
            if let Some(device) = device
                && !std::mem::replace(&mut owned[device as usize], true)
            {
                let base = 0x0a00_0000 + device * PAGE;
                parts.insert(0, (Range { base, size: PAGE }, Access::DEVICE));
            }
            Placement {
                text,
                rodata,
                ram: memory,
                stack: Range {
                    base: memory.base,
                    size: 1024,
                },
                regions: parts
                    .into_iter()
                    .filter(|(range, _)| range.size > 0)
                    .map(|(range, access)| Region {
                        range,
                        access,
                        shared: false,
                        name: String::new(),
                    })
                    .collect(),
                ..Placement::default()
            }
        });
    Layout {
        tasks: tasks.collect(),
        kernel: tests::kernel(),
        kernel_devices: vec![Range {
            base: 0x0800_0000,
            size: 0x2_0000,
        }],
        ..Layout::default()
    }
}

/// Tasks in a layout that is tried; Miri takes a thousand times longer.
const TASKS: usize = if cfg!(miri) { 2 } else { 32 };

/// Tasks of any shape.
pub(crate) fn shapes() -> impl Strategy<Value = Vec<Shape>> {
    proptest::collection::vec(shape(), 1..=TASKS)
}

proptest! {
    #![proptest_config(test_props::config(24, 1))]

    #[test]
    fn tables_of_any_layout_isolate(shapes in shapes(), places in proptest::collection::vec(any::<(u16, u16)>(), 64)) {
        let layout = layout(&shapes);
        let tables = Armv7a.tables(&layout).expect("there is room");
        prop_assert_eq!(all(&Armv7a, &layout, &tables), Ok(()));
        // The same once more, without the rules: an address in somebody's region, as any task sees it.
        for (task, place) in places {
            let regions: Vec<_> = layout.tasks.iter().enumerate()
                .flat_map(|(owner, task)| task.regions.iter().map(move |region| (owner, region)))
                .collect();
            let (owner, region) = regions[usize::from(place) % regions.len()];
            let address = region.range.base + u32::from(place) % region.range.size;
            let task = usize::from(task) % layout.tasks.len();
            let seen = Armv7a.walk(&tables, tables.task_ttbr0[task], address)
                .expect("a table can be walked")
                .map_or(Rights::NONE, |mapping| mapping.user);
            let wanted = if owner == task {
                Rights {
                    read: region.access.read,
                    write: region.access.write,
                    execute: region.access.execute,
                }
            } else {
                Rights::NONE
            };
            prop_assert_eq!(seen, wanted, "task {} at {:#x}", task, address);
        }
    }
}
