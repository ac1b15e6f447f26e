// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! From the reset vector's `kmain` to the first task.

use core::arch::asm;
use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, Ordering};

use super::board::Board;
use super::{cpu, entry, handlers, last_words, mmu, needs, timer};
use crate::desc::Image;
use crate::{Kernel, Task};

/// Room for the records of the `N` tasks of an image.
pub struct TaskStorage<const N: usize> {
    taken: AtomicBool,
    tasks: UnsafeCell<MaybeUninit<[Task; N]>>,
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
            // Safety: there is room for N, and `taken` was false, so nobody else has or will have a reference.
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

/// The stack of aborts and undefined instructions of the kernel itself: enough to print last words.
#[repr(C, align(8))]
struct AbortStack(UnsafeCell<[MaybeUninit<u8>; 2048]>);

// Safety: only the processor uses it, as a stack.
unsafe impl Sync for AbortStack {}

static ABORT_STACK: AbortStack = AbortStack(UnsafeCell::new([MaybeUninit::uninit(); 2048]));

unsafe extern "C" {
    static _vector_table: u8;
}

/// Starts the kernel: translation, devices, tasks. Called once, from `kmain`.
pub fn start<const N: usize>(image: &'static Image, storage: &'static TaskStorage<N>) -> ! {
    let vectors = (&raw const _vector_table).addr() as u32;
    let abort_stack = ABORT_STACK.0.get().addr() + size_of::<AbortStack>();
    let tasks = storage.fill(image);
    // Safety: this function runs once (`fill` saw to that), in system mode with everything masked, as `kmain` is
    // called. The tables of the image map the kernel identically.
    let board = unsafe {
        cpu::set_up(vectors, abort_stack as u32);
        if let Err(lack) = needs::check(image) {
            last_words::cannot_start(lack);
        }
        mmu::enable(image.kernel_ttbr0);
        // Tasks' memory is mapped in tasks' tables only; any will do.
        mmu::enter(image.kernel_ttbr0, &image.tasks[0]);
        asm!("isb", options(nostack, preserves_flags));
        Board::new(image)
    };
    let kernel = Kernel::new(image, tasks, board, timer::frequency());
    let registers = handlers::install(kernel);
    // Safety: the task's registers are set up, and its address space is entered. From here on this stack is dead.
    unsafe {
        asm!(
            "cpsid aif, #0x13",
            "b {resume}",
            resume = sym entry::kernel_resume,
            in("r0") registers,
            options(noreturn)
        );
    }
}
