// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! As much of the A32 instruction set (ARM DDI 0406C, A5) as the barrier check needs.

use crate::arm::{Access, Flow};

/// `dmb ish` or `dmb sy` (A8.8.43), or `dsb` of these, which does more.
pub fn is_barrier(word: u32) -> bool {
    matches!(word, 0xf57f_f05b | 0xf57f_f05f | 0xf57f_f04b | 0xf57f_f04f)
}

/// A single load or store of a byte, halfword or word.
pub fn access(word: u32) -> Option<Access> {
    if word >> 28 == 0xf {
        return None;
    }
    let load = word & 1 << 20 != 0;
    // LDR, STR, LDRB, STRB (A5.3), but not the media instructions.
    let single = word >> 26 & 3 == 1 && !(word & 1 << 25 != 0 && word & 1 << 4 != 0);
    // LDRH, STRH (A5.2.8).
    let half = word >> 25 & 7 == 0 && word >> 4 & 0xf == 0b1011;
    (single || half).then_some(if load { Access::Load } else { Access::Store })
}

/// Where control goes after the instruction `word` at `address`.
pub fn flow(word: u32, address: u32) -> Flow {
    let always = word >> 28 == 0xe;
    if word >> 28 == 0xf {
        return Flow {
            next: true,
            target: None,
            unknown: false,
        };
    }
    // B; BL comes back.
    if word >> 24 & 0xf == 0b1010 {
        let offset = ((word << 8) as i32 >> 6) as u32;
        let target = Some(address.wrapping_add(8).wrapping_add(offset));
        return Flow {
            next: !always,
            target,
            unknown: false,
        };
    }
    // BX.
    let returns = word & 0x0fff_fff0 == 0x012f_ff10
        // POP and other LDM with the program counter.
        || word >> 25 & 7 == 0b100 && word & 1 << 20 != 0 && word & 1 << 15 != 0;
    // LDR pc; MOV, ADD and their like with pc as the result.
    let to_pc = word >> 26 & 3 <= 1 && word >> 12 & 0xf == 0xf;
    let loaded = to_pc && access(word) == Some(Access::Load);
    // Comparisons have no result, multiplications have theirs elsewhere, and BLX comes back.
    let calculated = to_pc
        && word >> 26 & 3 == 0
        && word >> 4 & 9 != 9
        && !(word >> 23 & 3 == 2 && word & 1 << 20 != 0)
        && word & 0x0fff_fff0 != 0x012f_ff30;
    let computed = !returns && (loaded || calculated);
    Flow {
        next: !((returns || computed) && always),
        target: None,
        unknown: computed,
    }
}

#[test]
fn known_instructions() {
    // (word, what, next, target from address 0x1000, unknown), as an assembler prints them.
    type Case = (u32, Option<Access>, bool, Option<u32>, bool);
    let cases: [Case; 14] = [
        (0xe1d5_00b2, Some(Access::Load), true, None, false), // ldrh r0, [r5, #2]
        (0xe1c3_10b0, Some(Access::Store), true, None, false), // strh r1, [r3]
        (0xe18e_20b3, Some(Access::Store), true, None, false), // strh r2, [lr, r3]
        (0xe590_0308, Some(Access::Load), true, None, false), // ldr r0, [r0, #0x308]
        (0xe582_3070, Some(Access::Store), true, None, false), // str r3, [r2, #0x70]
        (0xe5d7_7008, Some(Access::Load), true, None, false), // ldrb r7, [r7, #8]
        (0xf57f_f05b, None, true, None, false),               // dmb ish
        (0xe12f_ff1e, None, false, None, false),              // bx lr
        (0x012f_ff1e, None, true, None, false),               // bxeq lr
        (0xe8bd_8800, None, false, None, false),              // pop {r11, pc}
        (0xeaff_fffe, None, false, Some(0x1000), false),      // b .
        (0x0a00_0001, None, true, Some(0x100c), false),       // beq .+12
        (0xeb00_0001, None, true, None, false),               // bl .+12
        (0xe792_f107, Some(Access::Load), false, None, true), // ldr pc, [r2, r7, lsl #2]
    ];
    for (word, what, next, target, unknown) in cases {
        assert_eq!(access(word), what, "{word:08x}");
        assert_eq!(
            flow(word, 0x1000),
            Flow {
                next,
                target,
                unknown
            },
            "{word:08x}"
        );
    }
}
