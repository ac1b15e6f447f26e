// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! How a system call is made: registers in, registers out.
//!
//! Both modules have the same functions. One makes the calls, the other says that it cannot.

#[cfg(all(target_arch = "arm", target_os = "none"))]
mod armv7a;
#[cfg(all(target_arch = "arm", target_os = "none"))]
pub use armv7a::*;

#[cfg(not(all(target_arch = "arm", target_os = "none")))]
mod host;
#[cfg(not(all(target_arch = "arm", target_os = "none")))]
pub use host::*;

/// What RECV answers.
pub struct Received {
    /// 0, or a dead code when the receive was closed.
    pub code: u32,
    /// The sender, or the kernel for notifications.
    pub sender: u32,
    /// The operation, or the notification bits.
    pub operation: u32,
    /// The message's true length.
    pub message_len: usize,
    /// The sender's room for the reply.
    pub response_capacity: usize,
    /// How many leases came along.
    pub lease_count: usize,
}

/// What GET_TIMER answers.
pub struct Timer {
    /// The clock in milliseconds: low and high word.
    pub now: [u32; 2],
    /// Whether a deadline is set: 0 or 1.
    pub is_set: u32,
    /// The deadline in milliseconds: low and high word.
    pub deadline: [u32; 2],
    /// The bits to be posted then.
    pub notification: u32,
}
