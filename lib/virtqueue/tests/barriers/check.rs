// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The rules, and the walk through the machine code that checks them.
//!
//! The functions of this crate that touch shared memory touch it exactly once, so the debug information, which knows
//! where each inlined function's instructions are, tells which load or store is which. From each such access all paths
//! are followed, to the end of the machine function, and a barrier must come before the access it is ordered with.

use crate::arm::{self, Access, Instruction, Kind};
use addr2line::Loader;
use object::{Object, ObjectSection, ObjectSymbol, SymbolKind};
use std::collections::BTreeMap;
use std::path::Path;

/// An access to shared memory: the innermost function of this crate that does it, and one that it is inlined into.
#[derive(Clone, Copy)]
struct Place {
    function: &'static str,
    within: &'static str,
    access: Access,
}

/// Two accesses with a barrier between. It is looked for on each path that leads to the second (or from the first),
/// before the other access, and before the path leaves the function: so it holds also where the two are in different
/// functions.
pub struct Rule {
    pub name: &'static str,
    direction: Direction,
    place: Place,
    others: &'static [Place],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    /// `place` is the second access; all paths that lead to it.
    Backward,
    /// `place` is the first access; all paths from it.
    Forward,
}

const fn load(function: &'static str, within: &'static str) -> Place {
    Place {
        function,
        within,
        access: Access::Load,
    }
}

const fn store(function: &'static str, within: &'static str) -> Place {
    Place {
        function,
        within,
        access: Access::Store,
    }
}

/// What virtio asks of the driver.
pub const RULES: &[Rule] = &[
    Rule {
        name: "2.7.13.3: ring entry, barrier, available index",
        direction: Direction::Backward,
        place: store("::set_index", "::publish"),
        others: &[store("::set_entry", "::publish")],
    },
    Rule {
        name: "2.7.13.4.1: available index, full barrier, avail_event",
        direction: Direction::Backward,
        place: load("::load_avail_event", "::kick_needed"),
        others: &[store("::set_index", "::publish")],
    },
    Rule {
        name: "2.7.13.4.1: available index, full barrier, used flags",
        direction: Direction::Backward,
        place: load("::no_notify", "::kick_needed"),
        others: &[store("::set_index", "::publish")],
    },
    Rule {
        name: "2.7.7.2: used_event or flags, full barrier, used index",
        direction: Direction::Backward,
        place: load("::index", "::enable_interrupts"),
        others: &[
            store("::store_used_event", "::enable_interrupts"),
            store("::set_interrupts", "::enable_interrupts"),
        ],
    },
    Rule {
        name: "2.7.14: used index, barrier, used element",
        direction: Direction::Forward,
        place: load("::index", "::take_used"),
        others: &[load("::element", "::take_used")],
    },
];

struct Function {
    name: String,
    instructions: Vec<Instruction>,
}

/// A linked binary, with the accesses that the rules speak of.
pub struct Binary {
    functions: Vec<Function>,
    /// Address of each load and store of this crate: what it is, and the functions it is in, innermost first.
    accesses: BTreeMap<u32, (Access, Vec<String>)>,
}

impl Binary {
    pub fn read(path: &Path) -> Result<Self, String> {
        let told = |what: &str, error: &dyn std::fmt::Display| {
            format!("{}: {what}: {error}", path.display())
        };
        let bytes = std::fs::read(path).map_err(|error| told("cannot be read", &error))?;
        let file = object::File::parse(&*bytes).map_err(|error| told("is no ELF file", &error))?;
        let loader = Loader::new(path).map_err(|error| told("has no debug information", &error))?;
        let mut kinds = BTreeMap::new();
        for symbol in file.symbols() {
            let kind = match symbol.name().ok().and_then(|name| name.get(..2)) {
                Some("$a") => Kind::A32,
                Some("$t") => Kind::T32,
                Some("$d") => Kind::Data,
                _ => continue,
            };
            kinds.insert(symbol.address() as u32, kind);
        }
        let kind = |address: u32| {
            let mut before = kinds.range(..=address);
            before.next_back().map_or(Kind::Data, |(_, kind)| *kind)
        };
        let mut functions = Vec::new();
        let mut accesses = BTreeMap::new();
        for symbol in file
            .symbols()
            .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.size() >= 4)
        {
            let Some(section) = symbol
                .section_index()
                .and_then(|index| file.section_by_index(index).ok())
            else {
                continue;
            };
            // Bit 0 says that the function is T32.
            let address = symbol.address() & !1;
            let Ok(Some(data)) = section.data_range(address, symbol.size()) else {
                continue;
            };
            let function = Function {
                name: symbol.name().unwrap_or("?").to_string(),
                instructions: arm::instructions(address as u32, data, kind),
            };
            for instruction in &function.instructions {
                if let Some(access) = instruction.access {
                    let names = frames(&loader, instruction.address)
                        .map_err(|error| told("debug information", &error))?;
                    if names.iter().any(|name| name.contains("virtqueue::")) {
                        accesses.insert(instruction.address, (access, names));
                    }
                }
            }
            functions.push(function);
        }
        Ok(Self {
            functions,
            accesses,
        })
    }

    /// Checks a rule on the code as if it had no barriers but those at the addresses that `has` accepts. The result is for how many
    /// accesses.
    pub fn check(&self, rule: &Rule, has: impl Fn(u32) -> bool) -> Result<usize, String> {
        let mut count = 0;
        for other in rule.others {
            if !self
                .accesses
                .keys()
                .any(|&address| self.is(address, *other))
            {
                return Err(not_found(rule, *other));
            }
        }
        for function in &self.functions {
            let instructions = &function.instructions;
            let at = |index: usize| instructions.get(index).map_or(0, |one| one.address);
            let is_barrier =
                |index: usize| instructions[index].barrier && has(instructions[index].address);
            let flows = Flows::of(instructions);
            let edges = match rule.direction {
                Direction::Backward => &flows.before,
                Direction::Forward => &flows.after,
            };
            for index in (0..instructions.len()).filter(|&index| self.is(at(index), rule.place)) {
                count += 1;
                let other = |index| rule.others.iter().any(|other| self.is(at(index), *other));
                if let Some(end) = unprotected(edges, index, is_barrier, other) {
                    return Err(format!(
                        "{}: no dmb between {:#x} and {:#x} in {}",
                        rule.name,
                        at(index),
                        at(end),
                        function.name
                    ));
                }
            }
        }
        if count == 0 {
            return Err(not_found(rule, rule.place));
        }
        Ok(count)
    }

    /// The addresses of all barriers in functions that use the queue.
    pub fn barriers(&self) -> Vec<u32> {
        let mut barriers = Vec::new();
        for function in &self.functions {
            let mut all = function.instructions.iter();
            if all.any(|one| self.accesses.contains_key(&one.address)) {
                let all = function.instructions.iter().filter(|one| one.barrier);
                barriers.extend(all.map(|one| one.address));
            }
        }
        barriers
    }

    fn is(&self, address: u32, place: Place) -> bool {
        self.accesses.get(&address).is_some_and(|(access, names)| {
            let own = |name: &&String| name.contains("virtqueue::");
            *access == place.access
                && names
                    .iter()
                    .find(own)
                    .is_some_and(|name| name.ends_with(place.function))
                && names.iter().any(|name| name.ends_with(place.within))
        })
    }
}

fn not_found(rule: &Rule, place: Place) -> String {
    format!(
        "{}: no {:?} by {} within {} was found; is the debug information there (debug = 2)?",
        rule.name, place.access, place.function, place.within
    )
}

/// The names of the functions that an instruction is in, innermost first, without the hashes of their symbols.
fn frames(loader: &Loader, address: u32) -> Result<Vec<String>, addr2line::gimli::Error> {
    let mut names = Vec::new();
    let mut frames = loader
        .find_frames(u64::from(address))
        .map_err(|_| addr2line::gimli::Error::Io)?;
    while let Some(frame) = frames.next()? {
        if let Some(name) = frame.function {
            let name = name.demangle()?.into_owned();
            let hash = name.rfind("::h").filter(|&at| name.len() - at == 19);
            names.push(name[..hash.unwrap_or(name.len())].to_string());
        }
    }
    Ok(names)
}

/// Where control goes inside a function: for each instruction those after it and those before it. Its last place,
/// beyond the instructions, stands for the outside: where control comes from and where it goes to.
struct Flows {
    after: Vec<Vec<usize>>,
    before: Vec<Vec<usize>>,
}

impl Flows {
    fn of(instructions: &[Instruction]) -> Self {
        let outside = instructions.len();
        let mut after = vec![Vec::new(); outside + 1];
        let mut indirect = Vec::new();
        for (index, instruction) in instructions.iter().enumerate() {
            let flow = instruction.flow;
            if flow.next {
                after[index].push(index + 1); // beyond the last one is the outside
            }
            if let Some(target) = flow.target {
                let at = instructions.binary_search_by_key(&target, |one| one.address);
                after[index].push(at.unwrap_or(outside));
            }
            if flow.unknown {
                indirect.push(index);
            }
            if after[index].is_empty() && !flow.unknown {
                after[index].push(outside);
            }
        }
        after[outside].push(0);
        // A jump through a table may lead to whatever nothing else leads to.
        let mut reached = vec![false; outside + 1];
        for &to in after.iter().flatten() {
            reached[to] = true;
        }
        for index in indirect {
            after[index].extend((0..outside).filter(|&to| !reached[to]));
            after[index].push(outside);
        }
        let mut before = vec![Vec::new(); outside + 1];
        for (from, targets) in after.iter().enumerate() {
            for &to in targets {
                before[to].push(from);
            }
        }
        Self { after, before }
    }
}

/// Follows the edges from an access until a barrier on each path. The place where one meets the other access, or leaves
/// the function (the last place), without a barrier.
fn unprotected(
    edges: &[Vec<usize>],
    access: usize,
    is_barrier: impl Fn(usize) -> bool,
    other: impl Fn(usize) -> bool,
) -> Option<usize> {
    let outside = edges.len() - 1;
    let mut seen = vec![false; edges.len()];
    let mut open = edges[access].clone();
    while let Some(index) = open.pop() {
        if std::mem::replace(&mut seen[index], true) {
            continue;
        }
        match index {
            _ if index == outside => return Some(index),
            _ if is_barrier(index) => {}
            _ if other(index) => return Some(index),
            _ => open.extend(&edges[index]),
        }
    }
    None
}
