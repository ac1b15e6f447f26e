// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A machine made of a byte array, images to boot on it, and short names for what tests do.

use std::collections::{BTreeSet, VecDeque};

use abi::{FaultInfo, FaultSource, SchedState, Sysnum, TaskId, TaskState, UsageError};
use zerocopy::IntoBytes;

use crate::desc::{
    Address, Devices, Image, InterruptDesc, RegionAttributes, RegionDesc, TaskDesc, TaskFlags,
};
use crate::{AccessError, InterruptState, Kernel, Machine, Task};

/// Where the first task's memory begins; each task has [`STRIDE`] of it.
pub const BASE: u32 = 0x4020_0000;
pub const STRIDE: u32 = 0x8000;
pub const PAGE: u32 = 0x1000;
/// The part of a task's first page that is its stack: the kernel fills it whenever a task starts, and Miri is slow.
pub const STACK: u32 = if cfg!(miri) { 0x40 } else { PAGE };
const TASKS: usize = 32;

/// Ticks in a millisecond.
pub const MS: u64 = 62_500;

const fn own(task: usize, offset: u32) -> u32 {
    BASE + task as u32 * STRIDE + offset
}

/// Read and execute; the constants follow without a gap.
pub const fn text(task: usize) -> u32 {
    own(task, 0)
}
/// Read.
pub const fn constants(task: usize) -> u32 {
    own(task, 0x1000)
}
/// Read and write, two pages; the stack is the first. The page below is nobody's.
pub const fn stack(task: usize) -> u32 {
    own(task, 0x3000)
}
/// The second page of the same region; DMA memory follows without a gap.
pub const fn data(task: usize) -> u32 {
    own(task, 0x4000)
}
/// Read and write, shared with a device.
pub const fn dma(task: usize) -> u32 {
    own(task, 0x5000)
}
/// A device.
pub const fn device(task: usize) -> u32 {
    own(task, 0x6000)
}
/// Nobody's.
pub const fn nowhere(task: usize) -> u32 {
    own(task, 0x7000)
}
/// Read and write, for [`OTHER`] and for somebody else.
pub const MAILBOX: u32 = own(OTHER, 0x7000);

const READ_WRITE: RegionAttributes = RegionAttributes::READ.union(RegionAttributes::WRITE);

const fn regions(task: usize) -> [RegionDesc; 5] {
    const fn region(base: u32, size: u32, attributes: RegionAttributes) -> RegionDesc {
        RegionDesc {
            base,
            size,
            attributes,
        }
    }
    [
        region(
            text(task),
            PAGE,
            RegionAttributes::READ.union(RegionAttributes::EXECUTE),
        ),
        region(constants(task), PAGE, RegionAttributes::READ),
        region(stack(task), 2 * PAGE, READ_WRITE),
        region(dma(task), PAGE, READ_WRITE.union(RegionAttributes::DMA)),
        region(
            device(task),
            PAGE,
            READ_WRITE.union(RegionAttributes::DEVICE),
        ),
    ]
}

macro_rules! for_32 {
    ($make:path) => {
        [
            $make(0),
            $make(1),
            $make(2),
            $make(3),
            $make(4),
            $make(5),
            $make(6),
            $make(7),
            $make(8),
            $make(9),
            $make(10),
            $make(11),
            $make(12),
            $make(13),
            $make(14),
            $make(15),
            $make(16),
            $make(17),
            $make(18),
            $make(19),
            $make(20),
            $make(21),
            $make(22),
            $make(23),
            $make(24),
            $make(25),
            $make(26),
            $make(27),
            $make(28),
            $make(29),
            $make(30),
            $make(31),
        ]
    };
}

static REGIONS: [[RegionDesc; 5]; TASKS] = for_32!(regions);

static SHARERS_REGIONS: [RegionDesc; 6] = {
    let [a, b, c, d, e] = regions(OTHER);
    let mailbox = RegionDesc {
        base: MAILBOX,
        size: PAGE,
        attributes: READ_WRITE.union(RegionAttributes::SHARED),
    };
    [a, b, c, d, e, mailbox]
};

const fn task(index: usize, priority: u8, flags: TaskFlags, interrupts: &'static [u8]) -> TaskDesc {
    TaskDesc {
        name: "task",
        entry: text(index) + 0x20,
        initial_stack: stack(index) + STACK,
        stack_base: stack(index),
        priority,
        flags,
        kipc: 0,
        table: 0,
        address_space: index as u8 + 1,
        regions: &REGIONS[index],
        interrupts,
    }
}

/// The model has none.
pub const NO_DEVICES: Devices = Devices {
    interrupt_distributor: Address::MAX,
    interrupt_cpu: Address::MAX,
    console: None,
};

const START: TaskFlags = TaskFlags::START_AT_BOOT;

pub const SUPERVISOR: usize = 0;
/// More important than its clients; owns three interrupts.
pub const SERVER: usize = 1;
/// Two clients of the same priority.
pub const CLIENT: usize = 2;
pub const OTHER: usize = 3;
/// May read dumps (kernel IPC 6 and 7), and nothing else that is privileged.
pub const DUMPER: usize = 4;
/// Not started at boot.
pub const SLEEPER: usize = 5;
pub const IDLE: usize = 6;

/// Two lines behind one bit, one behind another, and an owner that is not started.
pub const SHARED_A: u32 = 40;
pub const SHARED_B: u32 = 41;
pub const SINGLE: u32 = 42;
pub const SLEEPERS: u32 = 44;
pub const SHARED_BIT: u32 = 1 << 4;
pub const SINGLE_BIT: u32 = 1 << 5;
/// In the table, and nobody's.
pub const NOBODYS: u32 = 43;

const fn interrupt(intid: u32, task: usize, notification: u32) -> InterruptDesc {
    InterruptDesc {
        intid: intid as u16,
        task: task as u16,
        notification,
        edge: false,
    }
}

static INTERRUPTS: [InterruptDesc; 4] = [
    interrupt(SHARED_A, SERVER, SHARED_BIT),
    interrupt(SHARED_B, SERVER, SHARED_BIT),
    interrupt(SINGLE, SERVER, SINGLE_BIT),
    interrupt(SLEEPERS, SLEEPER, SINGLE_BIT),
];

static OF_INTID: [u8; 45] = {
    let mut table = [crate::desc::NO_INTERRUPT; 45];
    table[SHARED_A as usize] = 0;
    table[SHARED_B as usize] = 1;
    table[SINGLE as usize] = 2;
    table[SLEEPERS as usize] = 3;
    table
};

static SEVEN_TASKS: [TaskDesc; 7] = [
    task(SUPERVISOR, 0, START, &[]),
    task(SERVER, 1, START, &[0, 1, 2]),
    task(CLIENT, 2, START, &[]),
    TaskDesc {
        regions: &SHARERS_REGIONS,
        ..task(OTHER, 2, START, &[])
    },
    TaskDesc {
        kipc: 1 << 6 | 1 << 7,
        ..task(DUMPER, 2, START, &[])
    },
    task(SLEEPER, 1, TaskFlags::empty(), &[3]),
    TaskDesc {
        // As an entry in the second instruction set has it.
        entry: text(IDLE) + 0x21,
        ..task(IDLE, 7, START, &[])
    },
];

/// [`OTHER`], if it were allowed to restart tasks.
pub static RESTARTER: TaskDesc = TaskDesc {
    kipc: 1 << 2,
    ..task(OTHER, 2, START, &[])
};

/// [`OTHER`], if it were allowed to fault tasks.
pub static FAULTER: TaskDesc = TaskDesc {
    kipc: 1 << 3,
    ..task(OTHER, 2, START, &[])
};

/// The image that most tests use.
pub static SEVEN: Image = Image {
    tasks: &SEVEN_TASKS,
    interrupts: &INTERRUPTS,
    interrupt_of_intid: &OF_INTID,
    kernel_table: 0,
    devices: NO_DEVICES,
    id: 0x0123_4567_89ab_cdef,
};

const fn one_of_many(index: usize) -> TaskDesc {
    // Priorities 0, then 5 down to 1 and round again, so that rank and index have little to do with each other.
    let priority = if index == 0 { 0 } else { 5 - (index % 5) as u8 };
    task(index, priority, START, &[])
}

static MANY_TASKS: [TaskDesc; TASKS] = for_32!(one_of_many);

/// As many tasks as there can be.
pub static MANY: Image = Image {
    tasks: &MANY_TASKS,
    interrupts: &[],
    interrupt_of_intid: &[],
    kernel_table: 0,
    devices: NO_DEVICES,
    id: 0,
};

/// The machine.
#[derive(Debug)]
pub struct Model {
    pub memory: Vec<u8>,
    pub now: u64,
    pub alarm: Option<u64>,
    pub alarms_set: u32,
    /// How often the processor was cleared without a switch.
    pub forgotten: u32,
    /// A late error of the memory system waits.
    pub abort_pending: bool,
    /// What the controller hands out, in this order; then nothing.
    pub raised: VecDeque<u32>,
    pub acknowledged: Vec<u32>,
    pub ended: Vec<u32>,
    pub enabled: BTreeSet<u32>,
    pub pending: BTreeSet<u32>,
    /// An address that the hardware refuses although the tables of the test allow it, and whether by a bus error.
    pub refused: Option<(u32, bool)>,
    /// Every range that was written on a task's behalf.
    pub written: Vec<(u32, u32)>,
    /// Every stack that was filled: its first address and the one behind it.
    pub filled: Vec<(u32, u32)>,
}

impl Model {
    fn at(&self, address: u32, length: usize) -> std::ops::Range<usize> {
        let start = (address - BASE) as usize;
        start..start + length
    }

    fn allow(&self, address: u32, length: usize) -> Result<(), AccessError> {
        match self.refused {
            Some((refused, bus)) if address.wrapping_sub(1) < refused => {
                if u64::from(refused) < u64::from(address) + length as u64 {
                    return Err(AccessError {
                        address: Some(refused),
                        bus,
                    });
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl Machine for Model {
    const TIMER: u32 = 27;

    fn copy(&mut self, source: u32, destination: u32, length: u32) -> Result<(), AccessError> {
        let length = length as usize;
        if length == 0 {
            return Ok(());
        }
        self.allow(source, length)?;
        self.allow(destination, length)?;
        self.written.push((destination, length as u32));
        let from = self.at(source, length);
        let to = self.at(destination, length).start;
        self.memory.copy_within(from, to);
        Ok(())
    }

    fn read(&mut self, source: u32, into: &mut [u8]) -> Result<(), AccessError> {
        if !into.is_empty() {
            self.allow(source, into.len())?;
            into.copy_from_slice(&self.memory[self.at(source, into.len())]);
        }
        Ok(())
    }

    fn read_words(&mut self, source: u32) -> Result<[u32; 3], AccessError> {
        assert!(source.is_multiple_of(4));
        let mut bytes = [0; 12];
        self.read(source, &mut bytes)?;
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        Ok([word(0), word(4), word(8)])
    }

    fn write(&mut self, destination: u32, from: &[u8]) -> Result<(), AccessError> {
        if !from.is_empty() {
            self.allow(destination, from.len())?;
            self.written.push((destination, from.len() as u32));
            let to = self.at(destination, from.len());
            self.memory[to].copy_from_slice(from);
        }
        Ok(())
    }

    fn write_record(
        &mut self,
        destination: u32,
        task: &Task,
        offset: u32,
        length: u32,
    ) -> Result<(), AccessError> {
        let mut record = task.registers.as_bytes().to_vec();
        record.resize(size_of::<Task>(), 0);
        self.write(
            destination,
            &record[offset as usize..(offset + length) as usize],
        )
    }

    fn fill(&mut self, base: u32, end: u32, word: u32) {
        self.filled.push((base, end));
        let range = self.at(base, (end - base) as usize);
        for bytes in self.memory[range].chunks_exact_mut(4) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
    }

    fn forget_running_task(&mut self) -> bool {
        self.forgotten += 1;
        std::mem::take(&mut self.abort_pending)
    }

    fn ticks(&self) -> u64 {
        self.now
    }

    fn set_alarm(&mut self, at: Option<u64>) {
        self.alarm = at;
        self.alarms_set += 1;
    }

    fn acknowledge(&mut self) -> Option<u32> {
        let intid = self.raised.pop_front()?;
        self.acknowledged.push(intid);
        Some(intid)
    }

    fn end(&mut self, intid: u32) {
        self.ended.push(intid);
    }

    fn enable(&mut self, intid: u32, enabled: bool) {
        if enabled {
            self.enabled.insert(intid);
        } else {
            self.enabled.remove(&intid);
        }
    }

    fn set_pending(&mut self, intid: u32, pending: bool) {
        if pending {
            self.pending.insert(intid);
        } else {
            self.pending.remove(&intid);
        }
    }

    fn interrupt_state(&mut self, intid: u32) -> InterruptState {
        InterruptState {
            enabled: self.enabled.contains(&intid),
            pending: self.pending.contains(&intid),
        }
    }

    fn wait(&mut self) {
        // Nothing can run and nothing is raised.
        if self.raised.is_empty() {
            stop("the machine sleeps for ever".into());
        }
    }

    fn reset(&mut self) -> ! {
        stop("the machine restarts".into())
    }

    fn supervisor_fault(&mut self, supervisor: &Task) -> ! {
        stop(format!("supervisor fault: {:?}", supervisor.fault))
    }
}

/// Ends the machine, quietly: this is no bug, and tests of random events do it often.
fn stop(why: String) -> ! {
    std::panic::resume_unwind(Box::new(why))
}

pub type TestKernel<'t> = Kernel<'t, Model>;

/// Records for the tasks of an image.
pub fn tasks(image: &'static Image) -> Vec<Task> {
    image.tasks.iter().map(Task::new).collect()
}

/// Boots an image at time 1000 ms.
pub fn boot<'t>(image: &'static Image, tasks: &'t mut [Task]) -> TestKernel<'t> {
    let model = Model {
        memory: vec![0; image.tasks.len() * STRIDE as usize],
        now: 1000 * MS,
        alarm: None,
        alarms_set: 0,
        forgotten: 0,
        abort_pending: false,
        raised: VecDeque::new(),
        acknowledged: Vec::new(),
        ended: Vec::new(),
        enabled: BTreeSet::new(),
        pending: BTreeSet::new(),
        refused: None,
        written: Vec::new(),
        filled: Vec::new(),
    };
    Kernel::new(image, tasks, model, 62_500_000)
}

/// Declares a kernel that has booted [`SEVEN`].
macro_rules! booted {
    ($kernel:ident) => {
        let mut tasks = crate::tests::model::tasks(&crate::tests::model::SEVEN);
        #[allow(unused_mut)]
        let mut $kernel = crate::tests::model::boot(&crate::tests::model::SEVEN, &mut tasks);
    };
}
pub(crate) use booted;

/// The fault of a misused system call.
pub const fn usage(error: UsageError) -> FaultInfo {
    FaultInfo::SyscallUsage(error)
}

/// The fault of a slice that the task may not offer.
pub const fn kernel_access(address: u32) -> FaultInfo {
    FaultInfo::MemoryAccess {
        address: Some(address),
        source: FaultSource::Kernel,
    }
}

impl TestKernel<'_> {
    /// The running task makes a system call.
    pub(super) fn call(&mut self, number: Sysnum, arguments: &[u32]) {
        self.call_raw(number as u32, arguments);
    }

    pub(super) fn call_raw(&mut self, number: u32, arguments: &[u32]) {
        let registers = &mut self.current_mut().registers;
        let mut all = [0x5a5a_5a5a; 7];
        all[..arguments.len()].copy_from_slice(arguments);
        registers.set_call(number, all);
        self.system_call();
    }

    /// The first `N` results of a task's last call.
    pub(super) fn results<const N: usize>(&self, task: usize) -> [u32; N] {
        self.tasks[task].registers.results()
    }

    pub(super) fn id(&self, task: usize) -> TaskId {
        self.tasks[task].id()
    }

    pub(super) fn id_word(&self, task: usize) -> u32 {
        u32::from(self.id(task).0)
    }

    /// Its state; panics when it has faulted.
    pub(super) fn sched(&self, task: usize) -> SchedState {
        match self.tasks[task].state() {
            TaskState::Healthy(state) => state,
            faulted => panic!("task {task} is {faulted:?}"),
        }
    }

    /// Its fault; panics when it is healthy.
    pub(super) fn fault(&self, task: usize) -> FaultInfo {
        match self.tasks[task].state() {
            TaskState::Faulted { fault, .. } => fault,
            healthy => panic!("task {task} is {healthy:?}"),
        }
    }

    /// The running task receives into the first 64 bytes of its data, from anyone.
    pub(super) fn receive_open(&mut self, mask: u32) {
        let buffer = data(self.current);
        self.call(Sysnum::Recv, &[buffer, 64, mask, 0]);
    }

    /// Everybody who comes before `task` waits for messages and notifications, and `task` runs. Equals that come after it can
    /// run as well.
    pub(super) fn only(&mut self, task: usize) {
        for _ in 0..100 {
            if self.current == task {
                return;
            }
            assert_ne!(self.current, IDLE, "task {task} cannot run");
            self.receive_open(u32::MAX);
        }
        panic!("task {task} never ran");
    }

    /// The running task sends; message and reply buffer as given.
    pub(super) fn message(
        &mut self,
        to: usize,
        operation: u32,
        message: (u32, u32),
        reply: (u32, u32),
    ) {
        self.message_with_leases(to, operation, message, reply, (0, 0));
    }

    pub(super) fn message_with_leases(
        &mut self,
        to: usize,
        operation: u32,
        message: (u32, u32),
        reply: (u32, u32),
        leases: (u32, u32),
    ) {
        let target = self.id_word(to) << 16 | operation;
        let arguments = [
            target, message.0, message.1, reply.0, reply.1, leases.0, leases.1,
        ];
        self.call(Sysnum::Send, &arguments);
    }

    /// [`CLIENT`] has sent an empty message with these leases to [`SERVER`], which runs.
    pub(super) fn server_with_leases(&mut self, leases: &[(u32, u32, u32)]) {
        self.only(CLIENT);
        let table = data(CLIENT) + 0x800;
        self.put_leases(table, leases);
        self.message_with_leases(
            SERVER,
            1,
            (data(CLIENT), 0),
            (data(CLIENT), 64),
            (table, leases.len() as u32),
        );
        assert_eq!(self.current, SERVER);
    }

    /// Writes a lease table: attributes, base, length.
    pub(super) fn put_leases(&mut self, table: u32, leases: &[(u32, u32, u32)]) {
        for (index, &(attributes, base, length)) in leases.iter().enumerate() {
            for (word, value) in [attributes, base, length].into_iter().enumerate() {
                self.put(
                    table + index as u32 * 12 + word as u32 * 4,
                    &value.to_le_bytes(),
                );
            }
        }
    }

    pub(super) fn put(&mut self, address: u32, bytes: &[u8]) {
        let range = self.machine.at(address, bytes.len());
        self.machine.memory[range].copy_from_slice(bytes);
    }

    /// The same, if the model has memory there.
    pub(super) fn bytes_if_there(&self, address: u32, length: u32) -> Option<&[u8]> {
        let start = address.checked_sub(BASE)? as usize;
        self.machine.memory.get(start..start + length as usize)
    }

    pub(super) fn bytes(&self, address: u32, length: u32) -> &[u8] {
        &self.machine.memory[self.machine.at(address, length as usize)]
    }

    /// Raises an interrupt while a task runs.
    pub(super) fn raise(&mut self, intid: u32) {
        self.machine.raised.push_back(intid);
        self.interrupt();
    }

    /// Lets time pass; the timer fires when it should.
    pub(super) fn advance(&mut self, ticks: u64) {
        self.machine.now += ticks;
        if self.machine.alarm.is_some_and(|at| at <= self.machine.now) {
            self.raise(Model::TIMER);
        }
    }

    /// What must hold whenever a task runs.
    pub(super) fn check(&self) {
        let mut senders = [0u32; 32];
        for (index, task) in self.tasks.iter().enumerate() {
            let runnable = task.state() == TaskState::Healthy(SchedState::Runnable);
            assert_eq!(self.ready & task.bit != 0, runnable, "ready bit of {index}");
            assert_eq!(task.id.index(), index);
            assert_eq!(task.id.generation(), abi::Generation::new(task.restarts));
            if let TaskState::Healthy(state) = task.state() {
                let peer = match state {
                    SchedState::InSend(id) => {
                        senders[id.index()] |= task.bit;
                        Some(id)
                    }
                    SchedState::InReply(id) => Some(id),
                    SchedState::InRecv(from) => from.filter(|&id| id != TaskId::KERNEL),
                    SchedState::Stopped | SchedState::Runnable => None,
                };
                if let Some(id) = peer {
                    assert_eq!(self.id(id.index()), id, "{index} waits for a past life");
                }
                if let SchedState::InSend(to) = state {
                    assert!(
                        !self.tasks[to.index()].status.accepts(task.id),
                        "{index} waits although {to:?} would take its message"
                    );
                }
                if matches!(state, SchedState::InRecv(_)) {
                    let mask = task.registers.argument::<2>();
                    assert_eq!(task.notifications & mask, 0, "{index} sleeps on a bit");
                }
            }
            if self.timers & task.bit != 0 {
                assert!(
                    self.alarm <= task.timer.ticks,
                    "the alarm is late for {index}"
                );
            }
        }
        for (index, task) in self.tasks.iter().enumerate() {
            assert_eq!(task.senders, senders[index], "senders of {index}");
        }
        let running = self.current();
        assert!(self.ready & running.bit != 0, "the running task can run");
        assert_eq!(self.ready & running.above, 0, "nobody better waits");
        if self.alarm != u64::MAX {
            assert_eq!(self.machine.alarm, Some(self.alarm));
        }
    }
}
