// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What the kernel's crate is built with: descriptions of the tasks, and how its own parts are linked.

use std::fmt::Write as _;

use manifest::{App, KernelUse, Trigger};

use crate::layout::{Access, Layout};
use crate::tables::Tables;

/// `image.rs`: `IMAGE`, the tasks' bytes, and the translation tables.
pub fn image_rs(
    app: &App,
    layout: &Layout,
    tables: &Tables,
    entries: &[u32],
    id: u64,
    flash_bytes: usize,
) -> String {
    let mut out = String::from(
        "// Made by the build from the manifest.

",
    );
    let interrupts = app.interrupts();
    for (index, (task, placement)) in app.tasks.iter().zip(&layout.tasks).enumerate() {
        _ = writeln!(out, "// {}", task.name);
        _ = writeln!(
            out,
            "static REGIONS_{index}: [::kern::desc::RegionDesc; {}] = [",
            placement.regions.len()
        );
        for region in &placement.regions {
            _ = writeln!(
                out,
                "    ::kern::desc::RegionDesc {{ base: {:#010x}, size: {:#x}, attributes: {} }}, // {}",
                region.range.base,
                region.range.size,
                attributes(region.access, layout.is_common(index, region.range)),
                region.name
            );
        }
        let own: Vec<usize> = interrupts
            .iter()
            .enumerate()
            .filter(|(_, interrupt)| interrupt.task == index)
            .map(|(position, _)| position)
            .collect();
        _ = writeln!(
            out,
            "];\nstatic INTERRUPTS_{index}: [u8; {}] = {own:?};\n",
            own.len()
        );
    }

    _ = writeln!(
        out,
        "static TASKS: [::kern::desc::TaskDesc; {}] = [",
        app.tasks.len()
    );
    for (index, (task, placement)) in app.tasks.iter().zip(&layout.tasks).enumerate() {
        let mut flags = Vec::new();
        if task.start {
            flags.push("START_AT_BOOT");
        }
        if task
            .grants
            .iter()
            .any(|grant| grant == "performance-counters")
        {
            flags.push("PERFORMANCE_COUNTERS");
        }
        _ = writeln!(
            out,
            "    ::kern::desc::TaskDesc {{
        name: {:?},
        entry: {:#010x},
        initial_stack: {:#010x},
        stack_base: {:#010x},
        priority: {},
        flags: {},
        kipc: {:#x},
        table: {:#010x},
        address_space: {},
        regions: &REGIONS_{index},
        interrupts: &INTERRUPTS_{index},
    }},",
            task.name,
            entries[index],
            placement.stack.end(),
            placement.stack.base,
            task.priority,
            union("TaskFlags", &flags),
            task.kipc_mask(),
            tables.task_ttbr0[index],
            index + 1,
        );
    }
    _ = writeln!(
        out,
        "];\n\nstatic INTERRUPTS: [::kern::desc::InterruptDesc; {}] = [",
        interrupts.len()
    );
    for interrupt in &interrupts {
        _ = writeln!(
            out,
            "    ::kern::desc::InterruptDesc {{ intid: {}, task: {}, notification: {:#x}, edge: {} }}, // {}",
            interrupt.intid,
            interrupt.task,
            interrupt.bit,
            interrupt.trigger == Trigger::Edge,
            interrupt.name
        );
    }
    let highest = interrupts
        .iter()
        .map(|interrupt| usize::from(interrupt.intid) + 1)
        .max()
        .unwrap_or(0);
    let mut of_intid = vec![0xffu8; highest];
    for (position, interrupt) in interrupts.iter().enumerate() {
        of_intid[usize::from(interrupt.intid)] = position as u8;
    }
    _ = write!(
        out,
        "];

static INTERRUPT_OF_INTID: [u8; {highest}] = {of_intid:?};

/// The whole image, as the manifest describes it.
pub static IMAGE: ::kern::desc::Image = ::kern::desc::Image {{
    tasks: &TASKS,
    interrupts: &INTERRUPTS,
    interrupt_of_intid: &INTERRUPT_OF_INTID,
    kernel_table: {:#010x},
    devices: ::kern::desc::Devices {{
        interrupt_distributor: {},
        interrupt_cpu: {},
        console: {},
    }},
    id: {id:#018x},
}};

#[used]
#[unsafe(link_section = \".translation_tables\")]
static TRANSLATION_TABLES: [u8; {}] = *include_bytes!(\"translation_tables.bin\");

#[used]
#[unsafe(link_section = \".task_images\")]
static TASK_IMAGES: [u8; {flash_bytes}] = *include_bytes!(\"task_images.bin\");
",
        tables.kernel_ttbr0,
        address(app.kernel_device(KernelUse::Gicv2Distributor)),
        address(app.kernel_device(KernelUse::Gicv2Cpu)),
        app.kernel_device(KernelUse::Pl011LastWords)
            .map_or("None".into(), |at| format!("Some({})", address(Some(at)))),
        tables.words.len() * 4,
    );
    out
}

/// An expression for an address of a device. The check of the manifest saw to it that there is one.
fn address(of: Option<u32>) -> String {
    format!(
        "::kern::desc::Address::new({:#010x}).unwrap()",
        of.unwrap_or_default()
    )
}

fn attributes(access: Access, common: bool) -> String {
    let names: Vec<&str> = [
        (access.read, "READ"),
        (access.write, "WRITE"),
        (access.execute, "EXECUTE"),
        (access.device, "DEVICE"),
        (access.dma, "DMA"),
        (common, "SHARED"),
    ]
    .into_iter()
    .filter_map(|(has, name)| has.then_some(name))
    .collect();
    union("RegionAttributes", &names)
}

/// An expression for a set of flags that is constant.
fn union(kind: &str, names: &[&str]) -> String {
    names
        .iter()
        .fold(format!("::kern::desc::{kind}::empty()"), |set, name| {
            format!("{set}.union(::kern::desc::{kind}::{name})")
        })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::arch::Arch as _;
    use crate::layout::{Needs, place, tests::app};

    pub(crate) fn small() -> (App, Layout, Tables) {
        let app = app(&[
            (
                "priority = 1",
                "priority = 1\nnotifications = [\"x\", \"uart-irq\"]\nkipc = [\"reset\"]",
            ),
            (
                "uses = [\"uart\", \"virtio\"]",
                "uses = [\"uart\"]\ninterrupts = { \"uart.irq\" = \"uart-irq\" }",
            ),
            (
                "priority = 9",
                "priority = 9\ngrants = [\"performance-counters\"]",
            ),
        ]);
        let needs: Vec<Needs> = (0..3)
            .map(|_| Needs {
                text: 4,
                ..Needs::default()
            })
            .collect();
        let layout = place(&app, &needs).unwrap();
        let tables = crate::arch::Armv7a.tables(&layout).unwrap();
        (app, layout, tables)
    }

    #[test]
    fn descriptions_are_what_the_manifest_says() {
        let (app, layout, tables) = small();
        let text = image_rs(
            &app,
            &layout,
            &tables,
            &[0x4020_0000, 0x4020_1000, 0x4020_2000],
            0x1234,
            0x3000,
        );
        for part in [
            "name: \"driver\",\n        entry: 0x40201000,\n        initial_stack: 0x40302800,\n        stack_base: 0x40302000,",
            "priority: 1,\n        flags: ::kern::desc::TaskFlags::empty(),\n        kipc: 0x20,",
            "flags: ::kern::desc::TaskFlags::empty().union(::kern::desc::TaskFlags::START_AT_BOOT).union(::kern::desc::TaskFlags::PERFORMANCE_COUNTERS),",
            "address_space: 3,\n        regions: &REGIONS_2,",
            "InterruptDesc { intid: 33, task: 1, notification: 0x2, edge: false }, // uart.irq",
            "interrupt_distributor: ::kern::desc::Address::new(0x08000000).unwrap(),\n        interrupt_cpu: ::kern::desc::Address::new(0x08010000).unwrap(),\n        console: None,",
            "static INTERRUPTS_1: [u8; 1] = [0];",
            "static INTERRUPTS_2: [u8; 0] = [];",
            "id: 0x0000000000001234,",
            "static TASK_IMAGES: [u8; 12288] = *include_bytes!(\"task_images.bin\");",
        ] {
            assert!(text.contains(part), "{part}\n\nis not in\n\n{text}");
        }
        let table = text
            .split("INTERRUPT_OF_INTID: [u8; 34] = [")
            .nth(1)
            .and_then(|rest| rest.split(']').next())
            .unwrap();
        let table: Vec<&str> = table.split(", ").collect();
        assert_eq!((table.len(), table[33], table[32]), (34, "0", "255"));
    }
}
