// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Every operation of the queue once, each alone and some in one function, for the barrier test to look at. Never run.

#![no_std]
#![no_main]

use core::hint::black_box;
use core::panic::PanicInfo;
use virtqueue::{RingMemory, Virtqueue};

static RING: RingMemory<64> = RingMemory::new();

type Queue = Virtqueue<'static, 64>;

#[inline(never)]
fn publish(queue: &mut Queue, head: u16) -> bool {
    queue.publish(head).is_ok()
}

#[inline(never)]
fn kick(queue: &mut Queue) -> bool {
    queue.kick_needed()
}

#[inline(never)]
fn submit(queue: &mut Queue, head: u16) -> bool {
    queue.publish(head).is_ok() && queue.kick_needed()
}

#[inline(never)]
fn take(queue: &mut Queue) -> u32 {
    match queue.take_used() {
        Ok(Some(used)) => used.len,
        _ => 0,
    }
}

#[inline(never)]
fn drain(queue: &mut Queue) -> u32 {
    let mut sum = 0u32;
    queue.suppress_interrupts();
    loop {
        while let Ok(Some(used)) = queue.take_used() {
            sum = sum.wrapping_add(used.len);
            let _ = queue.publish(used.head);
        }
        if !queue.enable_interrupts() {
            break;
        }
    }
    sum.wrapping_add(u32::from(queue.kick_needed()))
}

#[inline(never)]
fn enable(queue: &mut Queue) -> bool {
    queue.enable_interrupts()
}

/// Where the linker starts: it keeps what can be reached from here.
// Safety: nothing else has this name.
#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    let mut queue = Virtqueue::new(&RING);
    loop {
        let _ = black_box(&mut queue).start(black_box(64), black_box(true));
        black_box(publish(black_box(&mut queue), black_box(1)));
        black_box(kick(black_box(&mut queue)));
        black_box(submit(black_box(&mut queue), black_box(2)));
        black_box(take(black_box(&mut queue)));
        black_box(drain(black_box(&mut queue)));
        black_box(enable(black_box(&mut queue)));
    }
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}
