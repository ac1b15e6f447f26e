// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The machine off and on again: the firmware's power interface (PSCI, ARM DEN 0022), called by HVC.

use core::arch::asm;

/// SYSTEM_OFF
const SYSTEM_OFF: u32 = 0x8400_0008;
/// SYSTEM_RESET
const SYSTEM_RESET: u32 = 0x8400_0009;

fn call(function: u32) -> ! {
    // Safety: neither function returns.
    unsafe {
        asm!(
            // hvc #0, spelt as a number because the target does not admit to the virtualisation extensions.
            ".inst 0xe1400070",
            "1: wfi",
            "b 1b",
            in("r0") function,
            options(noreturn)
        );
    }
}

/// Switches the machine off.
pub(super) fn off() -> ! {
    call(SYSTEM_OFF)
}

/// Restarts the machine.
pub(super) fn reset() -> ! {
    call(SYSTEM_RESET)
}
