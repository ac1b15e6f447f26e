// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The project's commands: `cargo xtask <command>`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xtask::{
    bench, child, clippy, dist, fuzz, gdb, graph, inspect, mutants, plot, print, run, setup, sizes,
    soak, test,
};

/// Builds, runs and tests the image
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the image, start a platform and QEMU, and open the console
    Run(run::Arguments),
    /// Run everything that must hold; the last line says how much passed
    Test(test::Arguments),
    /// Count what messages and commands cost, against the limits and the floor
    Bench(bench::Arguments),
    /// Run fuzz targets of the tree for some minutes each
    Fuzz(fuzz::Arguments),
    /// Run the image under load, with crashes, for as long as told
    Soak(soak::Arguments),
    /// Change host crates in small ways, each of which a test must notice
    Mutants(mutants::Arguments),
    /// Build the image and pack everything that belongs to it
    Dist(dist::Arguments),
    /// Draw what a machine did, as `run --record` wrote it down
    Plot(plot::Arguments),
    /// What each task takes of each memory, and the change since the last landing
    Sizes(sizes::Arguments),
    /// Draw the tasks by priority, and who calls whom
    Graph(graph::Arguments),
    /// Clippy for the kernel and the tasks, each as the image builds it
    Clippy(clippy::Arguments),
    /// See inside a running or crashed image: tasks, trace rings, variables, stacks, dumps
    Inspect(inspect::Arguments),
    /// Boot paused, under a debugger that knows all symbols
    Gdb(gdb::Arguments),
    /// What the build knows: memory map, tasks, paths, environments
    Print(print::Arguments),
    /// Set up what the other commands need; they do it themselves
    Setup(setup::Arguments),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = child::end_on_signals().and_then(|()| match &cli.command {
        Command::Run(arguments) => run::run(arguments),
        Command::Test(arguments) => test::run(arguments),
        Command::Bench(arguments) => bench::run(arguments),
        Command::Fuzz(arguments) => fuzz::run(arguments),
        Command::Soak(arguments) => soak::run(arguments),
        Command::Mutants(arguments) => mutants::run(arguments),
        Command::Dist(arguments) => dist::run(arguments),
        Command::Plot(arguments) => plot::run(arguments),
        Command::Sizes(arguments) => sizes::run(arguments),
        Command::Clippy(arguments) => clippy::run(arguments),
        Command::Graph(arguments) => graph::run(arguments),
        Command::Inspect(arguments) => inspect::run(arguments),
        Command::Gdb(arguments) => gdb::run(arguments),
        Command::Print(arguments) => print::run(arguments),
        Command::Setup(arguments) => setup::run(arguments),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
