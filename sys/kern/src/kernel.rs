// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The kernel's state, and what happens to a task from outside: start, notification, fault.

use abi::{FaultInfo, FaultSource, SUPERVISOR_FAULT_NOTIFICATION, TaskId};

use crate::desc::{Image, MAX_TASKS, TaskFlags};
use crate::{Clock, Machine, Status, Task};

/// The kernel: all tasks, and the one that runs.
///
/// Sets of tasks are words with one bit a task. Bits are given by *rank*: the most important task
/// has the top bit, equals follow in the order of their index. So the most important member of a
/// set is found by counting leading zeros.
///
/// The order of the fields is known to the oracle of the fuzzer (`test/integration/src/oracle.rs`),
/// which reads them out of a running machine. What never changes after the start is first and last.
#[repr(C)]
#[derive(Debug)]
pub struct Kernel<'t, M: Machine> {
    /// The hardware.
    pub machine: M,
    pub(crate) tasks: &'t mut [Task],
    pub(crate) image: &'static Image,
    /// The index of the task that runs when the kernel returns.
    pub(crate) current: usize,
    /// The runnable tasks.
    pub(crate) ready: u32,
    /// The tasks whose timer is set.
    pub(crate) timers: u32,
    /// When the hardware timer will fire, in ticks: never after the earliest deadline, possibly
    /// before it.
    pub(crate) alarm: u64,
    /// Interrupts that the controller withdrew before they were taken.
    pub(crate) spurious_interrupts: u32,
    /// Interrupts that belong to nobody in the image.
    pub(crate) stray_interrupts: u32,
    /// Late errors of the memory system that came when nobody could be blamed any more.
    pub(crate) stray_aborts: u32,
    pub(crate) clock: Clock,
    /// By rank: the bits of all tasks of the same priority.
    pub(crate) equals: [u32; MAX_TASKS],
    /// By rank: the task's index.
    pub(crate) by_rank: [u8; MAX_TASKS],
}

impl<'t, M: Machine> Kernel<'t, M> {
    /// Puts the tasks in order and starts those that run from boot on. `frequency` is that of
    /// [`Machine::ticks`], in Hz.
    ///
    /// # Panics
    ///
    /// If `tasks` are not the tasks of `image`, if there are none or too many of them, or if the
    /// frequency is not set.
    pub fn new(image: &'static Image, tasks: &'t mut [Task], machine: M, frequency: u32) -> Self {
        let count = tasks.len();
        assert!(
            count == image.tasks.len(),
            "the image describes other tasks"
        );
        assert!((1..=MAX_TASKS).contains(&count), "between 1 and 32 tasks");
        let mut kernel = Self {
            machine,
            tasks,
            image,
            clock: Clock::new(frequency),
            current: 0,
            ready: 0,
            equals: [0; MAX_TASKS],
            by_rank: [0; MAX_TASKS],
            timers: 0,
            alarm: u64::MAX,
            spurious_interrupts: 0,
            stray_interrupts: 0,
            stray_aborts: 0,
        };
        kernel.rank();
        for index in 0..count {
            let start = image.tasks[index].flags.contains(TaskFlags::START_AT_BOOT);
            kernel.begin(index, start);
        }
        kernel.reschedule();
        kernel
    }

    /// Gives every task its bit.
    fn rank(&mut self) {
        for index in 0..self.tasks.len() {
            let priority = self.tasks[index].priority;
            let rank = self
                .tasks
                .iter()
                .enumerate()
                .filter(|&(other, task)| (task.priority, other) < (priority, index))
                .count();
            self.by_rank[rank] = index as u8;
            let task = &mut self.tasks[index];
            task.bit = 1 << (31 - rank);
            task.id = TaskId::for_index(index);
        }
        for index in 0..self.tasks.len() {
            let bits = |keep: &dyn Fn(usize, &Task) -> bool| {
                let all = self.tasks.iter().enumerate();
                all.filter(|&(other, task)| keep(other, task))
                    .fold(0, |set, (_, task)| set | task.bit)
            };
            let (priority, bit) = (self.tasks[index].priority, self.tasks[index].bit);
            let equals = bits(&|_, task| task.priority == priority);
            let later = bits(&|other, _| other > index);
            let above = bits(&|_, task| task.priority < priority);
            self.equals[bit.leading_zeros() as usize] = equals;
            self.tasks[index].later = later;
            self.tasks[index].above = above;
        }
    }

    /// The task that runs when the kernel returns.
    #[inline(always)]
    pub fn current(&self) -> &Task {
        &self.tasks[self.current]
    }

    /// The same, for the code that loads its registers.
    #[inline(always)]
    pub fn current_mut(&mut self) -> &mut Task {
        &mut self.tasks[self.current]
    }

    /// All tasks, in the order of their index.
    pub fn tasks(&self) -> &[Task] {
        self.tasks
    }

    /// Posts notification bits. The task wakes if it waits for one of them.
    pub(crate) fn post(&mut self, index: usize, bits: u32) {
        let task = &mut self.tasks[index];
        task.notifications |= bits;
        // A receiver's third argument is its mask.
        if task.status.is_receiving() && task.notifications & task.registers.argument::<2>() != 0 {
            task.take_notifications();
            self.make_runnable(index);
        }
    }

    /// Stops a task for good and tells the supervisor. The caller decides who runs next.
    ///
    /// A second fault replaces the first, but what the task was doing before the first is kept. A
    /// fault of the supervisor stops the machine.
    #[cold]
    #[inline(never)]
    pub(crate) fn force_fault(&mut self, index: usize, fault: FaultInfo) {
        self.stop_waiting(index);
        let task = &mut self.tasks[index];
        task.status = task.status.faulted();
        task.fault = fault;
        self.ready &= !task.bit;
        if index == 0 {
            self.machine.supervisor_fault(&self.tasks[0]);
        }
        self.post(0, SUPERVISOR_FAULT_NOTIFICATION);
    }

    /// Removes a task from the set of senders that it is in, if it is in one.
    pub(crate) fn stop_waiting(&mut self, index: usize) {
        let task = &self.tasks[index];
        if let Some(target) = task.status.sending_to() {
            let bit = task.bit;
            self.tasks[target.index()].senders &= !bit;
        }
    }

    /// Faults the running task because of what it executed, and chooses who goes on.
    #[cold]
    #[inline(never)]
    pub fn fault_current(&mut self, fault: FaultInfo) {
        self.force_fault(self.current, fault);
        self.reschedule();
    }

    /// The memory system reported an error some time after the access. The task `index` has run
    /// until now, so that was its doing, or the kernel's on its behalf. If it has faulted already,
    /// the error is counted: the first reason is the better one.
    #[cold]
    #[inline(never)]
    pub fn late_abort(&mut self, index: usize) {
        if self.tasks[index].status.is_faulted() {
            self.stray_aborts = self.stray_aborts.wrapping_add(1);
            return;
        }
        self.force_fault(
            index,
            FaultInfo::BusError {
                address: None,
                source: FaultSource::User,
            },
        );
        // The kernel was about to let somebody else run; the supervisor comes before everybody.
        self.preempt();
    }

    /// Makes a healthy task runnable.
    #[inline(always)]
    pub(crate) fn make_runnable(&mut self, index: usize) {
        let task = &mut self.tasks[index];
        task.status = Status::RUNNABLE;
        self.ready |= task.bit;
    }

    /// Makes the running task wait. The caller decides who runs next.
    #[inline(always)]
    pub(crate) fn block_current(&mut self, status: Status) {
        let task = &mut self.tasks[self.current];
        task.status = status;
        self.ready &= !task.bit;
    }
}
