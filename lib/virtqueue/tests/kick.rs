// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The kick decision, compared for all distances with what it means and with the formula of the specification.

use virtqueue::kick_due;

/// What it means: was the entry at position `avail_event` among the last `undecided` ones before `index`?
fn passed(avail_event: u16, index: u16, undecided: u32) -> bool {
    (1..=undecided.min(65536))
        .any(|back| (u32::from(index).wrapping_sub(back)) as u16 == avail_event)
}

/// The formula of the specification (2.7.7.2, 2.7.10), right for less than 65,536 entries.
fn formula(avail_event: u16, index: u16, old: u16) -> bool {
    index.wrapping_sub(avail_event).wrapping_sub(1) < index.wrapping_sub(old)
}

const COUNTS: [u32; 20] = [
    0,
    1,
    2,
    3,
    4,
    5,
    63,
    64,
    65,
    1023,
    1024,
    1025,
    32767,
    32768,
    32769,
    65534,
    65535,
    65536,
    65537,
    u32::MAX,
];

/// All 65,536 distances between event and index, at indices around the wrap.
#[test]
fn right_for_all_distances() {
    let indices: &[u16] = if cfg!(miri) {
        &[3]
    } else {
        &[0, 1, 1023, 32768, 65534, 65535]
    };
    let step = if cfg!(miri) { 4099 } else { 1 };
    for &index in indices {
        for distance in (0..=u16::MAX).step_by(step) {
            let event = index.wrapping_sub(distance);
            for undecided in COUNTS {
                // Position index - d was passed iff 1 <= d <= undecided, and d = 0 stands for 65,536 too.
                let back = if distance == 0 {
                    65536
                } else {
                    u32::from(distance)
                };
                assert_eq!(
                    kick_due(event, index, undecided),
                    back <= undecided,
                    "event {event} index {index} undecided {undecided}"
                );
            }
        }
    }
}

/// The closed form above against the plain meaning, for the counts of small and large rings and all near distances.
#[test]
fn right_by_counting() {
    let (far, large) = if cfg!(miri) {
        (8, 0..0)
    } else {
        (300, 1020..1028)
    };
    for index in [0u16, 5, 65535] {
        for undecided in (0..far).chain(large.clone()) {
            for distance in (0..far as u16 + 2).chain(1018..1030).chain(65530..=65535) {
                let event = index.wrapping_sub(distance);
                assert_eq!(
                    kick_due(event, index, undecided),
                    passed(event, index, undecided)
                );
            }
        }
    }
    if cfg!(miri) {
        return; // what follows is long
    }
    for undecided in [65535, 65536, 65537] {
        for event in [0, 1, 65535] {
            assert_eq!(kick_due(event, 0, undecided), passed(event, 0, undecided));
        }
    }
}

/// The same as the specification's formula wherever that one is defined, at every index.
#[test]
fn same_as_the_formula() {
    let step = if cfg!(miri) { 16_411 } else { 1 };
    for index in (0..=u16::MAX).step_by(step) {
        for undecided in COUNTS.into_iter().filter(|&count| count < 65536) {
            let old = index.wrapping_sub(undecided as u16);
            for event in [
                old.wrapping_sub(1),
                old,
                old.wrapping_add(1),
                index.wrapping_sub(1),
                index,
                index.wrapping_add(1),
            ] {
                assert_eq!(
                    kick_due(event, index, undecided),
                    formula(event, index, old)
                );
            }
        }
    }
}

/// The case that a decision by the last publish gets wrong: the batch crossed the event, and the wrap, two entries ago.
#[test]
fn batch_across_the_wrap() {
    assert!(kick_due(65534, 1, 3));
    assert!(!kick_due(65534, 1, 2));
}
