// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The ring itself.

use crate::{RecordEntry, StaticCell};

/// One entry of a ring.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct RingbufEntry<T> {
    /// The source line that recorded it.
    pub line: u16,
    /// How often this place of the ring was used, modulo 65 536.
    pub generation: u16,
    /// How often it was recorded in a row; 0 in a place not used yet.
    pub count: u32,
    /// What was recorded.
    pub payload: T,
}

/// The entries of a ring.
#[derive(Debug)]
pub struct Ring<T, const N: usize> {
    /// Index of the entry recorded last.
    last: Option<usize>,
    #[cfg(not(feature = "disabled"))]
    buffer: [RingbufEntry<T>; N],
    #[cfg(feature = "disabled")]
    buffer: [RingbufEntry<T>; 0],
}

impl<T: Copy, const N: usize> Ring<T, N> {
    #[cfg_attr(feature = "disabled", allow(unused_variables))]
    const fn new(init: T) -> Self {
        const { assert!(N > 0, "a ringbuf needs room for at least one entry") };
        Self {
            last: None,
            #[cfg(not(feature = "disabled"))]
            buffer: [RingbufEntry {
                line: 0,
                generation: 0,
                count: 0,
                payload: init,
            }; N],
            #[cfg(feature = "disabled")]
            buffer: [],
        }
    }

    /// All entries, in the order of the memory, not of time; none when rings are disabled.
    pub fn entries(&self) -> &[RingbufEntry<T>] {
        &self.buffer
    }

    /// Index in [`entries`](Self::entries) of the one recorded last; the next one in the ring is the oldest.
    pub fn last(&self) -> Option<usize> {
        self.last
    }

    fn push(&mut self, line: u16, payload: T) {
        let next = self.last.map_or(0, |last| last.wrapping_add(1));
        let next = if next < self.buffer.len() { next } else { 0 };
        // Only a disabled ring has no entry there.
        if let Some(entry) = self.buffer.get_mut(next) {
            *entry = RingbufEntry {
                line,
                generation: entry.generation.wrapping_add(1),
                count: 1,
                payload,
            };
            self.last = Some(next);
        }
    }

    fn last_entry(&mut self) -> Option<&mut RingbufEntry<T>> {
        self.buffer.get_mut(self.last?)
    }
}

/// How a ring treats an entry that equals the last one.
pub trait Dedup<T> {
    /// Whether `payload` is the same as that of the last entry, so that only its count changes.
    fn same(last: &T, payload: &T) -> bool;
}

/// Equal entries are folded into one.
#[derive(Debug)]
pub enum Fold {}

impl<T: PartialEq> Dedup<T> for Fold {
    #[inline(always)]
    fn same(last: &T, payload: &T) -> bool {
        last == payload
    }
}

/// Every entry takes a place.
#[derive(Debug)]
pub enum Keep {}

impl<T> Dedup<T> for Keep {
    #[inline(always)]
    fn same(_: &T, _: &T) -> bool {
        false
    }
}

/// A ring in a static; made by [`ringbuf!`](crate::ringbuf!).
#[derive(Debug)]
pub struct RingEntry<T, const N: usize, D> {
    ring: StaticCell<Ring<T, N>>,
    // `fn() -> D` is `Sync` whatever `D` is.
    dedup: core::marker::PhantomData<fn() -> D>,
}

/// A ring that folds equal entries into one.
pub type Ringbuf<T, const N: usize> = RingEntry<T, N, Fold>;

/// A ring in which every entry takes a place.
pub type RingbufNoDedup<T, const N: usize> = RingEntry<T, N, Keep>;

impl<T: Copy, const N: usize, D> RingEntry<T, N, D> {
    /// A ring whose entries hold `init` until they are used.
    pub const fn new(init: T) -> Self {
        Self {
            ring: StaticCell::new(Ring::new(init)),
            dedup: core::marker::PhantomData,
        }
    }

    /// Runs `reader` on the entries, unless they are being changed.
    pub fn with<R>(&self, reader: impl FnOnce(&Ring<T, N>) -> R) -> Option<R> {
        self.ring.try_with(|ring| reader(ring))
    }
}

impl<T: Copy, const N: usize, D: Dedup<T>> RecordEntry<T> for RingEntry<T, N, D> {
    #[inline]
    fn record_entry(&self, line: u16, payload: T) {
        // One copy of this for each ring and not for each entry: tasks record in many places.
        #[inline(never)]
        fn record<T: Copy, const N: usize, D: Dedup<T>>(
            ring: &StaticCell<Ring<T, N>>,
            line: u16,
            payload: T,
        ) {
            // An entry recorded while another one is being recorded is dropped.
            let _: Option<()> = ring.try_with(|ring| {
                if let Some(last) = ring.last_entry()
                    && last.line == line
                    && D::same(&last.payload, &payload)
                    && last.count < u32::MAX
                {
                    last.count += 1;
                    return;
                }
                ring.push(line, payload);
            });
        }

        if cfg!(not(feature = "disabled")) {
            record::<T, N, D>(&self.ring, line, payload);
        }
    }
}
