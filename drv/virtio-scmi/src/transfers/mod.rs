// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Transfers: slots, their tokens and their deadlines.

mod deadlines;
mod set;
mod slot;
mod token;
mod wheel;

pub(crate) use deadlines::{Deadlines, LATENESS};
pub(crate) use set::SlotSet;
pub use slot::Handle;
pub(crate) use slot::{Fifo, List, OFF_CLOCK, SlotId, Slots, State, Waiter};
pub(crate) use token::Tokens;
