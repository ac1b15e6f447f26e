// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! All memory of a machine while its supervisor stands still, and what of it may differ from one
//! time to the next.
//!
//! The image is that of `test/suite/fuzz.toml`. Three fuzzers do what they like; what that may
//! change is
//!
//! * the fuzzers' own stacks and variables;
//! * of the kernel's records, those of the fuzzers, of the supervisor, and of whoever wakes the
//!   supervisor; of a bystander's record, only who sends to it and what was posted to it;
//! * of the kernel's variables, who is ready, whose timer is set, and what is counted, all of which
//!   must agree with the records;
//! * the supervisor's stack, as deep as it was ever used.
//!
//! Everything else stays as it was: all memory of the bystanders, stacks included, the supervisor's
//! variables, text, constants and translation tables, whatever memory belongs to nobody.

use std::fs;
use std::ops::Range;
use std::path::Path;

use object::{Object as _, ObjectSymbol as _};
use serde_json::json;
use xtask::image::Image;
use xtask::qmp::Qmp;

/// Bytes of a record of a task.
const RECORD: u32 = 256;
/// Offsets in a record: see `sys/kern/src/task.rs`.
const STATUS: u32 = 68;
const ID: u32 = 72;
const NOTIFICATIONS: u32 = 76;
const SENDERS: u32 = 80;
const BIT: u32 = 84;
const TIMER: u32 = 136;
/// Offsets in the kernel's variables: see `sys/kern/src/kernel.rs`.
const CURRENT: u32 = 20;
const READY: u32 = 24;
const TIMERS: u32 = 28;
const CONSTANT_AGAIN: u32 = 56;
/// What a fresh stack holds.
const STACK_FILL: u32 = 0xbadd_cafe;
/// Bytes of the supervisor's stack that it never uses, at the least.
const UNUSED: u32 = 512;

/// The states of a task, in a status.
const FAULTED: u32 = 1 << 31;
const RUNNABLE: u32 = 1;
const IN_SEND: u32 = 2;
const IN_REPLY: u32 = 3;
const IN_OPEN_RECEIVE: u32 = 4;
const IN_CLOSED_RECEIVE: u32 = 5;
/// The kernel, as a peer.
const KERNEL: u32 = 0xffff;

/// Where things are in the image.
#[derive(Clone, Debug)]
pub struct Places {
    /// The kernel's records of the tasks.
    pub records: u32,
    /// The kernel's variables.
    pub variables: Range<u32>,
    tasks: u32,
    /// All of the kernel's variables but its stacks.
    kernel: Range<u32>,
    /// All that the image takes.
    all: Range<u32>,
    /// The variables and stacks of those who may change their own.
    fuzzers: Vec<Range<u32>>,
    kernel_stacks: Range<u32>,
    supervisor_stack: Range<u32>,
    bystanders: Vec<u32>,
}

impl Places {
    /// Looks them up. The bystanders are `bystanders`, and everybody else but the supervisor may
    /// change.
    ///
    /// # Panics
    ///
    /// If the image has not what an image has.
    #[must_use]
    pub fn of(image: &Image, bystanders: &[&str]) -> Self {
        let report = image.report().expect("the layout is reported");
        let bytes = fs::read(&image.elf).expect("the image is there");
        let elf = object::File::parse(&*bytes).expect("is an ELF");
        let symbol = |word: &str| {
            let mut found = elf.symbols().filter(|symbol| {
                let name = symbol.name().unwrap_or_default();
                name == word || name.contains(&format!("{}{word}17h", word.len()))
            });
            let symbol = found
                .next()
                .unwrap_or_else(|| panic!("the image has no {word}"));
            symbol.address() as u32..(symbol.address() + symbol.size()) as u32
        };
        let ram = |task: &compose::report::TaskReport| {
            let region = task
                .regions
                .iter()
                .find(|region| (region.base..region.base + region.size).contains(&task.stack.base))
                .expect("a task has a stack");
            region.base..region.base + region.size
        };
        let kernel = &report.kernel;
        let ends = report.memories.values();
        let end = ends.map(|memory| memory.address + memory.used).max();
        let first = &report.tasks[0];
        Self {
            records: symbol("RECORDS").start,
            variables: symbol("KERNEL"),
            tasks: report.tasks.len() as u32,
            kernel: symbol("_stack_top").start..kernel.ram.base + kernel.ram.size,
            all: kernel.text.base..end.expect("there is memory"),
            fuzzers: report.tasks[1..]
                .iter()
                .filter(|task| !bystanders.contains(&&*task.name))
                .map(ram)
                .collect(),
            kernel_stacks: kernel.ram.base..symbol("_stack_top").start,
            supervisor_stack: first.stack.base..first.stack.base + first.stack.size,
            bystanders: report
                .tasks
                .iter()
                .filter(|task| bystanders.contains(&&*task.name))
                .map(|task| task.index as u32)
                .collect(),
        }
    }

    fn record(&self, index: u32) -> Range<u32> {
        let base = self.records + index * RECORD;
        base..base + RECORD
    }

    /// What may change without a look at what it is.
    fn free(&self, address: u32) -> bool {
        let fuzzer = self.fuzzers.iter().any(|range| range.contains(&address));
        let record = (address.wrapping_sub(self.records) / RECORD < self.tasks).then(|| {
            let (index, offset) = (
                (address - self.records) / RECORD,
                (address - self.records) % RECORD,
            );
            if self.bystanders.contains(&index) {
                (NOTIFICATIONS..BIT).contains(&offset)
            } else {
                // Its rank, its memory and its description stay.
                !(BIT..TIMER).contains(&offset) && offset != ID
            }
        });
        let variables = address.wrapping_sub(self.variables.start);
        fuzzer
            || record == Some(true)
            || self.supervisor_stack.contains(&address)
            || self.kernel_stacks.contains(&address)
            || self.variables.contains(&address) && (CURRENT..CONSTANT_AGAIN).contains(&variables)
    }
}

/// All memory at one time.
#[derive(Clone, Debug)]
pub struct Memory {
    base: u32,
    bytes: Vec<u8>,
}

impl Memory {
    /// Reads it out of the machine, by way of a file in `folder`.
    ///
    /// # Panics
    ///
    /// If QEMU refuses.
    #[must_use]
    pub fn of(control: &mut Qmp, places: &Places, folder: &Path) -> Self {
        let file = folder.join("memory");
        let arguments = json!({
            "val": places.all.start,
            "size": places.all.end - places.all.start,
            "filename": file,
        });
        control
            .execute("pmemsave", arguments)
            .unwrap_or_else(|error| panic!("{error:#}"));
        Self {
            base: places.all.start,
            bytes: fs::read(file).expect("QEMU saved memory"),
        }
    }

    fn word(&self, address: u32) -> u32 {
        let at = (address - self.base) as usize;
        u32::from_le_bytes(self.bytes[at..at + 4].try_into().expect("a word"))
    }

    /// Compares with what it was before, and checks that the kernel's state agrees with itself.
    ///
    /// # Errors
    ///
    /// What has changed, or does not agree.
    pub fn check(&self, before: &Self, places: &Places) -> Result<(), String> {
        if self.bytes != before.bytes {
            for at in (0..self.bytes.len()).step_by(4) {
                let address = self.base + at as u32;
                let (now, then) = (self.word(address), before.word(address));
                // The id is half a word: its index stays.
                let id = places.is_id(address) && now & 0xffff_03ff == then & 0xffff_03ff;
                if now != then && !places.free(address) && !id {
                    return Err(format!(
                        "{address:#010x} was {then:#010x} and is {now:#010x}: {}",
                        places.describe(address)
                    ));
                }
            }
        }
        self.check_stack(places)?;
        self.check_kernel(places)
    }

    /// The part of the supervisor's stack that it never uses is as it was made.
    fn check_stack(&self, places: &Places) -> Result<(), String> {
        let base = places.supervisor_stack.start;
        match (base..base + UNUSED)
            .step_by(4)
            .find(|address| self.word(*address) != STACK_FILL)
        {
            Some(address) => Err(format!(
                "the supervisor's stack has changed at {address:#010x}"
            )),
            None => Ok(()),
        }
    }

    /// What must hold whenever a task runs: as the host tests of the kernel have it.
    fn check_kernel(&self, places: &Places) -> Result<(), String> {
        let field = |index: u32, offset: u32| self.word(places.record(index).start + offset);
        let variable = |offset: u32| self.word(places.variables.start + offset);
        let complain = |index: u32, what: &str| Err(format!("task {index} {what}"));
        if variable(CURRENT) != 0 {
            return Err("the supervisor runs, and the kernel thinks otherwise".into());
        }
        let all: u32 = (0..places.tasks).fold(0, |set, index| set | field(index, BIT));
        if variable(TIMERS) & !all != 0 || variable(READY) & !all != 0 {
            return Err("the kernel's sets have members that do not exist".into());
        }
        let mut senders = vec![0; places.tasks as usize];
        for index in 0..places.tasks {
            let status = field(index, STATUS);
            let (kind, peer) = (status >> 16 & 0x7fff, status & 0xffff);
            let healthy = status & FAULTED == 0;
            let bit = field(index, BIT);
            if (variable(READY) & bit != 0) != (healthy && kind == RUNNABLE) {
                return complain(index, "is ready, or is not, against its status");
            }
            if field(index, ID) & 0x3ff != index {
                return complain(index, "has the name of another");
            }
            let waits =
                matches!(kind, IN_SEND | IN_REPLY) || kind == IN_CLOSED_RECEIVE && peer != KERNEL;
            if healthy && waits {
                let target = peer & 0x3ff;
                if target >= places.tasks || field(target, ID) & 0xffff != peer {
                    return complain(index, "waits for a past life");
                }
                if kind == IN_SEND {
                    senders[target as usize] |= bit;
                }
            }
            if healthy && matches!(kind, IN_OPEN_RECEIVE | IN_CLOSED_RECEIVE) {
                // The third argument of a receiver is its mask, in the seventh register.
                let mask = self.word(places.record(index).start + 24);
                if field(index, NOTIFICATIONS) & mask != 0 {
                    return complain(index, "sleeps on a notification");
                }
            }
        }
        for (index, expected) in senders.into_iter().enumerate() {
            if field(index as u32, SENDERS) != expected {
                return complain(index as u32, "has senders that do not send to it");
            }
        }
        Ok(())
    }
}

impl Places {
    fn is_id(&self, address: u32) -> bool {
        let offset = address.wrapping_sub(self.records);
        offset / RECORD < self.tasks
            && offset % RECORD == ID
            && !self.bystanders.contains(&(offset / RECORD))
    }

    /// Whose memory that is.
    fn describe(&self, address: u32) -> String {
        let offset = address.wrapping_sub(self.records);
        if offset / RECORD < self.tasks {
            format!(
                "byte {} of the record of task {}",
                offset % RECORD,
                offset / RECORD
            )
        } else if self.variables.contains(&address) {
            format!(
                "byte {} of the kernel's state",
                address - self.variables.start
            )
        } else if self.kernel.contains(&address) {
            "a variable of the kernel".into()
        } else {
            "memory that must not change".into()
        }
    }
}
