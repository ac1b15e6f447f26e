// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The entry point of a task.

use core::arch::naked_asm;

unsafe extern "C" {
    /// The task's own main function, `#[unsafe(export_name = "main")] fn main() -> !`.
    fn main() -> !;
}

/// Where the kernel starts the task: at boot and after every restart, with the stack pointer at the top of the stack.
///
/// Fills `.data` from its image and clears `.bss`, so that every life of the task starts alike, then calls `main`. The linker script
/// provides `__sidata`, `__sdata`, `__edata`, `__sbss` and `__ebss`, all multiples of four. Sections that are in neither, such as memory
/// that a device writes, are left alone.
///
/// # Safety
///
/// Only the kernel calls it, as the first code of the task's life.
#[unsafe(no_mangle)]
#[unsafe(link_section = ".text.start")]
#[unsafe(naked)]
unsafe extern "C" fn _start() -> ! {
    naked_asm!(
        // Nobody called it: a backtrace ends here.
        ".cfi_sections .debug_frame",
        ".cfi_startproc",
        ".cfi_undefined lr",
        // r0: next word of .data, r1: its end, r2: next word of its image.
        "movw r0, #:lower16:__sdata",
        "movt r0, #:upper16:__sdata",
        "movw r1, #:lower16:__edata",
        "movt r1, #:upper16:__edata",
        "movw r2, #:lower16:__sidata",
        "movt r2, #:upper16:__sidata",
        "2: cmp r0, r1",
        // T32 needs to be told; in A32 it is no instruction.
        "itt lo",
        "ldrlo r3, [r2], #4",
        "strlo r3, [r0], #4",
        "blo 2b",
        // r0: next word of .bss, r1: its end.
        "movw r0, #:lower16:__sbss",
        "movt r0, #:upper16:__sbss",
        "movw r1, #:lower16:__ebss",
        "movt r1, #:upper16:__ebss",
        "mov r2, #0",
        "3: cmp r0, r1",
        "it lo",
        "strlo r2, [r0], #4",
        "blo 3b",
        "bl {main}",
        // A main that returns is an illegal instruction's worth of fault.
        "udf #0",
        ".cfi_endproc",
        main = sym main,
    )
}
