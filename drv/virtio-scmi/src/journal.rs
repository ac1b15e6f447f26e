// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The journal: what happened, counted and traced.

use crate::counters::{Count, Counters};
use crate::trace::Trace;

/// Counts and traces.
pub(crate) struct Journal {
    counters: Counters,
    trace: fn(Trace),
}

fn ignore(_: Trace) {}

impl Journal {
    pub(crate) const fn new() -> Self {
        Self {
            counters: Counters::ZERO,
            trace: ignore,
        }
    }

    /// Somebody wants to be told.
    pub(crate) fn provide(&mut self, trace: fn(Trace)) {
        self.trace = trace;
    }

    pub(crate) fn count(&mut self, what: Count) {
        self.counters.add(what, 1);
    }

    pub(crate) fn count_many(&mut self, what: Count, many: u32) {
        self.counters.add(what, many);
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    pub(crate) fn trace(&self, line: Trace) {
        (self.trace)(line);
    }
}
