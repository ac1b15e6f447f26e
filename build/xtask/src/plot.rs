// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `cargo xtask plot`: draws what a machine did, from a recording of the platform sim.

mod chart;
mod draw;
mod recording;

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use crate::workspace;
use recording::Recording;

/// What `plot` can be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// What `cargo xtask run --record FILE` has written
    file: PathBuf,
    /// The picture; FILE with the ending `.svg` if not given
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Where the picture begins, in seconds since the platform's start
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    from: Option<f64>,
    /// Where it ends
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    to: Option<f64>,
    /// Draw only sensors, domains and clocks with this name (repeatable)
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Show messages that only ask as well, and replies
    #[arg(long)]
    all_messages: bool,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.0..=1e9).contains(&value) => Ok(value),
        _ => Err("a number of seconds, at least 0".into()),
    }
}

/// Runs the command.
///
/// # Errors
///
/// The file is no recording, has nothing of what is to be drawn, or the picture cannot be written.
pub fn run(arguments: &Arguments) -> Result<()> {
    let shown = workspace::shown(&arguments.file);
    let text =
        std::fs::read_to_string(&arguments.file).with_context(|| format!("cannot read {shown}"))?;
    let recording = Recording::parse(&text).with_context(|| format!("in {shown}"))?;
    for warning in &recording.warnings {
        eprintln!("warning: {shown}: {warning}");
    }
    let wanted = chart::Wanted {
        from: arguments.from.unwrap_or(0.0),
        to: arguments.to.unwrap_or_else(|| recording.end()),
        only: &arguments.only,
        all_messages: arguments.all_messages,
    };
    ensure!(
        wanted.from < wanted.to,
        "nothing lies between {} s and {} s; the recording ends at {} s",
        wanted.from,
        wanted.to,
        recording.end()
    );
    let panels = chart::panels(&recording, &wanted)?;
    let output = match &arguments.output {
        Some(output) => output.clone(),
        None => arguments.file.with_extension("svg"),
    };
    ensure!(
        output != arguments.file,
        "the picture would replace the recording: name another file with `--output`"
    );
    draw::draw(
        &recording.title(),
        &panels,
        (wanted.from, wanted.to),
        &output,
    )?;
    for line in chart::summary(&panels) {
        println!("{line}");
    }
    println!("{}", workspace::shown(&output));
    Ok(())
}
