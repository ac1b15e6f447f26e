// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A ring with counters beside it.

use counters::Count;

use crate::RecordEntry;

/// A ring and a counter for each variant of its payload; made by [`counted_ringbuf!`](crate::counted_ringbuf!).
#[derive(Debug)]
pub struct CountedRingbuf<T: Count, R> {
    /// How often each variant was recorded since the task started.
    pub counters: T::Counters,
    /// The last entries.
    pub ringbuf: R,
}

impl<T: Count, R> CountedRingbuf<T, R> {
    /// Puts counters that start at zero beside `ringbuf`.
    pub const fn new(ringbuf: R) -> Self {
        Self {
            counters: T::NEW_COUNTERS,
            ringbuf,
        }
    }
}

impl<T: Count, R: RecordEntry<T>> RecordEntry<T> for CountedRingbuf<T, R> {
    #[inline]
    fn record_entry(&self, line: u16, payload: T) {
        payload.count(&self.counters);
        self.ringbuf.record_entry(line, payload);
    }
}
