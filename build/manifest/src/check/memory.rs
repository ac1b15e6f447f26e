// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The chip's files: memory and registers in whole pages, nothing in two places, and the kernel by itself.

use crate::app::App;
use crate::problem::Problem;

const PAGE: u32 = 4096;
const MIB: u32 = 1 << 20;

/// Translation tables cover the lower half of the address space.
const COVERED: u64 = 1 << 31;

/// Interrupts below are the processor's own, and none are above.
const SHARED_INTERRUPTS: std::ops::Range<u16> = 32..1020;

/// The parts of the kernel, as `requires` names them.
const PARTS: [&str; 3] = ["ram", "rodata", "text"];

fn extent(address: u32, size: u32) -> Result<(), &'static str> {
    if !address.is_multiple_of(PAGE) || !size.is_multiple_of(PAGE) {
        Err("it is not made of whole pages of 4096 bytes, and protection has no finer grain")
    } else if size == 0 {
        Err("it is empty")
    } else if u64::from(address) + u64::from(size) > COVERED {
        Err("it reaches beyond 0x8000_0000, where the translation tables end")
    } else {
        Ok(())
    }
}

/// Every memory is made of whole pages, and is not both writable and executable.
pub fn outputs(app: &App) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, memory) in &app.memories {
        if let Err(fault) = extent(memory.address, memory.size) {
            problems.push(app.chip_problem(
                &app.memory_tree,
                &[name, "address"],
                fault,
                "give `address` and `size` multiples of 0x1000, below 0x8000_0000",
            ));
        }
        if memory.write && memory.execute {
            problems.push(app.chip_problem(
                &app.memory_tree,
                &[name, "execute"],
                "a task could write instructions and execute them",
                "remove `execute` or `write`",
            ));
        }
    }
    problems
}

/// Nothing is in two places.
pub fn overlaps(app: &App) -> Vec<Problem> {
    let mut extents: Vec<(u64, u64, &str, bool)> = Vec::new();
    for (name, memory) in &app.memories {
        extents.push((
            memory.address.into(),
            u64::from(memory.address) + u64::from(memory.size),
            name,
            true,
        ));
    }
    for (name, peripheral) in &app.peripherals {
        extents.push((
            peripheral.address.into(),
            u64::from(peripheral.address) + u64::from(peripheral.size),
            name,
            false,
        ));
    }
    extents.sort();
    extents
        .windows(2)
        .filter(|pair| pair[1].0 < pair[0].1)
        .map(|pair| {
            let tree = if pair[1].3 {
                &app.memory_tree
            } else {
                &app.chip_tree
            };
            app.chip_problem(
                tree,
                &[pair[1].2, "address"],
                format!(
                    "it begins at {:#x}, inside `{}`, which ends at {:#x}",
                    pair[1].0, pair[0].2, pair[0].1
                ),
                "give each its own addresses",
            )
        })
        .collect()
}

/// `[kernel] requires` divides the kernel's memory into whole pages.
pub fn kernel(app: &App) -> Vec<Problem> {
    let mut problems = Vec::new();
    for part in PARTS {
        match app.kernel.requires.get(part) {
            None => problems.push(app.problem(
                &["kernel", "requires"],
                format!("it does not say how much the kernel needs for its `{part}`"),
                "write `requires = { text = 0x10000, rodata = 0x8000, ram = 0x8000 }`",
            )),
            Some(size) if *size == 0 || size % PAGE != 0 => problems.push(app.problem(
                &["kernel", "requires", part],
                format!("{size} bytes are not whole pages of 4096 bytes"),
                format!("write {:#x}", (*size).max(1).next_multiple_of(PAGE)),
            )),
            Some(_) => {}
        }
    }
    for part in app
        .kernel
        .requires
        .keys()
        .filter(|part| !PARTS.contains(&part.as_str()))
    {
        problems.push(app.problem(
            &["kernel", "requires", part],
            "the kernel has no such part",
            crate::suggest::among(part, PARTS),
        ));
    }
    let stack = app.kernel.stacksize;
    let alignment = app.architecture().stack_alignment();
    if stack == 0 || !stack.is_multiple_of(alignment) {
        problems.push(app.problem(
            &["kernel", "stacksize"],
            format!("{stack} is no multiple of {alignment}, as the procedure call standard asks"),
            format!("write {}", stack.max(1).next_multiple_of(alignment)),
        ));
    }
    problems
}

/// The kernel's memory exists and shares no MiB with anything: "not to be executed by the kernel" is said of whole MiB, or of
/// two at once.
pub fn kernel_alone(app: &App) -> Vec<Problem> {
    let Some(kernel) = app.memories.get("kernel") else {
        return vec![app.chip_problem(
            &app.memory_tree,
            &["kernel"],
            "there is no memory `kernel`",
            "add `[[kernel]]`, at least a MiB that nothing else is in",
        )];
    };
    let unit = app.architecture().closed_mib();
    let mibs = |address: u32, size: u32| {
        let last = address + size.saturating_sub(1).min(u32::MAX - address);
        address / MIB / unit..=last / MIB / unit
    };
    let own = mibs(kernel.address, kernel.size);
    let shares = |address: u32, size: u32| {
        let other = mibs(address, size);
        other.start() <= own.end() && own.start() <= other.end()
    };
    let memories = app.memories.iter().filter(|(name, _)| *name != "kernel");
    let mut problems: Vec<Problem> = memories
        .filter(|(_, memory)| shares(memory.address, memory.size))
        .map(|(name, _)| (&app.memory_tree, name))
        .chain(
            app.peripherals
                .iter()
                .filter(|(_, peripheral)| shares(peripheral.address, peripheral.size))
                .map(|(name, _)| (&app.chip_tree, name)),
        )
        .map(|(tree, name)| {
            app.chip_problem(
                tree,
                &[name, "address"],
                match unit {
                    1 => "it shares a MiB with the kernel's memory, and the processor can keep the kernel from executing it only by whole MiB".into(),
                    unit => format!("it shares {unit} MiB with the kernel's memory, and the processor can keep the kernel from executing it only by so much"),
                },
                match unit {
                    1 => "move it to another MiB".into(),
                    unit => format!("move it beyond the next multiple of {unit} MiB"),
                },
            )
        })
        .collect();
    let needed: u64 = app
        .kernel
        .requires
        .values()
        .map(|size| u64::from(*size))
        .sum();
    if needed > u64::from(kernel.size) {
        problems.push(app.problem(
            &["kernel", "requires"],
            format!(
                "it asks for {needed} bytes, and memory `kernel` has {}",
                kernel.size
            ),
            "lower it, or enlarge `kernel` in the chip's memory file",
        ));
    }
    problems
}

/// Registers are whole pages, and interrupts are ones that devices can have.
pub fn peripherals(app: &App) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, peripheral) in &app.peripherals {
        if let Err(fault) = extent(peripheral.address, peripheral.size) {
            problems.push(app.chip_problem(
                &app.chip_tree,
                &[name, "address"],
                fault,
                "give the pages that its registers are in",
            ));
        }
        for (line, intid) in &peripheral.interrupts {
            if !SHARED_INTERRUPTS.contains(intid) {
                problems.push(app.chip_problem(
                    &app.chip_tree,
                    &[name, "interrupts", line],
                    format!("{intid} is no interrupt of a device"),
                    "write the interrupt controller's identifier: 32 + n for shared peripheral interrupt n, up to 1019",
                ));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use crate::testing::{refuses, refuses_chip, refuses_memory};

    #[test]
    fn memory_is_whole_pages() {
        refuses_memory(
            &[("0x4020_0000", "0x4020_0100")],
            "memory.toml:5: [flash], key `address`: it is not made of whole pages",
        );
        refuses_memory(
            &[("size = 0x8_0000 # ram", "size = 0")],
            "[ram], key `address`: it is empty",
        );
        refuses_memory(
            &[("0x4038_0000", "0x7fff_f000")],
            "[dma], key `address`: it reaches beyond 0x8000_0000",
        );
    }

    #[test]
    fn memory_is_not_both_writable_and_executable() {
        refuses_memory(
            &[("execute = true", "execute = true\nwrite = true")],
            "[flash], key `execute`: a task could write instructions and execute them",
        );
    }

    #[test]
    fn memories_do_not_overlap() {
        refuses_memory(
            &[("0x4038_0000", "0x4037_f000")],
            "[dma], key `address`: it begins at 0x4037f000, inside `ram`",
        );
    }

    #[test]
    fn peripherals_do_not_overlap() {
        refuses_chip(
            &[("0x0900_0000", "0x0800_f000")],
            "chip.toml:10: [uart], key `address`: it begins at 0x800f000, inside `gic`",
        );
    }

    #[test]
    fn registers_are_whole_pages() {
        refuses_chip(
            &[("size = 0x1000", "size = 0x200")],
            "[uart], key `address`: it is not made of whole pages",
        );
    }

    #[test]
    fn interrupts_are_of_devices() {
        refuses_chip(
            &[("irq = 33", "irq = 1")],
            "[uart.interrupts], key `irq`: 1 is no interrupt of a device",
        );
        refuses_chip(
            &[("irq = 33", "irq = 1023")],
            "1023 is no interrupt of a device",
        );
    }

    #[test]
    fn the_kernel_says_what_it_needs() {
        refuses(
            &[("text = 0x10000, ", "")],
            "[kernel], key `requires`: it does not say how much the kernel needs for its `text`",
        );
        let text = refuses(
            &[("text = 0x10000", "text = 1000")],
            "[kernel.requires], key `text`: 1000 bytes are not whole pages",
        );
        assert!(text.contains("remedy: write 0x1000"), "{text}");
        refuses(
            &[("text = 0x10000", "text = 0x10000, rom = 1")],
            "[kernel.requires], key `rom`: the kernel has no such part",
        );
        refuses(
            &[("text = 0x10000", "text = 0x1000000")],
            "[kernel], key `requires`: it asks for",
        );
    }

    #[test]
    fn the_kernels_stack_is_aligned() {
        refuses(
            &[(
                "uses = [\"gic\", \"gic_cpu\"]",
                "uses = [\"gic\", \"gic_cpu\"]\nstacksize = 4097",
            )],
            "[kernel], key `stacksize`: 4097 is no multiple of 8",
        );
    }

    #[test]
    fn the_kernel_has_memory() {
        refuses_memory(
            &[("[[kernel]]", "[[kernels]]")],
            "there is no memory `kernel`",
        );
    }

    #[test]
    fn the_kernel_shares_no_mib() {
        refuses_memory(
            &[
                ("size = 0x10_0000 # kernel", "size = 0x8_0000"),
                ("0x4038_0000", "0x4018_0000"),
            ],
            "[dma], key `address`: it shares a MiB with the kernel's memory",
        );
    }
}
