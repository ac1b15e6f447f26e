// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What the runner can be told.

/// Answers the number of the case to go on with.
pub const BEGIN: u16 = 1;
/// A case starts: its number, and its name in UTF-8.
pub const START: u16 = 2;
/// The case that was started passed.
pub const PASS: u16 = 3;
/// The case that was started failed: why, in UTF-8. Never answered; the suite begins its next life.
pub const FAIL: u16 = 4;
/// There are no more cases. Never answered.
pub const DONE: u16 = 5;
/// Answers how often a task (its index) faulted since the case was started, and the state that it was last found in, as hubpack has it.
pub const FAULTS: u16 = 6;
/// From now to the end of the case a task (its index) stays faulted.
pub const HOLD: u16 = 7;
/// Answers with the message itself, as much as there is room for.
pub const ECHO: u16 = 8;
/// Receives anything and answers nothing, with code 77.
pub const CODE: u16 = 9;
/// The code that [`CODE`] answers.
pub const THE_CODE: u32 = 77;
/// Prints a line for whoever reads the console: text, in UTF-8.
pub const NOTE: u16 = 10;

/// The longest message.
pub const MESSAGE: usize = 256;
