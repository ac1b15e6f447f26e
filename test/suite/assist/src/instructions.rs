// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Instructions that a compiler would not write.

use core::arch::{asm, naked_asm};

use test_suite_common::order::instruction as the;

use crate::buffer;

/// Declares functions that execute one piece of assembly each; r0 holds the order's word before and the answer after.
macro_rules! pieces {
    ($($name:ident: $($line:literal),+;)*) => {
        $(
            #[unsafe(naked)]
            unsafe extern "C" fn $name(word: u32) -> u32 {
                naked_asm!($($line,)+ "bx lr")
            }
        )*
    };
}

pieces! {
    undefined: "udf #7";
    no_coprocessor: "mrc p7, 0, r0, c0, c0, 0";
    float_add: ".inst 0xee300a00";
    float_status: ".inst 0xeef10a10";
    vector_add: ".inst 0xf2000d40";
    read_sctlr: "mrc p15, 0, r0, c1, c0, 0";
    write_sctlr: "mov r0, #0", "mcr p15, 0, r0, c1, c0, 0";
    write_ttbr0: "mov r0, #0", "mcr p15, 0, r0, c2, c0, 0";
    write_contextidr: "mov r0, #0", "mcr p15, 0, r0, c13, c0, 1";
    invalidate_tlb: "mov r0, #0", "mcr p15, 0, r0, c8, c7, 0";
    invalidate_icache: "mov r0, #0", "mcr p15, 0, r0, c7, c5, 0";
    read_midr: "mrc p15, 0, r0, c0, c0, 0";
    read_vbar: "mrc p15, 0, r0, c12, c0, 0";
    read_cpacr: "mrc p15, 0, r0, c1, c0, 2";
    read_cycles: "mrc p15, 0, r0, c9, c13, 0";
    write_pmuserenr: "mov r0, #1", "mcr p15, 0, r0, c9, c14, 0";
    read_counter: "mrrc p15, 1, r0, r1, c14";
    read_frequency: "mrc p15, 0, r0, c14, c0, 0";
    read_teehbr: "mrc p14, 6, r0, c1, c0, 0";
    write_teehbr: "mcr p14, 6, r0, c1, c0, 0";
    write_timer: "mov r0, #1", "mcr p15, 0, r0, c14, c2, 1";
    // hvc #0 and smc #0: the assembler wants extensions for them.
    hvc: ".inst 0xe1400070";
    smc: ".inst 0xe1600070";
    breakpoint: "bkpt #0";
    breakpoint_ffff: "bkpt #0xffff";
    mask_interrupts: "cpsid aif", "mrs r0, cpsr";
    change_mode: "mov r0, #0xd3", "msr cpsr_c, r0", "mrs r0, cpsr";
    svc_immediate: "push {{r4-r11}}", "mov r4, #0", "mov r11, #10", "svc #0x123456", "mov r0, r4", "pop {{r4-r11}}";
    svc_big_endian: "push {{r4-r11}}", "mov r4, #0", "mov r11, #10", "setend be", "svc #0", "setend le", "mov r0, r4", "pop {{r4-r11}}";
    unaligned_load: "add r0, r0, #1", "ldr r0, [r0]";
    unaligned_multiple: "add r0, r0, #1", "ldm r0, {{r1, r2}}";
    unaligned_store_multiple: "add r0, r0, #1", "stm r0, {{r1, r2}}";
    unaligned_double: "add r0, r0, #1", "ldrd r2, r3, [r0]";
    unaligned_exclusive: "add r0, r0, #1", "ldrex r0, [r0]";
    write_thread_register: "mcr p15, 0, r0, c13, c0, 2";
    read_thread_register: "mrc p15, 0, r0, c13, c0, 2";
    read_thread_only_register: "mrc p15, 0, r0, c13, c0, 3";
    // sdiv r0, r0, r1
    divide: "mov r1, #0", ".inst 0xe710f110";
}

/// Thumb state: an undefined instruction.
#[unsafe(naked)]
unsafe extern "C" fn thumb_undefined(word: u32) -> u32 {
    naked_asm!(
        "push {{r4, lr}}",
        "adr r1, 2f",
        "orr r1, r1, #1",
        "blx r1",
        "pop {{r4, pc}}",
        ".thumb",
        ".align 2",
        "2: udf #7",
        "bx lr",
        ".arm",
        ".align 2",
    )
}

/// Thumb state: REFRESH_TASK_ID of task 0.
#[unsafe(naked)]
unsafe extern "C" fn svc_thumb(word: u32) -> u32 {
    naked_asm!(
        "push {{r4-r12, lr}}",
        "mov r4, #0",
        "mov r11, #10",
        "adr r1, 2f",
        "orr r1, r1, #1",
        "blx r1",
        "mov r0, r4",
        "pop {{r4-r12, pc}}",
        ".thumb",
        ".align 2",
        "2: svc #0xab",
        "bx lr",
        ".arm",
        ".align 2",
    )
}

/// GET_TIMER with every register and flag set: gives a bit for each that changed and should not have.
#[unsafe(naked)]
unsafe extern "C" fn registers_kept(word: u32) -> u32 {
    naked_asm!(
        "push {{r4-r11, lr}}",
        "mvn r4, #0",
        "cmp r4, #0",
        "mov r0, #0x10",
        "mov r1, #0x11",
        "mov r2, #0x12",
        "mov r3, #0x13",
        "mov r10, #0x1a",
        "mov r11, #9",
        "mov r12, #0x1c",
        "mov lr, #0x1e",
        "msr cpsr_f, #0xf0000000",
        "svc #0",
        "mrs r4, cpsr",
        "and r4, r4, #0xf0000000",
        "mov r5, #0",
        "cmp r4, #0xf0000000",
        "orrne r5, r5, #1",
        "cmp r0, #0x10",
        "orrne r5, r5, #2",
        "cmp r1, #0x11",
        "orrne r5, r5, #4",
        "cmp r2, #0x12",
        "orrne r5, r5, #8",
        "cmp r3, #0x13",
        "orrne r5, r5, #16",
        "cmp r10, #0x1a",
        "orrne r5, r5, #32",
        "cmp r11, #9",
        "orrne r5, r5, #64",
        "cmp r12, #0x1c",
        "orrne r5, r5, #128",
        "cmp lr, #0x1e",
        "orrne r5, r5, #256",
        "mov r0, r5",
        "pop {{r4-r11, pc}}",
    )
}

type Piece = unsafe extern "C" fn(u32) -> u32;

/// In the order of their numbers.
const PIECES: [(u32, Piece); 41] = [
    (the::UNDEFINED, undefined),
    (the::THUMB_UNDEFINED, thumb_undefined),
    (the::NO_COPROCESSOR, no_coprocessor),
    (the::FLOAT_ADD, float_add),
    (the::FLOAT_STATUS, float_status),
    (the::VECTOR_ADD, vector_add),
    (the::READ_SCTLR, read_sctlr),
    (the::WRITE_SCTLR, write_sctlr),
    (the::WRITE_TTBR0, write_ttbr0),
    (the::WRITE_CONTEXTIDR, write_contextidr),
    (the::INVALIDATE_TLB, invalidate_tlb),
    (the::INVALIDATE_ICACHE, invalidate_icache),
    (the::READ_MIDR, read_midr),
    (the::READ_VBAR, read_vbar),
    (the::READ_CPACR, read_cpacr),
    (the::READ_CYCLES, read_cycles),
    (the::WRITE_PMUSERENR, write_pmuserenr),
    (the::READ_COUNTER, read_counter),
    (the::READ_FREQUENCY, read_frequency),
    (the::READ_TEEHBR, read_teehbr),
    (the::WRITE_TEEHBR, write_teehbr),
    (the::WRITE_TIMER, write_timer),
    (the::HVC, hvc),
    (the::SMC, smc),
    (the::BREAKPOINT, breakpoint),
    (the::BREAKPOINT_FFFF, breakpoint_ffff),
    (the::MASK_INTERRUPTS, mask_interrupts),
    (the::CHANGE_MODE, change_mode),
    (the::SVC_IMMEDIATE, svc_immediate),
    (the::SVC_THUMB, svc_thumb),
    (the::SVC_BIG_ENDIAN, svc_big_endian),
    (the::UNALIGNED_LOAD, unaligned_load),
    (the::UNALIGNED_MULTIPLE, unaligned_multiple),
    (the::UNALIGNED_STORE_MULTIPLE, unaligned_store_multiple),
    (the::UNALIGNED_DOUBLE, unaligned_double),
    (the::UNALIGNED_EXCLUSIVE, unaligned_exclusive),
    (the::WRITE_THREAD_REGISTER, write_thread_register),
    (the::READ_THREAD_REGISTER, read_thread_register),
    (the::READ_THREAD_ONLY_REGISTER, read_thread_only_register),
    (the::REGISTERS_KEPT, registers_kept),
    (the::DIVIDE, divide),
];

/// Executes the piece `number`. Those that touch memory get the buffer's address.
pub fn execute(number: u32, word: u32) -> u32 {
    let Some((_, piece)) = PIECES.iter().find(|(known, _)| *known == number) else {
        panic!("no such instruction: {number}");
    };
    let memory = the::UNALIGNED_LOAD..=the::UNALIGNED_EXCLUSIVE;
    let word = if memory.contains(&number) {
        buffer() as u32
    } else {
        word
    };
    // Safety: either it comes back as a function does, or the kernel stops it: that is the point.
    unsafe { piece(word) }
}

/// Leaves traces in the processor: a word in the thread register, and a claim of the buffer's first word.
pub fn mark(word: u32) {
    // Safety: the register is the task's own, and the claim ends by itself.
    unsafe {
        asm!(
            "mcr p15, 0, {word}, c13, c0, 2",
            "ldrex {old}, [{buffer}]",
            word = in(reg) word,
            buffer = in(reg) buffer(),
            old = out(reg) _,
            options(nostack, preserves_flags),
        );
    }
}

/// Stores the buffer's first word to itself, if the claim of [`mark`] still holds. Returns 0 if it did.
pub fn claim_is_lost() -> u32 {
    let lost: u32;
    // Safety: the buffer is the task's own, and keeps its value.
    unsafe {
        asm!(
            "ldr {old}, [{buffer}]",
            "strex {lost}, {old}, [{buffer}]",
            buffer = in(reg) buffer(),
            old = out(reg) _,
            lost = out(reg) lost,
            options(nostack, preserves_flags),
        );
    }
    lost
}

/// Goes to an address and, if there is a `bx lr`, comes back.
pub fn jump(address: u32) {
    // Safety: none, that is the point. The kernel must stop it.
    unsafe {
        asm!(
            "blx {0}",
            in(reg) address,
            out("r0") _, out("r1") _, out("r2") _, out("r3") _, out("r12") _, out("lr") _,
        );
    }
}

/// Makes a frame of three pages and writes to its far end.
pub fn large_frame() {
    // Hidden, so that the build does not take it for the depth of a well-behaved task's stack.
    let size = core::hint::black_box(0x3000_u32);
    // Safety: the stack pointer is put back, if it comes to that.
    unsafe {
        asm!(
            "mov {old}, sp",
            "sub sp, sp, {size}",
            "str {old}, [sp]",
            "mov sp, {old}",
            size = in(reg) size,
            old = out(reg) _,
        );
    }
}

/// Starts the cycle counter: PMCR.E, PMCNTENSET.C.
fn start_counting() {
    // Safety: counts, and changes nothing else. Whoever has no grant is stopped by the kernel.
    unsafe {
        asm!(
            "mcr p15, 0, {enable}, c9, c12, 0",
            "mcr p15, 0, {cycles}, c9, c12, 1",
            enable = in(reg) 1,
            cycles = in(reg) 1_u32 << 31,
            options(nomem, nostack, preserves_flags)
        );
    }
}

/// The cycles that a system call takes, from the instruction before it to the one after it.
pub fn cost(registers: &[u32; 8]) -> u32 {
    #[unsafe(naked)]
    unsafe extern "C" fn call(registers: *const [u32; 8]) -> u32 {
        naked_asm!(
            "push {{r4-r11, lr}}",
            "ldm r0, {{r4-r11}}",
            "mrc p15, 0, r1, c9, c13, 0",
            "svc #0",
            "mrc p15, 0, r0, c9, c13, 0",
            // The instruction between the two is the user's.
            "sub r0, r0, r1",
            "sub r0, r0, #1",
            "pop {{r4-r11, pc}}",
        )
    }
    start_counting();
    // Safety: keeps to the calling convention; the suite answers for the call.
    unsafe { call(registers) }
}

/// The shortest and the longest time between two looks at the cycle counter.
pub fn gaps(looks: u32) -> (u32, u32) {
    start_counting();
    let (shortest, longest): (u32, u32);
    // Safety: reads the counter.
    unsafe {
        asm!(
            "mrc p15, 0, {last}, c9, c13, 0",
            "2: mrc p15, 0, {now}, c9, c13, 0",
            "sub {last}, {now}, {last}",
            "cmp {last}, {longest}",
            "movhi {longest}, {last}",
            "cmp {last}, {shortest}",
            "movlo {shortest}, {last}",
            "mov {last}, {now}",
            "subs {looks}, {looks}, #1",
            "bne 2b",
            last = out(reg) _,
            now = out(reg) _,
            longest = inout(reg) 0 => longest,
            shortest = inout(reg) u32::MAX => shortest,
            looks = inout(reg) looks.max(1) => _,
            options(nomem, nostack)
        );
    }
    (shortest, longest)
}
