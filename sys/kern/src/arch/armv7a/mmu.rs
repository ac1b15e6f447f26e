// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Translation on, and from one task's address space to another's.
//!
//! The build computed all tables; they are read-only and never change, so there is no TLB maintenance after start-up. What
//! distinguishes tasks is in entries that are tagged with the task's address space identifier (ASID); the kernel's own
//! are global. See ARM DDI 0406C, B3.5 (short-descriptor format) and B3.10.4 (synchronisation of ASID and TTBR changes).

use core::arch::asm;

use cortex_ar::asm::{dsb, isb};
use cortex_ar::register::{
    Actlr, BpIAll, Contextidr, Pmuserenr, Sctlr, SysRegRead, SysRegWrite, TlbIAll, Tpidrurw,
};

use super::system::{Dacr, Iciallu, Ttbcr, Ttbr0, Ttbr1};
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
pub(crate) unsafe fn translate(kernel_table: u32) {
    // Safety: the table maps this code and its data where they are.
    unsafe {
        let control = Sctlr::read_raw() & !CONTROL_OFF | CONTROL_ON;
        let auxiliary = Actlr::read_raw();
        if auxiliary & COHERENT == 0 {
            // Not writable everywhere; then firmware has taken care of it.
            Actlr::write_raw(auxiliary | COHERENT);
        }
        // Whatever ran before has left nothing behind. The data cache is invalid from reset on these cores.
        Iciallu::write_raw(0);
        BpIAll::write();
        TlbIAll::write();
        Ttbcr::write_raw(TRANSLATION_CONTROL);
        Dacr::write_raw(DOMAIN_0_CLIENT);
        Ttbr0::write_raw(kernel_table);
        Ttbr1::write_raw(0);
        Contextidr::write(Contextidr(0));
        dsb();
        isb();
        Sctlr::write_raw(control);
        isb();
    }
}

/// Enters a task's address space. The return to user mode completes it.
#[inline(always)]
pub(crate) fn enter(kernel_table: u32, task: &TaskDesc) {
    // The performance counters, for those to whom the build grants them.
    let counters = u32::from(task.flags.contains(TaskFlags::PERFORMANCE_COUNTERS));
    // Safety: both tables map the kernel alike. In between only global entries can be walked, so nothing is ever cached
    // under the wrong address space identifier.
    unsafe {
        Ttbr0::write_raw(kernel_table);
        isb();
        Contextidr::write(Contextidr(u32::from(task.address_space)));
        isb();
        Ttbr0::write_raw(task.table);
        // What the last task claimed for a store-exclusive, or kept in the one thread register that user mode can write
        // (TPIDRURW), is not for this one. TPIDRURO is 0 for ever, and TPIDRPRW is for privileged modes only.
        asm!("clrex", options(nostack, preserves_flags));
        Tpidrurw::write(Tpidrurw(0));
        Pmuserenr::write(Pmuserenr(counters));
    }
}
