// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! As much of the T32 instruction set (ARM DDI 0406C, A6) as the barrier check needs. Instructions of four bytes are one number, with
//! the first half as the upper one.

use crate::arm::{Access, Flow};

/// Whether an instruction that begins with `first` is four bytes long.
pub fn is_wide(first: u32) -> bool {
    first >> 11 >= 0b11101
}

/// `it`: how many instructions after it are conditional.
pub fn block(first: u32) -> Option<u32> {
    let mask = first & 0xf;
    (first & 0xff00 == 0xbf00 && mask != 0).then(|| 4 - mask.trailing_zeros())
}

/// `dmb ish` or `dmb sy` (A8.8.43), or `dsb` of these, which does more.
pub fn is_barrier(word: u32) -> bool {
    matches!(word, 0xf3bf_8f5b | 0xf3bf_8f5f | 0xf3bf_8f4b | 0xf3bf_8f4f)
}

/// A single load or store of a byte, halfword or word, in two bytes (A6.2.4).
pub fn access(word: u32) -> Option<Access> {
    let load = match word >> 11 {
        // Relative to the program counter.
        0b01001 => true,
        // With a register for the offset: three stores, then five loads.
        0b01010 | 0b01011 => word >> 9 & 7 >= 3,
        // Word, byte, halfword; relative to the stack pointer.
        0b01100..=0b10011 => word & 1 << 11 != 0,
        _ => return None,
    };
    Some(if load { Access::Load } else { Access::Store })
}

/// The same in four bytes (A6.3.7 to A6.3.10).
pub fn wide_access(word: u32) -> Option<Access> {
    let load = word & 1 << 20 != 0;
    let size = word >> 21 & 3;
    // Without a load, bit 24 is for vectors; what goes to the program counter without being a word is a hint.
    let other = !load && word & 1 << 24 != 0 || load && size != 2 && word >> 12 & 0xf == 0xf;
    let single = word & 0xfe00_0000 == 0xf800_0000 && size != 3 && !other;
    single.then_some(if load { Access::Load } else { Access::Store })
}

/// An address so far from the instruction at `address`; only so many bits of it count.
fn relative(address: u32, offset: u32, bits: u32) -> Option<u32> {
    let offset = (offset << (32 - bits)) as i32 >> (32 - bits);
    Some(address.wrapping_add(4).wrapping_add_signed(offset))
}

/// Where control goes after the instruction `word` of two bytes at `address`.
pub fn flow(word: u32, address: u32) -> Flow {
    let jump = |next, target| Flow {
        next,
        target,
        unknown: false,
    };
    let high = word & 0xff87;
    match word {
        // B with a condition, but neither UDF nor SVC.
        0xd000..=0xddff => jump(true, relative(address, word << 1 & 0x1fe, 9)),
        0xe000..=0xe7ff => jump(false, relative(address, word << 1 & 0xffe, 12)),
        // CBZ and CBNZ.
        _ if word & 0xf500 == 0xb100 => {
            let offset = word >> 2 & 0x3e | word >> 3 & 0x40;
            jump(true, relative(address, offset, 8))
        }
        // POP with the program counter; BX.
        _ if word & 0xff00 == 0xbd00 || high == 0x4700 => jump(false, None),
        // ADD and MOV to the program counter.
        _ if high == 0x4487 || high == 0x4687 => Flow {
            next: false,
            target: None,
            unknown: true,
        },
        _ => Flow::ON,
    }
}

/// Where control goes after the instruction `word` of four bytes at `address`.
pub fn wide_flow(word: u32, address: u32) -> Flow {
    let jump = |next, target| Flow {
        next,
        target,
        unknown: false,
    };
    let bit = |at: u32| word >> at & 1;
    let low = word << 1 & 0xffe;
    match word & 0xf800_d000 {
        // B; BL and BLX come back.
        0xf000_9000 => {
            let [i1, i2] = [13, 11].map(|at| !(bit(at) ^ bit(26)) & 1);
            let offset = bit(26) << 24 | i1 << 23 | i2 << 22 | word >> 4 & 0x3f_f000 | low;
            return jump(false, relative(address, offset, 25));
        }
        // B with a condition.
        0xf000_8000 if word >> 23 & 7 != 7 => {
            let offset = bit(26) << 20 | bit(11) << 19 | bit(13) << 18 | word >> 4 & 0x3_f000 | low;
            return jump(true, relative(address, offset, 21));
        }
        _ => {}
    }
    // LDM with the program counter; SUBS PC, LR.
    let returns = word & 0xfe50_8000 == 0xe810_8000 || word & 0xffff_ff00 == 0xf3de_8f00;
    // TBB and TBH; LDR to the program counter.
    let table = word & 0xfff0_ffe0 == 0xe8d0_f000;
    let loaded =
        word >> 12 & 0xf == 0xf && word >> 21 & 3 == 2 && wide_access(word) == Some(Access::Load);
    Flow {
        next: !(returns || table || loaded),
        target: None,
        unknown: table || loaded,
    }
}

#[test]
fn known_instructions() {
    // (word, what, next, target from address 0x1000, unknown), as an assembler prints them.
    type Case = (u32, Option<Access>, bool, Option<u32>, bool);
    let cases: [Case; 36] = [
        (0x886b, Some(Access::Load), true, None, false), // ldrh r3, [r5, #2]
        (0x8019, Some(Access::Store), true, None, false), // strh r1, [r3]
        (0x52d1, Some(Access::Store), true, None, false), // strh r1, [r2, r3]
        (0x5e43, Some(Access::Load), true, None, false), // ldrsh r3, [r0, r1]
        (0x68cb, Some(Access::Load), true, None, false), // ldr r3, [r1, #12]
        (0x7803, Some(Access::Load), true, None, false), // ldrb r3, [r0]
        (0x9301, Some(Access::Store), true, None, false), // str r3, [sp, #4]
        (0x4802, Some(Access::Load), true, None, false), // ldr r0, [pc, #8]
        (0xf8d0_0308, Some(Access::Load), true, None, false), // ldr.w r0, [r0, #0x308]
        (0xf8b5_0102, Some(Access::Load), true, None, false), // ldrh.w r0, [r5, #0x102]
        (0xf8a3_1102, Some(Access::Store), true, None, false), // strh.w r1, [r3, #0x102]
        (0xf823_1b02, Some(Access::Store), true, None, false), // strh r1, [r3], #2
        (0xf850_3021, Some(Access::Load), true, None, false), // ldr.w r3, [r0, r1, lsl #2]
        (0xf890_f000, None, true, None, false),          // pld [r0]
        (0xf920_000f, None, true, None, false),          // vld4.8 from r0
        (0xe9d0_2302, None, true, None, false),          // ldrd r2, r3, [r0, #8]
        (0xf3bf_8f5b, None, true, None, false),          // dmb ish
        (0x4770, None, false, None, false),              // bx lr
        (0x4798, None, true, None, false),               // blx r3
        (0xbd10, None, false, None, false),              // pop {r4, pc}
        (0xbc10, None, true, None, false),               // pop {r4}
        (0xe8bd_8ff0, None, false, None, false),         // pop.w {r4-r11, pc}
        (0xe8bd_4ff0, None, true, None, false),          // pop.w {r4-r11, lr}
        (0xe7fe, None, false, Some(0x1000), false),      // b .
        (0xd003, None, true, Some(0x100a), false),       // beq .+10
        (0xb103, None, true, Some(0x1004), false),       // cbz r3, .+4
        (0xbbf8, None, true, Some(0x1082), false),       // cbnz r0, .+130
        (0xf000_bbfe, None, false, Some(0x1800), false), // b.w .+2048
        (0xf7ff_bffe, None, false, Some(0x1000), false), // b.w .
        (0xf43f_affe, None, true, Some(0x1000), false),  // beq.w .
        (0xf000_f806, None, true, None, false),          // bl .+16
        (0xf000_e806, None, true, None, false),          // blx .+16
        (0xdefe, None, true, None, false),               // udf #254
        (0xe8df_f000, None, false, None, true),          // tbb [pc, r0]
        (0xf853_f021, Some(Access::Load), false, None, true), // ldr.w pc, [r3, r1, lsl #2]
        (0x469f, None, false, None, true),               // mov pc, r3
    ];
    for (word, what, next, target, unknown) in cases {
        let (access, flow) = match is_wide(word >> 16) {
            true => (wide_access(word), wide_flow(word, 0x1000)),
            false => (access(word), flow(word, 0x1000)),
        };
        assert_eq!(access, what, "{word:08x}");
        let expected = Flow {
            next,
            target,
            unknown,
        };
        assert_eq!(flow, expected, "{word:08x}");
    }
    for (first, count) in [
        (0xbf08, Some(1)),
        (0xbf0c, Some(2)),
        (0xbf01, Some(4)),
        (0xbf00, None),
    ] {
        assert_eq!(block(first), count, "{first:x}");
    }
}
