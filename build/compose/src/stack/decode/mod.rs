// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What one instruction does to the stack pointer and to the flow of control, in either instruction set.
//!
//! Only what matters for stack depth is told apart; everything else is [`Effect::Writes`] with the registers that it may
//! write, too many rather than too few. An encoding that is not known is [`Effect::Unknown`], never a guess.
//!
//! The decoders are our own, because a crate that reads both sets well enough was not found: yaxpeax-arm 0.5 leaves out the
//! media instructions and barriers of A32, and capstone compiles a large library in C for every build of an image.

mod a32;
mod t32;

/// The stack pointer.
pub const SP: u8 = 13;
/// Where functions return to.
const LR: u8 = 14;
const PC: u8 = 15;

/// What a program's bytes are; mapping symbols say where which begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Instructions of four bytes (`$a`).
    A32,
    /// Instructions of two or four bytes (`$t`).
    T32,
    /// Tables and constants (`$d`).
    Data,
}

/// What an instruction does, as far as the stack is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Moves the stack pointer down by so many bytes; negative is up.
    Push(i64),
    /// Moves the stack pointer up by so many bytes, and loads these registers, a bit each.
    Pop(i64, u16),
    /// `sub sp, sp, register` (`add` if true).
    PushRegister(u8, bool),
    /// Rounds the stack pointer down to a multiple.
    Align(i64),
    /// `register = other register`, rounded down to a multiple.
    AlignRegister(u8, u8, i64),
    /// `sp = register + offset`.
    Restore(u8, i64),
    /// The stack pointer takes a value that we cannot follow.
    Lost,
    /// `register = sp + offset`.
    Frame(u8, i64),
    /// `register = other register + offset`, neither of which is the stack pointer.
    Add(u8, u8, i64),
    /// `register = constant`.
    Constant(u8, u32),
    /// `movt`: the upper half of a register.
    Upper(u8, u32),
    /// `register = other register`.
    Copy(u8, u8),
    /// `register = [base + offset]`.
    Load(u8, u8, i64),
    /// `register = [address]`: a constant that stands beside the code.
    Literal(u8, u32),
    /// A call to an address; bit 0 set means T32.
    Call(u32),
    /// A call to wherever a register points.
    CallRegister(u8),
    /// A jump to an address in the same instruction set: within the function, or a call in the place of a return.
    Jump(u32),
    /// A jump to wherever a register points, not to the return address.
    JumpRegister(u8),
    /// `register = pc + something`: an address within the function.
    Inside(u8),
    /// A jump through a table in the function.
    Switch,
    /// A return, the end of an exception, or an instruction that always faults.
    Return,
    /// May write these registers: a bit each.
    Writes(u16),
    /// Nothing that we know; it must not be where code is executed.
    Unknown,
}

impl Effect {
    /// Whether it does nothing but write registers, of which the stack pointer is none.
    pub fn only_writes(self) -> bool {
        matches!(
            self,
            Self::Frame(..)
                | Self::AlignRegister(..)
                | Self::Add(..)
                | Self::Constant(..)
                | Self::Upper(..)
                | Self::Copy(..)
                | Self::Load(..)
                | Self::Literal(..)
                | Self::Inside(_)
                | Self::Writes(_)
        )
    }
}

/// An instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// What it does.
    pub effect: Effect,
    /// Whether it may do nothing instead.
    pub conditional: bool,
    /// Its length in bytes.
    pub size: u32,
}

/// Decodes instructions that follow one another.
#[derive(Debug, Default)]
pub struct Decoder {
    /// Which of the next instructions the last `it` made conditional: a bit each, the lowest is the next.
    block: u8,
}

impl Decoder {
    /// Decodes the instruction that `bytes` begin with; `None` if they are too few, or data.
    pub fn decode(&mut self, kind: Kind, address: u32, bytes: &[u8]) -> Option<Decoded> {
        let half = |at: usize| {
            let bytes = bytes.get(at..)?.first_chunk()?;
            Some(u32::from(u16::from_le_bytes(*bytes)))
        };
        let ((effect, conditional), size) = match kind {
            Kind::Data => return None,
            Kind::A32 => (a32::decode(address, half(0)? | half(2)? << 16), 4),
            Kind::T32 => match half(0)? {
                first if t32::is_wide(first) => (t32::wide(address, first, half(2)?), 4),
                first => (t32::narrow(address, first), 2),
            },
        };
        let in_block = self.block & 1 != 0;
        self.block = match kind {
            Kind::T32 => t32::block(half(0)?).unwrap_or(self.block >> 1),
            _ => 0,
        };
        Some(Decoded {
            effect,
            conditional: conditional || in_block,
            size,
        })
    }
}

/// `effect`, unless it would go to the stack pointer.
fn written(rd: u8, effect: Effect) -> Effect {
    if rd == SP { Effect::Lost } else { effect }
}

/// Any other instruction with the result `rd`.
fn writes(rd: u8) -> Effect {
    written(rd, Effect::Writes(1 << rd))
}

/// Adds a constant, or takes it away if negative.
fn add(rd: u8, rn: u8, value: i64) -> Effect {
    match (rd, rn) {
        (SP, SP) => Effect::Push(-value),
        (SP, PC) => Effect::Lost,
        (SP, _) => Effect::Restore(rn, value),
        (_, SP) => Effect::Frame(rd, value),
        (_, PC) => Effect::Inside(rd),
        _ => Effect::Add(rd, rn, value),
    }
}

/// Rounds down to a multiple: how the stack gets values that are aligned to more than it is itself. T32 has to do that in another
/// register.
fn align(rd: u8, rn: u8, multiple: i64) -> Effect {
    match (rd, rn) {
        (SP, SP) => Effect::Align(multiple),
        (SP, _) => Effect::Lost,
        _ => Effect::AlignRegister(rd, rn, multiple),
    }
}

/// The same as a bit field of zeros (BFC).
fn clear(rd: u8, least: u32, most: u32) -> Effect {
    match least {
        0 => align(rd, rd, 1 << (most + 1)),
        _ => writes(rd),
    }
}

/// Moves one register to another, neither of which is the program counter.
fn copy(rd: u8, rm: u8) -> Effect {
    match (rd, rm) {
        (SP, _) => Effect::Restore(rm, 0),
        (_, SP) => Effect::Frame(rd, 0),
        _ => Effect::Copy(rd, rm),
    }
}

/// LDM and STM in all their forms, PUSH and POP among them.
fn multiple(rn: u8, list: u16, load: bool, up: bool, write_back: bool) -> Effect {
    let bytes = i64::from(list.count_ones()) * 4;
    if load && list & 1 << PC != 0 {
        return Effect::Return;
    }
    if load && list & 1 << SP != 0 {
        return Effect::Lost;
    }
    if rn == SP && write_back {
        return match (load, up) {
            (true, true) => Effect::Pop(bytes, list),
            (true, false) => Effect::Lost,
            (false, true) => Effect::Push(-bytes),
            (false, false) => Effect::Push(bytes),
        };
    }
    let base = if write_back { 1 << rn } else { 0 };
    Effect::Writes(if load { list | base } else { base })
}

/// Instructions of coprocessors that touch memory, VPUSH and VPOP among them, or two registers (MRRC). Both instruction sets have
/// them in the same place, if the first half of T32 is the upper one.
fn coprocessor_memory(word: u32) -> Effect {
    let rn = field(word, 16);
    if rn == SP && word & 1 << 21 != 0 {
        let bytes = i64::from(word & 0xff) * 4;
        return Effect::Push(if word & 1 << 23 != 0 { -bytes } else { bytes });
    }
    Effect::Writes(1 << field(word, 12) | 1 << rn)
}

/// Four bits.
fn field(word: u32, at: u32) -> u8 {
    (word >> at & 0xf) as u8
}

/// `word`, of which only the lowest `bits` count, as a signed number.
fn signed(word: u32, bits: u32) -> i32 {
    let rest = 32 - bits;
    ((word << rest) as i32) >> rest
}
