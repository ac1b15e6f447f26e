// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What each exception means to the kernel.

use abi::FaultInfo;
use cortex_ar::register::{Dfar, Dfsr, Ifar, Ifsr, SysRegRead};

use super::{Registers, abort, copy, late};
use crate::Kernel;
use crate::board::with_kernel;

/// Status and address of the latest data abort.
fn data_fault() -> (u32, u32) {
    // Safety: reading them has no side effects.
    unsafe { (Dfsr::read_raw(), Dfar::read_raw()) }
}

/// Status and address of the latest prefetch abort.
fn prefetch_fault() -> (u32, u32) {
    // Safety: reading them has no side effects.
    unsafe { (Ifsr::read_raw(), Ifar::read_raw()) }
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
        // A reader of the record wants the instruction.
        kernel.current_mut().registers.step_back();
        kernel.fault_current(FaultInfo::IllegalInstruction);
    })
}

#[cold]
pub(super) extern "C" fn prefetch_abort() -> *mut Registers {
    let (status, address) = prefetch_fault();
    with_kernel(|kernel| kernel.fault_current(abort::prefetch_abort(status, address)))
}

#[cold]
pub(super) extern "C" fn data_abort() -> *mut Registers {
    let (status, address) = data_fault();
    with_kernel(|kernel| {
        let task = kernel.current();
        let fault = abort::data_abort(status, address, task.desc, task.registers.sp);
        kernel.fault_current(fault);
    })
}

/// The kernel's own load or store was refused at `pc`. Returns where to go on: behind a copy that fails.
pub(super) extern "C" fn kernel_data_abort(pc: u32) -> u32 {
    let (status, address) = data_fault();
    // The one place where asynchronous aborts are let through.
    if abort::is_asynchronous(status) && late::takes_abort(pc) {
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
    let (status, address) = prefetch_fault();
    panic!("prefetch abort at {pc:#010x}: IFSR {status:#x}, IFAR {address:#010x}");
}

#[cold]
pub(super) extern "C" fn fast_interrupt() -> ! {
    panic!("a fast interrupt, which nothing here can raise");
}
