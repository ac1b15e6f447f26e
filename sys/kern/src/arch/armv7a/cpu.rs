// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! System registers (coprocessor 15), and what user mode may not do with them.

use core::arch::{asm, global_asm};

use crate::processor;

/// Thumb state, in a program status register.
pub(super) const THUMB: u32 = 1 << 5;

/// Reads a 32-bit system register, named as the architecture manual names it: opc1, CRn, CRm, opc2.
macro_rules! read {
    ($opc1:literal, $crn:literal, $crm:literal, $opc2:literal) => {{
        let value: u32;
        // Safety: the registers read here have no side effects when read.
        unsafe {
            core::arch::asm!(
                concat!("mrc p15, ", $opc1, ", {}, ", $crn, ", ", $crm, ", ", $opc2),
                out(reg) value,
                options(nomem, nostack, preserves_flags)
            );
        }
        value
    }};
}

/// Writes a 32-bit system register. Unsafe to use where the register changes what memory means.
macro_rules! write {
    ($opc1:literal, $crn:literal, $crm:literal, $opc2:literal, $value:expr) => {{
        let value: u32 = $value;
        core::arch::asm!(
            concat!("mcr p15, ", $opc1, ", {}, ", $crn, ", ", $crm, ", ", $opc2),
            in(reg) value,
            options(nostack, preserves_flags)
        )
    }};
}

pub(super) use {read, write};

/// DFSR and DFAR: status and address of the latest data abort.
pub(super) fn data_fault() -> (u32, u32) {
    (read!("0", "c5", "c0", "0"), read!("0", "c6", "c0", "0"))
}

/// IFSR and IFAR: status and address of the latest prefetch abort.
pub(super) fn prefetch_fault() -> (u32, u32) {
    (read!("0", "c5", "c0", "1"), read!("0", "c6", "c0", "2"))
}

/// ID_MMFR0: what kind of memory system this is.
pub(super) fn memory_model() -> u32 {
    read!("0", "c0", "c1", "4")
}

/// Takes from the processor what the running task may have left in it: TPIDRURW, and the claim of a load-exclusive.
pub(super) fn forget_task() {
    // Safety: the kernel uses neither.
    unsafe {
        asm!("clrex", options(nomem, nostack, preserves_flags));
        write!("0", "c13", "c0", "2", 0);
    }
}

/// ISR, once all memory accesses are finished: what waits to be taken.
#[inline(always)]
pub(super) fn pending() -> u32 {
    let pending: u32;
    // Safety: changes nothing. Not `nomem`: the accesses before it must be made before it.
    unsafe {
        asm!("dsb", "mrc p15, 0, {}, c12, c1, 0", out(reg) pending, options(nostack, preserves_flags));
    }
    pending
}

unsafe extern "C" {
    fn kernel_take_abort();
    static kernel_take_abort_end: u8;
}

global_asm!(
    r#"
    .section .text.kernel_take_abort, "ax", %progbits
    .arm
    .global kernel_take_abort
    .type kernel_take_abort, %function
kernel_take_abort:
    cpsie   a
    isb
    cpsid   a
    bx      lr
    .global kernel_take_abort_end
kernel_take_abort_end:
    "#
);

/// Lets an asynchronous abort through that waits: the handler sees that it was taken here, and goes on.
#[cold]
pub(super) fn take_abort() {
    // Safety: the routine uses no register and no stack.
    unsafe { kernel_take_abort() }
}

/// Returns `true` if `pc` is in [`take_abort`].
pub(super) fn takes_abort(pc: u32) -> bool {
    (kernel_take_abort as *const u8 as u32..=(&raw const kernel_take_abort_end) as u32)
        .contains(&pc)
}

/// Finishes all memory accesses and waits for an interrupt; a masked one ends the wait too.
pub(super) fn wait_for_interrupt() {
    // Safety: changes nothing.
    unsafe { asm!("dsb", "wfi", options(nostack, preserves_flags)) }
}

/// Closes to user mode the registers of coprocessor 14 that are open after a reset, where there are such.
///
/// # Safety
///
/// In a privileged mode.
unsafe fn close_coprocessor_14() {
    /// TEECR.XED: user mode cannot use TEEHBR, which it could write and which no switch would save.
    const NO_THUMB_EE: u32 = 1;
    /// DBGDSCR.UDCCdis: user mode cannot read debug registers, nor use the debugger's communication channel.
    const NO_DEBUG_CHANNEL: u32 = 1 << 12;
    // ID_PFR0 and ID_DFR0.
    let thumb_ee = processor::has_thumb_ee(read!("0", "c0", "c1", "0"));
    let debug = processor::has_debug_registers(read!("0", "c0", "c1", "2"));
    // Safety: the registers exist, and concern only what user mode may do.
    unsafe {
        if thumb_ee {
            asm!("mcr p14, 6, {}, c0, c0, 0", in(reg) NO_THUMB_EE, options(nomem, nostack, preserves_flags));
        }
        if debug {
            asm!(
                "mrc p14, 0, {control}, c0, c2, 2",
                "orr {control}, {control}, {closed}",
                "mcr p14, 0, {control}, c0, c2, 2",
                control = out(reg) _,
                closed = const NO_DEBUG_CHANNEL,
                options(nomem, nostack, preserves_flags)
            );
        }
    }
}

/// Takes from user mode what it has no business with, points the vectors at ours, and gives aborts a stack.
///
/// # Safety
///
/// Once, in system mode with everything masked. `abort_stack` is the end of a stack that nobody else uses.
pub(super) unsafe fn set_up(vectors: u32, abort_stack: u32) {
    // Safety: see above; each line is explained.
    unsafe {
        // VBAR: the vectors are in RAM, not at 0 where reset expects them.
        write!("0", "c12", "c0", "0", vectors);
        // CPACR: no floating point and no Advanced SIMD for anyone, so there is no such state to switch or to leak.
        write!("0", "c1", "c0", "2", 0);
        // CNTKCTL: neither counters nor timers for user mode. PMUSERENR: no performance counters.
        write!("0", "c14", "c1", "0", 0);
        write!("0", "c9", "c14", "0", 0);
        // TPIDRURO, which user mode can read, and TPIDRURW, which it can write: nothing of ours.
        write!("0", "c13", "c0", "3", 0);
        write!("0", "c13", "c0", "2", 0);
        // Modes Undefined (0x1b) and Abort (0x17) use their stack pointers; back to System (0x1f).
        asm!(
            "cpsid aif, #0x1b",
            "mov sp, {stack}",
            "cpsid aif, #0x17",
            "mov sp, {stack}",
            "cpsid aif, #0x1f",
            stack = in(reg) abort_stack,
        );
        close_coprocessor_14();
        asm!("isb", options(nostack, preserves_flags));
    }
}
