// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What an image consists of.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};

use abi::{IrqControlArg, SUPERVISOR_FAULT_NOTIFICATION, TaskId};
use kern::desc::{
    Address, Devices, InterruptDesc, MAX_TASKS, NO_INTERRUPT, RegionAttributes, RegionDesc,
    TaskDesc, TaskFlags,
};
use kern::{Kernel, Task};

use super::image::Image;
use super::memory::{Memory, WINDOW, window_of};
use super::seat::{Main, Seat, Shared};
use crate::{kipc, sys_irq_control, sys_post, sys_recv_notification, sys_refresh_task_id};

/// The line by which the test wakes the supervisor that comes with an image, and its notification.
pub const SUPERVISOR_LINE: u32 = 63;
const SUPERVISOR_NOTIFICATION: u32 = 1 << 1;
/// Lines beyond this one do not exist.
const LINES: usize = 64;

/// What the supervisor that comes with an image is told to do.
pub enum Order {
    /// Begin the next life of a task.
    Restart(usize),
    /// End the life of a task.
    Stop(usize),
    /// Fault a task.
    Fault(usize),
    /// Post bits to a task.
    Post(usize, u32),
}

struct Described {
    name: &'static str,
    priority: u8,
    kipc: u32,
    main: Main,
    lines: Vec<(u32, u32)>,
    may_panic: bool,
}

/// Describes an image: its tasks, in the order of their indices. Task 0 is the supervisor.
pub struct Builder {
    tasks: Vec<Described>,
    orders: Option<Sender<Order>>,
    records_calls: bool,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// An image with a supervisor that lets faulted tasks lie, and does what [`Image::restart`] and others tell it.
    #[must_use]
    pub fn new() -> Self {
        let (orders, receiver) = channel();
        let receiver = Mutex::new(receiver);
        let mut builder = Self {
            tasks: Vec::new(),
            orders: Some(orders),
            records_calls: false,
        };
        let supervisor = builder.task("supervisor", 0, move || supervise(&receiver));
        builder.interrupt(supervisor, SUPERVISOR_LINE, SUPERVISOR_NOTIFICATION);
        builder
    }

    /// An image with this supervisor, whose priority is 0. It restarts tasks, or does not.
    #[must_use]
    pub fn with_supervisor(main: impl Fn() + Send + Sync + 'static) -> Self {
        let mut builder = Self {
            tasks: Vec::new(),
            orders: None,
            records_calls: false,
        };
        builder.task("supervisor", 0, main);
        builder
    }

    /// Adds a task that starts with the image, and returns its name in its first life. `main` is called once in each life. If it
    /// returns, the task waits for ever.
    ///
    /// # Panics
    ///
    /// There are 31 tasks already.
    pub fn task(
        &mut self,
        name: &'static str,
        priority: u8,
        main: impl Fn() + Send + Sync + 'static,
    ) -> TaskId {
        assert!(
            self.tasks.len() < MAX_TASKS - 1,
            "an image on the host has at most 31 tasks, since idle is one"
        );
        self.tasks.push(Described {
            name,
            priority,
            kipc: 0,
            main: Arc::new(main),
            lines: Vec::new(),
            may_panic: false,
        });
        TaskId::for_index(self.tasks.len() - 1)
    }

    fn described(&mut self, task: TaskId) -> &mut Described {
        &mut self.tasks[task.index()]
    }

    /// Gives a task an interrupt, 32 to 62, which posts `notification`. It is masked until the task asks for it.
    pub fn interrupt(&mut self, task: TaskId, line: u32, notification: u32) {
        self.described(task).lines.push((line, notification));
    }

    /// Grants a task kernel IPC operations: bit *n* allows operation *n*.
    pub fn grant(&mut self, task: TaskId, operations: u32) {
        self.described(task).kipc |= operations;
    }

    /// A panic of this task does not end the test.
    pub fn expect_panic(&mut self, task: TaskId) {
        self.described(task).may_panic = true;
    }

    /// Records the calls by which tasks exchange messages, for [`Image::take_calls`] and [`take_calls`](super::take_calls).
    pub fn record_calls(&mut self) {
        self.records_calls = true;
    }

    /// Starts the image. Nothing runs before [`Image::run`].
    #[must_use]
    pub fn build(self) -> Image {
        let idle = Described {
            name: "idle",
            priority: u8::MAX,
            kipc: 0,
            main: Arc::new(|| {}),
            lines: Vec::new(),
            may_panic: false,
        };
        let described: Vec<Described> = self.tasks.into_iter().chain([idle]).collect();
        let mut interrupts: Vec<InterruptDesc> = Vec::new();
        for (index, task) in described.iter().enumerate() {
            interrupts.extend(
                task.lines
                    .iter()
                    .map(|&(line, notification)| InterruptDesc {
                        intid: line as u16,
                        task: index as u16,
                        notification,
                        edge: true,
                    }),
            );
        }
        interrupts.sort_by_key(|interrupt| interrupt.intid);
        let descriptions = described.iter().enumerate();
        let descriptions = descriptions
            .map(|(index, task)| description(index, task, &interrupts))
            .collect();
        let tasks: &'static [TaskDesc] = Vec::leak(descriptions);
        let records: Vec<Task> = tasks.iter().map(Task::new).collect();
        let image = Box::leak(Box::new(kern::desc::Image {
            tasks,
            interrupt_of_intid: Vec::leak(positions(&interrupts)),
            interrupts: Vec::leak(interrupts),
            kernel_table: 0,
            devices: Devices {
                interrupt_distributor: Address::MIN,
                interrupt_cpu: Address::MIN,
                console: None,
            },
            id: 0x7e57_1e55,
        }));
        let machine = Memory::new(tasks.len());
        let kernel = Kernel::new(image, Vec::leak(records), machine, Memory::FREQUENCY);
        let seats = described
            .into_iter()
            .map(|task| Seat::new(task.name, task.main, task.may_panic))
            .collect();
        let calls = self.records_calls.then(Vec::new);
        Image::new(Shared::new(kernel, seats, calls), self.orders)
    }
}

fn description(index: usize, task: &Described, interrupts: &[InterruptDesc]) -> TaskDesc {
    let own = interrupts.iter().zip(0..);
    let own = own.filter(|(interrupt, _)| usize::from(interrupt.task) == index);
    let interrupts = own.map(|(_, position)| position).collect();
    let base = window_of(index);
    let regions = Vec::leak(vec![RegionDesc {
        base,
        size: WINDOW,
        attributes: RegionAttributes::READ | RegionAttributes::WRITE,
    }]);
    TaskDesc {
        name: task.name,
        entry: 0,
        initial_stack: base,
        stack_base: base,
        priority: task.priority,
        flags: TaskFlags::START_AT_BOOT,
        kipc: task.kipc,
        table: 0,
        address_space: index as u8 + 1,
        regions,
        interrupts: Vec::leak(interrupts),
    }
}

fn positions(interrupts: &[InterruptDesc]) -> Vec<u8> {
    let mut positions = vec![NO_INTERRUPT; LINES];
    for (position, interrupt) in interrupts.iter().enumerate() {
        let place = positions.get_mut(usize::from(interrupt.intid));
        *place.expect("interrupts on the host are 32 to 62") = position as u8;
    }
    positions
}

/// The supervisor that comes with an image.
fn supervise(orders: &Mutex<Receiver<Order>>) {
    loop {
        sys_irq_control(SUPERVISOR_NOTIFICATION, true);
        let next = || {
            let orders = orders.lock().unwrap_or_else(PoisonError::into_inner);
            orders.try_recv().ok()
        };
        while let Some(order) = next() {
            match order {
                Order::Restart(task) => kipc::reinit_task(task, true),
                Order::Stop(task) => kipc::reinit_task(task, false),
                Order::Fault(task) => kipc::fault_task(task),
                Order::Post(task, bits) => {
                    sys_post(sys_refresh_task_id(TaskId::for_index(task)), bits);
                }
            }
        }
        let _ = sys_recv_notification(SUPERVISOR_NOTIFICATION | SUPERVISOR_FAULT_NOTIFICATION);
    }
}

// The mask is a plain word in `sys_irq_control`; this says that it enables and nothing else.
const _: () = assert!(IrqControlArg::ENABLED.bits() == 1);
