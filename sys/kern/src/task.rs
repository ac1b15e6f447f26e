// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What the kernel remembers of a task.

use core::mem::offset_of;

use abi::{
    FaultInfo, Generation, RECORD_SIZE, RECORD_STACK_POINTER, TaskDumpRegion, TaskId, TaskState,
};

use crate::access::{Access, Regions};
use crate::desc::TaskDesc;
use crate::timer::Timer;
use crate::{Registers, Slice, Status};

/// One task's record.
///
/// The registers come first: the exception entry code knows the record by its address. Its size is a power of two, so that an index becomes
/// an address by a shift.
#[repr(C, align(256))]
#[derive(Debug)]
pub struct Task {
    /// The processor state, whenever the task is not running.
    pub registers: Registers,
    /// What it is doing.
    pub(crate) status: Status,
    /// Its name in its present life.
    pub(crate) id: TaskId,
    /// Notification bits that were posted and not yet received.
    pub(crate) notifications: u32,
    /// The tasks that wait for this one to receive their message, as a set of rank bits.
    pub(crate) senders: u32,
    /// This task's bit in sets of tasks.
    pub(crate) bit: u32,
    /// The bits of all tasks with a higher index: who comes next among equals.
    pub(crate) later: u32,
    /// The bits of all more important tasks.
    pub(crate) above: u32,
    /// Strict priority; a lower number is more important.
    pub(crate) priority: u8,
    /// Which memory it may use.
    pub(crate) regions: Regions,
    /// How the image describes it.
    pub desc: &'static TaskDesc,
    /// Its timer.
    pub(crate) timer: Timer,
    /// Why it faulted, when it has.
    pub(crate) fault: FaultInfo,
    /// How often it was restarted since the machine started.
    pub(crate) restarts: u32,
}

// Known to the oracle of the fuzzer too.
const _: () = {
    // Known to whoever keeps a dump.
    assert!(offset_of!(Task, registers) + Registers::STACK_POINTER == RECORD_STACK_POINTER);
    assert!(size_of::<Task>() == RECORD_SIZE || size_of::<usize>() == 8);
    assert!(offset_of!(Task, status) == 68);
    assert!(offset_of!(Task, id) == 72);
    assert!(offset_of!(Task, notifications) == 76);
    assert!(offset_of!(Task, senders) == 80);
    assert!(offset_of!(Task, bit) == 84);
    // What lies between does not change after the start.
    assert!(offset_of!(Task, timer) == 136 || size_of::<usize>() == 8);
};

impl Task {
    /// A task that has not been started. [`Kernel::new`](crate::Kernel::new) places it among the others.
    pub fn new(desc: &'static TaskDesc) -> Self {
        Self {
            registers: Registers::default(),
            status: Status::STOPPED,
            id: TaskId(0),
            notifications: 0,
            senders: 0,
            bit: 0,
            later: 0,
            above: 0,
            priority: desc.priority,
            regions: Regions::new(desc.regions, desc.stack_base),
            desc,
            timer: Timer::OFF,
            fault: FaultInfo::Panic,
            restarts: 0,
        }
    }

    /// Where this record is, for dumps. On a host, whose addresses are longer, it is only a number.
    pub fn address(&self) -> u32 {
        core::ptr::from_ref(self).expose_provenance() as u32
    }

    /// The task's name in its present life.
    pub fn id(&self) -> TaskId {
        self.id
    }

    /// Receives what is posted and not masked: the results of a RECV that ends with a notification.
    #[inline(always)]
    pub(crate) fn take_notifications(&mut self) {
        // A receiver's third argument is its mask, and it is replaced by the result.
        let bits = self.notifications & self.registers.argument::<2>();
        self.notifications &= !bits;
        self.registers.set_response(0, u32::from(TaskId::KERNEL.0));
        self.registers.set_result::<2>(bits);
        self.registers.set_result::<3>(0);
        self.registers.set_result::<4>(0);
        self.registers.set_result::<5>(0);
    }

    /// The record as a part of the task's dump.
    pub(crate) fn dump_region(&self) -> TaskDumpRegion {
        TaskDumpRegion {
            base: self.address(),
            size: size_of::<Self>() as u32,
        }
    }

    /// Begins the task's next life: its earlier names are stale from now on.
    pub(crate) fn renew(&mut self) {
        self.restarts = self.restarts.wrapping_add(1);
        self.id = TaskId::for_index_and_gen(self.id.index(), Generation::new(self.restarts));
    }

    /// Why it faulted, if it has.
    pub(crate) fn state_fault(&self) -> Option<FaultInfo> {
        self.status.is_faulted().then_some(self.fault)
    }

    /// Where the message of a task that panicked is, if it may read it: the system call's arguments, which stay.
    pub fn panic_message(&self) -> Option<Slice> {
        let (base, length) = (
            self.registers.argument::<0>(),
            self.registers.argument::<1>(),
        );
        let text = Slice::new(base, length).ok()?;
        self.regions.check(text, Access::READ).ok()?;
        (self.state_fault() == Some(FaultInfo::Panic)).then_some(text)
    }

    /// Its state in the form that tools know.
    pub fn state(&self) -> TaskState {
        let state = self.status.sched_state();
        if self.status.is_faulted() {
            TaskState::Faulted {
                fault: self.fault,
                original_state: state,
            }
        } else {
            TaskState::Healthy(state)
        }
    }
}
