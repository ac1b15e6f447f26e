// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Holds the finished translation tables against the layout, page by page, by walking them as the processor would.
//!
//! Every build does this, so an image whose tables do not isolate cannot be made. What is expected of a page is said here
//! once more, in the words of the security model, and not taken from the code that makes the tables.

use std::collections::BTreeMap;

use crate::arch::Arch;
use crate::layout::{Access, Layout, PAGE, Range};
use crate::tables::Tables;
use crate::walk::{Kind, Mapping, Rights, Space};

/// What must hold, in words, and the check of it.
type Rule = (&'static str, fn(&Seen) -> Result<(), String>);

/// The rules, each for all tables at once.
const RULES: [Rule; 12] = [
    ("mapped as the layout says", as_laid_out),
    ("nothing is writable and executable", write_or_execute),
    (
        "the kernel executes only its own instructions",
        kernel_executes_itself,
    ),
    (
        "the kernel's instructions, constants and tables are not writable",
        kernel_constants,
    ),
    ("the kernel reads and writes what tasks can", kernel_copies),
    ("a task touches only what is its own", tasks_apart),
    ("nothing is writable by two tasks", one_writer),
    ("the page below a stack is out of reach", guards),
    ("a global page is the same everywhere", global_everywhere),
    (
        "each page says itself that the kernel does not execute it",
        pages_closed_one_by_one,
    ),
    ("tables are read only in every table", tables_read_only),
    ("a global page is nobody's", global_is_the_kernels),
];

/// Checks that the tables isolate what the layout separates.
pub fn all(arch: &dyn Arch, layout: &Layout, tables: &Tables) -> Result<(), String> {
    // Entries that stand for more than one level lets them say end the walk: see `arch`.
    let seen = Seen::new(arch, layout, tables)?;
    arch.nothing_else(tables)?;
    for (rule, check) in RULES {
        check(&seen).map_err(|fault| format!("{rule}: {fault}"))?;
    }
    Ok(())
}

/// Every page of every table: first the kernel's own, then one table per task.
struct Seen<'a> {
    layout: &'a Layout,
    tables: &'a Tables,
    spaces: Vec<Space>,
}

impl<'a> Seen<'a> {
    fn new(arch: &dyn Arch, layout: &'a Layout, tables: &'a Tables) -> Result<Self, String> {
        let spaces = std::iter::once(&tables.kernel_ttbr0)
            .chain(&tables.task_ttbr0)
            .map(|ttbr0| arch.space(tables, *ttbr0))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            layout,
            tables,
            spaces,
        })
    }

    /// Each task with its space.
    fn tasks(&self) -> impl Iterator<Item = (usize, &Space)> {
        self.spaces.iter().skip(1).enumerate()
    }

    /// Each page of each table, with the task whose table it is.
    fn pages(&self) -> impl Iterator<Item = (Option<usize>, u32, &Mapping)> {
        self.spaces.iter().enumerate().flat_map(|(number, space)| {
            space
                .iter()
                .map(move |(page, mapping)| (number.checked_sub(1), *page, mapping))
        })
    }

    fn is_kernel_text(&self, page: u32) -> bool {
        self.layout.kernel.text.contains(page)
    }
}

fn whose(table: Option<usize>) -> String {
    table.map_or("the kernel's table".into(), |task| {
        format!("the table of task {task}")
    })
}

/// What is mapped, is mapped to itself, as the kind of memory that it is; and nothing is missing.
fn as_laid_out(seen: &Seen) -> Result<(), String> {
    let kernel = &seen.layout.kernel;
    let own = [
        kernel.text,
        kernel.rodata,
        seen.tables.range,
        seen.tables.kernel_ram,
    ];
    let memory = |page: u32| {
        own.iter().any(|range| range.contains(page))
            || regions(seen).any(|(_, range, access)| !access.device && range.contains(page))
    };
    let device = |page: u32| {
        seen.layout
            .kernel_devices
            .iter()
            .any(|range| range.contains(page))
            || regions(seen).any(|(_, range, access)| access.device && range.contains(page))
    };
    for (table, page, mapping) in seen.pages() {
        let expected = match (memory(page), device(page)) {
            (true, false) => Kind::Normal,
            (false, true) => Kind::Device,
            _ => {
                return Err(format!(
                    "{page:#010x} is nobody's, and is in {}",
                    whose(table)
                ));
            }
        };
        if mapping.kind != expected || mapping.physical != page {
            return Err(format!("{page:#010x} in {} is {mapping:?}", whose(table)));
        }
    }
    for (task, space) in seen.tasks() {
        let shared = own
            .iter()
            .copied()
            .chain(seen.layout.kernel_devices.iter().copied());
        let others = regions(seen).filter(|(owner, _, access)| *owner == task || !access.device);
        for range in shared.chain(others.map(|(_, range, _)| range)) {
            if let Some(page) = pages(range).find(|page| !space.contains_key(page)) {
                return Err(format!("{page:#010x} is missing in {}", whose(Some(task))));
            }
        }
    }
    for range in own {
        if let Some(page) = pages(range).find(|page| !seen.spaces[0].contains_key(page)) {
            return Err(format!("{page:#010x} is missing in {}", whose(None)));
        }
    }
    Ok(())
}

fn regions<'a>(seen: &'a Seen) -> impl Iterator<Item = (usize, Range, Access)> + 'a {
    seen.layout
        .tasks
        .iter()
        .enumerate()
        .flat_map(|(task, placement)| {
            placement
                .regions
                .iter()
                .map(move |region| (task, region.range, region.access))
        })
}

fn pages(range: Range) -> impl Iterator<Item = u32> {
    (range.base..range.end()).step_by(PAGE as usize)
}

fn write_or_execute(seen: &Seen) -> Result<(), String> {
    for (table, page, mapping) in seen.pages() {
        let write = mapping.user.write || mapping.privileged.write;
        let execute = mapping.user.execute || mapping.privileged.execute;
        // A task's own instructions are executable by it, and read only to the kernel as well.
        if write && execute {
            return Err(format!("{page:#010x} in {}: {mapping:?}", whose(table)));
        }
    }
    Ok(())
}

fn kernel_executes_itself(seen: &Seen) -> Result<(), String> {
    let kernel = &seen.layout.kernel;
    for (table, page, mapping) in seen.pages() {
        // Outside its own memory this is said twice: for the part of memory, and by what each page is.
        let outside = !(kernel.text.base..kernel.end).contains(&page);
        if mapping.privileged_execute_never != outside
            || mapping.privileged.execute != seen.is_kernel_text(page)
        {
            return Err(format!("{page:#010x} in {}: {mapping:?}", whose(table)));
        }
    }
    Ok(())
}

fn kernel_constants(seen: &Seen) -> Result<(), String> {
    let kernel = &seen.layout.kernel;
    for (table, page, mapping) in seen.pages() {
        let constant = [kernel.text, kernel.rodata, seen.tables.range]
            .iter()
            .any(|range| range.contains(page));
        if constant && (mapping.privileged.write || !mapping.privileged.read) {
            return Err(format!("{page:#010x} in {}: {mapping:?}", whose(table)));
        }
        if seen.tables.kernel_ram.contains(page) && !mapping.privileged.write {
            return Err(format!(
                "{page:#010x} in {} must be writable: {mapping:?}",
                whose(table)
            ));
        }
    }
    Ok(())
}

fn kernel_copies(seen: &Seen) -> Result<(), String> {
    for (table, page, mapping) in seen.pages() {
        let devices = &seen.layout.kernel_devices;
        let access = if devices.iter().any(|range| range.contains(page)) {
            Access::DEVICE
        } else {
            match regions(seen).find(|(_, range, _)| range.contains(page)) {
                Some((_, _, access)) => access,
                None => continue,
            }
        };
        if !mapping.privileged.read || mapping.privileged.write != access.write {
            return Err(format!("{page:#010x} in {}: {mapping:?}", whose(table)));
        }
    }
    Ok(())
}

fn tasks_apart(seen: &Seen) -> Result<(), String> {
    if let Some((page, mapping)) = seen.spaces[0]
        .iter()
        .find(|(_, mapping)| mapping.user != Rights::NONE)
    {
        return Err(format!("{page:#010x} in {}: {mapping:?}", whose(None)));
    }
    for (task, space) in seen.tasks() {
        let own = &seen.layout.tasks[task].regions;
        for (page, mapping) in space {
            let expected = own
                .iter()
                .find(|region| region.range.contains(*page))
                .map_or(Rights::NONE, |region| Rights {
                    read: region.access.read,
                    write: region.access.write,
                    execute: region.access.execute,
                });
            let execute = expected.execute || seen.is_kernel_text(*page);
            if mapping.user != expected || mapping.execute_never == execute {
                return Err(format!(
                    "{page:#010x} in {} should be {expected:?}: {mapping:?}",
                    whose(Some(task))
                ));
            }
        }
    }
    Ok(())
}

fn one_writer(seen: &Seen) -> Result<(), String> {
    let mut writers: BTreeMap<u32, usize> = BTreeMap::new();
    for (task, space) in seen.tasks() {
        for (page, _) in space.iter().filter(|(_, mapping)| mapping.user.write) {
            let Some(other) = writers.insert(*page, task) else {
                continue;
            };
            let shared = |task: usize| {
                seen.layout.tasks[task]
                    .regions
                    .iter()
                    .any(|region| region.shared && region.range.contains(*page))
            };
            if !(shared(task) && shared(other)) {
                return Err(format!("{page:#010x}, tasks {other} and {task}"));
            }
        }
    }
    Ok(())
}

fn guards(seen: &Seen) -> Result<(), String> {
    for (task, space) in seen.tasks() {
        let guard = seen.layout.tasks[task].stack.base - PAGE;
        if space
            .get(&guard)
            .is_some_and(|mapping| mapping.user != Rights::NONE)
        {
            return Err(format!("{guard:#010x}, task {task}"));
        }
    }
    Ok(())
}

fn global_everywhere(seen: &Seen) -> Result<(), String> {
    for (table, page, mapping) in seen.pages() {
        if table.is_none() && !mapping.global {
            return Err(format!("{page:#010x} in {} is not global", whose(table)));
        }
        if mapping.global
            && seen
                .spaces
                .iter()
                .any(|space| space.get(&page) != Some(mapping))
        {
            return Err(format!("{page:#010x} in {}", whose(table)));
        }
    }
    Ok(())
}

fn pages_closed_one_by_one(seen: &Seen) -> Result<(), String> {
    for (table, page, mapping) in seen.pages() {
        if mapping.page_never_privileged == seen.is_kernel_text(page) {
            return Err(format!("{page:#010x} in {}: {mapping:?}", whose(table)));
        }
    }
    Ok(())
}

fn tables_read_only(seen: &Seen) -> Result<(), String> {
    for (number, space) in seen.spaces.iter().enumerate() {
        for page in seen.tables.range.pages() {
            let read_only = space.get(&page).is_some_and(|mapping| {
                mapping.user == Rights::NONE
                    && mapping.privileged.read
                    && !mapping.privileged.write
                    && !mapping.privileged.execute
            });
            if !read_only {
                return Err(format!("{page:#010x} in {}", whose(number.checked_sub(1))));
            }
        }
    }
    Ok(())
}

fn global_is_the_kernels(seen: &Seen) -> Result<(), String> {
    for (table, page, mapping) in seen.pages() {
        if mapping.global && mapping.user != Rights::NONE {
            return Err(format!("{page:#010x} in {}: {mapping:?}", whose(table)));
        }
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod random;
#[cfg(test)]
pub(crate) mod tests;
