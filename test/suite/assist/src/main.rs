// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Does what the on-target suite tells it, good or bad: see `test_suite_common::order`.

#![no_std]
#![no_main]

use core::cell::UnsafeCell;
use core::hint::black_box;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use test_suite_common::order::{self, Answer, Order, instruction as the, place};
use test_suite_common::raw;
use userlib::*;

mod instructions;

/// Memory that system calls are given, whatever the order says about it.
#[repr(C, align(8))]
struct Buffer(UnsafeCell<[u8; order::BUFFER_LEN]>);

// Safety: a task has one thread.
unsafe impl Sync for Buffer {}

static BUFFER: Buffer = Buffer(UnsafeCell::new([0; order::BUFFER_LEN]));

/// What a device may write.
#[unsafe(link_section = ".shared")]
static SHARED: Buffer = Buffer(UnsafeCell::new([0; order::BUFFER_LEN]));

static VARIABLE: AtomicU32 = AtomicU32::new(order::VARIABLE);
static CONSTANT: u32 = 0x600d_c0de;

/// r4 to r11 at the start of this life.
static FIRST: [AtomicU32; 8] = [const { AtomicU32::new(0) }; 8];
/// The thread register at the start of this life, and what a store-exclusive gave.
static FIRST_STATE: [AtomicU32; 2] = [const { AtomicU32::new(0) }; 2];
/// The registers that the last late call came back with, and how many did.
static LATE: [AtomicU32; 8] = [const { AtomicU32::new(0) }; 8];
static RETURNED: AtomicU32 = AtomicU32::new(0);
/// What a store-exclusive gave after the last late call.
static CLAIM: AtomicU32 = AtomicU32::new(0);

/// Start-up code calls this with r4 to r11 as the kernel set them: keeps them, and goes on.
#[unsafe(export_name = "main")]
#[unsafe(naked)]
unsafe extern "C" fn main() -> ! {
    core::arch::naked_asm!(
        "movw r0, #:lower16:{first}",
        "movt r0, #:upper16:{first}",
        "stm r0, {{r4-r11}}",
        "mrc p15, 0, r4, c13, c0, 2",
        "movw r1, #:lower16:{buffer}",
        "movt r1, #:upper16:{buffer}",
        "mov r2, #0",
        "strex r5, r2, [r1]",
        "movw r0, #:lower16:{state}",
        "movt r0, #:upper16:{state}",
        "stm r0, {{r4, r5}}",
        "b {serve}",
        first = sym FIRST,
        buffer = sym BUFFER,
        state = sym FIRST_STATE,
        serve = sym serve,
    )
}

extern "C" fn serve() -> ! {
    let mut message = [0; size_of::<Order>()];
    loop {
        let received = sys_recv_open(&mut message, 0);
        let mut words: Order = [0; 8];
        for (word, bytes) in words.iter_mut().zip(message.chunks_exact(4)) {
            *word = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        }
        if received.operation as u16 == order::CALL_LATER {
            sys_reply(received.sender, 0, &[]);
            instructions::mark(order::MARK);
            // Safety: the suite answers for what it orders.
            unsafe { raw::system_call(&mut words) };
            CLAIM.store(instructions::claim_is_lost(), Relaxed);
            for (word, kept) in words.iter().zip(&LATE) {
                kept.store(*word, Relaxed);
            }
            RETURNED.store(RETURNED.load(Relaxed) + 1, Relaxed);
            continue;
        }
        let mut answer = [0; size_of::<Answer>()];
        for (bytes, word) in answer
            .chunks_exact_mut(4)
            .zip(obey(received.operation as u16, words))
        {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        let room = answer.len().min(received.response_capacity);
        sys_reply(received.sender, 0, &answer[..room]);
    }
}

fn obey(operation: u16, words: Order) -> Answer {
    let mut answer = [0; 8];
    match operation {
        order::PLACES => {
            answer[place::BUFFER] = BUFFER.0.get() as u32;
            answer[place::TEXT] = serve as extern "C" fn() -> ! as usize as u32 & !1;
            answer[place::CONSTANT] = &raw const CONSTANT as u32;
            answer[place::VARIABLE] = VARIABLE.as_ptr() as u32;
            answer[place::STACK] = answer.as_ptr() as u32;
            answer[place::SHARED] = SHARED.0.get() as u32;
        }
        order::CALL => {
            answer = words;
            // Safety: the suite answers for what it orders.
            unsafe { raw::system_call(&mut answer) };
        }
        order::RESULT => {
            for (word, kept) in answer.iter_mut().zip(&LATE) {
                *word = kept.load(Relaxed);
            }
        }
        order::FIRST_REGISTERS => {
            for (word, kept) in answer.iter_mut().zip(&FIRST) {
                *word = kept.load(Relaxed);
            }
        }
        order::FIRST_STATE => {
            for (word, kept) in answer.iter_mut().zip(&FIRST_STATE) {
                *word = kept.load(Relaxed);
            }
        }
        order::CLAIM => answer[0] = CLAIM.load(Relaxed),
        order::RETURNED => answer[0] = RETURNED.load(Relaxed),
        order::EXECUTE => answer[0] = instructions::execute(words[0], words[1]),
        // Safety: the suite answers for what it orders.
        order::READ => answer[0] = unsafe { (words[0] as *const u32).read_volatile() },
        order::WRITE => {
            for (at, word) in words[2..].iter().take(words[1] as usize).enumerate() {
                // Safety: the suite answers for what it orders.
                unsafe { (words[0] as *mut u32).add(at).write_volatile(*word) };
            }
        }
        order::JUMP => instructions::jump(words[0]),
        order::RECURSE => answer[0] = deeper(0),
        order::LARGE_FRAME => instructions::large_frame(),
        order::COST => answer[0] = instructions::cost(&words),
        order::GAP => (answer[0], answer[1]) = instructions::gaps(words[0]),
        order::PANIC => panic!("as ordered"),
        _ => panic!("no such order: {operation}"),
    }
    // The instruction table lives in the constants too.
    black_box(&CONSTANT);
    answer
}

#[inline(never)]
fn deeper(depth: u32) -> u32 {
    let room = black_box([depth; 16]);
    if depth == u32::MAX {
        0
    } else {
        deeper(depth + 1) + room[3]
    }
}

/// The buffer, for instructions that need memory.
fn buffer() -> *mut u8 {
    BUFFER.0.get().cast()
}

const _: () = assert!(the::UNDEFINED == 0);
