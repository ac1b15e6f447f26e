// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Memory and devices of the host's machine.
//!
//! The kernel knows addresses of 32 bits. Whatever a task hands to it in a system call, a message or a lease, gets an address in the
//! task's *window* for as long as that call lasts, and [`Memory`] finds the host's memory behind it. A window is one region of the
//! task's: what it does not hand over has no address, and an access between two mappings is refused as a processor would.

use std::collections::BTreeMap;
use std::ptr;

use abi::{LeaseAttributes, ULease};
use kern::{AccessError, InterruptState, Machine, Task};
use zerocopy::IntoBytes;

/// Where the window of the first task begins.
const FIRST: u32 = 0x1000_0000;
/// Bytes of a window. Those of 32 tasks fit the address space.
pub const WINDOW: u32 = 0x0400_0000;
/// Between two mappings.
const GAP: u32 = 64;
/// The interrupt of the timer.
const TIMER: u32 = 27;
/// What the panic of [`Machine::reset`] says.
pub const RESET: &str = "the machine was reset";

/// The base of a task's window.
pub const fn window_of(task: usize) -> u32 {
    FIRST + task as u32 * WINDOW
}

/// Memory that a task has handed over.
#[derive(Debug)]
struct Mapping {
    base: u32,
    len: usize,
    pointer: *mut u8,
    is_writable: bool,
}

// Safety: the memory behind it is used only under the lock of the image, while the task that handed it over is blocked in the system
// call that did.
unsafe impl Send for Mapping {}

/// What a task has handed over in its present system call.
#[derive(Debug)]
pub struct Window {
    mappings: Vec<Mapping>,
    /// The lease table of a SEND: the task's own has the host's addresses.
    table: Vec<u32>,
    base: u32,
    next: u32,
}

impl Window {
    fn new(task: usize) -> Self {
        let base = window_of(task);
        Self {
            mappings: Vec::new(),
            table: Vec::new(),
            base,
            next: base,
        }
    }

    /// Forgets what was handed over: the call that did has returned, or never will.
    pub fn clear(&mut self) {
        self.mappings.clear();
        self.next = self.base + GAP;
    }

    fn map(&mut self, pointer: *mut u8, len: usize, is_writable: bool) -> u32 {
        let base = self.next;
        let size = u32::try_from(len).ok().and_then(|len| len.checked_add(GAP));
        let room = self.base + WINDOW - base;
        let size = size
            .filter(|size| *size < room)
            .expect("a task hands over more memory at once than its window has");
        self.next = (base + size).next_multiple_of(8);
        if len > 0 {
            self.mappings.push(Mapping {
                base,
                len,
                pointer,
                is_writable,
            });
        }
        base
    }

    /// An address for memory that the kernel may read.
    pub fn readable(&mut self, pointer: *const u8, len: usize) -> u32 {
        self.map(pointer.cast_mut(), len, false)
    }

    /// An address for memory that the kernel may read and write.
    pub fn writable(&mut self, pointer: *mut u8, len: usize) -> u32 {
        self.map(pointer, len, true)
    }

    /// An address for a lease table, and one for each lease in it.
    pub fn lease_table(&mut self, leases: &[(LeaseAttributes, *mut u8, usize)]) -> u32 {
        let mut table = Vec::new();
        for &(attributes, pointer, len) in leases {
            let is_writable = attributes.contains(LeaseAttributes::WRITE);
            let entry = ULease {
                attributes,
                base_address: self.map(pointer, len, is_writable),
                length: len as u32,
            };
            let words = entry.as_bytes().chunks_exact(4);
            table.extend(words.map(|word| u32::from_ne_bytes(word.try_into().unwrap_or_default())));
        }
        self.table = table;
        let (pointer, len) = (self.table.as_mut_ptr(), self.table.len() * 4);
        self.readable(pointer.cast(), len)
    }

    fn find(&self, address: u32, len: usize, writes: bool) -> Option<*mut u8> {
        let mapping = self.mappings.iter().find(|mapping| {
            let offset = address.wrapping_sub(mapping.base) as usize;
            offset < mapping.len && len <= mapping.len - offset
        })?;
        let offset = (address - mapping.base) as usize;
        // It lies inside, so the pointer does too.
        let found = mapping.pointer.wrapping_add(offset);
        (mapping.is_writable || !writes).then_some(found)
    }
}

/// A line of the interrupt controller.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    enabled: bool,
    pending: bool,
}

/// Memory, clock and interrupt controller.
#[derive(Debug)]
pub struct Memory {
    windows: Vec<Window>,
    /// Microseconds since power-on.
    now: u64,
    alarm: Option<u64>,
    lines: BTreeMap<u32, Line>,
    was_reset: bool,
}

impl Memory {
    /// Ticks of the clock in a second, and in a millisecond.
    pub const FREQUENCY: u32 = 1_000_000;
    /// See [`Memory::FREQUENCY`].
    pub const MILLISECOND: u64 = 1000;

    /// For so many tasks.
    pub fn new(tasks: usize) -> Self {
        Self {
            windows: (0..tasks).map(Window::new).collect(),
            now: 0,
            alarm: None,
            lines: BTreeMap::new(),
            was_reset: false,
        }
    }

    /// The window of a task.
    pub fn window(&mut self, task: usize) -> &mut Window {
        &mut self.windows[task]
    }

    /// Raises a line.
    pub fn raise(&mut self, line: u32) {
        self.lines.entry(line).or_default().pending = true;
    }

    /// Whether an interrupt is to be taken.
    pub fn interrupts(&self) -> bool {
        self.alarm.is_some_and(|at| at <= self.now)
            || self.lines.values().any(|line| line.enabled && line.pending)
    }

    /// The clock, in ticks.
    pub fn now(&self) -> u64 {
        self.now
    }

    /// Lets time pass until `end`, or until the timer fires before that.
    pub fn pass(&mut self, end: u64) {
        self.now = self.alarm.map_or(end, |at| at.clamp(self.now, end));
    }

    /// Whether somebody restarted the machine.
    pub fn was_reset(&self) -> bool {
        self.was_reset
    }

    fn find(&self, address: u32, len: usize, writes: bool) -> Result<*mut u8, AccessError> {
        let task = address.wrapping_sub(FIRST) / WINDOW;
        let window = self.windows.get(task as usize);
        window
            .and_then(|window| window.find(address, len, writes))
            .ok_or(AccessError {
                address: Some(address),
                bus: false,
            })
    }
}

impl Machine for Memory {
    const TIMER: u32 = TIMER;

    fn copy(&mut self, source: u32, destination: u32, length: u32) -> Result<(), AccessError> {
        let len = length as usize;
        if len == 0 {
            return Ok(());
        }
        let from = self.find(source, len, false)?;
        let to = self.find(destination, len, true)?;
        // Safety: both are memory that tasks have handed over, of at least this length, the second to be written; they wait in the
        // calls that did. Nothing says that the host's memory behind two leases is not the same.
        unsafe { ptr::copy(from, to, len) };
        Ok(())
    }

    fn read(&mut self, source: u32, into: &mut [u8]) -> Result<(), AccessError> {
        if into.is_empty() {
            return Ok(());
        }
        let from = self.find(source, into.len(), false)?;
        // Safety: as in `copy`; `into` is the kernel's own.
        unsafe { ptr::copy_nonoverlapping(from, into.as_mut_ptr(), into.len()) };
        Ok(())
    }

    fn read_words(&mut self, source: u32) -> Result<[u32; 3], AccessError> {
        let mut words = [0; 3];
        self.read(source, words.as_mut_bytes())?;
        Ok(words)
    }

    fn write(&mut self, destination: u32, from: &[u8]) -> Result<(), AccessError> {
        if from.is_empty() {
            return Ok(());
        }
        let to = self.find(destination, from.len(), true)?;
        // Safety: as in `copy`; `from` is the kernel's own.
        unsafe { ptr::copy_nonoverlapping(from.as_ptr(), to, from.len()) };
        Ok(())
    }

    fn write_record(
        &mut self,
        destination: u32,
        task: &Task,
        offset: u32,
        length: u32,
    ) -> Result<(), AccessError> {
        // The registers; what follows is the kernel's and looks different on every host.
        let mut record = task.registers.as_bytes().to_vec();
        let end = (offset + length) as usize;
        record.resize(end.max(record.len()), 0);
        self.write(destination, &record[offset as usize..end])
    }

    fn fill(&mut self, _base: u32, _end: u32, _word: u32) {
        // Stacks are the host's.
    }

    fn forget_running_task(&mut self) -> bool {
        false
    }

    fn ticks(&self) -> u64 {
        self.now
    }

    fn set_alarm(&mut self, at: Option<u64>) {
        self.alarm = at;
    }

    fn acknowledge(&mut self) -> Option<u32> {
        if self.alarm.is_some_and(|at| at <= self.now) {
            return Some(TIMER);
        }
        let lines = self.lines.iter_mut();
        let (number, line) = lines
            .into_iter()
            .find(|(_, line)| line.enabled && line.pending)?;
        line.pending = false;
        Some(*number)
    }

    fn end(&mut self, _intid: u32) {}

    fn enable(&mut self, intid: u32, enabled: bool) {
        self.lines.entry(intid).or_default().enabled = enabled;
    }

    fn set_pending(&mut self, intid: u32, pending: bool) {
        self.lines.entry(intid).or_default().pending = pending;
    }

    fn interrupt_state(&mut self, intid: u32) -> InterruptState {
        let line = self.lines.get(&intid).copied().unwrap_or_default();
        InterruptState {
            enabled: line.enabled,
            pending: line.pending,
        }
    }

    fn wait(&mut self) {
        unreachable!("the idle task can always run");
    }

    fn reset(&mut self) -> ! {
        self.was_reset = true;
        panic!("{RESET}");
    }

    fn supervisor_fault(&mut self, supervisor: &Task) -> ! {
        panic!("the supervisor faulted: {:?}", supervisor.state());
    }
}
