// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The way to the firmware: HVC, by the calling convention of ARM DEN 0028.

use core::arch::asm;

/// Calls a function of the firmware that does not return.
pub(crate) fn call_firmware(function: u32) -> ! {
    // Safety: whatever the firmware does, this code does not go on.
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
