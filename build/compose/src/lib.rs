// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Composes an image: tasks, memory, translation tables, one binary.
//!
//! ```text
//! app.toml ──manifest──> App
//!    each task:  cargo rustc -r ──> relocatable object ──link──> sizes
//!    all tasks:  sizes ──layout──> addresses ──link──> binaries ──patch──> task slots bound
//!    addresses ──tables──> translation tables ──verify──> isolation holds
//!    all of it ──generate──> image.rs, memory.x, bytes for the kernel's own link
//! ```
//!
//! Everything is ordered, nothing depends on time or on this machine's folders: the same commit gives the same bytes.

pub mod arch;
pub mod build_script;
mod cargo;
mod elf;
pub mod environment;
mod error;
mod generate;
pub mod hash;
pub mod layout;
mod link;
mod log;
pub mod messages;
pub mod report;
pub mod stack;
pub mod tables;
pub mod verify;
pub mod walk;

use std::fs;
use std::path::{Path, PathBuf};

use manifest::App;

pub use environment::remap_flags;
pub use error::Error;
pub use report::Report;
use tables::Unfit;

/// What to compose, and with which tools.
#[derive(Clone, Debug)]
pub struct Request {
    /// The project's root: the folder of the manifest, of `chips`, and of the workspace.
    pub root: PathBuf,
    /// The manifest, by its path from the root.
    pub manifest: String,
    /// Where images are kept: `target/image`. Each has a folder with its name.
    pub images: PathBuf,
    /// Where tasks are compiled, of all images: see [`tasks_dir`].
    pub tasks: PathBuf,
    /// Where the kernel's crate looks for what is generated: its `OUT_DIR`.
    pub out: PathBuf,
    /// The cargo to build tasks with.
    pub cargo: PathBuf,
    /// The compiler, to find its linker.
    pub rustc: PathBuf,
    /// Arguments for cargo before the subcommand, such as `-Zbuild-std=core`.
    pub cargo_args: Vec<String>,
    /// How many compilers may run at once, if limited.
    pub jobs: Option<u32>,
}

/// What was composed.
#[derive(Debug)]
pub struct Composed {
    /// The manifest.
    pub app: App,
    /// The layout and the sizes; also kept as `layout.json` in the image's folder.
    pub report: Report,
    /// Warnings of the compiler, by task.
    pub warnings: Vec<(String, String)>,
}

/// Builds all tasks and writes what the kernel's crate needs into `request.out`.
pub fn compose(request: &Request) -> Result<Composed, Error> {
    let app = manifest::load(&request.root, &request.manifest)?;
    let folder = request.images.join(&app.name);
    let lld = link::find_lld(&request.rustc)?;
    let arch = arch::of(&app);

    let mut objects = Vec::new();
    let mut needs = Vec::new();
    let mut warnings = Vec::new();
    for (position, task) in app.tasks.iter().enumerate() {
        log::say(&format!(
            "[{}/{}] building task {}",
            position + 1,
            app.tasks.len(),
            task.name
        ));
        let built = cargo::build(request, &app, task, &folder)?;
        warnings.extend(
            built
                .warnings
                .into_iter()
                .map(|warning| (task.name.clone(), warning)),
        );
        elf::check_sections(arch, task, &read(&built.object)?)?;
        let measured = folder
            .join("link")
            .join(format!("{}.measured.elf", task.name));
        let addresses = link::Addresses::measuring(&app, task);
        link::link(&lld, arch, &app, task, &built.object, &measured, &addresses)?;
        needs.push(elf::measure(arch, task, &read(&measured)?)?);
        objects.push(built.object);
    }

    let layout = layout::place(&app, &needs)?;
    let tables = arch.tables(&layout).map_err(|unfit| {
        Error::Machine(match unfit {
            Unfit::Missing(bytes) => format!(
                "[kernel], key `requires`: with the translation tables, the kernel needs {bytes} bytes more than its memory has\n    remedy: lower `requires`, or enlarge `kernel` in the chip's memory file"
            ),
            Unfit::NotAlone(unit) => format!(
                "{}/{}: the kernel shares {} MiB with a task or a device, and the kernel is kept from executing anything but itself by the {} MiB\n    remedy: move `kernel` in the chip's memory file, or what lies beside it",
                app.chip, app.files.last().map_or("", |file| file.rsplit('/').next().unwrap_or(file)), unit >> 20, unit >> 20
            ),
        })
    })?;
    verify::all(arch, &layout, &tables).map_err(|fault| {
        Error::Machine(format!("the translation tables do not isolate: {fault}\n    remedy: this is an error of the build itself; please report it"))
    })?;

    let mut entries = Vec::new();
    let mut depths = Vec::new();
    let mut packed = Packed::new(app.memories[layout::FLASH].address);
    for (index, task) in app.tasks.iter().enumerate() {
        let output = folder.join(format!("{}.elf", task.name));
        let addresses = link::Addresses::placed(&layout.tasks[index]);
        link::link(&lld, arch, &app, task, &objects[index], &output, &addresses)?;
        let mut bytes = read(&output)?;
        if elf::measure(arch, task, &bytes)? != needs[index] {
            return Err(Error::task(
                &task.name,
                "its size depends on its address, so it does not fit where it was to go",
                "this is an error of the build itself; please report it",
            ));
        }
        elf::patch_slots(arch, &app, task, &mut bytes)?;
        write(&output, &bytes)?;
        entries.push(elf::entry(arch, task, &bytes)?);
        let depth = deep_enough(&app, task, &bytes)?;
        warnings.extend(accepted_depth(task, &depth).map(|text| (task.name.clone(), text)));
        depths.push(depth);
        for (address, bytes) in elf::loadable(arch, task, &bytes)? {
            no_folders(request, task, &bytes)?;
            packed.put(address, &bytes);
        }
    }

    let table_bytes: Vec<u8> = tables
        .words
        .iter()
        .flat_map(|word| word.to_le_bytes())
        .collect();
    let mut id = hash::Hash::default();
    id.write(&packed.bytes);
    id.write(&table_bytes);
    let id = id.finish();
    let size = packed.bytes.len();
    write(&request.out.join("task_images.bin"), &packed.bytes)?;
    write(&request.out.join("translation_tables.bin"), &table_bytes)?;
    write(
        &request.out.join("image.rs"),
        generate::image_rs(&app, &layout, &tables, &entries, id, size).as_bytes(),
    )?;
    let script = arch.script(&app, &layout, &tables, size);
    write(&request.out.join(script.name), script.text.as_bytes())?;

    let report = Report::new(&app, &layout, &tables, &needs, &entries, depths, id);
    write(&folder.join("layout.json"), report.to_json()?.as_bytes())?;
    log::say(&format!("composed {}: {}", app.name, report.summary()));
    Ok(Composed {
        app,
        report,
        warnings,
    })
}

/// The folder below cargo's `target` where tasks are compiled. All images share it: most of their tasks are the same, and
/// what tasks have in common is compiled once.
#[must_use]
pub fn tasks_dir(target: &Path) -> PathBuf {
    target.join("tasks")
}

/// Refuses bytes that name a folder of this machine: they would differ on another, and tell who built them.
fn no_folders(request: &Request, task: &manifest::Task, bytes: &[u8]) -> Result<(), Error> {
    for folder in environment::folders(request) {
        let name = folder.to_string_lossy().into_owned();
        // A folder as short as `/` is in any bytes.
        if name.len() < 5 {
            continue;
        }
        if let Some(at) = bytes
            .windows(name.len())
            .position(|window| window == name.as_bytes())
        {
            let text = bytes[at..]
                .iter()
                .take_while(|byte| byte.is_ascii_graphic() || **byte == b' ')
                .take(120);
            let text: String = text.map(|byte| char::from(*byte)).collect();
            return Err(Error::task(
                &task.name,
                format!("its binary holds a path of this machine: `{text}`"),
                "let no source put a path into the program (`env!(\"OUT_DIR\")` and the like)",
            ));
        }
    }
    Ok(())
}

/// How deep the task's stack can get; more than its `stacksize` is refused, unless the manifest accepts it.
fn deep_enough(app: &App, task: &manifest::Task, bytes: &[u8]) -> Result<stack::Depth, Error> {
    if !app.architecture().proves_stacks() {
        return Ok(stack::Depth::unknown());
    }
    let depth = stack::depth(bytes, &[]).map_err(|fault| {
        Error::task(
            &task.name,
            format!("its stack depth is not known: {fault}"),
            "please report it",
        )
    })?;
    judge(task, depth)
}

fn judge(task: &manifest::Task, depth: stack::Depth) -> Result<stack::Depth, Error> {
    let accepted = task.accepted_stack_depth.unwrap_or(0);
    if depth.bytes <= task.stacksize.max(accepted) {
        return Ok(depth);
    }
    Err(Error::task(
        &task.name,
        format!(
            "its stack can get {} bytes deep, and `stacksize` is {}; the deepest way:{}",
            depth.bytes,
            task.stacksize,
            depth.way()
        ),
        format!(
            "raise `stacksize` of [tasks.{}] to {} or more, or keep large values out of these functions; if you know that it never \
             gets that deep, write `accepted-stack-depth = {}`",
            task.name,
            depth.bytes.next_multiple_of(64),
            depth.bytes
        ),
    ))
}

/// The warning about a stack that can get deeper than it is, and was accepted so.
fn accepted_depth(task: &manifest::Task, depth: &stack::Depth) -> Option<String> {
    (depth.bytes > task.stacksize).then(|| {
        format!(
            "its stack can get {} bytes deep, and `stacksize` is {}; `accepted-stack-depth` lets that pass, and a task that does get \
             there faults",
            depth.bytes, task.stacksize
        )
    })
}

/// How deep the kernel's stack can get, from the finished image; more than its `stacksize` is refused. Only whoever links the
/// kernel can ask: what is composed here is still to become part of it.
///
/// # Errors
///
/// It can get too deep, or is not known; the message says how, and what to do.
pub fn kernel_deep_enough(app: &App, image: &[u8]) -> Result<stack::Depth, Error> {
    if !app.architecture().proves_stacks() {
        return Ok(stack::Depth::unknown());
    }
    let depth = stack::kernel_depth(image).map_err(|fault| {
        Error::Machine(format!(
            "the kernel's stack depth is not known: {fault}\n    remedy: please report it"
        ))
    })?;
    if depth.bytes <= app.kernel.stacksize {
        return Ok(depth);
    }
    Err(Error::Machine(format!(
        "{}: [kernel], key `stacksize`: the kernel's stack can get {} bytes deep, and this is {}; the deepest way:{}\n    remedy: \
         raise it to {} or more",
        app.files[0],
        depth.bytes,
        app.kernel.stacksize,
        depth.way(),
        depth.bytes.next_multiple_of(64)
    )))
}

/// The bytes of all tasks, from the start of their memory on.
struct Packed {
    base: u32,
    bytes: Vec<u8>,
}

impl Packed {
    fn new(base: u32) -> Self {
        Self {
            base,
            bytes: Vec::new(),
        }
    }

    fn put(&mut self, address: u32, bytes: &[u8]) {
        let start = (address - self.base) as usize;
        let end = start + bytes.len();
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.bytes[start..end].copy_from_slice(bytes);
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|error| Error::file("read", path, error))
}

/// Writes a file and the folders above it. A file that already has these bytes is left alone, so that nothing that
/// depends on it is built again.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| Error::file("create", folder, error))?;
    }
    fs::write(path, bytes).map_err(|error| Error::file("write", path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (U2) A bound can be far from what happens, where formatting recurses; who knows better can say so.
    #[test]
    fn u2_a_depth_can_be_accepted() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let app = manifest::load(&root, "app.toml").unwrap();
        let mut task = app.tasks[1].clone();
        task.stacksize = 2048;
        let deep = |bytes| stack::Depth {
            bytes,
            ..stack::Depth::default()
        };
        assert_eq!(judge(&task, deep(2048)).unwrap().bytes, 2048);
        let refused = judge(&task, deep(76_584)).unwrap_err().to_string();
        assert!(refused.contains("76584 bytes deep"), "{refused}");
        assert!(
            refused.contains("`accepted-stack-depth = 76584`"),
            "{refused}"
        );

        task.accepted_stack_depth = Some(76_584);
        let accepted = judge(&task, deep(76_584)).unwrap();
        let warning = accepted_depth(&task, &accepted).unwrap();
        assert!(warning.contains("`stacksize` is 2048"), "{warning}");
        assert!(judge(&task, deep(76_585)).is_err(), "no more than that");
        assert_eq!(accepted_depth(&task, &deep(2048)), None);
    }
}
