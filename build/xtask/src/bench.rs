// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `cargo xtask bench`: what messages and commands cost, counted on the machine, against the limits and the floor.
//!
//! | file | does |
//! |---|---|
//! | `machine.rs` | boots the bench image and reads what it prints |
//! | `trace.rs`, `symbols.rs` | every instruction in order: moments inside the driver, and where the instructions go |
//! | `profile.rs` | that, function by function, for people |
//! | `measure.rs` | from machines to figures |
//! | `own.rs` | our own platform: EVENT_IDX or not, busy or not, 128 bytes both ways |
//! | `curves.rs`, `plot.rs` | cost against payload, clients, transfers in flight and ring size |
//! | `floor.rs` | the same ring without a kernel |
//! | `host.rs` | our queue against another, on the host |
//! | `table.rs` | figures, limits, ratios |
//!
//! doc/performance.md has the results, and how they are to be read.

pub mod curves;
pub mod floor;
pub mod host;
pub mod machine;
pub mod measure;
pub mod own;
pub mod plot;
pub mod profile;
pub mod symbols;
pub mod table;
pub mod trace;
pub mod worst;

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

use self::curves::Curve;
use self::table::Table;
use crate::board::Programs;
use crate::image::Image;
use crate::platform::Kind;
use crate::progress::Progress;
use crate::tally::Tally;
use crate::{command, json_file, run, workspace};

/// What `bench` can be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// The SCMI platform; the limits are meant for vhost-device-scmi
    #[arg(long, value_enum, default_value = "vhost-device-scmi")]
    platform: Kind,
    /// Only the rows that have a limit on the chosen platform, without curves, wall time and floor
    #[arg(long)]
    quick: bool,
    /// Only our queue against that of virtio-drivers, on the host; the other rows of the last run are kept
    #[arg(long, conflicts_with_all = ["quick", "platform"])]
    host: bool,
    /// Fail if a row misses its limit
    #[arg(long)]
    check: bool,
}

/// Where the results go.
const RESULT: &str = "bench.json";
const FOLDER: &str = "bench";
/// Rows that the floor, one command polled without a kernel, is a measure for.
const COMMANDS: [&str; 3] = ["exchange_irq", "submit", "pipelined_16"];

/// Runs the command.
///
/// # Errors
///
/// Something does not build or boot, or with `--check` a row misses its limit.
pub fn run(arguments: &Arguments) -> Result<()> {
    if arguments.host {
        return host_alone();
    }
    if arguments.platform == Kind::None {
        bail!("without an SCMI device there is nothing to measure: choose another --platform");
    }
    let programs = run::programs(arguments.platform)?;
    let commit = commit();
    let mut table = Table::default();
    let mut curves = Vec::new();
    let mut floor = None;
    let mut wall = Vec::new();
    let mut queues = Vec::new();

    let shipped = run::build(Path::new(crate::image::DEFAULT_APP))?;
    measure::image(&shipped, &mut table)?;
    let image = run::build(Path::new(measure::APP))?;
    {
        let _progress = Progress::start("counting messages and commands");
        let plan = if arguments.quick { "q" } else { "f" };
        let printed = measure::commands(&programs, &image, arguments.platform, plan, &mut table)?;
        if !arguments.quick {
            curves.push(Curve::payload(&printed)?);
            curves.push(Curve::depth(&printed)?);
        }
    }
    let profile = {
        let _progress = Progress::start("tracing every instruction");
        [
            measure::traced(&programs, &image, arguments.platform, &mut table)?,
            measure::events(&programs, &image, &mut table)?,
        ]
        .concat()
    };
    if !arguments.quick {
        own::rows(&programs, &image, &mut table)?;
        worst::row(&programs, &mut table)?;
        let measured = floor::run(&programs, arguments.platform)?;
        measured.add(&mut table)?;
        wall = floor::wall(&programs, &image, arguments.platform, &measured)?;
        floor = Some(measured.polled);
        queues = host::run(&mut table)?;
    }
    table.finish(&COMMANDS, floor, &commit);
    print!("{}", table.show());
    for line in &wall {
        println!("{}", line.show());
    }
    wall.retain(|line| line.load.is_quiet());
    for comparison in &queues {
        println!("{}", comparison.show());
    }
    if !arguments.quick {
        curves.push(Curve::commands(&programs, &image, arguments.platform)?);
        curves.push(Curve::rings(&programs, arguments.platform)?);
        curves.push(Curve::clients(&programs)?);
    }

    let folder = workspace::target_dir().join(FOLDER);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    fs::write(folder.join("profile.txt"), &profile)?;
    for curve in &curves {
        plot::draw(curve, &folder.join(format!("{}.svg", curve.name)))?;
    }
    let path = workspace::target_dir().join(RESULT);
    let mut result = json(&table, &curves, &wall, arguments.platform, &commit)?;
    result.insert("host_queues".into(), serde_json::to_value(&queues)?);
    json_file::write(&path, &result)?;

    for curve in &curves {
        println!("{}", curve.show());
    }
    println!(
        "commit {commit}; {} has all of it, {} the plots and where the instructions go",
        workspace::shown(&path),
        workspace::shown(&folder)
    );
    let mut missed: Vec<String> = table.missed().into_iter().map(str::to_owned).collect();
    missed.extend(
        curves
            .iter()
            .filter(|curve| !curve.is_flat())
            .map(|curve| curve.name.clone()),
    );
    if arguments.check && !missed.is_empty() {
        bail!("not within the limit: {}", missed.join(", "));
    }
    Ok(())
}

/// The host's rows alone: they take the place of those in the file, the others stay.
fn host_alone() -> Result<()> {
    let mut table = Table::default();
    let queues = host::run(&mut table)?;
    table.finish(&[], None, &commit());
    print!("{}", table.show());
    for comparison in &queues {
        println!("{}", comparison.show());
    }
    let path = workspace::target_dir().join(RESULT);
    let mut result: Map<String, Value> = json_file::read(&path, || {
        format!("{} is not what bench writes: remove it", path.display())
    })?;
    insert_rows(&mut result, &table)?;
    result.insert("host_queues".into(), serde_json::to_value(&queues)?);
    json_file::write(&path, &result)?;
    println!("{} has the rows", workspace::shown(&path));
    Ok(())
}

/// The rows that the tests hold to a ceiling: what was reached, with two to four percent for what a change of the compiler does. It is
/// lowered when a row gets better, until it is the row's limit. Those of exchanges are for runs that sleep: on a busy computer, all may.
const GUARDED: [(&str, f64); 10] = [
    ("ipc_round_trip", 420.0),
    ("exchange_irq", 1825.0),
    ("exchange_irq_128", 2030.0),
    ("submit", 650.0),
    ("send_poll", 1790.0),
    ("batch_16", 1150.0),
    ("boot_instructions", 100_000.0),
    ("driver_code", 48.0 * 1024.0),
    ("image_text", 160.0 * 1024.0),
    ("image_ram", 256.0 * 1024.0),
];

/// Counts again, on the machine, what must not grow beyond its limit: one result for each guarded row, and the table. Instruction
/// counts do not depend on how busy the computer is.
///
/// # Errors
///
/// The bench does not boot, or does not print what it should.
pub fn guard(programs: &Programs, shipped: &Image, bench: &Image) -> Result<(Tally, String)> {
    let platform = match programs.vhost_device_scmi {
        Some(_) => Kind::VhostDeviceScmi,
        None => Kind::Sim,
    };
    let mut table = Table::default();
    measure::image(shipped, &mut table)?;
    measure::commands(programs, bench, platform, "q", &mut table)?;
    measure::traced(programs, bench, platform, &mut table)?;
    let mut text = table.show();
    let mut tally = Tally::default();
    for (key, ceiling) in GUARDED {
        let median = table.get(key).map(|figure| figure.median);
        if median.is_some_and(|median| median <= ceiling) {
            tally.passed += 1;
        } else {
            tally.failed += 1;
            let median = median.map_or("not measured".to_owned(), |median| median.to_string());
            text.push_str(&format!("{key}: {median}, guarded at {ceiling}\n"));
        }
    }
    Ok((tally, text))
}

fn json(
    table: &Table,
    curves: &[Curve],
    wall: &[floor::Wall],
    platform: Kind,
    commit: &str,
) -> Result<Map<String, Value>> {
    let mut result = Map::new();
    insert_rows(&mut result, table)?;
    result.insert("curves".into(), serde_json::to_value(curves)?);
    result.insert("wall".into(), serde_json::to_value(wall)?);
    let about = json!({ "platform": format!("{platform:?}"), "commit": commit });
    result.insert("about".into(), about);
    Ok(result)
}

fn insert_rows(result: &mut Map<String, Value>, table: &Table) -> Result<()> {
    for (key, figure) in table.figures() {
        result.insert(key.clone(), serde_json::to_value(figure)?);
    }
    Ok(())
}

/// The commit that is measured, with a mark if the tree differs from it.
fn commit() -> String {
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        command::query(git.current_dir(workspace::root()).args(arguments))
    };
    let Some(hash) = git(&["rev-parse", "--short=12", "HEAD"]) else {
        return "unknown".into();
    };
    let changed = git(&["status", "--porcelain"]).is_none_or(|text| !text.trim().is_empty());
    let mark = if changed { "-changed" } else { "" };
    format!("{}{mark}", hash.trim())
}
