// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What the kernel needs from the hardware.

use crate::Task;

/// An access that the hardware refused although the kernel had checked it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct AccessError {
    /// The offending address, when the hardware tells.
    pub address: Option<u32>,
    /// Whether the memory system answered with an error, as opposed to the translation tables refusing.
    pub bus: bool,
}

/// What the interrupt controller says about an interrupt.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct InterruptState {
    /// It is let through.
    pub enabled: bool,
    /// It waits to be delivered.
    pub pending: bool,
}

/// The hardware, as far as the kernel's decisions need it.
///
/// Addresses are the tasks' own: memory is identity mapped, and the kernel may read and write all of it whichever task's
/// translation table is active.
pub trait Machine {
    /// The interrupt identifier of the timer behind [`Machine::set_alarm`].
    const TIMER: u32;

    /// Copies `length` bytes upwards from the lowest address. The ranges were checked and do not overlap.
    ///
    /// # Errors
    ///
    /// The hardware refused an access all the same; part of the destination may have been written.
    fn copy(&mut self, source: u32, destination: u32, length: u32) -> Result<(), AccessError>;

    /// Reads bytes of a task's memory that were checked before.
    ///
    /// # Errors
    ///
    /// As for [`Machine::copy`].
    fn read(&mut self, source: u32, into: &mut [u8]) -> Result<(), AccessError>;

    /// Reads three words, word aligned, of a task's memory that were checked before: an entry of a lease table.
    ///
    /// # Errors
    ///
    /// As for [`Machine::copy`].
    fn read_words(&mut self, source: u32) -> Result<[u32; 3], AccessError>;

    /// Writes bytes to a task's memory that were checked before.
    ///
    /// # Errors
    ///
    /// As for [`Machine::copy`].
    fn write(&mut self, destination: u32, from: &[u8]) -> Result<(), AccessError>;

    /// Writes a task's record, from its byte `offset` on, to a task's memory that was checked before: a part of a dump.
    ///
    /// # Errors
    ///
    /// As for [`Machine::copy`].
    fn write_record(
        &mut self,
        destination: u32,
        task: &Task,
        offset: u32,
        length: u32,
    ) -> Result<(), AccessError> {
        // The kernel reads all memory, its own included.
        self.copy(task.address() + offset, destination, length)
    }

    /// Fills a stack, both bounds word aligned, with `word`.
    fn fill(&mut self, base: u32, end: u32, word: u32);

    /// Takes from the processor what user mode can leave in it, because the running task's next life begins now. Returns `true` if
    /// an error of the memory system was among it, which came some time after the access.
    fn forget_running_task(&mut self) -> bool;

    /// The free-running counter, in ticks since power-on. It never wraps in a machine's life.
    fn ticks(&self) -> u64;

    /// Asks for [`Machine::TIMER`] to be raised once [`Machine::ticks`] reaches `at`, or never.
    fn set_alarm(&mut self, at: Option<u64>);

    /// Takes the most urgent interrupt from the controller; `None` when there is none (a spurious one).
    fn acknowledge(&mut self) -> Option<u32>;

    /// Tells the controller that the acknowledged interrupt has been dealt with.
    fn end(&mut self, intid: u32);

    /// Lets an interrupt through, or masks it.
    fn enable(&mut self, intid: u32, enabled: bool);

    /// Makes an interrupt pending, or forgets that it is.
    fn set_pending(&mut self, intid: u32, pending: bool);

    /// What the interrupt controller says about an interrupt.
    fn interrupt_state(&mut self, intid: u32) -> InterruptState;

    /// Waits with interrupts masked until one is pending: nothing can run.
    fn wait(&mut self);

    /// Restarts the machine.
    fn reset(&mut self) -> !;

    /// Reports that the supervisor, whose record says why, cannot go on, and stops the machine.
    fn supervisor_fault(&mut self, supervisor: &Task) -> !;
}
