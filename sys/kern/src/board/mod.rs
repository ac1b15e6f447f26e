// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The machine that the kernel runs on, made of an instruction set and devices, and the way from
//! reset to the first task.
//!
//! | file | does |
//! |---|---|
//! | `mod.rs` | the [`Machine`] |
//! | `needs.rs` | what the kernel needs of the machine |
//! | `start.rs` | from `kmain` to the first task |
//! | `running.rs` | the kernel where the exception handlers find it |
//! | `last_words.rs` | what is printed when the machine stops |

mod last_words;
mod needs;
mod running;
mod start;

use crate::desc::Image;
use crate::device::{InterruptController, power, timer};
use crate::{AccessError, InterruptState, Machine, Task, arch};

pub(crate) use running::with_kernel;
pub use start::{TaskStorage, start};

/// The machine: memory, interrupt controller, timer, firmware.
#[derive(Debug)]
pub struct Board {
    interrupts: InterruptController,
}

impl Board {
    /// Sets up the devices for an image. Translation is on.
    ///
    /// # Safety
    ///
    /// Once: nobody else uses the devices from here on.
    pub(super) unsafe fn new(image: &Image) -> Self {
        let devices = &image.devices;
        // Safety: passed on; the image knows where the devices are.
        let mut interrupts = unsafe {
            InterruptController::new(devices.interrupt_distributor, devices.interrupt_cpu)
        };
        interrupts.configure(image.interrupts);
        timer::set_alarm(None);
        interrupts.enable(timer::INTID, true);
        Self { interrupts }
    }
}

impl Machine for Board {
    const TIMER: u32 = timer::INTID;

    #[inline(always)]
    fn copy(&mut self, source: u32, destination: u32, length: u32) -> Result<(), AccessError> {
        // Safety: the kernel checked that the destination belongs to a task.
        unsafe {
            arch::copy(
                core::ptr::with_exposed_provenance_mut(destination as usize),
                core::ptr::with_exposed_provenance(source as usize),
                length,
            )
        }
    }

    #[inline(always)]
    fn read(&mut self, source: u32, into: &mut [u8]) -> Result<(), AccessError> {
        let source = core::ptr::with_exposed_provenance(source as usize);
        // Safety: the destination is an exclusive reference.
        unsafe { arch::copy(into.as_mut_ptr(), source, into.len() as u32) }
    }

    #[inline(always)]
    fn read_words(&mut self, source: u32) -> Result<[u32; 3], AccessError> {
        arch::read_words(core::ptr::with_exposed_provenance(source as usize))
    }

    fn write(&mut self, destination: u32, from: &[u8]) -> Result<(), AccessError> {
        let destination = core::ptr::with_exposed_provenance_mut(destination as usize);
        // Safety: the kernel checked that the destination belongs to a task.
        unsafe { arch::copy(destination, from.as_ptr(), from.len() as u32) }
    }

    fn fill(&mut self, base: u32, end: u32, word: u32) {
        // Safety: the stack of a task that does not run, as the image describes it.
        unsafe { arch::fill(base, end, word) }
    }

    fn forget_running_task(&mut self) -> bool {
        arch::forget_task();
        let aborts = arch::late_abort_waits();
        if aborts {
            arch::take_late_abort();
        }
        aborts
    }

    #[inline(always)]
    fn ticks(&self) -> u64 {
        timer::ticks()
    }

    fn set_alarm(&mut self, at: Option<u64>) {
        timer::set_alarm(at);
    }

    #[inline(always)]
    fn acknowledge(&mut self) -> Option<u32> {
        self.interrupts.acknowledge()
    }

    #[inline(always)]
    fn end(&mut self, intid: u32) {
        self.interrupts.end(intid);
    }

    #[inline(always)]
    fn enable(&mut self, intid: u32, enabled: bool) {
        self.interrupts.enable(intid, enabled);
    }

    fn set_pending(&mut self, intid: u32, pending: bool) {
        self.interrupts.set_pending(intid, pending);
    }

    fn interrupt_state(&mut self, intid: u32) -> InterruptState {
        self.interrupts.state(intid)
    }

    fn wait(&mut self) {
        arch::wait_for_interrupt();
    }

    fn reset(&mut self) -> ! {
        power::reset()
    }

    fn supervisor_fault(&mut self, supervisor: &Task) -> ! {
        last_words::supervisor_fault(supervisor)
    }
}
