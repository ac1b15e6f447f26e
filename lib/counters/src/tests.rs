// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

use core::convert::Infallible;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crate::Count;

#[derive(Count, Copy, Clone, Debug, PartialEq)]
enum Inner {
    First,
    Second,
}

#[derive(Count, Copy, Clone, Debug, PartialEq)]
#[allow(dead_code)]
enum Event {
    #[count(skip)]
    None,
    Plain,
    Tuple(u32, u32),
    Named {
        value: u8,
    },
    #[count(children)]
    ByVariant(Inner),
    ByField(u8, #[count(children)] Option<Inner>),
    ByNamedField {
        #[count(children)]
        result: Result<bool, Infallible>,
        other: u8,
    },
    r#Match(()),
}

fn value(counter: &AtomicU32) -> u32 {
    counter.load(Relaxed)
}

#[test]
fn every_variant_has_its_counter() {
    let counters = Event::NEW_COUNTERS;
    Event::None.count(&counters);
    Event::Plain.count(&counters);
    Event::Plain.count(&counters);
    Event::Tuple(1, 2).count(&counters);
    Event::Named { value: 1 }.count(&counters);
    Event::r#Match(()).count(&counters);
    assert_eq!(value(&counters.Plain), 2);
    assert_eq!(value(&counters.Tuple), 1);
    assert_eq!(value(&counters.Named), 1);
    assert_eq!(value(&counters.r#Match), 1);
}

#[test]
fn children_are_counted_in_place_of_the_variant() {
    let counters = Event::NEW_COUNTERS;
    Event::ByVariant(Inner::First).count(&counters);
    Event::ByVariant(Inner::Second).count(&counters);
    Event::ByVariant(Inner::Second).count(&counters);
    assert_eq!(value(&counters.ByVariant.First), 1);
    assert_eq!(value(&counters.ByVariant.Second), 2);

    Event::ByField(9, None).count(&counters);
    Event::ByField(9, Some(Inner::Second)).count(&counters);
    assert_eq!(value(&counters.ByField.none), 1);
    assert_eq!(value(&counters.ByField.some.First), 0);
    assert_eq!(value(&counters.ByField.some.Second), 1);

    Event::ByNamedField {
        result: Ok(false),
        other: 0,
    }
    .count(&counters);
    assert_eq!(value(&counters.ByNamedField.ok.r#false), 1);
    assert_eq!(value(&counters.ByNamedField.ok.r#true), 0);
}

#[test]
fn a_counter_wraps() {
    let counters = Inner::NEW_COUNTERS;
    counters.First.store(u32::MAX, Relaxed);
    Inner::First.count(&counters);
    assert_eq!(value(&counters.First), 0);
}

#[test]
fn statics_by_default_and_by_name() {
    counters!(Inner);
    counters!(OTHER_COUNTERS, Event);
    count!(Inner::First);
    count!(OTHER_COUNTERS, Event::Plain);
    count!(OTHER_COUNTERS, Event::Plain);
    assert_eq!(value(&__COUNTERS.First), 1);
    assert_eq!(value(&OTHER_COUNTERS.Plain), 2);
}

#[test]
fn one_word_for_each_counter() {
    assert_eq!(size_of::<<Inner as Count>::Counters>(), 8);
    // Plain, Tuple, Named, Match: 4; ByVariant: 2; ByField: 3; ByNamedField: 2.
    assert_eq!(size_of::<<Event as Count>::Counters>(), 11 * 4);
}

/// A second enum with no countable variants still derives.
#[test]
fn an_enum_with_nothing_to_count() {
    #[derive(Count)]
    enum Quiet {
        #[count(skip)]
        Only,
    }
    counters!(Quiet);
    count!(Quiet::Only);
    assert_eq!(size_of_val(&__COUNTERS), 0);
}
