// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `inspect counters`: what tasks count, see `lib/counters`, and the statistics of the SCMI driver.

use std::fmt::Write as _;

use anyhow::{Result, bail};

use crate::program::Program;
use crate::types::Kind;
use crate::value::{Value, Values};
use crate::view::View;

/// The counters of all tasks, or of one. Those at 0 are left out.
///
/// # Errors
///
/// The debug information is damaged, or one task was asked for that counts nothing.
pub fn counters(view: &View<'_>, only: Option<usize>) -> Result<String> {
    let mut text = view.remarks();
    let mut found = 0;
    for (index, program) in view.tasks.iter().enumerate() {
        if only.is_some_and(|only| only != index) {
            continue;
        }
        for of in program.statics()? {
            let place = view.place(program);
            let values = place.values();
            let value = values.at(of.address, of.of)?;
            for (name, set) in sets(&values, &of.path, &value)? {
                found += 1;
                let _ = writeln!(text, "{} {name}", program.name);
                text.push_str(&show(&values, program, &set));
            }
        }
    }
    match only {
        Some(index) if found == 0 => {
            bail!("task {} counts nothing", view.tasks[index].name)
        }
        _ => Ok(text),
    }
}

/// The sets of counters in a variable: itself by its name, those of a counted ring, and the driver's.
fn sets(values: &Values<'_, '_>, path: &str, value: &Value) -> Result<Vec<(String, Value)>> {
    let name = path.rsplit("::").next().unwrap_or(path);
    if name.ends_with("COUNTERS") {
        return Ok(vec![(path.to_owned(), value.clone())]);
    }
    if name.ends_with("RINGBUF") {
        let counters = values.named(value, "counters")?;
        return Ok(counters
            .map(|counters| (format!("{path}.counters"), counters))
            .into_iter()
            .collect());
    }
    let mut found = Vec::new();
    search(values, path, value, 0, &mut found)?;
    Ok(found)
}

/// Looks for a structure `Counters` within a variable.
fn search(
    values: &Values<'_, '_>,
    path: &str,
    value: &Value,
    depth: u32,
    found: &mut Vec<(String, Value)>,
) -> Result<()> {
    const DEEPEST: u32 = 8;
    let value = values.unwrapped(value)?;
    if value.of.is_named("Counters") {
        found.push((path.to_owned(), value));
        return Ok(());
    }
    if depth < DEEPEST {
        for field in value.of.fields() {
            let inner = values.field(&value, field)?;
            let path = format!("{path}.{}", field.name.trim_start_matches("__"));
            search(values, &path, &inner, depth + 1, found)?;
        }
    }
    Ok(())
}

fn show(values: &Values<'_, '_>, program: &Program<'_>, set: &Value) -> String {
    let mut rows = Vec::new();
    if let Err(error) = flatten(values, "", set, &mut rows) {
        return format!("  cannot be read in {}: {error:#}\n", program.name);
    }
    let counted: Vec<_> = rows.iter().filter(|(_, count)| *count != 0).collect();
    let mut text = String::new();
    for (name, count) in &counted {
        let _ = writeln!(text, "{count:>10}  {name}");
    }
    let zero = rows.len() - counted.len();
    if zero > 0 {
        let _ = writeln!(text, "            and {zero} at 0");
    }
    text
}

fn flatten(
    values: &Values<'_, '_>,
    prefix: &str,
    value: &Value,
    rows: &mut Vec<(String, u64)>,
) -> Result<()> {
    let value = values.unwrapped(value)?;
    if let Kind::Unsigned = value.of.kind {
        let count = values.memory.number(value.address, value.of.size)?;
        rows.push((prefix.to_owned(), count));
        return Ok(());
    }
    for field in value.of.fields() {
        let inner = values.field(&value, field)?;
        let name = field.name.trim_start_matches("__");
        let path = match prefix {
            "" => name.to_owned(),
            _ => format!("{prefix}.{name}"),
        };
        flatten(values, &path, &inner, rows)?;
    }
    Ok(())
}
