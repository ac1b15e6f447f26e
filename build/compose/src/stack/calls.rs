// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Who may call whom: the graph of calls, with what is known of Rust's formatting and panics.
//!
//! Calls through pointers go wherever the pointer may lead. Two things are known of the code that would otherwise make
//! nearly every program one large circle:
//!
//! - **Formatting.** `core::fmt::write` calls the `fmt` functions that its caller gave it, and those are the ones whose
//!   address the caller takes. So a call of such a function is drawn from the one that takes its address, as deep as the way
//!   from there to `core::fmt::write` is. Formatting code itself calls methods of trait objects, and no other pointers.
//! - **Panics.** A panic ends the task, so it happens once. Everything is in the graph twice: as it is called before the
//!   panic and after. The panic handler leads from the first to the second, and no way leads back or through it again.

use std::collections::{BTreeMap, BTreeSet};

use super::program::Program;
use super::scan::{Scan, Target};
use super::worst::Graph;

const WRITE: &str = "core::fmt::write";
const PANIC: &str = "__rustc::rust_begin_unwind";

/// The graph: function *n* before a panic is node *n*, after it node *functions + n*.
pub struct Calls {
    /// All functions twice.
    pub graph: Graph,
    functions: usize,
    /// Whether there is a panic handler, so that it is assumed not to panic.
    pub panics: bool,
}

impl Calls {
    /// The function that a node stands for.
    pub fn function(&self, node: usize) -> usize {
        node % self.functions
    }

    /// Draws the graph of `program`.
    pub fn new(program: &Program, scans: &[Scan]) -> Self {
        let count = program.functions.len();
        let (methods, stored) = program.pointers();
        let is_formatter = |function: &usize| is_formatter(&program.functions[*function].name);
        let write = program.named(WRITE);
        let handler = program.named(PANIC);

        // Without a `core::fmt::write` there is no formatting, or it is part of another function: then nothing is special.
        let special = |function: &usize| write.is_some() && is_formatter(function);
        let (stored_formatters, stored): (BTreeSet<usize>, BTreeSet<usize>) =
            stored.iter().partition(|f| special(f));
        let taken: BTreeSet<usize> = scans
            .iter()
            .flat_map(|scan| &scan.taken)
            .chain(&stored)
            .copied()
            .filter(|f| !special(f))
            .collect();

        let own: Vec<u32> = scans.iter().chain(scans).map(|scan| scan.own).collect();
        let mut draft = Draft {
            own,
            calls: vec![BTreeMap::new(); 2 * count],
        };
        for after in [false, true] {
            for (function, scan) in scans.iter().enumerate() {
                let formats = program.functions[function].name.contains("core::fmt::");
                for (depth, target) in &scan.calls {
                    let none = BTreeSet::new();
                    let at = |offset: &i64| methods.get(offset).unwrap_or(&none);
                    let callees: BTreeSet<usize> = match target {
                        Target::Function(callee) => BTreeSet::from([*callee]),
                        _ if write == Some(function) => match target {
                            Target::Slot(offset) => {
                                at(offset).union(&stored_formatters).copied().collect()
                            }
                            _ => stored_formatters.clone(),
                        },
                        Target::Slot(offset) if formats && write.is_some() => at(offset).clone(),
                        Target::Pointer if formats && write.is_some() => {
                            methods.values().flatten().copied().collect()
                        }
                        Target::Slot(offset) => at(offset).union(&taken).copied().collect(),
                        Target::Pointer => taken.clone(),
                    };
                    for callee in callees {
                        let panics = handler == Some(callee);
                        if after && panics {
                            continue;
                        }
                        let node = if after { count + function } else { function };
                        let callee = if after || panics {
                            count + callee
                        } else {
                            callee
                        };
                        draft.add(node, *depth, callee);
                    }
                }
            }
        }
        for goal in write.into_iter().flat_map(|write| [write, count + write]) {
            for (node, depth) in draft.ways_to(goal) {
                for formatter in scans[node % count]
                    .taken
                    .iter()
                    .filter(|function| special(function))
                {
                    let callee = if goal >= count {
                        count + formatter
                    } else {
                        *formatter
                    };
                    draft.add(node, depth, callee);
                }
            }
        }
        Self {
            graph: draft.graph(),
            functions: count,
            panics: handler.is_some(),
        }
    }
}

/// Whether this is `fmt` of one of the formatting traits.
fn is_formatter(name: &str) -> bool {
    name.ends_with(">::fmt") && name.contains(" as core::fmt::")
}

/// A graph in the making: of each node the callees, with the depth of the deepest call.
#[derive(Clone)]
struct Draft {
    own: Vec<u32>,
    calls: Vec<BTreeMap<usize, u32>>,
}

impl Draft {
    fn add(&mut self, node: usize, depth: u32, callee: usize) {
        let known = self.calls[node].entry(callee).or_default();
        *known = depth.max(*known);
    }

    fn graph(self) -> Graph {
        let calls = self.calls.into_iter();
        Graph {
            own: self.own,
            calls: calls
                .map(|callees| {
                    callees
                        .into_iter()
                        .map(|(callee, depth)| (depth, callee))
                        .collect()
                })
                .collect(),
        }
    }

    /// Every node from which `goal` can be reached, with the bytes on the stack, at most, when `goal` calls on.
    fn ways_to(&self, goal: usize) -> BTreeMap<usize, u32> {
        let graph = self.clone().graph();
        let all: Vec<usize> = (0..graph.own.len()).collect();
        let mut ways = BTreeMap::from([(goal, graph.own[goal])]);
        for component in graph.components(&all) {
            // Callees come first. A way through a circle passes each function of it once, and then goes on.
            let calls = |node: &usize| graph.calls[*node].iter();
            let exits = component.iter().flat_map(calls);
            let exit = exits.filter_map(|(_, callee)| ways.get(callee)).max();
            let frames = component.iter().filter(|node| **node != goal);
            let frames = frames.filter_map(|node| calls(node).map(|(depth, _)| *depth).max());
            let longest = exit.copied().unwrap_or(0) + frames.sum::<u32>();
            for _ in 0..component.len() {
                for node in &component {
                    let through =
                        |(depth, callee): &(u32, usize)| ways.get(callee).map(|way| depth + way);
                    let best = graph.calls[*node].iter().filter_map(through).max();
                    if let Some(best) = best.filter(|_| *node != goal) {
                        let known = ways.entry(*node).or_default();
                        *known = best.min(longest).max(*known);
                    }
                }
            }
        }
        ways
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fmt_of_formatting_traits_is_a_formatter() {
        assert!(is_formatter("<u32 as core::fmt::Display>::fmt"));
        assert!(is_formatter("<&T as core::fmt::Debug>::fmt"));
        assert!(!is_formatter("<core::fmt::Formatter>::pad"));
        assert!(!is_formatter("core::fmt::write"));
        assert!(!is_formatter("<x::Y as core::fmt::Write>::write_str"));
    }

    #[test]
    fn ways_are_as_deep_as_they_can_be() {
        // 0 calls 1 and 2, both call 3, which writes with a frame of 56.
        let mut draft = Draft {
            own: vec![8, 100, 20, 56, 8],
            calls: vec![BTreeMap::new(); 5],
        };
        draft.add(0, 8, 1);
        draft.add(0, 8, 2);
        draft.add(1, 10, 3);
        draft.add(2, 20, 3);
        assert_eq!(
            draft.ways_to(3),
            BTreeMap::from([(0, 84), (1, 66), (2, 76), (3, 56)])
        );
    }

    #[test]
    fn a_way_through_a_circle_passes_each_function_once() {
        // 0 calls 1, 1 and 2 call each other, 2 calls 3, which writes with a frame of 56.
        let mut draft = Draft {
            own: vec![8, 30, 40, 56],
            calls: vec![BTreeMap::new(); 4],
        };
        draft.add(0, 8, 1);
        draft.add(1, 30, 2);
        draft.add(2, 40, 1);
        draft.add(2, 20, 3);
        let ways = draft.ways_to(3);
        // At least the way without a detour, at most the frames of both; not twice around.
        assert!((8 + 30 + 76..=8 + 70 + 56).contains(&ways[&0]), "{ways:?}");
    }
}
