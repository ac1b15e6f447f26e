// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `inspect dumps`: what the supervisor kept of tasks that faulted, see `task/jefe/src/dumps.rs`.

use std::fmt::Write as _;

use abi::TaskId;
use anyhow::{Context, Result, bail, ensure};

use crate::kernel;
use crate::memory::{Missing, Piece, Snapshot};
use crate::ring::within;
use crate::tasks::{self, Detail};
use crate::types::Kind;
use crate::value::{Value, Values};
use crate::view::View;

/// A dump.
struct Kept {
    number: u32,
    task: TaskId,
    at_ms: u64,
    fault: String,
    record: Vec<u8>,
    stack: Piece,
}

/// The dumps that are kept, the newest first; or one of them, with its backtrace, and its registers if `registers`. The
/// view shows nothing but that dump afterwards.
///
/// # Errors
///
/// The image keeps none, there is none with that number, or the memory of the supervisor cannot be read.
pub fn dumps(view: &mut View<'_>, wanted: Option<u32>, registers: bool) -> Result<String> {
    let mut kept = kept(view)?;
    kept.sort_by_key(|dump| core::cmp::Reverse(dump.number));
    let mut text = view.remarks();
    let Some(wanted) = wanted else {
        let _ = writeln!(text, "{:>4} {:>12}  {:<16} fault", "no", "seconds", "task");
        for dump in &kept {
            let _ = writeln!(
                text,
                "{:>4} {:>8}.{:03}  {:<16} {}",
                dump.number,
                dump.at_ms / 1000,
                dump.at_ms % 1000,
                view.task_name(dump.task),
                dump.fault
            );
        }
        if kept.is_empty() {
            text.push_str("no task has faulted\n");
        }
        return Ok(text);
    };
    let numbers: Vec<_> = kept.iter().map(|dump| dump.number.to_string()).collect();
    let dump = kept
        .into_iter()
        .find(|dump| dump.number == wanted)
        .with_context(|| match numbers.is_empty() {
            true => "no task has faulted, so there is no dump".into(),
            false => format!(
                "there is no dump {wanted}; there are {}",
                numbers.join(", ")
            ),
        })?;
    let index = dump.task.index();
    let place = kernel::place_of(view, index)?;
    ensure!(
        place.size as usize == dump.record.len(),
        "the dump has {} bytes of the kernel's record, which is {} long",
        dump.record.len(),
        place.size
    );
    let _ = writeln!(
        text,
        "dump {wanted}, at {}.{:03} s; {} bytes of stack from {:#010x} on are kept",
        dump.at_ms / 1000,
        dump.at_ms % 1000,
        dump.stack.bytes.len(),
        dump.stack.base
    );
    view.snapshot = Snapshot {
        pieces: vec![
            Piece {
                base: place.base,
                bytes: dump.record,
            },
            dump.stack,
        ],
        ..Snapshot::default()
    };
    let record = kernel::alone(view, index)?;
    let detail = Detail {
        registers,
        stack: true,
    };
    text.push_str(&tasks::head());
    text.push_str(&tasks::one(view, &record, detail));
    Ok(text)
}

fn kept(view: &View<'_>) -> Result<Vec<Kept>> {
    let supervisor = view.tasks.first().context("the image has no tasks")?;
    let place = view.place(supervisor);
    let values = place.values();
    for of in supervisor.statics()? {
        let value = values.at(of.address, of.of)?;
        if let Some(dumps) = within(&values, &value, "Dumps")? {
            return read(&values, &dumps);
        }
    }
    bail!("the supervisor of this image knows nothing of dumps")
}

fn read(values: &Values<'_, '_>, dumps: &Value) -> Result<Vec<Kept>> {
    let kept = values.named(dumps, "kept")?.context("no field `kept`")?;
    let Kind::Array { element, count } = kept.of.kind else {
        bail!("`kept` is no array but {}", kept.of.name);
    };
    ensure!(
        count > 0,
        "this image keeps no dumps: give `count` and `stack` in [tasks.jefe.config.dumps] of its manifest"
    );
    let mut found = Vec::new();
    for index in 0..count {
        let mut dump = values.at(kept.address, element)?;
        dump.address += index * dump.of.size;
        let number = |name| values.number_named(&dump, name);
        // 0: nothing is kept here yet.
        if number("number")? == 0 {
            continue;
        }
        let fault = values.named(&dump, "fault")?.context("no fault")?;
        let stack_len = number("stack_len")? as u32;
        let bytes = |name, limit: u32| -> Result<Vec<u8>> {
            let array = values.named(&dump, name)?;
            let array = array.with_context(|| format!("no field `{name}`"))?;
            let size = array.of.size.min(limit) as usize;
            let bytes: Result<&[u8], Missing> = values.memory.bytes(array.address, size);
            Ok(bytes?.to_vec())
        };
        found.push(Kept {
            number: number("number")? as u32,
            task: TaskId(number("task")? as u16),
            at_ms: number("at_ms")?,
            fault: values.show(&fault).on_one_line(),
            record: bytes("record", u32::MAX)?,
            stack: Piece {
                base: number("stack_base")? as u32,
                bytes: bytes("stack", stack_len)?,
            },
        });
    }
    Ok(found)
}
