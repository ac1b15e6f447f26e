// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

#[cfg(not(feature = "disabled"))]
use std::cell::Cell;

use crate::{RecordEntry, Ringbuf, RingbufEntry, RingbufNoDedup};

#[derive(Copy, Clone, Debug, PartialEq)]
enum Trace {
    None,
    A(u32),
    B,
}

const SIZE: usize = 4;

mod root {
    use super::Trace;
    ringbuf!(Trace, 8, Trace::None);

    pub(super) fn record(line: u16, payload: Trace) {
        crate::RecordEntry::record_entry(&__RINGBUF, line, payload);
    }
    pub(super) fn entries() -> Vec<crate::RingbufEntry<Trace>> {
        __RINGBUF.with(|ring| ring.entries().to_vec()).unwrap()
    }
}

fn entries<T: Copy, const N: usize, D>(
    ring: &crate::RingEntry<T, N, D>,
) -> Vec<(u16, u16, u32, T)> {
    ring.with(|ring| {
        ring.entries()
            .iter()
            .map(|e| (e.line, e.generation, e.count, e.payload))
            .collect()
    })
    .unwrap()
}

#[cfg(not(feature = "disabled"))]
#[test]
fn entries_wrap_around_and_count_generations() {
    let ring = Ringbuf::<Trace, 2>::new(Trace::None);
    assert_eq!(
        entries(&ring),
        [(0, 0, 0, Trace::None), (0, 0, 0, Trace::None)]
    );
    assert_eq!(ring.with(|r| r.last()), Some(None));
    for (n, last) in [(1, 0), (2, 1), (3, 0)] {
        ring.record_entry(10, Trace::A(n));
        assert_eq!(ring.with(|r| r.last()), Some(Some(last)));
    }
    assert_eq!(
        entries(&ring),
        [(10, 2, 1, Trace::A(3)), (10, 1, 1, Trace::A(2))]
    );
}

#[cfg(not(feature = "disabled"))]
#[test]
fn same_line_and_payload_add_to_the_count() {
    let ring = Ringbuf::<Trace, 4>::new(Trace::None);
    ring.record_entry(1, Trace::B);
    ring.record_entry(1, Trace::B);
    ring.record_entry(2, Trace::B);
    ring.record_entry(1, Trace::B);
    assert_eq!(
        entries(&ring)[..3],
        [
            (1, 1, 2, Trace::B),
            (2, 1, 1, Trace::B),
            (1, 1, 1, Trace::B)
        ]
    );
    // The initial value is not an entry: the first one that equals it takes a place.
    let ring = Ringbuf::<Trace, 1>::new(Trace::None);
    ring.record_entry(0, Trace::None);
    assert_eq!(entries(&ring), [(0, 1, 1, Trace::None)]);
}

#[cfg(not(feature = "disabled"))]
#[test]
fn without_dedup_every_entry_takes_a_place() {
    /// Has no `PartialEq`.
    #[derive(Copy, Clone)]
    struct Plain(u8);
    let ring = RingbufNoDedup::<Plain, 3>::new(Plain(0));
    for _ in 0..4 {
        ring.record_entry(1, Plain(7));
    }
    let seen: Vec<_> = entries(&ring)
        .into_iter()
        .map(|(_, generation, count, plain)| (generation, count, plain.0))
        .collect();
    assert_eq!(seen, [(2, 1, 7), (1, 1, 7), (1, 1, 7)]);
}

#[cfg(not(feature = "disabled"))]
#[test]
fn an_entry_recorded_while_recording_is_dropped() {
    thread_local!(static DEPTH: Cell<u32> = const { Cell::new(0) });

    #[derive(Copy, Clone)]
    struct Nested;
    impl PartialEq for Nested {
        fn eq(&self, _: &Self) -> bool {
            DEPTH.with(|d| d.set(d.get() + 1));
            RING.record_entry(99, Nested);
            false
        }
    }
    ringbuf!(RING, Nested, 4, Nested);
    RING.record_entry(1, Nested);
    RING.record_entry(1, Nested);
    assert_eq!(DEPTH.get(), 1);
    let lines: Vec<_> = entries(&RING).iter().map(|e| e.0).collect();
    assert_eq!(lines, [1, 1, 0, 0]);
}

#[test]
fn the_cell_is_free_again_after_a_panic() {
    let cell = crate::StaticCell::new(1);
    assert!(
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(
            || cell.try_with(|_| -> () { panic!("expected") })
        ))
        .is_err()
    );
    assert_eq!(cell.try_with(|value| *value), Some(1));
}

#[test]
fn threads_share_a_ring() {
    static RING: Ringbuf<u32, 16> = Ringbuf::new(0);
    std::thread::scope(|scope| {
        for thread in 1..=4 {
            scope.spawn(move || {
                for _ in 0..50 {
                    RING.record_entry(1, thread);
                }
            });
        }
    });
    RING.with(|ring| {
        for entry in ring.entries() {
            assert!(entry.payload <= 4);
        }
    });
}

#[cfg(not(feature = "disabled"))]
#[test]
fn macros_take_all_forms() {
    ringbuf!(NAMED_RINGBUF, Option<u32>, 4, None);
    ringbuf!(PATH_RINGBUF, Trace, SIZE, Trace::None);
    ringbuf!(KEEP_RINGBUF, Trace, SIZE, Trace::None, no_dedup);
    ringbuf_entry!(NAMED_RINGBUF, Some(3));
    ringbuf_entry!(PATH_RINGBUF, Trace::B);
    for _ in 0..2 {
        ringbuf_entry!(KEEP_RINGBUF, Trace::B);
    }
    assert_eq!(entries(&NAMED_RINGBUF)[0].3, Some(3));
    assert_eq!(entries(&PATH_RINGBUF)[0].3, Trace::B);
    assert_eq!(entries(&KEEP_RINGBUF)[1].3, Trace::B);

    // Default names, one scope each.
    {
        ringbuf!(Trace, 4, Trace::None, no_dedup);
        ringbuf_entry!(Trace::A(1));
        assert_eq!(entries(&__RINGBUF)[0].0, line!() as u16 - 1);
    }
    {
        ringbuf!(Trace, SIZE, Trace::None, no_dedup);
        ringbuf_entry!(Trace::A(1));
        assert_eq!(entries(&__RINGBUF)[0].2, 1);
    }
    {
        ringbuf!(Trace, { SIZE * 2 }, Trace::None, no_dedup);
        ringbuf_entry!(Trace::A(1));
        assert_eq!(entries(&__RINGBUF).len(), 8);
    }
    {
        ringbuf!(Option<(u8, u8)>, { SIZE * 2 }, None);
        ringbuf_entry!(Some((1, 2)));
        assert_eq!(entries(&__RINGBUF).len(), 8);
    }
}

#[cfg(not(feature = "disabled"))]
#[test]
fn a_ring_of_another_module() {
    root::record(5, Trace::B);
    assert_eq!(
        root::entries()[0],
        RingbufEntry {
            line: 5,
            generation: 1,
            count: 1,
            payload: Trace::B
        }
    );
}

#[cfg(feature = "disabled")]
#[test]
fn a_disabled_ring_keeps_nothing() {
    let ring = Ringbuf::<Trace, SIZE>::new(Trace::None);
    ring.record_entry(1, Trace::A(1));
    ring.record_entry(1, Trace::B);
    assert!(entries(&ring).is_empty());
    assert!(size_of_val(&ring) <= 3 * size_of::<usize>());
    let keep = RingbufNoDedup::<Trace, SIZE>::new(Trace::None);
    keep.record_entry(1, Trace::B);
    assert!(root::entries().is_empty());
    root::record(1, Trace::B);
    let _: Vec<RingbufEntry<Trace>> = root::entries();
}
