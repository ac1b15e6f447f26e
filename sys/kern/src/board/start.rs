// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! From the start-up code's `kmain` to the first task.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, Ordering};

use super::{Board, last_words, needs, running};
use crate::desc::Image;
use crate::device::timer;
use crate::{Kernel, Task, arch};

/// Room for the records of the `N` tasks of an image.
#[repr(C)]
pub struct TaskStorage<const N: usize> {
    tasks: UnsafeCell<MaybeUninit<[Task; N]>>,
    taken: AtomicBool,
}

// Safety: `taken` lets one user through, once.
unsafe impl<const N: usize> Sync for TaskStorage<N> {}

impl<const N: usize> TaskStorage<N> {
    /// Storage for a `static`. It takes no room in the image.
    pub const fn new() -> Self {
        Self {
            taken: AtomicBool::new(false),
            tasks: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    /// Makes the records of tasks that have not been started.
    #[expect(clippy::mut_from_ref, reason = "`taken` lets one caller through")]
    fn fill(&'static self, image: &'static Image) -> &'static mut [Task] {
        assert!(image.tasks.len() == N, "the image describes other tasks");
        assert!(
            !self.taken.swap(true, Ordering::Relaxed),
            "the kernel is started once"
        );
        // One by one, in place: all of them at once would not fit on the kernel's stack.
        let first = self.tasks.get().cast::<Task>();
        for (index, desc) in image.tasks.iter().enumerate() {
            // Safety: there is room for N, and `taken` was false, so nobody else has or will have a
            // reference.
            unsafe { first.add(index).write(Task::new(desc)) };
        }
        // Safety: all are written. See above.
        unsafe { core::slice::from_raw_parts_mut(first, N) }
    }
}

impl<const N: usize> Default for TaskStorage<N> {
    fn default() -> Self {
        Self::new()
    }
}

/// Starts the kernel: translation, devices, tasks. Called once, from `kmain`.
pub fn start<const N: usize>(image: &'static Image, storage: &'static TaskStorage<N>) -> ! {
    last_words::speak_through(image.devices.console);
    let tasks = storage.fill(image);
    // Safety: this function runs once (`fill` saw to that), in the state in which `kmain` is
    // called. The tables of the image map the kernel identically.
    let board = unsafe {
        arch::set_up();
        if let Err(lack) = needs::check(image) {
            last_words::cannot_start(lack);
        }
        arch::translate(image.kernel_table);
        // Tasks' memory is mapped in tasks' tables only; any will do.
        arch::enter(image.kernel_table, &image.tasks[0]);
        arch::synchronise();
        Board::new(image)
    };
    let kernel = Kernel::new(image, tasks, board, timer::ticks_per_second());
    let registers = running::install(kernel);
    // Safety: the task's registers are set up, and its address space is entered.
    unsafe { arch::run(registers) }
}
