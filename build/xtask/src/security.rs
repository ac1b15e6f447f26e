// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `doc/security.md` against the tests: every line of its tables names tests, and every test named exists.
//!
//! Tests are named in backquotes in the last column: a test function, or a case of the on-target suite, which has a colon in its name or
//! stands as text in the suite's sources.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result};

use crate::{conformance, workspace};

/// The page.
const PAGE: &str = "doc/security.md";
/// The folder with the cases of the on-target suite.
const CASES: &str = "test/suite/suite/src/cases";

/// What is wrong, a line each; and how many lines the tables have.
///
/// # Errors
///
/// A file cannot be read.
pub fn check() -> Result<(usize, Vec<String>)> {
    let root = workspace::root();
    let page =
        fs::read_to_string(root.join(PAGE)).with_context(|| format!("cannot read {PAGE}"))?;
    let mut known = conformance::tests()?;
    let folder = root.join(CASES);
    let entries =
        fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        known.extend(cases(&fs::read_to_string(entry?.path())?));
    }
    Ok(judge(&page, &known))
}

/// The names of cases in a source of the suite: text that a tuple begins with.
fn cases(source: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut before = "";
    for line in source.lines().map(str::trim) {
        let text = match line.strip_prefix("(\"") {
            Some(text) => Some(text),
            None if before == "(" => line.strip_prefix('"'),
            None => None,
        };
        if let Some((name, _)) = text.and_then(|text| text.split_once('"')) {
            names.push(name.to_owned());
        }
        before = line;
    }
    names
}

/// How many lines the page's tables have, and what is wrong with them.
fn judge(page: &str, known: &BTreeSet<String>) -> (usize, Vec<String>) {
    let mut complaints = Vec::new();
    let mut count = 0;
    for (number, line) in page.lines().enumerate() {
        let row = line.starts_with("| ") && !line.ends_with("| tests |");
        if !row {
            continue;
        }
        count += 1;
        let mut complain = |what: String| complaints.push(format!("line {}: {what}", number + 1));
        let named: Vec<&str> = conformance::quoted(line).collect();
        if named.is_empty() {
            complain("names no test; name one in backquotes".into());
        }
        for name in named {
            if !known.contains(name) {
                complain(format!("names `{name}`, which is no test and no case here"));
            }
        }
    }
    if count == 0 {
        complaints.push("there are no tables any more; adapt this check".into());
    }
    (count, complaints)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(page: &str) -> (usize, Vec<String>) {
        let known = ["it_holds", "fault: an instruction"].map(str::to_owned);
        judge(page, &BTreeSet::from(known))
    }

    #[test]
    fn every_line_names_tests_that_exist() {
        let page = "text\n\n| it cannot | because | tests |\n|---|---|---|\n\
            | a | b | `it_holds`, `fault: an instruction` |\n| a | `b` | none |\n| a | b | `it_holds`, `gone` |\n";
        let (count, complaints) = told(page);
        assert_eq!(count, 3);
        assert_eq!(
            complaints,
            [
                "line 6: names no test; name one in backquotes",
                "line 7: names `gone`, which is no test and no case here"
            ]
        );
    }

    #[test]
    fn a_page_without_tables_is_told() {
        assert_eq!(told("nothing\n").1.len(), 1);
    }

    #[test]
    fn cases_are_found_however_they_are_broken() {
        let source = "    (\"fault: one\", || {}),\n    (\n        \"fault: another\",\n        || {},\n    ),\n    call(\"no case\");\n";
        assert_eq!(cases(source), ["fault: one", "fault: another"]);
    }

    #[test]
    fn the_page_of_this_tree_holds() {
        let (count, complaints) = check().unwrap();
        assert!(complaints.is_empty(), "{}", complaints.join("\n"));
        assert!(count > 30, "{count} lines");
    }
}
