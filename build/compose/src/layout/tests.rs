// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Layouts of small manifests.

use crate::arch::Arch as _;
use std::collections::BTreeMap;

use super::*;

const APP: &str = r#"name = "test"
target = "armv7a-none-eabi"
board = "board"
chip = "chip"
stacksize = 1024
[kernel]
name = "image"
requires = { text = 0x10000, rodata = 0x8000, ram = 0x8000 }
uses = ["gic", "gic_cpu"]
[tasks.jefe]
name = "task-jefe"
notifications = ["fault"]
priority = 0
start = true
[tasks.driver]
name = "driver"
priority = 1
stacksize = 2048
uses = ["uart", "virtio"]
sections = { queues = "dma", trace = "dma" }
max-sizes = { flash = 8192, ram = 4096, dma = 8192 }
[tasks.idle]
name = "task-idle"
priority = 9
start = true
"#;

const CHIP: &str = r#"
[gic]
address = 0x0800_0000
size = 0x1_0000
kernel = "gicv2-distributor"
[gic_cpu]
address = 0x0801_0000
size = 0x1_0000
kernel = "gicv2-cpu"
[uart]
address = 0x0900_0000
size = 0x1000
interrupts = { irq = 33 }
[virtio]
address = 0x0900_1000
size = 0x1000
"#;

const MEMORY: &str = "
[[kernel]]
address = 0x4010_0000
size = 0x10_0000
[[flash]]
address = 0x4020_0000
size = 0x1_0000
read = true
execute = true
[[ram]]
address = 0x4030_0000
size = 0x8000
read = true
write = true
[[dma]]
address = 0x4038_0000
size = 0x8000
read = true
write = true
dma = true
[[mailbox]]
address = 0x4040_0000
size = 0x1000
read = true
write = true
";

struct Files(BTreeMap<&'static str, String>);

impl manifest::Source for Files {
    fn read(&self, name: &str) -> Result<String, String> {
        self.0
            .get(name)
            .cloned()
            .ok_or_else(|| "no such file".into())
    }
}

pub fn app(changes: &[(&str, &str)]) -> App {
    let mut text = APP.to_string();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    let files = Files(BTreeMap::from([
        ("app.toml", text),
        ("chip/chip.toml", CHIP.into()),
        ("chip/memory.toml", MEMORY.into()),
    ]));
    manifest::load_from(&files, "app.toml").unwrap_or_else(|problems| panic!("{problems}"))
}

fn needs(text: u32, rodata: u32, data: u32, bss: u32) -> Needs {
    Needs {
        text,
        rodata,
        data,
        bss,
        sections: BTreeMap::new(),
    }
}

/// Of the three tasks: small, with everything, and the smallest possible.
fn three() -> Vec<Needs> {
    let mut driver = needs(4097, 100, 6, 1000);
    driver.sections = BTreeMap::from([("queues".into(), 4096), ("trace".into(), 1)]);
    vec![needs(100, 0, 0, 0), driver, needs(4, 0, 0, 0)]
}

fn refusal(app: &App, needs: &[Needs]) -> String {
    match place(app, needs) {
        Ok(layout) => panic!("placed: {layout:#x?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn parts_follow_each_other_in_whole_pages() {
    let layout = place(&app(&[]), &three()).unwrap();
    let [jefe, driver, idle] = &layout.tasks[..] else {
        panic!("three tasks")
    };
    assert_eq!(
        jefe.text,
        Range {
            base: 0x4020_0000,
            size: 0x1000
        }
    );
    assert_eq!(jefe.rodata.size, 0, "nothing takes no page");
    assert_eq!(
        driver.text,
        Range {
            base: 0x4020_1000,
            size: 0x2000
        },
        "a byte more is a page more"
    );
    assert_eq!(
        driver.rodata,
        Range {
            base: 0x4020_3000,
            size: 0x1000
        }
    );
    assert_eq!(
        idle.text,
        Range {
            base: 0x4020_4000,
            size: 0x1000
        }
    );
    assert_eq!(
        driver.sections["queues"],
        Range {
            base: 0x4038_1000,
            size: 0x1000
        }
    );
    assert_eq!(
        driver.sections["trace"],
        Range {
            base: 0x4038_2000,
            size: 0x1000
        }
    );
    assert_eq!(
        layout.used,
        BTreeMap::from([
            ("dma".into(), 0x2000),
            ("flash".into(), 0x5000),
            ("ram".into(), 0x3000)
        ])
    );
}

#[test]
fn a_stack_is_lowest_and_never_follows_what_is_not_ram() {
    let layout = place(&app(&[]), &three()).unwrap();
    assert_eq!(
        layout.tasks[0].ram.base, 0x4030_1000,
        "the first page of the memory is a guard"
    );
    for task in &layout.tasks {
        assert_eq!(task.stack.base, task.ram.base);
        assert!(task.stack.size <= task.ram.size);
    }
    assert_eq!(
        layout.tasks[1].stack,
        Range {
            base: 0x4030_2000,
            size: 2048
        }
    );
}

#[test]
fn regions_are_sorted_and_equal_neighbours_joined() {
    let layout = place(&app(&[]), &three()).unwrap();
    let driver: Vec<(u32, u32, &str)> = layout.tasks[1]
        .regions
        .iter()
        .map(|region| (region.range.base, region.range.size, region.name.as_str()))
        .collect();
    assert_eq!(
        driver,
        [
            (0x0900_0000, 0x2000, "uart, virtio"),
            (0x4020_1000, 0x2000, "text"),
            (0x4020_3000, 0x1000, "rodata"),
            (0x4030_2000, 0x1000, "ram"),
            (0x4038_1000, 0x2000, "queues, trace"),
        ]
    );
    assert_eq!(layout.tasks[1].regions[0].access, Access::DEVICE);
    assert_eq!(
        layout.tasks[1].regions[4].access,
        Access {
            dma: true,
            ..Access::RAM
        }
    );
    assert!(!layout.tasks[1].regions[4].shared);
}

#[test]
fn a_memory_of_its_own_is_mapped_whole_and_may_be_shared() {
    let app = app(&[
        (
            "stacksize = 2048",
            "stacksize = 2048\nextern-regions = [\"mailbox\"]",
        ),
        (
            "priority = 9",
            "priority = 9\nextern-regions = [\"mailbox\"]",
        ),
    ]);
    let layout = place(&app, &three()).unwrap();
    for task in [1, 2] {
        let region = layout.tasks[task].regions.last().unwrap();
        assert_eq!(
            (region.range.base, region.range.size, region.shared),
            (0x4040_0000, 0x1000, true)
        );
    }
    let tables = crate::arch::Armv7a.tables(&layout).unwrap();
    crate::verify::all(&crate::arch::Armv7a, &layout, &tables).unwrap();
}

#[test]
fn memory_is_common_if_another_task_may_write_it() {
    let mailbox = "extern-regions = [\"mailbox\"]";
    let first = format!("stacksize = 2048\n{mailbox}");
    let second = format!("priority = 9\n{mailbox}");
    let alone = app(&[("stacksize = 2048", &first)]);
    let both = app(&[("stacksize = 2048", &first), ("priority = 9", &second)]);
    for (app, expected) in [(alone, false), (both, true)] {
        let layout = place(&app, &three()).unwrap();
        for (index, placement) in layout.tasks.iter().enumerate() {
            for region in &placement.regions {
                let common = expected && region.name == "mailbox";
                assert_eq!(
                    layout.is_common(index, region.range),
                    common,
                    "{} of task {index}",
                    region.name
                );
            }
        }
    }
}

#[test]
fn every_layout_isolates() {
    let layout = place(&app(&[]), &three()).unwrap();
    let tables = crate::arch::Armv7a.tables(&layout).unwrap();
    crate::verify::all(&crate::arch::Armv7a, &layout, &tables).unwrap();
}

#[test]
fn the_kernels_parts_follow_each_other() {
    let kernel = place(&app(&[]), &three()).unwrap().kernel;
    assert_eq!(
        kernel.text,
        Range {
            base: 0x4010_0000,
            size: 0x1_0000
        }
    );
    assert_eq!(
        kernel.rodata,
        Range {
            base: 0x4011_0000,
            size: 0x8000
        }
    );
    assert_eq!(kernel.tables, 0x4011_8000);
    assert_eq!(kernel.tables % crate::arch::Armv7a.table_alignment(), 0);
}

#[test]
fn a_task_is_held_to_its_sizes() {
    let app = app(&[]);
    let mut flash = three();
    flash[1].text = 8100;
    assert_eq!(
        refusal(&app, &flash),
        "task `driver`: it needs 8206 bytes of `flash`, and `max-sizes` allows 8192 (text 8100, rodata 100, initial values 6)\n    remedy: raise `max-sizes.flash` to 9216, or make it smaller"
    );
    let mut ram = three();
    ram[1].bss = 4000;
    let text = refusal(&app, &ram);
    assert!(text.contains("it needs 6054 bytes of `ram`, and `max-sizes` allows 4096 (stack 2048, data 6, bss 4000)"), "{text}");
    let mut dma = three();
    dma[1].sections.insert("queues".into(), 9000);
    let text = refusal(&app, &dma);
    assert!(
        text.contains(
            "it needs 9001 bytes of `dma`, and `max-sizes` allows 8192 (queues 9000, trace 1)"
        ),
        "{text}"
    );
}

#[test]
fn a_memory_that_is_full_says_who_filled_it() {
    let app = app(&[]);
    let mut large = three();
    large[2].text = 0xd000;
    assert_eq!(
        refusal(&app, &large),
        "task `idle`: it needs 53248 bytes of memory `flash` (in whole pages), and 49152 of 65536 are left; the largest takers before it: driver 12288, jefe 4096\n    remedy: make a task smaller, or raise `size` of `flash` in the chip's memory file by 4096 or more"
    );
}

#[test]
fn the_order_of_tasks_is_the_order_of_addresses() {
    let layout = place(&app(&[]), &three()).unwrap();
    assert!(
        layout
            .tasks
            .windows(2)
            .all(|pair| pair[0].text < pair[1].text && pair[0].ram < pair[1].ram)
    );
}
