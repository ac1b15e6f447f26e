// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `test-bench-queue <ours|virtio-drivers> <in flight> <rounds>`: the same requests through either queue.
//!
//! `cargo xtask bench --host` runs it under callgrind, which counts only inside the functions named `counted_...`: what
//! the driver does. The device and the checks are outside. EVENT_IDX is on for both.
//!
//! In a round, `in flight` requests (12 bytes there, 16 back) are added, one kick decision is made, the device answers
//! all, and the driver takes what is there until there is nothing, interrupts being armed for the next answer.

mod device;
mod ours;
mod theirs;

use std::process::ExitCode;
use std::ptr::NonNull;

/// Entries of the ring.
const RING: usize = 64;
/// Requests in flight at most.
const DEPTH: usize = 16;
const REQUEST: usize = 12;
const REPLY: usize = 16;

/// The buffers of one request. They never move, and are reached by raw pointers only: the device has them too.
#[repr(C)]
struct Slot {
    request: [u8; REQUEST],
    reply: [u8; REPLY],
}

/// Either queue.
trait Queue {
    /// Offers the request in `slot`.
    fn add(&mut self, slot: usize);
    /// Must the device be kicked?
    fn kick(&mut self) -> bool;
    /// Takes an answer: which slot, and how many bytes.
    fn take(&mut self) -> Option<(usize, u32)>;
    /// Wants an interrupt with the next answer.
    fn arm(&mut self);
}

/// Counted: offers `count` requests and decides about the kick.
#[inline(never)]
extern "C" fn counted_submit<Q: Queue>(queue: &mut Q, count: usize) -> bool {
    for slot in 0..count {
        queue.add(slot);
    }
    queue.kick()
}

/// Counted: takes all answers; the result is a bit for each slot whose answer has the right length.
#[inline(never)]
extern "C" fn counted_take<Q: Queue>(queue: &mut Q) -> u32 {
    let mut answered = 0;
    while let Some((slot, len)) = queue.take() {
        if len as usize == REPLY {
            answered |= 1 << (slot % 32);
        }
    }
    queue.arm();
    answered
}

fn play<Q: Queue>(
    queue: &mut Q,
    device: &mut device::Device,
    slots: NonNull<[Slot; DEPTH]>,
    depth: usize,
    rounds: u32,
) {
    for round in 0..rounds {
        for slot in 0..depth {
            // Safety: the slot is the driver's, no request is in flight, and no reference to it exists.
            unsafe {
                let slot = &raw mut (*slots.as_ptr())[slot];
                (*slot).request = [round as u8; REQUEST];
                (*slot).reply = [0; REPLY];
            }
        }
        assert!(
            counted_submit(queue, depth),
            "the device waits, but is not kicked"
        );
        assert!(device.answer(depth), "no interrupt is wanted");
        assert_eq!(counted_take(queue), (1 << depth) - 1, "answers are missing");
        for slot in 0..depth {
            // Safety: as above, the device has given it back.
            let reply = unsafe { (*slots.as_ptr())[slot].reply };
            assert!(reply.iter().all(|byte| *byte == !(round as u8)));
        }
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [which, depth, rounds] = arguments.as_slice() else {
        return usage();
    };
    let (Ok(depth @ 1..=DEPTH), Ok(rounds)) = (depth.parse(), rounds.parse()) else {
        return usage();
    };
    let slot = || Slot {
        request: [0; REQUEST],
        reply: [0; REPLY],
    };
    let slots = NonNull::from(Box::leak(Box::new(std::array::from_fn(|_| slot()))));
    match which.as_str() {
        "ours" => {
            let (mut queue, mut device) = ours::start(slots);
            play(&mut queue, &mut device, slots, depth, rounds);
        }
        "virtio-drivers" => {
            let (mut queue, mut device) = theirs::start(slots);
            play(&mut queue, &mut device, slots, depth, rounds);
        }
        _ => return usage(),
    }
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("test-bench-queue ours|virtio-drivers IN_FLIGHT ROUNDS, with IN_FLIGHT 1 to {DEPTH}");
    ExitCode::FAILURE
}
