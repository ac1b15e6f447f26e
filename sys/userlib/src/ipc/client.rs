// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The client's half: send, and look at what comes back.

use core::mem::MaybeUninit;

use zerocopy::FromBytes;

use crate::{Lease, TaskId, sys_send_uninit};

/// The server restarted before it answered. Whether it did what it was asked is not known.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct ServerDeath;

#[cfg(feature = "counters")]
impl counters::Count for ServerDeath {
    type Counters = core::sync::atomic::AtomicU32;

    #[allow(clippy::declare_interior_mutable_const)]
    const NEW_COUNTERS: Self::Counters = core::sync::atomic::AtomicU32::new(0);

    fn count(&self, counters: &Self::Counters) {
        counters.fetch_add(1, core::sync::atomic::Ordering::Relaxed);
    }
}

/// The arguments of an operation, which follow each other without gaps, where whole words of them can be stored at once.
#[derive(Debug)]
#[repr(C, align(8))]
pub struct Aligned<T>(pub T);

/// Room for a reply of up to `N` bytes.
///
/// Aligned like a 64-bit value, so that values that begin with a word are taken out of it with whole-word loads.
#[derive(Debug)]
#[repr(C, align(8))]
pub struct ReplyBuffer<const N: usize>([MaybeUninit<u8>; N]);

/// The answer to a message: a response code, and bytes.
#[derive(Debug)]
pub struct Reply<'b, const N: usize> {
    code: u32,
    /// How many bytes of the buffer the kernel wrote.
    len: usize,
    buffer: &'b ReplyBuffer<N>,
}

impl<const N: usize> ReplyBuffer<N> {
    /// Not zeroed: the kernel says how much of it it wrote.
    #[inline(always)]
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Self([MaybeUninit::uninit(); N])
    }

    /// Sends a message and waits for the reply.
    #[inline(always)]
    pub fn send(
        &mut self,
        target: TaskId,
        operation: u16,
        message: &[u8],
        leases: &[Lease<'_>],
    ) -> Reply<'_, N> {
        let (code, len) = sys_send_uninit(target, operation, message, &mut self.0, leases);
        Reply {
            code,
            len,
            buffer: self,
        }
    }
}

impl<const N: usize> Reply<'_, N> {
    /// The response code: 0 for success, the interface's error, or a dead code.
    #[inline(always)]
    pub fn code(&self) -> u32 {
        self.code
    }

    /// The bytes that came back; none when their number is more than there was room for, which the kernel does not do.
    #[inline(always)]
    pub fn bytes(&self) -> &[u8] {
        if self.len > N {
            return &[];
        }
        // Safety: the first `len` bytes of the buffer were written by the kernel, and the buffer has that many.
        unsafe { core::slice::from_raw_parts(self.buffer.0.as_ptr().cast(), self.len) }
    }

    /// The value that came back; `None` when the reply is not exactly as long as it.
    #[inline(always)]
    pub fn value<T: FromBytes>(&self) -> Option<T> {
        const { assert!(size_of::<T>() <= N, "the reply has no room for its value") };
        if self.len != size_of::<T>() {
            return None;
        }
        // Safety: that many bytes of the buffer were written by the kernel; `FromBytes` says that any bytes are a value.
        Some(unsafe { core::ptr::read_unaligned(self.buffer.0.as_ptr().cast::<T>()) })
    }
}

/// Stops a client whose server gave an answer that its interface does not have: the two were not made from the same `.idol` file, or the
/// server answers a dead code without the error type having a value for it.
#[cold]
#[inline(never)]
pub fn bad_reply(operation: &str) -> ! {
    panic!("undecodable reply to {operation}")
}

/// Stops a client before it lends more than the interface allows.
#[cold]
#[inline(never)]
pub fn too_long(lease: &str) -> ! {
    panic!("lease longer than its max_len: {lease}")
}
