// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! All cases, in groups.

mod borrow;
mod cost;
mod crowd;
mod faults;
mod high;
mod idol;
mod interrupts;
mod kipc;
mod notify;
mod recv;
mod reply;
mod restart;
mod sample;
mod send;

use crate::Case;

/// Every group.
pub const ALL: &[&[Case]] = &[
    send::CASES,
    recv::CASES,
    reply::CASES,
    borrow::CASES,
    notify::CASES,
    interrupts::CASES,
    kipc::CASES,
    faults::CASES,
    restart::CASES,
    high::CASES,
    idol::CASES,
    sample::CASES,
    crowd::CASES,
    cost::CASES,
];
