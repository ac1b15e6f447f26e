// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `inspect tasks` and `inspect registers`: what each task does, and how it came there.

use std::fmt::Write as _;

use abi::{SchedState, TaskId};
use anyhow::Result;
use idol::Operation;
use num_traits::FromPrimitive as _;

use crate::kernel::{Kernel, Record};
use crate::memory::Registers;
use crate::program::Program;
use crate::show::Node;
use crate::unwind;
use crate::value::{Memory, Value, Values};
use crate::view::{View, hexadecimal};

/// What is shown beside the states.
#[derive(Clone, Copy, Debug, Default)]
pub struct Detail {
    /// Registers.
    pub registers: bool,
    /// Backtraces.
    pub stack: bool,
}

/// The state of all tasks, or of one.
///
/// # Errors
///
/// The kernel's records cannot be read.
pub fn tasks(view: &View<'_>, only: Option<usize>, detail: Detail) -> Result<String> {
    let kernel = Kernel::read(view)?;
    let mut text = view.remarks();
    text.push_str(&head());
    for record in &kernel.tasks {
        if only.is_some_and(|only| only != record.index) {
            continue;
        }
        text.push_str(&one(view, record, detail));
    }
    if only.is_none()
        && let Some(registers) = view.snapshot.registers
        && !registers.is_user()
    {
        let _ = writeln!(text, "the kernel itself runs, in mode {}", mode(&registers));
        if detail.registers {
            text.push_str(&registers_of(&registers));
        }
        if detail.stack {
            text.push_str(&frames_of(view, &view.kernel, &registers));
        }
    }
    Ok(text)
}

/// The line above the tasks.
pub(crate) fn head() -> String {
    format!(
        "{:>2}  {:<12} {:>3} {:>4} {:>8}  state\n",
        "#", "task", "gen", "prio", "restarts"
    )
}

/// A task, with what belongs to it.
pub(crate) fn one(view: &View<'_>, record: &Record, detail: Detail) -> String {
    let name = &view.report.tasks[record.index].name;
    let mut text = format!(
        "{:>2}  {name:<12} {:>3} {:>4} {:>8}  {}\n",
        record.index,
        u8::from(record.id.generation()),
        record.priority,
        record.restarts,
        state(view, record)
    );
    if let Some(message) = message(view, record) {
        let _ = writeln!(text, "      message: {message}");
    }
    if let Some(fault) = &record.fault {
        let _ = writeln!(text, "      fault: {}", fault.on_one_line());
        if let Some(message) = panic_message(view, record) {
            // Most begin with that word.
            let label = if message.starts_with("panicked") {
                ""
            } else {
                "panicked: "
            };
            let _ = writeln!(text, "      {label}{message}");
        }
    }
    if detail.registers {
        text.push_str(&registers_of(&record.registers));
    }
    if detail.stack {
        let program = &view.tasks[record.index];
        text.push_str(&frames_of(view, program, &record.registers));
    }
    text
}

/// One task's registers: those that the kernel saved, or the processor's if it executes the task.
///
/// # Errors
///
/// The kernel's records cannot be read.
pub fn registers(view: &View<'_>, index: usize) -> Result<String> {
    let kernel = Kernel::read(view)?;
    let record = &kernel.tasks[index];
    let place = if record.runs {
        "the processor's, for it runs"
    } else {
        "as the kernel saved them"
    };
    let name = &view.report.tasks[index].name;
    Ok(format!(
        "{}{name}: registers, {place}\n{}",
        view.remarks(),
        registers_of(&record.registers)
    ))
}

fn mode(registers: &Registers) -> &'static str {
    match registers.psr & 0x1f {
        0x11 => "FIQ",
        0x12 => "IRQ",
        0x13 => "supervisor",
        0x17 => "abort",
        0x1a => "hypervisor",
        0x1b => "undefined",
        0x1f => "system",
        _ => "unknown",
    }
}

fn registers_of(registers: &Registers) -> String {
    let mut text = String::new();
    for (row, values) in registers.r.chunks(4).enumerate() {
        text.push_str("     ");
        for (column, value) in values.iter().enumerate() {
            let name = match row * 4 + column {
                13 => "sp".into(),
                14 => "lr".into(),
                15 => "pc".into(),
                number => format!("r{number}"),
            };
            let _ = write!(text, " {name:>3} {value:#010x}");
        }
        text.push('\n');
    }
    let _ = writeln!(text, "      psr {:#010x}", registers.psr);
    text
}

fn frames_of<'a>(view: &View<'a>, program: &Program<'a>, registers: &Registers) -> String {
    let mut text = String::new();
    let frames = unwind::backtrace(program, &view.place(program), registers);
    for frame in &frames {
        let places = program.places(frame.at);
        if places.is_empty() {
            let _ = writeln!(text, "      {:#010x} ?", frame.pc);
        }
        for (number, place) in places.iter().enumerate() {
            let address = match number + 1 == places.len() {
                true => format!("{:#010x}", frame.pc),
                false => " ".repeat(10),
            };
            let line = place.line.as_deref().unwrap_or("?");
            let _ = writeln!(text, "      {address} {}  {line}", place.function);
        }
    }
    text
}

/// What a task does, by names.
fn state(view: &View<'_>, record: &Record) -> String {
    let doing = doing(view, record);
    let mut text = match (&record.fault, record.runs) {
        (Some(_), _) => format!("FAULTED; before: {doing}"),
        (None, true) => String::from("runs"),
        (None, false) => doing,
    };
    if record.in_kernel {
        let _ = write!(text, "; in the kernel: {}", entered_by(view, record));
    }
    if record.posted != 0 {
        let _ = write!(
            text,
            "; not yet received: {}",
            view.notifications(record.index, record.posted)
        );
    }
    if let Some((deadline, _)) = record.timer {
        let _ = write!(
            text,
            "; timer at {}.{:03} s",
            deadline / 1000,
            deadline % 1000
        );
    }
    text
}

/// How the task came into the kernel: the system call, if that is what it executed last.
fn entered_by(view: &View<'_>, record: &Record) -> String {
    let program = &view.tasks[record.index];
    let registers = &record.registers;
    if !unwind::before_is_call(program, registers.r[15], registers.is_thumb()) {
        return "interrupted".into();
    }
    match abi::Sysnum::from_u32(registers.r[11]) {
        Some(number) => format!("system call {number:?}"),
        None => format!("system call {}", registers.r[11]),
    }
}

fn doing(view: &View<'_>, record: &Record) -> String {
    // The second and third arguments of the calls that wait: see `abi`.
    let (first, third) = (record.registers.r[4], record.registers.r[6]);
    let operation = |peer: TaskId| operation(view, peer, first & 0xffff);
    let notified = |with: &str| match view.notifications(record.index, third) {
        names if names.is_empty() => String::new(),
        names => format!("{with}{names}"),
    };
    match record.state {
        SchedState::Stopped => "not started".into(),
        SchedState::Runnable => "ready to run".into(),
        SchedState::InSend(peer) => {
            format!("sends {} to {}", operation(peer), view.task_name(peer))
        }
        SchedState::InReply(peer) => {
            let peer_name = view.task_name(peer);
            format!("waits for {peer_name} to answer {}", operation(peer))
        }
        SchedState::InRecv(None) => {
            format!("waits for messages{}", notified(" and notifications: "))
        }
        SchedState::InRecv(Some(TaskId::KERNEL)) => {
            format!("waits{}", notified(" for notifications: "))
        }
        SchedState::InRecv(Some(peer)) => {
            let peer = view.task_name(peer);
            format!(
                "waits for a message of {peer}{}",
                notified(" and notifications: ")
            )
        }
    }
}

/// The interface of a server, and its operation by this number.
fn operation_of(view: &View<'_>, peer: TaskId, number: u32) -> Option<(String, Operation)> {
    let section = view.tasks.get(peer.index())?.section(".idolatry")?;
    let (interface, operations) = idol::operations(std::str::from_utf8(section).ok()?).ok()?;
    let operation = operations
        .into_iter()
        .nth(number.checked_sub(1)? as usize)?;
    Some((interface, operation))
}

/// An operation by its name in the interface of the server.
fn operation(view: &View<'_>, peer: TaskId, number: u32) -> String {
    match operation_of(view, peer, number) {
        Some((_, operation)) => format!("`{}`", operation.name),
        None => format!("operation {number}"),
    }
}

/// What a task that waits for a server has sent: by the server's debug information, if the message is a structure as
/// it lies in memory; else its bytes.
fn message(view: &View<'_>, record: &Record) -> Option<String> {
    const LONGEST: u32 = 64;
    let (SchedState::InSend(peer) | SchedState::InReply(peer)) = record.state else {
        return None;
    };
    let r = &record.registers.r;
    let (number, address, length) = (r[4] & 0xffff, r[5], r[6]);
    if length == 0 {
        return None;
    }
    // The message lies in the memory of the client, and is described by the server.
    let place = view.place(&view.tasks[record.index]);
    if let Some((interface, operation)) = operation_of(view, peer, number)
        && operation.is_in_place
        && let Ok(debug) = view.tasks[peer.index()].debug()
        && let Some(of) = debug.structure(&format!("{interface}_{}_ARGS", operation.name))
        && let Ok(of) = debug.resolve(of)
        && of.size == length
    {
        let values = Values {
            program: &view.tasks[peer.index()],
            memory: &place,
        };
        let shown = values.show(&Value { address, of });
        return Some(match shown {
            Node::Struct(_, fields) => Node::Struct(operation.name, fields).on_one_line(),
            other => other.on_one_line(),
        });
    }
    let memory: &dyn Memory = &place;
    match memory.bytes(address, length.min(LONGEST) as usize) {
        Ok(bytes) => Some(hexadecimal(bytes)),
        Err(missing) => Some(missing.to_string()),
    }
}

/// The message of a task that panicked: the first two arguments of the system call.
fn panic_message(view: &View<'_>, record: &Record) -> Option<String> {
    let fault = record.fault.as_ref()?;
    if fault.on_one_line() != "Panic" {
        return None;
    }
    let (address, length) = (record.registers.r[4], record.registers.r[5]);
    let program = &view.tasks[record.index];
    let place = view.place(program);
    let memory: &dyn Memory = &place;
    let bytes = memory.bytes(address, length.min(256) as usize).ok()?;
    Some(String::from_utf8_lossy(bytes).into_owned())
}
