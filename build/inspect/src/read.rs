// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `inspect read`: any static variable, or part of one.

use anyhow::{Context, Result, bail};

use crate::program::{Program, Static};
use crate::types::Kind;
use crate::value::{Value, Values};
use crate::view::View;

/// So many names are offered for one that is not there.
const OFFERED: usize = 5;

/// A variable, or what a path leads to: fields by their names or numbers, elements by `[0]`, through cells, variants
/// and pointers.
///
/// # Errors
///
/// There is no such task, variable or field; the message says what is near.
pub fn read(view: &View<'_>, task: &str, path: &str) -> Result<String> {
    let program = view.program(task)?;
    let place = view.place(program);
    let values = place.values();
    let (of, rest) = variable(program, path)?;
    let mut value = values.at(of.address, of.of)?;
    let mut so_far = of.path.clone();
    for step in steps(rest)? {
        value = follow(&values, &value, step).with_context(|| so_far.clone())?;
        match step {
            Step::Field(name) => so_far.push_str(&format!(".{name}")),
            Step::Element(number) => so_far.push_str(&format!("[{number}]")),
        }
    }
    Ok(format!(
        "{}{so_far}: {} at {:#010x}\n{}\n",
        view.remarks(),
        value.of.name,
        value.address,
        values.show(&value).pretty()
    ))
}

/// Finds the variable that a path begins with, and what is left of the path.
fn variable<'p, 'n>(program: &'p Program<'_>, path: &'n str) -> Result<(&'p Static, &'n str)> {
    let end = path.find(['.', '[']).unwrap_or(path.len());
    let (name, rest) = path.split_at(end);
    let statics = program.statics()?;
    let is_it = |of: &&Static| {
        let before = of.path.strip_suffix(name);
        before.is_some_and(|before| before.is_empty() || before.ends_with("::"))
    };
    let found: Vec<_> = statics.iter().filter(is_it).collect();
    match found[..] {
        [one] => Ok((one, rest)),
        [] => {
            let near = near(name, statics.iter().flat_map(|of| [of.name(), &of.path]));
            bail!("{} has no variable `{name}`; {near}", program.name)
        }
        _ => {
            let paths: Vec<_> = found.iter().map(|of| of.path.as_str()).collect();
            bail!(
                "{} has several variables `{name}`: {}",
                program.name,
                paths.join(", ")
            )
        }
    }
}

/// What is near a name that is not there.
fn near<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> String {
    let wanted = name.to_lowercase();
    let mut ranked: Vec<(usize, &str)> = known
        .map(|other| {
            let plain = other.to_lowercase();
            let distance = match plain.contains(&wanted) || wanted.contains(&plain) {
                true => 0,
                false => strsim::osa_distance(&plain, &wanted),
            };
            (distance, other)
        })
        .collect();
    ranked.sort_unstable();
    ranked.dedup();
    let offered: Vec<_> = ranked.iter().take(OFFERED).map(|(_, name)| *name).collect();
    match offered[..] {
        [] => "it has none".into(),
        _ => format!("near are: {}", offered.join(", ")),
    }
}

/// One step into a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step<'n> {
    Field(&'n str),
    Element(u32),
}

fn steps(mut rest: &str) -> Result<Vec<Step<'_>>> {
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('[') {
            let (number, after) = after.split_once(']').context("a `]` is missing")?;
            let number = number
                .parse()
                .with_context(|| format!("`{number}` is no number of an element"))?;
            steps.push(Step::Element(number));
            rest = after;
        } else {
            let after = rest.strip_prefix('.').unwrap_or(rest);
            let end = after.find(['.', '[']).unwrap_or(after.len());
            anyhow::ensure!(end > 0, "a name is missing after `.`");
            steps.push(Step::Field(&after[..end]));
            rest = &after[end..];
        }
    }
    Ok(steps)
}

fn follow(values: &Values<'_, '_>, value: &Value, step: Step<'_>) -> Result<Value> {
    let value = values.unwrapped(value)?;
    match (&value.of.kind, step) {
        (Kind::Pointer(Some(target)), _) => {
            let address = values.memory.number(value.address, 4)? as u32;
            follow(values, &values.at(address, *target)?, step)
        }
        (Kind::Enum(variants), Step::Field(name)) => {
            let (variant, inner) = values
                .variant(&value, variants)?
                .context("it is no known variant")?;
            if variant == name {
                return Ok(inner);
            }
            follow(values, &inner, step).with_context(|| format!("it is {variant}"))
        }
        (Kind::Array { element, count }, Step::Element(number)) => {
            anyhow::ensure!(
                number < *count,
                "there is no element {number}: it has {count}"
            );
            let mut inner = values.at(value.address, *element)?;
            inner.address = inner.address.wrapping_add(number * inner.of.size);
            Ok(inner)
        }
        (_, Step::Field(name)) => match values.named(&value, name)? {
            Some(inner) => Ok(inner),
            None => {
                let fields = value.of.fields().iter();
                let names = fields.map(|field| field.name.trim_start_matches("__"));
                bail!(
                    "{} has no field `{name}`; {}",
                    value.of.name,
                    near(name, names)
                )
            }
        },
        (_, Step::Element(_)) => bail!("{} has no elements", value.of.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_steps() {
        let of = steps(".a.0[3].b").unwrap();
        let wanted = [
            Step::Field("a"),
            Step::Field("0"),
            Step::Element(3),
            Step::Field("b"),
        ];
        assert_eq!(of, wanted);
        assert_eq!(steps("").unwrap(), []);
        for (bad, why) in [("[x]", "`x`"), ("[1", "`]`"), ("..a", "missing")] {
            let error = format!("{:#}", steps(bad).unwrap_err());
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn near_names_are_offered_the_nearest_first() {
        let text = near("RINGBUFF", ["DRIVER", "__RINGBUF", "CLIENTS"].into_iter());
        assert!(text.starts_with("near are: __RINGBUF"), "{text}");
        assert_eq!(near("x", [].into_iter()), "it has none");
    }
}
