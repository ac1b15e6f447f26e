// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Talking to the runner, and failing.

use core::fmt::{Arguments, Debug, Write};
use core::panic::Location;

use hubpack::SerializedSize;
use test_suite_common::report;
use userlib::*;

/// The supervisor never restarts, so its name stays.
pub const RUNNER: TaskId = TaskId::for_index(0);

/// Tells the runner something, and returns the word that it answers.
pub fn report(operation: u16, message: &[u8]) -> u32 {
    let mut answer = [0; 4];
    sys_send(RUNNER, operation, message, &mut answer, &[]);
    u32::from_le_bytes(answer)
}

/// Tells the runner a number and a text.
pub fn report_text(operation: u16, number: u32, text: &str) {
    let mut message = heapless::Vec::<u8, { report::MESSAGE }>::new();
    let _ = message.extend_from_slice(&number.to_le_bytes());
    for byte in text.bytes() {
        let _ = message.push(byte);
    }
    report(operation, &message);
}

/// Ends the case.
#[track_caller]
pub fn fail(why: Arguments<'_>) -> ! {
    let mut text = heapless::String::<{ report::MESSAGE - 8 }>::new();
    // What does not fit is cut off.
    let _ = write!(text, "line {}: ", Location::caller().line());
    let _ = text.write_fmt(why);
    report(report::FAIL, text.as_bytes());
    unreachable!("the runner restarts this task")
}

/// Prints a line.
pub fn note(what: Arguments<'_>) {
    let mut text = heapless::String::<{ report::MESSAGE }>::new();
    let _ = text.write_fmt(what);
    report(report::NOTE, text.as_bytes());
}

/// Fails unless both are equal.
#[track_caller]
pub fn equal<T: PartialEq + Debug>(seen: T, wanted: T) {
    if seen != wanted {
        fail(format_args!("saw {seen:x?}, expected {wanted:x?}"));
    }
}

/// Fails, and says what was expected, unless it is so.
#[track_caller]
pub fn holds(condition: bool, what: &str) {
    if !condition {
        fail(format_args!("expected: {what}"));
    }
}

/// How often a task faulted since the case was started, and how it was last found.
pub fn faults(index: usize) -> (u32, TaskState) {
    let mut answer = [0; 4 + TaskState::MAX_SIZE];
    sys_send(
        RUNNER,
        report::FAULTS,
        &(index as u32).to_le_bytes(),
        &mut answer,
        &[],
    );
    let (count, state) = answer.split_at(4);
    let count = u32::from_le_bytes([count[0], count[1], count[2], count[3]]);
    match hubpack::deserialize(state) {
        Ok((state, _)) => (count, state),
        Err(_) => fail(format_args!("the runner answers nonsense")),
    }
}

/// From now to the end of the case this task stays faulted.
pub fn hold(index: usize) {
    report(report::HOLD, &(index as u32).to_le_bytes());
}
