// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Counters of the types that events are made of.

// A constant is the one way to write a static's initial value generically.
#![allow(clippy::declare_interior_mutable_const)]

use core::convert::Infallible;
use core::sync::atomic::{AtomicU32, Ordering};

use crate::Count;

/// Counters of a [`Result`].
#[derive(Debug)]
pub struct ResultCounters<T: Count, E: Count> {
    /// Counts `Ok` by what is inside.
    pub ok: T::Counters,
    /// Counts `Err` by what is inside.
    pub err: E::Counters,
}

impl<T: Count, E: Count> Count for Result<T, E> {
    type Counters = ResultCounters<T, E>;

    const NEW_COUNTERS: Self::Counters = ResultCounters {
        ok: T::NEW_COUNTERS,
        err: E::NEW_COUNTERS,
    };

    #[inline]
    fn count(&self, counters: &Self::Counters) {
        match self {
            Ok(value) => value.count(&counters.ok),
            Err(error) => error.count(&counters.err),
        }
    }
}

/// Counters of an [`Option`].
#[derive(Debug)]
pub struct OptionCounters<T: Count> {
    /// Counts `Some` by what is inside.
    pub some: T::Counters,
    /// Counts `None`.
    pub none: AtomicU32,
}

impl<T: Count> Count for Option<T> {
    type Counters = OptionCounters<T>;

    const NEW_COUNTERS: Self::Counters = OptionCounters {
        some: T::NEW_COUNTERS,
        none: AtomicU32::new(0),
    };

    #[inline]
    fn count(&self, counters: &Self::Counters) {
        match self {
            Some(value) => value.count(&counters.some),
            None => add_one(&counters.none),
        }
    }
}

/// Counters of a [`bool`].
#[derive(Debug)]
pub struct BoolCounters {
    /// Counts `true`.
    pub r#true: AtomicU32,
    /// Counts `false`.
    pub r#false: AtomicU32,
}

impl Count for bool {
    type Counters = BoolCounters;

    const NEW_COUNTERS: Self::Counters = BoolCounters {
        r#true: AtomicU32::new(0),
        r#false: AtomicU32::new(0),
    };

    #[inline]
    fn count(&self, counters: &Self::Counters) {
        add_one(if *self {
            &counters.r#true
        } else {
            &counters.r#false
        });
    }
}

impl Count for () {
    type Counters = AtomicU32;

    const NEW_COUNTERS: Self::Counters = AtomicU32::new(0);

    #[inline]
    fn count(&self, counters: &Self::Counters) {
        add_one(counters);
    }
}

impl Count for Infallible {
    type Counters = ();

    const NEW_COUNTERS: Self::Counters = ();

    #[inline]
    fn count(&self, (): &Self::Counters) {
        match *self {}
    }
}

#[inline]
fn add_one(counter: &AtomicU32) {
    counter.fetch_add(1, Ordering::Relaxed);
}
