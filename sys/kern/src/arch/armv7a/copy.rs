// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Copying memory so that a refused access is an error and no crash.
//!
//! The kernel checks ranges before it copies. Should the hardware refuse an access all the same, the task that offered the
//! memory is to blame, not the kernel: a data abort within this code goes on behind it, with the result 1.

use core::arch::{asm, global_asm};
use core::sync::atomic::{AtomicU32, Ordering};

use super::abort;
use crate::AccessError;

static FAULT_STATUS: AtomicU32 = AtomicU32::new(0);
static FAULT_ADDRESS: AtomicU32 = AtomicU32::new(0);

unsafe extern "C" {
    fn kernel_copy(destination: *mut u8, source: *const u8, length: u32) -> u32;
    fn kernel_read_words();
    static kernel_copy_end: u8;
    static kernel_copy_failed: u8;
    static kernel_copy_burst: u8;
    static kernel_copy_burst_end: u8;
    static kernel_copy_burst_failed: u8;
}

// Words at any alignment, which is why SCTLR.A is 0: messages are packed structures, and most of them are small.
// Up to 28 bytes by a jump into a row of single words. From 32 bytes on, and when both ends are word aligned, eight words at a time.
global_asm!(
    r#"
    .section .text.kernel_copy, "ax", %progbits
    .arm
    .global kernel_copy
    .type kernel_copy, %function
    // r0 destination, r1 source, r2 length -> r0: 0 done, 1 refused
kernel_copy:
    cmp     r2, #32
    bhs     5f
1:  bic     r3, r2, #3
    rsb     r3, r3, #28
    add     pc, pc, r3, lsl #1          // Two instructions of four bytes for each word that is not there; pc is two ahead.
    nop
    .rept   7
    ldr     r3, [r1], #4
    str     r3, [r0], #4
    .endr
    ands    r2, r2, #3
    moveq   r0, #0
    bxeq    lr
4:  ldrb    r3, [r1], #1
    subs    r2, r2, #1
    strb    r3, [r0], #1
    bne     4b
    mov     r0, #0
    bx      lr

5:  orr     r3, r0, r1
    tst     r3, #3
    beq     7f
    sub     r2, r2, #16
6:  ldr     r3, [r1], #4
    ldr     r12, [r1], #4
    str     r3, [r0], #4
    str     r12, [r0], #4
    ldr     r3, [r1], #4
    ldr     r12, [r1], #4
    subs    r2, r2, #16
    str     r3, [r0], #4
    str     r12, [r0], #4
    bhs     6b
    add     r2, r2, #16
    b       1b

7:  push    {{r4-r9}}
    sub     r2, r2, #32
    .global kernel_copy_burst
kernel_copy_burst:
8:  ldmia   r1!, {{r3-r9, r12}}
    subs    r2, r2, #32
    stmia   r0!, {{r3-r9, r12}}
    bhs     8b
    .global kernel_copy_burst_end
kernel_copy_burst_end:
    pop     {{r4-r9}}
    add     r2, r2, #32
    b       1b

    // r0 address, word aligned -> r0: 0 done, 1 refused; r1 to r3 the words
    .global kernel_read_words
    .type kernel_read_words, %function
kernel_read_words:
    ldm     r0, {{r1-r3}}
    mov     r0, #0
    bx      lr
    .global kernel_copy_end
kernel_copy_end:

    .global kernel_copy_burst_failed
kernel_copy_burst_failed:
    pop     {{r4-r9}}
    .global kernel_copy_failed
kernel_copy_failed:
    mov     r0, #1
    bx      lr
    "#
);

/// What the processor said about the access that was refused.
#[cold]
fn refused() -> AccessError {
    AccessError {
        address: Some(FAULT_ADDRESS.load(Ordering::Relaxed)),
        bus: abort::is_external(FAULT_STATUS.load(Ordering::Relaxed)),
    }
}

/// Reads three words from a word-aligned address.
#[inline(always)]
pub(crate) fn read_words(source: *const u32) -> Result<[u32; 3], AccessError> {
    let (failed, a, b, c): (u32, u32, u32, u32);
    // Safety: reads only, and an address that cannot be read ends in `recover`. The routine uses these registers and no
    // stack.
    unsafe {
        asm!(
            "bl {read}",
            read = sym kernel_read_words,
            inout("r0") source => failed,
            out("r1") a,
            out("r2") b,
            out("r3") c,
            out("lr") _,
            options(readonly, nostack),
        );
    }
    if failed == 0 {
        Ok([a, b, c])
    } else {
        Err(refused())
    }
}

/// Copies from the lowest address up.
///
/// # Safety
///
/// The kernel may overwrite the destination: it is the kernel's own buffer, or memory of tasks, which no Rust reference of
/// the kernel points into.
#[inline(always)]
pub(crate) unsafe fn copy(
    destination: *mut u8,
    source: *const u8,
    length: u32,
) -> Result<(), AccessError> {
    // Safety: the caller promises that the destination may be written. A source or destination that cannot be accessed
    // ends in `recover`, not in undefined behaviour: this is assembly.
    if unsafe { kernel_copy(destination, source, length) } == 0 {
        return Ok(());
    }
    Err(refused())
}

/// Where to go on after a data abort of the kernel at `pc`, if that was in a copy.
pub(super) fn recover(pc: u32, status: u32, address: u32) -> Option<u32> {
    let within = |from: *const u8, to: *const u8| (from as u32..to as u32).contains(&pc);
    let go_on = if within(
        &raw const kernel_copy_burst,
        &raw const kernel_copy_burst_end,
    ) {
        &raw const kernel_copy_burst_failed
    } else if within(kernel_copy as *const u8, &raw const kernel_copy_end) {
        &raw const kernel_copy_failed
    } else {
        return None;
    };
    FAULT_STATUS.store(status, Ordering::Relaxed);
    FAULT_ADDRESS.store(address, Ordering::Relaxed);
    Some(go_on as u32)
}

/// Fills memory with a word, four words at a time: a restart does this with interrupts masked.
///
/// # Safety
///
/// The kernel may overwrite the range, and may access it. Its bounds are word aligned.
pub(crate) unsafe fn fill(base: u32, end: u32, word: u32) {
    // Safety: see above. The registers of a store-multiple must ascend.
    unsafe {
        asm!(
            "2: cmp {left}, #16",
            "stmhs {at}!, {{r2, r3, r4, r5}}",
            "subhs {left}, {left}, #16",
            "bhs 2b",
            "3: subs {left}, {left}, #4",
            "strhs r2, [{at}], #4",
            "bhs 3b",
            at = inout(reg) base => _,
            left = inout(reg) end.saturating_sub(base) => _,
            in("r2") word,
            in("r3") word,
            in("r4") word,
            in("r5") word,
            options(nostack),
        );
    }
}
