// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `cargo xtask dist`: the image, everything that belongs to it in one archive, and how much room is left.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use compose::Report;

use crate::image::{self, Image};
use crate::{run, sizes, workspace};

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
    let image = run::build(&arguments.app)?;
    let report = image.report()?;
    let archive = image.folder.join(format!("{}.tar", image.name));
    pack(&image, &report, &archive)?;
    println!("{}: {}", image.name, report.summary());
    for advice in sizes::advice(&report) {
        println!("{advice}");
    }
    println!("image    {}", workspace::shown(&image.elf));
    println!("archive  {}", workspace::shown(&archive));
    Ok(())
}

/// Puts the image, the tasks with their symbols, the layout and the manifest into a tar file. The same content gives the
/// same bytes: no times, no owners.
fn pack(image: &Image, report: &Report, archive: &Path) -> Result<()> {
    let mut files = vec![
        ("image.elf".to_owned(), image.elf.clone()),
        (image::LAYOUT.to_owned(), image.folder.join(image::LAYOUT)),
        ("app.toml".to_owned(), workspace::root().join(&image.app)),
    ];
    for task in &report.tasks {
        files.push((format!("tasks/{}", task.elf), image.folder.join(&task.elf)));
    }
    let output =
        File::create(archive).with_context(|| format!("cannot make {}", archive.display()))?;
    let mut tar = tar::Builder::new(output);
    for (name, path) in files {
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, format!("{}/{name}", image.name), &*bytes)?;
    }
    tar.finish().context("cannot write the archive")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_the_same_every_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("image.elf"), "elf").unwrap();
        fs::write(path(image::LAYOUT), "{}").unwrap();
        let image = Image {
            name: "x".into(),
            app: "Cargo.toml".into(),
            folder: folder.path().to_owned(),
            elf: path("image.elf"),
            output: String::new(),
        };
        let report = crate::sizes::tests::report();
        fs::write(path("jefe.elf"), "jefe").unwrap();
        fs::write(path("driver.elf"), "driver").unwrap();
        pack(&image, &report, &path("a.tar")).unwrap();
        pack(&image, &report, &path("b.tar")).unwrap();
        let bytes = fs::read(path("a.tar")).unwrap();
        assert_eq!(bytes, fs::read(path("b.tar")).unwrap());
        let names: Vec<_> = tar::Archive::new(&*bytes)
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().display().to_string())
            .collect();
        assert_eq!(
            names,
            [
                "x/image.elf",
                "x/layout.json",
                "x/app.toml",
                "x/tasks/jefe.elf",
                "x/tasks/driver.elf"
            ]
        );
    }
}
