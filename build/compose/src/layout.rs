// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Where everything goes.
//!
//! A pure function from what each task needs to addresses. Memory is given out in pages, in the order of the tasks, first
//! fit; since nothing is ever given back, that is one after the other.

use std::collections::BTreeMap;

use manifest::{App, MemoryOutput};

use crate::error::Error;
use free::Free;

mod free;

/// The granule of protection in bytes.
pub const PAGE: u32 = 4096;

/// The memory that instructions and constants go to.
pub const FLASH: &str = "flash";

/// The memory that the kernel has to itself.
pub const KERNEL: &str = "kernel";

/// What one task needs, measured on its linked binary, in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Instructions.
    pub text: u32,
    /// Constants.
    pub rodata: u32,
    /// Variables with an initial value, which takes room in flash as well.
    pub data: u32,
    /// Zeroed variables.
    pub bss: u32,
    /// The sections that `sections` in the manifest names.
    pub sections: BTreeMap<String, u32>,
}

/// A range of addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Range {
    /// First address.
    pub base: u32,
    /// Length in bytes.
    pub size: u32,
}

impl Range {
    /// One past the last address.
    pub fn end(self) -> u32 {
        self.base + self.size
    }

    /// Whether `address` is in it.
    pub fn contains(self, address: u32) -> bool {
        address >= self.base && address - self.base < self.size
    }

    /// Its pages, if it is made of whole ones.
    pub fn pages(self) -> impl Iterator<Item = u32> {
        (self.base..self.end()).step_by(PAGE as usize)
    }

    /// Whether the two share an address.
    pub fn overlaps(self, other: Range) -> bool {
        self.size > 0 && other.size > 0 && self.base < other.end() && other.base < self.end()
    }
}

/// What a task may do with a region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Read it.
    pub read: bool,
    /// Write it.
    pub write: bool,
    /// Execute it.
    pub execute: bool,
    /// It is registers, not memory.
    pub device: bool,
    /// A device reads and writes it too.
    pub dma: bool,
}

impl Access {
    /// Instructions.
    pub const TEXT: Self = Self {
        read: true,
        execute: true,
        ..Self::NONE
    };
    /// Constants.
    pub const RODATA: Self = Self {
        read: true,
        ..Self::NONE
    };
    /// Stack and variables.
    pub const RAM: Self = Self {
        read: true,
        write: true,
        ..Self::NONE
    };
    /// Registers.
    pub const DEVICE: Self = Self {
        read: true,
        write: true,
        device: true,
        ..Self::NONE
    };
    const NONE: Self = Self {
        read: false,
        write: false,
        execute: false,
        device: false,
        dma: false,
    };

    fn of(memory: &MemoryOutput) -> Self {
        Self {
            read: memory.read,
            write: memory.write,
            execute: memory.execute && !memory.write,
            device: false,
            dma: memory.dma,
        }
    }
}

/// Whole pages that a task may touch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// Where.
    pub range: Range,
    /// How.
    pub access: Access,
    /// Whether other tasks may have it too: only a memory that the manifest names in `extern-regions`.
    pub shared: bool,
    /// What it is, for people.
    pub name: String,
}

/// Where one task's parts are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// Instructions; whole pages.
    pub text: Range,
    /// Constants, then the initial values of variables; whole pages.
    pub rodata: Range,
    /// Stack, then variables; whole pages. The stack is lowest, so that an overflow leaves the task's memory.
    pub ram: Range,
    /// The stack, at the start of `ram`, as long as `stacksize`.
    pub stack: Range,
    /// The sections of their own; whole pages.
    pub sections: BTreeMap<String, Range>,
    /// Everything that the task may touch, in ascending order; equal neighbours are joined.
    pub regions: Vec<Region>,
}

/// Where the kernel's parts are; whole pages, one after the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KernelPlacement {
    /// Instructions.
    pub text: Range,
    /// Constants.
    pub rodata: Range,
    /// Where translation tables begin: a multiple of 8 KiB.
    pub tables: u32,
    /// How much memory stacks and variables get, after the tables.
    pub ram: u32,
    /// The end of the kernel's memory.
    pub end: u32,
}

/// The whole layout, except the size of the translation tables, which are made from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// The kernel.
    pub kernel: KernelPlacement,
    /// The peripherals that the kernel uses.
    pub kernel_devices: Vec<Range>,
    /// The tasks, in the order of their indices.
    pub tasks: Vec<Placement>,
    /// How much of each memory is taken, in bytes.
    pub used: BTreeMap<String, u32>,
}

impl Layout {
    /// Returns `true` if a task other than `task` may write into `range`, which is memory of `task`.
    pub fn is_common(&self, task: usize, range: Range) -> bool {
        self.tasks
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != task)
            .flat_map(|(_, placement)| &placement.regions)
            .any(|region| region.access.write && region.range.overlaps(range))
    }
}

/// `size` rounded up to whole pages.
pub fn pages(size: u32) -> u32 {
    size.next_multiple_of(PAGE)
}

/// Gives every task and the kernel their addresses.
pub fn place(app: &App, needs: &[Needs]) -> Result<Layout, Error> {
    let mut free = Free::new(app);
    let mut layout = Layout {
        kernel: kernel(app)?,
        kernel_devices: app
            .kernel
            .uses
            .iter()
            .map(|name| device(app, name))
            .collect(),
        ..Layout::default()
    };
    for (task, needs) in app.tasks.iter().zip(needs) {
        limits(task, needs)?;
        let mut placement = Placement::default();
        let rodata = needs.rodata.next_multiple_of(4) + needs.data;
        let flash = free.take(&task.name, FLASH, pages(needs.text) + pages(rodata))?;
        placement.text = Range {
            base: flash.base,
            size: pages(needs.text),
        };
        placement.rodata = Range {
            base: placement.text.end(),
            size: pages(rodata),
        };
        placement.ram = free.take(
            &task.name,
            &task.ram,
            pages(task.stacksize + variables(needs)),
        )?;
        placement.stack = Range {
            base: placement.ram.base,
            size: task.stacksize,
        };

        let mut regions = vec![
            Region::own(placement.text, Access::TEXT, "text"),
            Region::own(placement.rodata, Access::RODATA, "rodata"),
            Region::own(placement.ram, Access::RAM, "ram"),
        ];
        for (section, memory) in &task.sections {
            let size = needs.sections.get(section).copied().unwrap_or(0);
            let range = free.take(&task.name, memory, pages(size))?;
            regions.push(Region::own(
                range,
                Access::of(&app.memories[memory]),
                section,
            ));
            placement.sections.insert(section.clone(), range);
        }
        for name in &task.uses {
            regions.push(Region::own(device(app, name), Access::DEVICE, name));
        }
        for name in &task.extern_regions {
            let memory = &app.memories[name];
            let range = Range {
                base: memory.address,
                size: memory.size,
            };
            regions.push(Region {
                shared: true,
                ..Region::own(range, Access::of(memory), name)
            });
        }
        placement.regions = tidy(regions);
        layout.tasks.push(placement);
    }
    layout.used = free.used;
    Ok(layout)
}

impl Region {
    fn own(range: Range, access: Access, name: &str) -> Self {
        Self {
            range,
            access,
            shared: false,
            name: name.into(),
        }
    }
}

/// The bytes of RAM that a task needs beyond its stack.
pub fn variables(needs: &Needs) -> u32 {
    needs.data.next_multiple_of(8) + needs.bss
}

fn device(app: &App, name: &str) -> Range {
    let peripheral = &app.peripherals[name];
    Range {
        base: peripheral.address,
        size: peripheral.size,
    }
}

/// Drops empty regions, sorts the rest, and joins neighbours that differ in nothing.
fn tidy(mut regions: Vec<Region>) -> Vec<Region> {
    regions.retain(|region| region.range.size > 0);
    regions.sort_by_key(|region| region.range);
    let mut joined: Vec<Region> = Vec::new();
    for region in regions {
        match joined.last_mut() {
            Some(last)
                if last.range.end() == region.range.base
                    && last.access == region.access
                    && last.shared == region.shared =>
            {
                last.range.size += region.range.size;
                last.name = format!("{}, {}", last.name, region.name);
            }
            _ => joined.push(region),
        }
    }
    joined
}

fn kernel(app: &App) -> Result<KernelPlacement, Error> {
    let memory = &app.memories[KERNEL];
    let need = |part: &str| pages(app.kernel.requires.get(part).copied().unwrap_or(0));
    let text = Range {
        base: memory.address,
        size: need("text"),
    };
    let rodata = Range {
        base: text.end(),
        size: need("rodata"),
    };
    Ok(KernelPlacement {
        text,
        rodata,
        tables: rodata
            .end()
            .next_multiple_of(crate::arch::of(app).table_alignment()),
        ram: need("ram"),
        end: memory.address + memory.size,
    })
}

/// Holds a task to its `max-sizes`.
fn limits(task: &manifest::Task, needs: &Needs) -> Result<(), Error> {
    for (memory, limit) in &task.max_sizes {
        let mut parts = Vec::new();
        if memory == FLASH {
            parts.extend([
                ("text", needs.text),
                ("rodata", needs.rodata),
                ("initial values", needs.data),
            ]);
        }
        if *memory == task.ram {
            parts.extend([
                ("stack", task.stacksize),
                ("data", needs.data),
                ("bss", needs.bss),
            ]);
        }
        for (section, home) in &task.sections {
            if home == memory {
                parts.push((section, needs.sections.get(section).copied().unwrap_or(0)));
            }
        }
        let total: u32 = parts.iter().map(|(_, size)| size).sum();
        if total > *limit {
            return Err(Error::task(
                &task.name,
                format!(
                    "it needs {total} bytes of `{memory}`, and `max-sizes` allows {limit} ({})",
                    listed(&parts)
                ),
                format!(
                    "raise `max-sizes.{memory}` to {}, or make it smaller",
                    total.next_multiple_of(1024)
                ),
            ));
        }
    }
    Ok(())
}

fn listed(parts: &[(&str, u32)]) -> String {
    parts
        .iter()
        .map(|(name, size)| format!("{name} {size}"))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
pub(crate) mod tests;
