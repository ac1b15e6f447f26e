// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What is kept of a task that faulted: the kernel's record of it, with its registers, and the top of its stack.
//!
//! A restart overwrites both, so they are copied before. `cargo xtask inspect dumps` shows them, in a running machine or in its dump, with a
//! backtrace; it knows them by the names of the types and fields here. How many there are, and how long each stack is, is the
//! application's choice: `[tasks.jefe.config.dumps]`. When all are used the oldest is replaced.

use abi::{FaultInfo, FaultSource, RECORD_SIZE, RECORD_STACK_POINTER, TaskDumpRegion, TaskId};
use task_jefe_api::{DumpInfo, JefeError};
use userlib::{kipc, sys_refresh_task_id};

use crate::config::{DUMP_STACK as STACK, DUMPS as COUNT};

/// A task as it was when it faulted.
#[derive(Copy, Clone, Debug)]
struct Dump {
    /// Counts from 1; 0: nothing is kept here.
    number: u32,
    task: TaskId,
    /// When the supervisor saw it, in milliseconds since power-on.
    at_ms: u64,
    fault: FaultInfo,
    /// The kernel's record.
    record: [u8; RECORD_SIZE],
    /// Where the stack was.
    stack_base: u32,
    /// Bytes of it that are kept.
    stack_len: u32,
    stack: [u8; STACK],
}

impl Dump {
    const EMPTY: Self = Self {
        number: 0,
        task: TaskId(0),
        at_ms: 0,
        // This one is zeros in memory: dumps that are not yet made take no flash.
        fault: FaultInfo::MemoryAccess {
            address: None,
            source: FaultSource::User,
        },
        record: [0; RECORD_SIZE],
        stack_base: 0,
        stack_len: 0,
        stack: [0; STACK],
    };
}

/// The dumps that are kept.
#[derive(Debug)]
pub struct Dumps {
    kept: [Dump; COUNT],
    /// How many were made.
    made: u32,
}

impl Dumps {
    /// None yet.
    #[allow(clippy::new_without_default)]
    #[must_use]
    pub const fn new() -> Self {
        Self {
            kept: [Dump::EMPTY; COUNT],
            made: 0,
        }
    }

    /// Keeps a task that has faulted and was not restarted yet.
    pub fn keep(&mut self, index: usize, fault: FaultInfo, at_ms: u64) {
        // Reached by none, if none is to be kept.
        let Some(oldest) = self.kept.iter_mut().min_by_key(|dump| dump.number) else {
            return;
        };
        let Some(record) = kipc::get_task_dump_region(index, 0) else {
            return;
        };
        self.made = self.made.wrapping_add(1);
        oldest.number = self.made;
        oldest.task = sys_refresh_task_id(TaskId::for_index(index));
        oldest.at_ms = at_ms;
        oldest.fault = fault;
        read(index, record, &mut oldest.record);
        let stack_pointer = oldest.record.get(RECORD_STACK_POINTER..);
        let stack_pointer = stack_pointer.and_then(|bytes| bytes.first_chunk());
        let stack_pointer = u32::from_le_bytes(stack_pointer.copied().unwrap_or_default());
        let regions = (1..).map_while(|number| kipc::get_task_dump_region(index, number));
        oldest.stack_base = stack_pointer;
        oldest.stack_len = 0;
        if let Some(stack) = stack_at(stack_pointer, regions) {
            oldest.stack_base = stack.base;
            oldest.stack_len = read(index, stack, &mut oldest.stack) as u32;
        }
    }

    /// The dump at a position, the newest at 0.
    ///
    /// # Errors
    ///
    /// There are fewer.
    pub fn info(&self, position: u8) -> Result<DumpInfo, JefeError> {
        let wanted = self.made.checked_sub(position.into());
        let wanted = wanted.filter(|number| *number != 0);
        let found = self.kept.iter().find(|dump| Some(dump.number) == wanted);
        let dump = found.ok_or(JefeError::NoSuchDump)?;
        Ok(DumpInfo {
            number: dump.number,
            task: dump.task.0,
            at_ms: dump.at_ms,
            fault: dump.fault,
        })
    }
}

/// Copies the beginning of a region, as much as there is room for.
fn read(index: usize, region: TaskDumpRegion, into: &mut [u8]) -> usize {
    let size = region.size.min(into.len() as u32);
    kipc::read_task_dump_region(index, TaskDumpRegion { size, ..region }, into)
}

/// The stack from the stack pointer up; from its lowest address, if the stack pointer has left it downwards.
fn stack_at(
    stack_pointer: u32,
    regions: impl Iterator<Item = TaskDumpRegion>,
) -> Option<TaskDumpRegion> {
    let from = stack_pointer & !3;
    let ends_above = regions.filter(|region| from < region.base.saturating_add(region.size));
    let nearest = ends_above.min_by_key(|region| region.base)?;
    let base = from.max(nearest.base);
    Some(TaskDumpRegion {
        base,
        size: nearest.base + nearest.size - base,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const VARIABLES: TaskDumpRegion = TaskDumpRegion {
        base: 0x2000,
        size: 0x100,
    };
    const STACK_REGION: TaskDumpRegion = TaskDumpRegion {
        base: 0x1000,
        size: 0x800,
    };

    fn stack(stack_pointer: u32) -> Option<(u32, u32)> {
        let regions = [VARIABLES, STACK_REGION].into_iter();
        stack_at(stack_pointer, regions).map(|region| (region.base, region.size))
    }

    #[test]
    fn the_stack_is_kept_from_the_stack_pointer_up() {
        assert_eq!(stack(0x1234), Some((0x1234, 0x5cc)));
        assert_eq!(stack(0x1237), Some((0x1234, 0x5cc)));
        assert_eq!(stack(0x17fc), Some((0x17fc, 4)));
    }

    #[test]
    fn a_stack_that_overflowed_is_kept_from_its_lowest_address() {
        assert_eq!(stack(0xf00), Some((0x1000, 0x800)));
        assert_eq!(stack(0), Some((0x1000, 0x800)));
    }

    #[test]
    fn a_stack_pointer_beyond_all_memory_has_no_stack() {
        assert_eq!(stack(0x2100), None);
        assert_eq!(stack(u32::MAX), None);
    }
}
