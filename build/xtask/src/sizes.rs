// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `cargo xtask sizes`: what each task and the kernel take of each memory, and how that changed since the last landing,
//! whose sizes are kept in the tree.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;
use compose::Report;
use serde::{Deserialize, Serialize};

use crate::{elf, image, json_file, run, workspace};

/// The sizes of the last landing, relative to the root.
const BASELINE: &str = "doc/sizes.json";

/// What `sizes` can be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// The manifest of the image
    #[arg(long, default_value = image::DEFAULT_APP)]
    app: PathBuf,
    /// Keep these sizes as those of the last landing, in doc/sizes.json
    #[arg(long)]
    save: bool,
}

/// What one task or the kernel needs, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Row {
    /// Instructions.
    pub(crate) text: u32,
    /// Constants, and the initial values of variables.
    pub(crate) rodata: u32,
    /// Variables.
    pub(crate) ram: u32,
    /// Stack.
    pub(crate) stack: u32,
    /// Memory that devices use.
    pub(crate) dma: u32,
}

impl Row {
    fn columns(self) -> [u32; 5] {
        [self.text, self.rodata, self.ram, self.stack, self.dma]
    }

    fn total(self) -> u32 {
        self.columns().iter().sum()
    }

    fn plus(self, other: Self) -> Self {
        Self {
            text: self.text + other.text,
            rodata: self.rodata + other.rodata,
            ram: self.ram + other.ram,
            stack: self.stack + other.stack,
            dma: self.dma + other.dma,
        }
    }
}

/// By image, then by task; `kernel` is the kernel.
type Sizes = BTreeMap<String, BTreeMap<String, Row>>;

/// Runs the command.
///
/// # Errors
///
/// The image cannot be built, or the kept sizes cannot be read or written.
pub fn run(arguments: &Arguments) -> Result<()> {
    let image = run::build(&arguments.app)?;
    let report = image.report()?;
    let mut rows = tasks(&report);
    rows.push((KERNEL.into(), kernel(&image)?));

    let path = workspace::root().join(BASELINE);
    let mut kept = match read(&path) {
        // What is damaged is written anew, and nothing else can be saved of it.
        Err(error) if arguments.save => {
            println!("{error:#}");
            Sizes::new()
        }
        kept => kept?,
    };
    print!("{}", table(&rows, kept.get(&image.name)));
    println!();
    print!("{}", memories(&report));
    if image.app == image::DEFAULT_APP {
        for budget in budgets(&report, kernel(&image)?) {
            print!("{}", budget.show());
        }
    }
    if let Some(scmi) = image::load(&report.manifest)?.scmi {
        println!("{}", scmi.slots());
    }
    for advice in advice(&report) {
        println!("{advice}");
    }
    if arguments.save {
        kept.insert(image.name.clone(), rows.into_iter().collect());
        json_file::write(&path, &kept)?;
        println!("kept in {BASELINE}");
    }
    Ok(())
}

/// The kept sizes; none if there is no such file.
fn read(path: &Path) -> Result<Sizes> {
    json_file::read(path, || {
        format!("{BASELINE} is damaged; --save writes it anew")
    })
}

const KERNEL: &str = "kernel";

pub(crate) fn tasks(report: &Report) -> Vec<(String, Row)> {
    report
        .tasks
        .iter()
        .map(|task| {
            let row = Row {
                text: task.sizes.text,
                rodata: task.sizes.rodata + task.sizes.data,
                ram: task.sizes.data + task.sizes.bss,
                stack: task.sizes.stack,
                dma: task.sizes.sections.values().sum(),
            };
            (task.name.clone(), row)
        })
        .collect()
}

/// The kernel's own sections; the tasks' bytes and the translation tables in the same file are not its code or data.
pub(crate) fn kernel(image: &image::Image) -> Result<Row> {
    let mut row = Row::default();
    for section in elf::sections(&image.elf)? {
        match section.kind {
            elf::Kind::Text => row.text += section.size,
            elf::Kind::Constants => row.rodata += section.size,
            elf::Kind::Variables => row.ram += section.size,
            elf::Kind::Other => {}
        }
    }
    Ok(row)
}

fn table(rows: &[(String, Row)], before: Option<&BTreeMap<String, Row>>) -> String {
    let mut text = line(
        "bytes",
        ["text", "rodata", "ram", "stack", "dma", "total"].map(str::to_owned),
        "since last landing",
    );
    let mut sum = Row::default();
    let mut sum_before = Row::default();
    for (name, row) in rows {
        let old = before.and_then(|before| before.get(name)).copied();
        text.push_str(&row_line(name, *row, old, before.is_some()));
        sum = sum.plus(*row);
        sum_before = sum_before.plus(old.unwrap_or_default());
    }
    for (name, old) in before.into_iter().flatten() {
        if !rows.iter().any(|(row, _)| row == name) {
            text.push_str(&row_line(name, Row::default(), Some(*old), true));
            sum_before = sum_before.plus(*old);
        }
    }
    text.push_str(&row_line(
        "all",
        sum,
        before.map(|_| sum_before),
        before.is_some(),
    ));
    text
}

fn row_line(name: &str, row: Row, old: Option<Row>, compare: bool) -> String {
    let [a, b, c, d, e] = row.columns();
    let change = match (compare, old) {
        (false, _) => String::new(),
        (true, None) => "new".into(),
        (true, Some(old)) => change(old, row),
    };
    line(
        name,
        [a, b, c, d, e, row.total()].map(|number| number.to_string()),
        &change,
    )
}

/// Such as `+120 (text +100, ram +20)`.
fn change(old: Row, new: Row) -> String {
    let difference = |old: u32, new: u32| i64::from(new) - i64::from(old);
    let parts: Vec<_> = ["text", "rodata", "ram", "stack", "dma"]
        .iter()
        .zip(old.columns().into_iter().zip(new.columns()))
        .filter(|(_, (old, new))| old != new)
        .map(|(name, (old, new))| format!("{name} {:+}", difference(old, new)))
        .collect();
    match parts.is_empty() {
        true => "=".into(),
        false => format!(
            "{:+} ({})",
            difference(old.total(), new.total()),
            parts.join(", ")
        ),
    }
}

fn line(name: &str, columns: [String; 6], note: &str) -> String {
    let mut text = format!("{name:<14}");
    for column in columns {
        text.push_str(&format!("{column:>9}"));
    }
    if !note.is_empty() {
        text.push_str(&format!("  {note}"));
    }
    text.push('\n');
    text
}

/// The serial console is for people who try things out: no product has it, and no budget counts it.
const CONSOLE: &str = "console";
/// The task whose code has a budget of its own.
const DRIVER: &str = "virtio_scmi";
/// How much of a budget is to be free, in percent: a budget is not a wall, and what comes next needs room.
const FREE: u32 = 10;

/// What a part of the image that ships should take at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// What it is for.
    pub what: &'static str,
    /// The bytes that it takes.
    pub used: u32,
    /// The budget in bytes.
    pub limit: u32,
}

impl Budget {
    /// Whether as much of it is free as should be.
    #[must_use]
    pub fn has_room(&self) -> bool {
        u64::from(self.used) * 100 <= u64::from(self.limit) * u64::from(100 - FREE)
    }

    fn show(&self) -> String {
        let free = i64::from(self.limit) - i64::from(self.used);
        let percent = free * 100 / i64::from(self.limit);
        let verdict = match self.has_room() {
            true => String::new(),
            false => format!(": less than {FREE} %"),
        };
        format!(
            "budget   {:<11} {:>8} of {:>8} bytes, {percent} % free{verdict}\n",
            self.what, self.used, self.limit
        )
    }
}

/// The budgets: the driver's code, and all code with constants and all memory without the console. `kernel` is the kernel's row.
pub(crate) fn budgets(report: &Report, kernel: Row) -> Vec<Budget> {
    let tasks = tasks(report);
    let shipped = tasks.iter().filter(|(name, _)| name != CONSOLE);
    let sum = shipped.fold(kernel, |sum, (_, row)| sum.plus(*row));
    let driver = tasks.iter().find(|(name, _)| name == DRIVER);
    // Of the kernel what is set aside for it counts, with its stacks and the translation tables.
    let set_aside = report.kernel.ram.size + report.kernel.tables.size;
    let ram = sum.ram + sum.stack + sum.dma - kernel.ram + set_aside;
    [
        ("driver code", driver.map(|(_, row)| row.text), 48),
        ("image text", Some(sum.text + sum.rodata), 160),
        ("image ram", Some(ram), 256),
    ]
    .into_iter()
    .filter_map(|(what, used, kib)| {
        Some(Budget {
            what,
            used: used?,
            limit: kib << 10,
        })
    })
    .collect()
}

/// The budgets of an image that was built.
///
/// # Errors
///
/// What was built of it cannot be read.
pub fn budgets_of(image: &image::Image) -> Result<Vec<Budget>> {
    Ok(budgets(&image.report()?, kernel(image)?))
}

fn memories(report: &Report) -> String {
    let mut text = String::new();
    for (name, memory) in &report.memories {
        let percent = u64::from(memory.used) * 100 / u64::from(memory.size.max(1));
        text.push_str(&format!(
            "{name:<8} {:#010x}  {:>8} of {:>8} bytes given out ({percent} %)\n",
            memory.address, memory.used, memory.size
        ));
    }
    text
}

/// What to look at before it becomes a build error.
#[must_use]
pub fn advice(report: &Report) -> Vec<String> {
    report
        .memories
        .iter()
        .filter(|(_, memory)| u64::from(memory.used) * 10 > u64::from(memory.size) * 9)
        .map(|(name, memory)| {
            format!(
                "memory `{name}` is nearly full: {} of {} bytes; its size is in the chip's memory.toml",
                memory.used, memory.size
            )
        })
        .collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A report of two tasks, for this and other modules' tests.
    pub(crate) fn report() -> Report {
        let task = |name: &str, index: usize, text: u32| {
            format!(
                r#"{{"name":"{name}","index":{index},"package":"p","elf":"{name}.elf","priority":{index},
                "entry":{},"stack":{{"base":1073741824,"size":1024}},
                "sizes":{{"text":{text},"rodata":10,"data":4,"bss":8,"stack":1024,"sections":{{"virtqueues":4096}}}},
                "regions":[],"notifications":[],"interrupts":{{}},"task-slots":{{}}}}"#,
                0x4020_0000 + index * 0x1000
            )
        };
        let span = r#"{"base":1074790400,"size":4096}"#;
        Report::from_json(&format!(
            r#"{{"name":"x","id":"0x0","manifest":"app.toml",
            "kernel":{{"text":{span},"rodata":{span},"tables":{span},"ram":{span}}},
            "memories":{{"ram":{{"address":1076887552,"size":1000,"used":950}}}},
            "tasks":[{},{}]}}"#,
            task("jefe", 0, 100),
            task("driver", 1, 200)
        ))
        .unwrap()
    }

    #[test]
    fn a_row_counts_initial_values_in_both_memories() {
        let rows = tasks(&report());
        let expected = Row {
            text: 100,
            rodata: 14,
            ram: 12,
            stack: 1024,
            dma: 4096,
        };
        assert_eq!(rows[0], ("jefe".to_owned(), expected));
    }

    #[test]
    fn the_change_names_what_grew() {
        let rows = tasks(&report());
        let mut before: BTreeMap<_, _> = rows.iter().cloned().collect();
        before.get_mut("driver").unwrap().text -= 50;
        before.insert(
            "gone".into(),
            Row {
                stack: 7,
                ..Row::default()
            },
        );
        before.remove("jefe");
        let text = table(&rows, Some(&before));
        let line = |name: &str| {
            text.lines()
                .find(|line| line.starts_with(name))
                .unwrap()
                .to_owned()
        };
        assert!(line("driver").ends_with("+50 (text +50)"), "{text}");
        assert!(line("jefe").ends_with("new"), "{text}");
        assert!(line("gone").ends_with("-7 (stack -7)"), "{text}");
        assert!(
            table(&rows, None)
                .lines()
                .skip(1)
                .all(|line| !line.contains(['+', '='])),
            "{text}"
        );
    }

    #[test]
    fn what_is_kept_is_what_the_next_run_compares_with() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sizes.json");
        assert!(read(&path).unwrap().is_empty(), "nothing was kept yet");
        let rows = tasks(&report());
        let kept = Sizes::from([("x".into(), rows.iter().cloned().collect())]);
        json_file::write(&path, &kept).unwrap();
        let kept = read(&path).unwrap();
        let text = table(&rows, kept.get("x"));
        assert!(
            text.lines().skip(1).all(|line| line.ends_with('=')),
            "{text}"
        );
        std::fs::write(&path, "{").unwrap();
        let error = format!("{:#}", read(&path).unwrap_err());
        assert!(error.contains("damaged; --save"), "{error}");
    }

    #[test]
    fn the_tree_keeps_the_sizes_of_the_shipped_image() {
        let kept = read(&workspace::root().join(BASELINE)).unwrap();
        assert!(kept["virtio-scmi"].contains_key(KERNEL));
    }

    #[test]
    fn budgets_count_everything_but_the_console() {
        let mut report = report();
        let kernel = Row {
            text: 1000,
            rodata: 100,
            ram: 9,
            ..Row::default()
        };
        let used = |report: &Report| {
            let budgets = budgets(report, kernel);
            Vec::from_iter(budgets.iter().map(|budget| (budget.what, budget.used)))
        };
        // Each of the two tasks has 14 bytes of constants, 12 of variables, 1024 of stack and 4096 for a device; tables and memory of the
        // kernel are 4096 each, whatever it uses of them.
        let ram = 2 * (12 + 1024 + 4096) + 8192;
        let all = [("image text", 1100 + 300 + 28), ("image ram", ram)];
        assert_eq!(used(&report), all);
        report.tasks[1].name = DRIVER.into();
        assert_eq!(used(&report), [&[("driver code", 200)], &all[..]].concat());
        report.tasks[0].name = CONSOLE.into();
        let rest = [
            ("image text", 1100 + 214),
            ("image ram", ram - 12 - 1024 - 4096),
        ];
        assert_eq!(used(&report)[1..], rest);
    }

    #[test]
    fn a_tenth_of_a_budget_is_to_be_free() {
        let budget = |used| Budget {
            what: "driver code",
            used,
            limit: 1000,
        };
        assert!(budget(900).has_room() && !budget(901).has_room() && !budget(2000).has_room());
        assert_eq!(
            budget(850).show(),
            "budget   driver code      850 of     1000 bytes, 15 % free\n"
        );
        let text = budget(1100).show();
        assert!(text.ends_with("-10 % free: less than 10 %\n"), "{text}");
    }

    #[test]
    fn a_memory_that_is_nearly_full_is_pointed_out() {
        let advice = advice(&report());
        assert!(
            advice.len() == 1 && advice[0].contains("950 of 1000"),
            "{advice:?}"
        );
    }
}
