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

/// How many random cases to try: many, or the few that Miri has time for. Nothing is written to files.
pub(crate) fn cases(usually: u32, under_miri: u32) -> proptest::test_runner::Config {
    proptest::test_runner::Config {
        cases: if cfg!(miri) { under_miri } else { usually },
        failure_persistence: None,
        ..Default::default()
    }
}
