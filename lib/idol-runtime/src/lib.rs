// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What generated IPC servers need at run time.
//!
//! `idol` (in `build/idol`) reads an interface from a `.idol` file and writes Rust for its clients and its servers; that of servers calls
//! this crate, and that of clients `userlib`. A server's main loop is
//!
//! ```ignore
//! let mut buffer = idol_runtime::MessageBuffer::<{ idl::INCOMING_SIZE }>::new();
//! loop {
//!     idol_runtime::dispatch(&mut buffer, &mut server);
//! }
//! ```
//!
//! and its operations see [`Leased`] memory of their clients, and answer with [`RequestError`] when something is wrong.
//!
//! # A server cannot be harmed by a client
//!
//! [`dispatch`] checks a message before the server sees it, and faults the sender of one that no generated client would send. A [`Leased`]
//! checks every index and range against the lease's length before it asks the kernel, because the kernel faults a borrower that reaches
//! behind the end of a lease. A client that goes away in the middle is an error value, never a panic.

#![cfg_attr(not(test), no_std)]

mod access;
mod buffer;
mod error;
mod lazy;
mod leased;
mod limit;
mod server;

pub use access::{AttributeRead, AttributeWrite, R, RW, W};
pub use buffer::{BufReader, BufWriter, LeaseBufReader, LeaseBufWriter};
pub use error::{
    ClientError, CombinedRequestError, IHaveConsideredServerDeathWithThisErrorType, RequestError,
};
pub use lazy::LazyLeased;
pub use leased::Leased;
pub use limit::{LenLimit, LimitTooSmall};
pub use server::{Limits, MessageBuffer, NotificationHandler, Server, ServerOp, dispatch, fault};
pub use userlib::FIRST_DEAD_CODE;
pub use userlib::ipc::{ServerDeath, decode, encode, larger, read_prefix};
