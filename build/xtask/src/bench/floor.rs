// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The floor: a program without a kernel (test/bench/floor) that polls the same ring, on the same machine in the same session.

use std::path::PathBuf;
use std::time::Duration;

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
const BUILD_LIMIT: Duration = Duration::from_secs(10 * 60);
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
    /// Of the image.
    pub per_second: f64,
    /// Of the floor.
    pub floor_per_second: f64,
    /// The image's share of the floor.
    pub ratio: f64,
}

impl Wall {
    /// For people.
    pub fn show(&self) -> String {
        format!(
            "wall time, {}: {:.0} round trips a second, {:.0} at the floor: {:.2} of it",
            self.how, self.per_second, self.floor_per_second, self.ratio
        )
    }
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
    command::check(PACKAGE, &mut cargo, BUILD_LIMIT, |_| ())?;
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
    let ours = machine::run(programs, &image.elf, platform, &[], "w")?;
    let least = machine::run(programs, &floor.program, platform, &[], "w")?;
    [
        ("blocking", "one by one"),
        ("pipelined", "sixteen in flight"),
    ]
    .into_iter()
    .map(|(name, how)| {
        let line = format!("wall {name}");
        let rate = |printed: &Printed, unit: &str, second: f64| -> Result<f64> {
            let commands = f64::from(printed.number(&line, "commands")?);
            Ok((commands * second / f64::from(printed.number(&line, unit)?)).round())
        };
        let (per_second, floor_per_second) = (rate(&ours, "ms", 1e3)?, rate(&least, "us", 1e6)?);
        Ok(Wall {
            how: how.into(),
            per_second,
            floor_per_second,
            ratio: (per_second / floor_per_second * 1000.0).round() / 1000.0,
        })
    })
    .collect()
}
