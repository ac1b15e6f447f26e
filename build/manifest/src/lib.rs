// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The schema of `app.toml` and every check on it.
//!
//! [`load`] reads a manifest, the fragments that it inherits and the chip's files, and either gives an [`App`] that the
//! build can rely on, or [`Problems`], each with the task, the key and the remedy.

mod app;
mod check;
pub mod graph;
mod problem;
mod read;
mod schema;
mod scmi;
mod slots;
mod suggest;
mod tree;

#[cfg(test)]
mod testing;

pub use app::{App, Interrupt, Kernel, MemoryOutput, Task};
pub use problem::{Location, Problem, Problems};
pub use schema::{Architecture, GRANTS, InstructionSet, KIPC, KernelUse, Peripheral, Trigger};
pub use scmi::{Client, ProtocolKey, Protocols, Scmi};
pub use slots::Slots;
pub use suggest::{among, closest};
pub use tree::{Folder, Source};

/// Reads and checks the manifest `name`, a path from the project's `root`.
pub fn load(root: &std::path::Path, name: &str) -> Result<App, Problems> {
    load_from(&Folder(root.to_path_buf()), name)
}

/// Reads and checks the manifest `name` from any [`Source`].
pub fn load_from(source: &dyn Source, name: &str) -> Result<App, Problems> {
    let app = read::read(source, name)?;
    check::all(&app)?;
    Ok(app)
}
