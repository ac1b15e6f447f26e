// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `doc/conformance.md` against the tests: no required behaviour without a test, no test named that does not exist.
//!
//! A row is a line of a table, `| V01 | ... | ... |`; the tests that prove it are named in backquotes, by their function or by a
//! path that ends in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::workspace;

/// The page.
const PAGE: &str = "doc/conformance.md";

/// Kinds of rows, and how many there are of each: they are numbered from 1.
const ROWS: [(char, usize, usize); 6] = [
    ('V', 48, 2),
    ('M', 5, 1),
    ('C', 3, 1),
    ('D', 19, 2),
    ('N', 9, 2),
    ('W', 11, 1),
];

/// Folders that hold tests.
const FOLDERS: [&str; 6] = ["build", "drv", "lib", "sys", "task", "test"];

/// What is wrong, a line each; and how many rows there are.
///
/// # Errors
///
/// A file cannot be read.
pub fn check() -> Result<(usize, Vec<String>)> {
    let root = workspace::root();
    let page =
        fs::read_to_string(root.join(PAGE)).with_context(|| format!("cannot read {PAGE}"))?;
    Ok((ids().len(), complaints(&page, &tests()?)))
}

/// The names of all test functions of this tree.
///
/// # Errors
///
/// A file cannot be read.
pub fn tests() -> Result<BTreeSet<String>> {
    let mut tests = BTreeSet::new();
    for folder in FOLDERS {
        collect(&workspace::root().join(folder), &mut tests)?;
    }
    Ok(tests)
}

/// The ids of all rows, in order.
fn ids() -> Vec<String> {
    ROWS.iter()
        .flat_map(|&(kind, count, width)| {
            (1..=count).map(move |number| format!("{kind}{number:0width$}"))
        })
        .collect()
}

/// Names of all test functions in a folder.
fn collect(folder: &Path, tests: &mut BTreeSet<String>) -> Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "target") {
                collect(&path, tests)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            tests.extend(test_functions(&text));
        }
    }
    Ok(())
}

/// Names of the functions that a test attribute stands before, those in `proptest!` included.
fn test_functions(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut is_test = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[test]") {
            is_test = true;
        } else if let Some(rest) = line.strip_prefix("fn ") {
            if is_test {
                let end = rest
                    .find(|c: char| !c.is_alphanumeric() && c != '_')
                    .unwrap_or(rest.len());
                names.push(rest[..end].to_owned());
            }
            is_test = false;
        }
    }
    names
}

/// What is wrong with the page.
fn complaints(page: &str, tests: &BTreeSet<String>) -> Vec<String> {
    let mut rows: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in page.lines() {
        let mut cells = line.trim().trim_matches('|').split('|').map(str::trim);
        if let Some(id) = cells.next() {
            rows.entry(id).or_default().push(line);
        }
    }
    let mut complaints = Vec::new();
    for id in ids() {
        let Some(lines) = rows.get(id.as_str()) else {
            complaints.push(format!("{id} has no row; add one that names its tests"));
            continue;
        };
        if lines.len() > 1 {
            complaints.push(format!("{id} has {} rows; make one of them", lines.len()));
        }
        let named: Vec<&str> = lines.iter().flat_map(|line| named_tests(line)).collect();
        if named.is_empty() {
            complaints.push(format!("{id} names no test; name one in backquotes"));
        }
        for name in named {
            if !tests.contains(name) {
                complaints.push(format!("{id} names `{name}`, which is no test here"));
            }
        }
    }
    complaints
}

/// The test names of a row: the last parts of what stands in backquotes in its last cell.
fn named_tests(line: &str) -> Vec<&str> {
    quoted(line)
        .filter_map(|path| path.rsplit("::").next())
        .collect()
}

/// What stands in backquotes in the last cell of a row.
pub(crate) fn quoted(line: &str) -> impl Iterator<Item = &str> {
    let row = line.trim().trim_end_matches('|');
    let last = row.rsplit('|').next().unwrap_or_default();
    last.split('`').skip(1).step_by(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(replace: &str, by: &str) -> String {
        ids()
            .iter()
            .map(|id| format!("| {id} | something | `a::proves_it` |\n"))
            .collect::<String>()
            .replace(replace, by)
    }

    fn told(page: &str) -> Vec<String> {
        complaints(page, &BTreeSet::from(["proves_it".to_owned()]))
    }

    #[test]
    fn there_are_ninety_five_rows() {
        let ids = ids();
        assert_eq!(ids.len(), 95);
        assert_eq!((ids[0].as_str(), ids[94].as_str()), ("V01", "W11"));
        assert!(told(&page("", "")).is_empty());
    }

    #[test]
    fn a_row_that_is_missing_or_empty_or_doubled_is_told() {
        assert_eq!(
            told(&page("| V07 |", "| X07 |")),
            ["V07 has no row; add one that names its tests"]
        );
        assert_eq!(
            told(&page(
                "| M3 | something | `a::proves_it` |",
                "| M3 | something | |"
            )),
            ["M3 names no test; name one in backquotes"]
        );
        let doubled = page("", "") + "| W1 | again | `proves_it` |\n";
        assert_eq!(told(&doubled), ["W1 has 2 rows; make one of them"]);
    }

    #[test]
    fn a_test_that_does_not_exist_is_told() {
        let wrong = page(
            "| D02 | something | `a::proves_it`",
            "| D02 | something | `a::proves_it`, `gone`",
        );
        assert_eq!(told(&wrong), ["D02 names `gone`, which is no test here"]);
    }

    #[test]
    fn only_functions_behind_the_attribute_are_tests() {
        let text = "fn helper() {}\n#[test]\n#[should_panic]\nfn one() {}\n    #[test]\n    fn two(x in 0..9) {}\nfn three() {}";
        assert_eq!(test_functions(text), ["one", "two"]);
    }
}
