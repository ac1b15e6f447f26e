// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The parts of the console that need no kernel: editing a line, finding and completing what it says, reading what people type
//! for numbers, passing over what a platform counts and does not have, and saying things in words.

#![cfg_attr(not(test), no_std)]

pub mod ahead;
pub mod completion;
pub mod editor;
pub mod fault;
pub mod grammar;
mod history;
pub mod lines;
pub mod numbers;
pub mod quantity;

/// The longest line, in characters.
///
/// It has room for a raw message of the greatest length.
pub const LINE_MAX: usize = 279;
