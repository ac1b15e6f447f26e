// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The measurements: which machines are booted, and which figures come of them.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use super::machine::{self, Bench, COUNTED};
use super::profile;
use super::symbols::Symbols;
use super::table::Table;
use super::trace::{self, TRACED, Trace, Work};
use crate::board::{Programs, Setting};
use crate::image::Image;
use crate::platform::Kind;
use crate::sizes;

/// The bench's manifest.
pub const APP: &str = "test/bench/app.toml";
/// Commands of each kind in a trace, as test/bench/task has them; then as often, transfers are started and polled.
const TRACED_COMMANDS: usize = 32;
/// Of those, so many at once.
const IN_FLIGHT: u64 = 16;

/// Messages and commands, counted by the processor.
///
/// # Errors
///
/// The machine does not boot, or prints something else.
pub fn commands(
    programs: &Programs,
    image: &Image,
    platform: Kind,
    plan: &str,
    table: &mut Table,
) -> Result<machine::Printed> {
    let printed = machine::run(programs, &image.elf, platform, &COUNTED, plan)?;
    let rows = [
        ("ipc_round_trip", "ipc_round_trip", 0),
        ("exchange_irq", "exchange_irq", 0),
        ("exchange_irq_128", "exchange_irq_128", 0),
        ("pipelined_16", "pipelined", 16),
        ("batch_16", "batch", 16),
    ];
    for (key, name, part) in rows {
        let row = printed.row(name, part)?;
        table.add_row(key, &row);
        if key.starts_with("exchange") {
            table.add_modes(key, &row);
        }
    }
    suppression(&printed, ["irqs_per_command", "kicks_per_command"], table)?;
    Ok(printed)
}

/// Interrupts and kicks for each command of sixteen in flight, under these keys.
///
/// # Errors
///
/// The bench did not print them.
pub fn suppression(
    printed: &machine::Printed,
    [interrupts, kicks]: [&str; 2],
    table: &mut Table,
) -> Result<()> {
    let done = printed.number("events", "commands")?;
    for (key, name) in [(interrupts, "interrupts"), (kicks, "kicks")] {
        let per_command = f64::from(printed.number("events", name)?) / f64::from(done.max(1));
        let rounded = (per_command * 1000.0).round() / 1000.0;
        table.add(key, "per command", [rounded, rounded], done);
    }
    Ok(())
}

/// What only a trace tells: moments inside the driver and the kernel, and where the instructions go.
///
/// # Errors
///
/// As [`commands`], or the trace cannot be read.
pub fn traced(
    programs: &Programs,
    image: &Image,
    platform: Kind,
    table: &mut Table,
) -> Result<String> {
    let symbols = Symbols::read(image)?;
    let trace = trace_of(&symbols, |qemu| {
        machine::run(programs, &image.elf, platform, qemu, "t").map(drop)
    })?;
    let (small, large, sixteens) = kinds(&trace);
    let submits: Vec<u64> = small.iter().filter_map(|work| work.notified).collect();
    table.add_counts("submit", &submits);
    table.add_counts("send_poll", &send_and_poll(sixteens));
    table.add_counts("boot_instructions", &[trace.boot]);
    for (key, works) in [("exchange_irq", small), ("exchange_irq_128", large)] {
        if let Some(work) = profile::middle(works) {
            table.split(key, work.split(&symbols));
        }
    }
    Ok(commands_profile(&trace, &symbols))
}

/// From the interrupt of an event to its subscriber. Always on the platform of this tree, which sends events on demand: the fake
/// sensor of vhost-device-scmi sends one whenever its standard output can be *read*, which is never or all the time.
///
/// # Errors
///
/// As [`traced`].
pub fn events(programs: &Programs, image: &Image, table: &mut Table) -> Result<String> {
    let symbols = Symbols::read(image)?;
    let trace = trace_of(&symbols, |qemu| {
        let mut bench = Bench::boot(programs, Setting::new(&image.elf, Kind::Sim), qemu)?;
        let control = bench
            .control()
            .context("the platform has no control socket")?;
        let over = AtomicBool::new(false);
        let printed = thread::scope(|scope| {
            let sender = scope.spawn(|| send_events(&control, &over));
            let printed = bench.perform("e");
            over.store(true, Ordering::Relaxed);
            let sent = sender.join().expect("the sender does not panic");
            printed.and(sent)
        });
        printed?;
        bench.end()
    })?;
    let deliveries: Vec<u64> = trace.deliveries.iter().map(|work| work.total).collect();
    table.add_counts("event_delivery", &deliveries);
    if let Some(work) = profile::middle(&trace.deliveries) {
        table.split("event_delivery", work.split(&symbols));
    }
    Ok(profile::section(
        "event delivery",
        &trace.deliveries,
        1,
        &symbols,
    ))
}

/// One SENSOR_UPDATE of the first sensor after the other, until it is over.
fn send_events(control: &Path, over: &AtomicBool) -> Result<()> {
    /// Header; agent 0, sensor 0; a reading and its time stamp.
    const EVENT: &str = "01570000\
        0000000000000000\
        01000000000000000000000000000000";
    let mut stream = UnixStream::connect(control).context("cannot drive the platform")?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut answers = BufReader::new(stream.try_clone()?);
    while !over.load(Ordering::Relaxed) {
        writeln!(stream, "{{\"cmd\":\"raw\",\"bytes\":\"{EVENT}\"}}")?;
        let mut answer = String::new();
        answers.read_line(&mut answer)?;
        // Meanwhile the machine deals with it and goes to sleep.
        thread::sleep(Duration::from_millis(30));
    }
    Ok(())
}

/// The trace of what `work` runs with these arguments for QEMU.
fn trace_of(symbols: &Symbols, work: impl FnOnce(&[&str]) -> Result<()>) -> Result<Trace> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("trace");
    let shown = path
        .to_str()
        .context("the temporary folder has no name in UTF-8")?;
    let mut arguments = COUNTED.to_vec();
    arguments.extend(TRACED);
    arguments.push(shown);
    work(&arguments)?;
    trace::read(&path, symbols)
}

/// Where the instructions of commands go.
fn commands_profile(trace: &Trace, symbols: &Symbols) -> String {
    let (small, large, sixteens) = kinds(trace);
    let (sends, polls) = (
        sixteens.iter().step_by(2),
        sixteens.iter().skip(1).step_by(2),
    );
    [
        profile::section("exchange", small, 1, symbols),
        profile::section("exchange of 128 bytes", large, 1, symbols),
        profile::section("send, one of sixteen", sends, IN_FLIGHT, symbols),
        profile::section("poll, one of sixteen", polls, IN_FLIGHT, symbols),
    ]
    .concat()
}

/// What it took to send and to poll one of sixteen transfers, each time.
fn send_and_poll(sixteens: &[Work]) -> Vec<u64> {
    let pairs = sixteens.chunks_exact(2);
    pairs
        .map(|pair| (pair.iter().map(|work| work.total).sum::<u64>() + IN_FLIGHT / 2) / IN_FLIGHT)
        .collect()
}

/// The works of a trace: exchanges, exchanges of 128 bytes, and by turns sixteen transfers sent and sixteen polled.
fn kinds(trace: &Trace) -> (&[Work], &[Work], &[Work]) {
    let (small, rest) = trace.works.split_at(TRACED_COMMANDS.min(trace.works.len()));
    let (large, rest) = rest.split_at(TRACED_COMMANDS.min(rest.len()));
    (small, large, rest)
}

/// What the shipped image takes of its budgets.
///
/// # Errors
///
/// What was built of it cannot be read.
pub fn image(image: &Image, table: &mut Table) -> Result<()> {
    for budget in sizes::budgets_of(image)? {
        let key = budget.what.replace(' ', "_");
        let (used, limit) = (f64::from(budget.used), f64::from(budget.limit));
        table.add_within(&key, "bytes", [used; 2], 1, Some(limit));
    }
    Ok(())
}

/// A manifest like the bench's with another ring, in `folder`.
///
/// # Errors
///
/// The bench's manifest has changed, or the new one cannot be written.
pub fn manifest_with_ring(folder: &Path, ring: u32) -> Result<std::path::PathBuf> {
    let text = fs::read_to_string(crate::workspace::root().join(APP))?;
    let changed = text
        .replacen(
            "name = \"bench\"",
            &format!("name = \"bench-ring-{ring}\""),
            1,
        )
        .replacen("vring-size = 64", &format!("vring-size = {ring}"), 1)
        .replacen("slots = 32", &format!("slots = {}", (ring / 2).min(32)), 1);
    let path = folder.join(format!("ring-{ring}.toml"));
    fs::write(&path, changed).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}
