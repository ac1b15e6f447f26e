// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What is printed when the machine stops. Tools look for the words in capitals.

use core::fmt::{self, Write};
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::needs::Lack;
use crate::desc::Address;
use crate::device::{Uart, power};
use crate::{Task, arch};

/// No more of a panic message than this is printed.
const LONGEST_MESSAGE: usize = 256;

/// The address of the console, or 0 as long as there is none.
static CONSOLE: AtomicUsize = AtomicUsize::new(0);

/// From here on last words go to the console at this address, if there is one.
pub(super) fn speak_through(console: Option<Address>) {
    CONSOLE.store(console.map_or(0, Address::get), Ordering::Relaxed);
}

/// The console, or nowhere.
struct Console(Option<Uart>);

impl Console {
    /// Takes the console from whoever has it.
    ///
    /// # Safety
    ///
    /// No task runs any more.
    unsafe fn seize() -> Self {
        let address = Address::new(CONSOLE.load(Ordering::Relaxed));
        // Safety: no task runs any more, and the image maps its console for the kernel in every
        // table.
        Self(address.map(|address| unsafe { Uart::seize(address) }))
    }

    fn write_untrusted(&mut self, bytes: &[u8]) {
        if let Some(uart) = &mut self.0 {
            uart.write_untrusted(bytes);
        }
    }
}

impl Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        match &mut self.0 {
            Some(uart) => uart.write_str(text),
            None => Ok(()),
        }
    }
}

/// The supervisor cannot go on, and without it nothing restarts what faults: says why, and switches
/// the machine off.
pub(super) fn supervisor_fault(task: &Task) -> ! {
    // Safety: no task runs any more.
    let mut console = unsafe { Console::seize() };
    // A UART does not fail.
    let _ = writeln!(
        console,
        "\nSUPERVISOR FAULT: task 0 ({}): {:?}\n{}",
        task.desc.name, task.fault, task.registers,
    );
    if let Some(text) = task.panic_message() {
        let mut buffer = [0; LONGEST_MESSAGE];
        let length = buffer.len().min(text.length() as usize);
        let source = core::ptr::with_exposed_provenance(text.base() as usize);
        // Safety: the destination is a buffer of our own.
        if unsafe { arch::copy(buffer.as_mut_ptr(), source, length as u32) }.is_ok() {
            let _ = write!(console, "  message: ");
            console.write_untrusted(&buffer[..length]);
            let _ = writeln!(console);
        }
    }
    power::off()
}

/// The machine is not one that the kernel can run on: says what is missing, and switches it off.
pub(super) fn cannot_start(lack: Lack) -> ! {
    // Safety: no task runs yet.
    let mut console = unsafe { Console::seize() };
    let _ = writeln!(console, "\nCANNOT START: {lack}");
    power::off()
}

/// The kernel has a bug: says where, and switches the machine off.
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    static PANICKING: AtomicBool = AtomicBool::new(false);
    if !PANICKING.swap(true, Ordering::Relaxed) {
        // Safety: no task runs any more.
        let mut console = unsafe { Console::seize() };
        let _ = writeln!(console, "\nKERNEL PANIC: {info}");
    }
    power::off()
}
