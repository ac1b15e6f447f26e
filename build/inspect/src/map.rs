// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `inspect map`: who has which memory, and what they may do with it.

use std::fmt::Write as _;

use compose::Report;
use compose::report::Span;

/// Every range that somebody has, by address.
#[must_use]
pub fn map(report: &Report) -> String {
    let kernel = &report.kernel;
    let mut rows: Vec<(Span, &str, &str, &str)> = vec![
        (kernel.text, "r-x--", "kernel", "text"),
        (kernel.rodata, "r----", "kernel", "rodata"),
        (kernel.tables, "r----", "kernel", "translation tables"),
        (kernel.ram, "rw---", "kernel", "stacks and variables"),
    ];
    for task in &report.tasks {
        for region in &task.regions {
            let span = Span {
                base: region.base,
                size: region.size,
            };
            rows.push((span, &region.access, &task.name, &region.name));
        }
    }
    rows.sort_by_key(|(span, _, who, _)| (span.base, *who));
    let mut text = String::new();
    for (span, access, who, what) in rows {
        let last = span.base + (span.size - 1);
        let _ = writeln!(
            text,
            "{:#010x} - {last:#010x}  {access}  {who:<14} {what}",
            span.base
        );
    }
    text
}
