// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Stacks, and which memory a task may ask for.

use crate::app::{App, MemoryOutput, Task};
use crate::problem::Problem;
use crate::suggest::among;

/// Sections that the build lays out itself.
const RESERVED: [&str; 8] = [
    "text",
    "rodata",
    "data",
    "bss",
    "task_slot_table",
    "idolatry",
    "note",
    "comment",
];

fn memory_names(app: &App) -> impl Iterator<Item = &str> {
    app.memories
        .keys()
        .map(String::as_str)
        .filter(|name| *name != "kernel")
}

/// Every task has a stack, in units of what a stack pointer is a multiple of.
pub fn stacks(app: &App) -> Vec<Problem> {
    let alignment = app.architecture().stack_alignment();
    let mut problems = Vec::new();
    for task in &app.tasks {
        let size = task.stacksize;
        if size == 0 {
            problems.push(app.task_problem(
                &task.name,
                "stacksize",
                "it has no stack",
                "add `stacksize = 2048` to the task, or to the top level for all tasks",
            ));
        } else if !size.is_multiple_of(alignment) {
            problems.push(app.task_problem(
                &task.name,
                "stacksize",
                format!(
                    "{size} is no multiple of {alignment}, as the procedure call standard asks"
                ),
                format!("write {}", size.next_multiple_of(alignment)),
            ));
        }
        if let Some(limit) = task.max_sizes.get(&task.ram).filter(|limit| **limit < size) {
            problems.push(app.task_problem(
                &task.name,
                "stacksize",
                format!(
                    "{size} is more than `max-sizes.{}`, {limit}, allows for the whole task",
                    task.ram
                ),
                "raise `max-sizes`, or lower `stacksize`",
            ));
        }
        if let Some(memory) = app
            .memories
            .get(&task.ram)
            .filter(|memory| memory.size < size)
        {
            problems.push(app.task_problem(
                &task.name,
                "stacksize",
                format!(
                    "{size} is more than memory `{}` has, {}",
                    task.ram, memory.size
                ),
                "lower `stacksize`",
            ));
        }
    }
    problems
}

/// Stack and variables go to plain memory, instructions and constants to `flash`.
pub fn memories(app: &App) -> Vec<Problem> {
    let mut problems = Vec::new();
    match app.memories.get("flash") {
        None => problems.push(app.chip_problem(
            &app.memory_tree,
            &["flash"],
            "there is no memory `flash` for the instructions and constants of tasks",
            "add `[[flash]]`",
        )),
        Some(flash) if !flash.read || !flash.execute || flash.write => {
            problems.push(app.chip_problem(
                &app.memory_tree,
                &["flash"],
                "instructions and constants must be readable, executable, and not writable",
                "write `read = true` and `execute = true` only",
            ))
        }
        Some(_) => {}
    }
    for task in &app.tasks {
        let Some(memory) = named(app, task, "default-ram", &task.ram, &mut problems) else {
            continue;
        };
        if !memory.read || !memory.write || memory.dma {
            problems.push(app.task_problem(
                &task.name,
                "default-ram",
                format!("`{}` is no plain memory: stack and variables are read, written, and used in messages", task.ram),
                "name a memory with `read` and `write`, and without `dma`",
            ));
        }
    }
    problems
}

fn named<'a>(
    app: &'a App,
    task: &Task,
    key: &str,
    name: &str,
    problems: &mut Vec<Problem>,
) -> Option<&'a MemoryOutput> {
    let found = app.memories.get(name).filter(|_| name != "kernel");
    if found.is_none() {
        problems.push(app.task_problem(
            &task.name,
            key,
            format!("there is no memory `{name}` for tasks"),
            among(name, memory_names(app)),
        ));
    }
    found
}

/// Sections of their own go to writable memory.
pub fn sections(app: &App) -> Vec<Problem> {
    let mut problems = Vec::new();
    for task in &app.tasks {
        for (section, name) in &task.sections {
            if RESERVED.contains(
                &section
                    .trim_start_matches('.')
                    .split('.')
                    .next()
                    .unwrap_or_default(),
            ) || section.starts_with('.')
            {
                problems.push(app.task_problem(
                    &task.name,
                    &format!("sections\u{0}{section}"),
                    "the build lays this section out itself, or its name begins with a dot",
                    "give the section a name of its own, without the dot: `virtqueues` for `.virtqueues`",
                ));
            }
            let key = format!("sections\u{0}{section}");
            let Some(memory) = named(app, task, &key, name, &mut problems) else {
                continue;
            };
            if !memory.write {
                problems.push(app.task_problem(
                    &task.name,
                    &key,
                    format!("`{name}` cannot be written, and what goes there has no initial value"),
                    "name a memory with `write`",
                ));
            }
        }
    }
    problems
}

/// A memory is either laid out by the build or by the tasks that ask for all of it.
pub fn extern_regions(app: &App) -> Vec<Problem> {
    let mut problems = Vec::new();
    for task in &app.tasks {
        for name in &task.extern_regions {
            if named(app, task, "extern-regions", name, &mut problems).is_none() {
                continue;
            }
            let user = app.tasks.iter().find(|other| {
                name == "flash"
                    || other.ram == *name
                    || other.sections.values().any(|memory| memory == name)
            });
            if let Some(user) = user {
                problems.push(app.task_problem(
                    &task.name,
                    "extern-regions",
                    format!("the build puts parts of tasks (such as `{}`) into `{name}`, which would be open to this one", user.name),
                    "add a memory of its own to the chip's memory file",
                ));
            }
        }
    }
    problems
}

/// `max-sizes` speaks of memories that exist.
pub fn max_sizes(app: &App) -> Vec<Problem> {
    let mut problems = Vec::new();
    for task in &app.tasks {
        for name in task.max_sizes.keys() {
            named(
                app,
                task,
                &format!("max-sizes\u{0}{name}"),
                name,
                &mut problems,
            );
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use crate::testing::{accepts, refuses, refuses_memory};

    const CLIENT: &str = "notifications = [\"input\"]";

    fn client(line: &str) -> String {
        format!("{CLIENT}\n{line}")
    }

    #[test]
    fn a_task_has_a_stack() {
        refuses(
            &[("stacksize = 1024", "")],
            "task `jefe`, key `stacksize`: it has no stack",
        );
    }

    #[test]
    fn a_stack_is_aligned() {
        let text = refuses(
            &[(CLIENT, &client("stacksize = 1001"))],
            "task `client`, key `stacksize`: 1001 is no multiple of 8",
        );
        assert!(text.contains("remedy: write 1008"), "{text}");
    }

    #[test]
    fn a_stack_is_no_larger_than_the_task() {
        refuses(
            &[(
                CLIENT,
                &client("stacksize = 2048\nmax-sizes = { ram = 2000 }"),
            )],
            "task `client`, key `stacksize`: 2048 is more than `max-sizes.ram`, 2000",
        );
    }

    #[test]
    fn a_stack_is_no_larger_than_memory() {
        refuses(
            &[(CLIENT, &client("stacksize = 8388608"))],
            "8388608 is more than memory `ram` has, 524288",
        );
    }

    #[test]
    fn ram_exists() {
        let text = refuses(
            &[(CLIENT, &client("default-ram = \"rum\""))],
            "task `client`, key `default-ram`: there is no memory `rum`",
        );
        assert!(text.contains("did you mean `ram`?"), "{text}");
    }

    #[test]
    fn ram_is_not_the_kernels() {
        refuses(
            &[(CLIENT, &client("default-ram = \"kernel\""))],
            "key `default-ram`: there is no memory `kernel` for tasks",
        );
    }

    #[test]
    fn ram_is_plain() {
        refuses(
            &[(CLIENT, &client("default-ram = \"dma\""))],
            "key `default-ram`: `dma` is no plain memory",
        );
        refuses(
            &[(CLIENT, &client("default-ram = \"flash\""))],
            "key `default-ram`: `flash` is no plain memory",
        );
    }

    #[test]
    fn there_is_flash() {
        refuses_memory(&[("[[flash]]", "[[rom]]")], "there is no memory `flash`");
    }

    #[test]
    fn flash_is_for_instructions() {
        refuses_memory(
            &[("execute = true", "execute = false")],
            "key `flash`: instructions and constants must be readable",
        );
    }

    #[test]
    fn sections_go_somewhere() {
        accepts(&[(CLIENT, &client("sections = { queues = \"dma\" }"))]);
        refuses(
            &[(CLIENT, &client("sections = { queues = \"dmaa\" }"))],
            "task `client`, key `sections.queues`: there is no memory `dmaa`",
        );
    }

    #[test]
    fn sections_are_writable() {
        refuses(
            &[(CLIENT, &client("sections = { queues = \"flash\" }"))],
            "key `sections.queues`: `flash` cannot be written",
        );
    }

    #[test]
    fn sections_have_names_of_their_own() {
        refuses(
            &[(CLIENT, &client("sections = { bss = \"dma\" }"))],
            "key `sections.bss`: the build lays this section out itself",
        );
    }

    #[test]
    fn a_region_is_laid_out_once() {
        refuses(
            &[(CLIENT, &client("extern-regions = [\"ram\"]"))],
            "task `client`, key `extern-regions`: the build puts parts of tasks (such as `jefe`) into `ram`",
        );
        accepts(&[(CLIENT, &client("extern-regions = [\"dma\"]"))]);
    }

    #[test]
    fn max_sizes_speak_of_memories() {
        refuses(
            &[(CLIENT, &client("max-sizes = { flsh = 1 }"))],
            "key `max-sizes.flsh`: there is no memory `flsh`",
        );
    }
}
