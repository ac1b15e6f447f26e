// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What the channel tells a trace: changes of state and everything unusual. Nothing on the path of an ordinary command.

use crate::error::Failure;
use crate::recovery::Trouble;
use crate::transport::SetupError;
use virtqueue::Violation;

/// One line of the trace.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Trace {
    /// The device works: entries of the command ring and of the event ring.
    Ready {
        /// Entries of the command ring.
        commands: u16,
        /// Entries of the event ring.
        events: u16,
    },
    /// The device could not be set up.
    SetupFailed(SetupError),
    /// Recovery begins.
    Recovery(Trouble),
    /// Another attempt is to come at this time, in milliseconds.
    RetryAt(u64),
    /// The platform is regarded as not there.
    Unavailable,
    /// A command ended without an answer. `header` is that of the command.
    Failed {
        /// The header of the command.
        header: u32,
        /// How it ended.
        failure: Failure,
    },
    /// A reply or delayed response that nobody waited for. `header` is what the device wrote.
    Unexpected {
        /// The header that came.
        header: u32,
    },
    /// A message that is neither answer nor event.
    Invalid {
        /// The header that came, 0 if none did.
        header: u32,
        /// Its length in bytes.
        len: u32,
    },
    /// A delayed response came before the reply, which is taken for SUCCESS (D11).
    EarlyDelayed {
        /// The header that came.
        header: u32,
    },
    /// The device violated the ring protocol of a queue.
    Violation {
        /// The queue.
        queue: u16,
        /// What it did.
        violation: Violation,
    },
    /// A client is gone; it held so many slots.
    ClientGone {
        /// Its task id.
        task: u16,
        /// Slots that it held.
        held: u16,
    },
    /// An interrupt with nothing to it.
    Spurious,
    /// The device floods: its interrupt stays off for a millisecond.
    Flood,
    /// The interrupt came again and again without work: the timer stands in for it for a while.
    HeldOff,
    /// The platform refused to switch an event on.
    EventRefused {
        /// SCMI protocol.
        protocol: u8,
        /// Number of the notification.
        event: u8,
        /// The platform's status.
        status: i32,
    },
}
