// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The cases of the on-target suite.
//!
//! Each case is a name and a function; one that does not come back has failed. The runner (task 0) prints how each went, and starts this
//! task anew after a failure: it goes on with the next case. What would fault a task is done by an assistant on order.

#![no_std]
#![no_main]

mod cases;
mod expect;
mod tasks;

use test_suite_common::report;

use crate::expect::{report, report_text};

/// What a case is called and does.
type Case = (&'static str, fn());

#[unsafe(export_name = "main")]
fn main() -> ! {
    let first = report(report::BEGIN, &[]);
    let all = cases::ALL.iter().flat_map(|group| group.iter());
    for (number, (name, run)) in all.enumerate().skip(first as usize) {
        report_text(report::START, number as u32, name);
        // What the last case left behind is not this one's affair; the runner restarts the others.
        userlib::sys_set_timer(Some(0), u32::MAX);
        let _ = userlib::sys_recv_notification(u32::MAX);
        run();
        report(report::PASS, &[]);
    }
    report(report::DONE, &[]);
    unreachable!("the runner ends the machine")
}
