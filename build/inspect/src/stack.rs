// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `inspect stack`: how deep each stack was used, how deep it can get, and how large it is.

use std::fmt::Write as _;

use crate::view::View;

/// What the kernel fills a fresh stack with, word by word: see `sys/kern/src/restart.rs`.
const FILL: [u8; 4] = 0xbadd_cafe_u32.to_le_bytes();

/// The stacks of all tasks.
#[must_use]
pub fn stack(view: &View<'_>) -> String {
    let mut text = view.remarks();
    let _ = writeln!(
        text,
        "{:>2}  {:<12} {:>8} {:>8} {:>8}",
        "#", "task", "used", "bound", "size"
    );
    for task in &view.report.tasks {
        let size = task.stack.size;
        let used = match view.snapshot.bytes(task.stack.base, size as usize) {
            Ok(bytes) => used(bytes).to_string(),
            Err(missing) => missing.to_string(),
        };
        let _ = writeln!(
            text,
            "{:>2}  {:<12} {used:>8} {:>8} {size:>8}",
            task.index, task.name, task.depth.bytes
        );
    }
    text.push_str("used: since the task's last restart; bound: what the build computed\n");
    text
}

/// Bytes of a stack that were written: it grows down, so all but the fill at its low end.
fn used(stack: &[u8]) -> usize {
    let fresh = stack.chunks(4).take_while(|word| *word == FILL).count();
    stack.len() - 4 * fresh
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_fill_any_more_was_used() {
        let mut stack = FILL.repeat(8);
        assert_eq!(used(&stack), 0);
        stack[20] = 1;
        assert_eq!(used(&stack), 12);
        stack[0] = 1;
        assert_eq!(used(&stack), 32);
    }
}
