// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! What the processor reports.

use test_suite_common::order::{self, instruction as the, place};
use test_suite_common::report;
use userlib::*;

use crate::Case;
use crate::expect::{RUNNER, equal, fail, holds};
use crate::tasks::{ASSIST, LOW, SERVER, kernel, me, to, touched};

/// The kernel's text.
const KERNEL: u32 = 0x4010_0000;
/// The device tree that QEMU leaves at the start of memory.
const DEVICE_TREE: u32 = 0x4000_0000;
/// The interrupt controller.
const GIC: u32 = 0x0800_0000;
/// The runner's serial line.
const UART: u32 = 0x0900_0000;

/// The cases.
pub const CASES: &[Case] = &[
    ("fault: an undefined instruction", || {
        illegal(the::UNDEFINED)
    }),
    ("fault: an undefined instruction in Thumb state", || {
        illegal(the::THUMB_UNDEFINED)
    }),
    ("fault: a coprocessor that does not exist", || {
        illegal(the::NO_COPROCESSOR)
    }),
    ("fault: a floating-point addition", || {
        illegal(the::FLOAT_ADD)
    }),
    ("fault: the floating-point status", || {
        illegal(the::FLOAT_STATUS)
    }),
    ("fault: a vector addition", || illegal(the::VECTOR_ADD)),
    ("fault: reading SCTLR", || illegal(the::READ_SCTLR)),
    ("fault: writing SCTLR", || illegal(the::WRITE_SCTLR)),
    ("fault: writing TTBR0", || illegal(the::WRITE_TTBR0)),
    ("fault: writing CONTEXTIDR", || {
        illegal(the::WRITE_CONTEXTIDR)
    }),
    ("fault: invalidating the TLB", || {
        illegal(the::INVALIDATE_TLB)
    }),
    ("fault: invalidating the instruction cache", || {
        illegal(the::INVALIDATE_ICACHE)
    }),
    ("fault: reading MIDR", || illegal(the::READ_MIDR)),
    ("fault: reading VBAR", || illegal(the::READ_VBAR)),
    ("fault: reading CPACR", || illegal(the::READ_CPACR)),
    ("fault: the cycle counter without a grant", || {
        illegal(the::READ_CYCLES)
    }),
    ("fault: granting oneself the cycle counter", || {
        illegal(the::WRITE_PMUSERENR)
    }),
    ("fault: the virtual counter", || illegal(the::READ_COUNTER)),
    ("fault: the counter's frequency", || {
        illegal(the::READ_FREQUENCY)
    }),
    ("fault: reading TEEHBR", || illegal(the::READ_TEEHBR)),
    ("fault: writing TEEHBR", || illegal(the::WRITE_TEEHBR)),
    ("fault: the physical timer", || illegal(the::WRITE_TIMER)),
    ("fault: a call to the hypervisor", || illegal(the::HVC)),
    ("fault: a call to the secure monitor", || illegal(the::SMC)),
    ("fault: a breakpoint, whatever its immediate", || {
        let first = ASSIST.execution_faults(the::BREAKPOINT);
        let second = ASSIST.execution_faults(the::BREAKPOINT_FFFF);
        equal(first, second);
        // IFSR: a debug event.
        equal(first, FaultInfo::InvalidOperation(0b10));
    }),
    ("fault: an unaligned load of two registers", || {
        alignment(the::UNALIGNED_MULTIPLE, false)
    }),
    ("fault: an unaligned store of two registers", || {
        alignment(the::UNALIGNED_STORE_MULTIPLE, true)
    }),
    ("fault: an unaligned load of a register pair", || {
        alignment(the::UNALIGNED_DOUBLE, false)
    }),
    ("fault: an unaligned exclusive load", || {
        alignment(the::UNALIGNED_EXCLUSIVE, false)
    }),
    ("fault: reading address 0", || reading(0)),
    ("fault: reading the last word of the address space", || {
        reading(0xffff_fffc)
    }),
    ("fault: reading the device tree", || reading(DEVICE_TREE)),
    ("fault: reading the kernel", || reading(KERNEL)),
    ("fault: writing the kernel", || writing(KERNEL)),
    ("fault: reading the interrupt controller", || reading(GIC)),
    ("fault: writing the interrupt controller", || writing(GIC)),
    ("fault: reading another task's device", || reading(UART)),
    ("fault: writing another task's device", || writing(UART)),
    ("fault: reading another task's memory", || {
        reading(memory_of(SERVER))
    }),
    ("fault: writing another task's memory", || {
        writing(memory_of(SERVER))
    }),
    ("fault: reading another task's text", || {
        reading(LOW.place(place::TEXT) & !3)
    }),
    ("fault: writing one's own text", || {
        writing(ASSIST.place(place::TEXT) & !3)
    }),
    ("fault: writing one's own constants", || {
        writing(ASSIST.place(place::CONSTANT))
    }),
    ("fault: reading behind the end of one's memory", || {
        let ram = ASSIST.ram();
        reading(ram.base + ram.size);
    }),
    ("fault: executing one's stack", || {
        // Deep in it, where nothing is.
        jumping_to_a_return(ASSIST.ram().base + 64);
    }),
    ("fault: executing one's variables", || {
        jumping_to_a_return(ASSIST.buffer());
    }),
    ("fault: executing memory shared with a device", || {
        jumping_to_a_return(ASSIST.place(place::SHARED));
    }),
    ("fault: jumping into the kernel", || jumping(KERNEL)),
    ("fault: jumping to address 0", || jumping(0)),
    ("fault: jumping into another task", || {
        jumping(LOW.place(place::TEXT) & !3)
    }),
    ("fault: a stack that overflows step by step", || {
        overflow(order::RECURSE)
    }),
    ("fault: a frame larger than a page", || {
        overflow(order::LARGE_FRAME)
    }),
    ("fault: a panic, with its message", || {
        equal(ASSIST.faults(order::PANIC, [0; 8]), FaultInfo::Panic);
    }),
    ("no fault: an unaligned load of a word", || {
        ASSIST.pokes(0, &[0x4433_2211, 0x8877_6655]);
        equal(ASSIST.executes(the::UNALIGNED_LOAD, 0), 0x5544_3322);
    }),
    ("no fault: division by zero gives zero", || {
        if let Ok(answer) = ASSIST.order(order::EXECUTE, [the::DIVIDE, 5, 0, 0, 0, 0, 0, 0]) {
            equal(answer[0], 0);
        } else {
            // A processor without a divider.
            equal(ASSIST.fault_after(0), FaultInfo::IllegalInstruction);
        }
    }),
    ("no effect: masking interrupts", || {
        // Only fast interrupts, which nothing raises, and asynchronous aborts, which the kernel takes, are masked.
        equal(ASSIST.executes(the::MASK_INTERRUPTS, 0) & 0x1df, 0x150);
    }),
    ("no effect: changing to supervisor mode", || {
        equal(ASSIST.executes(the::CHANGE_MODE, 0) & 0x1f, 0x10);
    }),
    ("no fault: the cycle counter with a grant", || {
        LOW.executes(the::READ_CYCLES, 0);
        // The grant is the task's, not the processor's.
        equal(
            ASSIST.execution_faults(the::READ_CYCLES),
            FaultInfo::IllegalInstruction,
        );
    }),
    ("nothing leaks through the thread registers", || {
        ASSIST.executes(the::WRITE_THREAD_REGISTER, 0x005e_c2e7);
        equal(LOW.executes(the::READ_THREAD_REGISTER, 0), 0);
        equal(LOW.executes(the::READ_THREAD_ONLY_REGISTER, 0), 0);
    }),
    ("nothing is claimed across a switch", || {
        const BIT: u32 = 1 << 20;
        ASSIST.calls_later(Sysnum::Recv, [0, 0, BIT, 0, 0, 0, 0]);
        // It waits, and then runs again at once: no task in between claims or stores.
        sys_post(ASSIST.id(), BIT);
        equal(ASSIST.returned().0, 1);
        equal(ASSIST.does(order::CLAIM, [0; 8])[0], 1);
    }),
    ("bus error: a message from where no memory is", || {
        // By words, by bytes, and eight words at a time.
        for len in [4, 3, 64] {
            let fault = ASSIST.call_faults(
                Sysnum::Send,
                [to(RUNNER, report::CODE), HOLE, len, 0, 0, 0, 0],
            );
            equal(fault, bus_error(HOLE));
        }
    }),
    ("bus error: a reply buffer where no memory is", || {
        for len in [5, 64] {
            let message = ASSIST.pokes(0, &[0x1234_5678]);
            let fault = ASSIST.call_faults(
                Sysnum::Send,
                [to(RUNNER, report::ECHO), message, len, HOLE, 64, 0, 0],
            );
            equal(fault, bus_error(HOLE));
        }
    }),
    ("bus error: a lease table where no memory is", || {
        ASSIST.calls_later(Sysnum::Send, [to(me(), 1), 0, 0, 0, 0, HOLE, 1]);
        let received = sys_recv_open(&mut [], 0);
        equal(received.sender, ASSIST.id());
        equal(sys_borrow_info(received.sender, 0), None);
        equal(ASSIST.fault_after(0), bus_error(HOLE));
    }),
    (
        "bus error: a request to the kernel from where no memory is",
        || {
            let fault = ASSIST.call_faults(
                Sysnum::Send,
                [kernel(Kipcnum::ReadTaskStatus as u16), HOLE, 4, 0, 0, 0, 0],
            );
            equal(fault, bus_error(HOLE));
        },
    ),
];

/// A page in which the machine has nothing: the memory `hole`.
const HOLE: u32 = 0x0fff_f000;

/// The fault of giving the kernel memory that does not answer.
fn bus_error(address: u32) -> FaultInfo {
    FaultInfo::BusError {
        address: Some(address),
        source: FaultSource::Kernel,
    }
}

fn illegal(instruction: u32) {
    equal(
        ASSIST.execution_faults(instruction),
        FaultInfo::IllegalInstruction,
    );
    // The next life works.
    ASSIST.buffer();
}

fn alignment(instruction: u32, write: bool) {
    match ASSIST.execution_faults(instruction) {
        // DFSR: an alignment fault, and whether it was a write.
        FaultInfo::InvalidOperation(status) => {
            equal(status & 0x40f, 1);
            equal(status & 1 << 11 != 0, write);
        }
        other => fail(format_args!("saw {other:x?}, expected an alignment fault")),
    }
}

fn memory_of(index: usize) -> u32 {
    match kipc::get_task_dump_region(index, 1) {
        Some(region) => region.base,
        None => fail(format_args!("task {index} has no memory")),
    }
}

fn reading(address: u32) {
    equal(
        ASSIST.faults(order::READ, [address, 0, 0, 0, 0, 0, 0, 0]),
        touched(address),
    );
}

fn writing(address: u32) {
    equal(
        ASSIST.faults(order::WRITE, [address, 1, 0, 0, 0, 0, 0, 0]),
        touched(address),
    );
}

fn jumping(address: u32) {
    equal(
        ASSIST.faults(order::JUMP, [address, 0, 0, 0, 0, 0, 0, 0]),
        FaultInfo::IllegalText,
    );
}

/// As [`jumping`], to memory that the task has written before: if the processor executed it, the task would come back and not fault.
/// (It would execute zeros up to the end of the memory, and fault there.)
fn jumping_to_a_return(address: u32) {
    const BX_LR: u32 = 0xE12F_FF1E;
    ASSIST.does(order::WRITE, [address, 1, BX_LR, 0, 0, 0, 0, 0]);
    jumping(address);
}

fn overflow(operation: u16) {
    let stack = ASSIST.ram().base;
    match ASSIST.faults(operation, [0; 8]) {
        FaultInfo::StackOverflow { address } => {
            holds(
                address < stack && stack - address <= 0x3000,
                "an address below the stack",
            );
        }
        other => fail(format_args!("saw {other:x?}, expected a stack overflow")),
    }
}
