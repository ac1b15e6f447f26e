// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Composes a project of two tiny tasks that each test makes, and breaks in one place.
//!
//! They are compiled for the target with the cargo that runs the test, so `IMAGE_CARGO_ARGS` counts here as it does in a build.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use compose::{Composed, Error, Request, compose};
use object::{Object, ObjectSection, ObjectSymbol};

const APP: &str = r#"name = "tiny"
target = "armv7a-none-eabi"
board = "board"
chip = "chip"
stacksize = 1024
[kernel]
name = "image"
requires = { text = 0x10000, rodata = 0x8000, ram = 0x8000 }
uses = ["distributor", "cpu"]
[tasks.first]
name = "task-first"
notifications = ["fault"]
priority = 0
start = true
[tasks.second]
name = "task-second"
priority = 1
start = true
notifications = ["poke"]
sections = { queues = "dma" }
task-slots = [{ boss = "first" }]
[tasks.idle]
name = "task-first"
priority = 2
start = true
stacksize = 256
"#;

const CHIP: &str = r#"
[distributor]
address = 0x0800_0000
size = 0x1000
kernel = "gicv2-distributor"
[cpu]
address = 0x0800_1000
size = 0x1000
kernel = "gicv2-cpu"
"#;

const MEMORY: &str = r#"
[[kernel]]
address = 0x4010_0000
size = 0x10_0000
[[flash]]
address = 0x4020_0000
size = 0x10_0000
read = true
execute = true
[[ram]]
address = 0x4030_0000
size = 0x8_0000
read = true
write = true
[[dma]]
address = 0x4038_0000
size = 0x8_0000
read = true
write = true
dma = true
"#;

const WORKSPACE: &str = r#"[workspace]
resolver = "3"
members = ["first", "second"]
[profile.release]
opt-level = "s"
lto = "fat"
codegen-units = 1
panic = "abort"
debug = 2
"#;

const PACKAGE: &str = r#"[package]
name = "task-NAME"
version = "0.1.0"
edition = "2024"
[[bin]]
name = "task-NAME"
"#;

/// What userlib would bring: the entry point and the panic handler.
const COMMON: &str = r#"#![no_std]
#![no_main]
#[unsafe(no_mangle)]
#[unsafe(link_section = ".text.start")]
pub extern "C" fn _start() -> ! {
    main()
}
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    loop {}
}
"#;

const FIRST: &str = r#"
fn main() -> ! {
    loop {
        core::hint::spin_loop();
    }
}
"#;

const SECOND: &str = r#"
use core::sync::atomic::{AtomicU16, AtomicU32, Ordering};

static COUNT: AtomicU32 = AtomicU32::new(0x1234_5678);
static ZERO: AtomicU32 = AtomicU32::new(0);
#[unsafe(link_section = ".queues")]
static QUEUE: [AtomicU32; 1500] = [const { AtomicU32::new(0) }; 1500];
static TABLE: [u16; 300] = { let mut t = [0; 300]; let mut i = 0; while i < 300 { t[i] = i as u16 * 7; i += 1; } t };

#[unsafe(no_mangle)]
static BOSS: AtomicU16 = AtomicU16::new(0x03fe);
#[repr(C)]
struct Slot(&'static AtomicU16, u32, [u8; 4]);
#[used]
#[unsafe(link_section = ".task_slot_table")]
static SLOT: Slot = Slot(&BOSS, 4, *b"boss");

fn main() -> ! {
    loop {
        let n = COUNT.fetch_add(1, Ordering::Relaxed) as usize;
        ZERO.store(u32::from(BOSS.load(Ordering::Relaxed)), Ordering::Relaxed);
        // The compiler must believe that somebody reads all of them.
        core::hint::black_box((&QUEUE, &TABLE, &ZERO, n));
    }
}
"#;

/// A project in a folder of its own.
struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let project = Self { folder };
        project.put("app.toml", APP);
        project.put("chip/chip.toml", CHIP);
        project.put("chip/memory.toml", MEMORY);
        project.put("Cargo.toml", WORKSPACE);
        for (name, main) in [("first", FIRST), ("second", SECOND)] {
            project.put(
                &format!("{name}/Cargo.toml"),
                &PACKAGE.replace("NAME", name),
            );
            project.put(&format!("{name}/src/main.rs"), &format!("{COMMON}{main}"));
        }
        project
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn put(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder above")).expect("folders can be made");
        fs::write(path, text).expect("files can be written");
    }

    fn edit(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path().join(name)).expect("the file was put there");
        assert!(text.contains(from), "{name} has no {from}");
        self.put(name, &text.replacen(from, to, 1));
    }

    fn compose(&self) -> Result<Composed, Error> {
        compose(&Request {
            root: self.path().into(),
            manifest: "app.toml".into(),
            images: self.path().join("target/image"),
            tasks: compose::tasks_dir(&self.path().join("target")),
            out: self.path().join("out"),
            cargo: std::env::var_os("CARGO").unwrap_or("cargo".into()).into(),
            rustc: std::env::var_os("RUSTC").unwrap_or("rustc".into()).into(),
            cargo_args: std::env::var("IMAGE_CARGO_ARGS")
                .unwrap_or_default()
                .split_whitespace()
                .map(String::from)
                .collect(),
            jobs: None,
        })
    }

    fn composed(&self) -> Composed {
        self.compose().unwrap_or_else(|error| panic!("{error}"))
    }

    fn refused(&self) -> String {
        match self.compose() {
            Ok(composed) => panic!("composed: {}", composed.report.summary()),
            Err(error) => error.to_string(),
        }
    }

    fn file(&self, name: &str) -> Vec<u8> {
        let path: PathBuf = self.path().join(name);
        fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}

#[test]
fn tasks_are_linked_where_they_are_loaded() {
    let project = Project::new();
    let composed = project.composed();
    assert!(composed.warnings.is_empty(), "{:?}", composed.warnings);
    let report = composed.report;
    let bytes = project.file("target/image/tiny/second.elf");
    let elf = object::File::parse(&*bytes).unwrap();
    let second = &report.tasks[1];
    let region = |name: &str| {
        second
            .regions
            .iter()
            .find(|region| region.name == name)
            .unwrap()
    };

    assert_eq!(u64::from(second.entry), elf.entry());
    let text = elf.section_by_name(".text").unwrap();
    assert_eq!(text.address(), u64::from(region("text").base));
    assert_eq!(text.size(), u64::from(second.sizes.text));
    let rodata = elf.section_by_name(".rodata").unwrap();
    assert_eq!(rodata.address(), u64::from(region("rodata").base));
    assert!(rodata.size() >= 600);
    let data = elf.section_by_name(".data").unwrap();
    assert_eq!(
        data.address(),
        u64::from(second.stack.base + second.stack.size),
        "variables follow the stack"
    );
    assert_eq!(second.stack.base, region("ram").base, "the stack is lowest");
    let queues = elf.section_by_name(".queues").unwrap();
    assert_eq!(
        (queues.address(), queues.size()),
        (u64::from(region("queues").base), 6000)
    );
    assert_eq!(region("queues").access, "rw--m");

    // What is loaded is what was linked, with the initial value of a variable after the constants.
    let packed = project.file("out/task_images.bin");
    let at = |address: u64| &packed[(address - 0x4020_0000) as usize..];
    assert!(at(text.address()).starts_with(text.data().unwrap()));
    assert!(at(rodata.address()).starts_with(rodata.data().unwrap()));
    let sidata = elf
        .symbol_by_name("__sidata")
        .map(|symbol| symbol.address());
    let sidata = sidata.unwrap_or(rodata.address() + rodata.size());
    assert!(at(sidata).starts_with(data.data().unwrap()));
    assert!(
        data.data()
            .unwrap()
            .windows(4)
            .any(|word| word == 0x1234_5678u32.to_le_bytes())
    );
}

#[test]
fn one_package_may_be_two_tasks() {
    let project = Project::new();
    let report = project.composed().report;
    assert_eq!(report.tasks[0].package, report.tasks[2].package);
    assert_ne!(report.tasks[0].entry, report.tasks[2].entry);
    assert_eq!(report.tasks[2].stack.size, 256);
}

/// Every file below `folder` that belongs to the library `name`, with when it was written.
fn library(folder: &Path, name: &str) -> BTreeMap<PathBuf, SystemTime> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let entry = entry.expect("it can be read");
        let path = entry.path();
        if path.is_dir() {
            found.append(&mut library(&path, name));
        } else if path.to_string_lossy().contains(&format!("lib{name}-")) {
            let written = entry.metadata().and_then(|data| data.modified());
            found.insert(path, written.expect("the time is known"));
        }
    }
    found
}

/// One task in A32, two in T32, and a library in both, which is not compiled again because of the other.
#[test]
fn instruction_sets_do_not_undo_each_other() {
    let project = Project::new();
    project.edit("Cargo.toml", "\"second\"", "\"second\", \"shared\"");
    project.put(
        "shared/Cargo.toml",
        "[package]\nname = \"shared\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
    );
    project.put("shared/src/lib.rs", "#![no_std]\n");
    for name in ["first", "second"] {
        let manifest = format!("{name}/Cargo.toml");
        project.edit(
            &manifest,
            "[[bin]]",
            "[dependencies]\nshared = { path = \"../shared\" }\n[[bin]]",
        );
    }
    project.edit(
        "app.toml",
        "[tasks.idle]",
        "[tasks.idle]\ninstruction-set = \"a32\"",
    );
    let composed = project.composed();
    assert!(composed.warnings.is_empty(), "{:?}", composed.warnings);
    let bits = composed.report.tasks.iter().map(|task| task.entry & 1);
    assert_eq!(Vec::from_iter(bits), [1, 1, 0]);

    let folder = project.path().join("target/tasks");
    let before = library(&folder, "shared");
    let rlibs = before
        .keys()
        .filter(|path| path.extension().is_some_and(|ext| ext == "rlib"));
    assert_eq!(rlibs.count(), 2, "{before:?}");
    for name in ["first", "second"] {
        project.edit(
            &format!("{name}/src/main.rs"),
            "#![no_std]",
            "#![no_std] // again",
        );
    }
    project.composed();
    assert_eq!(library(&folder, "shared"), before);
}

#[test]
fn task_slots_are_bound() {
    let project = Project::new();
    // The second task calls the first, whose index is 0; unbound it would be 0x03fe.
    project.composed();
    let bytes = project.file("target/image/tiny/second.elf");
    let elf = object::File::parse(&*bytes).unwrap();
    let boss = elf.symbol_by_name("BOSS").expect("the slot").address();
    let value = elf.sections().find_map(|section| {
        let data = section.data_range(boss, 2).ok()??;
        Some(u16::from_le_bytes([data[0], data[1]]))
    });
    assert_eq!(value, Some(0));
}

#[test]
fn a_slot_that_the_manifest_does_not_bind_is_refused() {
    let project = Project::new();
    project.edit("app.toml", "{ boss = \"first\" }", "\"first\"");
    let text = project.refused();
    assert!(
        text.contains("task `second`: its source has a task slot `boss`"),
        "{text}"
    );
    assert!(
        text.contains(
            "add `{ boss = \"…\" }` to `task-slots` of [tasks.second] in app.toml (it has: first)"
        ),
        "{text}"
    );
}

#[test]
fn a_section_that_goes_nowhere_is_refused() {
    let project = Project::new();
    project.edit("app.toml", "sections = { queues = \"dma\" }", "");
    let text = project.refused();
    assert!(
        text.contains("task `second`: its section `.queues` goes to no memory"),
        "{text}"
    );
    assert!(
        text.contains("add `sections = { queues = \"dma\" }`"),
        "{text}"
    );
}

#[test]
fn a_notification_that_is_missing_is_named() {
    let project = Project::new();
    project.edit(
        "second/src/main.rs",
        "fn main() -> ! {",
        "mod notifications { pub const POKE_MASK: u32 = 1; pub mod first { pub const FAULT_MASK: u32 = 1; } }\n\
         fn main() -> ! { ZERO.store(notifications::CARD_READY_MASK, Ordering::Relaxed);",
    );
    let text = project.refused();
    assert!(text.contains("task `second` does not build"), "{text}");
    assert!(
        text.contains("second/src/main.rs"),
        "what rustc says is passed on: {text}"
    );
    let advice =
        "remedy: add `card-ready` to `notifications` of [tasks.second] in app.toml (it has: poke)";
    assert!(text.contains(advice), "{text}");

    project.edit(
        "second/src/main.rs",
        "notifications::CARD_READY_MASK",
        "notifications::first::GONE_MASK",
    );
    let text = project.refused();
    assert!(
        text.contains("add `gone` to `notifications` of [tasks.first] in app.toml (it has: fault)"),
        "{text}"
    );
}

#[test]
fn an_error_of_the_compiler_is_passed_on() {
    let project = Project::new();
    project.edit("first/src/main.rs", "spin_loop", "spin_lop");
    let text = project.refused();
    assert!(text.contains("task `first` does not build"), "{text}");
    assert!(
        text.contains("spin_lop") && text.contains("first/src/main.rs"),
        "{text}"
    );
}

#[test]
fn a_package_that_does_not_exist_is_named() {
    let project = Project::new();
    project.edit(
        "app.toml",
        "name = \"task-second\"",
        "name = \"task-secnod\"",
    );
    let text = project.refused();
    assert!(
        text.contains("task `second` does not build") && text.contains("task-secnod"),
        "{text}"
    );
}

#[test]
fn a_warning_of_the_compiler_is_kept() {
    let project = Project::new();
    project.edit(
        "first/src/main.rs",
        "fn main() -> ! {",
        "fn unused() {}\nfn main() -> ! {",
    );
    let composed = project.composed();
    assert!(
        composed
            .warnings
            .iter()
            .any(|(task, warning)| task == "first" && warning.contains("unused"))
    );
}

#[test]
fn a_task_that_outgrows_its_memory_is_refused() {
    let project = Project::new();
    project.edit(
        "app.toml",
        "stacksize = 256",
        "stacksize = 256\nmax-sizes = { flash = 2 }",
    );
    let text = project.refused();
    assert!(
        text.contains("task `idle`: it needs") && text.contains("`max-sizes` allows 2"),
        "{text}"
    );

    project.edit("app.toml", "max-sizes = { flash = 2 }", "");
    project.edit(
        "second/src/main.rs",
        "static QUEUE: [AtomicU32; 1500]",
        "static QUEUE: [AtomicU32; 150000]",
    );
    project.edit(
        "second/src/main.rs",
        "AtomicU32::new(0) }; 1500]",
        "AtomicU32::new(0) }; 150000]",
    );
    let text = project.refused();
    assert!(
        text.contains("task `second`: it needs 602112 bytes of memory `dma`"),
        "{text}"
    );
}

#[test]
fn a_path_of_this_machine_is_refused() {
    let project = Project::new();
    project.edit(
        "second/src/main.rs",
        "fn main() -> ! {",
        "static HERE: &str = env!(\"CARGO_MANIFEST_DIR\");\nfn main() -> ! { core::hint::black_box(HERE);",
    );
    let text = project.refused();
    assert!(
        text.contains("task `second`: its binary holds a path of this machine: `"),
        "{text}"
    );
    assert!(text.contains(&*project.path().to_string_lossy()), "{text}");
}

#[test]
fn a_stack_that_can_overflow_is_refused() {
    let project = Project::new();
    let report = project.composed().report;
    assert!(
        report.tasks[1].depth.bytes <= 1024,
        "{:?}",
        report.tasks[1].depth
    );
    // Sixteen levels of calls that the compiler cannot merge, each with its own buffer.
    let chain: String = (0..16)
        .map(|level| {
            let next = if level == 15 { String::new() } else { format!("level{}(&mut buffer);", level + 1) };
            format!(
                "#[inline(never)]\nfn level{level}(above: &mut [u8]) {{ let mut buffer = [0u8; 100]; buffer[0] = above[0]; {next} core::hint::black_box(&mut buffer); above[1] = buffer[1]; }}\n"
            )
        })
        .collect();
    project.edit(
        "second/src/main.rs",
        "fn main() -> ! {",
        &format!("{chain}\nfn main() -> ! {{ level0(&mut [1; 8]);"),
    );
    let text = project.refused();
    assert!(text.contains("task `second`: its stack can get "), "{text}");
    assert!(
        text.contains("and `stacksize` is 1024; the deepest way:"),
        "{text}"
    );
    assert!(text.contains("level15"), "{text}");
    assert!(
        text.contains("remedy: raise `stacksize` of [tasks.second] to "),
        "{text}"
    );
}

#[test]
fn the_same_sources_give_the_same_bytes_anywhere() {
    let (here, there) = (Project::new(), Project::new());
    let images = [&here, &there].map(|project| {
        let report = project.composed().report;
        let parts = [
            "out/task_images.bin",
            "out/translation_tables.bin",
            "out/image.rs",
            "out/memory.x",
        ];
        let tasks = ["first", "second", "idle"]
            .map(|task| project.file(&format!("target/image/tiny/{task}.elf")));
        (report, parts.map(|part| project.file(part)), tasks)
    });
    assert_eq!(images[0].0, images[1].0);
    assert_eq!(images[0].1, images[1].1);
    let folder = here.path().to_string_lossy().into_owned();
    for (one, two) in images[0].2.iter().zip(&images[1].2) {
        assert!(one == two, "debug information included");
        assert!(
            !one.windows(folder.len())
                .any(|bytes| bytes == folder.as_bytes()),
            "a folder of this machine"
        );
    }
}

#[test]
fn a_change_in_a_variable_builds_the_task_again() {
    let project = Project::new();
    // No file has changed that the task is made from.
    project.edit("second/src/main.rs", "fn main() -> ! {", "static BOARD: &str = env!(\"HUBRIS_BOARD\");\nfn main() -> ! { core::hint::black_box(BOARD);");
    project.composed();
    assert!(holds(&project.file("out/task_images.bin"), b"board"));
    project.edit("app.toml", "board = \"board\"", "board = \"plank\"");
    project.composed();
    assert!(holds(&project.file("out/task_images.bin"), b"plank"));
}

fn holds(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}
