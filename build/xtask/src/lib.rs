// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The project's commands, and the parts of them that the integration tests use: building the image, starting QEMU and
//! an SCMI platform, and talking to the image's console.

pub mod bench;
pub mod board;
pub mod child;
pub mod clippy;
pub mod command;
pub mod conformance;
pub mod console;
pub mod dist;
pub mod elf;
pub mod fuzz;
pub mod gdb;
pub mod graph;
pub mod image;
pub mod inspect;
pub mod interactive;
pub mod json_file;
pub mod keeper;
pub mod machines;
pub mod mutants;
pub mod platform;
pub mod plot;
pub mod print;
pub mod progress;
pub mod qemu;
pub mod qmp;
pub mod record;
pub mod run;
pub mod security;
pub mod session;
pub mod setup;
pub mod sim;
pub mod sizes;
pub mod soak;
pub mod tally;
pub mod test;
pub mod workspace;
