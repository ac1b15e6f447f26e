// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What an interrupt controller says about itself (ARM IHI 0048B, 4.3.18).

/// Returns `true` if an interrupt controller has the registers of GICv2, or of GICv1, which the
/// kernel uses in the same way. `pidr2` is the word at 0xfe8 of the distributor; bits 7:4 are the
/// architecture's version. A GICv3 has nothing there.
#[must_use]
pub const fn is_gicv2(pidr2: u32) -> bool {
    matches!(pidr2 >> 4 & 0xf, 1 | 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interrupt_controllers_by_their_identification() {
        // ARM's GIC-400 and GIC-390, and what QEMU has.
        for pidr2 in [0x2b, 0x1b, 0x0000_002b] {
            assert!(is_gicv2(pidr2), "{pidr2:#x}");
        }
        // Nothing, GICv3 and GICv4.
        for pidr2 in [0, 0x3b, 0x4b, 0xffff_ffff] {
            assert!(!is_gicv2(pidr2), "{pidr2:#x}");
        }
    }
}
