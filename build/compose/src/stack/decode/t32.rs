// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! T32 (ARM DDI 0406C, A6).

use super::{
    Effect, LR, PC, SP, add, align, clear, coprocessor_memory, copy, field, multiple, signed,
    writes, written,
};

/// Whether an instruction that begins with `first` is four bytes long.
pub fn is_wide(first: u32) -> bool {
    first >> 11 >= 0b11101
}

/// IT: which of the next instructions it makes conditional, a bit each. On the condition "always" they are not.
pub fn block(first: u32) -> Option<u8> {
    let mask = first & 0xf;
    if first & 0xff00 != 0xbf00 || mask == 0 {
        return None;
    }
    let count = 4 - mask.trailing_zeros();
    let always = first >> 5 & 0b111 == 0b111;
    Some(if always { 0 } else { (1 << count) - 1 })
}

/// Decodes the instruction of two bytes at `address`: what it does, and whether on some condition of its own.
pub fn narrow(address: u32, word: u32) -> (Effect, bool) {
    let [low, mid, high] = [0, 3, 8].map(|at| (word >> at & 7) as u8);
    let value = i64::from(word & 0xff);
    let effect = match word >> 11 {
        // LSL by nothing is MOVS.
        0b00000 if word >> 6 & 0x1f == 0 => Effect::Copy(low, mid),
        0b00000..=0b00011 => Effect::Writes(1 << low),
        0b00100 => Effect::Constant(high, word & 0xff),
        0b00101 => Effect::Writes(0),
        0b00110 | 0b00111 => Effect::Writes(1 << high),
        0b01000 if word & 1 << 10 == 0 => match word >> 6 & 0xf {
            0b1000 | 0b1010 | 0b1011 => Effect::Writes(0),
            _ => Effect::Writes(1 << low),
        },
        0b01000 => high_registers(word),
        0b01001 => Effect::Literal(high, literal(address, value * 4)),
        // Of the stores and loads with a register for the offset, the last five are loads.
        0b01010 if word >> 9 & 7 < 3 => Effect::Writes(0),
        0b01010 | 0b01011 => Effect::Writes(1 << low),
        0b01101 => Effect::Load(low, mid, i64::from(word >> 6 & 0x1f) * 4),
        0b01111 | 0b10001 => Effect::Writes(1 << low),
        0b01100 | 0b01110 | 0b10000 | 0b10010 => Effect::Writes(0),
        0b10011 => Effect::Load(high, SP, value * 4),
        0b10100 => Effect::Inside(high),
        0b10101 => Effect::Frame(high, value * 4),
        0b10110 | 0b10111 => return miscellaneous(address, word),
        0b11000 => multiple(high, (word & 0xff) as u16, false, true, true),
        0b11001 => multiple(high, (word & 0xff) as u16, true, true, true),
        0b11010 | 0b11011 => match word >> 8 & 0xf {
            // UDF, and SVC.
            0b1110 => Effect::Return,
            0b1111 => Effect::Writes(0),
            _ => {
                let target = relative(address, signed(word & 0xff, 8) * 2);
                return (Effect::Jump(target), true);
            }
        },
        0b11100 => Effect::Jump(relative(address, signed(word & 0x7ff, 11) * 2)),
        _ => Effect::Unknown,
    };
    (effect, false)
}

/// ADD, CMP and MOV that reach all registers; BX and BLX (A6.2.3).
fn high_registers(word: u32) -> Effect {
    let rd = (word >> 4 & 8 | word & 7) as u8;
    let rm = field(word, 3);
    match word >> 8 & 3 {
        0b00 if rd == SP && rm != SP => Effect::PushRegister(rm, true),
        0b00 if rd == PC => Effect::Switch,
        0b00 if rm == PC => written(rd, Effect::Inside(rd)),
        0b00 => writes(rd),
        0b01 => Effect::Writes(0),
        0b10 => match (rd, rm) {
            (PC, LR) => Effect::Return,
            (PC, _) => Effect::JumpRegister(rm),
            (_, PC) => written(rd, Effect::Inside(rd)),
            _ => copy(rd, rm),
        },
        // To A32 at the next word, which nothing here does.
        _ if rm == PC => Effect::Unknown,
        _ if word & 0x80 != 0 => Effect::CallRegister(rm),
        _ if rm == LR => Effect::Return,
        _ => Effect::JumpRegister(rm),
    }
}

/// The stack pointer, CBZ, PUSH and POP, extensions, IT, hints (A6.2.5).
fn miscellaneous(address: u32, word: u32) -> (Effect, bool) {
    let low = (word & 7) as u8;
    let list = (word & 0xff) as u16;
    let more = |register: u8| if word & 1 << 8 != 0 { 1 << register } else { 0 };
    let effect = match word >> 8 & 0xf {
        0b0000 => {
            let bytes = i64::from(word & 0x7f) * 4;
            Effect::Push(if word & 1 << 7 != 0 { bytes } else { -bytes })
        }
        0b0001 | 0b0011 | 0b1001 | 0b1011 => {
            let offset = word >> 2 & 0x3e | word >> 3 & 0x40;
            return (Effect::Jump(relative(address, offset as i32)), true);
        }
        0b0010 => Effect::Writes(1 << low),
        0b0100 | 0b0101 => multiple(SP, list | more(LR), false, false, true),
        0b1100 | 0b1101 => multiple(SP, list | more(PC), true, true, true),
        // SETEND and CPS.
        0b0110 if word >> 5 & 7 == 0b010 || word >> 5 & 7 == 0b011 => Effect::Writes(0),
        0b1010 if word >> 6 & 3 != 0b10 => Effect::Writes(1 << low),
        // BKPT; IT and hints.
        0b1110 | 0b1111 => Effect::Writes(0),
        _ => Effect::Unknown,
    };
    (effect, false)
}

/// Decodes the instruction of four bytes at `address`: what it does, and whether on some condition of its own.
pub fn wide(address: u32, first: u32, second: u32) -> (Effect, bool) {
    let effect = match first >> 11 & 3 {
        0b01 | 0b11 if first & 1 << 10 != 0 => coprocessor(first << 16 | second),
        0b01 if first & 1 << 9 != 0 => shifted_register(first, second),
        0b01 if first & 1 << 6 != 0 => dual_or_exclusive(first, second),
        0b01 => load_store_multiple(first, second),
        0b10 if second & 1 << 15 != 0 => return branch_or_control(address, first, second),
        0b10 if first & 1 << 9 != 0 => plain_immediate(first, second),
        0b10 => modified_immediate(first, second),
        _ => match first >> 7 & 7 {
            // Advanced SIMD, or a single load or store.
            0b010 | 0b011 if first & 1 << 4 == 0 => simd_memory(first, second),
            0b000..=0b011 => load_store(address, first, second),
            0b100 | 0b101 if second >> 12 == 0xf => writes(field(second, 8)),
            0b110 => writes(field(second, 8)),
            0b111 => long_multiply(second),
            _ => Effect::Unknown,
        },
    };
    (effect, false)
}

/// An address so far from an instruction, counted from two instructions of two bytes further.
fn relative(address: u32, offset: i32) -> u32 {
    address.wrapping_add(4).wrapping_add_signed(offset)
}

/// The same for constants, counted from a whole word.
fn literal(address: u32, offset: i64) -> u32 {
    (address.wrapping_add(4) & !3).wrapping_add_signed(offset as i32)
}

/// Coprocessors, where they are in A32 (A6.3.18). SVC has no place there.
fn coprocessor(word: u32) -> Effect {
    match word >> 24 & 3 {
        0b00 | 0b01 => coprocessor_memory(word),
        // MRC may write one register.
        0b10 => Effect::Writes(1 << field(word, 12)),
        _ => Effect::Writes(0),
    }
}

/// LDM and STM, RFE and SRS (A6.3.5).
fn load_store_multiple(first: u32, second: u32) -> Effect {
    let load = first & 1 << 4 != 0;
    let write_back = first & 1 << 5 != 0;
    let by = |up| multiple(field(first, 0), second as u16, load, up, write_back);
    match (first >> 7 & 3, load) {
        (0b01, _) => by(true),
        (0b10, _) => by(false),
        (_, true) => Effect::Return,
        (_, false) => Effect::Writes(0),
    }
}

/// LDRD and STRD, LDREX and STREX, TBB and TBH (A6.3.6).
fn dual_or_exclusive(first: u32, second: u32) -> Effect {
    let (rn, rt, rt2) = (field(first, 0), field(second, 12), field(second, 8));
    let load = first & 1 << 4 != 0;
    let write_back = first & 1 << 5 != 0;
    let before = first & 1 << 8 != 0;
    if before || write_back {
        let registers = if load { 1 << rt | 1 << rt2 } else { 0 };
        let bytes = i64::from(second & 0xff) * 4;
        return moved(rn, bytes, first & 1 << 7 != 0, write_back, registers);
    }
    if first & 1 << 7 == 0 {
        return if load { writes(rt) } else { writes(rt2) };
    }
    match (load, second >> 4 & 0xf) {
        (true, 0b0000 | 0b0001) => Effect::Switch,
        (true, 0b0100 | 0b0101) => writes(rt),
        (true, 0b0111) => Effect::Writes(1 << rt | 1 << rt2),
        (false, 0b0100 | 0b0101 | 0b0111) => writes(field(second, 0)),
        _ => Effect::Unknown,
    }
}

/// A load of `registers`, or a store if there are none, that may move its base register.
fn moved(rn: u8, bytes: i64, up: bool, write_back: bool, registers: u16) -> Effect {
    match (write_back, rn, up, registers) {
        (_, _, _, registers) if registers & 1 << SP != 0 => Effect::Lost,
        (false, ..) => Effect::Writes(registers),
        (true, SP, true, 0) => Effect::Push(-bytes),
        (true, SP, false, 0) => Effect::Push(bytes),
        (true, SP, true, _) => Effect::Pop(bytes, registers),
        (true, SP, false, _) => Effect::Lost,
        (true, ..) => Effect::Writes(registers | 1 << rn),
    }
}

/// Data processing with a register that may be shifted (A6.3.11).
fn shifted_register(first: u32, second: u32) -> Effect {
    let (rn, rd, rm) = (field(first, 0), field(second, 8), field(second, 0));
    let plain = second & 0x70f0 == 0;
    match first >> 5 & 0xf {
        // TST, TEQ, CMN, CMP.
        0b0000 | 0b0100 | 0b1000 | 0b1101 if rd == PC && first & 1 << 4 != 0 => Effect::Writes(0),
        _ if rd == PC => Effect::Unknown,
        0b0010 if rn == PC && plain => copy(rd, rm),
        0b1000 if rd == SP && rn == SP && plain => Effect::PushRegister(rm, true),
        0b1101 if rd == SP && rn == SP && plain => Effect::PushRegister(rm, false),
        0b0000..=0b0100 | 0b0110 | 0b1000 | 0b1010 | 0b1011 | 0b1101 | 0b1110 => writes(rd),
        _ => Effect::Unknown,
    }
}

/// The twelve bits of an immediate operand.
fn immediate(first: u32, second: u32) -> u32 {
    first << 1 & 0x800 | second >> 4 & 0x700 | second & 0xff
}

/// An immediate operand: a pattern of a byte, or a byte with its highest bit set, rotated (A6.3.2).
fn expanded(first: u32, second: u32) -> u32 {
    let bits = immediate(first, second);
    let byte = bits & 0xff;
    match bits >> 8 {
        0b0000 => byte,
        0b0001 => byte | byte << 16,
        0b0010 => byte << 8 | byte << 24,
        0b0011 => byte | byte << 8 | byte << 16 | byte << 24,
        _ => (byte | 0x80).rotate_right(bits >> 7),
    }
}

/// Data processing with such an immediate (A6.3.1).
fn modified_immediate(first: u32, second: u32) -> Effect {
    let (rn, rd) = (field(first, 0), field(second, 8));
    let word = expanded(first, second);
    let value = i64::from(word);
    match first >> 5 & 0xf {
        // TST, TEQ, CMN, CMP.
        0b0000 | 0b0100 | 0b1000 | 0b1101 if rd == PC && first & 1 << 4 != 0 => Effect::Writes(0),
        _ if rd == PC => Effect::Unknown,
        0b0001 => align(rd, rn, value + 1),
        0b0010 if rn == PC => written(rd, Effect::Constant(rd, word)),
        0b0011 if rn == PC => written(rd, Effect::Constant(rd, !word)),
        0b1000 => add(rd, rn, value),
        0b1101 => add(rd, rn, -value),
        0b0000 | 0b0010..=0b0100 | 0b1010 | 0b1011 | 0b1110 => writes(rd),
        _ => Effect::Unknown,
    }
}

/// Data processing with a plain immediate: ADDW, SUBW, MOVW, MOVT, bit fields, saturation (A6.3.3).
fn plain_immediate(first: u32, second: u32) -> Effect {
    let (rn, rd) = (field(first, 0), field(second, 8));
    let value = immediate(first, second);
    let half = (first & 0xf) << 12 | value;
    match first >> 4 & 0x1f {
        _ if rd == PC => Effect::Unknown,
        0b00000 => add(rd, rn, value.into()),
        0b01010 => add(rd, rn, -i64::from(value)),
        0b00100 => written(rd, Effect::Constant(rd, half)),
        0b01100 => written(rd, Effect::Upper(rd, half)),
        // BFC, among the insertions of bit fields.
        0b10110 if rn == PC => clear(rd, second >> 10 & 0x1c | second >> 6 & 3, second & 0x1f),
        0b10000 | 0b10010 | 0b10100 | 0b10110 | 0b11000 | 0b11010 | 0b11100 => writes(rd),
        _ => Effect::Unknown,
    }
}

/// Branches, system registers, hints and barriers (A6.3.4).
fn branch_or_control(address: u32, first: u32, second: u32) -> (Effect, bool) {
    let sign = first >> 10 & 1;
    let [j1, j2] = [second >> 13 & 1, second >> 11 & 1];
    // Bits 23 and 22 of the offset are what differs from the sign.
    let [i1, i2] = [j1, j2].map(|bit| !(bit ^ sign) & 1);
    let far = sign << 24 | i1 << 23 | i2 << 22 | (first & 0x3ff) << 12 | (second & 0x7ff) << 1;
    let far = signed(far, 25);
    let effect = match (second >> 14 & 1, second >> 12 & 1) {
        (1, 1) => Effect::Call(relative(address, far) | 1),
        (1, _) if second & 1 == 0 => Effect::Call(literal(address, far.into())),
        (0, 1) => Effect::Jump(relative(address, far)),
        (0, _) if first >> 7 & 7 != 0b111 => {
            let near = sign << 20 | j2 << 19 | j1 << 18;
            let near = near | (first & 0x3f) << 12 | (second & 0x7ff) << 1;
            return (Effect::Jump(relative(address, signed(near, 21))), true);
        }
        (0, _) => control(first, second),
        _ => Effect::Unknown,
    };
    (effect, false)
}

fn control(first: u32, second: u32) -> Effect {
    match first >> 4 & 0x7f {
        // MSR; CPS and hints.
        0b0111000..=0b0111010 => Effect::Writes(0),
        // CLREX, DSB, DMB, ISB.
        0b0111011 if matches!(second >> 4 & 0xf, 0b0010 | 0b0100 | 0b0101 | 0b0110) => {
            Effect::Writes(0)
        }
        0b0111100 => Effect::JumpRegister(field(first, 0)),
        // SUBS PC, LR.
        0b0111101 => Effect::Return,
        0b0111110 | 0b0111111 => writes(field(second, 8)),
        // HVC and SMC; UDF.
        0b1111110 | 0b1111111 if second & 0x7000 == 0 => Effect::Writes(0),
        0b1111111 if second & 0x7000 == 0x2000 => Effect::Return,
        _ => Effect::Unknown,
    }
}

/// Element and structure loads and stores of Advanced SIMD (A7.7).
fn simd_memory(first: u32, second: u32) -> Effect {
    match (field(first, 0), field(second, 0)) {
        (rn, PC) => Effect::Writes(1 << rn),
        (rn, _) => writes(rn),
    }
}

/// A single load or store (A6.3.7 to A6.3.10).
fn load_store(address: u32, first: u32, second: u32) -> Effect {
    let (rn, rt) = (field(first, 0), field(second, 12));
    let load = first & 1 << 4 != 0;
    let size = first >> 5 & 3;
    let word = size == 0b10;
    let far = first & 1 << 7 != 0;
    let extends = first & 1 << 8 != 0;
    if size == 0b11 || extends && (word || !load) || !load && rn == PC {
        return Effect::Unknown;
    }
    let register = !far && rn != PC && second & 0xfc0 == 0;
    let [before, up, write_back] = match far || rn == PC {
        true => [true, far, false],
        false => [10, 9, 8].map(|bit| second & 1 << bit != 0),
    };
    // The forms with eight bits: bit 11, and an access that is neither before nor writes back is none.
    let short = !far && rn != PC && second & 1 << 11 != 0 && (before || write_back);
    if !(far || rn == PC || register || short) {
        return Effect::Unknown;
    }
    let bits = if far || rn == PC { 0xfff } else { 0xff };
    let bytes = i64::from(second & bits);
    if load && rt == PC {
        return match (word, rn) {
            // PLD and PLI.
            (false, _) if !write_back || register => Effect::Writes(0),
            (true, _) if register => Effect::Switch,
            (true, SP) if write_back && up && !before => Effect::Return,
            // A jump to a pointer in memory, which no compiler makes so.
            _ => Effect::Unknown,
        };
    }
    let registers = if load { 1 << rt } else { 0 };
    let offset = if up { bytes } else { -bytes };
    match (register, load && word && !write_back, rn) {
        (true, ..) => moved(rn, 0, true, false, registers),
        (_, true, PC) => written(rt, Effect::Literal(rt, literal(address, offset))),
        (_, true, _) => written(rt, Effect::Load(rt, rn, offset)),
        _ => moved(rn, bytes, up, write_back, registers),
    }
}

/// Multiplications with a result of two registers, and divisions (A6.3.17).
fn long_multiply(second: u32) -> Effect {
    Effect::Writes(1 << field(second, 12) | 1 << field(second, 8))
}

#[cfg(test)]
mod tests {
    use super::super::{Decoded, Decoder, Kind};
    use super::*;

    /// An instruction at 0x1000, its halves as one number if there are two.
    fn decode(word: u32) -> Decoded {
        let halves = [(word >> 16) as u16, word as u16];
        let halves = if word >> 16 == 0 {
            &halves[1..]
        } else {
            &halves
        };
        let bytes: Vec<u8> = halves.iter().flat_map(|half| half.to_le_bytes()).collect();
        let decoded = Decoder::default().decode(Kind::T32, 0x1000, &bytes);
        let decoded = decoded.unwrap_or_else(|| panic!("{word:#x} is longer"));
        assert_eq!(decoded.size as usize, bytes.len(), "{word:#x}");
        decoded
    }

    fn check(cases: &[(u32, Effect)]) {
        for (word, effect) in cases {
            assert_eq!(decode(*word).effect, *effect, "{word:#x}");
        }
    }

    #[test]
    fn the_stack_pointer_is_followed() {
        check(&[
            (0xb5b0, Effect::Push(16)),                     // push {r4, r5, r7, lr}
            (0xe92d_4ff0, Effect::Push(36)),                // push.w {r4-r11, lr}
            (0xf84d_ed04, Effect::Push(4)),                 // str lr, [sp, #-4]!
            (0xe92d_00c0, Effect::Push(8)),                 // stmdb sp!, {r6, r7}
            (0xe96d_4502, Effect::Push(8)),                 // strd r4, r5, [sp, #-8]!
            (0xb087, Effect::Push(28)),                     // sub sp, #28
            (0xf5ad_6d80, Effect::Push(1024)),              // sub.w sp, sp, #1024
            (0xf2ad_4d06, Effect::Push(1030)),              // subw sp, sp, #1030
            (0xb007, Effect::Push(-28)),                    // add sp, #28
            (0xf20d_4d06, Effect::Push(-1030)),             // addw sp, sp, #1030
            (0xbc30, Effect::Pop(8, 0x30)),                 // pop {r4, r5}
            (0xe8bd_4ff0, Effect::Pop(36, 0x4ff0)),         // pop.w {r4-r11, lr}
            (0xf85d_bb04, Effect::Pop(4, 0x800)),           // ldr r11, [sp], #4
            (0xe8fd_4502, Effect::Pop(8, 0x30)),            // ldrd r4, r5, [sp], #8
            (0xebad_0d0c, Effect::PushRegister(12, false)), // sub.w sp, sp, r12
            (0x44e5, Effect::PushRegister(12, true)),       // add sp, r12
            (0x46bd, Effect::Restore(7, 0)),                // mov sp, r7
            (0xf1a7_0d1c, Effect::Restore(7, -28)),         // sub.w sp, r7, #28
            (0xaf06, Effect::Frame(7, 24)),                 // add r7, sp, #24
            (0xf50d_6b80, Effect::Frame(11, 1024)),         // add.w r11, sp, #1024
            (0x466f, Effect::Frame(7, 0)),                  // mov r7, sp
            (0xf024_040f, Effect::AlignRegister(4, 4, 16)), // bic r4, r4, #15
            (0xf36f_0402, Effect::AlignRegister(4, 4, 8)),  // bfc r4, #0, #3
            (0xed2d_8b04, Effect::Push(16)),                // vpush {d8, d9}
            (0xecbd_8b04, Effect::Push(-16)),               // vpop {d8, d9}
            (0xf8d0_d000, Effect::Lost),                    // ldr.w sp, [r0]
            (0xe8bd_2001, Effect::Lost),                    // pop.w {r0, sp}
        ]);
    }

    #[test]
    fn calls_and_returns_are_told_apart() {
        check(&[
            (0xf000_f806, Effect::Call(0x1011)),      // bl +16
            (0xf7ff_fffe, Effect::Call(0x1001)),      // bl itself
            (0xf400_d000, Effect::Call(0xff00_1005)), // bl, as far back as it reaches
            (0xf000_e806, Effect::Call(0x1010)),      // blx, to A32
            (0x4798, Effect::CallRegister(3)),        // blx r3
            (0x4770, Effect::Return),                 // bx lr
            (0x4760, Effect::JumpRegister(12)),       // bx r12
            (0xe006, Effect::Jump(0x1010)),           // b +16
            (0xe7fe, Effect::Jump(0x1000)),           // b itself
            (0xf000_bbfe, Effect::Jump(0x1800)),      // b.w +2048
            (0xd003, Effect::Jump(0x100a)),           // beq +10
            (0xf43f_affe, Effect::Jump(0x1000)),      // beq.w itself
            (0xb103, Effect::Jump(0x1004)),           // cbz r3, +4
            (0xbbf8, Effect::Jump(0x1082)),           // cbnz r0, +130
            (0xbd10, Effect::Return),                 // pop {r4, pc}
            (0xe8bd_8ff0, Effect::Return),            // pop.w {r4-r11, pc}
            (0xf85d_fb04, Effect::Return),            // ldr pc, [sp], #4
            (0x46f7, Effect::Return),                 // mov pc, lr
            (0xf3de_8f04, Effect::Return),            // subs pc, lr, #4
            (0xe9bd_c000, Effect::Return),            // rfeia sp!
            (0xdefe, Effect::Return),                 // udf #254
            (0xf7f0_a001, Effect::Return),            // udf.w #1
            (0xe8df_f000, Effect::Switch),            // tbb [pc, r0]
            (0xe8df_f011, Effect::Switch),            // tbh [pc, r1, lsl #1]
            (0xf853_f021, Effect::Switch),            // ldr.w pc, [r3, r1, lsl #2]
            (0x448f, Effect::Switch),                 // add pc, r1
            (0x469f, Effect::JumpRegister(3)),        // mov pc, r3
            (0xa101, Effect::Inside(1)),              // adr r1, +4
            (0xf2af_0c04, Effect::Inside(12)),        // adr.w r12, -4
        ]);
        for (word, conditional) in [
            (0xd003, true),
            (0xb103, true),
            (0xf43f_affe, true),
            (0xe006, false),
        ] {
            assert_eq!(decode(word).conditional, conditional, "{word:#x}");
        }
    }

    #[test]
    fn pointers_to_functions_are_followed() {
        check(&[
            (0xf241_2034, Effect::Constant(0, 0x1234)), // movw r0, #0x1234
            (0xf2c4_0020, Effect::Upper(0, 0x4020)),    // movt r0, #0x4020
            (0x2007, Effect::Constant(0, 7)),           // movs r0, #7
            (0xf04f_2040, Effect::Constant(0, 0x4000_4000)), // mov.w r0, #0x40004000
            (0xf44f_4080, Effect::Constant(0, 0x4000)), // mov.w r0, #0x4000
            (0xf06f_0100, Effect::Constant(1, 0xffff_ffff)), // mvn r1, #0
            (0x461c, Effect::Copy(4, 3)),               // mov r4, r3
            (0x001c, Effect::Copy(4, 3)),               // movs r4, r3
            (0xea4f_0901, Effect::Copy(9, 1)),          // mov.w r9, r1
            (0x68cb, Effect::Load(3, 1, 12)),           // ldr r3, [r1, #12]
            (0xf851_3c0c, Effect::Load(3, 1, -12)),     // ldr r3, [r1, #-12]
            (0xf8d1_9400, Effect::Load(9, 1, 1024)),    // ldr.w r9, [r1, #1024]
            (0x9b03, Effect::Load(3, SP, 12)),          // ldr r3, [sp, #12]
            (0x4802, Effect::Literal(0, 0x100c)),       // ldr r0, [pc, #8]
            (0xf8df_9006, Effect::Literal(9, 0x100a)),  // ldr.w r9, [pc, #6]
            (0xf85f_9004, Effect::Literal(9, 0x1000)),  // ldr.w r9, [pc, #-4]
        ]);
    }

    #[test]
    fn registers_that_are_written_are_forgotten() {
        for (word, registers) in [
            (0x1843, 1 << 3),             // adds r3, r0, r1
            (0xeb00_0381, 1 << 3),        // add.w r3, r0, r1, lsl #2
            (0x3301, 1 << 3),             // adds r3, #1
            (0x4288, 0),                  // cmp r0, r1
            (0xebb0_0f09, 0),             // cmp.w r0, r9
            (0xf010_0f01, 0),             // tst.w r0, #1
            (0xe890_000e, 0b1110),        // ldm.w r0, {r1, r2, r3}
            (0xc80e, 0b1111),             // ldm r0!, {r1, r2, r3}
            (0xe8b0_0202, 1 << 9 | 0b11), // ldm.w r0!, {r1, r9}
            (0xc006, 1),                  // stm r0!, {r1, r2}
            (0xe880_0202, 0),             // stm.w r0, {r1, r9}
            (0xe9d0_2302, 0b1100),        // ldrd r2, r3, [r0, #8]
            (0xf850_3021, 1 << 3),        // ldr.w r3, [r0, r1, lsl #2]
            (0xf850_3b04, 1 << 3 | 1),    // ldr r3, [r0], #4
            (0xf840_3f04, 1),             // str r3, [r0, #4]!
            (0x7803, 1 << 3),             // ldrb r3, [r0]
            (0x5e43, 1 << 3),             // ldrsh r3, [r0, r1]
            (0xe843_2100, 1 << 1),        // strex r1, r2, [r3]
            (0xe853_1f00, 1 << 1),        // ldrex r1, [r3]
            (0xe8d3_127f, 0b110),         // ldrexd r1, r2, [r3]
            (0xe8c3_1274, 1 << 4),        // strexd r4, r1, r2, [r3]
            (0xfba3_1204, 0b110),         // umull r1, r2, r3, r4
            (0xfb02_f103, 1 << 1),        // mul r1, r2, r3
            (0xfab2_f182, 1 << 1),        // clz r1, r2
            (0xf3c2_01c3, 1 << 1),        // ubfx r1, r2, #3, #4
            (0xb2d1, 1 << 1),             // uxtb r1, r2
            (0x00d1, 1 << 1),             // lsls r1, r2, #3
            (0xfa02_f103, 1 << 1),        // lsl.w r1, r2, r3
            (0xdf00, 0),                  // svc #0
            (0xf3bf_8f5b, 0),             // dmb ish
            (0xf3bf_8f6f, 0),             // isb
            (0xf3ef_8300, 1 << 3),        // mrs r3, apsr
            (0xf890_f000, 0),             // pld [r0]
        ] {
            assert_eq!(decode(word).effect, Effect::Writes(registers), "{word:#x}");
        }
    }

    #[test]
    fn what_is_no_instruction_is_not_guessed() {
        check(&[
            (0xbf00, Effect::Writes(0)), // nop, for comparison
            (0xb800, Effect::Unknown),   // between the miscellaneous ones
            (0xb681, Effect::Unknown),
            (0x4778, Effect::Unknown),      // bx pc
            (0xf8d3_f004, Effect::Unknown), // ldr.w pc, [r3, #4]
            (0xf8df_f008, Effect::Unknown), // ldr.w pc, [pc, #8]
            (0xf8f0_0000, Effect::Unknown), // a load of no size
            (0xea45_0f06, Effect::Unknown), // orr.w pc, r5, r6
            (0xf240_0f00, Effect::Unknown), // movw pc, #0
            (0xfa80_0080, Effect::Unknown), // a register operation without its mark
            (0xe8d0_0fa0, Effect::Unknown), // load-acquire, which ARMv7 does not have
        ]);
    }

    #[test]
    fn it_makes_as_many_conditional_as_it_says() {
        for (it, conditional) in [
            (0xbf08, "100000"), // it eq
            (0xbf04, "110000"), // itt eq
            (0xbf0c, "110000"), // ite eq
            (0xbf0a, "111000"), // itet eq
            (0xbf01, "111100"), // itttt eq
            (0xbfe8, "000000"), // it al
            (0xbf00, "000000"), // nop
        ] {
            let mut decoder = Decoder::default();
            let mut next = |word: u16| decoder.decode(Kind::T32, 0, &word.to_le_bytes()).unwrap();
            assert!(!next(it).conditional, "{it:#x}");
            let found = [0; 6].map(|_| if next(0x461c).conditional { '1' } else { '0' });
            assert_eq!(String::from_iter(found), conditional, "{it:#x}");
        }
    }

    #[test]
    fn an_instruction_that_is_cut_off_is_none() {
        let mut decoder = Decoder::default();
        assert_eq!(decoder.decode(Kind::T32, 0, &[0x00, 0xf0]), None);
        assert_eq!(decoder.decode(Kind::A32, 0, &[0x00, 0xf0, 0x20]), None);
        assert_eq!(decoder.decode(Kind::Data, 0, &[0; 4]), None);
    }
}
