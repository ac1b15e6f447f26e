// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The device of both queues: reads the ring by its addresses, as 2.7 of the specification has it. Not counted.

use std::ptr::with_exposed_provenance_mut as at;
use std::sync::atomic::{Ordering, fence};

use crate::{REPLY, REQUEST, RING};

const NEXT: u16 = 1;
const WRITE: u16 = 2;

#[derive(Clone, Copy)]
#[repr(C)]
struct Descriptor {
    address: u64,
    len: u32,
    flags: u16,
    next: u16,
}

/// A device that answers with the request's first byte inverted.
pub struct Device {
    table: u64,
    available: u64,
    used: u64,
    /// The available index up to which it has answered, which is its used index too.
    seen: u16,
}

fn read<T: Copy>(address: u64) -> T {
    // Safety: the address was given by the queue or lies in its ring, and the driver's side is not running.
    unsafe { at::<T>(address as usize).read_volatile() }
}

fn write<T>(address: u64, value: T) {
    // Safety: as in `read`.
    unsafe { at::<T>(address as usize).write_volatile(value) }
}

impl Device {
    /// The places of descriptor table, available ring and used ring.
    pub fn new([table, available, used]: [u64; 3]) -> Self {
        Self {
            table,
            available,
            used,
            seen: 0,
        }
    }

    fn descriptor(&self, number: u16) -> Descriptor {
        assert!(usize::from(number) < RING, "descriptor {number}");
        read(self.table + 16 * u64::from(number))
    }

    /// Answers all requests, which must be `count`, asks to be kicked for the next one, and tells whether the driver
    /// wants an interrupt.
    pub fn answer(&mut self, count: usize) -> bool {
        fence(Ordering::SeqCst);
        let before = self.seen;
        let offered: u16 = read(self.available + 2);
        assert_eq!(
            usize::from(offered.wrapping_sub(before)),
            count,
            "requests offered"
        );
        while self.seen != offered {
            let place = u64::from(self.seen) % RING as u64;
            let head: u16 = read(self.available + 4 + 2 * place);
            let request = self.descriptor(head);
            assert_eq!((request.len as usize, request.flags), (REQUEST, NEXT));
            let reply = self.descriptor(request.next);
            assert_eq!((reply.len as usize, reply.flags), (REPLY, WRITE));
            let word: [u8; REQUEST] = read(request.address);
            write(reply.address, [!word[0]; REPLY]);
            write(self.used + 4 + 8 * place, [u32::from(head), REPLY as u32]);
            self.seen = self.seen.wrapping_add(1);
        }
        write(self.used + 4 + 8 * RING as u64, self.seen);
        fence(Ordering::SeqCst);
        write(self.used + 2, self.seen);
        let wanted: u16 = read(self.available + 4 + 2 * RING as u64);
        self.seen.wrapping_sub(wanted).wrapping_sub(1) < self.seen.wrapping_sub(before)
    }
}
