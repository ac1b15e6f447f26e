// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `cargo xtask print`: what the build knows.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use compose::Report;
use compose::report::Span;

use crate::{image, run, workspace};

/// What `print` can be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
    /// The manifest of the image
    #[arg(long, global = true, default_value = image::DEFAULT_APP)]
    app: PathBuf,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum What {
    /// The memory map: who has what, and what they may do with it
    Map,
    /// The tasks: priority, notifications, interrupts, slots
    Tasks,
    /// The clients of the SCMI driver, and the command slots that are promised to them
    Clients,
    /// Where the image, its tasks and their layout are
    Paths,
    /// The environment in which a task is built
    Env {
        /// The task
        task: String,
    },
}

/// Runs the command.
///
/// # Errors
///
/// The image cannot be built, or the task is unknown.
pub fn run(arguments: &Arguments) -> Result<()> {
    if let What::Env { task } = &arguments.what {
        return environment(&arguments.app, task);
    }
    if let What::Clients = arguments.what {
        let app = image::load(&image::resolve_app(&arguments.app)?)?;
        print!("{}", clients(&app));
        return Ok(());
    }
    let image = run::build(&arguments.app)?;
    let report = image.report()?;
    match arguments.what {
        What::Map => print!("{}", map(&report)),
        What::Tasks => print!("{}", tasks(&report)),
        What::Paths => {
            println!("image   {}", workspace::shown(&image.elf));
            println!(
                "layout  {}",
                workspace::shown(&image.folder.join(image::LAYOUT))
            );
            for task in &report.tasks {
                println!(
                    "{:<7} {}",
                    task.name,
                    workspace::shown(&image.folder.join(&task.elf))
                );
            }
        }
        What::Clients | What::Env { .. } => {}
    }
    Ok(())
}

fn environment(app: &Path, name: &str) -> Result<()> {
    let app = image::load(&image::resolve_app(app)?)?;
    let task = app.task(name).with_context(|| {
        let known: Vec<_> = app.tasks.iter().map(|task| task.name.as_str()).collect();
        format!("there is no task `{name}`; there are {}", known.join(", "))
    })?;
    for (key, value) in compose::environment::of_task(&app, task)? {
        println!("{key}={}", value.trim_end().replace('\n', "\n    "));
    }
    Ok(())
}

/// Who may use the SCMI driver, and how many of its command slots each is promised.
fn clients(app: &manifest::App) -> String {
    let Some(scmi) = &app.scmi else {
        return String::from("the image has no [config.scmi]\n");
    };
    let mut text = String::new();
    for (name, client) in &scmi.clients {
        let protocols = match &client.protocols {
            manifest::Protocols::All => String::from("all protocols"),
            manifest::Protocols::Listed(listed) => {
                let numbers: Vec<_> = listed.iter().map(|id| format!("{id:#04x}")).collect();
                format!("protocols {}", numbers.join(", "))
            }
        };
        let slots = client.slots;
        let plural = if slots == 1 { "" } else { "s" };
        text.push_str(&format!(
            "{name:<14} {slots:>4} slot{plural}, {protocols}\n"
        ));
    }
    text.push_str(&format!("{}\n", scmi.slots()));
    text
}

/// Every range that somebody has, by address.
fn map(report: &Report) -> String {
    let kernel = &report.kernel;
    let mut rows: Vec<(Span, &str, &str, String)> = vec![
        (kernel.text, "r-x--", "kernel", "text".into()),
        (kernel.rodata, "r----", "kernel", "rodata".into()),
        (
            kernel.tables,
            "r----",
            "kernel",
            "translation tables".into(),
        ),
        (kernel.ram, "rw---", "kernel", "stacks, variables".into()),
    ];
    for task in &report.tasks {
        for region in &task.regions {
            let span = Span {
                base: region.base,
                size: region.size,
            };
            rows.push((span, &region.access, &task.name, region.name.clone()));
        }
    }
    rows.sort_by_key(|(span, ..)| (span.base, span.size));
    let mut text = String::from("first      last       size     access  owner          what\n");
    for (span, access, owner, what) in rows.into_iter().filter(|(span, ..)| span.size > 0) {
        text.push_str(&format!(
            "{:#010x} {:#010x} {:>8} {access:<7} {owner:<14} {what}\n",
            span.base,
            span.base + (span.size - 1),
            span.size
        ));
    }
    text.push_str("access: read, write, execute, device registers, memory that a device uses\n");
    text
}

fn tasks(report: &Report) -> String {
    let mut text = String::new();
    for task in &report.tasks {
        text.push_str(&format!(
            "{:>2} {:<14} priority {}, {}\n",
            task.index, task.name, task.priority, task.package
        ));
        for (bit, notification) in task.notifications.iter().enumerate() {
            let source: Vec<_> = task
                .interrupts
                .iter()
                .filter(|(_, bound)| *bound == notification)
                .map(|(interrupt, _)| format!("interrupt {interrupt}"))
                .collect();
            text.push_str(&format!(
                "     bit {bit:<2} {notification} {}\n",
                source.join(", ")
            ));
        }
        for (slot, target) in &task.task_slots {
            text.push_str(&format!("     slot {slot} is {target}\n"));
        }
    }
    text.lines()
        .map(|line| line.trim_end().to_owned() + "\n")
        .collect()
}

#[cfg(test)]
mod tests {
    use compose::report::RegionReport;

    use super::*;

    #[test]
    fn the_map_is_in_the_order_of_addresses() {
        let mut report = crate::sizes::tests::report();
        report.kernel.text = Span {
            base: 0x4010_0000,
            size: 0x1000,
        };
        report.tasks[0].regions.push(RegionReport {
            name: "uart".into(),
            base: 0x0900_0000,
            size: 0x1000,
            access: "rw-d-".into(),
        });
        let text = map(&report);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines[1],
            "0x09000000 0x09000fff     4096 rw-d-   jefe           uart"
        );
        assert!(
            text.contains("0x40100000 0x40100fff     4096 r-x--   kernel         text"),
            "{text}"
        );
    }

    #[test]
    fn s01_the_sum_of_the_slots_is_shown() {
        let text = clients(&image::load(image::DEFAULT_APP).unwrap());
        assert!(
            text.contains("console           8 slots, all protocols\n"),
            "{text}"
        );
        assert!(
            text.contains("thermal           2 slots, protocols 0x13, 0x15, 0x18\n"),
            "{text}"
        );
        assert!(
            text.ends_with(
                "14 of 32 command slots are promised: 12 to clients, 2 to the driver itself\n"
            ),
            "{text}"
        );
    }

    #[test]
    fn a_task_shows_where_its_notifications_come_from() {
        let mut report = crate::sizes::tests::report();
        report.tasks[1].notifications = vec!["scmi-irq".into(), "timer".into()];
        report.tasks[1]
            .interrupts
            .insert("virtio_mmio.slot31".into(), "scmi-irq".into());
        report.tasks[1]
            .task_slots
            .insert("sup".into(), "jefe".into());
        let text = tasks(&report);
        assert!(text.contains("     bit 0  scmi-irq interrupt virtio_mmio.slot31\n     bit 1  timer\n     slot sup is jefe\n"), "{text}");
    }
}
