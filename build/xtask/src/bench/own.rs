// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The rows on the platform of this tree: a command that is as long as can be, there and back.

use anyhow::Result;

use super::machine::{self, COUNTED};
use super::table::Table;
use crate::board::{Programs, Setting};
use crate::image::Image;
use crate::platform::Kind;
use crate::progress::Progress;
use crate::workspace;

/// The machine that our platform is.
const MACHINE: &str = "test/bench/machine.toml";

/// Adds the rows.
///
/// # Errors
///
/// The machine does not boot, or prints something else.
pub fn rows(programs: &Programs, image: &Image, table: &mut Table) -> Result<()> {
    let _progress = Progress::start("counting on our own platform");
    let mut setting = Setting::new(&image.elf, Kind::Sim);
    setting.scenario = Some(workspace::root().join(MACHINE));
    let printed = machine::run_on(programs, setting, &COUNTED, "p")?;
    let key = "exchange_irq_128_both";
    table.add_row(key, &printed.row(key, 0)?);
    Ok(())
}
