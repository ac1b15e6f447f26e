// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What a task may leave in the processor, asynchronous aborts among it.
//!
//! Tasks and the kernel run with these aborts masked, so one that comes waits. There is one place
//! where one is taken.

use core::arch::{asm, global_asm};

use cortex_ar::register::{SysRegRead, Tpidrurw};

use super::identity;
use super::system::Isr;

/// Takes from the processor what the running task may have left in it: TPIDRURW, and the claim of a
/// load-exclusive.
pub(crate) fn forget_task() {
    // Safety: the kernel uses neither.
    unsafe {
        asm!("clrex", options(nomem, nostack, preserves_flags));
        Tpidrurw::write(Tpidrurw(0));
    }
}

/// Returns `true` if an asynchronous abort waits, once all memory accesses are finished.
#[inline(always)]
pub(crate) fn late_abort_waits() -> bool {
    cortex_ar::asm::dsb();
    // Safety: reading it has no side effects.
    identity::abort_is_pending(unsafe { Isr::read_raw() })
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

/// Lets an asynchronous abort through that waits: the handler sees that it was taken here, and goes
/// on.
#[cold]
pub(crate) fn take_late_abort() {
    // Safety: the routine uses no register and no stack.
    unsafe { kernel_take_abort() }
}

/// Returns `true` if `pc` is in [`take_late_abort`].
pub(super) fn takes_abort(pc: u32) -> bool {
    (kernel_take_abort as *const u8 as u32..=(&raw const kernel_take_abort_end) as u32)
        .contains(&pc)
}
