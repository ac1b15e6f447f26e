// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `cargo xtask probe`: holds any vhost-user SCMI daemon to the specification.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

/// Time that a daemon has for each command.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// What `probe` can be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// The vhost-user socket that the daemon listens on
    #[arg(required_unless_present = "checks")]
    socket: Option<PathBuf>,
    /// Set nothing, subscribe to nothing, negotiate nothing
    #[arg(long)]
    read_only: bool,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    /// List the checks with their sources, and ask nothing
    #[arg(long)]
    checks: bool,
}

/// Probes a daemon: status 0 without a departure, 1 with one, 2 if the probe itself failed.
#[must_use]
pub fn run(arguments: &Arguments) -> ExitCode {
    match probe(arguments) {
        Ok(departures) => ExitCode::from(u8::from(departures)),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn probe(arguments: &Arguments) -> Result<bool> {
    if arguments.checks {
        for check in probe::rules::checks() {
            let [protocol, message] = check.names;
            println!(
                "{} {protocol} {message}: {} [{}]",
                check.key.rule, check.text, check.source
            );
        }
        return Ok(false);
    }
    let socket = arguments.socket.as_ref().context("which socket?")?;
    let mut daemon = probe::link::Daemon::connect(socket, ANSWER_LIMIT)?;
    let report = probe::walk::walk(&mut daemon, arguments.read_only);
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report.json())?);
    } else {
        print!("{}", report.text());
    }
    ensure!(
        !report.protocols.is_empty() || !report.departures.is_empty(),
        "{} answers nothing that SCMI knows",
        socket.display()
    );
    Ok(!report.departures.is_empty())
}
