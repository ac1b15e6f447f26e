// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `inspect ring`: the trace rings of the tasks, see `lib/ringbuf`.

use std::fmt::Write as _;

use anyhow::{Context, Result, bail};

use crate::program::{Program, Static};
use crate::types::Kind;
use crate::value::{Value, Values};
use crate::view::View;

/// The rings of all programs; of one task; or those by a name.
///
/// # Errors
///
/// There is no such task or ring, or the debug information is damaged.
pub fn ring(view: &View<'_>, wanted: Option<&str>) -> Result<String> {
    let mut text = view.remarks();
    let by_task = wanted.filter(|name| view.program(name).is_ok());
    let mut found = 0;
    let mut known = Vec::new();
    for program in std::iter::once(&view.kernel).chain(&view.tasks) {
        if by_task.is_some_and(|name| !std::ptr::eq(program, view.program(name).unwrap_or(program)))
        {
            continue;
        }
        for of in program.statics()? {
            if !of.name().ends_with("RINGBUF") {
                continue;
            }
            known.push(of.path.clone());
            if by_task.is_none() && wanted.is_some_and(|name| !is_named(of, name)) {
                continue;
            }
            found += 1;
            let shown = show(view, program, of)
                .unwrap_or_else(|error| format!("  cannot be read: {error:#}\n"));
            let _ = write!(text, "{} {}\n{shown}", program.name, of.path);
        }
    }
    if found == 0 {
        match (wanted, known.is_empty()) {
            (Some(name), true) => bail!("task {name} has no trace ring"),
            (Some(name), false) => bail!(
                "there is no task and no trace ring `{name}`; there are {}",
                known.join(", ")
            ),
            (None, _) => bail!("the image has no trace rings"),
        }
    }
    Ok(text)
}

/// Whether a variable's path, or the end of it, is `name`.
fn is_named(of: &Static, name: &str) -> bool {
    let rest = of.path.strip_suffix(name);
    rest.is_some_and(|rest| rest.is_empty() || rest.ends_with("::"))
}

/// Looks for a value whose type has this name, within wrappers.
pub(crate) fn within(values: &Values<'_, '_>, value: &Value, name: &str) -> Result<Option<Value>> {
    if value.of.is_named(name) {
        return Ok(Some(value.clone()));
    }
    for field in value.of.fields() {
        let inner = values.field(value, field)?;
        if let Some(found) = within(values, &inner, name)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn show<'a>(view: &View<'a>, program: &Program<'a>, of: &Static) -> Result<String> {
    let place = view.place(program);
    let values = place.values();
    let value = values.at(of.address, of.of)?;
    let ring = within(&values, &value, "Ring")?.context("it is no ring")?;
    let mut text = String::new();
    if let Some(cell) = within(&values, &value, "StaticCell")?
        && values.number_named(&cell, "busy")? != 0
    {
        text.push_str(
            "  an entry is being recorded at this moment: the newest one may be half old\n",
        );
    }
    let last = values.named(&ring, "last")?.context("it has no `last`")?;
    let Kind::Enum(variants) = &last.of.kind else {
        bail!("`last` is no Option");
    };
    let last = match values.variant(&last, variants)? {
        Some((name, inner)) if name == "Some" => Some(values.number_named(&inner, "0")?),
        _ => None,
    };
    let buffer = values
        .named(&ring, "buffer")?
        .context("it has no `buffer`")?;
    let Kind::Array { element, count } = buffer.of.kind else {
        bail!("`buffer` is no array");
    };
    let Some(last) = last else {
        text.push_str("  empty\n");
        return Ok(text);
    };
    let count = u64::from(count);
    if last >= count {
        let _ = writeln!(
            text,
            "  damaged: its newest entry is number {last} of {count}"
        );
        return Ok(text);
    }
    let _ = writeln!(text, "   gen  line  count  payload");
    // The one behind the newest is the oldest.
    for step in 1..=count {
        let mut entry = values.at(buffer.address, element)?;
        entry.address += ((last + step) % count) as u32 * entry.of.size;
        let number = |name| values.number_named(&entry, name);
        if number("count")? == 0 {
            continue;
        }
        let payload = values
            .named(&entry, "payload")?
            .context("it has no payload")?;
        let _ = writeln!(
            text,
            "{:>6} {:>5} {:>6}  {}",
            number("generation")?,
            number("line")?,
            number("count")?,
            values.show(&payload).on_one_line()
        );
    }
    Ok(text)
}
