// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! `userlib`'s interface, as far as IPC code uses it, with a kernel that is a few host functions.
//!
//! One thread plays everybody: a SEND runs the server, which the test gave to [`kernel::serve_with`], until the client is answered. What
//! would be a fault of the server in the image is a panic here that begins with `SERVER FAULT`; a fault of the client ends its SEND with the
//! panic `CLIENT FAULT`, which [`kernel::client_fault`] expects.

pub mod kernel;
mod lease;

pub use abi::*;
pub use num_derive::{FromPrimitive, ToPrimitive};
pub use num_traits::{FromPrimitive, ToPrimitive};

pub use kernel::syscalls::*;
pub use lease::Lease;

/// As in the real `userlib`.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct RecvMessage {
    pub sender: TaskId,
    pub operation: u32,
    pub message_len: usize,
    pub response_capacity: usize,
    pub lease_count: usize,
}

/// As in the real `userlib`.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct BorrowInfo {
    pub attributes: LeaseAttributes,
    pub len: usize,
}

/// As in the real `userlib`.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct NotificationBits(u32);

impl NotificationBits {
    /// As in the real `userlib`.
    pub const fn new(bits: u32) -> Self {
        Self(bits)
    }

    /// As in the real `userlib`.
    pub const fn get_raw_bits(self) -> u32 {
        self.0
    }
}
