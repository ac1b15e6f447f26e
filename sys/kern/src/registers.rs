// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A task's processor state, and which registers a system call uses.

/// Everything of the processor that belongs to a task, as the exception entry code stores it.
///
/// The layout is known to `arch/armv7a/entry.rs`: the stack pointer of the kernel's mode points at `pc` while a task runs.
#[repr(C)]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registers {
    /// r0 to r12.
    pub r: [u32; 13],
    /// r13 of user mode.
    pub sp: u32,
    /// r14 of user mode.
    pub lr: u32,
    /// Where it goes on.
    pub pc: u32,
    /// Program status: flags, instruction set state, mode.
    pub psr: u32,
}

impl Registers {
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
}
