// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A running image, as its test sees it.

use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};

use abi::{TaskId, TaskState};

use super::builder::{Order, SUPERVISOR_LINE};
use super::calls::Call;
use super::memory::Memory;
use super::seat::Shared;

/// Every image of this process. The kernel's tables live as long as it does, and are found here by whoever looks for leaks.
static IMAGES: Mutex<Vec<Arc<Shared>>> = Mutex::new(Vec::new());

/// Memory that lives as long as the process, for what a server keeps in statics.
pub fn keep<T: 'static>(value: T) -> &'static mut T {
    /// The address, for whoever looks for leaks.
    struct Kept(#[expect(dead_code, reason = "never used")] *mut u8);
    // Safety: nobody uses it.
    unsafe impl Send for Kept {}
    static ALL: Mutex<Vec<Kept>> = Mutex::new(Vec::new());

    let kept = Box::leak(Box::new(value));
    let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
    all.push(Kept((&raw mut *kept).cast()));
    kept
}

/// An image on the host. The test itself is its idle task: it goes on when no other can.
pub struct Image {
    shared: Arc<Shared>,
    orders: Option<Sender<Order>>,
}

impl Image {
    pub(super) fn new(shared: Shared, orders: Option<Sender<Order>>) -> Self {
        let shared = Arc::new(shared);
        let mut images = IMAGES.lock().unwrap_or_else(PoisonError::into_inner);
        images.push(Arc::clone(&shared));
        Self { shared, orders }
    }

    /// Lets the tasks run until all of them wait.
    ///
    /// # Panics
    ///
    /// A task panicked, unless that was expected; the supervisor faulted.
    pub fn run(&mut self) {
        Shared::run_to_idle(&self.shared);
    }

    /// Lets the tasks run until all of them wait and so many milliseconds have passed.
    ///
    /// # Panics
    ///
    /// As [`Image::run`].
    pub fn run_for(&mut self, milliseconds: u64) {
        let end = self.ticks() + milliseconds * Memory::MILLISECOND;
        loop {
            self.run();
            if self.ticks() == end {
                return;
            }
            self.shared.state().kernel.machine.pass(end);
        }
    }

    fn ticks(&self) -> u64 {
        self.shared.state().kernel.machine.now()
    }

    /// Raises an interrupt. It is taken once the tasks run, and the task that owns it has asked for it.
    pub fn raise(&mut self, line: u32) {
        self.shared.state().kernel.machine.raise(line);
    }

    /// Has the supervisor begin the next life of a task, and runs.
    pub fn restart(&mut self, task: TaskId) {
        self.order(Order::Restart(task.index()));
    }

    /// Has the supervisor end the life of a task, and runs.
    pub fn stop(&mut self, task: TaskId) {
        self.order(Order::Stop(task.index()));
    }

    /// Has the supervisor fault a task, and runs.
    pub fn fault(&mut self, task: TaskId) {
        self.order(Order::Fault(task.index()));
    }

    /// Has the supervisor post bits to a task, and runs.
    pub fn post(&mut self, task: TaskId, bits: u32) {
        self.order(Order::Post(task.index(), bits));
    }

    fn order(&mut self, order: Order) {
        let orders = self.orders.as_ref();
        let orders = orders.expect("only the supervisor that comes with an image takes orders");
        orders.send(order).expect("the supervisor is there");
        self.raise(SUPERVISOR_LINE);
        self.run();
    }

    /// What a task does, or why it does nothing.
    pub fn state(&self, task: TaskId) -> TaskState {
        self.shared.state().kernel.tasks()[task.index()].state()
    }

    /// The name of a task in its present life.
    pub fn id(&self, task: TaskId) -> TaskId {
        self.shared.state().kernel.tasks()[task.index()].id()
    }

    /// Whether a task's `main` has returned in its present life.
    pub fn has_ended(&self, task: TaskId) -> bool {
        self.shared.state().has_ended(task.index())
    }

    /// What the latest panic of a task said.
    pub fn panic_of(&self, task: TaskId) -> Option<String> {
        self.shared.state().panic_of(task.index())
    }

    /// Returns the calls that were recorded since they were last taken.
    ///
    /// # Panics
    ///
    /// Nothing is recorded: [`Builder::record_calls`](super::Builder::record_calls) was not called.
    pub fn take_calls(&mut self) -> Vec<Call> {
        self.shared.state().take_calls()
    }

    /// Whether somebody restarted the machine. Nothing runs any more.
    pub fn was_reset(&self) -> bool {
        self.shared.state().kernel.machine.was_reset()
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        self.shared.end();
    }
}
