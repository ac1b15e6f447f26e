// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Translation on, and from one task's address space to another's.
//!
//! The build computed all tables; they are read-only and never change, so there is no TLB maintenance after start-up. What
//! distinguishes tasks is in entries that are tagged with the task's address space identifier (ASID); the kernel's own
//! are global. See ARM DDI 0406C, B3.5 (short-descriptor format) and B3.10.4 (synchronisation of ASID and TTBR changes).

use core::arch::asm;

use super::cpu::{read, write};
use crate::desc::{TaskDesc, TaskFlags};

/// TTBCR: short descriptors; TTBR0 covers the lower 2 GiB (N = 1), and nothing covers the rest (PD1).
const TRANSLATION_CONTROL: u32 = 1 | 1 << 5;

/// DACR: entries in domain 0 are checked against their permissions, other domains are refused.
const DOMAIN_0_CLIENT: u32 = 1;

/// SCTLR: translation (M), data and unified caches (C), branch prediction (Z), instruction cache (I), and nothing writable
/// is executable, for the kernel (WXN) and through it of user memory (UWXN).
const CONTROL_ON: u32 = 1 | 1 << 2 | 1 << 11 | 1 << 12 | 1 << 19 | 1 << 20;

/// SCTLR: alignment checks of plain loads and stores (A; see `copy.rs`), barriers through coprocessor 15 (CP15BEN), SWP
/// (SW), vectors at the top (V), exceptions in big-endian (EE), remapped memory attributes (TRE), access flags (AFE),
/// exceptions in Thumb (TE).
const CONTROL_OFF: u32 =
    1 << 1 | 1 << 5 | 1 << 10 | 1 << 13 | 1 << 25 | 1 << 28 | 1 << 29 | 1 << 30;

/// ACTLR.SMP of Cortex-A cores: take part in coherency, without which shareable memory is not cached.
const COHERENT: u32 = 1 << 6;

/// Switches translation and caches on, in the table that holds only the kernel's entries.
///
/// # Safety
///
/// Once, with translation off. The table maps what the kernel uses, identically.
pub(super) unsafe fn enable(kernel_ttbr0: u32) {
    let auxiliary = read!("0", "c1", "c0", "1");
    let control = read!("0", "c1", "c0", "0") & !CONTROL_OFF | CONTROL_ON;
    // Safety: the table maps this code and its data where they are.
    unsafe {
        if auxiliary & COHERENT == 0 {
            // Not writable everywhere; then firmware has taken care of it.
            write!("0", "c1", "c0", "1", auxiliary | COHERENT);
        }
        // ICIALLU, BPIALL, TLBIALL: whatever ran before has left nothing behind. The data cache is invalid from
        // reset on these cores.
        write!("0", "c7", "c5", "0", 0);
        write!("0", "c7", "c5", "6", 0);
        write!("0", "c8", "c7", "0", 0);
        write!("0", "c2", "c0", "2", TRANSLATION_CONTROL);
        write!("0", "c3", "c0", "0", DOMAIN_0_CLIENT);
        write!("0", "c2", "c0", "0", kernel_ttbr0);
        write!("0", "c2", "c0", "1", 0);
        write!("0", "c13", "c0", "1", 0);
        asm!("dsb", "isb", options(nostack, preserves_flags));
        write!("0", "c1", "c0", "0", control);
        asm!("isb", options(nostack, preserves_flags));
    }
}

/// Enters a task's address space. The return to user mode completes it.
#[inline(always)]
pub(super) fn enter(kernel_ttbr0: u32, task: &TaskDesc) {
    // PMUSERENR.EN: the performance counters, for those to whom the build grants them.
    let counters = u32::from(task.flags.contains(TaskFlags::PERFORMANCE_COUNTERS));
    // Safety: both tables map the kernel alike. In between only global entries can be walked, so nothing is ever cached
    // under the wrong address space identifier.
    unsafe {
        asm!(
            "mcr p15, 0, {kernel}, c2, c0, 0",  // TTBR0
            "isb",
            "mcr p15, 0, {asid}, c13, c0, 1",   // CONTEXTIDR
            "isb",
            "mcr p15, 0, {task}, c2, c0, 0",    // TTBR0
            // What the last task claimed for a store-exclusive, or kept in the one thread register that user mode can write
            // (TPIDRURW), is not for this one. TPIDRURO is 0 for ever, and TPIDRPRW is for privileged modes only.
            "clrex",
            "mcr p15, 0, {zero}, c13, c0, 2",
            "mcr p15, 0, {counters}, c9, c14, 0",
            kernel = in(reg) kernel_ttbr0,
            asid = in(reg) u32::from(task.asid),
            task = in(reg) task.ttbr0,
            zero = in(reg) 0,
            counters = in(reg) counters,
            options(nostack, preserves_flags),
        );
    }
}
