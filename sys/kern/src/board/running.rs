// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The kernel where the exception handlers find it.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;

use super::Board;
use crate::{Kernel, Registers, arch};

type TheKernel = Kernel<'static, Board>;

/// The kernel, from [`install`] on.
struct KernelCell(UnsafeCell<MaybeUninit<TheKernel>>);

// Safety: there is one core, and the kernel runs with every exception masked.
unsafe impl Sync for KernelCell {}

static KERNEL: KernelCell = KernelCell(UnsafeCell::new(MaybeUninit::uninit()));

/// Puts the kernel where the handlers find it, and enters the address space of the first task to
/// run.
pub(super) fn install(kernel: TheKernel) -> *mut Registers {
    // Safety: no task runs yet, so no handler does either.
    let kernel = unsafe { (*KERNEL.0.get()).write(kernel) };
    enter_current(kernel)
}

/// Runs `act` on the kernel and returns the registers to go on with, in their task's address space.
#[inline(always)]
pub(crate) fn with_kernel(act: impl FnOnce(&mut TheKernel)) -> *mut Registers {
    // Safety: a handler runs only while a task does, which is after `install`; and none runs within
    // another, since the kernel is never interrupted, and its own aborts do not come here.
    let kernel = unsafe { (*KERNEL.0.get()).assume_init_mut() };
    let before = kernel.current;
    act(kernel);
    if kernel.current == before {
        return &raw mut kernel.current_mut().registers;
    }
    if arch::late_abort_waits() {
        take_late_abort(kernel, before);
    }
    enter_current(kernel)
}

/// Takes the late abort that waits, before another task than `before` could be blamed for it.
#[cold]
#[inline(never)]
fn take_late_abort(kernel: &mut TheKernel, before: usize) {
    arch::take_late_abort();
    kernel.late_abort(before);
}

#[inline(always)]
fn enter_current(kernel: &mut TheKernel) -> *mut Registers {
    let kernel_table = kernel.image.kernel_table;
    let task = kernel.current_mut();
    arch::enter(kernel_table, task.desc);
    &raw mut task.registers
}
