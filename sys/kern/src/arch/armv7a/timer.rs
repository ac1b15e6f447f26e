// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The generic timer: the virtual counter and its comparator (ARM DDI 0406C, B8).

use core::arch::asm;

use super::cpu::{read, write};

/// The virtual timer's private interrupt.
pub(super) const INTID: u32 = 27;

/// CNTFRQ: ticks per second.
pub(super) fn frequency() -> u32 {
    read!("0", "c14", "c0", "0")
}

/// CNTVCT: ticks since power-on.
#[inline(always)]
pub(super) fn ticks() -> u64 {
    let (low, high): (u32, u32);
    // Safety: reads a counter.
    unsafe {
        asm!("mrrc p15, 1, {}, {}, c14", out(reg) low, out(reg) high, options(nomem, nostack, preserves_flags));
    }
    u64::from(high) << 32 | u64::from(low)
}

/// Raises the interrupt once the counter reaches `at`, or never.
pub(super) fn set_alarm(at: Option<u64>) {
    const ENABLE: u32 = 1;
    let compare = at.unwrap_or(u64::MAX);
    // Safety: the comparator is the kernel's; it affects no memory.
    unsafe {
        // CNTV_CVAL, then CNTV_CTL.
        asm!("mcrr p15, 3, {}, {}, c14", in(reg) compare as u32, in(reg) (compare >> 32) as u32, options(nomem, nostack, preserves_flags));
        write!("0", "c14", "c3", "1", if at.is_some() { ENABLE } else { 0 });
    }
}
