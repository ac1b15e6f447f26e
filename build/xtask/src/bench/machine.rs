// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A machine that runs the bench image, and the lines that it prints.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::board::{Board, Programs, Setting};
use crate::console::Console;
use crate::platform::Kind;

/// From the reset to the first line.
const BOOT_LIMIT: Duration = Duration::from_secs(60);
/// One plan. 100,000 commands on a busy machine take a minute.
const PLAN_LIMIT: Duration = Duration::from_secs(600);
/// What the bench prints when a plan is done.
const DONE: &str = "bench: done";
const READY: &str = "bench: ready";

/// What is counted on: instructions are time, so that a run does not depend on the speed of the computer.
pub const COUNTED: [&str; 2] = ["-icount", "shift=0"];

/// One `row` line: instructions of one thing, many times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What was counted.
    pub name: String,
    /// Which variant: bytes, depth, clients.
    pub part: u32,
    /// How often.
    pub count: u32,
    /// The least.
    pub min: u32,
    /// The median.
    pub median: u32,
    /// The most.
    pub worst: u32,
    /// Of the median, what tasks executed.
    pub user: u32,
    /// In how many of them the processor slept.
    pub asleep: u32,
    /// The median of those, and of the others, if there are any.
    pub medians: Modes,
}

/// The same work costs more when the answer finds everybody asleep than when somebody still works: which of the two happens is up to
/// the platform and to what else the computer does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Modes {
    /// Where the processor slept.
    pub asleep: Option<u32>,
    /// Where it did not.
    pub awake: Option<u32>,
}

/// What a plan printed.
#[derive(Clone, Debug, Default)]
pub struct Printed(String);

impl Printed {
    /// What a test says was printed.
    #[cfg(test)]
    pub fn of(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// All rows of a name, in the order in which they were printed.
    ///
    /// # Errors
    ///
    /// A line is damaged.
    pub fn rows(&self, name: &str) -> Result<Vec<Row>> {
        let lines = self.0.lines().filter_map(|line| line.strip_prefix("row "));
        lines
            .filter(|line| line.split(' ').next() == Some(name))
            .map(|line| row(line).with_context(|| format!("the bench printed `{line}`")))
            .collect()
    }

    /// The one row of a name and part.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn row(&self, name: &str, part: u32) -> Result<Row> {
        self.rows(name)?
            .into_iter()
            .find(|row| row.part == part)
            .with_context(|| format!("the bench printed no row `{name} {part}`:\n{}", self.0))
    }

    /// A number of the line that begins with `start`.
    ///
    /// # Errors
    ///
    /// There is no such line, or no such number in it.
    pub fn number(&self, start: &str, key: &str) -> Result<u32> {
        let line = self.0.lines().find(|line| line.starts_with(start));
        let line = line.with_context(|| format!("the bench printed no `{start}`:\n{}", self.0))?;
        field(line, key).with_context(|| format!("`{line}` has no number `{key}`"))
    }
}

fn field(line: &str, key: &str) -> Option<u32> {
    line.split(' ')
        .filter_map(|word| word.split_once('='))
        .find(|(name, _)| *name == key)
        .and_then(|(_, value)| value.parse().ok())
}

fn row(line: &str) -> Option<Row> {
    let mut words = line.split(' ');
    Some(Row {
        name: words.next()?.to_owned(),
        part: words.next()?.parse().ok()?,
        count: field(line, "count")?,
        min: field(line, "min")?,
        median: field(line, "median")?,
        worst: field(line, "worst")?,
        user: field(line, "user")?,
        asleep: field(line, "asleep")?,
        medians: Modes {
            asleep: field(line, "asleep_median").filter(|median| *median != 0),
            awake: field(line, "awake_median").filter(|median| *median != 0),
        },
    })
}

/// A machine with the bench image.
pub struct Bench {
    board: Board,
    console: Console,
}

impl Bench {
    /// Boots what `setting` says, with further arguments for QEMU.
    ///
    /// # Errors
    ///
    /// It does not boot: the message has what was printed.
    pub fn boot(programs: &Programs, mut setting: Setting, qemu: &[&str]) -> Result<Self> {
        setting.extra = qemu.iter().map(|word| (*word).to_owned()).collect();
        let mut board = Board::start(programs, &setting)?;
        let mut console = Console::new(board.machine().take_console())?;
        if let Err(error) = console.wait_for(READY, BOOT_LIMIT) {
            return Err(board.explain(error));
        }
        Ok(Self { board, console })
    }

    /// Has it run the plans, a letter each, and returns what they print.
    ///
    /// # Errors
    ///
    /// A plan does not end: the message has what was printed.
    pub fn perform(&mut self, plans: &str) -> Result<Printed> {
        let mut text = String::new();
        for plan in plans.bytes() {
            self.console.send(&[plan])?;
            // A bench that starts again had a fault: a command was not answered, or a check failed.
            let ended = self.console.wait_until(DONE, PLAN_LIMIT, |seen| {
                [DONE, READY].into_iter().find_map(|line| {
                    let at = seen.find(line)?;
                    Some((at + line.len(), (line == DONE, seen[..at].to_owned())))
                })
            });
            match ended {
                Ok((true, printed)) => text.push_str(&printed),
                Ok((false, printed)) => {
                    bail!(
                        "the bench task faulted in plan `{}`\n{printed}",
                        char::from(plan)
                    )
                }
                Err(error) => return Err(self.board.explain(error)),
            }
        }
        Ok(Printed(text))
    }

    /// The socket that drives the platform, if it has one.
    pub fn control(&mut self) -> Option<PathBuf> {
        let platform = self.board.platform()?;
        platform.control().map(Path::to_owned)
    }

    /// Ends the machine in good order: whatever QEMU writes to files is complete.
    ///
    /// # Errors
    ///
    /// It does not end.
    pub fn end(mut self) -> Result<()> {
        self.console.send(b"x")?;
        self.board
            .machine()
            .wait(BOOT_LIMIT)?
            .context("the bench did not end the machine")?;
        Ok(())
    }
}

/// Boots `image` on `platform`, has it run the plans, and ends the machine.
///
/// # Errors
///
/// It does not boot, or a plan does not end.
pub fn run(
    programs: &Programs,
    image: &Path,
    platform: Kind,
    qemu: &[&str],
    plans: &str,
) -> Result<Printed> {
    run_on(programs, Setting::new(image, platform), qemu, plans)
}

/// Boots what `setting` says, has it run the plans, and ends the machine.
///
/// # Errors
///
/// As [`run`].
pub fn run_on(
    programs: &Programs,
    setting: Setting,
    qemu: &[&str],
    plans: &str,
) -> Result<Printed> {
    let mut bench = Bench::boot(programs, setting, qemu)?;
    let printed = bench.perform(plans)?;
    bench.end()?;
    Ok(printed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_by_name_and_part() {
        let lines = [
            "row payload 8 count=3 min=1 median=2 worst=4 user=1 asleep=2 asleep_median=4 awake_median=1",
            "row x 0 count=1 min=1 median=1 worst=1 user=0 asleep=0 asleep_median=0 awake_median=1",
            "events commands=400 interrupts=7 kicks=8",
        ];
        let printed = Printed(lines.join("\n"));
        let row = printed.row("payload", 8).unwrap();
        assert_eq!(
            (row.count, row.min, row.median, row.worst, row.user),
            (3, 1, 2, 4, 1)
        );
        let modes = |asleep, awake| Modes { asleep, awake };
        assert_eq!((row.asleep, row.medians), (2, modes(Some(4), Some(1))));
        let row = printed.row("x", 0).unwrap();
        assert_eq!((row.asleep, row.medians), (0, modes(None, Some(1))));
        assert!(printed.row("payload", 9).is_err());
        assert_eq!(printed.number("events", "kicks").unwrap(), 8);
        assert!(printed.number("events", "x").is_err());
        let damaged = Printed("row x 0 count=1 min=".into());
        assert!(damaged.rows("x").is_err());
    }
}
