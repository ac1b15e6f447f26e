// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Exception entry and exit.
//!
//! These override all the trampolines of `cortex-a-rt`, which would run kernel code on the stack of the interrupted task.
//!
//! While a task runs, the stack pointer of supervisor mode does not point at a stack: it points at the `pc` field of the
//! task's [`Registers`]. So every exception can store the task's state where it belongs with no register to spare, in two
//! instructions and whatever its mode: SRS puts the return address and SPSR into `pc` and `psr`, and STM with `^` puts user
//! mode's r0 to r14 into the fields below. The way back is the same two in reverse, and leaves the stack pointer as it must
//! be for the next entry. In between, the kernel runs in supervisor mode on its own stack, from `_stack_top` down.
//!
//! The kernel runs with all exceptions masked, so only its own mistakes and refused copies can abort it; those handlers
//! use a stack of their own. Nobody calls an entry, so a backtrace of the kernel ends there. See ARM DDI 0406C, B1.8
//! (exception handling), B9.3.16 (SRS), B9.3.13 (RFE).

use core::arch::global_asm;
use core::mem::offset_of;

use super::{Registers, handlers};

const SUPERVISOR: u32 = 0x13;

const _: () = {
    assert!(offset_of!(Registers, r) == 0);
    assert!(offset_of!(Registers, sp) == 52);
    assert!(offset_of!(Registers, lr) == 56);
    assert!(offset_of!(Registers, pc) == 60);
    assert!(offset_of!(Registers, psr) == 64);
};

unsafe extern "C" {
    /// Lets a task run from its registers on. Never called as a function: the code that starts the first task jumps here.
    pub(super) fn kernel_resume() -> !;
}

global_asm!(
    r#"
    .section .text.kernel_entry, "ax", %progbits
    .cfi_sections .debug_frame
    .arm
    .balign 32

    // Entry `name`: stores the state of the task that ran, in supervisor mode with everything masked, and calls `handler` on the
    // kernel's stack. `ahead` is how far the link register is ahead of where the task goes on. `abort` if the kernel itself can
    // cause the exception; what then happens stands behind kernel_resume, and behind label 1.
    .macro kernel_entry name, handler, ahead=0, abort=0
    .global \name
    .type \name, %function
\name:
    .cfi_startproc
    .cfi_undefined lr
    .if \ahead
    sub     lr, lr, #\ahead
    .endif
    .if \abort
    push    {{r0}}
    mrs     r0, spsr
    tst     r0, #0xf                    // User mode is the only one with a zero there.
    pop     {{r0}}
    bne     1f
    .endif
    srsia   sp, #{supervisor}
    cpsid   aif, #{supervisor}
    stmdb   sp, {{r0-r14}}^
    ldr     sp, =_stack_top
    bl      \handler
    .endm

    // A system call. It falls through to kernel_resume, which stands here to save a branch on the most frequent path.
    kernel_entry _asm_svc_handler, {system_call}

    // Exit to a task. r0 is the address of its Registers.
    .global kernel_resume
    .type kernel_resume, %function
kernel_resume:
    add     sp, r0, #{pc}
    ldmdb   sp, {{r0-r14}}^
    rfeia   sp
    .cfi_endproc

    // An interrupt. Only tasks can be interrupted.
    kernel_entry _asm_irq_handler, {interrupt}, ahead=4
    b       kernel_resume
    .cfi_endproc

    // An undefined instruction. The link register is one instruction ahead; the size of an instruction is known from SPSR, so
    // the handler corrects it.
    kernel_entry _asm_undefined_handler, {undefined}, abort=1
    b       kernel_resume
1:  mov     r0, lr
    bl      {kernel_undefined}
    .cfi_endproc

    // An instruction could not be fetched.
    kernel_entry _asm_prefetch_abort_handler, {prefetch_abort}, ahead=4, abort=1
    b       kernel_resume
1:  mov     r0, lr
    bl      {kernel_prefetch_abort}
    .cfi_endproc

    // A load or store was refused. If it was the kernel's own, the handler takes the address of the instruction and returns where
    // to go on.
    kernel_entry _asm_data_abort_handler, {data_abort}, ahead=8, abort=1
    b       kernel_resume
1:  push    {{r0-r3, r12, lr}}
    mov     r0, lr
    bl      {kernel_data_abort}
    str     r0, [sp, #20]
    pop     {{r0-r3, r12, lr}}
    movs    pc, lr
    .cfi_endproc

    // A fast interrupt. Nothing raises them and tasks run with them masked.
    .global _asm_fiq_handler
    .type _asm_fiq_handler, %function
_asm_fiq_handler:
    ldr     sp, =_stack_top
    bl      {fast_interrupt}

    .purgem kernel_entry
    .ltorg
    "#,
    supervisor = const SUPERVISOR,
    pc = const offset_of!(Registers, pc),
    system_call = sym handlers::system_call,
    interrupt = sym handlers::interrupt,
    undefined = sym handlers::undefined,
    prefetch_abort = sym handlers::prefetch_abort,
    data_abort = sym handlers::data_abort,
    kernel_undefined = sym handlers::kernel_undefined,
    kernel_prefetch_abort = sym handlers::kernel_prefetch_abort,
    kernel_data_abort = sym handlers::kernel_data_abort,
    fast_interrupt = sym handlers::fast_interrupt,
);
