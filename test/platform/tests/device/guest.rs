// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A guest without a guest: a vhost-user front end with rings of its own, filled by hand.
//!
//! It does what it is told, right or wrong. Descriptors are used once in a test, from 0 up; the buffer of descriptor `n` has
//! its own 256 bytes.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use vhost::vhost_user::message::VhostUserProtocolFeatures;
use vhost::vhost_user::{Frontend, VhostUserFrontend};
use vhost::{VhostBackend, VhostUserMemoryRegionInfo, VringConfigData};
use vm_memory::{Bytes, FileOffset, GuestAddress, GuestMemoryBackend, GuestMemoryMmap};
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

use crate::daemon::Daemon;

/// Nothing takes longer, or it does not happen at all.
pub const LIMIT: Duration = Duration::from_secs(60);
/// What has not happened by now is taken not to happen. Several steps of the platform's timer.
pub const QUIET: Duration = Duration::from_millis(150);

pub const COMMANDS: usize = 0;
pub const EVENTS: usize = 1;
/// Descriptors of a ring.
pub const SIZE: u16 = 128;

pub const PROTOCOL_FEATURES: u64 = 1 << 30;
pub const VERSION_1: u64 = 1 << 32;
pub const EVENT_IDX: u64 = 1 << 29;
pub const INDIRECT: u64 = 1 << 28;
pub const P2A: u64 = 1 << 0;

pub const NEXT: u16 = 1;
pub const WRITE: u16 = 2;
pub const TABLE: u16 = 4;

const BASE: u64 = 0x4000_0000;
const MEMORY: usize = 1 << 20;
/// An address that no memory is at.
pub const NOWHERE: u64 = 0x9000_0000;

/// An element of the used ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Used {
    pub id: u32,
    pub len: u32,
}

/// A piece of a chain.
#[derive(Debug, Clone)]
pub enum Piece<'a> {
    /// The device reads this.
    Read(&'a [u8]),
    /// The device writes at most this much.
    Room(u32),
}

/// A chain that was made available.
#[derive(Debug, Clone)]
pub struct Chain {
    pub head: u16,
    writable: Vec<(u64, u32)>,
}

struct Ring {
    available: u16,
    used: u16,
    next_descriptor: u16,
    kick: EventFd,
    call: EventFd,
}

/// See the file's head.
pub struct Guest {
    frontend: Frontend,
    memory: GuestMemoryMmap,
    features: u64,
    rings: [Ring; 2],
}

fn ring_base(queue: usize) -> u64 {
    BASE + queue as u64 * 0x8_0000
}

impl Guest {
    /// Connects and sets the device up with all that it offers.
    pub fn start(daemon: &Daemon) -> Self {
        Self::start_with(daemon, !0)
    }

    /// Connects and sets the device up with what it offers of `wanted`.
    pub fn start_with(daemon: &Daemon, wanted: u64) -> Self {
        let file = tempfile::tempfile().unwrap();
        file.set_len(MEMORY as u64).unwrap();
        let memory = GuestMemoryMmap::from_ranges_with_files([(
            GuestAddress(BASE),
            MEMORY,
            Some(FileOffset::new(file, 0)),
        )])
        .unwrap();
        let ring = || Ring {
            available: 0,
            used: 0,
            next_descriptor: 0,
            kick: EventFd::new(EFD_NONBLOCK).unwrap(),
            call: EventFd::new(EFD_NONBLOCK).unwrap(),
        };
        let mut guest = Self {
            frontend: connect(daemon),
            memory,
            features: wanted,
            rings: [ring(), ring()],
        };
        guest.negotiate();
        guest.set_up();
        guest
    }

    /// Connects the same memory and rings to another daemon, as QEMU does: what is not used yet is offered again.
    pub fn connect_again(&mut self, daemon: &Daemon) {
        self.frontend = connect(daemon);
        self.negotiate();
        self.set_up();
    }

    fn negotiate(&mut self) {
        let offered = self.frontend.get_features().unwrap();
        self.features &= offered;
        self.frontend.set_owner().unwrap();
        self.frontend
            .set_features(self.features | PROTOCOL_FEATURES)
            .unwrap();
        self.frontend.get_protocol_features().unwrap();
        self.frontend
            .set_protocol_features(VhostUserProtocolFeatures::MQ)
            .unwrap();
        assert_eq!(self.frontend.get_queue_num().unwrap(), 2);
    }

    fn set_up(&mut self) {
        let region = self.memory.iter().next().unwrap();
        let region = VhostUserMemoryRegionInfo::from_guest_region(region).unwrap();
        self.frontend.set_mem_table(&[region]).unwrap();
        for queue in [COMMANDS, EVENTS] {
            let at =
                |address: u64| self.memory.get_host_address(GuestAddress(address)).unwrap() as u64;
            let ring = &self.rings[queue];
            let frontend = &mut self.frontend;
            frontend.set_vring_num(queue, SIZE).unwrap();
            let addresses = VringConfigData {
                queue_max_size: SIZE,
                queue_size: SIZE,
                flags: 0,
                desc_table_addr: at(descriptors(queue)),
                used_ring_addr: at(used(queue)),
                avail_ring_addr: at(available(queue)),
                log_addr: None,
            };
            frontend.set_vring_addr(queue, &addresses).unwrap();
            // QEMU knows no better either.
            let used_index = ring_index(&self.memory, used(queue));
            frontend.set_vring_base(queue, used_index).unwrap();
            frontend.set_vring_call(queue, &ring.call).unwrap();
            frontend.set_vring_kick(queue, &ring.kick).unwrap();
            frontend.set_vring_enable(queue, true).unwrap();
        }
        // An answer to this is an answer to all before.
        self.frontend.get_features().unwrap();
    }

    /// What a reset of the device comes to: both rings stopped, memory rewritten, both rings started.
    pub fn reset(&mut self) {
        for queue in [COMMANDS, EVENTS] {
            self.frontend.set_vring_enable(queue, false).unwrap();
            self.frontend.get_vring_base(queue).unwrap();
        }
        self.memory
            .write_slice(&vec![0; MEMORY], GuestAddress(BASE))
            .unwrap();
        for ring in &mut self.rings {
            (ring.available, ring.used, ring.next_descriptor) = (0, 0, 0);
            let _ = ring.call.read();
        }
        self.frontend
            .set_features(self.features | PROTOCOL_FEATURES)
            .unwrap();
        self.set_up();
    }

    /// The features that both sides have.
    pub fn features(&self) -> u64 {
        self.features
    }

    /// Writes guest memory.
    pub fn poke(&self, address: u64, bytes: &[u8]) {
        self.memory
            .write_slice(bytes, GuestAddress(address))
            .unwrap();
    }

    /// Writes a descriptor.
    pub fn descriptor(
        &self,
        queue: usize,
        index: u16,
        address: u64,
        length: u32,
        flags: u16,
        next: u16,
    ) {
        let bytes = descriptor(address, length, flags, next);
        self.poke(descriptors(queue) + u64::from(index) * 16, &bytes);
    }

    /// Where the buffer of a descriptor is.
    pub fn buffer(&self, queue: usize, index: u16) -> u64 {
        ring_base(queue) + 0x1_0000 + u64::from(index) * 256
    }

    /// The next `count` descriptors that no chain has used.
    pub fn take_descriptors(&mut self, queue: usize, count: u16) -> u16 {
        let first = self.rings[queue].next_descriptor;
        assert!(first + count <= SIZE, "this test needs a larger ring");
        self.rings[queue].next_descriptor += count;
        first
    }

    /// Starts over with the first descriptor; every chain must be back.
    pub fn reset_descriptors(&mut self, queue: usize) {
        self.rings[queue].next_descriptor = 0;
    }

    /// Makes a chain of pieces, without offering it.
    pub fn chain(&mut self, queue: usize, pieces: &[Piece<'_>]) -> Chain {
        let head = self.take_descriptors(queue, pieces.len() as u16);
        let mut writable = Vec::new();
        for (index, piece) in (head..).zip(pieces) {
            let address = self.buffer(queue, index);
            let last = usize::from(index - head) + 1 == pieces.len();
            let link = if last { 0 } else { NEXT };
            let (length, flags) = match *piece {
                Piece::Read(bytes) => {
                    self.poke(address, bytes);
                    (bytes.len() as u32, link)
                }
                Piece::Room(room) => {
                    writable.push((address, room));
                    (room, link | WRITE)
                }
            };
            self.descriptor(queue, index, address, length, flags, index + 1);
        }
        Chain { head, writable }
    }

    /// Puts a head into the available ring; the device has not been told.
    pub fn offer(&mut self, queue: usize, head: u16) {
        let index = self.rings[queue].available;
        let slot = available(queue) + 4 + u64::from(index % SIZE) * 2;
        self.poke(slot, &head.to_le_bytes());
        self.rings[queue].available = index.wrapping_add(1);
        self.set_available_index(queue, index.wrapping_add(1));
    }

    /// Writes the available ring's index.
    pub fn set_available_index(&self, queue: usize, index: u16) {
        self.memory
            .store(
                index.to_le(),
                GuestAddress(available(queue) + 2),
                Ordering::SeqCst,
            )
            .unwrap();
    }

    /// Writes the available ring's flags.
    pub fn set_available_flags(&self, queue: usize, flags: u16) {
        self.memory
            .store(
                flags.to_le(),
                GuestAddress(available(queue)),
                Ordering::SeqCst,
            )
            .unwrap();
    }

    /// Asks for an interrupt when the used index passes this one.
    pub fn set_used_event(&self, queue: usize, index: u16) {
        let address = available(queue) + 4 + u64::from(SIZE) * 2;
        self.memory
            .store(index.to_le(), GuestAddress(address), Ordering::SeqCst)
            .unwrap();
    }

    /// The index that the device wants to be kicked for.
    pub fn available_event(&self, queue: usize) -> u16 {
        ring_index(&self.memory, used(queue) + 4 + u64::from(SIZE) * 8 - 2)
    }

    /// The used ring's flags.
    pub fn used_flags(&self, queue: usize) -> u16 {
        // The flags are the word before the index.
        ring_index(&self.memory, used(queue) - 2)
    }

    /// The used ring's index.
    pub fn used_index(&self, queue: usize) -> u16 {
        ring_index(&self.memory, used(queue))
    }

    /// Tells the device to look.
    pub fn kick(&self, queue: usize) {
        self.rings[queue].kick.write(1).unwrap();
    }

    /// Interrupts since the last look. What belongs to a used element that has been seen comes a moment after it, in the same turn
    /// of the platform; and the platform answers its control socket between turns only.
    pub fn interrupts(&self, daemon: &mut Daemon, queue: usize) -> u64 {
        daemon.tell(r#"{"cmd":"status"}"#);
        self.rings[queue].call.read().unwrap_or(0)
    }

    /// Offers a chain and kicks.
    pub fn send(&mut self, queue: usize, pieces: &[Piece<'_>]) -> Chain {
        let chain = self.chain(queue, pieces);
        self.offer(queue, chain.head);
        self.kick(queue);
        chain
    }

    /// Sends a command with room for any reply.
    pub fn command(&mut self, request: &[u8]) -> Chain {
        self.send(COMMANDS, &[Piece::Read(request), Piece::Room(136)])
    }

    /// Offers a buffer for events.
    pub fn event_buffer(&mut self, room: u32) -> Chain {
        self.send(EVENTS, &[Piece::Room(room)])
    }

    /// The next element of the used ring, which must come.
    pub fn used(&mut self, queue: usize) -> Used {
        let start = Instant::now();
        loop {
            if let Some(used) = self.try_used(queue) {
                return used;
            }
            assert!(start.elapsed() < LIMIT, "nothing comes back");
            std::thread::sleep(Duration::from_micros(200));
        }
    }

    /// The next element of the used ring, if there is one.
    pub fn try_used(&mut self, queue: usize) -> Option<Used> {
        let index = self.rings[queue].used;
        if self.used_index(queue) == index {
            return None;
        }
        self.rings[queue].used = index.wrapping_add(1);
        let mut bytes = [0; 8];
        let address = used(queue) + 4 + u64::from(index % SIZE) * 8;
        self.memory
            .read_slice(&mut bytes, GuestAddress(address))
            .unwrap();
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        Some(Used {
            id: word(0),
            len: word(4),
        })
    }

    /// Nothing comes back for a while.
    pub fn quiet(&mut self, queue: usize) {
        std::thread::sleep(QUIET);
        assert_eq!(self.try_used(queue), None, "something came back");
    }

    /// What is in the writable pieces of a chain, `length` bytes of it.
    pub fn bytes(&self, chain: &Chain, length: u32) -> Vec<u8> {
        let mut all = Vec::new();
        for &(address, room) in &chain.writable {
            let mut bytes = vec![0; room as usize];
            self.memory
                .read_slice(&mut bytes, GuestAddress(address))
                .unwrap();
            all.extend(bytes);
        }
        all.truncate(length as usize);
        all
    }

    /// Waits for the reply to this chain, which must be the next, and returns all of it.
    pub fn reply(&mut self, chain: &Chain) -> Vec<u8> {
        let used = self.used(COMMANDS);
        assert_eq!(used.id, u32::from(chain.head), "another chain came back");
        self.bytes(chain, used.len)
    }

    /// Sends a command and returns status and return values of the reply, whose header must be the request's.
    pub fn ask(&mut self, request: &[u8]) -> (i32, Vec<u8>) {
        let chain = self.command(request);
        let reply = self.reply(&chain);
        assert_eq!(reply[..4], request[..4], "header");
        (status(&reply), reply[8..].to_vec())
    }

    /// The device still answers.
    pub fn is_served(&mut self) {
        assert_eq!(self.ask(&version(1)), (0, vec![1, 0, 2, 0]));
    }
}

fn connect(daemon: &Daemon) -> Frontend {
    let start = Instant::now();
    loop {
        match Frontend::connect(daemon.socket(), 2) {
            Ok(frontend) => return frontend,
            Err(error) => assert!(start.elapsed() < LIMIT, "no connection: {error}"),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn descriptors(queue: usize) -> u64 {
    ring_base(queue)
}

fn available(queue: usize) -> u64 {
    ring_base(queue) + 0x4000
}

fn used(queue: usize) -> u64 {
    ring_base(queue) + 0x8000
}

fn ring_index(memory: &GuestMemoryMmap, ring: u64) -> u16 {
    let index: u16 = memory
        .load(GuestAddress(ring + 2), Ordering::SeqCst)
        .unwrap();
    u16::from_le(index)
}

/// The bytes of a descriptor.
pub fn descriptor(address: u64, length: u32, flags: u16, next: u16) -> Vec<u8> {
    let mut bytes = address.to_le_bytes().to_vec();
    bytes.extend(length.to_le_bytes());
    bytes.extend(flags.to_le_bytes());
    bytes.extend(next.to_le_bytes());
    bytes
}

/// The bytes of a command.
pub fn request(protocol: u32, message: u32, token: u32, parameters: &[u32]) -> Vec<u8> {
    let mut bytes = (message | protocol << 10 | token << 18)
        .to_le_bytes()
        .to_vec();
    bytes.extend(parameters.iter().flat_map(|word| word.to_le_bytes()));
    bytes
}

/// The Base protocol's version: the simplest command.
pub fn version(token: u32) -> Vec<u8> {
    request(0x10, 0, token, &[])
}

/// The status word of a reply.
pub fn status(reply: &[u8]) -> i32 {
    i32::from_le_bytes(reply[4..8].try_into().unwrap())
}
