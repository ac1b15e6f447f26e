// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The tasks and who calls whom, as a picture: in Graphviz's language, and drawn by ourselves.
//!
//! A row per priority, the most important on top; an arrow per task slot, from the caller to the task that it calls. Since a
//! task calls only what is more important, all arrows point up; one that does not is red.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::app::{App, Task};

/// Whether a call from `caller` to `callee` can be held up by what is less important than both.
fn inverted(caller: &Task, callee: &Task) -> bool {
    caller.name != callee.name && callee.priority >= caller.priority
}

/// Every slot: caller, slot name, callee.
fn calls(app: &App) -> Vec<(&Task, &str, &Task)> {
    app.tasks
        .iter()
        .flat_map(|caller| {
            caller
                .task_slots
                .iter()
                .filter_map(move |(slot, callee)| Some((caller, slot.as_str(), app.task(callee)?)))
        })
        .collect()
}

/// The tasks of each priority, the most important first.
fn rows(app: &App) -> BTreeMap<u8, Vec<&Task>> {
    let mut rows: BTreeMap<u8, Vec<&Task>> = BTreeMap::new();
    for task in &app.tasks {
        rows.entry(task.priority).or_default().push(task);
    }
    rows
}

/// The picture in Graphviz's language.
pub fn dot(app: &App) -> String {
    let mut out = format!(
        "digraph \"{}\" {{\n    rankdir = BT;\n    node [shape = box];\n",
        app.name
    );
    for (priority, tasks) in rows(app) {
        _ = write!(out, "    {{ rank = same;");
        for task in tasks {
            _ = write!(
                out,
                " \"{0}\" [label = \"{0}\\n{1}\"];",
                task.name,
                subtitle(task, priority)
            );
        }
        out.push_str(" }\n");
    }
    for (caller, slot, callee) in calls(app) {
        let mut attributes = Vec::new();
        if slot != callee.name {
            attributes.push(format!("label = \"{slot}\""));
        }
        if inverted(caller, callee) {
            attributes.push("color = red".into());
        }
        let attributes = match attributes.as_slice() {
            [] => String::new(),
            some => format!(" [{}]", some.join(", ")),
        };
        _ = writeln!(
            out,
            "    \"{}\" -> \"{}\"{attributes};",
            caller.name, callee.name
        );
    }
    out.push_str("}\n");
    out
}

/// What stands below a task's name: its priority, and the hardware that is its own.
fn subtitle(task: &Task, priority: u8) -> String {
    if task.uses.is_empty() {
        format!("priority {priority}")
    } else {
        format!("priority {priority}, {}", task.uses.join(", "))
    }
}

/// Sizes in the picture, in pixels.
const LINE: usize = 18;
const BOX_HEIGHT: usize = 46;
const ROW: usize = 110;
const GAP: usize = 28;
const MARGIN: usize = 24;
/// How far further out each call goes that passes other rows.
const DETOUR: usize = 26;
/// About what a character of the font is wide.
const CHARACTER: usize = 8;

struct Node<'a> {
    task: &'a Task,
    x: usize,
    y: usize,
    width: usize,
}

impl Node<'_> {
    fn middle(&self) -> usize {
        self.x + self.width / 2
    }
}

/// The picture as SVG, which every browser shows.
pub fn svg(app: &App) -> String {
    let rows = rows(app);
    let width_of = |task: &Task| {
        let text = task
            .name
            .len()
            .max(subtitle(task, task.priority).len() * 5 / 6);
        text * CHARACTER + 2 * GAP / 2
    };
    let row_width = |row: &[&Task]| {
        row.iter()
            .map(|task| width_of(task) + GAP)
            .sum::<usize>()
            .saturating_sub(GAP)
    };
    let widest = rows.values().map(|row| row_width(row)).max().unwrap_or(0);
    let mut nodes: Vec<Node> = Vec::new();
    for (number, row) in rows.values().enumerate() {
        let mut x = MARGIN + (widest - row_width(row)) / 2;
        for task in row {
            let width = width_of(task);
            nodes.push(Node {
                task,
                x,
                y: MARGIN + number * ROW,
                width,
            });
            x += width + GAP;
        }
    }
    let height = 2 * MARGIN + rows.len().saturating_sub(1) * ROW + BOX_HEIGHT;
    // Calls that pass other rows go around them, on both sides.
    let long = calls(app)
        .iter()
        .filter(|(caller, _, callee)| caller.priority.abs_diff(callee.priority) > 1)
        .count();
    let side = DETOUR * (long + 1);
    for node in &mut nodes {
        node.x += side;
    }
    let width = widest + 2 * MARGIN + 2 * side;

    let mut out = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" font-family="sans-serif">
<defs>
<marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0 8 4 0 8z" fill="context-stroke"/></marker>
</defs>
<rect width="{width}" height="{height}" fill="#ffffff"/>
"##
    );
    let mut detours = 0;
    for (caller, slot, callee) in calls(app) {
        let find = |task: &Task| nodes.iter().find(|node| node.task.name == task.name);
        let (Some(from), Some(to)) = (find(caller), find(callee)) else {
            continue;
        };
        if from.y.abs_diff(to.y) > ROW || from.y == to.y {
            detours += 1;
            detour(&mut out, from, to, slot, width, detours);
        } else {
            arrow(&mut out, from, to, slot);
        }
    }
    for node in &nodes {
        boxed(&mut out, node);
    }
    out.push_str("</svg>\n");
    out
}

fn color(from: &Node, to: &Node) -> &'static str {
    if inverted(from.task, to.task) {
        "#c62828"
    } else {
        "#546e7a"
    }
}

/// An arrow to the next row: from the top of the caller to the bottom of the callee.
fn arrow(out: &mut String, from: &Node, to: &Node, slot: &str) {
    let (x1, x2) = (from.middle(), to.middle());
    let (y1, y2) = if to.y < from.y {
        (from.y, to.y + BOX_HEIGHT)
    } else {
        (from.y + BOX_HEIGHT, to.y)
    };
    let half = (y1 + y2) / 2;
    let color = color(from, to);
    line(
        out,
        &format!("M{x1} {y1} C{x1} {half} {x2} {half} {x2} {y2}"),
        color,
    );
    label(out, to, slot, ((x1 + x2) / 2 + 6, half, "start"), color);
}

/// An arrow past other rows: around them, the odd ones on the right and the even ones on the left.
fn detour(out: &mut String, from: &Node, to: &Node, slot: &str, width: usize, number: usize) {
    let out_to = DETOUR * number / 2;
    let right = !number.is_multiple_of(2);
    let side = |node: &Node| if right { node.x + node.width } else { node.x };
    let bend = if right { width - out_to } else { out_to };
    let (x1, y1) = (side(from), from.y + BOX_HEIGHT / 2);
    let (x2, y2) = (side(to), to.y + BOX_HEIGHT / 2 + 6);
    let color = color(from, to);
    line(
        out,
        &format!("M{x1} {y1} C{bend} {y1} {bend} {y2} {x2} {y2}"),
        color,
    );
    // A cubic's middle is three quarters of the way to its control points.
    let x = (x1 + 3 * bend + 3 * bend + x2) / 8;
    label(out, to, slot, (x, (y1 + y2) / 2, "middle"), color);
}

fn line(out: &mut String, path: &str, color: &str) {
    _ = writeln!(
        out,
        r#"<path d="{path}" fill="none" stroke="{color}" stroke-width="1.5" marker-end="url(#tip)"/>"#
    );
}

/// The slot's name, where it is not just the callee's.
fn label(out: &mut String, to: &Node, slot: &str, at: (usize, usize, &str), color: &str) {
    if slot != to.task.name {
        let (x, y, anchor) = at;
        _ = writeln!(
            out,
            r#"<text x="{x}" y="{y}" font-size="11" fill="{color}" text-anchor="{anchor}">{slot}</text>"#
        );
    }
}

fn boxed(out: &mut String, node: &Node) {
    let Node { task, x, y, width } = node;
    let fill = match (task.priority, task.uses.is_empty()) {
        (0, _) => "#fff3e0",
        (_, false) => "#e3f2fd",
        (_, true) => "#f5f5f5",
    };
    let middle = node.middle();
    _ = writeln!(
        out,
        r##"<rect x="{x}" y="{y}" width="{width}" height="{BOX_HEIGHT}" rx="6" fill="{fill}" stroke="#37474f"/>
<text x="{middle}" y="{}" font-size="14" font-weight="bold" text-anchor="middle">{}</text>
<text x="{middle}" y="{}" font-size="11" fill="#37474f" text-anchor="middle">{}</text>"##,
        y + LINE + 2,
        task.name,
        y + 2 * LINE + 1,
        subtitle(task, task.priority)
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::accepts;

    #[test]
    fn dot_has_every_task_and_every_call() {
        assert_eq!(
            dot(&accepts(&[])),
            r#"digraph "test" {
    rankdir = BT;
    node [shape = box];
    { rank = same; "jefe" [label = "jefe\npriority 0"]; }
    { rank = same; "uart" [label = "uart\npriority 2, uart"]; }
    { rank = same; "client" [label = "client\npriority 3"]; }
    { rank = same; "idle" [label = "idle\npriority 9"]; }
    "client" -> "uart" [label = "serial"];
}
"#
        );
    }

    #[test]
    fn an_inversion_is_red() {
        let mut app = accepts(&[]);
        app.tasks[1].priority = 7;
        assert!(dot(&app).contains("\"client\" -> \"uart\" [label = \"serial\", color = red]"));
        assert!(svg(&app).contains("#c62828"));
        assert!(!svg(&accepts(&[])).contains("#c62828"));
    }

    #[test]
    fn the_drawing_has_a_box_per_task_within_its_borders() {
        let app = accepts(&[]);
        let text = svg(&app);
        assert_eq!(
            text.matches("font-weight=\"bold\"").count(),
            app.tasks.len()
        );
        assert_eq!(
            text.matches("<path d=\"M").count() - 1,
            1,
            "one arrow beside its tip"
        );
        let number = |key: &str| -> usize {
            let rest = &text[text.find(key).unwrap() + key.len()..];
            rest[..rest.find('"').unwrap()].parse().unwrap()
        };
        let (width, height) = (number(" width=\""), number(" height=\""));
        for part in text.split("<rect x=\"").skip(1) {
            let values: Vec<usize> = part
                .split('"')
                .step_by(2)
                .take(4)
                .filter_map(|value| value.parse().ok())
                .collect();
            assert!(
                values[0] + values[2] <= width && values[1] + values[3] <= height,
                "{part}"
            );
        }
    }
}
