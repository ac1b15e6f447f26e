// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What generated IPC clients need at run time.
//!
//! It is here and not in `idol-runtime`, because crates with a client need not depend on more than this crate (U7). `idol-runtime`
//! has the same names for servers.

mod client;
mod codec;

pub use client::{Aligned, Reply, ReplyBuffer, ServerDeath, bad_reply, too_long};
pub use codec::{SizeInMemory, SizeOf, decode, encode, larger, read_prefix};

/// Other crates, under names that generated code can rely on whatever the crate it is part of depends on.
pub mod reexport {
    pub use hubpack;
    pub use serde;
    pub use zerocopy;
}
