// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Executes every access to coprocessors 14 and 15 that an instruction can name, one after the other.
//!
//! Most of them fault. The supervisor then finds in [`ABOUT_TO`] which one it was, and starts this task anew.

#![no_std]
#![no_main]

use core::arch::global_asm;
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use test_suite_common::probe;
use userlib::*;

// Each access is a function: the instruction, and `bx lr`. In the order of `probe::Access`.
global_asm!(
    r#"
    .section .text.probe_table, "ax", %progbits
    .arm
    .balign 4
    .global probe_table
probe_table:
    .set number, 0
    .rept 2 * 32768
    .word 0xee000010 | ((number & 7) << 5) | ((number >> 3) & 15) | (((number >> 7) & 15) << 16) | (((number >> 11) & 7) << 21) | (((number >> 14) & 1) << 20) | ((14 + (number >> 15)) << 8)
    bx      lr
    .set number, number + 1
    .endr
    .set number, 0
    .rept 2 * 512
    .word 0xec410000 | (number & 15) | (((number >> 4) & 15) << 4) | (((number >> 8) & 1) << 20) | ((14 + (number >> 9)) << 8)
    bx      lr
    .set number, number + 1
    .endr
    .set number, 0
    .rept 2 * 64
    .word 0xed820000 | ((number & 15) << 12) | (((number >> 4) & 1) << 20) | (((number >> 5) & 1) << 22) | ((14 + (number >> 6)) << 8)
    bx      lr
    .set number, number + 1
    .endr
    .global probe_table_end
probe_table_end:
    "#
);

unsafe extern "C" {
    static probe_table: u8;
    static probe_table_end: u8;
}

/// The bytes of a function of the table.
const SIZE: usize = 8;

/// The number of the access that comes next.
static ABOUT_TO: AtomicU32 = AtomicU32::new(u32::MAX);

/// Memory for the accesses that load and store.
struct Scratch(UnsafeCell<[u32; 4]>);

// Safety: a task has one thread.
unsafe impl Sync for Scratch {}

static SCRATCH: Scratch = Scratch(UnsafeCell::new([0; 4]));

#[unsafe(export_name = "main")]
fn main() -> ! {
    let table = &raw const probe_table;
    let length = (&raw const probe_table_end).addr() - table.addr();
    assert!(
        length == probe::ACCESSES as usize * SIZE,
        "the table has other accesses"
    );
    let first = tell(probe::BEGIN, ABOUT_TO.as_ptr() as u32);
    for number in first..probe::ACCESSES {
        ABOUT_TO.store(number, Relaxed);
        // Safety: an address in the table, where a function begins. What it does beyond its two registers is what the test is
        // about.
        let access: extern "C" fn(u32, u32, *mut [u32; 4]) =
            unsafe { core::mem::transmute(table.add(number as usize * SIZE)) };
        access(0, 0, SCRATCH.0.get());
        tell(probe::ALLOWED, number);
    }
    tell(probe::DONE, 0);
    unreachable!("the supervisor ends the machine")
}

/// Sends a word to the supervisor, and returns the word that it answers.
fn tell(operation: u16, word: u32) -> u32 {
    let mut answer = [0; 4];
    sys_send(
        TaskId::for_index(0),
        operation,
        &word.to_le_bytes(),
        &mut answer,
        &[],
    );
    u32::from_le_bytes(answer)
}
