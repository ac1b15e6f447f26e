// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A driver on our queue and a device on rust-vmm's, over one guest memory.

use std::collections::BTreeMap;
use virtio_queue::{DescriptorChain, Queue, QueueT};
use virtqueue::{Buffer, Direction, RingMemory, Virtqueue};
use vm_memory::{Bytes, GuestAddress, GuestMemoryBackend, GuestMemoryMmap};

/// Where guest memory begins, as on the board. The ring comes first, then the buffers.
const BASE: u64 = 0x4000_0000;
const BUFFERS: u64 = BASE + 0x1_0000;
/// Bytes for one descriptor's buffer, of which each chain uses some.
const BUFFER: u64 = 64;

pub fn memory() -> GuestMemoryMmap {
    GuestMemoryMmap::from_ranges(&[(GuestAddress(BASE), 0x3_0000)]).unwrap()
}

/// Which buffers a chain has.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// One for the device to write.
    Event,
    /// One to read, one to write.
    Command,
    /// Two to read and two to write.
    Scattered,
}

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
pub enum Operation {
    /// The driver publishes so many chains, if it has them, and decides once.
    Submit { count: u16, seed: u64 },
    /// The device, if it is awake, takes so many chains, having asked for no kicks before; if there are no more it asks
    /// for kicks and sleeps.
    DeviceTakes { count: u16, suppress: bool },
    /// The device completes so many chains in any order and decides once.
    DeviceCompletes { count: u16, seed: u64 },
    /// The driver, if it was interrupted, takes so many; if there are no more it asks for interrupts and sleeps.
    Interrupted { count: u16 },
    /// The driver looks without an interrupt, having asked for none.
    Polls { count: u16 },
}

pub struct World<'m, const N: usize> {
    memory: &'m GuestMemoryMmap,
    queue: Virtqueue<'m, N>,
    device: Queue,
    shape: Shape,
    free: Vec<u16>,
    /// What was asked in each chain with the device.
    asked: BTreeMap<u16, u64>,
    /// Chains that the device works on.
    working: Vec<u16>,
    /// What the driver must find for each chain that was completed: length and reply.
    replies: BTreeMap<u16, (u32, Vec<u8>)>,
    /// The order of completion.
    order: std::collections::VecDeque<u16>,
    kicked: bool,
    interrupted: bool,
    number: u64,
    answered: u64,
}

fn pick(seed: &mut u64, below: usize) -> usize {
    *seed = seed
        .wrapping_mul(0x5851_f42d_4c95_7f2d)
        .wrapping_add(0x1405_7b7e_f767_814f);
    (*seed >> 33) as usize % below
}

impl<'m, const N: usize> World<'m, N> {
    pub fn new(
        memory: &'m GuestMemoryMmap,
        size: u16,
        event_idx: bool,
        start: u16,
        shape: Shape,
    ) -> Self {
        let host = memory.get_host_address(GuestAddress(BASE)).unwrap();
        assert!(size_of::<RingMemory<N>>() as u64 <= BUFFERS - BASE);
        // Safety: the mapping is page aligned, larger than the ring, zero (which is a valid ring), lives as long as
        // `memory`, and is reached only through atomics and through vm-memory's volatile accesses.
        let ring = unsafe { &*host.cast::<RingMemory<N>>() };
        let mut queue = Virtqueue::new(ring);
        queue.start_at(size, event_idx, start).unwrap();

        let length = match shape {
            Shape::Event => 1,
            Shape::Command => 2,
            Shape::Scattered => 4,
        };
        let (shape, length) = if length > size {
            (Shape::Event, 1)
        } else {
            (shape, length)
        };
        let mut free = Vec::new();
        for head in (0..size).step_by(usize::from(length)) {
            let buffer = |offset: u16, len, direction| Buffer {
                address: BUFFERS + u64::from(head + offset) * BUFFER,
                len,
                direction,
            };
            let reads = |offset, len| buffer(offset, len, Direction::DeviceReads);
            let writes = |offset, len| buffer(offset, len, Direction::DeviceWrites);
            let result = match shape {
                Shape::Event => queue.set_chain(head, &[writes(0, 40)]),
                Shape::Command => queue.set_chain(head, &[reads(0, 64), writes(1, 40)]),
                Shape::Scattered => queue.set_chain(
                    head,
                    &[reads(0, 64), reads(1, 5), writes(2, 3), writes(3, 37)],
                ),
            };
            result.unwrap();
            free.push(head);
        }

        let mut device = Queue::new(1024).unwrap();
        let addresses = queue.addresses();
        let guest = |host_address: u64| Some((host_address - host as u64 + BASE) as u32);
        device.set_size(size);
        device.set_desc_table_address(guest(addresses.descriptors), Some(0));
        device.set_avail_ring_address(guest(addresses.available), Some(0));
        device.set_used_ring_address(guest(addresses.used), Some(0));
        device.set_event_idx(event_idx);
        device.set_next_avail(start);
        device.set_next_used(start);
        device.set_ready(true);
        assert_eq!(device.size(), size);
        assert!(
            device.is_valid(memory),
            "the ring's layout is not what rust-vmm expects"
        );
        // A device asks for kicks from the start.
        device.enable_notification(memory).unwrap();

        Self {
            memory,
            queue,
            device,
            shape,
            free,
            asked: BTreeMap::new(),
            working: Vec::new(),
            replies: BTreeMap::new(),
            order: Default::default(),
            kicked: false,
            interrupted: false,
            number: 0,
            answered: 0,
        }
    }

    pub fn perform(&mut self, operation: Operation) {
        match operation {
            Operation::Submit { count, mut seed } => {
                for _ in 0..count.min(self.free.len() as u16) {
                    self.submit(&mut seed);
                }
                self.kicked |= self.queue.kick_needed();
            }
            Operation::DeviceTakes { count, suppress } => self.device_takes(count, suppress),
            Operation::DeviceCompletes { count, mut seed } => {
                for _ in 0..count.min(self.working.len() as u16) {
                    self.complete(&mut seed);
                }
                self.interrupted |= self.device.needs_notification(self.memory).unwrap();
            }
            Operation::Interrupted { count } => self.interrupted(count),
            Operation::Polls { count } => {
                self.queue.suppress_interrupts();
                for _ in 0..count {
                    if !self.take() {
                        break;
                    }
                }
                // It goes back to sleep as it must: what is there already counts as an interrupt.
                self.interrupted |= self.queue.enable_interrupts();
            }
        }
    }

    /// Publishes one chain with a number as its request.
    fn submit(&mut self, seed: &mut u64) {
        let head = self.free.swap_remove(pick(seed, self.free.len()));
        self.number += 1;
        self.memory
            .write_obj(
                self.number,
                GuestAddress(BUFFERS + u64::from(head) * BUFFER),
            )
            .unwrap();
        if !matches!(self.shape, Shape::Event) {
            self.queue
                .set_read_len(head, 8 + pick(seed, 57) as u32)
                .unwrap();
        }
        self.queue.publish(head).unwrap();
        self.asked.insert(head, self.number);
    }

    fn device_takes(&mut self, count: u16, suppress: bool) {
        if !self.kicked {
            return;
        }
        if suppress {
            self.device.disable_notification(self.memory).unwrap();
        }
        for _ in 0..count {
            while let Some(chain) = self.device.pop_descriptor_chain(self.memory) {
                self.look_at(chain);
                if self.working.len() >= usize::from(count) {
                    return; // awake, with more to do
                }
            }
            if !self.device.enable_notification(self.memory).unwrap() {
                self.kicked = false;
                return;
            }
        }
    }

    /// The device's view of a chain is what the driver meant.
    fn look_at(&mut self, chain: DescriptorChain<&GuestMemoryMmap>) {
        let head = chain.head_index();
        assert!(self.asked.contains_key(&head) && !self.working.contains(&head));
        let readable: Vec<_> = chain
            .clone()
            .readable()
            .map(|d| (d.addr().0, d.len()))
            .collect();
        let writable: u32 = chain.clone().writable().map(|d| d.len()).sum();
        assert_eq!(writable, 40);
        let first = BUFFERS + u64::from(head) * BUFFER;
        match self.shape {
            Shape::Event => assert!(readable.is_empty()),
            Shape::Command => assert_eq!(readable.len(), 1),
            Shape::Scattered => assert_eq!(readable[1], (first + BUFFER, 5)),
        }
        if let Some(&(address, len)) = readable.first() {
            assert_eq!(address, first);
            assert!((8..=64).contains(&len));
        }
        let asked: u64 = self.memory.read_obj(GuestAddress(first)).unwrap();
        assert_eq!(asked, self.asked[&head]);
        self.working.push(head);
    }

    /// The device answers one of its chains, writing as much as its room or less.
    fn complete(&mut self, seed: &mut u64) {
        let head = self.working.swap_remove(pick(seed, self.working.len()));
        let len = pick(seed, 41);
        let reply: Vec<u8> = (0..len)
            .map(|i| (self.asked[&head] as usize + i) as u8)
            .collect();
        let mut at = 0;
        for (address, room) in self.room(head) {
            let part = &reply[at.min(len)..(at + room).min(len)];
            self.memory
                .write_slice(part, GuestAddress(address))
                .unwrap();
            at += room;
        }
        self.device.add_used(self.memory, head, len as u32).unwrap();
        self.replies.insert(head, (len as u32, reply));
        self.order.push_back(head);
    }

    /// The buffers of a chain that the device writes.
    fn room(&self, head: u16) -> Vec<(u64, usize)> {
        let at = |offset| BUFFERS + u64::from(head + offset) * BUFFER;
        match self.shape {
            Shape::Event => vec![(at(0), 40)],
            Shape::Command => vec![(at(1), 40)],
            Shape::Scattered => vec![(at(2), 3), (at(3), 37)],
        }
    }

    fn interrupted(&mut self, count: u16) {
        if !self.interrupted {
            return;
        }
        self.interrupted = false;
        self.queue.suppress_interrupts();
        for _ in 0..count {
            if !self.take() {
                break;
            }
        }
        // Either all were taken, and it sleeps, or some are left, and it stays awake.
        self.interrupted |= self.queue.enable_interrupts();
    }

    /// Takes one chain and compares the reply. `false`: there was none.
    fn take(&mut self) -> bool {
        let used = self
            .queue
            .take_used()
            .expect("an honest device violates nothing");
        assert_eq!(used.map(|used| used.head), self.order.pop_front());
        let Some(used) = used else { return false };
        let (len, reply) = self.replies.remove(&used.head).unwrap();
        assert_eq!((used.len, used.excess), (len, false));
        let mut found = Vec::new();
        for (address, room) in self.room(used.head) {
            let mut part = vec![0; room.min(len as usize - found.len())];
            self.memory
                .read_slice(&mut part, GuestAddress(address))
                .unwrap();
            found.extend(part);
        }
        assert_eq!(found, reply);
        self.asked.remove(&used.head).unwrap();
        self.free.push(used.head);
        self.answered += 1;
        true
    }

    /// What holds after every operation.
    pub fn check(&self) {
        assert_eq!(usize::from(self.queue.in_flight()), self.asked.len());
        assert!(
            self.order.is_empty() || self.interrupted,
            "the driver sleeps over {} replies",
            self.order.len()
        );
        let offered = self.asked.len() - self.working.len() - self.replies.len();
        assert!(
            offered == 0 || self.kicked,
            "the device sleeps over {offered} chains"
        );
    }

    /// Lets both sides go on until they sleep. Everything that was asked must be answered; the result is how much.
    pub fn settle(mut self) -> u64 {
        while self.kicked || self.interrupted || !self.working.is_empty() {
            self.perform(Operation::DeviceTakes {
                count: 1024,
                suppress: true,
            });
            self.perform(Operation::DeviceCompletes {
                count: 1024,
                seed: self.number,
            });
            self.perform(Operation::Interrupted { count: 1024 });
            self.check();
        }
        assert_eq!(self.answered, self.number);
        assert_eq!(self.queue.in_flight(), 0);
        self.answered
    }
}
