// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Peripherals and interrupts: that they exist, and that each has one owner.

use std::collections::BTreeMap;

use crate::app::App;
use crate::problem::Problem;
use crate::schema::{KernelUse, Peripheral};
use crate::suggest::among;

/// `uses` names peripherals, and no two tasks share one.
pub fn peripherals_used(app: &App) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
    for task in &app.tasks {
        for name in &task.uses {
            if !app.peripherals.contains_key(name) {
                problems.push(app.task_problem(
                    &task.name,
                    "uses",
                    format!("the chip has no peripheral `{name}`"),
                    among(name, app.peripherals.keys().map(String::as_str)),
                ));
                continue;
            }
            if let Some(owner) = owners.insert(name, &task.name) {
                let fault = if owner == task.name {
                    format!("`{name}` is listed twice")
                } else {
                    format!(
                        "`{name}` already belongs to task `{owner}`: two drivers would disturb each other"
                    )
                };
                problems.push(app.task_problem(
                    &task.name,
                    "uses",
                    fault,
                    "let one task own it, and serve the others by IPC",
                ));
            }
        }
    }
    for name in &app.kernel.uses {
        if !app.peripherals.contains_key(name) {
            problems.push(app.problem(
                &["kernel", "uses"],
                format!("the chip has no peripheral `{name}`"),
                among(name, app.peripherals.keys().map(String::as_str)),
            ));
        }
    }
    problems
}

/// What the kernel uses while tasks run belongs to no task: with the interrupt controller, a task could stop or forge every
/// interrupt of the others.
pub fn kernels_own(app: &App) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, peripheral) in &app.peripherals {
        let used = app.kernel.uses.contains(name);
        let exclusive = peripheral.kernel.map_or(used, KernelUse::is_exclusive);
        if !exclusive {
            continue;
        }
        if !used {
            problems.push(app.problem(
                &["kernel", "uses"],
                format!("the kernel cannot work without `{name}`, and `uses` does not list it"),
                format!("add \"{name}\""),
            ));
        }
        for task in app.tasks.iter().filter(|task| task.uses.contains(name)) {
            problems.push(app.task_problem(
                &task.name,
                "uses",
                format!("`{name}` is the kernel's own: a task that has it rules over all others"),
                format!("remove it, and let the kernel use `{name}` for the task"),
            ));
        }
    }
    problems
}

/// The chip has one of each device that the kernel cannot do without, and no more than one of any: the image tells the kernel one
/// address for each.
pub fn kernels_devices(app: &App) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (role, key) in KernelUse::REQUIRED {
        let has = |peripheral: &Peripheral| peripheral.kernel == Some(role);
        if !app.peripherals.values().any(has) {
            problems.push(app.problem(
                &["chip"],
                format!("the chip has no peripheral that is the kernel's `{key}`"),
                format!("add `kernel = \"{key}\"` to it in chip.toml"),
            ));
        }
    }
    let mut names: BTreeMap<KernelUse, &str> = BTreeMap::new();
    for (name, peripheral) in &app.peripherals {
        if let Some(role) = peripheral.kernel
            && let Some(first) = names.insert(role, name)
        {
            problems.push(app.problem(
                &["chip"],
                format!("`{first}` and `{name}` are the same to the kernel"),
                "remove `kernel` from one of them in chip.toml",
            ));
        }
    }
    problems
}

/// A task that gets an interrupt owns the peripheral that raises it: nobody else could make the line go down again.
pub fn sources(app: &App) -> Vec<Problem> {
    let mut problems = Vec::new();
    for task in &app.tasks {
        for name in task.interrupts.keys() {
            let Some((peripheral, _)) = name.split_once('.') else {
                continue;
            };
            if !app.peripherals.contains_key(peripheral)
                || task.uses.iter().any(|used| used == peripheral)
            {
                continue;
            }
            let remedy = match app
                .tasks
                .iter()
                .find(|other| other.uses.iter().any(|used| used == peripheral))
            {
                Some(owner) => format!(
                    "let its owner, task `{}`, have the interrupt and post a notification to this one",
                    owner.name
                ),
                None => format!("add `{peripheral}` to `uses`"),
            };
            problems.push(app.task_problem(
                &task.name,
                &format!("interrupts\u{0}{name}"),
                format!("the task does not use `{peripheral}`, so it cannot serve its interrupt"),
                remedy,
            ));
        }
    }
    problems
}

/// An interrupt is one of the chip's, and its notification is one of the task's, with a name that says so.
pub fn mappings(app: &App) -> Vec<Problem> {
    let mut problems = Vec::new();
    for task in &app.tasks {
        for (name, notification) in &task.interrupts {
            let key = format!("interrupts\u{0}{name}");
            match name.split_once('.') {
                None => problems.push(app.task_problem(
                    &task.name,
                    &key,
                    "it does not say which interrupt of which peripheral it is",
                    "write `\"peripheral.interrupt\" = \"x-irq\"`",
                )),
                Some((peripheral, line)) => match app.peripherals.get(peripheral) {
                    None => problems.push(app.task_problem(
                        &task.name,
                        &key,
                        format!("the chip has no peripheral `{peripheral}`"),
                        among(peripheral, app.peripherals.keys().map(String::as_str)),
                    )),
                    Some(known) if !known.interrupts.contains_key(line) => {
                        problems.push(app.task_problem(
                            &task.name,
                            &key,
                            format!("`{peripheral}` has no interrupt `{line}`"),
                            among(line, known.interrupts.keys().map(String::as_str)),
                        ))
                    }
                    Some(_) => {}
                },
            }
            if !notification.ends_with("-irq") {
                problems.push(app.task_problem(
                    &task.name,
                    &key,
                    format!("`{notification}` does not end in `-irq`, so its readers would not know that hardware posts it"),
                    format!("call it `{notification}-irq`, here and in `notifications`"),
                ));
            }
            if !task.notifications.contains(notification) {
                problems.push(app.task_problem(
                    &task.name,
                    &key,
                    format!(
                        "it posts `{notification}`, which is not among the task's notifications"
                    ),
                    format!(
                        "add `{notification}` to `notifications`; {}",
                        among(notification, task.notifications.iter().map(String::as_str))
                    ),
                ));
            }
        }
    }
    problems
}

/// An interrupt reaches one task.
pub fn owners(app: &App) -> Vec<Problem> {
    let mut problems = Vec::new();
    let interrupts = app.interrupts();
    for pair in interrupts.windows(2) {
        if let [first, second] = pair
            && first.intid == second.intid
        {
            let (owner, other) = (&app.tasks[first.task].name, &app.tasks[second.task].name);
            problems.push(app.task_problem(
                other,
                &format!("interrupts\u{0}{}", second.name),
                format!(
                    "interrupt {} already reaches task `{owner}`, as `{}`",
                    first.intid, first.name
                ),
                "let one task have it, and post a notification to the other",
            ));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use crate::schema::{KernelUse, Trigger};
    use crate::testing::{accepts, refuses, refuses_chip};

    const CLIENT: &str = "notifications = [\"input\"]";

    #[test]
    fn peripherals_exist() {
        let text = refuses(
            &[("uses = [\"uart\"]", "uses = [\"uarts\"]")],
            "task `uart`, key `uses`: the chip has no peripheral `uarts`",
        );
        assert!(text.contains("did you mean `uart`?"), "{text}");
    }

    #[test]
    fn the_kernels_peripherals_exist() {
        refuses(
            &[(
                "uses = [\"gic\", \"gic_cpu\"]",
                "uses = [\"gik\", \"gic_cpu\"]",
            )],
            "[kernel], key `uses`: the chip has no peripheral `gik`",
        );
    }

    #[test]
    fn a_peripheral_has_one_owner() {
        refuses(
            &[(CLIENT, &format!("{CLIENT}\nuses = [\"uart\"]"))],
            "task `client`, key `uses`: `uart` already belongs to task `uart`",
        );
        refuses(
            &[("uses = [\"uart\"]", "uses = [\"uart\", \"uart\"]")],
            "`uart` is listed twice",
        );
    }

    #[test]
    fn the_kernel_and_a_task_may_share_what_is_for_last_words() {
        accepts(&[(
            "uses = [\"gic\", \"gic_cpu\"]",
            "uses = [\"gic\", \"gic_cpu\", \"uart\"]",
        )]);
    }

    #[test]
    fn no_task_has_what_the_kernel_uses() {
        let own = "`gic` is the kernel's own: a task that has it rules over all others";
        let client = format!("{CLIENT}\nuses = [\"gic\"]");
        refuses(
            &[(CLIENT, &client)],
            &format!("task `client`, key `uses`: {own}"),
        );
        // Nor without the kernel's saying that it uses it.
        let text = refuses(
            &[
                ("uses = [\"gic\", \"gic_cpu\"]", "uses = [\"gic_cpu\"]"),
                (CLIENT, &client),
            ],
            own,
        );
        assert!(
            text.contains("key `uses`: the kernel cannot work without `gic`"),
            "{text}"
        );
        // What the chip says nothing about is the kernel's if the kernel uses it.
        refuses(
            &[
                (
                    "uses = [\"gic\", \"gic_cpu\"]",
                    "uses = [\"gic\", \"gic_cpu\", \"rtc\"]",
                ),
                (CLIENT, &format!("{CLIENT}\nuses = [\"rtc\"]")),
            ],
            "task `client`, key `uses`: `rtc` is the kernel's own",
        );
    }

    #[test]
    fn the_kernels_devices_are_the_chips_word() {
        let role = "kernel = \"gicv2-cpu\"";
        refuses_chip(
            &[(role, "")],
            "the chip has no peripheral that is the kernel's `gicv2-cpu`",
        );
        refuses_chip(
            &[(role, "kernel = \"gicv2-distributor\"")],
            "`gic` and `gic_cpu` are the same to the kernel",
        );
        refuses_chip(&[(role, "kernel = \"gicv3\"")], "gicv3");
        let app = accepts(&[]);
        for (role, address) in [
            (KernelUse::Gicv2Distributor, Some(0x0800_0000)),
            (KernelUse::Gicv2Cpu, Some(0x0801_0000)),
            // The chip has one, and the kernel does not use it.
            (KernelUse::Pl011LastWords, None),
        ] {
            assert_eq!(app.kernel_device(role), address, "{role:?}");
        }
    }

    #[test]
    fn an_interrupt_comes_with_its_peripheral() {
        let client =
            "notifications = [\"input\", \"x-irq\"]\ninterrupts = { \"rtc.irq\" = \"x-irq\" }";
        let text = refuses(
            &[(CLIENT, client)],
            "task `client`, key `interrupts.rtc.irq`: the task does not use `rtc`",
        );
        assert!(text.contains("add `rtc` to `uses`"), "{text}");
        accepts(&[(CLIENT, &format!("{client}\nuses = [\"rtc\"]"))]);
        let text = refuses(
            &[(
                CLIENT,
                "notifications = [\"x-irq\"]\ninterrupts = { \"uart.irq\" = \"x-irq\" }",
            )],
            "the task does not use `uart`, so it cannot serve its interrupt",
        );
        assert!(text.contains("let its owner, task `uart`,"), "{text}");
    }

    #[test]
    fn interrupts_exist() {
        let text = refuses(
            &[("\"uart.irq\"", "\"uart.ira\"")],
            "task `uart`, key `interrupts.uart.ira`: `uart` has no interrupt `ira`",
        );
        assert!(text.contains("did you mean `irq`?"), "{text}");
        refuses(
            &[("\"uart.irq\"", "\"uaart.irq\"")],
            "key `interrupts.uaart.irq`: the chip has no peripheral `uaart`",
        );
        refuses(
            &[("\"uart.irq\"", "\"uart\"")],
            "it does not say which interrupt of which peripheral",
        );
    }

    #[test]
    fn an_interrupts_notification_says_so() {
        refuses(
            &[
                ("= \"uart-irq\"", "= \"uart\""),
                ("[\"uart-irq\"]", "[\"uart\"]"),
            ],
            "task `uart`, key `interrupts.uart.irq`: `uart` does not end in `-irq`",
        );
    }

    #[test]
    fn an_interrupts_notification_is_listed() {
        refuses(
            &[("[\"uart-irq\"]", "[\"other-irq\"]")],
            "it posts `uart-irq`, which is not among the task's notifications",
        );
    }

    #[test]
    fn an_interrupt_has_one_owner() {
        refuses(
            &[(
                CLIENT,
                "notifications = [\"input\", \"x-irq\"]\ninterrupts = { \"uart.irq\" = \"x-irq\" }",
            )],
            "task `client`, key `interrupts.uart.irq`: interrupt 33 already reaches task `uart`",
        );
    }

    #[test]
    fn interrupts_resolve_to_numbers() {
        let app = accepts(&[]);
        let list = app.interrupts();
        assert_eq!(list.len(), 1);
        assert_eq!(
            (list[0].intid, list[0].task, list[0].bit, list[0].trigger),
            (33, 1, 1, Trigger::Level)
        );
    }
}
