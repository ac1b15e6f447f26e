// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `lib/virtqueue` against the queue of `virtio-drivers` on the host: the same work (test/bench/queue), counted by callgrind.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use super::table::Table;
use crate::progress::Progress;
use crate::setup::{self, Mode};
use crate::{command, workspace};

const PACKAGE: &str = "test-bench-queue";
const RUN_LIMIT: Duration = Duration::from_secs(2 * 60);
/// Rounds of two runs: in their difference, what start-up costs is gone.
const ROUNDS: [u32; 2] = [1_000, 3_000];
const UNIT: &str = "x86-64 host instructions";
/// Requests in flight, the row of ours, the row of theirs.
const ROWS: [(u32, &str, &str); 2] = [
    (1, "host_queue_one", "host_queue_one_virtio_drivers"),
    (16, "host_queue_16", "host_queue_16_virtio_drivers"),
];

/// Ours beside theirs, for one request.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// Requests in flight.
    pub in_flight: u32,
    /// Of `lib/virtqueue`.
    pub ours: f64,
    /// Of `virtio-drivers`.
    pub virtio_drivers: f64,
    /// Theirs by ours.
    pub ratio: f64,
}

impl Comparison {
    /// For people.
    pub fn show(&self) -> String {
        format!(
            "queues on the host, {} in flight: {:.2} instructions a request, {:.2} with virtio-drivers: {:.2} times ours",
            self.in_flight, self.ours, self.virtio_drivers, self.ratio
        )
    }
}

/// Builds the program, counts both queues and adds a row for each.
///
/// # Errors
///
/// Valgrind cannot be installed, or the program does not build or run.
pub fn run(table: &mut Table) -> Result<Vec<Comparison>> {
    let valgrind = setup::valgrind::ensure(Mode::Install)?.context("valgrind is missing")?;
    let _progress = Progress::start("counting queues on the host");
    let target = workspace::target_dir();
    let mut cargo = workspace::cargo();
    cargo
        .args(["build", "--release", "--package", PACKAGE])
        .env("CARGO_TARGET_DIR", &target);
    command::check(PACKAGE, &mut cargo, command::BUILD_LIMIT, |_| ())?;
    let program = target.join("release").join(PACKAGE);
    let folder = target.join(super::FOLDER);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;

    let count = |queue: &str, depth: u32, rounds: u32| -> Result<u64> {
        let result = folder.join(format!("callgrind.{queue}.{depth}.{rounds}"));
        let mut command = std::process::Command::new(&valgrind);
        command
            .args(["--tool=callgrind", "--collect-atstart=no"])
            .arg("--toggle-collect=*counted_*")
            .arg(format!("--callgrind-out-file={}", result.display()))
            .arg(&program)
            .args([queue, &depth.to_string(), &rounds.to_string()]);
        command::check("valgrind", &mut command, RUN_LIMIT, |_| ())?;
        let text = fs::read_to_string(&result)
            .with_context(|| format!("cannot read {}", result.display()))?;
        total(&text).with_context(|| format!("{}", result.display()))
    };
    let [few, many] = ROUNDS;
    let mut comparisons = Vec::new();
    for (depth, our_key, their_key) in ROWS {
        let requests = (many - few) * depth;
        let each = |queue: &str| -> Result<f64> {
            let counted = [count(queue, depth, few)?, count(queue, depth, many)?];
            per_request(counted, requests)
        };
        let (ours, theirs) = (each("ours")?, each("virtio-drivers")?);
        // Every round does the same, and a request's share of it is all there is: the worst is the median.
        table.add(our_key, UNIT, [ours, ours], requests);
        table.add(their_key, UNIT, [theirs, theirs], requests);
        comparisons.push(Comparison {
            in_flight: depth,
            ours,
            virtio_drivers: theirs,
            ratio: (theirs / ours * 100.0).round() / 100.0,
        });
    }
    Ok(comparisons)
}

/// Instructions in all that callgrind collected, from its output file.
fn total(text: &str) -> Result<u64> {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    let events = field("events:").context("callgrind names no events")?;
    ensure!(
        events.trim() == "Ir",
        "callgrind counted {} instead of instructions (Ir) alone",
        events.trim()
    );
    let total = field("totals:").context("callgrind wrote no totals: did it end early?")?;
    let total = total
        .trim()
        .parse()
        .with_context(|| format!("callgrind's totals are no number: {}", total.trim()))?;
    ensure!(
        total > 0,
        "callgrind counted nothing: it found no function named counted_..."
    );
    Ok(total)
}

fn per_request([few, many]: [u64; 2], requests: u32) -> Result<f64> {
    let more = many
        .checked_sub(few)
        .filter(|more| *more > 0)
        .with_context(|| format!("the longer run counted {many}, the shorter {few}"))?;
    Ok((more as f64 / f64::from(requests) * 100.0).round() / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# callgrind format\nversion: 1\npid: 7\npart: 1\n\npositions: line\nevents: Ir\nsummary: 90\n\n\
        fl=(1) main.rs\nfn=(2) counted_take\n51 1200\n\ntotals: 1234\n";

    #[test]
    fn the_total_is_read() {
        assert_eq!(total(FILE).unwrap(), 1234);
    }

    #[test]
    fn what_is_no_count_is_refused_with_its_reason() {
        for (from, to, reason) in [
            ("totals: 1234\n", "", "no totals"),
            ("totals: 1234", "totals: 0", "counted nothing"),
            ("totals: 1234", "totals: 12 34", "no number: 12 34"),
            ("events: Ir", "events: Ir Dr", "counted Ir Dr"),
            ("events: Ir\n", "", "no events"),
        ] {
            let error = total(&FILE.replace(from, to)).unwrap_err();
            assert!(format!("{error:#}").contains(reason), "{error:#}");
        }
    }

    #[test]
    fn start_up_is_cancelled() {
        assert_eq!(per_request([500 + 100, 500 + 1100], 100).unwrap(), 10.0);
        assert_eq!(per_request([0, 1000], 3).unwrap(), 333.33);
        assert!(per_request([5, 5], 1).is_err() && per_request([6, 5], 1).is_err());
    }
}
