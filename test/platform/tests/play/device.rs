// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A guest that puts anything into its rings: the device never panics, writes nothing but what a descriptor or the used ring
//! allows, and in the end it still answers.
//!
//! The fuzz target `device` plays this without an end; the test `seeds` plays it for what the fuzzer kept.

use std::sync::OnceLock;

use scmi_platform::control;
use scmi_platform::device::{Device, Shared};
use scmi_platform::engine::Engine;
use scmi_platform::machine::Machine;
use vhost_user_backend::{VhostUserBackendMut, VringRwLock, VringT};
use vm_memory::{Bytes, GuestAddress, GuestMemoryAtomic, GuestMemoryMmap};
use vmm_sys_util::epoll::EventSet;

use crate::input::Input;

const QUEUES: usize = 2;
const SIZE: u16 = 16;
/// The guest's memory: rings, tables of indirect descriptors, buffers.
const MEMORY: usize = 0x8000;
const TABLES: u64 = 0x3000;
const BUFFERS: u64 = 0x4000;
/// Not in memory.
const NOWHERE: u64 = 0x1_0000_0000;

const NEXT: u16 = 1;
const WRITE: u16 = 2;
const TABLE: u16 = 4;

fn descriptors(queue: usize) -> u64 {
    0x1000 * (1 + queue as u64)
}

fn available(queue: usize) -> u64 {
    descriptors(queue) + 0x400
}

fn used(queue: usize) -> u64 {
    descriptors(queue) + 0x800
}

struct Guest {
    shared: Shared,
    device: Device,
    memory: GuestMemoryMmap,
    rings: Vec<VringRwLock>,
    /// The available indices.
    offered: [u16; QUEUES],
    /// Whether the device may write a byte.
    writable: Vec<bool>,
    event_idx: bool,
    now_ms: u64,
}

/// Plays what the bytes say.
pub fn play(bytes: &[u8]) {
    let mut input = Input(bytes);
    let mut guest = Guest::new(input.byte() & 1 == 1);
    while !input.0.is_empty() {
        let operation = input.byte();
        let queue = usize::from(operation >> 7);
        match operation % 8 {
            0 => guest.any_descriptor(queue, &mut input),
            1 => {
                let (head, message, parameter) = (input.byte(), input.byte(), input.byte());
                guest.command(head, message, parameter, input.byte());
            }
            2 => guest.offer(queue, input.byte().into()),
            3 => {
                guest.offered[queue] = u16::from_le_bytes([input.byte(), input.byte()]);
                guest.set_available_index(queue);
            }
            4 => {
                let (at, length) = (u64::from(input.byte()), input.byte());
                let bytes = input.bytes(length.into());
                guest.poke(BUFFERS + at * 32, bytes);
            }
            5 => guest.turn(input.byte()),
            6 => {
                let line = crate::engine::line(input.byte(), input.byte());
                control::answer(&mut guest.shared.lock(), &line);
            }
            _ if input.byte() < 16 => guest.reset(),
            // The flags of the available ring, and the wanted index after it.
            _ => {
                guest.poke(available(queue), &[input.byte() & 1, 0]);
                guest.poke(
                    available(queue) + 4 + u64::from(SIZE) * 2,
                    &[input.byte(), 0],
                );
            }
        }
    }
    guest.still_answers();
}

impl Guest {
    fn new(event_idx: bool) -> Self {
        static MACHINE: OnceLock<Machine> = OnceLock::new();
        let machine = MACHINE.get_or_init(Machine::sample).clone();
        let shared = Shared::new(Engine::new(machine)).expect("an event descriptor");
        let memory = GuestMemoryMmap::from_ranges(&[(GuestAddress(0), MEMORY)]).expect("memory");
        let atomic = GuestMemoryAtomic::new(memory.clone());
        let mut device = Device::new(shared.clone(), atomic.clone()).expect("a device");
        device.set_event_idx(event_idx);
        let ring = || VringRwLock::new(atomic.clone(), SIZE).expect("a ring");
        let mut guest = Self {
            shared,
            device,
            rings: vec![ring(), ring()],
            memory,
            offered: [0; QUEUES],
            writable: vec![false; MEMORY],
            event_idx,
            now_ms: 0,
        };
        guest.set_up();
        guest
    }

    fn set_up(&mut self) {
        for (queue, ring) in self.rings.iter().enumerate() {
            ring.set_queue_size(SIZE);
            ring.set_queue_info(descriptors(queue), available(queue), used(queue))
                .expect("aligned addresses");
            ring.set_queue_next_avail(0);
            ring.set_queue_next_used(0);
            ring.set_queue_event_idx(self.event_idx);
            ring.set_queue_ready(true);
            ring.set_enabled(true);
            // The used ring, to the index that the device asks to be kicked for.
            let start = used(queue) as usize;
            self.writable[start..start + 6 + 8 * usize::from(SIZE)].fill(true);
        }
    }

    fn poke(&self, address: u64, bytes: &[u8]) {
        let room = MEMORY.saturating_sub(address as usize);
        let bytes = &bytes[..bytes.len().min(room)];
        self.memory
            .write_slice(bytes, GuestAddress(address))
            .expect("inside memory");
    }

    fn any_descriptor(&mut self, queue: usize, input: &mut Input<'_>) {
        let (index, flags, place) = (u64::from(input.byte()), input.byte(), input.byte());
        let (length, next) = (input.byte(), u16::from(input.byte() % 24));
        let table = [descriptors(queue), TABLES][usize::from(flags >> 7)];
        let flags = u16::from(flags % 8);
        let address = match place {
            250.. => NOWHERE,
            249 => u64::MAX - 7,
            248 => MEMORY as u64 - 4,
            // The device may be told to write into buffers only: what it writes elsewhere is then its own doing.
            _ if flags & TABLE != 0 => TABLES + u64::from(place) % 64 * 16,
            240.. if flags & WRITE == 0 => descriptors(queue) + u64::from(place) * 8,
            _ => BUFFERS + u64::from(place) * 64,
        };
        let length = match length {
            255 => u32::MAX,
            254 => 0x1000,
            length => length.into(),
        };
        self.descriptor(table + index % 32 * 16, address, length, flags, next);
    }

    fn descriptor(&mut self, at: u64, address: u64, length: u32, flags: u16, next: u16) {
        if flags & WRITE != 0 && flags & TABLE == 0 {
            let start = (address as usize).min(MEMORY);
            let end = start.saturating_add(length as usize).min(MEMORY);
            self.writable[start..end].fill(true);
        }
        self.poke(at, &address.to_le_bytes());
        self.poke(at + 8, &length.to_le_bytes());
        self.poke(at + 12, &flags.to_le_bytes());
        self.poke(at + 14, &next.to_le_bytes());
    }

    /// A command that makes sense, and a buffer for its reply.
    fn command(&mut self, head: u8, message: u8, parameter: u8, room: u8) {
        let head = u16::from(head) % (SIZE - 1);
        let word = u32::from(message % 16) | u32::from(0x10 + message / 16 % 10) << 10;
        let (read, write) = (
            BUFFERS + u64::from(head) * 512,
            BUFFERS + u64::from(head) * 512 + 256,
        );
        self.poke(read, &word.to_le_bytes());
        self.poke(read + 4, &u32::from(parameter).to_le_bytes());
        let table = descriptors(0) + u64::from(head) * 16;
        self.descriptor(
            table,
            read,
            if parameter < 128 { 8 } else { 4 },
            NEXT,
            head + 1,
        );
        self.descriptor(table + 16, write, room.into(), WRITE, 0);
        self.offer(0, head);
    }

    fn offer(&mut self, queue: usize, head: u16) {
        let index = self.offered[queue];
        let slot = available(queue) + 4 + u64::from(index % SIZE) * 2;
        self.poke(slot, &head.to_le_bytes());
        self.offered[queue] = index.wrapping_add(1);
        self.set_available_index(queue);
    }

    fn set_available_index(&self, queue: usize) {
        self.poke(available(queue) + 2, &self.offered[queue].to_le_bytes());
    }

    fn contents(&self) -> Vec<u8> {
        let mut bytes = vec![0; MEMORY];
        self.memory
            .read_slice(&mut bytes, GuestAddress(0))
            .expect("inside memory");
        bytes
    }

    /// Lets time pass and the device look; nothing but what it may write has changed.
    fn turn(&mut self, time: u8) {
        self.now_ms += u64::from(time);
        self.shared.lock().advance(self.now_ms);
        let before = self.contents();
        self.device
            .handle_event(0, EventSet::IN, &self.rings, 0)
            .expect("the device goes on");
        let after = self.contents();
        for address in 0..MEMORY {
            assert!(
                before[address] == after[address] || self.writable[address],
                "the device wrote to {address:#x}"
            );
        }
    }

    fn reset(&mut self) {
        for (queue, ring) in self.rings.iter().enumerate() {
            self.device.stop_vring(queue as u32).expect("a stop");
            ring.set_enabled(false);
            ring.set_queue_ready(false);
        }
        for queue in 0..QUEUES {
            self.poke(descriptors(queue), &[0; 0x1000]);
            self.offered[queue] = 0;
        }
        self.set_up();
    }

    /// All that could keep it from answering is taken away; then it answers.
    fn still_answers(&mut self) {
        for line in [
            r#"{"cmd":"resume"}"#,
            r#"{"cmd":"clear-faults"}"#,
            r#"{"cmd":"permit","protocol":16,"allowed":true}"#,
        ] {
            control::answer(&mut self.shared.lock(), line);
        }
        self.reset();
        self.command(0, 0, 128, 136);
        self.turn(0);
        let element: [u8; 8] = self
            .memory
            .read_obj(GuestAddress(used(0) + 4))
            .expect("inside memory");
        assert_eq!(element, [0, 0, 0, 0, 12, 0, 0, 0]);
    }
}
