// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The floor: a program without a kernel (test/bench/floor) that polls the same ring, on the same machine in the same session.

use std::fs;
use std::path::PathBuf;
use std::thread;

use anyhow::{Context, Result};
use serde::Serialize;

use super::machine::{self, COUNTED, Printed};
use super::table::Table;
use crate::board::Programs;
use crate::image::Image;
use crate::platform::Kind;
use crate::progress::Progress;
use crate::setup::rust::TARGET;
use crate::setup::{self, Mode};
use crate::{command, workspace};

const PACKAGE: &str = "test-bench-floor";
/// Transfers in flight, as the bench has them.
const DEPTH: u32 = 16;

/// What the floor costs.
pub struct Floor {
    program: PathBuf,
    printed: Printed,
    /// One command, polled, waiting not counted: median.
    pub polled: f64,
}

/// Commands in a second, of the image and of the floor.
#[derive(Clone, Debug, Serialize)]
pub struct Wall {
    /// One by one, or sixteen in flight.
    pub how: String,
    /// Of the image, in its fastest turn: the one that the rest of the computer disturbed least.
    pub per_second: f64,
    /// In its slowest turn.
    pub slowest: f64,
    /// Of the floor, in its fastest turn.
    pub floor_per_second: f64,
    /// In its slowest turn.
    pub floor_slowest: f64,
    /// The image's share of the floor, fastest by fastest.
    pub ratio: f64,
    /// What else the computer had to do.
    pub load: Load,
}

/// How busy the computer was while the time was taken: on one that does nothing else, the time is worth the most.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Load {
    /// Load average of the last minute, when the first machine was about to start. What `bench` counted before is in it.
    pub before: f64,
    /// When the last one had ended.
    pub after: f64,
    /// Processors that share the load.
    pub processors: usize,
}

impl Load {
    /// Whether the time says anything: the bench keeps one processor busy, and QEMU beside it needs another.
    pub fn is_quiet(self) -> bool {
        self.before.max(self.after) < self.processors as f64
    }
}

impl Wall {
    /// For people. Nothing is held to these numbers.
    pub fn show(&self) -> String {
        let Load {
            before,
            after,
            processors,
        } = self.load;
        if !self.load.is_quiet() {
            return format!(
                "wall time, {}: the computer is too busy, load average {before:.2} before and {after:.2} after, on {processors} processors",
                self.how
            );
        }
        format!(
            "wall time, {}: {:.0} round trips a second (slowest turn {:.0}), {:.0} ({:.0}) at the floor: {:.3} of it; load average {before:.2} before and {after:.2} after, on {processors} processors",
            self.how,
            self.per_second,
            self.slowest,
            self.floor_per_second,
            self.floor_slowest,
            self.ratio
        )
    }
}

/// The load average of the last minute.
fn load_average() -> Result<f64> {
    const FILE: &str = "/proc/loadavg";
    let text = fs::read_to_string(FILE).with_context(|| format!("cannot read {FILE}"))?;
    last_minute(&text).with_context(|| format!("{FILE} begins with no number: {text}"))
}

fn last_minute(text: &str) -> Option<f64> {
    text.split_whitespace().next()?.parse().ok()
}

/// Builds the floor and counts its instructions.
///
/// # Errors
///
/// It does not build, or does not run.
pub fn run(programs: &Programs, platform: Kind) -> Result<Floor> {
    let _progress = Progress::start("counting the floor");
    let rust = setup::rust::ensure(Mode::Install)?.context("Rust for the target is missing")?;
    let target = workspace::target_dir();
    let mut cargo = rust.cargo("build");
    cargo
        .args(["--release", "--package", PACKAGE])
        .env("CARGO_TARGET_DIR", &target);
    command::check(PACKAGE, &mut cargo, command::BUILD_LIMIT, |_| ())?;
    let program = target.join(TARGET).join("release").join(PACKAGE);
    let printed = machine::run(programs, &program, platform, &COUNTED, "f")?;
    let polled = f64::from(printed.row("floor", 1)?.median);
    Ok(Floor {
        program,
        printed,
        polled,
    })
}

impl Floor {
    /// Adds the floor's figures.
    ///
    /// # Errors
    ///
    /// The floor did not print them.
    pub fn add(&self, table: &mut Table) -> Result<()> {
        for (key, part) in [("floor_polled", 1), ("floor_pipelined_16", DEPTH)] {
            table.add_row(key, &self.printed.row("floor", part)?);
        }
        Ok(())
    }
}

/// Each program takes its time so often, one after the other by turns.
const TURNS: usize = 5;
/// What the programs print, and how it is called here.
const WAYS: [(&str, &str); 2] = [
    ("blocking", "one by one"),
    ("pipelined", "sixteen in flight"),
];

/// Round trips a second, one by one and sixteen in flight, of the image and of the floor, on machines that do not count.
///
/// # Errors
///
/// A machine does not run.
pub fn wall(
    programs: &Programs,
    image: &Image,
    platform: Kind,
    floor: &Floor,
) -> Result<Vec<Wall>> {
    let _progress = Progress::start("taking the time");
    let before = load_average()?;
    let mut printed = Vec::new();
    for _ in 0..TURNS {
        printed.push((
            machine::run(programs, &image.elf, platform, &[], "w")?,
            machine::run(programs, &floor.program, platform, &[], "w")?,
        ));
    }
    let load = Load {
        before,
        after: load_average()?,
        processors: thread::available_parallelism()?.get(),
    };
    let wall = |(name, how): (&str, &str)| -> Result<Wall> {
        let rates = printed
            .iter()
            .map(|(ours, least)| Ok((rate(ours, name, "ms", 1e3)?, rate(least, name, "us", 1e6)?)))
            .collect::<Result<Vec<(f64, f64)>>>()?;
        let (ours, least): (Vec<f64>, Vec<f64>) = rates.into_iter().unzip();
        let ([slowest, per_second], [floor_slowest, floor_per_second]) = (ends(ours), ends(least));
        Ok(Wall {
            how: how.into(),
            per_second,
            slowest,
            floor_per_second,
            floor_slowest,
            ratio: (per_second / floor_per_second * 1000.0).round() / 1000.0,
            load,
        })
    };
    WAYS.into_iter().map(wall).collect()
}

/// Commands a second, from a line `wall NAME commands=… UNIT=…`; so many of the unit are a second.
fn rate(printed: &Printed, name: &str, unit: &str, second: f64) -> Result<f64> {
    let line = format!("wall {name}");
    let commands = f64::from(printed.number(&line, "commands")?);
    Ok((commands * second / f64::from(printed.number(&line, unit)?)).round())
}

/// The least and the most.
fn ends(numbers: Vec<f64>) -> [f64; 2] {
    let least = numbers.iter().copied().fold(f64::INFINITY, f64::min);
    let most = numbers.iter().copied().fold(0.0, f64::max);
    [least, most]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_load_is_the_first_number() {
        assert_eq!(last_minute("1.55 1.18 0.99 2/311 4242\n"), Some(1.55));
        assert_eq!(last_minute("busy"), None);
        assert!(load_average().is_ok());
    }

    #[test]
    fn a_rate_is_commands_by_time() {
        let text = "wall blocking commands=8000 ms=1600\nwall pipelined commands=8000 us=400000\n";
        let printed = Printed::of(text);
        assert_eq!(rate(&printed, "blocking", "ms", 1e3).unwrap(), 5000.0);
        assert_eq!(rate(&printed, "pipelined", "us", 1e6).unwrap(), 20_000.0);
        assert!(rate(&printed, "blocking", "us", 1e6).is_err());
        assert_eq!(ends(vec![2.0, 3.0, 1.0]), [1.0, 3.0]);
    }

    #[test]
    fn what_is_shown_says_how_busy_the_computer_was() {
        let wall = Wall {
            how: "one by one".into(),
            per_second: 5000.0,
            slowest: 4000.0,
            floor_per_second: 8000.0,
            floor_slowest: 7000.0,
            ratio: 0.625,
            load: Load {
                before: 1.5,
                after: 1.75,
                processors: 2,
            },
        };
        let mut busy = wall.clone();
        busy.load.before = 2.25;
        let text = busy.show();
        assert!(
            text.contains("too busy") && text.contains("2.25") && !text.contains("0.625"),
            "{text}"
        );
        let text = wall.show();
        assert!(
            text.contains("5000 round trips a second (slowest turn 4000), 8000 (7000) at the floor: 0.625 of it")
                && text.contains("1.50 before and 1.75 after, on 2 processors"),
            "{text}"
        );
    }
}
