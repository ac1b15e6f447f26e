// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Looks into a running or crashed image.
//!
//! ```text
//!  a machine (live) ──┐                       ┌── tasks, registers, stack
//!  a dump ────────────┼─ Source ─ Snapshot ─┐ ├── ring, counters, read
//!  a fake of a test ──┘                     ├─ View
//!  what `dist` made, or the image's folder ─┴─ Archive, Program (ELF and DWARF)
//! ```
//!
//! A reading stops the machine once, and takes all memory that the image can change, some 140 KB. Everything else is
//! computed from that snapshot and the programs, so a dump is as good as the machine itself. What the kernel and the
//! tasks have in memory is found and shown by their debug information alone: no offset is written down here.

pub mod archive;
mod counters;
pub mod dump;
mod dumps;
mod kernel;
mod live;
mod map;
mod memory;
mod program;
mod read;
mod ring;
mod show;
mod stack;
mod tasks;
mod types;
mod unwind;
mod value;
mod view;

pub use archive::Archive;
pub use counters::counters;
pub use dumps::dumps;
pub use kernel::{Kernel, Record};
pub use live::Live;
pub use map::map;
pub use memory::{Fake, Missing, Piece, Range, Registers, Snapshot, Source};
pub use program::{Place, Program, Static, build_id};
pub use read::read;
pub use ring::ring;
pub use show::Node;
pub use stack::stack;
pub use tasks::{Detail, registers, tasks};
pub use unwind::{Frame, backtrace};
pub use value::{Memory, Value, Values};
pub use view::View;
