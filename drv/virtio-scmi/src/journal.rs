// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The journal: what happened, counted and traced.

use crate::counters::{Count, Counters};
use crate::error::Refusal;
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

    /// A client was refused something.
    #[cold]
    pub(crate) fn refused(&mut self, refusal: Refusal) {
        self.count(Count::SentFail);
        match refusal {
            Refusal::NoDevice | Refusal::Recovering | Refusal::PlatformUnavailable => {
                self.count(Count::SentFailChannelNotFound);
            }
            Refusal::NotAClient
            | Refusal::SlotQuota
            | Refusal::SlotsLost
            | Refusal::ProtocolNotAllowed
            | Refusal::MessageNotAllowed
            | Refusal::ReservedMessage
            | Refusal::DomainNotAllowed => self.count(Count::Refused),
            _ => {}
        }
    }

    /// A message came that nobody waited for.
    #[cold]
    pub(crate) fn unexpected(&mut self, header: u32) {
        self.count(Count::ErrMsgUnexpected);
        self.trace(Trace::Unexpected { header });
    }

    /// A message came that is no answer and no event.
    #[cold]
    pub(crate) fn invalid(&mut self, header: u32, len: usize) {
        self.count(Count::ErrMsgInvalid);
        self.trace(Trace::Invalid {
            header,
            len: len as u32,
        });
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    pub(crate) fn trace(&self, line: Trace) {
        (self.trace)(line);
    }
}
