// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! How long the driver runs at most without listening to anybody.

use std::path::Path;

use anyhow::{Context, Result};

use super::machine::{self, COUNTED};
use super::table::Table;
use crate::board::{Programs, Setting};
use crate::platform::Kind;
use crate::progress::Progress;
use crate::run;

/// The image: the driver's core, and a device in memory.
const APP: &str = "test/bench/worst.toml";
/// What the image prints, one row for each case; see `test/bench/worst`.
const ROW: &str = "worst_turn";
const CASES: [&str; 4] = ["storm", "storm_reset", "reset", "timeouts"];

/// Adds the row `worst_turn`, and one for each case.
///
/// # Errors
///
/// The image does not build or boot, or prints something else.
pub fn row(programs: &Programs, table: &mut Table) -> Result<()> {
    let image = run::build(Path::new(APP))?;
    let _progress = Progress::start("counting the longest turns");
    let setting = Setting::new(&image.elf, Kind::None);
    let printed = machine::run_on(programs, setting, &COUNTED, "w")?;
    let mut worst = None;
    for (part, case) in (0..).zip(CASES) {
        let row = printed.row(ROW, part)?;
        table.add_row(&format!("{ROW}_{case}"), &row);
        if worst
            .as_ref()
            .is_none_or(|worst: &machine::Row| worst.worst < row.worst)
        {
            worst = Some(row);
        }
    }
    let mut worst = worst.context("no case was counted")?;
    // It is the longest that counts, not the median.
    worst.median = worst.worst;
    table.add_row(ROW, &worst);
    Ok(())
}
