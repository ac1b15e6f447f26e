// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Who is more important than whom.

use crate::app::App;
use crate::problem::Problem;
use crate::suggest::among;

/// Task 0 is the supervisor: alone at priority 0, told of faults by bit 0.
pub fn supervisor(app: &App) -> Vec<Problem> {
    let mut problems = Vec::new();
    let Some((first, others)) = app.tasks.split_first() else {
        return vec![app.problem(
            &["tasks"],
            "there are no tasks",
            "add the supervisor, then `idle`",
        )];
    };
    if first.priority != 0 {
        problems.push(app.task_problem(
            &first.name,
            "priority",
            format!(
                "the first task is the supervisor, and has priority {}",
                first.priority
            ),
            "give it priority 0, or put the supervisor first",
        ));
    }
    if first
        .notifications
        .first()
        .is_none_or(|name| name != "fault")
    {
        problems.push(app.task_problem(
            &first.name,
            "notifications",
            "the kernel tells the supervisor of a fault by bit 0, which has another name here",
            "make `fault` the first notification",
        ));
    }
    if !first.start {
        problems.push(app.task_problem(
            &first.name,
            "start",
            "nobody could start the supervisor",
            "add `start = true`",
        ));
    }
    for task in others.iter().filter(|task| task.priority == 0) {
        problems.push(app.task_problem(
            &task.name,
            "priority",
            format!("priority 0 is for the supervisor, `{}`, alone", first.name),
            "give it a higher number",
        ));
    }
    problems
}

/// There is a task `idle`, and it is the least important of all.
pub fn idle(app: &App) -> Vec<Problem> {
    let Some(idle) = app.task("idle") else {
        return vec![app.problem(
            &["tasks", "idle"],
            "there is no task `idle`, so the processor would have nothing to do when all others wait",
            "add `[tasks.idle]`, with the highest number for `priority`",
        )];
    };
    let mut problems = Vec::new();
    if !idle.start {
        problems.push(app.task_problem(
            "idle",
            "start",
            "the idle task must always be able to run",
            "add `start = true`",
        ));
    }
    for task in app
        .tasks
        .iter()
        .filter(|task| task.name != "idle" && task.priority >= idle.priority)
    {
        problems.push(app.task_problem(
            &task.name,
            "priority",
            format!(
                "it has priority {}, and `idle`, which never waits, has {}: it would never run",
                task.priority, idle.priority
            ),
            "give `idle` a higher number than every other task",
        ));
    }
    problems
}

/// A task calls only tasks that are more important than itself: otherwise it can be kept waiting by what is less
/// important than both.
pub fn inversions(app: &App) -> Vec<Problem> {
    let mut problems = Vec::new();
    for task in &app.tasks {
        for (slot, name) in &task.task_slots {
            let key = "task-slots";
            let Some(callee) = app.task(name) else {
                problems.push(app.task_problem(
                    &task.name,
                    key,
                    format!("slot `{slot}` is for `{name}`, and there is no such task"),
                    among(name, app.tasks.iter().map(|task| task.name.as_str())),
                ));
                continue;
            };
            if callee.name != task.name && callee.priority >= task.priority {
                problems.push(app.task_problem(
                    &task.name,
                    key,
                    format!(
                        "priority inversion: it has priority {} and calls `{name}`, which has {} and is no more important",
                        task.priority, callee.priority
                    ),
                    format!(
                        "give `{}` a higher number than {}, or `{name}` a lower one than {}",
                        task.name, callee.priority, task.priority
                    ),
                ));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use crate::testing::{accepts, refuses};

    #[test]
    fn the_first_task_has_priority_0() {
        refuses(
            &[("priority = 0", "priority = 1")],
            "task `jefe`, key `priority`: the first task is the supervisor, and has priority 1",
        );
    }

    #[test]
    fn nobody_else_has_priority_0() {
        refuses(
            &[("priority = 2", "priority = 0")],
            "task `uart`, key `priority`: priority 0 is for the supervisor, `jefe`, alone",
        );
    }

    #[test]
    fn the_supervisor_hears_of_faults() {
        refuses(
            &[(
                "notifications = [\"fault\", \"timer\"]",
                "notifications = [\"timer\", \"fault\"]",
            )],
            "app.toml:12: task `jefe`, key `notifications`: the kernel tells the supervisor of a fault by bit 0",
        );
    }

    #[test]
    fn the_supervisor_starts_by_itself() {
        refuses(
            &[("priority = 0\nstart = true", "priority = 0")],
            "task `jefe`, key `start`: nobody could start",
        );
    }

    #[test]
    fn idle_exists() {
        refuses(
            &[("[tasks.idle]", "[tasks.lazy]")],
            "[tasks], key `idle`: there is no task `idle`",
        );
    }

    #[test]
    fn idle_is_least_important() {
        refuses(
            &[("priority = 3", "priority = 9")],
            "task `client`, key `priority`: it has priority 9, and `idle`, which never waits, has 9",
        );
    }

    #[test]
    fn idle_runs_from_the_start() {
        refuses(
            &[("priority = 9\nstart = true", "priority = 9")],
            "task `idle`, key `start`",
        );
    }

    #[test]
    fn slots_lead_to_tasks() {
        let text = refuses(
            &[(
                "task-slots = [{ serial = \"uart\" }]",
                "task-slots = [{ serial = \"urat\" }]",
            )],
            "task `client`, key `task-slots`: slot `serial` is for `urat`, and there is no such task",
        );
        assert!(text.contains("did you mean `uart`?"), "{text}");
    }

    #[test]
    fn slots_lead_upwards() {
        refuses(
            &[("priority = 2", "priority = 3")],
            "task `client`, key `task-slots`: priority inversion: it has priority 3 and calls `uart`, which has 3",
        );
    }

    #[test]
    fn a_task_may_have_a_slot_for_itself() {
        accepts(&[(
            "task-slots = [{ serial = \"uart\" }]",
            "task-slots = [\"uart\", \"client\"]",
        )]);
    }
}
