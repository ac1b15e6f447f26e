// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Static event counters.
//!
//! A task names the events that it counts in an enum, and gets one 32-bit counter for each variant, in a static whose name ends
//! in `COUNTERS`, where a debugger or the task itself can read it:
//!
//! ```
//! use counters::{Count, count, counters};
//!
//! #[derive(Count, Copy, Clone)]
//! enum Event {
//!     Sent,
//!     /// Counted by the inner value: one counter for `Ok`, and those of `Why` for `Err`.
//!     Finished(#[count(children)] Result<(), Why>),
//!     /// Not worth a counter.
//!     #[count(skip)]
//!     Tick,
//! }
//!
//! #[derive(Count, Copy, Clone)]
//! enum Why {
//!     Timeout,
//!     Refused,
//! }
//!
//! counters!(Event);
//!
//! count!(Event::Sent);
//! count!(Event::Finished(Err(Why::Timeout)));
//! # use core::sync::atomic::Ordering::Relaxed;
//! assert_eq!(__COUNTERS.Sent.load(Relaxed), 1);
//! assert_eq!(__COUNTERS.Finished.err.Timeout.load(Relaxed), 1);
//! ```
//!
//! Counters wrap at 2^32 and are never cleared while the task lives; a restart sets them to zero.

#![cfg_attr(not(test), no_std)]

mod impls;

#[cfg(feature = "derive")]
pub use counters_derive::Count;
pub use impls::{BoolCounters, OptionCounters, ResultCounters};

// The derive macro writes paths that start with `::counters`, which this crate's own tests need too.
extern crate self as counters;

/// An event that can be counted. Usually derived.
///
/// `#[derive(Count)]` works on enums. Each variant gets a counter, a field of the structure `<Enum>Counts` with the variant's name,
/// unless an attribute says otherwise:
///
/// - `#[count(skip)]` on a variant: it has no counter.
/// - `#[count(children)]` on a variant with one field, or on one field of a variant: that value's own counters take the place of
///   the variant's.
pub trait Count {
    /// The counters, one [`AtomicU32`](core::sync::atomic::AtomicU32) for each countable value.
    type Counters;

    /// All counters at zero: what a static starts with.
    // A constant is the one way to write a static's initial value generically; every use makes fresh counters, which is meant.
    #[allow(clippy::declare_interior_mutable_const)]
    const NEW_COUNTERS: Self::Counters;

    /// Adds one to this event's counter.
    fn count(&self, counters: &Self::Counters);
}

/// Makes the static that counts events of a type.
///
/// `counters!(Event)` makes `__COUNTERS`, which [`count!`] uses when it is given no name; `counters!(NAME, Event)` makes `NAME`,
/// which should end in `COUNTERS` so that debuggers find it.
#[macro_export]
macro_rules! counters {
    ($name:ident, $event:ty $(,)?) => {
        #[used]
        static $name: <$event as $crate::Count>::Counters = <$event as $crate::Count>::NEW_COUNTERS;
    };
    ($event:ty $(,)?) => {
        $crate::counters!(__COUNTERS, $event);
    };
}

/// Counts an event: `count!(event)` in the `__COUNTERS` in scope, `count!(NAME, event)` in another static.
#[macro_export]
macro_rules! count {
    ($counters:expr, $event:expr $(,)?) => {
        $crate::Count::count(&$event, &$counters)
    };
    ($event:expr $(,)?) => {
        $crate::count!(__COUNTERS, $event)
    };
}

#[cfg(all(test, feature = "derive"))]
mod tests;
