// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The whole channel with rust-vmm's `virtio-queue`, an independent reading of the specification, as the device.
//!
//! Both sides sleep, and only kicks and interrupts that their decisions ask for wake them. In the end every command must be
//! answered with what was sent, and every event must have arrived.

#![cfg(not(miri))]

mod support;

use drv_virtio_scmi::{
    Cause, ClientConfig, EVENT_IDX, Handle, Owner, P2A_CHANNELS, QueueMemory, Rule, Rules,
    VERSION_1,
};
use std::collections::HashMap;
use support::world::wish;
use support::{Setup, Told, World, header, run_over};
use virtio_queue::{Queue, QueueT};
use vm_memory::mmap::MmapRegionBuilder;
use vm_memory::{
    Bytes, GuestAddress, GuestMemoryBackend, GuestMemoryMmap, GuestMemoryRegion, GuestRegionMmap,
    MmapRegion,
};

const CLIENT: Owner = Owner(1);

static CONFIG: ClientConfig = ClientConfig {
    task: 1,
    slots: u16::MAX,
    events: 200,
    subscriptions: 1,
    batch: 4,
    event_bits: 1,
    rules: Rules::new(&[Rule::ALL]),
};

fn pick(seed: &mut u64, below: usize) -> usize {
    *seed = seed
        .wrapping_mul(0x5851_f42d_4c95_7f2d)
        .wrapping_add(0x1405_7b7e_f767_814f);
    (*seed >> 33) as usize % below
}

/// Guest memory whose guest addresses are its host addresses, as the driver's memory is identity mapped.
fn identity_mapped(size: usize) -> GuestMemoryMmap {
    let region: MmapRegion = MmapRegionBuilder::new(size)
        .with_mmap_prot(3) // read, write
        .with_mmap_flags(0x4022) // anonymous, private, no reserve
        .build()
        .unwrap();
    let address = GuestAddress(region.as_ptr().addr() as u64);
    let region = GuestRegionMmap::new(region, address).unwrap();
    GuestMemoryMmap::from_regions(vec![region]).unwrap()
}

struct Device<'g> {
    memory: &'g GuestMemoryMmap,
    commands: Queue,
    events: Queue,
    /// Commands that it took: head, request, address of the reply.
    taken: Vec<(u16, Vec<u8>, GuestAddress)>,
    kicked: bool,
}

fn queue(
    memory: &GuestMemoryMmap,
    size: u16,
    addresses: virtqueue::Addresses,
    event_idx: bool,
) -> Queue {
    let mut queue = Queue::new(1024).unwrap();
    let split = |address: u64| (Some(address as u32), Some((address >> 32) as u32));
    queue.set_size(size);
    let (low, high) = split(addresses.descriptors);
    queue.set_desc_table_address(low, high);
    let (low, high) = split(addresses.available);
    queue.set_avail_ring_address(low, high);
    let (low, high) = split(addresses.used);
    queue.set_used_ring_address(low, high);
    queue.set_event_idx(event_idx);
    queue.set_ready(true);
    assert!(queue.is_valid(memory));
    queue.enable_notification(memory).unwrap();
    queue
}

impl Device<'_> {
    /// Takes what is in the command ring, if it was kicked, until there is no more.
    fn take(&mut self) {
        if !self.kicked {
            return;
        }
        loop {
            self.commands.disable_notification(self.memory).unwrap();
            while let Some(chain) = self.commands.pop_descriptor_chain(self.memory) {
                let head = chain.head_index();
                let parts: Vec<_> = chain.collect();
                assert_eq!(parts.len(), 2, "not a chain of two");
                assert!(!parts[0].is_write_only() && parts[1].is_write_only());
                assert_eq!(parts[1].len(), 136);
                let mut request = vec![0; parts[0].len() as usize];
                self.memory
                    .read_slice(&mut request, parts[0].addr())
                    .unwrap();
                self.taken.push((head, request, parts[1].addr()));
            }
            if !self.commands.enable_notification(self.memory).unwrap() {
                self.kicked = false;
                return;
            }
        }
    }

    /// Answers so many commands, in any order: the header, SUCCESS, and the parameters again.
    fn answer(&mut self, count: usize, seed: &mut u64) -> bool {
        for _ in 0..count.min(self.taken.len()) {
            let (head, request, reply) = self.taken.swap_remove(pick(seed, self.taken.len()));
            let (header, parameters) = request.split_at(4);
            let mut message = header.to_vec();
            message.extend_from_slice(&[0; 4]);
            message.extend_from_slice(parameters);
            self.memory.write_slice(&message, reply).unwrap();
            self.commands
                .add_used(self.memory, head, message.len() as u32)
                .unwrap();
        }
        self.commands.needs_notification(self.memory).unwrap()
    }

    /// Sends a sensor's event, if there is a buffer.
    fn event(&mut self, value: u32) -> Option<bool> {
        let chain = self.events.pop_descriptor_chain(self.memory)?;
        let head = chain.head_index();
        let part = chain.last().unwrap();
        assert!(part.is_write_only() && part.len() == 136);
        let words = [header(0x15, 1, 3, 0), 0, 7, value, 0, 0, 0];
        let message: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.memory.write_slice(&message, part.addr()).unwrap();
        self.events
            .add_used(self.memory, head, message.len() as u32)
            .unwrap();
        Some(self.events.needs_notification(self.memory).unwrap())
    }
}

/// Plays with a ring of `R` entries, of which the device allows `max`, until so many commands and events went through.
fn play<const R: usize, const S: usize, const E: usize>(max: u16, event_idx: bool, goal: u32) {
    let guest = identity_mapped(size_of::<QueueMemory<R, S, E>>().next_multiple_of(4096));
    let base = guest.iter().next().unwrap().start_addr();
    let host = guest.get_host_address(base).unwrap();
    // Safety: the mapping is page aligned, large enough, zero (which is valid), lives as long as `guest`, and is reached only
    // through atomics and vm-memory's volatile accesses.
    let memory = unsafe { &*host.cast::<QueueMemory<R, S, E>>() };
    let offered = VERSION_1 | P2A_CHANNELS | if event_idx { EVENT_IDX } else { 0 };
    let setup = Setup {
        offered,
        queue_max: [max, max],
        clients: std::slice::from_ref(&CONFIG),
        ..Setup::default()
    };
    run_over(memory, setup, |world| {
        let [commands, events] = world.transport.sizes;
        let device = Device {
            memory: &guest,
            commands: queue(
                &guest,
                commands,
                memory.command_ring().addresses(),
                event_idx,
            ),
            events: queue(&guest, events, memory.event_ring().addresses(), event_idx),
            taken: Vec::new(),
            kicked: true,
        };
        exchange_until(world, device, max, event_idx, goal);
    });
}

/// Sends commands and events until so many went through. The device is reached through its own queues only.
fn exchange_until<const R: usize, const S: usize, const E: usize>(
    world: &mut World<'_, R, S, E>,
    mut device: Device<'_>,
    max: u16,
    event_idx: bool,
    goal: u32,
) {
    let commands = world.driver.command_ring();
    let mut seed = u64::from(max) << 1 | u64::from(event_idx);
    let mut waiting: HashMap<Handle, Vec<u8>> = HashMap::new();
    let (mut sent, mut answered, mut told, mut heard) = (0u32, 0u32, 0u32, 0u32);
    let mut subscribed = false;
    world.try_subscribe(CLIENT, 0x15, 1, 7).unwrap();
    let mut interrupted = true;
    let mut idle = 0;
    let mut before = (0, 0, 0, 0);
    while answered < goal || heard < goal / 4 || !waiting.is_empty() {
        let kicks = world.transport.kicks[0];
        match pick(&mut seed, 6) {
            0 | 1 if sent < goal => {
                // A batch with one kick decision.
                for _ in 0..=pick(&mut seed, usize::from(commands)) {
                    let mut parameters = vec![0; pick(&mut seed, 125) + 4];
                    parameters[..4].copy_from_slice(&sent.to_le_bytes());
                    let command = wish(0x17, sent as u8 & 0xf);
                    let Ok(handle) = world.submit_without_kick(CLIENT, &command, &parameters)
                    else {
                        break;
                    };
                    waiting.insert(handle, parameters);
                    sent += 1;
                }
                world.run(Cause::Request);
            }
            2 => device.take(),
            3 => {
                let count = pick(&mut seed, 2 * usize::from(commands)) + 1;
                interrupted |= device.answer(count, &mut seed);
            }
            4 if subscribed && told < goal / 4 => {
                if let Some(interrupt) = device.event(told) {
                    told += 1;
                    interrupted |= interrupt;
                }
            }
            _ if interrupted && world.kernel.unmasked => {
                interrupted = false;
                world.line(true);
            }
            // A flood, or a lost answer of the other side: the timer comes in a moment.
            _ if world.kernel.timer.is_some_and(|time| time <= world.now + 1) => {
                world.sleep(1);
            }
            _ => {}
        }
        for (handle, line) in world.told_with_handles() {
            match line {
                Told::Answer(CLIENT, 0, values) => {
                    assert_eq!(Some(values), waiting.remove(&handle.unwrap()));
                    answered += 1;
                }
                Told::Posted(CLIENT, 1) => {}
                Told::Subscribed(CLIENT, Ok(())) => subscribed = true,
                other => panic!("{other:?}"),
            }
        }
        while let Some(event) = world.fetch(CLIENT) {
            assert_eq!(event.lost, 0);
            assert_eq!(event.payload[8..12], heard.to_le_bytes());
            heard += 1;
        }
        device.kicked |= world.transport.kicks[0] != kicks;
        // Nobody may sleep for ever on a kick or an interrupt that was not sent.
        let progress = (sent, answered, told, heard);
        idle = if progress == before { idle + 1 } else { 0 };
        before = progress;
        assert!(
            idle < 10_000,
            "both sides sleep, and there is work: {progress:?} subscribed {subscribed} kicked {} taken {} interrupted {interrupted} {:?} {:?}",
            device.kicked,
            device.taken.len(),
            world.driver.counters(),
            world.driver.pools()
        );
    }
    assert!(waiting.is_empty());
    assert_eq!(world.driver.counters().err_protocol, 0);
    assert_eq!(world.driver.counters().err_msg_unexpected, 0);
}

fn both<const R: usize, const S: usize, const E: usize>(max: u16, goal: u32) {
    for event_idx in [false, true] {
        play::<R, S, E>(max, event_idx, goal);
    }
}

#[test]
fn with_rings_of_every_size() {
    both::<2, 1, 2>(1024, 400);
    both::<4, 2, 4>(1024, 400);
    both::<8, 4, 8>(1024, 400);
    both::<16, 8, 16>(1024, 800);
    both::<32, 16, 32>(1024, 800);
    both::<64, 32, 64>(1024, 1_500);
    both::<128, 64, 128>(1024, 1_500);
    both::<256, 128, 256>(1024, 1_500);
    both::<512, 256, 512>(1024, 1_500);
    both::<1024, 512, 1024>(1024, 3_000);
}

#[test]
fn with_fewer_entries_than_there_is_memory_for() {
    both::<64, 32, 64>(2, 400);
    both::<64, 32, 64>(8, 400);
    both::<1024, 512, 1024>(16, 800);
}

#[test]
fn across_the_wrap_of_indices_and_tokens() {
    both::<16, 8, 16>(1024, 140_000);
}
