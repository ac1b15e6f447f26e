// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Names: what may be called what, and that nothing has a name twice.

use std::collections::HashSet;

use crate::app::App;
use crate::problem::Problem;
use crate::schema::{GRANTS, KIPC};
use crate::suggest::among;

/// The most tasks of an image: the kernel keeps a set of tasks in one machine word.
const MAX_TASKS: usize = 32;

/// The most notifications of a task: bit 31 belongs to `userlib::hl`.
const MAX_NOTIFICATIONS: usize = 31;

/// Whether `name` begins with a letter and has only lower case letters, digits and `separator`.
fn plain(name: &str, separators: &[char]) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || separators.contains(&c))
}

/// The image's name is that of a folder.
pub fn image(app: &App) -> Vec<Problem> {
    if plain(&app.name, &['-', '_', '.']) {
        return Vec::new();
    }
    vec![app.problem(
        &["name"],
        format!("`{}` cannot name a folder everywhere", app.name),
        "use lower case letters, digits, `-`, `_` and `.`",
    )]
}

/// Task names become names in programs; `kernel` is taken.
pub fn tasks(app: &App) -> Vec<Problem> {
    let mut problems = Vec::new();
    for task in &app.tasks {
        if task.name == "kernel" {
            problems.push(app.task_problem(
                &task.name,
                "",
                "the name `kernel` is taken by the kernel",
                "call the task something else",
            ));
        } else if !plain(&task.name, &['_']) {
            problems.push(app.task_problem(
                &task.name,
                "",
                "its name cannot be a name in a program",
                "use lower case letters, digits and `_`, a letter first",
            ));
        }
    }
    if app.tasks.len() > MAX_TASKS {
        problems.push(app.problem(
            &["tasks"],
            format!(
                "there are {} tasks, and an image has at most {MAX_TASKS}",
                app.tasks.len()
            ),
            "make one task of two",
        ));
    }
    problems
}

/// Notifications are few enough for their bits, and each has one name.
pub fn notifications(app: &App) -> Vec<Problem> {
    let mut problems = Vec::new();
    for task in &app.tasks {
        let count = task.notifications.len();
        if count > MAX_NOTIFICATIONS {
            problems.push(app.task_problem(
                &task.name,
                "notifications",
                format!("there are {count}, and a task has at most {MAX_NOTIFICATIONS} (bit 31 is for `userlib::hl`)"),
                "let several events share one, and look which it was",
            ));
        }
        let mut seen = HashSet::new();
        for name in &task.notifications {
            if !seen.insert(name) {
                problems.push(app.task_problem(
                    &task.name,
                    "notifications",
                    format!("`{name}` is listed twice"),
                    "list it once: its position is its bit",
                ));
            }
            if !plain(name, &['-']) {
                problems.push(app.task_problem(
                    &task.name,
                    "notifications",
                    format!("`{name}` cannot be made the name of a constant"),
                    "use lower case letters, digits and `-`, a letter first",
                ));
            }
        }
    }
    problems
}

/// `grants` are known.
pub fn grants(app: &App) -> Vec<Problem> {
    known(app, "grants", |task| &task.grants, GRANTS.to_vec())
}

/// `kipc` operations are known.
pub fn kernel_ipc(app: &App) -> Vec<Problem> {
    known(
        app,
        "kipc",
        |task| &task.kipc,
        KIPC.iter().map(|(name, _)| *name).collect(),
    )
}

fn known(
    app: &App,
    key: &str,
    list: fn(&crate::app::Task) -> &Vec<String>,
    known: Vec<&str>,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    for task in &app.tasks {
        for name in list(task) {
            if !known.contains(&name.as_str()) {
                problems.push(app.task_problem(
                    &task.name,
                    key,
                    format!("there is no `{name}` to grant"),
                    among(name, known.iter().copied()),
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
    fn an_image_is_named_like_a_folder() {
        refuses(
            &[("name = \"test\"", "name = \"a/b\"")],
            "app.toml:1: top level, key `name`: `a/b` cannot name a folder",
        );
    }

    #[test]
    fn kernel_is_no_task_name() {
        refuses(
            &[("[tasks.uart]", "[tasks.kernel]")],
            "task `kernel`: the name `kernel` is taken",
        );
    }

    #[test]
    fn task_names_are_plain() {
        refuses(
            &[("[tasks.uart]", "[tasks.\"the uart\"]")],
            "task `the uart`: its name cannot be a name in a program",
        );
    }

    #[test]
    fn at_most_32_tasks() {
        let many: String = (0..30)
            .map(|n| format!("[tasks.more{n}]\nname = \"more\"\npriority = 5\nstart = true\n"))
            .collect();
        refuses(
            &[("[tasks.idle]", &format!("{many}[tasks.idle]"))],
            "there are 34 tasks, and an image has at most 32",
        );
    }

    #[test]
    fn at_most_31_notifications() {
        let list = |count: usize| {
            let names: Vec<String> = (0..count).map(|n| format!("\"n{n}\"")).collect();
            format!("notifications = [\"input\", {}]", names.join(", "))
        };
        accepts(&[("notifications = [\"input\"]", &list(30))]);
        refuses(
            &[("notifications = [\"input\"]", &list(31))],
            "task `client`, key `notifications`: there are 32, and a task has at most 31",
        );
    }

    #[test]
    fn a_notification_has_one_position() {
        refuses(
            &[(
                "notifications = [\"input\"]",
                "notifications = [\"input\", \"input\"]",
            )],
            "task `client`, key `notifications`: `input` is listed twice",
        );
    }

    #[test]
    fn notification_names_are_plain() {
        refuses(
            &[(
                "notifications = [\"input\"]",
                "notifications = [\"In put\"]",
            )],
            "`In put` cannot be made the name of a constant",
        );
    }

    #[test]
    fn grants_are_known() {
        accepts(&[(
            "notifications = [\"input\"]",
            "notifications = [\"input\"]\ngrants = [\"performance-counters\"]",
        )]);
        let text = refuses(
            &[(
                "notifications = [\"input\"]",
                "notifications = [\"input\"]\ngrants = [\"performance-counter\"]",
            )],
            "task `client`, key `grants`: there is no `performance-counter` to grant",
        );
        assert!(
            text.contains("did you mean `performance-counters`?"),
            "{text}"
        );
    }

    #[test]
    fn kernel_ipc_is_known_by_name_and_number() {
        let app = accepts(&[(
            "notifications = [\"input\"]",
            "notifications = [\"input\"]\nkipc = [\"reset\", \"fault-task\"]",
        )]);
        assert_eq!(
            app.task("client").map(|task| task.kipc_mask()),
            Some(1 << 5 | 1 << 3)
        );
        refuses(
            &[(
                "notifications = [\"input\"]",
                "notifications = [\"input\"]\nkipc = [\"restart\"]",
            )],
            "task `client`, key `kipc`: there is no `restart` to grant",
        );
    }
}
