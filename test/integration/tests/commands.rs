// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The commands that show what an image is do what they say.

use std::fs;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use inspect::archive::{self, Archive};
use object::Object as _;
use test_integration::debugger::{Debugger, free_port};
use test_integration::{LIMIT, Turn, image, row, xtask};
use xtask::workspace;

const TASKS: [&str; 7] = [
    "jefe",
    "uart",
    "virtio_scmi",
    "power",
    "thermal",
    "console",
    "idle",
];

/// What a command printed that had to succeed.
fn printed(arguments: &[&str]) -> String {
    let outcome = xtask(arguments);
    assert!(outcome.success(), "{arguments:?}: {}", outcome.output);
    outcome.output
}

#[test]
fn graph_draws_the_tasks_and_who_calls_whom() {
    let text = printed(&["graph"]);
    assert!(text.contains("digraph"), "{text}");
    for task in TASKS {
        assert!(text.contains(task), "no {task} in {text}");
    }
    let calls = |from: &str, to: &str| {
        let edge = format!("\"{from}\" -> \"{to}\"");
        text.lines().any(|line| line.trim().starts_with(&edge))
    };
    assert!(calls("console", "virtio_scmi"), "{text}");
    assert!(!calls("virtio_scmi", "console"), "{text}");

    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, mark) in [("tasks.svg", "<svg"), ("tasks.dot", "digraph")] {
        let path = folder.path().join(name);
        printed(&["graph", "-o", path.to_str().expect("is text")]);
        let drawing = fs::read_to_string(&path).expect("the drawing is there");
        assert!(drawing.contains(mark) && drawing.contains("virtio_scmi"));
    }
    let wrong = xtask(&["graph", "-o", "tasks.png"]);
    assert!(
        !wrong.success() && wrong.output.contains(".svg"),
        "{}",
        wrong.output
    );
}

#[test]
fn sizes_adds_up() {
    let text = printed(&["sizes"]);
    let total = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        let line = line.unwrap_or_else(|| panic!("no {name} in\n{text}"));
        let numbers: Vec<u64> = line
            .split_whitespace()
            .skip(1)
            // Behind them stands the change since the sizes were kept.
            .take(6)
            .map_while(|word| word.parse().ok())
            .collect();
        assert_eq!(numbers.len(), 6, "{line}");
        assert_eq!(numbers[..5].iter().sum::<u64>(), numbers[5], "{line}");
        numbers[5]
    };
    let names = text
        .lines()
        .skip_while(|line| !line.starts_with("bytes"))
        .skip(1)
        .map_while(|line| line.split_whitespace().next())
        .take_while(|name| *name != "all");
    assert_eq!(names.map(total).sum::<u64>(), total("all"), "{text}");
    for task in TASKS.into_iter().chain(["kernel"]) {
        assert!(total(task) > 0);
    }
    assert!(text.contains("given out"), "how full memories are: {text}");
}

#[test]
fn print_knows_the_map_the_tasks_and_the_environment() {
    let map = printed(&["print", "map"]);
    for (owner, what) in [
        ("kernel", "translation tables"),
        ("virtio_scmi", "virtio_mmio"),
    ] {
        assert!(
            map.lines()
                .any(|line| line.contains(owner) && line.contains(what)),
            "no {what} of {owner} in\n{map}"
        );
    }
    // Nothing is writable and executable.
    assert!(!map.contains("rwx"), "{map}");
    let tasks = printed(&["print", "tasks"]);
    assert!(tasks.contains("bit 0  fault"), "{tasks}");
    let environment = printed(&["print", "env", "console"]);
    assert!(
        environment.contains("HUBRIS_TASK_NAME=console"),
        "{environment}"
    );
    for line in printed(&["print", "paths"])
        .lines()
        .filter(|line| line.contains(".elf"))
    {
        let path = line.split_whitespace().last().expect("a path");
        assert!(workspace::root().join(path).is_file(), "{line}");
    }
    let unknown = xtask(&["print", "env", "nobody"]);
    assert!(
        !unknown.success() && unknown.output.contains("virtio_scmi"),
        "the tasks there are: {}",
        unknown.output
    );
}

#[test]
fn dist_packs_the_image_and_says_where() {
    let text = printed(&["dist"]);
    let path = row(&text, "archive").and_then(|line| line.split_whitespace().last());
    let path = workspace::root().join(path.expect("it says where"));
    let archive = Archive::open(&path).expect("the archive is there");
    for name in ["chip.toml", "memory.toml", "git-rev", "info/layout.json"] {
        assert!(
            !archive.file(name).expect(name).is_empty(),
            "{name} is empty"
        );
    }
    for task in TASKS {
        let program = archive.file(&archive::task(task)).expect(task);
        assert!(program.starts_with(b"\x7fELF"), "{task}");
    }
    let manifest = archive.text(archive::APP).expect("the manifest is there");
    assert!(
        manifest.contains("[tasks.thermal.config.zones.gpu]"),
        "{manifest}"
    );
    let elf = fs::read(image().elf).expect("the image is there");
    assert_eq!(archive.file(archive::IMAGE).ok(), Some(&*elf));
    let id = inspect::build_id(&elf).expect("the image has a build id");
    assert_eq!(
        archive.text(archive::BUILD_ID).ok(),
        Some(&*format!("{id}\n"))
    );
}

/// `cargo xtask gdb --listen`; what it started ends with it.
struct Listening(Child);

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn gdb_boots_paused_and_knows_all_symbols() {
    let _turn = Turn::take();
    let port = free_port().expect("a free port");
    let image = image();
    let script = image.folder.join("gdb.script");
    let _ = fs::remove_file(&script);
    // cargo becomes the command that it runs, so what is killed in the end is that.
    let mut command = workspace::cargo();
    command
        .args(["run", "--quiet", "--bin", "xtask", "--"])
        .args(["gdb", "--listen", "--platform", "none", "--port"])
        .arg(port.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let _listening = Listening(command.spawn().expect("the command starts"));

    let start = Instant::now();
    // It is there once the command has done all that it does with the machine.
    while !script.exists() {
        assert!(
            start.elapsed() < 5 * LIMIT,
            "there is no {}",
            script.display()
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    let mut debugger = Debugger::connect(port).expect("the machine listens");
    assert!(debugger.ask("?").starts_with('T'), "it is paused");
    assert_eq!(
        debugger.ask("qqemu.PhyMemMode"),
        "1",
        "all memory can be seen"
    );
    let elf = fs::read(&image.elf).expect("the image is there");
    let entry = object::File::parse(&*elf).expect("is an ELF").entry() as u32;
    let wanted = format!("{:08x}", entry.swap_bytes());
    assert_eq!(debugger.ask("pf"), wanted, "not one instruction has run");

    let script = fs::read_to_string(&script).expect("the script is there");
    let loaded: Vec<_> = script
        .lines()
        .filter_map(|line| line.strip_prefix("add-symbol-file "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(loaded.len(), TASKS.len() + 1, "{script}");
    for path in loaded {
        let symbols = fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!(symbols.starts_with(b"\x7fELF"), "{path}");
    }
}
