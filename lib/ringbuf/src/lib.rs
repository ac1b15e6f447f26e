// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Static trace rings: the last few things that a task did, kept where a debugger finds them.
//!
//! A ring is a static whose name ends in `RINGBUF`. It holds the last `N` *entries*: a payload, the source line that recorded it, how
//! often the same happened in a row, and how often that place in the ring was used (its *generation*), which tells old from new.
//!
//! ```
//! use ringbuf::{ringbuf, ringbuf_entry};
//!
//! #[derive(Copy, Clone, PartialEq)]
//! enum Trace {
//!     None,
//!     Started { slot: u8 },
//!     Failed(u32),
//! }
//!
//! ringbuf!(Trace, 16, Trace::None);
//!
//! fn work() {
//!     ringbuf_entry!(Trace::Started { slot: 31 });
//! }
//! # work();
//! # __RINGBUF.with(|ring| assert!(ring.entries().iter().take(1).all(|e| e.payload == Trace::Started { slot: 31 })));
//! ```
//!
//! One `enum Trace` for each module is the custom, with a variant `None` for the places not used yet, and small, typed payloads. For a
//! ring that also counts each variant for ever, derive [`counters::Count`] and use [`counted_ringbuf!`].
//!
//! Recording never panics and never waits: an entry that is recorded while another is being recorded (from a `PartialEq` of the payload, say)
//! is dropped.

#![cfg_attr(not(test), no_std)]

mod cell;
mod ring;

pub use cell::StaticCell;
pub use ring::{Dedup, Fold, Keep, Ring, RingEntry, Ringbuf, RingbufEntry, RingbufNoDedup};

#[cfg(feature = "counters")]
mod counted;
#[cfg(feature = "counters")]
pub use counted::CountedRingbuf;
#[cfg(feature = "counters")]
pub use counters;

/// Something that entries can be recorded in: what [`ringbuf_entry!`] calls.
pub trait RecordEntry<T> {
    /// Records `payload` as coming from source line `line`.
    fn record_entry(&self, line: u16, payload: T);
}

/// Makes a trace ring.
///
/// `ringbuf!([NAME,] Type, N, init [, no_dedup])`: `Type` is `Copy` and, without `no_dedup`, `PartialEq`; `N` is how many entries there are,
/// at least one; `init` is what unused entries hold. The static is called `__RINGBUF` unless it is given a name.
///
/// An entry that equals the last one, payload and line, only adds to its count, unless `no_dedup` is given.
#[macro_export]
macro_rules! ringbuf {
    ($name:ident, $t:ty, $n:expr, $init:expr, no_dedup $(,)?) => {
        #[used]
        #[allow(unused_braces)]
        static $name: $crate::RingbufNoDedup<$t, { $n }> = $crate::RingbufNoDedup::new($init);
    };
    ($t:ty, $n:literal, $init:expr, no_dedup $(,)?) => {
        $crate::ringbuf!(__RINGBUF, $t, $n, $init, no_dedup);
    };
    ($t:ty, $n:path, $init:expr, no_dedup $(,)?) => {
        $crate::ringbuf!(__RINGBUF, $t, $n, $init, no_dedup);
    };
    ($t:ty, $n:block, $init:expr, no_dedup $(,)?) => {
        $crate::ringbuf!(__RINGBUF, $t, $n, $init, no_dedup);
    };
    ($name:ident, $t:ty, $n:expr, $init:expr $(,)?) => {
        #[used]
        #[allow(unused_braces)]
        static $name: $crate::Ringbuf<$t, { $n }> = $crate::Ringbuf::new($init);
    };
    ($t:ty, $n:expr, $init:expr $(,)?) => {
        $crate::ringbuf!(__RINGBUF, $t, $n, $init);
    };
}

/// Makes a trace ring that also counts.
///
/// Takes what [`ringbuf!`] takes; the type must be an enum that derives [`counters::Count`] as well. The counters are in the same static,
/// beside the ring, and count every entry, those that the ring drops or folds into one too.
#[cfg(all(feature = "counters", not(feature = "counters-disabled")))]
#[macro_export]
macro_rules! counted_ringbuf {
    ($name:ident, $t:ty, $n:expr, $init:expr, no_dedup $(,)?) => {
        #[used]
        #[allow(unused_braces)]
        static $name: $crate::CountedRingbuf<$t, $crate::RingbufNoDedup<$t, { $n }>> =
            $crate::CountedRingbuf::new($crate::RingbufNoDedup::new($init));
    };
    ($t:ty, $n:literal, $init:expr, no_dedup $(,)?) => {
        $crate::counted_ringbuf!(__RINGBUF, $t, $n, $init, no_dedup);
    };
    ($t:ty, $n:path, $init:expr, no_dedup $(,)?) => {
        $crate::counted_ringbuf!(__RINGBUF, $t, $n, $init, no_dedup);
    };
    ($t:ty, $n:block, $init:expr, no_dedup $(,)?) => {
        $crate::counted_ringbuf!(__RINGBUF, $t, $n, $init, no_dedup);
    };
    ($name:ident, $t:ty, $n:expr, $init:expr $(,)?) => {
        #[used]
        #[allow(unused_braces)]
        static $name: $crate::CountedRingbuf<$t, $crate::Ringbuf<$t, { $n }>> =
            $crate::CountedRingbuf::new($crate::Ringbuf::new($init));
    };
    ($t:ty, $n:expr, $init:expr $(,)?) => {
        $crate::counted_ringbuf!(__RINGBUF, $t, $n, $init);
    };
}

/// Makes a plain trace ring: counters are switched off.
#[cfg(not(all(feature = "counters", not(feature = "counters-disabled"))))]
#[macro_export]
macro_rules! counted_ringbuf {
    ($($argument:tt)*) => {
        $crate::ringbuf!($($argument)*);
    };
}

/// Records an entry: `ringbuf_entry!(payload)` in the `__RINGBUF` in scope, `ringbuf_entry!(NAME, payload)` in another ring.
#[macro_export]
macro_rules! ringbuf_entry {
    ($ring:expr, $payload:expr $(,)?) => {{
        // Both are evaluated before the ring is touched: they may record entries of their own.
        let (ring, payload) = (&$ring, $payload);
        $crate::RecordEntry::record_entry(ring, ::core::line!() as u16, payload);
    }};
    ($payload:expr $(,)?) => {
        $crate::ringbuf_entry!(__RINGBUF, $payload)
    };
}

/// Records an entry in a ring of the crate's root module, from any module: `ringbuf_entry_root!([NAME,] payload)`.
#[macro_export]
// The crate that uses the macro is the one that is meant.
#[allow(clippy::crate_in_macro_def)]
macro_rules! ringbuf_entry_root {
    ($ring:ident, $payload:expr $(,)?) => {
        $crate::ringbuf_entry!(crate::$ring, $payload)
    };
    ($payload:expr $(,)?) => {
        $crate::ringbuf_entry!(crate::__RINGBUF, $payload)
    };
}

#[cfg(test)]
mod tests;
