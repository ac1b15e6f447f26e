// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The timer behind all tasks' timers: the processor's own, which needs no address.

pub(crate) use crate::arch::{set_alarm, ticks, ticks_per_second};

/// Its private interrupt: that of the virtual timer (ARM DEN 0094, 3.8).
pub(crate) const INTID: u32 = 27;
