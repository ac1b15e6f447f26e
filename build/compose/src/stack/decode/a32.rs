// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A32 (ARM DDI 0406C, A5).

use super::{
    Effect, LR, PC, SP, add, align, clear, coprocessor_memory, copy, field, multiple, signed,
    writes, written,
};

/// Decodes the instruction `word` at `address`: what it does, and whether on some condition only.
pub fn decode(address: u32, word: u32) -> (Effect, bool) {
    let condition = word >> 28;
    if condition == 0xf {
        (unconditional(address, word), false)
    } else {
        (effect(address, word), condition < 0xe)
    }
}

/// The space without conditions: BLX to T32, RFE, SRS, barriers, CPS.
fn unconditional(address: u32, word: u32) -> Effect {
    match word >> 24 & 0xf {
        0xa | 0xb => {
            let half = word >> 23 & 2;
            Effect::Call((branch(address, word) + half) | 1)
        }
        0x8 | 0x9 if word & 1 << 22 == 0 && word & 1 << 20 != 0 => Effect::Return,
        0x8 | 0x9 if word & 1 << 22 != 0 && word & 1 << 20 == 0 => Effect::Writes(0),
        0x0..=0x7 => Effect::Writes(0),
        0xc | 0xd => coprocessor_memory(word),
        0xe => Effect::Writes(1 << field(word, 12)),
        _ => Effect::Unknown,
    }
}

fn effect(address: u32, word: u32) -> Effect {
    match word >> 25 & 0b111 {
        0b000 | 0b001 => data_processing(word),
        0b010 => load_store(address, word),
        0b011 if word & 1 << 4 == 0 => load_store_register(word),
        0b011 => media(word),
        0b100 => load_store_multiple(word),
        0b101 if word & 1 << 24 != 0 => Effect::Call(branch(address, word)),
        0b101 => Effect::Jump(branch(address, word)),
        0b110 => coprocessor_memory(word),
        // MRC may write one register; SVC is the kernel's business.
        _ if word & 1 << 24 != 0 => Effect::Writes(0),
        _ => Effect::Writes(1 << field(word, 12)),
    }
}

/// The target of a branch: a signed number of words from two instructions further.
fn branch(address: u32, word: u32) -> u32 {
    let offset = signed(word, 24) * 4;
    address.wrapping_add(8).wrapping_add_signed(offset)
}

/// An immediate operand: eight bits, rotated right by an even number.
fn rotated(word: u32) -> u32 {
    (word & 0xff).rotate_right((word >> 8 & 0xf) * 2)
}

fn data_processing(word: u32) -> Effect {
    let (rn, rd, rm) = (field(word, 16), field(word, 12), field(word, 0));
    match word & 0x0fff_fff0 {
        0x012f_ff10 if rm == LR => return Effect::Return,
        0x012f_ff10 => return Effect::JumpRegister(rm),
        0x012f_ff30 => return Effect::CallRegister(rm),
        _ => {}
    }
    match word >> 20 & 0xff {
        0x30 => return written(rd, Effect::Constant(rd, word >> 4 & 0xf000 | word & 0xfff)),
        0x34 => return written(rd, Effect::Upper(rd, word >> 4 & 0xf000 | word & 0xfff)),
        _ => {}
    }
    let immediate = word & 1 << 25 != 0;
    if !immediate && word & 0x90 == 0x90 {
        return extra(word);
    }
    let opcode = word >> 21 & 0xf;
    if (8..=11).contains(&opcode) {
        // Comparisons write flags only; without the flags it is a miscellaneous instruction (MRS, CLZ).
        return if word & 1 << 20 != 0 {
            Effect::Writes(0)
        } else {
            Effect::Writes(1 << rd)
        };
    }
    let value = i64::from(rotated(word));
    let plain = word & 0xff0 == 0;
    if rd == PC {
        // `subs pc, lr` ends an exception; anything else is computed from a table.
        return if rn == LR || (opcode == 13 && rm == LR) {
            Effect::Return
        } else {
            Effect::Switch
        };
    }
    match (opcode, immediate) {
        (2, true) => add(rd, rn, -value),
        (4, true) => add(rd, rn, value),
        (2, false) if rd == SP && rn == SP && plain => Effect::PushRegister(rm, false),
        (4, false) if rd == SP && rn == SP && plain => Effect::PushRegister(rm, true),
        (13, false) if plain => copy(rd, rm),
        (13, true) => written(rd, Effect::Constant(rd, rotated(word))),
        (14, true) => align(rd, rn, value + 1),
        _ => writes(rd),
    }
}

/// Multiplications, exclusives, half-words and double words.
fn extra(word: u32) -> Effect {
    let (rn, rd) = (field(word, 16), field(word, 12));
    if word & 0x60 == 0 {
        // Multiplications write bits 16 to 19 as well; exclusives and swaps write bits 12 to 15.
        return Effect::Writes(1 << rd | 1 << rn);
    }
    let write_back = word & 1 << 24 == 0 || word & 1 << 21 != 0;
    let load = word & 1 << 20 != 0;
    let pair = !load && word & 0xf0 == 0xd0;
    let registers = match (load, pair) {
        (true, _) => 1 << rd,
        (false, true) => 0b11 << rd,
        (false, false) => 0,
    };
    if write_back && rn == SP {
        let offset = if word & 1 << 22 != 0 {
            i64::from(word >> 4 & 0xf0 | word & 0xf)
        } else {
            return Effect::Lost;
        };
        return match (word & 1 << 23 != 0, registers) {
            (true, 0) => Effect::Push(-offset),
            (true, _) => Effect::Pop(offset, registers),
            (false, 0) => Effect::Push(offset),
            (false, _) => Effect::Lost,
        };
    }
    let base = if write_back { 1 << rn } else { 0 };
    Effect::Writes(base | registers)
}

fn load_store(address: u32, word: u32) -> Effect {
    let (rn, rt) = (field(word, 16), field(word, 12));
    let offset = i64::from(word & 0xfff) * if word & 1 << 23 != 0 { 1 } else { -1 };
    let load = word & 1 << 20 != 0;
    let before = word & 1 << 24 != 0;
    let write_back = !before || word & 1 << 21 != 0;
    if rn == SP && write_back {
        return match load {
            true if rt == PC => Effect::Return,
            true if offset < 0 => Effect::Lost,
            true => Effect::Pop(offset, 1 << rt),
            false => Effect::Push(-offset),
        };
    }
    match load {
        true if rt == PC => Effect::Switch,
        true if rt == SP => Effect::Lost,
        true if !write_back && word & 1 << 22 == 0 => match rn {
            PC => Effect::Literal(
                rt,
                address.wrapping_add(8).wrapping_add_signed(offset as i32),
            ),
            _ => Effect::Load(rt, rn, offset),
        },
        true => Effect::Writes(1 << rt | 1 << rn),
        false if write_back => Effect::Writes(1 << rn),
        false => Effect::Writes(0),
    }
}

fn load_store_register(word: u32) -> Effect {
    let (rn, rt) = (field(word, 16), field(word, 12));
    let load = word & 1 << 20 != 0;
    let write_back = word & 1 << 24 == 0 || word & 1 << 21 != 0;
    match (load, write_back) {
        (_, true) if rn == SP => Effect::Lost,
        (true, _) if rt == PC => Effect::Switch,
        (true, _) if rt == SP => Effect::Lost,
        (true, true) => Effect::Writes(1 << rt | 1 << rn),
        (true, false) => Effect::Writes(1 << rt),
        (false, true) => Effect::Writes(1 << rn),
        (false, false) => Effect::Writes(0),
    }
}

/// Bit fields, extensions, reversals, divisions; UDF.
fn media(word: u32) -> Effect {
    let rd = field(word, 12);
    if word & 0x0ff0_00f0 == 0x07f0_00f0 {
        return Effect::Return;
    }
    if word & 0x0fe0_007f == 0x07c0_001f {
        return clear(rd, word >> 7 & 0x1f, word >> 16 & 0x1f);
    }
    Effect::Writes(1 << rd | 1 << field(word, 16))
}

fn load_store_multiple(word: u32) -> Effect {
    let rn = field(word, 16);
    let list = (word & 0xffff) as u16;
    let load = word & 1 << 20 != 0;
    let up = word & 1 << 23 != 0;
    let write_back = word & 1 << 21 != 0;
    // With bit 22 it is the user's registers, or the end of an exception.
    let foreign = word & 1 << 22 != 0 && !(load && list & 1 << PC != 0);
    let (list, load) = if foreign { (0, false) } else { (list, load) };
    if foreign && rn == SP && write_back {
        return Effect::Lost;
    }
    multiple(rn, list, load, up, write_back)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_zero(word: u32) -> Effect {
        decode(0, word).0
    }

    #[test]
    fn the_stack_pointer_is_followed() {
        for (word, effect) in [
            (0xe92d_4ff0, Effect::Push(36)),                // push {r4-r11, lr}
            (0xe52d_e004, Effect::Push(4)),                 // push {lr}
            (0xe24d_d01c, Effect::Push(28)),                // sub sp, sp, #28
            (0xe24d_db01, Effect::Push(1024)),              // sub sp, sp, #1024
            (0xe28d_d01c, Effect::Push(-28)),               // add sp, sp, #28
            (0xe8bd_4030, Effect::Pop(12, 0x4030)),         // pop {r4, r5, lr}
            (0xe49d_b004, Effect::Pop(4, 0x800)),           // pop {r11}
            (0xe04d_d00c, Effect::PushRegister(12, false)), // sub sp, sp, r12
            (0xe08d_d00c, Effect::PushRegister(12, true)),  // add sp, sp, r12
            (0xe3cd_d00f, Effect::Align(16)),               // bic sp, sp, #15
            (0xe7c2_d01f, Effect::Align(8)),                // bfc sp, #0, #3
            (0xe7c2_401f, Effect::AlignRegister(4, 4, 8)),  // bfc r4, #0, #3
            (0xe24b_d01c, Effect::Restore(11, -28)),        // sub sp, r11, #28
            (0xe1a0_d00b, Effect::Restore(11, 0)),          // mov sp, r11
            (0xe28d_b018, Effect::Frame(11, 24)),           // add r11, sp, #24
            (0xe1a0_b00d, Effect::Frame(11, 0)),            // mov r11, sp
            (0xe59f_d010, Effect::Lost),                    // ldr sp, [pc, #16]
            (0xed2d_8b04, Effect::Push(16)),                // vpush {d8, d9}
            (0xe16d_40f8, Effect::Push(8)),                 // strd r4, [sp, #-8]!
        ] {
            assert_eq!(at_zero(word), effect, "{word:#010x}");
        }
    }

    #[test]
    fn calls_and_returns_are_told_apart() {
        for (word, effect) in [
            (0xeb00_0002, Effect::Call(16)),         // bl +16
            (0xebff_fffe, Effect::Call(0)),          // bl itself
            (0xea00_0002, Effect::Jump(16)),         // b
            (0xfa00_0002, Effect::Call(17)),         // blx, to Thumb
            (0xe12f_ff33, Effect::CallRegister(3)),  // blx r3
            (0xe12f_ff1e, Effect::Return),           // bx lr
            (0xe12f_ff1c, Effect::JumpRegister(12)), // bx r12
            (0xe8bd_8ff0, Effect::Return),           // pop {r4-r11, pc}
            (0xe49d_f004, Effect::Return),           // pop {pc}
            (0xe1a0_f00e, Effect::Return),           // mov pc, lr
            (0xe25e_f004, Effect::Return),           // subs pc, lr, #4
            (0xf8bd_0a00, Effect::Return),           // rfeia sp!
            (0xe793_f101, Effect::Switch),           // ldr pc, [r3, r1, lsl #2]
            (0xe28f_ce19, Effect::Inside(12)),       // add r12, pc, #400
            (0xe08f_f101, Effect::Switch),           // add pc, pc, r1, lsl #2
            (0xfb00_0002, Effect::Call(19)),         // blx, to the second half of a word
            (0xe7f0_00f0, Effect::Return),           // udf #0
            (0xff00_0000, Effect::Unknown),
        ] {
            assert_eq!(at_zero(word), effect, "{word:#010x}");
        }
        assert!(decode(0, 0x18bd_8010).1, "popne {{r4, pc}}");
        assert!(!decode(0, 0xe8bd_8010).1);
    }

    #[test]
    fn pointers_to_functions_are_followed() {
        for (word, effect) in [
            (0xe301_0234, Effect::Constant(0, 0x1234)), // movw r0, #0x1234
            (0xe344_0020, Effect::Upper(0, 0x4020)),    // movt r0, #0x4020
            (0xe1a0_4003, Effect::Copy(4, 3)),          // mov r4, r3
            (0xe591_300c, Effect::Load(3, 1, 12)),      // ldr r3, [r1, #12]
            (0xe59f_0008, Effect::Literal(0, 16)),      // ldr r0, [pc, #8]
        ] {
            assert_eq!(at_zero(word), effect, "{word:#010x}");
        }
    }

    #[test]
    fn registers_that_are_written_are_forgotten() {
        for (word, registers) in [
            (0xe080_3001, 1 << 3),     // add r3, r0, r1
            (0xe150_0001, 0),          // cmp r0, r1
            (0xe890_000e, 0b1110),     // ldm r0, {r1, r2, r3}
            (0xe8b0_000e, 0b1111),     // ldm r0!, {r1, r2, r3}
            (0xe1c0_20d8, 0b1100),     // ldrd r2, r3, [r0, #8]
            (0xe790_3101, 1 << 3),     // ldr r3, [r0, r1, lsl #2]
            (0xe5d0_3000, 1 << 3 | 1), // ldrb r3, [r0]
        ] {
            match at_zero(word) {
                Effect::Writes(mask) => assert_eq!(mask, registers, "{word:#010x}"),
                other => panic!("{word:#010x}: {other:?}"),
            }
        }
    }
}
