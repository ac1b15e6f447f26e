// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Counting instructions on the processor itself, and summing up many counts of one thing.

#![no_std]

pub mod counter;
mod sample;

pub use counter::Count;
pub use sample::{MAX, Samples};
