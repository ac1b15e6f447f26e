// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `cargo xtask graph`: the tasks by priority, and who calls whom.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::image;

/// What `graph` can be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// The manifest of the image
    #[arg(long, default_value = image::DEFAULT_APP)]
    app: PathBuf,
    /// Write it here, as a picture (.svg) or in Graphviz's language (.dot); without it the latter is printed
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
///
/// The manifest is wrong, or the file cannot be written or has another ending.
pub fn run(arguments: &Arguments) -> Result<()> {
    let app = image::load(&image::resolve_app(&arguments.app)?)?;
    let Some(path) = &arguments.output else {
        print!("{}", manifest::graph::dot(&app));
        return Ok(());
    };
    let drawing = match path.extension().and_then(|extension| extension.to_str()) {
        Some("svg") => manifest::graph::svg(&app),
        Some("dot" | "gv") => manifest::graph::dot(&app),
        _ => bail!(
            "{}: the name must end in .svg (a picture) or .dot (Graphviz)",
            path.display()
        ),
    };
    fs::write(path, drawing).with_context(|| format!("cannot write {}", path.display()))?;
    println!("{}", path.display());
    Ok(())
}
