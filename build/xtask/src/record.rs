// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Last results of the commands that run for long, in the marked tables of `doc/testing.md`.
//!
//! Each command has a table of its own there. Its rows are known by their first cell: a run replaces the rows of what it ran, and
//! leaves the others as they are. `test/setup/run` writes into such a table as well.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::{command, workspace};

/// The file with the tables, relative to the root.
const FILE: &str = "doc/testing.md";
/// Ends each table.
const END: &str = "<!-- end of results -->";

/// A row, without commit and time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The first cell, which says of what these are results.
    pub key: String,
    /// The cells after it.
    pub cells: Vec<String>,
}

impl Row {
    /// A row of these cells.
    #[must_use]
    pub fn new(key: impl Into<String>, cells: impl IntoIterator<Item = String>) -> Self {
        Self {
            key: key.into(),
            cells: cells.into_iter().collect(),
        }
    }

    fn line(&self) -> String {
        let cells = std::iter::once(&self.key).chain(&self.cells);
        let mut line = String::from("|");
        for cell in cells {
            line.push_str(&format!(" {} |", cell.replace('|', "\\|")));
        }
        line
    }
}

/// Replaces or adds these rows in the table of `what`, each with the commit that was checked out when the run began and the time,
/// and says so.
///
/// # Errors
///
/// `doc/testing.md` cannot be read or written, or has no such table.
pub fn write(what: &str, rows: &[Row], commit: &str) -> Result<()> {
    let time = time();
    let rows: Vec<Row> = rows
        .iter()
        .map(|row| {
            let mut row = row.clone();
            row.cells.extend([commit.to_owned(), time.clone()]);
            row
        })
        .collect();
    edit(|text| replace(text, what, &rows))?;
    println!("the result is in {FILE}");
    Ok(())
}

/// Changes the file.
///
/// # Errors
///
/// It cannot be read or written, or `change` fails.
pub fn edit(change: impl FnOnce(&str) -> Result<String>) -> Result<()> {
    let path = path();
    let text = read()?;
    let changed = change(&text)?;
    fs::write(&path, changed).with_context(|| format!("cannot write {FILE}"))
}

/// The file as it is.
///
/// # Errors
///
/// It cannot be read.
pub fn read() -> Result<String> {
    fs::read_to_string(path()).with_context(|| format!("cannot read {FILE}"))
}

fn path() -> PathBuf {
    workspace::root().join(FILE)
}

/// The text with these rows in the table of `what`: in the place of the rows with the same first cell, else at the end.
///
/// # Errors
///
/// There is no such table.
pub fn replace(text: &str, what: &str, rows: &[Row]) -> Result<String> {
    let (before, table, after) = split(text, what)?;
    let mut lines: Vec<String> = table.lines().map(Into::into).collect();
    for row in rows {
        let same = |line: &String| key(line).as_ref() == Some(&row.key);
        // The first two are the head.
        match lines.iter().skip(2).position(same).map(|place| place + 2) {
            Some(place) => lines[place] = row.line(),
            None => lines.push(row.line()),
        }
    }
    Ok(format!("{before}{}\n{after}", lines.join("\n")))
}

/// The text without the rows of the table of `what` whose first cell is not to be kept.
///
/// # Errors
///
/// There is no such table.
pub fn retain(text: &str, what: &str, keep: impl Fn(&str) -> bool) -> Result<String> {
    let (before, table, after) = split(text, what)?;
    let kept: String = table
        .lines()
        .enumerate()
        // The first two are the head.
        .filter(|(index, line)| *index < 2 || key(line).is_none_or(|key| keep(&key)))
        .map(|(_, line)| format!("{line}\n"))
        .collect();
    Ok(format!("{before}{kept}{after}"))
}

/// The rows of the table of `what`.
///
/// # Errors
///
/// There is no such table.
pub fn rows(text: &str, what: &str) -> Result<Vec<Row>> {
    let (_, table, _) = split(text, what)?;
    let rows = table.lines().skip(2).filter_map(|line| {
        let mut cells = cells(line)?.into_iter();
        Some(Row {
            key: cells.next()?,
            cells: cells.collect(),
        })
    });
    Ok(rows.collect())
}

/// What is before the lines of a table, these lines, and what is after them.
fn split<'a>(text: &'a str, what: &str) -> Result<(&'a str, &'a str, &'a str)> {
    let begin = format!("<!-- results of {what} -->\n");
    let Some(start) = text.find(&begin) else {
        bail!("{FILE} has no line `{}`", begin.trim_end());
    };
    let start = start + begin.len();
    let length = text[start..]
        .find(END)
        .with_context(|| format!("{FILE} has no line `{END}` after `{}`", begin.trim_end()))?;
    let table = &text[start..start + length];
    ensure!(
        table.lines().count() >= 2 && table.lines().all(|line| line.starts_with('|')),
        "{FILE}: between `{}` and `{END}` there must be a table and nothing else",
        begin.trim_end()
    );
    Ok((&text[..start], table, &text[start + length..]))
}

/// The first cell of a row.
fn key(line: &str) -> Option<String> {
    cells(line)?.into_iter().next()
}

/// All cells of a row, as they were before a `|` in them was escaped.
fn cells(line: &str) -> Option<Vec<String>> {
    let inner = line.strip_prefix('|')?.strip_suffix('|')?;
    let mut cells = vec![String::new()];
    let mut escaped = false;
    for c in inner.chars() {
        let cell = cells.last_mut()?;
        match c {
            '|' if escaped => {
                cell.pop();
                cell.push('|');
            }
            '|' => cells.push(String::new()),
            _ => cell.push(c),
        }
        escaped = c == '\\';
    }
    Some(cells.iter().map(|cell| cell.trim().to_owned()).collect())
}

/// The commit that is checked out now, and whether there are changes on top of it, those of the results left out.
#[must_use]
pub fn commit() -> String {
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.current_dir(workspace::root()).args(arguments);
        command::query(&mut command)
    };
    let Some(commit) = git(&["rev-parse", "--short", "HEAD"]) else {
        return "unknown".into();
    };
    let changes = format!(":!{FILE}");
    let changed = git(&["status", "--porcelain", "--", ".", &changes])
        .is_some_and(|lines| !lines.trim().is_empty());
    let mark = if changed { " with changes" } else { "" };
    format!("{}{mark}", commit.trim())
}

/// The time in UTC, to the minute.
fn time() -> String {
    let mut date = Command::new("date");
    date.args(["-u", "+%Y-%m-%d %H:%M"]);
    command::query(&mut date).map_or_else(|| "unknown".into(), |text| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Title\n\n<!-- results of x -->\n| of | result |\n|---|---|\n| a | 1 |\n| b\\|c | 2 |\n\
                        <!-- end of results -->\n\n<!-- results of y -->\n| of | result |\n|---|---|\n\
                        <!-- end of results -->\nThe end.\n";

    fn row(key: &str, cell: &str) -> Row {
        Row::new(key, [cell.to_owned()])
    }

    #[test]
    fn a_row_takes_the_place_of_its_namesake() {
        let text = replace(TEXT, "x", &[row("a", "9")]).unwrap();
        assert_eq!(text, TEXT.replace("| a | 1 |", "| a | 9 |"));
    }

    #[test]
    fn a_new_row_is_the_last() {
        let text = replace(TEXT, "x", &[row("new", "a|b")]).unwrap();
        let expected = "| b\\|c | 2 |\n| new | a\\|b |\n<!-- end";
        assert_eq!(text, TEXT.replacen("| b\\|c | 2 |\n<!-- end", expected, 1));
        assert_eq!(rows(&text, "x").unwrap()[2], row("new", "a|b"));
    }

    #[test]
    fn an_empty_table_gets_its_first_row() {
        let text = replace(TEXT, "y", &[row("a", "1")]).unwrap();
        assert!(text.ends_with("|---|---|\n| a | 1 |\n<!-- end of results -->\nThe end.\n"));
        assert_eq!(rows(&text, "x").unwrap(), rows(TEXT, "x").unwrap());
    }

    #[test]
    fn writing_the_same_again_changes_nothing() {
        for key in ["a", "b|c", "z"] {
            let once = replace(TEXT, "x", &[row(key, "2")]).unwrap();
            assert_eq!(
                replace(&once, "x", &[row(key, "2")]).unwrap(),
                once,
                "{key}"
            );
        }
    }

    #[test]
    fn rows_are_taken_out_by_their_first_cell() {
        let text = retain(TEXT, "x", |key| key != "b|c").unwrap();
        assert_eq!(rows(&text, "x").unwrap(), [row("a", "1")]);
        assert_eq!(text, TEXT.replace("| b\\|c | 2 |\n", ""));
    }

    #[test]
    fn a_missing_table_is_an_error_that_names_its_mark() {
        let error = replace(TEXT, "z", &[]).unwrap_err().to_string();
        assert!(error.contains("<!-- results of z -->"), "{error}");
        let open = TEXT.replace(END, "");
        assert!(
            replace(&open, "x", &[])
                .unwrap_err()
                .to_string()
                .contains(END)
        );
        let prose = TEXT.replace("| a | 1 |", "prose");
        assert!(replace(&prose, "x", &[]).is_err());
    }

    #[test]
    fn the_file_has_a_table_for_each_command() {
        let text = read().unwrap();
        for what in [
            "fuzz",
            "soak",
            "mutants",
            "mutants: survivors",
            "mutants on the target",
            "test/setup/run",
        ] {
            rows(&text, what).unwrap();
        }
    }
}
