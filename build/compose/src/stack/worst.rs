// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The deepest way through a graph of calls.

use std::collections::{BTreeMap, BTreeSet};

/// How many steps the search for the deepest way through one circle may take before it settles for the sum of all frames.
const PATIENCE: usize = 2_000;

/// Functions, how deep each gets by itself, and whom each calls at which depth.
pub struct Graph {
    /// Of each function the most that its own frame takes, in bytes.
    pub own: Vec<u32>,
    /// Of each function how deep its frame is when it calls which other.
    pub calls: Vec<Vec<(u32, usize)>>,
}

/// The deepest way from some functions on.
#[derive(Debug, Default)]
pub struct Worst {
    /// In bytes.
    pub bytes: u32,
    /// Function and the bytes it adds.
    pub path: Vec<(usize, u32)>,
    /// Functions that call each other in a circle, among those reached.
    pub circles: Vec<Vec<usize>>,
    /// Every function that can be reached.
    pub reached: BTreeSet<usize>,
}

/// What follows from a function on: the bytes, and the first steps of the way.
#[derive(Clone, Debug, Default)]
struct Rest {
    bytes: u32,
    path: Vec<(usize, u32)>,
}

impl Graph {
    /// The deepest way from any of `roots` on.
    pub fn worst(&self, roots: &[usize]) -> Worst {
        let components = self.components(roots);
        let mut home = vec![usize::MAX; self.own.len()];
        for (number, component) in components.iter().enumerate() {
            for function in component {
                home[*function] = number;
            }
        }
        // Components come callees first, so that what follows is known when it is asked for.
        let mut rest: BTreeMap<usize, Rest> = BTreeMap::new();
        let mut circles = Vec::new();
        for component in &components {
            let circular = component.len() > 1
                || component.iter().any(|function| {
                    self.calls[*function]
                        .iter()
                        .any(|(_, callee)| callee == function)
                });
            if circular {
                circles.push(component.clone());
            }
            let found: Vec<(usize, Rest)> = component
                .iter()
                .map(|function| (*function, self.from(*function, component, &home, &rest)))
                .collect();
            rest.extend(found);
        }
        let deepest = roots
            .iter()
            .max_by_key(|root| rest[root].bytes)
            .map(|root| rest[root].clone())
            .unwrap_or_default();
        let reached = components.into_iter().flatten().collect();
        Worst {
            bytes: deepest.bytes,
            path: deepest.path,
            circles,
            reached,
        }
    }

    /// The deepest way from `start` on, through its component without visiting a function twice, and out of it.
    fn from(
        &self,
        start: usize,
        component: &[usize],
        home: &[usize],
        rest: &BTreeMap<usize, Rest>,
    ) -> Rest {
        let mut search = Search {
            graph: self,
            home,
            rest,
            visited: BTreeSet::new(),
            steps: 0,
        };
        let found = search.go(start);
        if search.steps <= PATIENCE {
            return found;
        }
        // Too many ways: every function of the circle once, and the deepest way out of any.
        let mut path = vec![(start, self.own[start])];
        path.extend(
            component
                .iter()
                .filter(|function| **function != start)
                .map(|function| (*function, self.own[*function])),
        );
        let sum: u32 = path.iter().map(|(_, bytes)| bytes).sum();
        let exit = component
            .iter()
            .flat_map(|function| &self.calls[*function])
            .filter(|(_, callee)| home[*callee] != home[start])
            .filter_map(|(_, callee)| rest.get(callee))
            .max_by_key(|rest| rest.bytes);
        path.extend(exit.into_iter().flat_map(|rest| rest.path.clone()));
        Rest {
            bytes: sum + exit.map_or(0, |rest| rest.bytes),
            path,
        }
    }

    /// The strongly connected components that `roots` reach, callees before callers (Tarjan).
    pub fn components(&self, roots: &[usize]) -> Vec<Vec<usize>> {
        let mut order: BTreeMap<usize, usize> = BTreeMap::new();
        let mut low: BTreeMap<usize, usize> = BTreeMap::new();
        let mut open: Vec<usize> = Vec::new();
        let mut is_open: BTreeSet<usize> = BTreeSet::new();
        let mut components = Vec::new();
        for root in roots {
            // Each entry is a function and which of its calls comes next: a stack of our own, since chains can be long.
            let mut work = vec![(*root, 0)];
            while let Some((function, next)) = work.pop() {
                if next == 0 {
                    if order.contains_key(&function) {
                        continue;
                    }
                    let number = order.len();
                    order.insert(function, number);
                    low.insert(function, number);
                    open.push(function);
                    is_open.insert(function);
                } else {
                    let (_, callee) = self.calls[function][next - 1];
                    let reached = if is_open.contains(&callee) {
                        low[&callee]
                    } else {
                        usize::MAX
                    };
                    low.insert(function, low[&function].min(reached));
                }
                if let Some((_, callee)) = self.calls[function].get(next) {
                    work.push((function, next + 1));
                    work.push((*callee, 0));
                    continue;
                }
                if low[&function] == order[&function] {
                    let from = open
                        .iter()
                        .rposition(|member| *member == function)
                        .unwrap_or(0);
                    let component = open.split_off(from);
                    for member in &component {
                        is_open.remove(member);
                    }
                    components.push(component);
                }
            }
        }
        components
    }
}

struct Search<'a> {
    graph: &'a Graph,
    home: &'a [usize],
    rest: &'a BTreeMap<usize, Rest>,
    visited: BTreeSet<usize>,
    steps: usize,
}

impl Search<'_> {
    fn go(&mut self, function: usize) -> Rest {
        self.steps += 1;
        let own = self.graph.own[function];
        let mut best = Rest {
            bytes: own,
            path: vec![(function, own)],
        };
        if self.steps > PATIENCE {
            return best;
        }
        self.visited.insert(function);
        for (depth, callee) in &self.graph.calls[function] {
            if self.steps > PATIENCE {
                break;
            }
            let inside = self.home[*callee] == self.home[function];
            let rest = match (inside, self.rest.get(callee)) {
                (true, _) if self.visited.contains(callee) => continue,
                (true, _) => self.go(*callee),
                (false, Some(rest)) => rest.clone(),
                (false, None) => continue,
            };
            if depth + rest.bytes > best.bytes {
                let mut path = vec![(function, *depth)];
                path.extend(rest.path);
                best = Rest {
                    bytes: depth + rest.bytes,
                    path,
                };
            }
        }
        self.visited.remove(&function);
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A graph from each function's own depth and its calls.
    fn graph(functions: &[(u32, &[(u32, usize)])]) -> Graph {
        Graph {
            own: functions.iter().map(|(own, _)| *own).collect(),
            calls: functions.iter().map(|(_, calls)| calls.to_vec()).collect(),
        }
    }

    #[test]
    fn the_deepest_way_counts() {
        let graph = graph(&[(8, &[(8, 1), (4, 2)]), (16, &[]), (100, &[]), (1000, &[])]);
        let worst = graph.worst(&[0]);
        assert_eq!(worst.bytes, 104);
        assert_eq!(worst.path, [(0, 4), (2, 100)]);
        assert_eq!(worst.reached, BTreeSet::from([0, 1, 2]), "nobody calls 3");
        assert!(worst.circles.is_empty());
    }

    #[test]
    fn a_frame_that_is_deep_only_without_calls_counts_alone() {
        let graph = graph(&[(200, &[(8, 1)]), (16, &[])]);
        assert_eq!(graph.worst(&[0]).bytes, 200);
    }

    #[test]
    fn a_circle_is_taken_once_and_reported() {
        let graph = graph(&[
            (8, &[(8, 1)]),
            (16, &[(16, 2)]),
            (32, &[(32, 1), (24, 3)]),
            (64, &[]),
        ]);
        let worst = graph.worst(&[0]);
        assert_eq!(worst.bytes, 8 + 16 + 24 + 64);
        assert_eq!(worst.circles.len(), 1);
        assert_eq!(
            BTreeSet::from_iter(worst.circles[0].clone()),
            BTreeSet::from([1, 2])
        );
        let graph = self::graph(&[(8, &[(8, 0)])]);
        let worst = graph.worst(&[0]);
        assert_eq!((worst.bytes, worst.circles), (8, vec![vec![0]]));
    }

    #[test]
    fn a_large_circle_is_bounded_by_all_of_it() {
        // Forty functions that all call each other: far more ways than patience.
        let calls: Vec<Vec<(u32, usize)>> = (0..40)
            .map(|_| (0..40).map(|callee| (10, callee)).collect())
            .collect();
        let functions: Vec<(u32, &[(u32, usize)])> =
            calls.iter().map(|calls| (10, calls.as_slice())).collect();
        assert_eq!(graph(&functions).worst(&[0]).bytes, 400);
    }
}
