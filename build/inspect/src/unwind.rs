// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Backtraces: who called whom, by the frame rules in the debug information.

use gimli::{BaseAddresses, CfaRule, Register, RegisterRule, UnwindContext, UnwindSection};

use crate::memory::Registers;
use crate::program::Program;
use crate::value::Memory;

const R6: usize = 6;
const R7: usize = 7;
const R11: usize = 11;
const R12: usize = 12;
const SP: usize = 13;
const LR: usize = 14;
const PC: usize = 15;

/// Frames, at the most.
const MOST: usize = 100;

/// A function that has not returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Where it goes on.
    pub pc: u32,
    /// An address in the instruction that it executes, for the line.
    pub at: u32,
    /// Its stack pointer.
    pub sp: u32,
}

/// The frames of a program with these registers, the innermost first. The kernel left the program with a system
/// call if that is what stands before `pc`.
#[must_use]
pub fn backtrace(program: &Program<'_>, memory: &dyn Memory, registers: &Registers) -> Vec<Frame> {
    let section = program.frames();
    let mut context = UnwindContext::new();
    let thumb = registers.is_thumb();
    let mut r = registers.r;
    let called = before_is_call(program, r[PC], thumb);
    take_back_parked(program, memory, &mut r, thumb);
    let mut frames = Vec::new();
    while frames.len() < MOST {
        let pc = r[PC] & !1;
        // A call is over when control is behind it, which may be another line, or another function.
        let is_behind = !frames.is_empty() || called;
        let at = if is_behind { pc.wrapping_sub(2) } else { pc };
        frames.push(Frame { pc, at, sp: r[SP] });
        if program.function_at(at).as_deref() == Some("_start") {
            break;
        }
        let row = section.unwind_info_for_address(
            &BaseAddresses::default(),
            &mut context,
            at.into(),
            gimli::DebugFrame::cie_from_offset,
        );
        let Ok(row) = row else { break };
        let CfaRule::RegisterAndOffset { register, offset } = *row.cfa() else {
            break;
        };
        let Some(base) = r.get(usize::from(register.0)) else {
            break;
        };
        let cfa = base.wrapping_add(offset as u32);
        let mut caller = r;
        caller[SP] = cfa;
        let mut is_known = true;
        for (number, register) in caller.iter_mut().enumerate().take(LR + 1) {
            match row.register(Register(number as u16)) {
                Some(RegisterRule::Offset(offset)) => {
                    match memory.number(cfa.wrapping_add(offset as u32), 4) {
                        Ok(value) => *register = value as u32,
                        Err(_) => is_known = false,
                    }
                }
                // The first function has no caller.
                Some(RegisterRule::Undefined) if number == LR => is_known = false,
                _ => {}
            }
        }
        // The stack grows down: a caller's frame lies above, or there is none.
        let same = cfa == r[SP] && caller[LR] & !1 == pc;
        if !is_known || cfa < r[SP] || same || caller[LR] & !1 == 0 {
            break;
        }
        caller[PC] = caller[LR] & !1;
        r = caller;
        // The return address must be in the program.
        if program.function_at(r[PC].wrapping_sub(2)).is_none() {
            break;
        }
    }
    frames
}

/// The code at an address, in units of an instruction set.
struct Code<'p, 'a> {
    program: &'p Program<'a>,
    thumb: bool,
}

impl Code<'_, '_> {
    fn unit(&self) -> u32 {
        if self.thumb { 2 } else { 4 }
    }

    /// The instruction or half of one, so many units from `pc`.
    fn word(&self, pc: u32, units: i32) -> Option<u32> {
        let unit = self.unit();
        let address = pc.wrapping_add_signed(units * unit as i32);
        let bytes = self.program.constant(address, unit as usize)?;
        Some(
            bytes
                .iter()
                .rev()
                .fold(0, |word, byte| word << 8 | u32::from(*byte)),
        )
    }

    fn is_svc(&self, word: u32) -> bool {
        if self.thumb {
            word & 0xff00 == 0xdf00
        } else {
            word & 0x0f00_0000 == 0x0f00_0000
        }
    }
}

/// Whether the instruction before `pc` is a system call.
pub(crate) fn before_is_call(program: &Program<'_>, pc: u32, thumb: bool) -> bool {
    let code = Code { program, thumb };
    code.word(pc, -1).is_some_and(|word| code.is_svc(word))
}

/// Undoes what the stub of a system call does with registers that the rules do not know of.
///
/// Some stubs park r6, r7 and r11 on the stack, others, in A32, r11 in r12: see `sys/userlib/src/arch`. The place is
/// recognised by the instruction that takes them back, with a system call between `pc` and that, or just before.
fn take_back_parked(program: &Program<'_>, memory: &dyn Memory, r: &mut [u32; 16], thumb: bool) {
    /// `pop {r6, r7, r11}`: two halves in T32.
    const POP_T32: [u32; 2] = [0xe8bd, 0x08c0];
    const POP_A32: u32 = 0xe8bd_08c0;
    const PUSH_T32: [u32; 2] = [0xe92d, 0x08c0];
    const PUSH_A32: u32 = 0xe92d_08c0;
    /// `mov r11, r12`.
    const MOV_A32: u32 = 0xe1a0_b00c;
    /// Instructions of a stub between one end and the other, in units.
    const REACH: i32 = 12;

    let pc = r[PC] & !1;
    let code = Code { program, thumb };
    let is = |units: i32, t32: [u32; 2], a32: u32| {
        if thumb {
            code.word(pc, units) == Some(t32[0]) && code.word(pc, units + 1) == Some(t32[1])
        } else {
            code.word(pc, units) == Some(a32)
        }
    };
    let pop = (0..REACH).find(|units| is(*units, POP_T32, POP_A32));
    let push_size = if thumb { 2 } else { 1 };
    let push = (push_size..REACH).find(|units| is(-units, PUSH_T32, PUSH_A32));
    if let (Some(pop), Some(push)) = (pop, push) {
        let svc = (-push..pop)
            .filter(|units| code.word(pc, *units).is_some_and(|word| code.is_svc(word)));
        let stack = r[SP];
        let saved = [0, 4, 8].map(|offset| memory.number(stack.wrapping_add(offset), 4));
        if svc.count() == 1
            && let [Ok(r6), Ok(r7), Ok(r11)] = saved
        {
            (r[R6], r[R7], r[R11]) = (r6 as u32, r7 as u32, r11 as u32);
            r[SP] = stack.wrapping_add(12);
        }
        return;
    }
    if !thumb && before_is_call(program, pc, thumb) && code.word(pc, 0) == Some(MOV_A32) {
        r[R11] = r[R12];
    }
}
