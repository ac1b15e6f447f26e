// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What is printed when the machine stops. Tools look for the words in capitals.

use core::fmt::Write;
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicBool, Ordering};

use super::needs::Lack;
use super::uart::Uart;
use super::{copy, psci};
use crate::Task;

/// No more of a panic message than this is printed.
const LONGEST_MESSAGE: usize = 256;

/// The supervisor cannot go on, and without it nothing restarts what faults: says why, and switches the machine off.
pub(super) fn supervisor_fault(task: &Task) -> ! {
    // Safety: no task runs any more.
    let mut uart = unsafe { Uart::seize() };
    let registers = &task.registers;
    // A UART does not fail.
    let _ = write!(
        uart,
        "\nSUPERVISOR FAULT: task 0 ({}): {:?}\n  pc {:#010x} lr {:#010x} sp {:#010x} psr {:#010x}\n ",
        task.desc.name, task.fault, registers.pc, registers.lr, registers.sp, registers.psr,
    );
    for (number, value) in registers.r.iter().enumerate() {
        let _ = write!(uart, " r{number} {value:#x}");
    }
    let _ = writeln!(uart);
    if let Some(text) = task.panic_message() {
        let mut buffer = [0; LONGEST_MESSAGE];
        let length = buffer.len().min(text.length() as usize);
        let source = core::ptr::with_exposed_provenance(text.base() as usize);
        // Safety: the destination is a buffer of our own.
        if unsafe { copy::copy(buffer.as_mut_ptr(), source, length as u32) }.is_ok() {
            let _ = write!(uart, "  panicked: ");
            uart.write_untrusted(&buffer[..length]);
            let _ = writeln!(uart);
        }
    }
    psci::off()
}

/// The machine is not one that the kernel can run on: says what is missing, and switches it off.
pub(super) fn cannot_start(lack: Lack) -> ! {
    // Safety: no task runs yet.
    let mut uart = unsafe { Uart::seize() };
    let _ = writeln!(uart, "\nCANNOT START: {lack}");
    psci::off()
}

/// The kernel has a bug: says where, and switches the machine off.
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    static PANICKING: AtomicBool = AtomicBool::new(false);
    if !PANICKING.swap(true, Ordering::Relaxed) {
        // Safety: no task runs any more.
        let mut uart = unsafe { Uart::seize() };
        let _ = writeln!(uart, "\nKERNEL PANIC: {info}");
    }
    psci::off()
}
