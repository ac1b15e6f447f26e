// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Rings with counters, and rings of the crate's root, as a task uses them.

use core::sync::atomic::Ordering::Relaxed;

use counters::Count;
use ringbuf::{counted_ringbuf, ringbuf_entry, ringbuf_entry_root};

#[derive(Copy, Clone, Debug, PartialEq, Count)]
enum Trace {
    #[count(skip)]
    None,
    Sent(u32),
    Done(#[count(children)] Result<(), bool>),
}

counted_ringbuf!(Trace, 4, Trace::None);
counted_ringbuf!(KEEP_RINGBUF, Trace, 2, Trace::None, no_dedup);

mod deeper {
    use super::*;

    pub fn record() {
        ringbuf_entry_root!(Trace::Sent(1));
        ringbuf_entry_root!(KEEP_RINGBUF, Trace::Done(Err(true)));
    }
}

/// Counts are those of all entries ever, not only of those still in the ring.
#[test]
fn every_entry_is_counted() {
    ringbuf_entry!(Trace::None);
    for _ in 0..10 {
        ringbuf_entry!(Trace::Sent(7));
    }
    for _ in 0..10 {
        ringbuf_entry!(KEEP_RINGBUF, Trace::Done(Ok(())));
    }
    deeper::record();
    if cfg!(not(feature = "counters-disabled")) {
        assert_counts();
    }
}

#[cfg(not(feature = "counters-disabled"))]
fn assert_counts() {
    assert_eq!(__RINGBUF.counters.Sent.load(Relaxed), 11);
    assert_eq!(KEEP_RINGBUF.counters.Done.ok.load(Relaxed), 10);
    assert_eq!(KEEP_RINGBUF.counters.Done.err.r#true.load(Relaxed), 1);
    if cfg!(not(feature = "disabled")) {
        let counts: Vec<u32> = __RINGBUF
            .ringbuf
            .with(|ring| ring.entries().iter().map(|entry| entry.count).collect())
            .unwrap();
        assert_eq!(counts, [1, 10, 1, 0]);
    }
}

#[cfg(feature = "counters-disabled")]
fn assert_counts() {
    let _ = Relaxed;
}
