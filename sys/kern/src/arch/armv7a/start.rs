// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! From the start-up code to the first task: what user mode may not do, where exceptions go, and
//! the way into a task.

use core::arch::asm;
use core::cell::UnsafeCell;
use core::mem::MaybeUninit;

use cortex_ar::register::{
    Cpacr, IdDfr0, IdMmfr0, IdPfr0, Pmuserenr, SysRegRead, SysRegWrite, Tpidruro, Tpidrurw,
};

use super::system::{Cntkctl, Dbgdscr, Teecr, Vbar};
use super::{Registers, entry, identity};

/// The stack of aborts and undefined instructions of the kernel itself: enough to print last words.
#[repr(C, align(8))]
struct AbortStack(UnsafeCell<[MaybeUninit<u8>; 2048]>);

// Safety: only the processor uses it, as a stack.
unsafe impl Sync for AbortStack {}

static ABORT_STACK: AbortStack = AbortStack(UnsafeCell::new([MaybeUninit::uninit(); 2048]));

unsafe extern "C" {
    static _vector_table: u8;
}

/// What the kernel needs of the processor and it does not have, with what to do about it.
pub(crate) fn lack() -> Option<&'static str> {
    // Safety: reading it has no side effects.
    let memory_model = unsafe { IdMmfr0::read_raw() };
    (!identity::has_privileged_execute_never(memory_model)).then_some(
        "the processor cannot keep the kernel from executing tasks' text (PXN); choose another (QEMU: -cpu cortex-a15)",
    )
}

/// Takes from user mode what it has no business with, points the vectors at ours, and gives aborts
/// a stack.
///
/// # Safety
///
/// Once, in system mode with everything masked.
pub(crate) unsafe fn set_up() {
    let vectors = (&raw const _vector_table).addr() as u32;
    let abort_stack = ABORT_STACK.0.get().addr() + size_of::<AbortStack>();
    // Safety: see above; each line is explained.
    unsafe {
        // The vectors are in RAM, not at 0 where reset expects them.
        Vbar::write_raw(vectors);
        // No floating point and no Advanced SIMD for anyone, so there is no such state to switch or
        // to leak.
        Cpacr::write(Cpacr(0));
        // Neither counters nor timers for user mode, and no performance counters.
        Cntkctl::write_raw(0);
        Pmuserenr::write(Pmuserenr(0));
        // The register that user mode can read, and the one that it can write: nothing of ours.
        Tpidruro::write(Tpidruro(0));
        Tpidrurw::write(Tpidrurw(0));
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
    }
    cortex_ar::asm::isb();
}

/// Closes to user mode the registers of coprocessor 14 that are open after a reset, where there are
/// such.
///
/// # Safety
///
/// In a privileged mode.
unsafe fn close_coprocessor_14() {
    /// TEECR.XED: user mode cannot use TEEHBR, which it could write and which no switch would save.
    const NO_THUMB_EE: u32 = 1;
    /// DBGDSCR.UDCCdis: user mode cannot read debug registers, nor use the debugger's communication
    /// channel.
    const NO_DEBUG_CHANNEL: u32 = 1 << 12;
    // Safety: what is written concerns only what user mode may do, and is written only where it
    // exists.
    unsafe {
        if identity::has_thumb_ee(IdPfr0::read_raw()) {
            Teecr::write_raw(NO_THUMB_EE);
        }
        if identity::has_debug_registers(IdDfr0::read_raw()) {
            Dbgdscr::write_raw(Dbgdscr::read_raw() | NO_DEBUG_CHANNEL);
        }
    }
}

/// Lets the first task run.
///
/// # Safety
///
/// The registers are a task's, and its address space is entered. The stack of the caller is dead
/// from here on.
pub(crate) unsafe fn run(registers: *mut Registers) -> ! {
    // Safety: see above.
    unsafe {
        asm!(
            "cpsid aif, #0x13",
            "b {resume}",
            resume = sym entry::kernel_resume,
            in("r0") registers,
            options(noreturn)
        );
    }
}

/// Finishes all memory accesses and waits for an interrupt; a masked one ends the wait too.
pub(crate) fn wait_for_interrupt() {
    cortex_ar::asm::dsb();
    cortex_ar::asm::wfi();
}
