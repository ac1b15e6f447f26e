// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Out of Hyp mode, in which a machine with the virtualisation extensions starts.
//!
//! `cortex-a-rt` would go on in Hyp mode, where writing a mode to CPSR changes nothing: all its stacks would be one, and the first
//! exception would end up nowhere. `_start` overrides its entry and calls it in supervisor mode, with nothing trapped to Hyp mode. See
//! ARM DDI 0406C, B1.8.1 (vectors), B4.1 (the registers), B9.3.4 (ERET).
//!
//! What stays in Hyp mode are two instructions. The firmware of such a machine is called by SMC, and of one without the extensions by
//! HVC. The kernel always says HVC; from supervisor mode that enters Hyp mode, which passes it on.

use core::arch::global_asm;

const HYP: u32 = 0x1a;
/// Supervisor mode, everything masked.
const SUPERVISOR: u32 = 0x1d3;
/// HCPTR without a trap: its reserved bits are 1.
const NO_COPROCESSOR_TRAPS: u32 = 0x33ff;

global_asm!(
    r#"
    .section .text.start, "ax", %progbits
    .arm
    .arch_extension virt
    .arch_extension sec

    // The processor's first instruction jumps here.
    .global _start
    .type _start, %function
_start:
    mrs     r0, cpsr
    and     r0, r0, #0x1f
    cmp     r0, #{hyp}
    bne     _default_start
    mov     r0, #0
    mcr     p15, 4, r0, c1, c1, 0       // HCR: nothing is trapped, and addresses are translated once.
    mcr     p15, 4, r0, c1, c1, 3       // HSTR: no coprocessor 15 register is trapped.
    ldr     r1, ={no_coprocessor_traps}
    mcr     p15, 4, r1, c1, c1, 2       // HCPTR
    mrc     p15, 4, r1, c1, c1, 1       // HDCR: all performance counters are the guest's, and no debug register is trapped.
    and     r1, r1, #0x1f
    mcr     p15, 4, r1, c1, c1, 1
    mcr     p15, 4, r0, c14, c1, 0      // CNTHCTL: the kernel does without the physical timer.
    mcrr    p15, 4, r0, r0, c14         // CNTVOFF: the virtual counter is the physical one.
    mcrr    p15, 6, r0, r0, c2          // VTTBR: one virtual machine, number 0.
    mrc     p15, 0, r1, c0, c0, 0       // VPIDR and VMPIDR: the processor identifies itself as what it is.
    mcr     p15, 4, r1, c0, c0, 0
    mrc     p15, 0, r1, c0, c0, 5
    mcr     p15, 4, r1, c0, c0, 5
    ldr     r1, =hyp_vectors
    mcr     p15, 4, r1, c12, c0, 0      // HVBAR
    ldr     r1, =_default_start
    msr     elr_hyp, r1
    ldr     r1, ={supervisor}
    msr     spsr_hyp, r1
    eret
    .ltorg

    .balign 32
hyp_vectors:
    b       .
    b       .
    b       .
    b       .
    b       .
    b       1f                          // HVC from the kernel.
    b       .
    b       .
1:  smc     #0
    eret
    "#,
    hyp = const HYP,
    supervisor = const SUPERVISOR,
    no_coprocessor_traps = const NO_COPROCESSOR_TRAPS,
);
