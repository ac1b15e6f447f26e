// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What an abort's status register means for the task that caused it.
//!
//! ARM DDI 0406C, B4.1.51 (DFSR) and B4.1.96 (IFSR), short-descriptor format: the status is bits 10 and 3:0.

use abi::{FaultInfo, FaultSource};

use crate::desc::TaskDesc;

/// How far below the stack an access still counts as running off it: one page.
const GUARD: u32 = 4096;

/// How far below the stack pointer code stores before it moves it: more than all registers.
const RED_ZONE: u32 = 128;

/// The kinds of fault that the status tells apart.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// The translation tables say no.
    Translation,
    /// The memory system answered with an error, for the access at the reported address.
    External,
    /// The memory system reported an error some time after the access.
    AsynchronousExternal,
    /// Alignment, breakpoint, or what an implementation defines.
    Other,
}

fn kind(status: u32) -> Kind {
    match (status >> 6 & 0x10) | (status & 0xf) {
        // Translation, access flag, domain, permission; each for a section and for a page.
        0b00101 | 0b00111 | 0b00011 | 0b00110 | 0b01001 | 0b01011 | 0b01101 | 0b01111 => {
            Kind::Translation
        }
        // External abort and parity error: of the access, and of a translation table walk at either level.
        0b01000 | 0b01100 | 0b01110 | 0b11001 | 0b11100 | 0b11110 => Kind::External,
        0b10110 | 0b11000 => Kind::AsynchronousExternal,
        _ => Kind::Other,
    }
}

/// The fault of a task whose load or store aborted. `status` is DFSR, `address` DFAR, `stack_pointer` the task's own.
pub fn data_abort(status: u32, address: u32, task: &TaskDesc, stack_pointer: u32) -> FaultInfo {
    let source = FaultSource::User;
    match kind(status) {
        Kind::Translation if is_overflow(address, task, stack_pointer) => {
            FaultInfo::StackOverflow { address }
        }
        Kind::Translation => FaultInfo::MemoryAccess {
            address: Some(address),
            source,
        },
        Kind::External => FaultInfo::BusError {
            address: Some(address),
            source,
        },
        Kind::AsynchronousExternal => FaultInfo::BusError {
            address: None,
            source,
        },
        Kind::Other => FaultInfo::InvalidOperation(status),
    }
}

/// Whether an address is where a task's stack would be if it were larger: in the page below it or, when a frame larger
/// than that page moved the stack pointer over it, between the stack pointer and the stack.
fn is_overflow(address: u32, task: &TaskDesc, stack_pointer: u32) -> bool {
    let below = task.stack_base.wrapping_sub(address);
    let reach = task
        .stack_base
        .saturating_sub(stack_pointer)
        .saturating_add(RED_ZONE);
    (1..=GUARD.max(reach)).contains(&below) && address < task.stack_base
}

/// The fault of a task that tried to execute what it may not. `status` is IFSR, `address` IFAR.
pub fn prefetch_abort(status: u32, address: u32) -> FaultInfo {
    match kind(status) {
        Kind::Translation => FaultInfo::IllegalText,
        Kind::External => FaultInfo::BusError {
            address: Some(address),
            source: FaultSource::User,
        },
        Kind::AsynchronousExternal => FaultInfo::BusError {
            address: None,
            source: FaultSource::User,
        },
        Kind::Other => FaultInfo::InvalidOperation(status),
    }
}

/// Returns `true` if the status tells of an error that came some time after the access.
pub fn is_asynchronous(status: u32) -> bool {
    kind(status) == Kind::AsynchronousExternal
}

/// Whether the status tells of an error of the memory system.
pub fn is_external(status: u32) -> bool {
    matches!(kind(status), Kind::External | Kind::AsynchronousExternal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desc::TaskFlags;

    const TASK: TaskDesc = TaskDesc {
        name: "task",
        entry: 0x4020_0000,
        initial_stack: 0x4030_2000,
        stack_base: 0x4030_1000,
        priority: 1,
        flags: TaskFlags::empty(),
        kipc: 0,
        table: 0,
        address_space: 1,
        regions: &[],
        interrupts: &[],
    };

    const PERMISSION_PAGE: u32 = 0b01111;
    const TRANSLATION_PAGE: u32 = 0b00111;
    const ALIGNMENT: u32 = 0b00001;
    const DEBUG: u32 = 0b00010;
    const SYNCHRONOUS_EXTERNAL: u32 = 0b01000;
    const ASYNCHRONOUS_EXTERNAL: u32 = 1 << 10 | 0b00110;
    /// DFSR.WnR, which must not disturb.
    const WRITE: u32 = 1 << 11;

    fn data(status: u32, address: u32) -> FaultInfo {
        data_abort(status, address, &TASK, 0x4030_1800)
    }

    #[test]
    fn bad_memory_with_its_address() {
        for status in [
            PERMISSION_PAGE,
            TRANSLATION_PAGE,
            0b00101,
            0b01101,
            0b01001,
            0b00011,
        ] {
            assert_eq!(
                data(status | WRITE, 0x1234),
                FaultInfo::MemoryAccess {
                    address: Some(0x1234),
                    source: FaultSource::User
                }
            );
        }
    }

    #[test]
    fn the_page_below_the_stack_is_the_stack() {
        for address in [0x4030_0fff, 0x4030_0000] {
            assert_eq!(
                data(TRANSLATION_PAGE, address),
                FaultInfo::StackOverflow { address }
            );
        }
        for address in [0x4030_1000, 0x402f_fffc] {
            assert!(matches!(
                data(TRANSLATION_PAGE, address),
                FaultInfo::MemoryAccess { .. }
            ));
        }
    }

    #[test]
    fn a_frame_larger_than_the_guard_page_is_a_stack_overflow_too() {
        let (sp, address) = (0x4020_0000, 0x4020_0010);
        assert_eq!(
            data_abort(TRANSLATION_PAGE, address, &TASK, sp),
            FaultInfo::StackOverflow { address }
        );
        assert_eq!(
            data_abort(TRANSLATION_PAGE, sp - 4, &TASK, sp),
            FaultInfo::StackOverflow { address: sp - 4 }
        );
        assert!(matches!(
            data_abort(TRANSLATION_PAGE, 0x4000_0000, &TASK, sp),
            FaultInfo::MemoryAccess { .. }
        ));
        // A stack pointer set to nonsense above the stack changes nothing.
        assert!(matches!(
            data_abort(TRANSLATION_PAGE, 0x4000_0000, &TASK, u32::MAX),
            FaultInfo::MemoryAccess { .. }
        ));
    }

    #[test]
    fn bus_errors_with_and_without_an_address() {
        let source = FaultSource::User;
        assert_eq!(
            data(SYNCHRONOUS_EXTERNAL, 0x1234),
            FaultInfo::BusError {
                address: Some(0x1234),
                source
            }
        );
        assert_eq!(
            data(ASYNCHRONOUS_EXTERNAL, 0x1234),
            FaultInfo::BusError {
                address: None,
                source
            }
        );
        assert!(is_external(SYNCHRONOUS_EXTERNAL) && !is_external(PERMISSION_PAGE));
        // Asynchronous parity errors too; the external bit (ExT, 12) does not count.
        for status in [
            ASYNCHRONOUS_EXTERNAL,
            1 << 12 | 1 << 10 | 0b00110,
            1 << 10 | 0b01000,
        ] {
            assert!(is_asynchronous(status), "{status:#x}");
        }
        for status in [SYNCHRONOUS_EXTERNAL, PERMISSION_PAGE, ALIGNMENT, 0b01100] {
            assert!(!is_asynchronous(status), "{status:#x}");
        }
    }

    #[test]
    fn alignment_keeps_its_status() {
        assert_eq!(
            data(ALIGNMENT | WRITE, 0x1234),
            FaultInfo::InvalidOperation(ALIGNMENT | WRITE)
        );
    }

    #[test]
    fn instruction_fetches() {
        assert_eq!(prefetch_abort(PERMISSION_PAGE, 4), FaultInfo::IllegalText);
        assert_eq!(prefetch_abort(TRANSLATION_PAGE, 4), FaultInfo::IllegalText);
        assert_eq!(
            prefetch_abort(SYNCHRONOUS_EXTERNAL, 4),
            FaultInfo::BusError {
                address: Some(4),
                source: FaultSource::User
            }
        );
        assert_eq!(prefetch_abort(DEBUG, 4), FaultInfo::InvalidOperation(DEBUG));
    }
}
