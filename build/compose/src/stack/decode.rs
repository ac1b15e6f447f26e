// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What one A32 instruction does to the stack pointer and to the flow of control (ARM DDI 0406C, A5).
//!
//! Only what matters for stack depth is told apart; everything else is [`Effect::Writes`] with the registers that it may
//! write, too many rather than too few.

/// The stack pointer, and where functions return to.
pub const SP: u8 = 13;
const LR: u8 = 14;
const PC: u8 = 15;

/// What an instruction does, as far as the stack is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Moves the stack pointer down by so many bytes; negative is up.
    Push(i64),
    /// `sub sp, sp, register` (`add` if true).
    PushRegister(u8, bool),
    /// Rounds the stack pointer down to a multiple.
    Align(i64),
    /// `sp = register + offset`.
    Restore(u8, i64),
    /// The stack pointer takes a value that we cannot follow.
    Lost,
    /// `register = sp + offset`.
    Frame(u8, i64),
    /// `register = constant`.
    Constant(u8, u32),
    /// `movt`: the upper half of a register.
    Upper(u8, u32),
    /// `register = other register`.
    Copy(u8, u8),
    /// `register = [base + offset]`; the base may be the program counter.
    Load(u8, u8, i64),
    /// A call to an address.
    Call(u32),
    /// A call to wherever a register points.
    CallRegister(u8),
    /// A jump to an address: within the function, or a call in the place of a return.
    Jump(u32),
    /// A jump to wherever a register points, not to the return address.
    JumpRegister(u8),
    /// `register = pc + something`: an address within the function.
    Inside(u8),
    /// A jump through a table in the function.
    Switch,
    /// A return, or the end of an exception.
    Return,
    /// May write these registers: a bit each.
    Writes(u16),
}

/// An instruction and whether it is executed on some condition only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// What it does.
    pub effect: Effect,
    /// Whether it may do nothing instead.
    pub conditional: bool,
}

/// Decodes the instruction `word` at `address`.
pub fn decode(address: u32, word: u32) -> Decoded {
    let condition = word >> 28;
    Decoded {
        effect: if condition == 0xf {
            unconditional(address, word)
        } else {
            effect(address, word)
        },
        conditional: condition < 0xe,
    }
}

/// The space without conditions: BLX to Thumb, RFE, SRS, barriers, CPS.
fn unconditional(address: u32, word: u32) -> Effect {
    match word >> 24 & 0xf {
        0xa | 0xb => Effect::Call(branch(address, word) | 1),
        0x8 | 0x9 if word & 1 << 22 == 0 && word & 1 << 20 != 0 => Effect::Return,
        _ => Effect::Writes(0),
    }
}

fn effect(address: u32, word: u32) -> Effect {
    match word >> 25 & 0b111 {
        0b000 | 0b001 => data_processing(word),
        0b010 => load_store(word),
        0b011 if word & 1 << 4 == 0 => load_store_register(word),
        0b011 => media(word),
        0b100 => multiple(word),
        0b101 if word & 1 << 24 != 0 => Effect::Call(branch(address, word)),
        0b101 => Effect::Jump(branch(address, word)),
        0b110 => coprocessor_memory(word),
        // MRC may write one register; SVC is the kernel's business.
        _ if word & 1 << 24 != 0 => Effect::Writes(0),
        _ => Effect::Writes(1 << field(word, 12)),
    }
}

fn field(word: u32, at: u32) -> u8 {
    (word >> at & 0xf) as u8
}

/// The target of a branch: a signed number of words from two instructions further.
fn branch(address: u32, word: u32) -> u32 {
    let offset = ((word << 8) as i32) >> 6;
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
        (2, true) if rd == SP && rn == SP => Effect::Push(value),
        (4, true) if rd == SP && rn == SP => Effect::Push(-value),
        (2, true) if rd == SP => Effect::Restore(rn, -value),
        (4, true) if rd == SP => Effect::Restore(rn, value),
        (2, false) if rd == SP && rn == SP && plain => Effect::PushRegister(rm, false),
        (4, false) if rd == SP && rn == SP && plain => Effect::PushRegister(rm, true),
        (13, false) if rd == SP && plain => Effect::Restore(rm, 0),
        (14, true) if rd == SP && rn == SP => Effect::Align(value + 1),
        _ if rd == SP => Effect::Lost,
        (4, true) if rn == SP => Effect::Frame(rd, value),
        (2, true) if rn == SP => Effect::Frame(rd, -value),
        (2 | 4, true) if rn == PC => Effect::Inside(rd),
        (13, false) if rm == SP && plain => Effect::Frame(rd, 0),
        (13, false) if plain => Effect::Copy(rd, rm),
        (13, true) => Effect::Constant(rd, rotated(word)),
        _ => Effect::Writes(1 << rd),
    }
}

/// `effect`, unless it would go to the stack pointer.
fn written(rd: u8, effect: Effect) -> Effect {
    if rd == SP { Effect::Lost } else { effect }
}

/// Multiplications, exclusives, half-words and double words.
fn extra(word: u32) -> Effect {
    let (rn, rd) = (field(word, 16), field(word, 12));
    if word & 0x60 == 0 {
        // Multiplications write bits 16 to 19 as well; exclusives and swaps write bits 12 to 15.
        return Effect::Writes(1 << rd | 1 << rn);
    }
    let write_back = word & 1 << 24 == 0 || word & 1 << 21 != 0;
    if write_back && rn == SP {
        let high = if word & 1 << 22 != 0 {
            i64::from(word >> 4 & 0xf0 | word & 0xf)
        } else {
            return Effect::Lost;
        };
        return Effect::Push(if word & 1 << 23 != 0 { -high } else { high });
    }
    let base = if write_back { 1 << rn } else { 0 };
    let load = word & 1 << 20 != 0;
    let pair = !load && word & 0xf0 == 0xd0;
    match (load, pair) {
        (true, _) => Effect::Writes(base | 1 << rd),
        (false, true) => Effect::Writes(base | 0b11 << rd),
        (false, false) => Effect::Writes(base),
    }
}

fn load_store(word: u32) -> Effect {
    let (rn, rt) = (field(word, 16), field(word, 12));
    let offset = i64::from(word & 0xfff) * if word & 1 << 23 != 0 { 1 } else { -1 };
    let load = word & 1 << 20 != 0;
    let before = word & 1 << 24 != 0;
    let write_back = !before || word & 1 << 21 != 0;
    if rn == SP && write_back {
        return if load && rt == PC {
            Effect::Return
        } else {
            Effect::Push(-offset)
        };
    }
    match load {
        true if rt == PC => Effect::Switch,
        true if rt == SP => Effect::Lost,
        true if !write_back && word & 1 << 22 == 0 => Effect::Load(rt, rn, offset),
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

/// Bit fields, extensions, reversals, divisions.
fn media(word: u32) -> Effect {
    let rd = field(word, 12);
    if word & 0x0fe0_007f == 0x07c0_001f && rd == SP {
        // BFC sp, #0, #n rounds down.
        let (least, most) = (word >> 7 & 0x1f, word >> 16 & 0x1f);
        return if least == 0 {
            Effect::Align(1 << (most + 1))
        } else {
            Effect::Lost
        };
    }
    Effect::Writes(1 << rd | 1 << field(word, 16))
}

/// LDM and STM in all their forms.
fn multiple(word: u32) -> Effect {
    let rn = field(word, 16);
    let list = (word & 0xffff) as u16;
    let bytes = i64::from(list.count_ones()) * 4;
    let load = word & 1 << 20 != 0;
    let up = word & 1 << 23 != 0;
    let write_back = word & 1 << 21 != 0;
    // With bit 22 it is the user's registers, or the end of an exception.
    let foreign = word & 1 << 22 != 0;
    if load && list & 1 << PC != 0 {
        return Effect::Return;
    }
    if rn == SP && write_back {
        return Effect::Push(if up { -bytes } else { bytes });
    }
    if load && !foreign && list & 1 << SP != 0 {
        return Effect::Lost;
    }
    let base = if write_back { 1 << rn } else { 0 };
    Effect::Writes(if load && !foreign { list | base } else { base })
}

/// VPUSH and VPOP; the rest of the coprocessor's loads and stores.
fn coprocessor_memory(word: u32) -> Effect {
    let rn = field(word, 16);
    if rn == SP && word & 1 << 21 != 0 {
        let bytes = i64::from(word & 0xff) * 4;
        return Effect::Push(if word & 1 << 23 != 0 { -bytes } else { bytes });
    }
    // MRRC writes two registers.
    Effect::Writes(1 << field(word, 12) | 1 << rn)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_zero(word: u32) -> Effect {
        decode(0, word).effect
    }

    #[test]
    fn the_stack_pointer_is_followed() {
        for (word, effect) in [
            (0xe92d_4ff0, Effect::Push(36)),                // push {r4-r11, lr}
            (0xe52d_e004, Effect::Push(4)),                 // push {lr}
            (0xe24d_d01c, Effect::Push(28)),                // sub sp, sp, #28
            (0xe24d_db01, Effect::Push(1024)),              // sub sp, sp, #1024
            (0xe28d_d01c, Effect::Push(-28)),               // add sp, sp, #28
            (0xe8bd_4030, Effect::Push(-12)),               // pop {r4, r5, lr}
            (0xe49d_b004, Effect::Push(-4)),                // pop {r11}
            (0xe04d_d00c, Effect::PushRegister(12, false)), // sub sp, sp, r12
            (0xe08d_d00c, Effect::PushRegister(12, true)),  // add sp, sp, r12
            (0xe3cd_d00f, Effect::Align(16)),               // bic sp, sp, #15
            (0xe7c2_d01f, Effect::Align(8)),                // bfc sp, #0, #3
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
        ] {
            assert_eq!(at_zero(word), effect, "{word:#010x}");
        }
        assert!(decode(0, 0x18bd_8010).conditional, "popne {{r4, pc}}");
        assert!(!decode(0, 0xe8bd_8010).conditional);
    }

    #[test]
    fn pointers_to_functions_are_followed() {
        for (word, effect) in [
            (0xe301_0234, Effect::Constant(0, 0x1234)), // movw r0, #0x1234
            (0xe344_0020, Effect::Upper(0, 0x4020)),    // movt r0, #0x4020
            (0xe1a0_4003, Effect::Copy(4, 3)),          // mov r4, r3
            (0xe591_300c, Effect::Load(3, 1, 12)),      // ldr r3, [r1, #12]
            (0xe59f_0008, Effect::Load(0, 15, 8)),      // ldr r0, [pc, #8]
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
