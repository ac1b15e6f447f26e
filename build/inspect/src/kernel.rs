// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The kernel's records of the tasks, by the kernel's own debug information.

use abi::{SchedState, TaskId};
use anyhow::{Context, Result, bail, ensure};
use kern::Status;

use crate::memory::{Range, Registers};
use crate::show::Node;
use crate::types::{Kind, TypeRef};
use crate::value::{Value, Values};
use crate::view::View;

/// What the kernel knows of a task.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its index.
    pub index: usize,
    /// Its name in its present life.
    pub id: TaskId,
    /// What it does, or did when it faulted.
    pub state: SchedState,
    /// Why it faulted, if it has.
    pub fault: Option<Node>,
    /// Strict priority; a lower number is more important.
    pub priority: u8,
    /// How often it was restarted.
    pub restarts: u32,
    /// Notification bits that it has not received yet.
    pub posted: u32,
    /// When its timer is due, in milliseconds since power-on, and the notification bits.
    pub timer: Option<(u64, u32)>,
    /// Whether the processor executes it.
    pub runs: bool,
    /// Whether the kernel works for it: it was the last to run, and the kernel has not returned.
    pub in_kernel: bool,
    /// Its registers.
    pub registers: Registers,
}

/// What the kernel knows.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// The tasks, by index.
    pub tasks: Vec<Record>,
    /// The index of the task that runs when the kernel returns.
    pub current: usize,
}

impl Kernel {
    /// Reads the kernel's records.
    ///
    /// # Errors
    ///
    /// The kernel has not started, memory is missing, or the debug information does not describe such a kernel.
    pub fn read(view: &View<'_>) -> Result<Self> {
        let place = view.place(&view.kernel);
        let values = place.values();
        let storage = variable(&values, "RECORDS")?;
        if values.number_named(&storage, "taken")? == 0 {
            bail!("the kernel has not started any task yet");
        }
        let records = Records::find(&values)?;
        let kernel = values
            .named(&variable(&values, "KERNEL")?, "0")?
            .context("the kernel's variables are not where they should be")?;
        let current = values.number_named(&kernel, "current")? as usize;
        let timers = values.number_named(&kernel, "timers")?;
        let mut tasks = Vec::new();
        for index in 0..records.count {
            let value = records.at(&values, index)?;
            let mut record = record(&values, index, &value, timers)?;
            if index == current
                && let Some(registers) = view.snapshot.registers
            {
                record.runs = registers.is_user();
                record.in_kernel = !record.runs;
                if record.runs {
                    record.registers = registers;
                }
            }
            tasks.push(record);
        }
        Ok(Self { tasks, current })
    }
}

/// Where the records are.
struct Records {
    address: u32,
    element: TypeRef,
    count: usize,
}

impl Records {
    fn find(values: &Values<'_, '_>) -> Result<Self> {
        let records = values
            .named(&variable(values, "RECORDS")?, "tasks")?
            .context("the records of tasks are not where they should be")?;
        match records.of.kind {
            Kind::Array { element, count } => Ok(Self {
                address: records.address,
                element,
                count: count as usize,
            }),
            _ => bail!("the records of tasks are no array but {}", records.of.name),
        }
    }

    fn at(&self, values: &Values<'_, '_>, index: usize) -> Result<Value> {
        let mut value = values.at(self.address, self.element)?;
        value.address += index as u32 * value.of.size;
        Ok(value)
    }
}

/// Where the kernel's record of a task is, and its length.
///
/// # Errors
///
/// There is no such task, or the debug information does not describe such a kernel.
pub fn place_of(view: &View<'_>, index: usize) -> Result<Range> {
    let place = view.place(&view.kernel);
    let values = place.values();
    let records = Records::find(&values)?;
    ensure!(index < records.count, "the kernel has no task {index}");
    let record = records.at(&values, index)?;
    Ok(Range {
        base: record.address,
        size: record.of.size,
    })
}

/// The record of one task, where nothing else of the kernel is known: that of a dump.
///
/// # Errors
///
/// As [`Kernel::read`].
pub fn alone(view: &View<'_>, index: usize) -> Result<Record> {
    let place = view.place(&view.kernel);
    let values = place.values();
    let record_at = Records::find(&values)?.at(&values, index)?;
    record(&values, index, &record_at, 0)
}

/// A variable of the kernel by the last part of its name.
fn variable(values: &Values<'_, '_>, name: &str) -> Result<Value> {
    let statics = values.program.statics()?;
    let found = statics
        .iter()
        .find(|found| found.name() == name)
        .with_context(|| format!("the kernel has no variable {name}"))?;
    values.unwrapped(&values.at(found.address, found.of)?)
}

fn record(values: &Values<'_, '_>, index: usize, task: &Value, timers: u64) -> Result<Record> {
    let number = |name| values.number_named(task, name);
    let word = number("status")? as u32;
    let status = Status::from_word(word);
    let fault = match values.named(task, "fault")? {
        Some(fault) if status.is_faulted() => Some(values.show(&fault)),
        _ => None,
    };
    let timer = values.named(task, "timer")?.context("no timer")?;
    let is_set = timers & number("bit")? != 0;
    let timer = (
        values.number_named(&timer, "deadline")?,
        values.number_named(&timer, "bits")? as u32,
    );
    let saved = values.named(task, "registers")?.context("no registers")?;
    let first = values.named(&saved, "r")?.context("no r0")?;
    let mut registers = Registers::default();
    for (number, register) in registers.r.iter_mut().take(13).enumerate() {
        let address = first.address + 4 * number as u32;
        *register = values.memory.number(address, 4)? as u32;
    }
    for (register, name) in [(13, "sp"), (14, "lr"), (15, "pc")] {
        registers.r[register] = values.number_named(&saved, name)? as u32;
    }
    registers.psr = values.number_named(&saved, "psr")? as u32;
    Ok(Record {
        index,
        id: TaskId(number("id")? as u16),
        state: status.sched_state(),
        fault,
        priority: number("priority")? as u8,
        restarts: number("restarts")? as u32,
        posted: number("notifications")? as u32,
        timer: is_set.then_some(timer),
        runs: false,
        in_kernel: false,
        registers,
    })
}
