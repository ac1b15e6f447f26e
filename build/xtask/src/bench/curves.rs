// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What a command costs as something grows.

use anyhow::{Context, Result};
use serde::Serialize;

use super::machine::{self, COUNTED, Modes, Printed, Row};
use super::{measure, own};
use crate::board::{Programs, Setting};
use crate::image::Image;
use crate::platform::Kind;
use crate::progress::Progress;
use crate::run;

/// Growth that is no growth, in percent.
const FLAT: f64 = 5.0;
/// The manifest with many clients.
const CLIENTS: &str = "test/bench/clients.toml";
/// Ring sizes.
const RINGS: [u32; 4] = [8, 64, 256, 1024];

/// Instructions of a command against something.
#[derive(Clone, Debug, Serialize)]
pub struct Curve {
    /// A short name.
    pub name: String,
    /// What grows.
    pub against: String,
    /// Value and median of instructions.
    pub points: Vec<(u32, u32)>,
    /// Growth from the first point to the highest, in percent, of curves that must be flat. What found everybody asleep is compared with
    /// what did so too, and what found somebody awake likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub growth: Option<f64>,
}

impl Curve {
    fn new(name: &str, against: &str, rows: &[Row], flat: bool) -> Self {
        let points: Vec<(u32, u32)> = rows.iter().map(|row| (row.part, row.median)).collect();
        let mode = |of: fn(Modes) -> Option<u32>| -> Vec<u32> {
            rows.iter().filter_map(|row| of(row.medians)).collect()
        };
        let growth = flat.then(|| {
            let (asleep, awake) = (mode(|modes| modes.asleep), mode(|modes| modes.awake));
            growth(&asleep).max(growth(&awake))
        });
        Self {
            name: name.into(),
            against: against.into(),
            points,
            growth,
        }
    }

    /// Against the length of the request.
    ///
    /// # Errors
    ///
    /// The bench printed no such rows.
    pub fn payload(printed: &Printed) -> Result<Self> {
        let rows = printed.rows("payload")?;
        let against = "bytes of the request, with as much room for the answer";
        Ok(Self::new("payload", against, &rows, false))
    }

    /// Against the transfers in flight.
    ///
    /// # Errors
    ///
    /// The bench printed no such rows.
    pub fn depth(printed: &Printed) -> Result<Self> {
        let mut rows = printed.rows("pipelined")?;
        rows.sort_by_key(|row| row.part);
        Ok(Self::new("in-flight", "transfers in flight", &rows, false))
    }

    /// Against the commands that went before.
    ///
    /// # Errors
    ///
    /// The machine does not boot, or prints something else.
    pub fn commands(programs: &Programs, image: &Image, platform: Kind) -> Result<Self> {
        let _progress = Progress::start("counting 100,000 commands");
        let printed = machine::run(programs, &image.elf, platform, &COUNTED, "l")?;
        let rows = printed.rows("commands")?;
        Ok(Self::new("commands", "commands so far", &rows, true))
    }

    /// Against the size of the ring, with an image for each.
    ///
    /// # Errors
    ///
    /// An image cannot be built, or does not boot.
    pub fn rings(programs: &Programs, platform: Kind) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut rows = Vec::new();
        for ring in RINGS {
            let image = run::build(&measure::manifest_with_ring(folder.path(), ring)?)?;
            let printed = machine::run(programs, &image.elf, platform, &COUNTED, "r")?;
            let row = printed.row("exchange_irq", 0)?;
            rows.push(Row { part: ring, ..row });
        }
        Ok(Self::new("ring-size", "entries of the ring", &rows, true))
    }

    /// Against the clients that ask at once. Many commands are counted in one, so the two modes are not apart: the platform is one that
    /// takes its time, and every answer finds everybody asleep.
    ///
    /// # Errors
    ///
    /// The image cannot be built, or does not boot.
    pub fn clients(programs: &Programs) -> Result<Self> {
        let image = run::build(CLIENTS.as_ref())?;
        let _progress = Progress::start("counting for 16 clients");
        let folder = tempfile::tempdir()?;
        let mut setting = Setting::new(&image.elf, Kind::Sim);
        setting.scenario = Some(own::slow_machine(folder.path())?);
        let printed = machine::run_on(programs, setting, &COUNTED, "c")?;
        let rows = printed.rows("clients")?;
        rows.last().context("the bench printed no row of clients")?;
        Ok(Self::new("clients", "clients at once", &rows, true))
    }

    /// Whether it does not grow, where it must not.
    pub fn is_flat(&self) -> bool {
        self.growth.is_none_or(|growth| growth <= FLAT)
    }

    /// For people.
    pub fn show(&self) -> String {
        let points: Vec<String> = self
            .points
            .iter()
            .map(|(value, cost)| format!("{value}: {cost}"))
            .collect();
        let verdict = match self.growth {
            None => String::new(),
            Some(growth) if growth <= FLAT => {
                format!("; growth {growth:.1} %, at most {FLAT} %: pass")
            }
            Some(growth) => format!("; growth {growth:.1} %, at most {FLAT} %: MISS"),
        };
        format!(
            "{} ({}): {}{verdict}",
            self.name,
            self.against,
            points.join(", ")
        )
    }
}

/// From the first point to the highest, in percent.
fn growth(points: &[u32]) -> f64 {
    let first = points.first().copied().unwrap_or(1);
    let highest = points.iter().copied().max().unwrap_or(1);
    (f64::from(highest) / f64::from(first.max(1)) - 1.0) * 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_from_the_first_to_the_highest() {
        assert_eq!(growth(&[100, 110, 90]).round(), 10.0);
        assert_eq!(growth(&[100, 90]), 0.0);
        assert_eq!(growth(&[]), 0.0);
        let curve = Curve {
            name: "x".into(),
            against: "y".into(),
            points: vec![(1, 100), (2, 106)],
            growth: Some(6.0),
        };
        assert!(!curve.is_flat() && curve.show().contains("MISS"));
    }

    /// A row of which so many of ten found everybody asleep.
    fn row(asleep: u32, asleep_median: u32, awake_median: u32) -> Row {
        let some = |median: u32| (median != 0).then_some(median);
        Row {
            name: "x".into(),
            part: 1,
            count: 10,
            min: 1,
            median: if asleep > 5 {
                asleep_median
            } else {
                awake_median
            },
            worst: 9,
            user: 1,
            asleep,
            medians: Modes {
                asleep: some(asleep_median),
                awake: some(awake_median),
            },
        }
    }

    #[test]
    fn asleep_is_not_compared_with_awake() {
        let flat = |rows: &[Row]| Curve::new("x", "y", rows, true).is_flat();
        // The medians of all are 1737 and 1826, more than 5 % apart.
        assert!(flat(&[row(2, 1825, 1737), row(8, 1826, 1738)]));
        assert!(flat(&[row(0, 0, 1737), row(10, 1826, 0)]));
        assert!(!flat(&[row(2, 1825, 1737), row(8, 1950, 1738)]));
        assert!(!flat(&[row(8, 1825, 1600), row(8, 1826, 1738)]));
    }
}
