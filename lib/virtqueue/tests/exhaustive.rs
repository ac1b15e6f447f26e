// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Every interleaving of a driver and an honest device on the smallest rings, to some depth, with both sides falling
//! asleep: nothing is lost, nothing is handed out twice, and nobody sleeps while there is work for them.

use std::collections::{BTreeSet, VecDeque};
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

/// Both sides, and what is true.
struct World<'m, const N: usize> {
    queue: Virtqueue<'m, N>,
    device: DeviceSide<'m, N>,
    driver_asleep: bool,
    device_asleep: bool,
    /// Published, not yet popped.
    offered: VecDeque<u16>,
    /// Popped, not yet completed.
    popped: Vec<u16>,
    /// Completed, not yet taken, with the length.
    completed: VecDeque<(u16, u32)>,
    with_device: BTreeSet<u16>,
    /// Each side still has to decide whether to wake the other.
    driver_owes: bool,
    device_owes: bool,
    steps: u32,
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
        Self {
            queue,
            device,
            driver_asleep: false,
            device_asleep: true,
            offered: VecDeque::new(),
            popped: Vec::new(),
            completed: VecDeque::new(),
            with_device: BTreeSet::new(),
            driver_owes: false,
            device_owes: false,
            steps: 0,
        }
    }

    /// All steps that can be done now.
    fn choices(&self) -> Vec<Step> {
        let mut choices = Vec::new();
        if !self.driver_asleep {
            let free = (0..self.queue.size()).filter(|head| !self.with_device.contains(head));
            choices.extend(free.map(Step::Publish));
            choices.extend([Step::Take, Step::Suppress]);
            if self.driver_owes {
                choices.push(Step::Decide);
            } else {
                // A driver decides about what it published before it sleeps.
                choices.push(Step::Sleep);
            }
        }
        if !self.device_asleep {
            choices.extend([Step::Pop, Step::SuppressKicks]);
            if !self.device_owes {
                choices.push(Step::DeviceSleep);
            }
        }
        // A device may complete long after it fell asleep over the available ring.
        choices.extend((0..self.popped.len()).map(Step::Complete));
        if self.device_owes {
            choices.push(Step::Interrupt);
        }
        choices
    }

    fn perform(&mut self, step: Step) {
        self.steps += 1;
        match step {
            Step::Publish(head) => {
                self.queue.publish(head).unwrap();
                self.offered.push_back(head);
                self.with_device.insert(head);
                self.driver_owes = true;
            }
            Step::Decide => {
                if self.queue.kick_needed() {
                    self.device_asleep = false;
                }
                self.driver_owes = false;
            }
            Step::Take => {
                let expected = self.completed.pop_front().map(|(head, len)| Used {
                    head,
                    len,
                    excess: false,
                });
                if let Some(used) = expected {
                    assert!(self.with_device.remove(&used.head));
                }
                assert_eq!(self.queue.take_used(), Ok(expected));
            }
            Step::Suppress => self.queue.suppress_interrupts(),
            Step::Sleep => {
                let more = self.queue.enable_interrupts();
                assert_eq!(more, !self.completed.is_empty());
                self.driver_asleep = !more;
            }
            Step::Pop => {
                let head = self.device.pop();
                assert_eq!(head, self.offered.pop_front());
                self.popped.extend(head);
            }
            Step::Complete(which) => {
                let head = self.popped.remove(which);
                self.device.complete(u32::from(head), self.steps);
                self.completed.push_back((head, self.steps));
                self.device_owes = true;
            }
            Step::Interrupt => {
                if self.device.interrupt_due() {
                    self.driver_asleep = false;
                }
                self.device_owes = false;
            }
            Step::SuppressKicks => self.device.suppress_kicks(),
            Step::DeviceSleep => {
                let more = self.device.enable_kicks();
                assert_eq!(more, !self.offered.is_empty());
                self.device_asleep = !more;
            }
        }
    }

    fn check(&self) {
        assert_eq!(usize::from(self.queue.in_flight()), self.with_device.len());
        for head in 0..self.queue.size() {
            assert_eq!(
                self.queue.with_device(head),
                self.with_device.contains(&head)
            );
        }
        assert!(
            !self.device_asleep || self.offered.is_empty() || self.driver_owes,
            "a lost kick: the device sleeps over {:?}",
            self.offered
        );
        assert!(
            !self.driver_asleep || self.completed.is_empty() || self.device_owes,
            "a lost interrupt: the driver sleeps over {:?}",
            self.completed
        );
    }
}

/// Goes through all sequences of steps up to a depth; the result is how many steps were checked.
fn explore<const N: usize>(size: u16, event_idx: bool, index: u16, depth: usize) -> u64 {
    let memory = RingMemory::<N>::new();
    let mut checked = 0;
    // For each step of the present sequence: the choices there, and which one it is.
    let mut path: Vec<(Vec<Step>, usize)> = Vec::new();
    loop {
        let mut world = World::new(&memory, size, event_idx, index);
        for (choices, chosen) in &path {
            world.perform(choices[*chosen]);
        }
        // Everything before the last step was checked when it was the last.
        world.check();
        checked += 1;
        while path.len() < depth {
            let choices = world.choices();
            let Some(&first) = choices.first() else { break };
            path.push((choices, 0));
            world.perform(first);
            world.check();
            checked += 1;
        }
        // The next sequence in order.
        loop {
            let Some((choices, chosen)) = path.last_mut() else {
                return checked;
            };
            *chosen += 1;
            if *chosen < choices.len() {
                break;
            }
            path.pop();
        }
    }
}

fn explore_all<const N: usize>(size: u16, depth: usize, miri_depth: usize) {
    let depth = if cfg!(miri) { miri_depth } else { depth };
    for event_idx in [false, true] {
        for index in [0, 65535] {
            let checked = explore::<N>(size, event_idx, index, depth);
            assert!(
                checked > if cfg!(miri) { 10 } else { 20_000 },
                "only {checked} steps"
            );
        }
    }
}

#[test]
fn size_1() {
    explore_all::<1>(1, 10, 4);
}

#[test]
fn size_2() {
    explore_all::<2>(2, 8, 3);
}

#[test]
fn size_4() {
    explore_all::<4>(4, 7, 3);
}

/// Rings smaller than their memory: the event fields lie elsewhere.
#[test]
fn size_1_and_2_in_larger_memory() {
    explore_all::<4>(1, 8, 3);
    explore_all::<8>(2, 7, 3);
}
