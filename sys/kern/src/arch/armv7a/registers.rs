// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A task's processor state, and which registers a system call uses.

use core::fmt;

use zerocopy::{Immutable, IntoBytes};

/// Program status of a task: user mode, with what no task can unmask: fast interrupts, which
/// nothing raises, and asynchronous aborts, which the kernel takes when it switches to another
/// task.
const USER: u32 = 0x150;

/// Program status: Thumb state.
const THUMB: u32 = 1 << 5;

/// Everything of the processor that belongs to a task, as the exception entry code stores it.
///
/// The layout is known to `entry.rs`: the stack pointer of the kernel's mode points at `pc` while a
/// task runs.
#[repr(C)]
#[derive(Clone, Debug, Default, PartialEq, Eq, Immutable, IntoBytes)]
pub struct Registers {
    /// r0 to r12.
    pub(super) r: [u32; 13],
    /// r13 of user mode.
    pub(super) sp: u32,
    /// r14 of user mode.
    pub(super) lr: u32,
    /// Where it goes on.
    pub(super) pc: u32,
    /// Program status: flags, instruction set state, mode.
    pub(super) psr: u32,
}

impl Registers {
    /// Where the stack pointer lies in it, in bytes.
    pub const STACK_POINTER: usize = core::mem::offset_of!(Self, sp);

    /// The registers of a task that is about to execute its first instruction. Bit 0 of `entry` set
    /// means Thumb state.
    #[must_use]
    pub fn start(entry: u32, stack: u32) -> Self {
        Self {
            sp: stack,
            pc: entry & !1,
            psr: if entry & 1 == 0 { USER } else { USER | THUMB },
            ..Self::default()
        }
    }

    /// The system call number: r11.
    #[inline(always)]
    pub fn number(&self) -> u32 {
        self.r[11]
    }

    /// System call argument `N`, 0 to 6: r4 to r10.
    #[inline(always)]
    pub fn argument<const N: usize>(&self) -> u32 {
        const { assert!(N <= 6) };
        self.r[4 + N]
    }

    /// Sets result `N`, 0 to 5: r4 to r9.
    #[inline(always)]
    pub fn set_result<const N: usize>(&mut self, value: u32) {
        const { assert!(N <= 5) };
        self.r[4 + N] = value;
    }

    /// Sets the results of a call that answers a response code and a length.
    #[inline(always)]
    pub fn set_response(&mut self, code: u32, length: u32) {
        self.set_result::<0>(code);
        self.set_result::<1>(length);
    }

    /// Moves the program counter from behind an instruction, which the processor could not execute,
    /// to the instruction.
    #[cfg_attr(not(target_os = "none"), expect(dead_code, reason = "for handlers"))]
    pub(super) fn step_back(&mut self) {
        let size = if self.psr & THUMB == 0 { 4 } else { 2 };
        self.pc = self.pc.wrapping_sub(size);
    }
}

/// For the kernel's last words, in two lines.
impl fmt::Display for Registers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { r, sp, lr, pc, psr } = self;
        write!(
            f,
            "  pc {pc:#010x} lr {lr:#010x} sp {sp:#010x} psr {psr:#010x}\n "
        )?;
        for (number, value) in r.iter().enumerate() {
            write!(f, " r{number} {value:#x}")?;
        }
        Ok(())
    }
}

/// What a task does before and after it calls, where it has no such processor: on the host.
#[cfg(not(target_os = "none"))]
impl Registers {
    /// Sets the system call number and its arguments.
    pub fn set_call(&mut self, number: u32, arguments: [u32; 7]) {
        self.r[11] = number;
        self.r[4..11].copy_from_slice(&arguments);
    }

    /// Sets system call argument `n`.
    #[cfg(test)]
    pub fn set_argument(&mut self, n: usize, value: u32) {
        assert!(n <= 6);
        self.r[4 + n] = value;
    }

    /// The arguments.
    #[cfg(test)]
    pub fn arguments(&self) -> [u32; 7] {
        self.results()
    }

    /// Results 0 and on.
    pub fn results<const N: usize>(&self) -> [u32; N] {
        const { assert!(N <= 7) };
        core::array::from_fn(|n| self.r[4 + n])
    }

    /// Leaves nothing as it is in any register of a task.
    #[cfg(test)]
    pub fn scramble(&mut self) {
        *self = Self {
            r: [0x99; 13],
            sp: 1,
            lr: 2,
            pc: 3,
            psr: 0xf000_0010,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_begins_in_user_mode_and_in_the_state_of_its_entry() {
        let arm = Registers::start(0x1000, 0x2000);
        assert_eq!((arm.pc, arm.sp, arm.psr), (0x1000, 0x2000, 0x150));
        let thumb = Registers::start(0x1001, 0x2000);
        assert_eq!((thumb.pc, thumb.sp, thumb.psr), (0x1000, 0x2000, 0x170));
        assert_eq!((arm.r, arm.lr), ([0; 13], 0));
    }

    #[test]
    fn the_registers_of_a_call() {
        let mut registers = Registers::default();
        registers.set_call(9, [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(registers.r, [0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 9, 0]);
        assert_eq!(registers.number(), 9);
        assert_eq!(
            (registers.argument::<0>(), registers.argument::<6>()),
            (1, 7)
        );
        registers.set_response(8, 9);
        registers.set_result::<5>(10);
        assert_eq!(registers.results::<7>(), [8, 9, 3, 4, 5, 10, 7]);
    }

    #[test]
    fn last_words_have_every_register() {
        let mut registers = Registers::start(0x1001, 0x2000);
        registers.lr = 0x3000;
        registers.r[12] = 0xc;
        assert_eq!(
            registers.to_string(),
            "  pc 0x00001000 lr 0x00003000 sp 0x00002000 psr 0x00000170\n  \
             r0 0x0 r1 0x0 r2 0x0 r3 0x0 r4 0x0 r5 0x0 r6 0x0 r7 0x0 r8 0x0 r9 0x0 r10 0x0 r11 0x0 r12 0xc"
        );
    }
}
