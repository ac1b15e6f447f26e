// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Images that run on the host, for tests.
//!
//! Each task is a thread, and the kernel is the one that ships, `kern`, on a machine made of the threads' memory. One thread runs at a
//! time: the one whose task the kernel has chosen. So a run is the same each time, and under Miri too. Time stands still but for
//! [`Image::run_for`].
//!
//! ```
//! use userlib::host::Builder;
//! use userlib::*;
//!
//! let mut builder = Builder::new();
//! let server = builder.task("server", 2, || {
//!     loop {
//!         let mut buffer = [0; 4];
//!         let message = sys_recv_open(&mut buffer, 0);
//!         buffer.reverse();
//!         sys_reply(message.sender, 0, &buffer);
//!     }
//! });
//! let client = builder.task("client", 3, move || {
//!     let mut reply = [0; 4];
//!     assert_eq!(sys_send(server, 1, b"abcd", &mut reply, &[]), (0, 4));
//!     assert_eq!(&reply, b"dcba");
//! });
//! let mut image = builder.build();
//! image.run();
//! assert!(image.has_ended(client));
//! ```
//!
//! What differs from an image on the target: a task may touch whatever the test lets its closure touch; statics are shared; there are no
//! stacks to overflow, no devices, and no memory shared with one. A panic of a task faults it as usual, and also ends the test, unless
//! [`Builder::expect_panic`] says that it belongs to it.
//!
//! [`Builder::record_calls`] keeps a record of the messages, replies and borrows that tasks ask the kernel for.

mod builder;
mod calls;
mod image;
mod memory;
mod seat;

pub use builder::Builder;
pub use calls::Call;
pub use image::{Image, keep};
pub(crate) use seat::call;
pub use seat::take_calls;
