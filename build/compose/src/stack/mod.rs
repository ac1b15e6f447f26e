// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! How deep the stack can get: a bound that is computed from the linked binary, in A32, T32, or both.
//!
//! Every function's instructions are followed for what they do to the stack pointer, and every call for where it goes. A call
//! through a pointer goes to every function that the pointer may mean: the methods at the offset in all method tables from
//! which it was loaded, and all functions whose address is taken. Its module `calls` says what is known of formatting and panics.
//! Where functions call each other in a circle, each is taken once; that is an assumption, and it is reported, as is
//! everything that could not be followed.

mod calls;
mod decode;
mod program;
mod scan;
#[cfg(test)]
mod tests;
mod worst;

use std::collections::BTreeSet;

use program::Program;
use serde::{Deserialize, Serialize};

/// How deep a stack can get.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Depth {
    /// At most, in bytes.
    pub bytes: u32,
    /// The deepest way: each function with the bytes it has on the stack when it calls the next.
    pub path: Vec<Frame>,
    /// What the bound takes for granted.
    pub assumptions: Vec<String>,
}

impl Depth {
    /// Nothing is known of it: see `unproven-stacks` in the manifest.
    pub(crate) fn unknown() -> Self {
        Self {
            assumptions: vec!["that the stack is large enough: it was not measured".into()],
            ..Self::default()
        }
    }

    /// The deepest way, a line for each function, each after a line break.
    pub(crate) fn way(&self) -> String {
        self.path
            .iter()
            .map(|frame| format!("\n    {:6} {}", frame.bytes, frame.function))
            .collect()
    }
}

/// A function on the deepest way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// Its name.
    pub function: String,
    /// Its bytes on the stack.
    pub bytes: u32,
}

/// Where the kernel's stack begins to be used, on each of its ways in: at boot, and from each exception.
const KERNEL_ROOTS: [&str; 6] = [
    "kmain",
    "_asm_svc_handler",
    "_asm_irq_handler",
    "_asm_undefined_handler",
    "_asm_prefetch_abort_handler",
    "_asm_data_abort_handler",
];

/// The depth of the kernel's stack, from the finished image.
pub fn kernel_depth(image: &[u8]) -> Result<Depth, String> {
    depth(image, &KERNEL_ROOTS)
}

/// The depth of the stack of an ELF program that begins at each of `roots`, or at its entry point if there are none.
pub fn depth(bytes: &[u8], roots: &[&str]) -> Result<Depth, String> {
    let program = Program::read(bytes)?;
    let roots: Vec<usize> = match roots {
        [] => {
            let elf = object::File::parse(bytes).map_err(|error| error.to_string())?;
            let entry = object::Object::entry(&elf) as u32;
            vec![
                program
                    .pointed_at(entry)
                    .ok_or("its entry point has no name")?,
            ]
        }
        names => names
            .iter()
            .map(|name| {
                program
                    .named(name)
                    .ok_or(format!("it has no function `{name}`"))
            })
            .collect::<Result<_, _>>()?,
    };
    deepest(&program, &roots)
}

/// The depth of the stack of a program that begins at each of `roots`.
fn deepest(program: &Program, roots: &[usize]) -> Result<Depth, String> {
    let scans: Vec<scan::Scan> = program
        .functions
        .iter()
        .map(|function| scan::scan(program, function))
        .collect();
    let calls = calls::Calls::new(program, &scans);
    let found = calls.graph.worst(roots);
    let name = |node: usize| program.functions[calls.function(node)].name.clone();
    let mut assumptions: BTreeSet<String> = BTreeSet::new();
    for node in &found.reached {
        if let Some(address) = scans[calls.function(*node)].unknown {
            let name = name(*node);
            return Err(format!("what `{name}` does at {address:#x} is not known"));
        }
        assumptions.extend(scans[calls.function(*node)].doubts.iter().cloned());
    }
    for circle in &found.circles {
        let names: Vec<String> = circle
            .iter()
            .map(|function| format!("`{}`", name(*function)))
            .collect();
        assumptions.insert(match names.as_slice() {
            [one] => format!("{one} calls itself; taken once"),
            many => format!("{} call each other; each taken once", many.join(", ")),
        });
    }
    if calls.panics {
        assumptions.insert("the panic handler does not panic".into());
    }
    Ok(Depth {
        bytes: found.bytes,
        path: found
            .path
            .into_iter()
            .map(|(function, bytes)| Frame {
                function: name(function),
                bytes,
            })
            .collect(),
        assumptions: assumptions.into_iter().collect(),
    })
}
