// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What each exception means to the kernel.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;

use abi::FaultInfo;

use super::board::Board;
use super::{copy, cpu, mmu};
use crate::{Kernel, Registers, abort, processor};

type TheKernel = Kernel<'static, Board>;

/// The kernel, from [`install`] on.
struct KernelCell(UnsafeCell<MaybeUninit<TheKernel>>);

// Safety: there is one core, and the kernel runs with every exception masked.
unsafe impl Sync for KernelCell {}

static KERNEL: KernelCell = KernelCell(UnsafeCell::new(MaybeUninit::uninit()));

/// Puts the kernel where the handlers find it, and enters the address space of the first task to run.
pub(super) fn install(kernel: TheKernel) -> *mut Registers {
    // Safety: no task runs yet, so no handler does either.
    let kernel = unsafe { (*KERNEL.0.get()).write(kernel) };
    enter_current(kernel)
}

/// Runs `act` on the kernel and returns the registers to go on with, in their task's address space.
#[inline(always)]
fn with_kernel(act: impl FnOnce(&mut TheKernel)) -> *mut Registers {
    // Safety: a handler runs only while a task does, which is after `install`; and none runs within another, since the
    // kernel is never interrupted, and its own aborts do not come here.
    let kernel = unsafe { (*KERNEL.0.get()).assume_init_mut() };
    let before = kernel.current;
    act(kernel);
    if kernel.current == before {
        return &raw mut kernel.current_mut().registers;
    }
    if processor::abort_is_pending(cpu::pending()) {
        take_abort(kernel, before);
    }
    enter_current(kernel)
}

/// Takes the asynchronous abort that waits, before another task than `before` could be blamed for it.
#[cold]
#[inline(never)]
fn take_abort(kernel: &mut TheKernel, before: usize) {
    cpu::take_abort();
    kernel.late_abort(before);
}

#[inline(always)]
fn enter_current(kernel: &mut TheKernel) -> *mut Registers {
    let kernel_ttbr0 = kernel.image.kernel_ttbr0;
    let task = kernel.current_mut();
    mmu::enter(kernel_ttbr0, task.desc);
    &raw mut task.registers
}

pub(super) extern "C" fn system_call() -> *mut Registers {
    with_kernel(Kernel::system_call)
}

pub(super) extern "C" fn interrupt() -> *mut Registers {
    with_kernel(Kernel::interrupt)
}

#[cold]
pub(super) extern "C" fn undefined() -> *mut Registers {
    with_kernel(|kernel| {
        // The program counter is behind the instruction; a reader of the record wants the instruction.
        let registers = &mut kernel.current_mut().registers;
        let size = if registers.psr & cpu::THUMB == 0 {
            4
        } else {
            2
        };
        registers.pc = registers.pc.wrapping_sub(size);
        kernel.fault_current(FaultInfo::IllegalInstruction);
    })
}

#[cold]
pub(super) extern "C" fn prefetch_abort() -> *mut Registers {
    let (status, address) = cpu::prefetch_fault();
    with_kernel(|kernel| kernel.fault_current(abort::prefetch_abort(status, address)))
}

#[cold]
pub(super) extern "C" fn data_abort() -> *mut Registers {
    let (status, address) = cpu::data_fault();
    with_kernel(|kernel| {
        let task = kernel.current();
        let fault = abort::data_abort(status, address, task.desc, task.registers.sp);
        kernel.fault_current(fault);
    })
}

/// The kernel's own load or store was refused at `pc`. Returns where to go on: behind a copy that fails.
pub(super) extern "C" fn kernel_data_abort(pc: u32) -> u32 {
    let (status, address) = cpu::data_fault();
    // The one place where asynchronous aborts are let through.
    if abort::is_asynchronous(status) && cpu::takes_abort(pc) {
        return pc;
    }
    match copy::recover(pc, status, address) {
        Some(go_on) => go_on,
        None => panic!("data abort at {pc:#010x}: DFSR {status:#x}, DFAR {address:#010x}"),
    }
}

#[cold]
pub(super) extern "C" fn kernel_undefined(behind: u32) -> ! {
    panic!("undefined instruction before {behind:#010x}");
}

#[cold]
pub(super) extern "C" fn kernel_prefetch_abort(pc: u32) -> ! {
    let (status, address) = cpu::prefetch_fault();
    panic!("prefetch abort at {pc:#010x}: IFSR {status:#x}, IFAR {address:#010x}");
}

#[cold]
pub(super) extern "C" fn fast_interrupt() -> ! {
    panic!("a fast interrupt, which nothing here can raise");
}
