// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! System registers that `cortex-ar` does not have, or has for other processors only, in the form
//! that it gives to its own.
//!
//! A write through it does not tell the compiler that memory is concerned. Where a register changes
//! what memory means, a barrier of `cortex_ar::asm` must follow, which the compiler moves no access
//! across.

use cortex_ar::register::{SysReg, SysReg64, SysRegRead, SysRegRead64, SysRegWrite, SysRegWrite64};

macro_rules! register {
    ($($(#[$doc:meta])* $name:ident: $coprocessor:literal, $op1:literal, $crn:literal, $crm:literal, $op2:literal;)*) => {$(
        $(#[$doc])*
        pub(super) struct $name;

        impl SysReg for $name {
            const CP: u32 = $coprocessor;
            const CRN: u32 = $crn;
            const OP1: u32 = $op1;
            const CRM: u32 = $crm;
            const OP2: u32 = $op2;
        }
        impl SysRegRead for $name {}
        impl SysRegWrite for $name {}
    )*};
}

// As the manual's coprocessor instructions name them: coprocessor, opc1, CRn, CRm, opc2.
register! {
    /// TTBR0: the table of the lower addresses.
    Ttbr0: 15, 0, 2, 0, 0;
    /// TTBR1: the table of the upper addresses.
    Ttbr1: 15, 0, 2, 0, 1;
    /// TTBCR: which addresses these are, and the format of tables.
    Ttbcr: 15, 0, 2, 0, 2;
    /// DACR: what the domains of entries mean.
    Dacr: 15, 0, 3, 0, 0;
    /// ICIALLU: forgets all cached instructions.
    Iciallu: 15, 0, 7, 5, 0;
    /// VBAR: where the vectors are.
    Vbar: 15, 0, 12, 0, 0;
    /// ISR: what waits to be taken.
    Isr: 15, 0, 12, 1, 0;
    /// CNTFRQ: the counter's ticks per second.
    Cntfrq: 15, 0, 14, 0, 0;
    /// CNTKCTL: what user mode may do with counters and timers.
    Cntkctl: 15, 0, 14, 1, 0;
    /// CNTV_CTL: the virtual timer.
    CntvCtl: 15, 0, 14, 3, 1;
    /// DBGDSCR: control of the debugger's channel, among others.
    Dbgdscr: 14, 0, 0, 2, 2;
    /// TEECR: what user mode may do with ThumbEE.
    Teecr: 14, 6, 0, 0, 0;
}

macro_rules! wide_register {
    ($($(#[$doc:meta])* $name:ident: $op1:literal, $crm:literal;)*) => {$(
        $(#[$doc])*
        pub(super) struct $name;

        impl SysReg64 for $name {
            const CP: u32 = 15;
            const OP1: u32 = $op1;
            const CRM: u32 = $crm;
        }
        impl SysRegRead64 for $name {}
        impl SysRegWrite64 for $name {}
    )*};
}

wide_register! {
    /// CNTVCT: the virtual counter.
    Cntvct: 1, 14;
    /// CNTV_CVAL: when the virtual timer fires.
    CntvCval: 3, 14;
}
