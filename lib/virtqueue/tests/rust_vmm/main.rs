// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Properties of the queue with rust-vmm's `virtio-queue`, an independent reading of the specification, as the device.
//!
//! Both sides do real work: a request with its number goes out, the device reads it through its own view of the chain
//! and writes a reply, and the driver finds that reply where it belongs. Both sides sleep, and only kicks and interrupts
//! that the decisions ask for wake them; at the end nothing may be left.

#![cfg(not(miri))]

mod world;

use proptest::prelude::*;
use world::{Operation, Shape, World};

/// Turns a run-time ring size into memory of exactly that size.
macro_rules! exactly {
    ($size:expr, $call:ident($($argument:expr),*)) => {
        match $size {
            1 => $call::<1>($($argument),*),
            2 => $call::<2>($($argument),*),
            4 => $call::<4>($($argument),*),
            8 => $call::<8>($($argument),*),
            16 => $call::<16>($($argument),*),
            32 => $call::<32>($($argument),*),
            64 => $call::<64>($($argument),*),
            128 => $call::<128>($($argument),*),
            256 => $call::<256>($($argument),*),
            512 => $call::<512>($($argument),*),
            _ => $call::<1024>($($argument),*),
        }
    };
}

#[derive(Clone, Debug)]
struct Case {
    size: u16,
    /// Memory for 1024 entries instead of `size`.
    roomy: bool,
    event_idx: bool,
    start: u16,
    shape: Shape,
    operations: Vec<Operation>,
}

fn operation(size: u16) -> impl Strategy<Value = Operation> {
    // Batches of all lengths, small ones more often.
    let count = prop_oneof![3 => 1..=4u16, 1 => 1..=size];
    prop_oneof![
        4 => (count.clone(), any::<u64>()).prop_map(|(count, seed)| Operation::Submit { count, seed }),
        3 => (count.clone(), any::<bool>()).prop_map(|(count, suppress)| Operation::DeviceTakes { count, suppress }),
        4 => (count.clone(), any::<u64>()).prop_map(|(count, seed)| Operation::DeviceCompletes { count, seed }),
        2 => count.clone().prop_map(|count| Operation::Interrupted { count }),
        2 => count.prop_map(|count| Operation::Polls { count }),
    ]
}

fn case() -> impl Strategy<Value = Case> {
    (
        0..=10u32,
        any::<bool>(),
        any::<bool>(),
        prop_oneof![Just(0), 65400..=65535u16, any::<u16>()],
    )
        .prop_flat_map(|(log, roomy, event_idx, start)| {
            let size = 1 << log;
            let shape = prop_oneof![
                Just(Shape::Event),
                Just(Shape::Command),
                Just(Shape::Scattered)
            ];
            (shape, prop::collection::vec(operation(size), 1..150)).prop_map(
                move |(shape, operations)| Case {
                    size,
                    roomy,
                    event_idx,
                    start,
                    shape,
                    operations,
                },
            )
        })
}

fn run<const N: usize>(case: &Case) -> u64 {
    let memory = world::memory();
    let mut world = World::<N>::new(&memory, case.size, case.event_idx, case.start, case.shape);
    for operation in &case.operations {
        world.perform(*operation);
        world.check();
    }
    world.settle()
}

fn run_case(case: &Case) -> u64 {
    if case.roomy {
        run::<1024>(case)
    } else {
        exactly!(case.size, run(case))
    }
}

proptest! {
    #![proptest_config(test_props::config(400, 1))]

    #[test]
    fn random_histories(case in case()) {
        run_case(&case);
    }
}

/// Every size, both modes, each in exact and in roomy memory, across the wrap of the indices with full batches.
#[test]
fn full_batches_across_the_wrap_for_every_size() {
    for log in 0..=10 {
        let size = 1u16 << log;
        for event_idx in [false, true] {
            for roomy in [false, true] {
                let turns = 4 + 64 / u64::from(size);
                let operations = (0..turns).flat_map(|turn| {
                    [
                        Operation::Submit {
                            count: size,
                            seed: turn,
                        },
                        Operation::DeviceTakes {
                            count: size,
                            suppress: turn % 2 == 0,
                        },
                        Operation::DeviceCompletes {
                            count: size,
                            seed: turn,
                        },
                        Operation::Interrupted { count: size },
                    ]
                });
                let case = Case {
                    size,
                    roomy,
                    event_idx,
                    start: 0u16.wrapping_sub(3 * size / 2),
                    shape: Shape::Event,
                    operations: operations.collect(),
                };
                assert_eq!(run_case(&case), turns * u64::from(size));
            }
        }
    }
}

/// One command after the other through several turns of the 16-bit index.
#[test]
fn one_at_a_time_through_whole_turns_of_the_index() {
    for event_idx in [false, true] {
        let operations = (0..70_000).flat_map(|number| {
            [
                Operation::Submit {
                    count: 1,
                    seed: number,
                },
                Operation::DeviceTakes {
                    count: 1,
                    suppress: false,
                },
                Operation::DeviceCompletes {
                    count: 1,
                    seed: number,
                },
                Operation::Interrupted { count: 1 },
            ]
        });
        let case = Case {
            size: 4,
            roomy: false,
            event_idx,
            start: 65535,
            shape: Shape::Command,
            operations: operations.collect(),
        };
        assert_eq!(run_case(&case), 70_000);
    }
}
