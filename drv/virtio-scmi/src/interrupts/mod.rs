// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Interrupts: what the device is asked for, and when it may.

mod pacing;
mod suppression;

pub(crate) use pacing::{Outlook, Pacing};
pub(crate) use suppression::Suppression;
