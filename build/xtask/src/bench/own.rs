// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The rows on the platform of this tree: a device that interrupts and asks for kicks only when it must, with EVENT_IDX and
//! without; and a command that is as long as can be, there and back.
//!
//! The platform answers a command within the time in which the guest sends the next one. Then nothing is ever under way for long, a
//! device that has nothing to do must be kicked, and there is little to suppress. So there are rows of a busy platform, too.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::machine::{self, COUNTED};
use super::measure;
use super::table::Table;
use crate::board::{Programs, Setting};
use crate::image::Image;
use crate::platform::Kind;
use crate::progress::Progress;
use crate::workspace;

/// The machine that our platform is.
const MACHINE: &str = "test/bench/machine.toml";
/// In microseconds, longer than the guest takes for sixteen commands.
const BUSY: &str = "busy-us = 10000";

/// A machine that differs from the one in the file.
struct Variant {
    /// What its keys end with.
    suffix: &'static str,
    /// Lines of the file, and what stands there instead.
    changes: &'static [(&'static str, &'static str)],
    /// It answers at once, and so all that counts instructions is counted.
    is_fast: bool,
}

const NO_EVENT_IDX: (&str, &str) = ("event-idx = true", "event-idx = false");
const IS_BUSY: (&str, &str) = ("busy-us = 0", BUSY);

const VARIANTS: [Variant; 4] = [
    Variant {
        suffix: "sim",
        changes: &[],
        is_fast: true,
    },
    Variant {
        suffix: "no_event_idx",
        changes: &[NO_EVENT_IDX],
        is_fast: true,
    },
    Variant {
        suffix: "busy",
        changes: &[IS_BUSY],
        is_fast: false,
    },
    Variant {
        suffix: "busy_no_event_idx",
        changes: &[IS_BUSY, NO_EVENT_IDX],
        is_fast: false,
    },
];

/// Adds the rows: `..._sim` with EVENT_IDX, `..._no_event_idx` without, `..._busy` of a platform that takes its time.
///
/// # Errors
///
/// A machine does not boot, or prints something else.
pub fn rows(programs: &Programs, image: &Image, table: &mut Table) -> Result<()> {
    let _progress = Progress::start("counting on our own platform");
    let folder = tempfile::tempdir()?;
    for variant in &VARIANTS {
        let mut setting = Setting::new(&image.elf, Kind::Sim);
        setting.scenario = Some(variant.machine(folder.path())?);
        let plans = if variant.is_fast { "pi" } else { "i" };
        let printed = machine::run_on(programs, setting, &COUNTED, plans)?;
        let key = |name: &str| format!("{name}_{}", variant.suffix);
        if variant.is_fast {
            table.add_row(&key("exchange_irq"), &printed.row("exchange_irq", 0)?);
            table.add_row(&key("pipelined_16"), &printed.row("pipelined", 16)?);
        }
        let (irqs, kicks) = (key("irqs_per_command"), key("kicks_per_command"));
        measure::suppression(&printed, [&irqs, &kicks], table)?;
        if variant.changes.is_empty() {
            let name = "exchange_irq_128_both";
            table.add_row(name, &printed.row(name, 0)?);
        }
    }
    Ok(())
}

/// A machine that answers only when the guest has long gone to sleep, as a file in `folder`.
///
/// # Errors
///
/// The file cannot be written.
pub fn slow_machine(folder: &Path) -> Result<PathBuf> {
    let variant = Variant {
        suffix: "slow",
        changes: &[("busy-us = 0", "busy-us = 500")],
        is_fast: false,
    };
    variant.machine(folder)
}

impl Variant {
    /// Writes its machine file to `folder`.
    fn machine(&self, folder: &Path) -> Result<PathBuf> {
        let mut text = fs::read_to_string(workspace::root().join(MACHINE))
            .with_context(|| format!("cannot read {MACHINE}"))?;
        for (from, to) in self.changes {
            ensure!(
                text.lines().any(|line| line == *from),
                "{MACHINE} has no line `{from}` to change"
            );
            text = text.replacen(from, to, 1);
        }
        let path = folder.join(format!("{}.toml", self.suffix));
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_variant_differs_in_what_it_says_alone() {
        let folder = tempfile::tempdir().unwrap();
        let original = fs::read_to_string(workspace::root().join(MACHINE)).unwrap();
        for variant in &VARIANTS {
            let text = fs::read_to_string(variant.machine(folder.path()).unwrap()).unwrap();
            let mut changed: Vec<(&str, &str)> = original
                .lines()
                .zip(text.lines())
                .filter(|(before, after)| before != after)
                .collect();
            let mut said = variant.changes.to_vec();
            changed.sort_unstable();
            said.sort_unstable();
            assert_eq!(changed, said, "{}", variant.suffix);
        }
        let nothing_to_change = Variant {
            suffix: "x",
            changes: &[("busy-us = 1", BUSY)],
            is_fast: true,
        };
        assert!(nothing_to_change.machine(folder.path()).is_err());
    }
}
