// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! A system call with any registers.

/// Makes a system call. `registers` are r4 to r11, before and after.
///
/// # Safety
///
/// None can be promised: the kernel does with the caller's memory what the registers say.
#[cfg(target_os = "none")]
pub unsafe fn system_call(registers: &mut [u32; 8]) {
    #[unsafe(naked)]
    unsafe extern "C" fn call(registers: *mut [u32; 8]) {
        core::arch::naked_asm!(
            "push {{r0, r4-r11, lr}}",
            "ldm r0, {{r4-r11}}",
            "svc #0",
            "ldr r0, [sp]",
            "stm r0, {{r4-r11}}",
            "pop {{r0, r4-r11, pc}}",
        )
    }
    // Safety: the function keeps to the calling convention; the rest is the caller's.
    unsafe { call(registers) }
}

/// There is no kernel on the host.
///
/// # Safety
///
/// Does nothing.
///
/// # Panics
///
/// Always.
#[cfg(not(target_os = "none"))]
pub unsafe fn system_call(_: &mut [u32; 8]) {
    panic!("system calls exist only in an image")
}

/// The registers of the system call `number`.
#[must_use]
pub const fn registers(number: u32, a: [u32; 7]) -> [u32; 8] {
    [a[0], a[1], a[2], a[3], a[4], a[5], a[6], number]
}
