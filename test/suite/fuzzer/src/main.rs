// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Calls the kernel at random: sends, lends, serves, replies, posts, mostly as a task should and
//! now and then as it must not.
//!
//! Each call is judged where it was made. The task knows its own memory, what it lent to whom, and
//! which of its arguments were wrong, so it knows what the kernel must not have done; see
//! [`Wrong`]. Whatever a task cannot see, its supervisor's host looks at.

#![no_std]
#![no_main]

#[cfg(feature = "fuzzer")]
mod calls;
#[cfg(feature = "fuzzer")]
mod judge;

#[cfg(feature = "fuzzer")]
#[unsafe(export_name = "main")]
fn main() -> ! {
    calls::live()
}

/// A bystander: its memory, its registers and what the kernel knows of it stay the same for ever.
#[cfg(any(feature = "sleeper", feature = "waiter"))]
mod bystander {
    use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

    use test_suite_common::fuzz::SECRET;
    use userlib::*;

    static MEMORY: [AtomicU32; 512] = [const { AtomicU32::new(SECRET) }; 512];

    #[unsafe(export_name = "main")]
    fn main() -> ! {
        loop {
            // Whoever wakes it leaves a trace.
            MEMORY[0].fetch_add(1, Relaxed);
            wait();
        }
    }

    #[cfg(feature = "sleeper")]
    fn wait() {
        // In its buffer and beside it are words that nobody may see.
        let mut buffer = [0; 32];
        for bytes in buffer.chunks_exact_mut(4) {
            bytes.copy_from_slice(&SECRET.to_le_bytes());
        }
        let _ = sys_recv(&mut buffer, 0, Some(TaskId::KERNEL));
    }

    #[cfg(feature = "waiter")]
    fn wait() {
        task_slot!(PEER, peer);
        let memory = MEMORY.as_ptr().cast::<u8>();
        // Safety: atomics of 32 bits are bytes too, and nobody changes them while the call lasts.
        let (message, lent) = unsafe {
            (
                core::slice::from_raw_parts(memory, 64),
                core::slice::from_raw_parts(memory.add(64), 64),
            )
        };
        let mut reply = [0; 32];
        sys_send(
            PEER.get_task_id(),
            1,
            message,
            &mut reply,
            &[Lease::read_only(lent)],
        );
    }
}

#[cfg(feature = "prompter")]
#[unsafe(export_name = "main")]
fn main() -> ! {
    loop {
        // The supervisor's second notification: its timer.
        userlib::sys_post(userlib::TaskId::for_index(0), 2);
    }
}
