// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A small manifest that is right, and helpers that break it in one place.

use std::collections::BTreeMap;

use crate::app::App;
use crate::load_from;
use crate::tree::Source;

const APP: &str = r#"name = "test"
target = "armv7a-none-eabi"
board = "board"
chip = "chips/chip"
stacksize = 1024
[kernel]
name = "image"
requires = { text = 0x10000, rodata = 0x8000, ram = 0x8000 }
uses = ["gic", "gic_cpu"]
[tasks.jefe]
name = "task-jefe"
notifications = ["fault", "timer"]
priority = 0
start = true
[tasks.uart]
name = "drv-uart"
priority = 2
start = true
uses = ["uart"]
interrupts = { "uart.irq" = "uart-irq" }
notifications = ["uart-irq"]
[tasks.client]
name = "task-client"
priority = 3
start = true
notifications = ["input"]
task-slots = [{ serial = "uart" }]
[tasks.idle]
name = "task-idle"
priority = 9
start = true
[config.scmi]
vring-size = 64
[config.scmi.clients.client]
protocols = [0x10, 0x15]
slots = 8
notification = "input"
"#;

const CHIP: &str = r#"[gic]
address = 0x0800_0000
size = 0x1_0000
kernel = "gicv2-distributor"
[gic_cpu]
address = 0x0801_0000
size = 0x1_0000
kernel = "gicv2-cpu"
[uart]
address = 0x0900_0000
size = 0x1000
interrupts = { irq = 33 }
kernel = "pl011-last-words"
[rtc]
address = 0x0901_0000
size = 0x1000
interrupts = { irq = 34 }
"#;

const MEMORY: &str = r#"[[kernel]]
address = 0x4010_0000
size = 0x10_0000 # kernel

[[flash]]
address = 0x4020_0000
size = 0x10_0000
read = true
execute = true
[[ram]]
address = 0x4030_0000
size = 0x8_0000 # ram
read = true
write = true
[[dma]]
address = 0x4038_0000
size = 0x8_0000
read = true
write = true
dma = true
"#;

/// Files by name.
#[derive(Clone)]
pub struct Files(pub BTreeMap<String, String>);

impl Source for Files {
    fn read(&self, name: &str) -> Result<String, String> {
        self.0
            .get(name)
            .cloned()
            .ok_or_else(|| "no such file".into())
    }
}

/// The manifest that is right.
pub fn files() -> Files {
    Files(BTreeMap::from([
        ("app.toml".into(), APP.into()),
        ("chips/chip/chip.toml".into(), CHIP.into()),
        ("chips/chip/memory.toml".into(), MEMORY.into()),
    ]))
}

/// The manifest that is right, with changes: of which file, from what, to what.
pub fn files_with(changes: &[(&str, &str, &str)]) -> Files {
    let mut files = files();
    for (file, from, to) in changes {
        let text = files
            .0
            .get_mut(*file)
            .expect("a file of the right manifest");
        assert!(text.contains(from), "the right manifest has no `{from}`");
        *text = text.replacen(from, to, 1);
    }
    files
}

fn edit(file: &str, changes: &[(&str, &str)]) -> Files {
    let mut files = files();
    let text = files.0.get_mut(file).expect("a file of the right manifest");
    for (from, to) in changes {
        assert!(text.contains(from), "the right manifest has no `{from}`");
        *text = text.replacen(from, to, 1);
    }
    files
}

/// What is wrong with `files`, which must hold a problem with `message` in it.
pub fn refusal(files: &Files, message: &str) -> String {
    match load_from(files, "app.toml") {
        Ok(_) => panic!("accepted, where it should say: {message}"),
        Err(problems) => {
            let text = problems.to_string();
            assert!(
                text.contains(message),
                "it says:\n{text}\nand not:\n{message}"
            );
            for problem in &problems.0 {
                assert!(!problem.remedy.is_empty(), "no remedy: {problem}");
            }
            text
        }
    }
}

/// The manifest with these changes is right.
pub fn accepts(changes: &[(&str, &str)]) -> App {
    match load_from(&edit("app.toml", changes), "app.toml") {
        Ok(app) => app,
        Err(problems) => panic!("refused:\n{problems}"),
    }
}

/// The manifest with these changes is refused, with `message`; gives all that is said.
pub fn refuses(changes: &[(&str, &str)], message: &str) -> String {
    refusal(&edit("app.toml", changes), message)
}

/// The same for chip.toml.
pub fn refuses_chip(changes: &[(&str, &str)], message: &str) -> String {
    refusal(&edit("chips/chip/chip.toml", changes), message)
}

/// The same for memory.toml.
pub fn refuses_memory(changes: &[(&str, &str)], message: &str) -> String {
    refusal(&edit("chips/chip/memory.toml", changes), message)
}
