// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The machine off and on again: the firmware's power interface (PSCI, ARM DEN 0022).

use crate::arch::call_firmware;

/// SYSTEM_OFF
const SYSTEM_OFF: u32 = 0x8400_0008;
/// SYSTEM_RESET
const SYSTEM_RESET: u32 = 0x8400_0009;

/// Switches the machine off.
pub(crate) fn off() -> ! {
    call_firmware(SYSTEM_OFF)
}

/// Restarts the machine.
pub(crate) fn reset() -> ! {
    call_firmware(SYSTEM_RESET)
}
