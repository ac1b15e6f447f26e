// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Everything that belongs to an image, in one file: what `dist` makes and `inspect` reads.
//!
//! It is a zip file, laid out as users of Hubris know it:
//!
//! | name | holds |
//! |---|---|
//! | `app.toml`, `chip.toml`, `memory.toml` | the manifest after merging, and the chip's files |
//! | `git-rev`, `image-name`, `build-id` | the commit (with `-dirty` behind it if there were changes), the name, the build id |
//! | `elf/kernel`, `elf/task/NAME` | the programs with their symbols |
//! | `img/final.elf` | what boots: the kernel's file, in which the tasks are |
//! | `info/layout.json` | where everything lies, and what the build computed |

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _, Write as _};
use std::path::Path;

use anyhow::{Context, Result};
use compose::Report;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

/// The manifest.
pub const APP: &str = "app.toml";
/// The commit.
pub const GIT_REV: &str = "git-rev";
/// The image's name.
pub const IMAGE_NAME: &str = "image-name";
/// The build id.
pub const BUILD_ID: &str = "build-id";
/// The kernel's program.
pub const KERNEL: &str = "elf/kernel";
/// What boots.
pub const IMAGE: &str = "img/final.elf";
/// Where everything lies.
pub const LAYOUT: &str = "info/layout.json";

/// Where a task's program is.
#[must_use]
pub fn task(name: &str) -> String {
    format!("elf/task/{name}")
}

/// The files of an image.
#[derive(Clone, Debug, Default)]
pub struct Archive {
    /// By name.
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Archive {
    /// Reads a file that [`bytes`](Self::bytes) made.
    ///
    /// # Errors
    ///
    /// It cannot be read, or it is no such file.
    pub fn open(path: &Path) -> Result<Self> {
        let bytes =
            std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let read = || -> Result<Self> {
            let mut zip = ZipArchive::new(Cursor::new(bytes))?;
            let mut files = BTreeMap::new();
            for number in 0..zip.len() {
                let mut entry = zip.by_index(number)?;
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes)?;
                files.insert(entry.name().to_owned(), bytes);
            }
            Ok(Self { files })
        };
        read().with_context(|| {
            format!(
                "{} is no archive of an image: `cargo xtask dist` makes one",
                path.display()
            )
        })
    }

    /// The archive as a file. The same content gives the same bytes: no times, no owners.
    ///
    /// # Errors
    ///
    /// None is known.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(DateTime::default())
            .unix_permissions(0o644);
        for (name, bytes) in &self.files {
            zip.start_file(name.as_str(), options)?;
            zip.write_all(bytes)?;
        }
        Ok(zip.finish()?.into_inner())
    }

    /// A file.
    ///
    /// # Errors
    ///
    /// It is not in the archive.
    pub fn file(&self, name: &str) -> Result<&[u8]> {
        let found = self.files.get(name).map(Vec::as_slice);
        found.with_context(|| format!("the archive has no {name}"))
    }

    /// A file that is text.
    ///
    /// # Errors
    ///
    /// As [`file`](Self::file), or it is no text.
    pub fn text(&self, name: &str) -> Result<&str> {
        std::str::from_utf8(self.file(name)?).with_context(|| format!("{name} is no text"))
    }

    /// Where everything lies, and what the build computed.
    ///
    /// # Errors
    ///
    /// It is missing or damaged.
    pub fn report(&self) -> Result<Report> {
        Ok(Report::from_json(self.text(LAYOUT)?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_the_same_every_time_and_read_back() {
        let mut archive = Archive::default();
        archive.files.insert(APP.into(), b"name = \"x\"".to_vec());
        archive.files.insert(task("jefe"), vec![7; 5000]);
        let bytes = archive.bytes().unwrap();
        assert_eq!(bytes, archive.bytes().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.zip");
        std::fs::write(&path, &bytes).unwrap();
        let read = Archive::open(&path).unwrap();
        assert_eq!(read.files, archive.files);
        assert_eq!(read.text(APP).unwrap(), "name = \"x\"");
        let error = read.file("elf/kernel").unwrap_err().to_string();
        assert!(error.contains("elf/kernel"), "{error}");
    }

    #[test]
    fn another_file_is_no_archive() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.zip");
        std::fs::write(&path, "text").unwrap();
        let error = Archive::open(&path).unwrap_err().to_string();
        assert!(error.contains("cargo xtask dist"), "{error}");
    }
}
