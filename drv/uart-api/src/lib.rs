// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Client of a UART driver task.
//!
//! Any task may write. One task, the *owner*, reads; `app.toml` says which:
//!
//! ```toml
//! [tasks.uart.config]
//! owner = { name = "console", notification = "input" }
//! ```
//!
//! ```no_run
//! # use drv_uart_api::{Uart, UartError};
//! # use userlib::{sys_recv_notification, task_slot};
//! # mod notifications { pub const INPUT_MASK: u32 = 1; }
//! # fn take(_: &[u8]) {}
//! # fn main() -> Result<(), UartError> {
//! task_slot!(UART, uart);
//!
//! let uart = Uart::from(UART.get_task_id());
//! uart.write(b"hello\r\n")?;
//! loop {
//!     let _ = sys_recv_notification(notifications::INPUT_MASK);
//!     let mut bytes = [0; 32];
//!     while let Ok(n @ 1..) = uart.read(&mut bytes) {
//!         take(&bytes[..n as usize]);
//!     }
//! }
//! # }
//! ```

#![cfg_attr(not(test), no_std)]

use derive_idol_err::IdolError;
use userlib::FromPrimitive;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Why bytes were not sent or received.
#[derive(Copy, Clone, Debug, PartialEq, Eq, FromPrimitive, IdolError)]
#[repr(u32)]
pub enum UartError {
    /// The input belongs to another task. Make the caller the `owner` in the UART's table of `app.toml`.
    NotOwner = 1,
    /// The driver restarted. Of a `write`, some of the bytes may have been sent; of a `read`, what had arrived is lost. Go on.
    #[idol(server_death)]
    ServerRestarted,
}

/// Counters since the driver started. They wrap at 2^32.
#[derive(
    Copy, Clone, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct UartStats {
    /// Bytes received.
    pub received: u32,
    /// Bytes sent.
    pub sent: u32,
    /// How often bytes were lost, because the hardware's queue was full before anyone looked.
    pub overruns: u32,
    /// Bytes lost to framing and parity errors, and breaks.
    pub line_errors: u32,
}

include!(concat!(env!("OUT_DIR"), "/client_stub.rs"));
