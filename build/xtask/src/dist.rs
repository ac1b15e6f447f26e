// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `cargo xtask dist`: the image, everything that belongs to it in one archive, and how much room is left.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::{image, run, sizes, workspace};

/// What `dist` can be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// The manifest of the image
    #[arg(long, default_value = image::DEFAULT_APP)]
    app: PathBuf,
}

/// Runs the command.
///
/// # Errors
///
/// The image cannot be built, or the archive not be written.
pub fn run(arguments: &Arguments) -> Result<()> {
    proved(&image::load(&image::resolve_app(&arguments.app)?)?)?;
    let image = run::build(&arguments.app)?;
    let report = image.report()?;
    let archive = image.folder.join(format!("{}.zip", image.name));
    fs::write(&archive, image.archive()?.bytes()?)
        .with_context(|| format!("cannot write {}", archive.display()))?;
    println!("{}: {}", image.name, report.summary());
    for advice in sizes::advice(&report) {
        println!("{advice}");
    }
    println!("image    {}", workspace::shown(&image.elf));
    println!("archive  {}", workspace::shown(&archive));
    Ok(())
}

/// Refuses an image of which nobody knows whether its stacks are large enough.
fn proved(app: &manifest::App) -> Result<()> {
    if app.unproven_stacks {
        bail!(
            "{}: it says `unproven-stacks = true`, and such an image is not for shipping: build for a target whose stacks the \
             build measures",
            app.files[0]
        );
    }
    Ok(())
}
