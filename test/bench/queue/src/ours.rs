// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `lib/virtqueue`: chains laid down once, at fixed places.

use std::ptr::NonNull;

use virtqueue::{Buffer, Direction, RingMemory, Virtqueue};

use crate::device::Device;
use crate::{DEPTH, Queue, REPLY, REQUEST, RING, Slot};

static MEMORY: RingMemory<RING> = RingMemory::new();

pub struct Ours(Virtqueue<'static, RING>);

/// The queue with a chain of two for each slot, and its device.
pub fn start(slots: NonNull<[Slot; DEPTH]>) -> (Ours, Device) {
    let mut queue = Virtqueue::new(&MEMORY);
    queue.start(RING as u16, true).expect("the size is right");
    for slot in 0..DEPTH {
        // Safety: the slots live for ever; only addresses are taken.
        let (request, reply) = unsafe {
            let slot = &raw mut (*slots.as_ptr())[slot];
            (&raw mut (*slot).request, &raw mut (*slot).reply)
        };
        let buffer = |address: u64, len: usize, direction| Buffer {
            address,
            len: len as u32,
            direction,
        };
        let chain = [
            buffer(
                request.expose_provenance() as u64,
                REQUEST,
                Direction::DeviceReads,
            ),
            buffer(
                reply.expose_provenance() as u64,
                REPLY,
                Direction::DeviceWrites,
            ),
        ];
        queue.set_chain(2 * slot as u16, &chain).expect("it fits");
    }
    let places = queue.addresses();
    let device = Device::new([places.descriptors, places.available, places.used]);
    (Ours(queue), device)
}

impl Queue for Ours {
    #[inline]
    fn add(&mut self, slot: usize) {
        let head = 2 * slot as u16;
        // The length is fixed here, but not for a driver: every request has its own.
        self.0
            .set_read_len(head, REQUEST as u32)
            .expect("it is ours");
        self.0.publish(head).expect("it is ours");
    }

    #[inline]
    fn kick(&mut self) -> bool {
        self.0.kick_needed()
    }

    #[inline]
    fn take(&mut self) -> Option<(usize, u32)> {
        let used = self.0.take_used().expect("the device is sane")?;
        Some((usize::from(used.head / 2), used.len))
    }

    #[inline]
    fn arm(&mut self) {
        assert!(!self.0.enable_interrupts(), "nothing came in between");
    }
}
