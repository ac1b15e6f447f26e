// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The kernel on the host: every call's success and every way to misuse it, against a machine made of a byte array.

mod borrow;
mod copy;
mod ipc;
mod kipc;
mod model;
mod notify;
mod random;
mod receive;
mod restart;
mod schedule;

pub(crate) use test_props::config as cases;
