// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What a processor says about itself, and whether that is enough.
//!
//! ARM DDI 0406C, B4.1.93 (ID_PFR0), B4.1.82 (ID_DFR0), B4.1.89 (ID_MMFR0), B4.1.98 (ISR).

/// Returns `true` if the processor has ThumbEE, whose registers user mode can write until the kernel closes them. `id_pfr0` is
/// ID_PFR0; bits 15:12 are State3.
#[must_use]
pub const fn has_thumb_ee(id_pfr0: u32) -> bool {
    id_pfr0 >> 12 & 0xf != 0
}

/// Returns `true` if the processor has the debug registers of ARMv7 or later, some of which user mode can read until the kernel
/// closes them. `id_dfr0` is ID_DFR0; bits 3:0 are the debug model: 2 and 3 are ARMv6, 4 and more are ARMv7 and later.
#[must_use]
pub const fn has_debug_registers(id_dfr0: u32) -> bool {
    id_dfr0 & 0xf >= 4
}

/// Returns `true` if the processor knows "never execute privileged" (PXN), without which the kernel could execute a task's
/// instructions. `id_mmfr0` is ID_MMFR0; bits 3:0 are the memory system: 3 is ARMv7 without PXN, 4 is with it, 5 is with long
/// descriptors too.
#[must_use]
pub const fn has_privileged_execute_never(id_mmfr0: u32) -> bool {
    id_mmfr0 & 0xf >= 4
}

/// Returns `true` if an asynchronous abort waits to be taken. `isr` is ISR; bit 8 is A.
#[must_use]
#[inline(always)]
pub const fn abort_is_pending(isr: u32) -> bool {
    isr & 1 << 8 != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ID_PFR0, ID_DFR0 and ID_MMFR0 as the manuals of the processors have them.
    const CORTEX_A7: [u32; 3] = [0x0000_1131, 0x0201_0555, 0x1010_1105];
    const CORTEX_A8: [u32; 3] = [0x0000_1131, 0x0000_0400, 0x3110_0003];
    const CORTEX_A9: [u32; 3] = [0x0000_1231, 0x0001_0444, 0x0010_0103];
    const CORTEX_A15: [u32; 3] = [0x0000_1131, 0x0201_0555, 0x1020_1105];
    const CORTEX_A53: [u32; 3] = [0x0000_0131, 0x0301_0066, 0x1010_1105];
    /// An ARMv6 core.
    const ARM1176: [u32; 3] = [0x0000_0111, 0x0000_0033, 0x0113_0003];

    #[test]
    fn registers_that_have_to_be_closed() {
        for (processor, thumb_ee, debug) in [
            (CORTEX_A7, true, true),
            (CORTEX_A9, true, true),
            (CORTEX_A15, true, true),
            (CORTEX_A53, false, true),
            (ARM1176, false, false),
        ] {
            let [pfr0, dfr0, _] = processor;
            assert_eq!(has_thumb_ee(pfr0), thumb_ee, "{pfr0:#x}");
            assert_eq!(has_debug_registers(dfr0), debug, "{dfr0:#x}");
        }
    }

    #[test]
    fn a_processor_without_pxn_is_told_from_one_with_it() {
        for (processor, expected) in [
            (CORTEX_A7, true),
            (CORTEX_A8, false),
            (CORTEX_A9, false),
            (CORTEX_A15, true),
            (CORTEX_A53, true),
            (ARM1176, false),
        ] {
            let [_, _, mmfr0] = processor;
            assert_eq!(has_privileged_execute_never(mmfr0), expected, "{mmfr0:#x}");
        }
        // Other fields do not count.
        assert!(!has_privileged_execute_never(0xffff_fff3));
        assert!(has_privileged_execute_never(0x0000_0004));
    }

    #[test]
    fn only_an_abort_counts_as_a_pending_abort() {
        assert!(abort_is_pending(0x100) && abort_is_pending(0x1c0));
        // Interrupts, fast or not.
        assert!(!abort_is_pending(0xc0) && !abort_is_pending(0));
    }
}
