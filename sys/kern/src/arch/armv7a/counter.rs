// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The generic timer: the virtual counter and its comparator (ARM DDI 0406C, B8).

use cortex_ar::register::{SysRegRead, SysRegRead64, SysRegWrite, SysRegWrite64};

use super::system::{Cntfrq, CntvCtl, CntvCval, Cntvct};

/// The counter's ticks per second, or 0 if start-up code before the kernel did not set it.
pub(crate) fn ticks_per_second() -> u32 {
    // Safety: reading it has no side effects.
    unsafe { Cntfrq::read_raw() }
}

/// Ticks since power-on.
#[inline(always)]
pub(crate) fn ticks() -> u64 {
    // Safety: reads a counter.
    unsafe { Cntvct::read_raw() }
}

/// Raises the timer's interrupt once the counter reaches `at`, or never.
pub(crate) fn set_alarm(at: Option<u64>) {
    const ENABLE: u32 = 1;
    // Safety: the comparator is the kernel's; it affects no memory.
    unsafe {
        CntvCval::write_raw(at.unwrap_or(u64::MAX));
        CntvCtl::write_raw(if at.is_some() { ENABLE } else { 0 });
    }
}
