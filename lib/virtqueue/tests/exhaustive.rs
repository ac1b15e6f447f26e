// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Every interleaving of a driver and an honest device on the smallest rings, to some depth, with both sides falling
//! asleep: nothing is lost, nothing is handed out twice, and nobody sleeps while there is work for them.
//!
//! States that agree in everything that either side, the memory, and the books hold are followed once.

use std::collections::{BTreeSet, HashSet, VecDeque};
use virtqueue::device::DeviceSide;
use virtqueue::{Buffer, Direction, RingMemory, Used, Virtqueue};

/// One step of either side.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The driver publishes this chain.
    Publish(u16),
    /// The driver decides about a kick, and kicks.
    Decide,
    /// The driver takes what there is, once.
    Take,
    /// The driver asks for no interrupts.
    Suppress,
    /// The driver asks for interrupts, and sleeps unless something slipped in.
    Sleep,
    /// The device takes a chain.
    Pop,
    /// The device completes the chain that it has had for longest, counting from this one.
    Complete(usize),
    /// The device decides about an interrupt, and interrupts.
    Interrupt,
    /// The device asks for no kicks.
    SuppressKicks,
    /// The device asks for kicks, and sleeps unless something slipped in.
    DeviceSleep,
}

/// What is true: also all that tells one state from another.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Truth {
    driver_asleep: bool,
    device_asleep: bool,
    /// Published, not yet popped.
    offered: VecDeque<u16>,
    /// Popped, not yet completed.
    popped: Vec<u16>,
    /// Completed, not yet taken.
    completed: VecDeque<u16>,
    with_device: BTreeSet<u16>,
    /// Entries about which a side still has to decide whether to wake the other.
    driver_owes: u16,
    device_owes: u16,
    /// How many entries were published and completed so far.
    published: u16,
    used: u16,
    /// Of the completed ones, those whose index the driver has read already, and the heads that it
    /// published since, as long as some of those are left.
    left: usize,
    fresh: BTreeSet<u16>,
    /// What each side asked for last: the other's index at which it wants to be woken, or never.
    interrupt_at: Option<u16>,
    kick_at: Option<u16>,
}

/// Both sides.
struct World<'m, const N: usize> {
    queue: Virtqueue<'m, N>,
    device: DeviceSide<'m, N>,
    truth: Truth,
}

impl<'m, const N: usize> World<'m, N> {
    fn new(memory: &'m RingMemory<N>, size: u16, event_idx: bool, index: u16) -> Self {
        let mut queue = Virtqueue::new(memory);
        queue.start_at(size, event_idx, index).unwrap();
        let buffer = Buffer {
            address: 0x1000,
            len: 136,
            direction: Direction::DeviceWrites,
        };
        for head in 0..size {
            queue.set_chain(head, &[buffer]).unwrap();
        }
        let device = DeviceSide::new_at(memory, size, event_idx, index);
        // A device asks for kicks from the start.
        device.set_avail_event(index);
        let truth = Truth {
            driver_asleep: false,
            device_asleep: true,
            offered: VecDeque::new(),
            popped: Vec::new(),
            completed: VecDeque::new(),
            with_device: BTreeSet::new(),
            driver_owes: 0,
            device_owes: 0,
            published: 0,
            used: 0,
            left: 0,
            fresh: BTreeSet::new(),
            interrupt_at: Some(0),
            kick_at: Some(0),
        };
        Self {
            queue,
            device,
            truth,
        }
    }

    /// All steps that can be done now.
    fn choices(&self) -> Vec<Step> {
        let truth = &self.truth;
        let mut choices = Vec::new();
        if !truth.driver_asleep {
            let free = (0..self.queue.size()).filter(|head| !truth.with_device.contains(head));
            choices.extend(free.map(Step::Publish));
            choices.extend([Step::Take, Step::Suppress]);
            if truth.driver_owes != 0 {
                choices.push(Step::Decide);
            } else {
                // A driver decides about what it published before it sleeps.
                choices.push(Step::Sleep);
            }
        }
        if !truth.device_asleep {
            choices.extend([Step::Pop, Step::SuppressKicks]);
            if truth.device_owes == 0 {
                choices.push(Step::DeviceSleep);
            }
        }
        // A device may complete long after it fell asleep over the available ring.
        choices.extend((0..truth.popped.len()).map(Step::Complete));
        if truth.device_owes != 0 {
            choices.push(Step::Interrupt);
        }
        choices
    }

    fn perform(&mut self, step: Step) {
        let truth = &mut self.truth;
        match step {
            Step::Publish(head) => {
                self.queue.publish(head).unwrap();
                truth.offered.push_back(head);
                truth.with_device.insert(head);
                if truth.left > 0 {
                    truth.fresh.insert(head);
                }
                truth.published += 1;
                truth.driver_owes += 1;
            }
            Step::Decide => {
                if self.queue.kick_needed() {
                    truth.device_asleep = false;
                }
                truth.driver_owes = 0;
            }
            Step::Take => {
                if truth.left == 0 {
                    truth.left = truth.completed.len();
                    truth.fresh.clear();
                }
                let expected = truth.completed.pop_front().map(|head| Used {
                    head,
                    len: u32::from(head) + 5,
                    excess: false,
                });
                if let Some(used) = expected {
                    assert!(truth.with_device.remove(&used.head));
                    truth.left -= 1;
                    assert!(!truth.fresh.contains(&used.head));
                    if truth.left == 0 {
                        truth.fresh.clear();
                    }
                }
                assert_eq!(self.queue.take_used(), Ok(expected));
            }
            Step::Suppress => {
                self.queue.suppress_interrupts();
                truth.interrupt_at = None;
            }
            Step::Sleep => {
                let more = self.queue.enable_interrupts();
                assert_eq!(more, !truth.completed.is_empty());
                truth.driver_asleep = !more;
                truth.interrupt_at = Some(truth.used - truth.completed.len() as u16);
            }
            Step::Pop => {
                let head = self.device.pop();
                assert_eq!(head, truth.offered.pop_front());
                truth.popped.extend(head);
            }
            Step::Complete(which) => {
                let head = truth.popped.remove(which);
                self.device.complete(u32::from(head), u32::from(head) + 5);
                truth.completed.push_back(head);
                truth.used += 1;
                truth.device_owes += 1;
            }
            Step::Interrupt => {
                if self.device.interrupt_due() {
                    truth.driver_asleep = false;
                }
                truth.device_owes = 0;
            }
            Step::SuppressKicks => {
                self.device.suppress_kicks();
                truth.kick_at = None;
            }
            Step::DeviceSleep => {
                let more = self.device.enable_kicks();
                assert_eq!(more, !truth.offered.is_empty());
                truth.device_asleep = !more;
                truth.kick_at = Some(truth.published - truth.offered.len() as u16);
            }
        }
    }

    fn check(&self) {
        let truth = &self.truth;
        assert_eq!(usize::from(self.queue.in_flight()), truth.with_device.len());
        for head in 0..self.queue.size() {
            assert_eq!(
                self.queue.with_device(head),
                truth.with_device.contains(&head)
            );
        }
        assert!(
            !truth.device_asleep || truth.offered.is_empty() || truth.driver_owes != 0,
            "a lost kick: the device sleeps over {:?}",
            truth.offered
        );
        assert!(
            !truth.driver_asleep || truth.completed.is_empty() || truth.device_owes != 0,
            "a lost interrupt: the driver sleeps over {:?}",
            truth.completed
        );
    }
}

/// Goes through all states that up to `depth` steps lead to; the result is how many there are.
fn explore<const N: usize>(size: u16, event_idx: bool, index: u16, depth: usize) -> usize {
    let memory = RingMemory::<N>::new();
    let after = |path: &[Step]| {
        let mut world = World::new(&memory, size, event_idx, index);
        for &step in path {
            world.perform(step);
        }
        world
    };
    let mut known = HashSet::from([after(&[]).truth]);
    let mut paths: Vec<Vec<Step>> = vec![Vec::new()];
    for _ in 0..depth {
        let mut longer = Vec::new();
        for path in paths {
            for step in after(&path).choices() {
                let mut path = path.clone();
                path.push(step);
                let world = after(&path);
                world.check();
                if known.insert(world.truth) {
                    longer.push(path);
                }
            }
        }
        paths = longer;
    }
    known.len()
}

fn explore_all<const N: usize>(size: u16, depth: usize, miri_depth: usize) {
    let depth = if cfg!(miri) { miri_depth } else { depth };
    for event_idx in [false, true] {
        for index in [65535, 0] {
            if cfg!(miri) && event_idx != (index == 65535) {
                continue; // half of it has to do
            }
            let states = explore::<N>(size, event_idx, index, depth);
            assert!(cfg!(miri) || states > 1_000, "only {states} states");
        }
    }
}

#[test]
fn size_1() {
    explore_all::<1>(1, 28, 4);
}

#[test]
fn size_2() {
    explore_all::<2>(2, 14, 2);
}

#[test]
fn size_4() {
    explore_all::<4>(4, 9, 2);
}

/// Rings smaller than their memory: the event fields lie elsewhere.
#[test]
fn size_1_and_2_in_larger_memory() {
    explore_all::<4>(1, 18, 2);
    explore_all::<8>(2, 11, 2);
}
