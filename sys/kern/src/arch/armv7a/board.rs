// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The machine that the kernel runs on.

use super::gic::Gic;
use super::{copy, cpu, last_words, psci, timer};
use crate::desc::Image;
use crate::{AccessError, InterruptState, Machine, Task, processor};

/// The machine: memory, interrupt controller, timer, firmware.
#[derive(Debug)]
pub struct Board {
    gic: Gic,
}

impl Board {
    /// Sets up the devices for an image. Translation is on.
    ///
    /// # Safety
    ///
    /// Once: nobody else uses the devices from here on.
    pub(super) unsafe fn new(image: &Image) -> Self {
        // Safety: passed on.
        let mut gic = unsafe { Gic::new() };
        gic.configure(image.interrupts);
        timer::set_alarm(None);
        gic.enable(timer::INTID, true);
        Self { gic }
    }
}

impl Machine for Board {
    const TIMER: u32 = timer::INTID;

    #[inline(always)]
    fn copy(&mut self, source: u32, destination: u32, length: u32) -> Result<(), AccessError> {
        // Safety: the kernel checked that the destination belongs to a task.
        unsafe {
            copy::copy(
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
        unsafe { copy::copy(into.as_mut_ptr(), source, into.len() as u32) }
    }

    #[inline(always)]
    fn read_words(&mut self, source: u32) -> Result<[u32; 3], AccessError> {
        copy::read_words(core::ptr::with_exposed_provenance(source as usize))
    }

    fn write(&mut self, destination: u32, from: &[u8]) -> Result<(), AccessError> {
        let destination = core::ptr::with_exposed_provenance_mut(destination as usize);
        // Safety: the kernel checked that the destination belongs to a task.
        unsafe { copy::copy(destination, from.as_ptr(), from.len() as u32) }
    }

    fn fill(&mut self, base: u32, end: u32, word: u32) {
        // Safety: the stack of a task that does not run, as the image describes it.
        unsafe { copy::fill(base, end, word) }
    }

    fn forget_running_task(&mut self) -> bool {
        cpu::forget_task();
        let aborts = processor::abort_is_pending(cpu::pending());
        if aborts {
            cpu::take_abort();
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
        self.gic.acknowledge()
    }

    #[inline(always)]
    fn end(&mut self, intid: u32) {
        self.gic.end(intid);
    }

    #[inline(always)]
    fn enable(&mut self, intid: u32, enabled: bool) {
        self.gic.enable(intid, enabled);
    }

    fn set_pending(&mut self, intid: u32, pending: bool) {
        self.gic.set_pending(intid, pending);
    }

    fn interrupt_state(&mut self, intid: u32) -> InterruptState {
        self.gic.state(intid)
    }

    fn wait(&mut self) {
        cpu::wait_for_interrupt();
    }

    fn reset(&mut self) -> ! {
        psci::reset()
    }

    fn supervisor_fault(&mut self, supervisor: &Task) -> ! {
        last_words::supervisor_fault(supervisor)
    }
}
