// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Building the image that an `app.toml` describes.
//!
//! The work is done by the root package's build script; here it is only started, and its result put where it stays until
//! the next image of the same name.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use inspect::archive::{self, Archive};
use serde_json::Value;

use crate::setup::rust::TargetRust;
use crate::{command, workspace};

/// The manifest that is built when none is named.
pub const DEFAULT_APP: &str = "app.toml";
const PACKAGE: &str = "virtio-scmi-image";
const BINARY: &str = "image";

/// A built image.
#[derive(Clone, Debug)]
pub struct Image {
    /// Its name in the manifest.
    pub name: String,
    /// The manifest, relative to the root.
    pub app: String,
    /// The folder with all that was built for it.
    pub folder: PathBuf,
    /// What QEMU boots.
    pub elf: PathBuf,
    /// What the build printed, warnings included.
    pub output: String,
}

/// The file in an image's folder that says where everything lies.
pub const LAYOUT: &str = "layout.json";

/// Names the variable that says to which run of the tests a build belongs. The sources do not change within one, so each
/// image, and the platform, is built once: to find out that it is up to date takes cargo seconds, and tens of tests ask.
pub const TEST_RUN: &str = "IMAGE_TEST_RUN";
/// The file in an image's folder that says which run built it.
const STAMP: &str = "test-run";

impl Image {
    /// What the stamp of this image says if `run` built it.
    fn stamp(&self, run: &str) -> String {
        format!("{run} {}", self.app)
    }

    /// Whether `run` has built this image, of this manifest and not of another with the same name.
    fn is_of(&self, run: &str) -> bool {
        let stamp = fs::read_to_string(self.folder.join(STAMP)).unwrap_or_default();
        stamp == self.stamp(run) && self.elf.is_file()
    }

    /// Where everything lies and how large it is.
    ///
    /// # Errors
    ///
    /// The build did not leave a report, or it is damaged.
    pub fn report(&self) -> Result<compose::Report> {
        let path = self.folder.join(LAYOUT);
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(compose::Report::from_json(&text)?)
    }

    /// The image in a folder, which [`build`] made some time ago.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn in_folder(folder: &Path) -> Result<Self> {
        let mut image = Self {
            name: String::new(),
            app: String::new(),
            folder: folder.to_owned(),
            elf: folder.join("image.elf"),
            output: String::new(),
        };
        let report = image.report()?;
        image.name = report.name;
        image.app = report.manifest;
        Ok(image)
    }

    /// Everything that belongs to the image, as `dist` packs it. What was built is taken, not what the sources say now.
    ///
    /// # Errors
    ///
    /// A file of the image is missing.
    pub fn archive(&self) -> Result<Archive> {
        let read =
            |path: &Path| fs::read(path).with_context(|| format!("cannot read {}", path.display()));
        let mut archive = Archive::default();
        let mut put = |name: &str, bytes: Vec<u8>| archive.files.insert(name.into(), bytes);
        for name in [archive::APP, "chip.toml", "memory.toml", archive::GIT_REV] {
            put(name, read(&self.folder.join(name))?);
        }
        let image = read(&self.elf)?;
        put(archive::LAYOUT, read(&self.folder.join(LAYOUT))?);
        for task in &self.report()?.tasks {
            put(
                &archive::task(&task.name),
                read(&self.folder.join(&task.elf))?,
            );
        }
        put(archive::IMAGE_NAME, format!("{}\n", self.name).into_bytes());
        let id = inspect::build_id(&image)?;
        put(archive::BUILD_ID, format!("{id}\n").into_bytes());
        put(archive::IMAGE, image.clone());
        put(archive::KERNEL, image);
        Ok(archive)
    }

    /// Keeps beside the image what it was made from.
    fn keep_sources(&self, manifest: &manifest::App) -> Result<()> {
        let write = |name: &str, bytes: &[u8]| {
            let path = self.folder.join(name);
            fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))
        };
        write(archive::APP, manifest.expanded().as_bytes())?;
        write(archive::GIT_REV, format!("{}\n", revision()).as_bytes())?;
        let [chip, memory] = manifest.chip_files();
        write("chip.toml", chip.as_bytes())?;
        write("memory.toml", memory.as_bytes())?;
        Ok(())
    }

    /// Notes in the report how deep the kernel's stack can get; refuses one that can get too deep.
    fn kernel_stack(&self, manifest: &manifest::App) -> Result<()> {
        let bytes =
            fs::read(&self.elf).with_context(|| format!("cannot read {}", self.elf.display()))?;
        let mut report = self.report()?;
        report.kernel.depth = compose::kernel_deep_enough(manifest, &bytes)?;
        let path = self.folder.join(LAYOUT);
        fs::write(&path, report.to_json()?)
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

/// The commit that the tree is at; with `-dirty` behind it if something is not committed.
fn revision() -> String {
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.current_dir(workspace::root()).args(arguments);
        command::query(&mut git)
    };
    let Some(commit) = git(&["rev-parse", "HEAD"]) else {
        return "unknown".into();
    };
    let changes = git(&["status", "--porcelain"]).unwrap_or_default();
    let dirty = if changes.trim().is_empty() {
        ""
    } else {
        "-dirty"
    };
    format!("{}{dirty}", commit.trim())
}

/// The manifest's path as the build script wants it: relative to the root if it lies inside, absolute if not.
///
/// # Errors
///
/// There is no such file.
pub fn resolve_app(app: &Path) -> Result<String> {
    let path = [std::path::absolute(app)?, workspace::root().join(app)]
        .into_iter()
        .find(|path| path.is_file())
        .with_context(|| {
            format!(
                "no manifest {}: name an existing file with --app",
                app.display()
            )
        })?;
    let path = path.canonicalize()?;
    let root = workspace::root().canonicalize()?;
    Ok(path
        .strip_prefix(&root)
        .unwrap_or(&path)
        .display()
        .to_string())
}

/// Reads and checks a manifest, so that its problems are the first and only thing that a user sees.
///
/// # Errors
///
/// All of its problems, each with the task, the key and the remedy.
pub fn load(app: &str) -> Result<manifest::App> {
    manifest::load(workspace::root(), app).map_err(|problems| anyhow::anyhow!("{app}:\n{problems}"))
}

/// Builds the image of `app`, with everything below `target`, and hands each line of output to `line`.
///
/// # Errors
///
/// The manifest or a task's source is wrong; the message is what cargo and the build script said.
pub fn build(
    rust: &TargetRust,
    app: &str,
    target: &Path,
    line: impl Fn(&str) + Sync,
) -> Result<Image> {
    let run = std::env::var(TEST_RUN).ok();
    build_in(run.as_deref(), rust, app, target, line)
}

/// As [`build`], once in each `run` of the tests.
///
/// # Errors
///
/// As [`build`].
pub fn build_in(
    run: Option<&str>,
    rust: &TargetRust,
    app: &str,
    target: &Path,
    line: impl Fn(&str) + Sync,
) -> Result<Image> {
    let manifest = load(app)?;
    let name = manifest.name.clone();
    let folder = target.join("image").join(&name);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    // All images are linked to the same place. Whoever builds one holds the lock until it is copied away.
    let _lock = lock(&target.join("image").join("lock"), command::BUILD_LIMIT)?;
    let mut image = Image {
        name,
        app: app.to_owned(),
        elf: folder.join("image.elf"),
        output: String::new(),
        folder,
    };
    if let Some(run) = run
        && image.is_of(run)
    {
        return Ok(image);
    }
    let folder = &image.folder;
    let _ = fs::remove_file(folder.join(STAMP));

    let log = folder.join("build.log");
    File::create(&log).with_context(|| format!("cannot make {}", log.display()))?;
    // The kernel's binary must not tell where it was built any more than the tasks' do.
    let flags = compose::remap_flags(workspace::root(), target, Path::new("rustc"));
    let mut cargo = rust.cargo("build");
    cargo
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
        .args(["--release", "--package", PACKAGE, "--bin", BINARY])
        .args(["--message-format", "json-render-diagnostics"])
        .env("CARGO_TARGET_DIR", target)
        .env("IMAGE_APP_TOML", app)
        .env("IMAGE_LOG", &log);
    let (elf, output) = follow(&log, &line, || run_cargo(&mut cargo, &log, &line))?;
    fs::copy(&elf, &image.elf)
        .with_context(|| format!("cannot copy {} to {}", elf.display(), image.elf.display()))?;
    image.kernel_stack(&manifest)?;
    image.keep_sources(&manifest)?;
    let folder = &image.folder;
    if let Some(run) = run {
        let path = folder.join(STAMP);
        fs::write(&path, image.stamp(run))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    image.output = output;
    Ok(image)
}

/// Does `work` and meanwhile hands to `line` what is appended to `log`: cargo keeps a build script's output to itself.
fn follow<T>(log: &Path, line: &(impl Fn(&str) + Sync), work: impl FnOnce() -> T) -> T {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut shown = 0;
            while !done.load(Ordering::SeqCst) {
                let text = fs::read_to_string(log).unwrap_or_default();
                text.lines().skip(shown).for_each(line);
                shown = text.lines().count();
                thread::sleep(Duration::from_millis(200));
            }
        });
        let result = work();
        done.store(true, Ordering::SeqCst);
        result
    })
}

fn run_cargo(cargo: &mut Command, log: &Path, line: impl Fn(&str)) -> Result<(PathBuf, String)> {
    let mut elf = None;
    let mut output = String::new();
    let outcome = command::run("cargo build", cargo, command::BUILD_LIMIT, |text| {
        if !text.starts_with('{') {
            line(text);
            output.push_str(text);
            output.push('\n');
        } else if let Some(path) = executable(text) {
            elf = Some(path);
        }
    })?;
    match outcome.status {
        None => bail!(
            "the image was not built within {} s\n{}",
            command::BUILD_LIMIT.as_secs(),
            output.trim_end()
        ),
        Some(status) if !status.success() => {
            // The build script's own words say it best; what cargo puts around them is about cargo.
            let words = fs::read_to_string(log).unwrap_or_default();
            let words = words
                .find("error: ")
                .map_or(output.as_str(), |at| &words[at + 7..]);
            bail!("the image was not built: {}", words.trim_end())
        }
        Some(_) => Ok((
            elf.context("cargo built the image but did not say where it is")?,
            output,
        )),
    }
}

/// The program that one of cargo's JSON messages says it has built.
fn executable(message: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    let ours = message["reason"] == "compiler-artifact" && message["target"]["name"] == BINARY;
    ours.then(|| message["executable"].as_str().map(PathBuf::from))?
}

/// Takes a lock that other processes see too; it is released when the file is dropped.
///
/// # Errors
///
/// Somebody else holds it for longer than `limit`.
pub fn lock(path: &Path, limit: Duration) -> Result<File> {
    let file = File::create(path).with_context(|| format!("cannot make {}", path.display()))?;
    let deadline = Instant::now() + limit;
    while file.try_lock().is_err() {
        if Instant::now() >= deadline {
            bail!(
                "another command held {} for {} s",
                path.display(),
                limit.as_secs()
            );
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_read_from_the_message_about_it() {
        let message =
            r#"{"reason":"compiler-artifact","target":{"name":"image"},"executable":"/x/image"}"#;
        assert_eq!(executable(message), Some("/x/image".into()));
        for other in [
            r#"{"reason":"compiler-artifact","target":{"name":"kern"},"executable":null}"#,
            r#"{"reason":"build-finished","success":true}"#,
            "{ not json",
        ] {
            assert_eq!(executable(other), None, "{other}");
        }
    }

    #[test]
    fn an_image_belongs_to_the_run_and_the_manifest_that_it_was_built_for() {
        let folder = tempfile::tempdir().unwrap();
        let mut image = Image {
            name: "x".into(),
            app: "app.toml".into(),
            folder: folder.path().into(),
            elf: folder.path().join("image.elf"),
            output: String::new(),
        };
        assert!(!image.is_of("1"));
        fs::write(folder.path().join(STAMP), image.stamp("1")).unwrap();
        assert!(!image.is_of("1"), "there is no binary");
        fs::write(&image.elf, "").unwrap();
        assert!(image.is_of("1"));
        assert!(!image.is_of("2"));
        image.app = "other.toml".into();
        assert!(!image.is_of("1"));
    }

    #[test]
    fn a_lock_that_is_held_is_waited_for_in_vain() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = lock(&path, Duration::from_secs(10)).unwrap();
        let error = lock(&path, Duration::from_millis(100))
            .unwrap_err()
            .to_string();
        assert!(error.contains("another command held"), "{error}");
        drop(held);
        lock(&path, Duration::from_secs(10)).unwrap();
    }

    #[test]
    fn a_manifest_that_is_not_there_is_named() {
        let error = resolve_app(Path::new("no-such-app.toml"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("no-such-app.toml"), "{error}");
    }
}
