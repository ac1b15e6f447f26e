// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The device, its ring, and commands in it.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, Ordering};

use safe_mmio::UniqueMmioPointer;
use scmi::{Header, Token};
use virtio_mmio::registers::STRIDE;
use virtio_mmio::{Features, RegisterBlock, Transport};
use virtqueue::{Buffer, Direction, RingMemory, Virtqueue};

/// Commands in flight at most.
pub const DEPTH: usize = 16;
const RING: usize = 64;
/// The slots of QEMU's `virt` machine.
const SLOTS: usize = 0x0a00_0000;
const SLOT_COUNT: usize = 32;
const SCMI: u32 = 32;
const P2A_CHANNELS: u64 = 1;
const COMMANDS: u16 = 0;
const BASE: u8 = 0x10;
const PROTOCOL_VERSION: u8 = 0;
/// Header, status, 128 bytes.
const WORDS: usize = 34;

type Words = [AtomicU32; WORDS];

static MEMORY: RingMemory<RING> = RingMemory::new();
static REQUESTS: [Words; DEPTH] = [const { [const { AtomicU32::new(0) }; WORDS] }; DEPTH];
static REPLIES: [Words; DEPTH] = [const { [const { AtomicU32::new(0) }; WORDS] }; DEPTH];

/// The device, ready for commands.
pub struct Device {
    transport: Transport<UniqueMmioPointer<'static, RegisterBlock>>,
    queue: Virtqueue<'static, RING>,
}

impl Device {
    /// Finds the device and sets it up. To be called once.
    pub fn new() -> Self {
        let mut transport = find();
        transport.reset().expect("the device can be reset");
        let wanted = Features::EVENT_IDX | Features::from_bits_retain(P2A_CHANNELS);
        let features = transport
            .negotiate(wanted, Features::empty())
            .expect("the device agrees");
        let mut queue = Virtqueue::new(&MEMORY);
        let size = transport.queue_max(COMMANDS).min(RING as u16);
        queue
            .start(size, features.contains(Features::EVENT_IDX))
            .expect("the ring has a size");
        for slot in 0..DEPTH {
            let buffer = |words: &'static Words, len, direction| Buffer {
                address: core::ptr::from_ref(words).addr() as u64,
                len,
                direction,
            };
            let chain = [
                buffer(&REQUESTS[slot], 4, Direction::DeviceReads),
                buffer(&REPLIES[slot], WORDS as u32 * 4, Direction::DeviceWrites),
            ];
            queue
                .set_chain(head(slot), &chain)
                .expect("the ring has room");
        }
        transport
            .setup_queue(COMMANDS, size, queue.addresses())
            .expect("the device takes the ring");
        transport.driver_ok().expect("the device starts");
        queue.suppress_interrupts();
        Self { transport, queue }
    }

    /// Sends PROTOCOL_VERSION.
    #[inline(never)]
    pub fn send(&mut self, slot: usize) {
        let header = Header::command(BASE, PROTOCOL_VERSION, Token::default()).pack();
        REQUESTS[slot][0].store(header, Ordering::Relaxed);
        self.queue
            .publish(head(slot))
            .expect("the slot is the driver's");
        if self.queue.kick_needed() {
            self.transport.notify(COMMANDS);
        }
    }

    /// Waits for an answer.
    pub fn wait(&mut self) {
        while !self.queue.has_used() {}
    }

    /// Takes an answer, and looks whether it is one: its version.
    #[inline(never)]
    pub fn take(&mut self) -> u32 {
        let used = self.queue.take_used().expect("a sound ring");
        let used = used.expect("an answer is there");
        let reply = &REPLIES[usize::from(used.head / 2) % DEPTH];
        let status = reply[1].load(Ordering::Relaxed);
        assert!(used.len == 12 && status == 0, "status {status}");
        reply[2].load(Ordering::Relaxed)
    }
}

fn head(slot: usize) -> u16 {
    slot as u16 * 2
}

fn find() -> Transport<UniqueMmioPointer<'static, RegisterBlock>> {
    for slot in (0..SLOT_COUNT).rev() {
        let address = (SLOTS + slot * STRIDE) as *mut RegisterBlock;
        let Some(address) = NonNull::new(address) else {
            continue;
        };
        // Safety: registers of the machine, which this program has for itself; each slot is taken once.
        let registers = unsafe { UniqueMmioPointer::new(address) };
        if let Ok(transport) = Transport::probe(registers, SCMI) {
            return transport;
        }
    }
    panic!("no SCMI device");
}
