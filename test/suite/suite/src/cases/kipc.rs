// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Kernel IPC.

use test_suite_common::order::place;
use userlib::*;

use crate::Case;
use crate::cases::send::memory_of;
use crate::expect::{RUNNER, equal, faults, hold, holds};
use crate::tasks::{ASSIST, LOW, NOBODY, SERVER, SUITE, given, kernel, me, usage};

const STATUS: u16 = Kipcnum::ReadTaskStatus as u16;
const REINIT: u16 = Kipcnum::ReinitTask as u16;
const FAULT: u16 = Kipcnum::FaultTask as u16;
const IMAGE: u16 = Kipcnum::ReadImageId as u16;
const RESET: u16 = Kipcnum::Reset as u16;
const REGION: u16 = Kipcnum::GetTaskDumpRegion as u16;
const DUMP: u16 = Kipcnum::ReadTaskDumpRegion as u16;
const IRQ: u16 = Kipcnum::SoftwareIrq as u16;
const FAULTED: u16 = Kipcnum::FindFaultedTask as u16;
/// A page that the assistant may only read, behind one that it may write.
const NOTES: u32 = 0x4040_1000;
/// An index that no task has, and the last one that a walk may ask for.
const END: u32 = hubris_num_tasks::NUM_TASKS as u32;
const MESSAGE: u16 = Kipcnum::ReadPanicMessage as u16;

/// The cases.
pub const CASES: &[Case] = &[
    ("kipc read_task_status: anyone may ask", || {
        equal(
            ASSIST.asks_kernel(STATUS, &[SERVER as u32], 4),
            [0, 3, 0x0400, 0],
        );
    }),
    ("kipc read_task_status: of oneself", || {
        equal(
            kipc::read_task_status(SUITE),
            TaskState::Healthy(SchedState::Runnable),
        );
    }),
    (
        "kipc read_task_status: of one who waits for a reply",
        || {
            equal(
                ASSIST.asks_kernel(STATUS, &[SUITE as u32], 4)[2],
                u32::from(ASSIST.id().0) << 16 | 0x0300,
            );
        },
    ),
    ("kipc read_task_status: of a faulted task", || {
        hold(ASSIST.index);
        ASSIST.calls_later(Sysnum::Post, [NOBODY.into(), 0, 0, 0, 0, 0, 0]);
        let wanted = TaskState::Faulted {
            fault: usage(UsageError::TaskOutOfRange),
            original_state: SchedState::Runnable,
        };
        equal(kipc::read_task_status(ASSIST.index), wanted);
    }),
    ("kipc read_task_status: of nobody", || {
        for index in [END, NOBODY.into(), u32::MAX] {
            misuse(STATUS, &[index], 4, UsageError::TaskOutOfRange);
        }
    }),
    ("kipc read_task_status: a message that is too short", || {
        for len in 0..4 {
            misuse(STATUS, &[1], len, UsageError::BadKernelMessage);
        }
    }),
    (
        "kipc read_task_status: a reply buffer that is too small",
        || {
            let base = ASSIST.pokes(0, &[SERVER as u32]);
            let after = ASSIST.calls(Sysnum::Send, [kernel(STATUS), base, 4, base + 64, 2, 0, 0]);
            // The length that it takes, and as much as fits.
            equal((after[0], after[1]), (0, 3));
            equal(ASSIST.peeks(base + 64), 0x0400);
        },
    ),
    ("kipc: a message longer than the request", || {
        equal(
            ASSIST.asks_kernel(STATUS, &[SERVER as u32, u32::MAX, u32::MAX], 12)[0],
            0,
        );
    }),
    ("kipc: a message in another task's memory", || {
        let theirs = memory_of(SERVER);
        let fault = ASSIST.call_faults(Sysnum::Send, [kernel(STATUS), theirs, 4, 0, 0, 0, 0]);
        equal(fault, given(theirs));
    }),
    ("kipc: a reply buffer in one's text", || {
        let (base, text) = (ASSIST.pokes(0, &[0]), ASSIST.place(place::TEXT));
        let fault = ASSIST.call_faults(Sysnum::Send, [kernel(STATUS), base, 4, text, 8, 0, 0]);
        equal(fault, given(text));
    }),
    (
        "kipc: a reply buffer that ends where one may only read",
        || {
            // The answer would fit into the part that may be written.
            let base = ASSIST.pokes(0, &[SERVER as u32]);
            let room = NOTES - 16;
            let fault = ASSIST.call_faults(Sysnum::Send, [kernel(STATUS), base, 4, room, 32, 0, 0]);
            equal(fault, given(NOTES));
        },
    ),
    ("kipc: an operation that there is not", || {
        for operation in [0, 11, 0x8002, 0xffff] {
            misuse(operation, &[1, 1], 8, UsageError::BadKernelMessage);
        }
    }),
    ("kipc reinit_task: for the supervisor only", || {
        refused(REINIT, &[LOW.index as u32, 1], 5)
    }),
    ("kipc reinit_task: the supervisor, with a grant", || {
        for start in [0, 1] {
            granted_misuse(REINIT, &[0, start], 5, UsageError::IllegalTask);
        }
        equal(
            kipc::read_task_status(0),
            TaskState::Healthy(SchedState::InRecv(None)),
        );
    }),
    ("kipc fault_task: for the supervisor only", || {
        refused(FAULT, &[LOW.index as u32], 4)
    }),
    ("kipc reset: for the supervisor only", || {
        refused(RESET, &[], 0)
    }),
    ("kipc reset: not covered by other grants", || {
        equal(
            LOW.asking_kernel_faults(RESET, &[], 0),
            usage(UsageError::NotSupervisor),
        );
    }),
    ("kipc get_task_dump_region: for the supervisor only", || {
        refused(REGION, &[LOW.index as u32, 0], 8)
    }),
    (
        "kipc read_task_dump_region: for the supervisor only",
        || {
            refused(DUMP, &[LOW.index as u32, LOW.ram().base, 4], 12);
        },
    ),
    ("kipc software_irq: for the supervisor only", || {
        refused(IRQ, &[ASSIST.index as u32, 1], 8)
    }),
    (
        "kipc: refused even with a message that makes no sense",
        || refused(REINIT, &[u32::MAX], 1),
    ),
    ("kipc reinit_task: by grant", || {
        let id = ASSIST.id();
        equal(LOW.asks_kernel(REINIT, &[ASSIST.index as u32, 1], 5)[0], 0);
        equal(ASSIST.id(), id.next_generation());
    }),
    ("kipc reinit_task: oneself", || {
        let id = LOW.id();
        let base = LOW.pokes(0, &[LOW.index as u32, 1]);
        LOW.calls_later(Sysnum::Send, [kernel(REINIT), base, 5, 0, 0, 0, 0]);
        LOW.settles();
        equal((LOW.id(), LOW.returned().0), (id.next_generation(), 0));
        equal(faults(LOW.index).0, 0);
    }),
    ("kipc reinit_task: nobody", || {
        granted_misuse(REINIT, &[END, 1], 5, UsageError::TaskOutOfRange)
    }),
    (
        "kipc reinit_task: a start that is neither true nor false",
        || {
            granted_misuse(
                REINIT,
                &[ASSIST.index as u32, 2],
                5,
                UsageError::BadKernelMessage,
            );
        },
    ),
    ("kipc reinit_task: a message that is too short", || {
        granted_misuse(
            REINIT,
            &[ASSIST.index as u32, 1],
            4,
            UsageError::BadKernelMessage,
        );
    }),
    ("kipc fault_task: by grant", || {
        equal(LOW.asks_kernel(FAULT, &[ASSIST.index as u32], 4)[0], 0);
        equal(ASSIST.fault_after(0), FaultInfo::Injected(LOW.id()));
    }),
    ("kipc fault_task: keeps what the task was doing", || {
        hold(ASSIST.index);
        kipc::fault_task(ASSIST.index);
        let wanted = TaskState::Faulted {
            fault: FaultInfo::Injected(me()),
            original_state: SchedState::InRecv(None),
        };
        equal(kipc::read_task_status(ASSIST.index), wanted);
    }),
    (
        "kipc fault_task: the second fault replaces the first, not the state",
        || {
            hold(ASSIST.index);
            equal(LOW.asks_kernel(FAULT, &[ASSIST.index as u32], 4)[0], 0);
            kipc::fault_task(ASSIST.index);
            let wanted = TaskState::Faulted {
                fault: FaultInfo::Injected(me()),
                original_state: SchedState::InRecv(None),
            };
            equal(kipc::read_task_status(ASSIST.index), wanted);
        },
    ),
    ("kipc fault_task: the supervisor", || {
        granted_misuse(FAULT, &[RUNNER.index() as u32], 4, UsageError::IllegalTask);
    }),
    ("kipc fault_task: oneself", || {
        granted_misuse(FAULT, &[LOW.index as u32], 4, UsageError::IllegalTask);
    }),
    ("kipc fault_task: nobody", || {
        granted_misuse(FAULT, &[END], 4, UsageError::TaskOutOfRange)
    }),
    ("kipc read_image_id: the same for everyone", || {
        let id = kipc::read_image_id();
        let [code, len, low, high] = ASSIST.asks_kernel(IMAGE, &[], 0);
        equal(
            (code, len, u64::from(high) << 32 | u64::from(low)),
            (0, 8, id),
        );
    }),
    ("kipc get_task_dump_region: regions, and then none", || {
        let ram = LOW.ram();
        holds(
            ram.size >= 2048 && ram.base.is_multiple_of(4096),
            "a region of at least the stack",
        );
        equal(kipc::get_task_dump_region(LOW.index, 10), None);
        equal(
            LOW.asks_kernel(REGION, &[SERVER as u32, 99], 8),
            [0, 1, 0, 0],
        );
    }),
    (
        "kipc get_task_dump_region: first the kernel's record",
        || {
            let record = kipc::get_task_dump_region(LOW.index, 0).unwrap_lite();
            equal(record.size as usize, RECORD_SIZE);
            // It waits, so its registers are there, and its stack pointer in its stack.
            let mut bytes = [0; 4];
            let at = TaskDumpRegion {
                base: record.base + RECORD_STACK_POINTER as u32,
                size: 4,
            };
            equal(kipc::read_task_dump_region(LOW.index, at, &mut bytes), 4);
            let (stack, ram) = (u32::from_le_bytes(bytes), LOW.ram());
            holds(
                ram.base <= stack && stack <= ram.base + ram.size,
                "a stack pointer in the task's memory",
            );
        },
    ),
    ("kipc read_task_dump_region: another task's record", || {
        let other = kipc::get_task_dump_region(SERVER, 0).unwrap_lite();
        let message = [LOW.index as u32, other.base, 4];
        granted_misuse(DUMP, &message, 12, UsageError::InvalidSlice);
    }),
    (
        "kipc read_task_dump_region: the kernel around a record",
        || {
            let record = kipc::get_task_dump_region(LOW.index, 0).unwrap_lite();
            for (base, size) in [(record.base - 4, 8), (record.base, record.size + 4)] {
                let message = [LOW.index as u32, base, size];
                granted_misuse(DUMP, &message, 12, UsageError::InvalidSlice);
            }
        },
    ),
    ("kipc get_task_dump_region: nobody", || {
        granted_misuse(REGION, &[END, 0], 8, UsageError::TaskOutOfRange);
    }),
    ("kipc read_task_dump_region: another task's memory", || {
        let base = ASSIST.pokes(0, &[0x1357_9bdf, 0x2468_ace0]);
        let mut bytes = [0; 6];
        let region = TaskDumpRegion { base, size: 8 };
        equal(
            kipc::read_task_dump_region(ASSIST.index, region, &mut bytes),
            6,
        );
        equal(bytes, [0xdf, 0x9b, 0x57, 0x13, 0xe0, 0xac]);
    }),
    ("kipc read_task_dump_region: not the task's", || {
        let message = [ASSIST.index as u32, memory_of(SERVER), 4];
        granted_misuse(DUMP, &message, 12, UsageError::InvalidSlice);
        equal(faults(ASSIST.index).0, 0);
    }),
    ("kipc read_task_dump_region: a region that wraps", || {
        granted_misuse(
            DUMP,
            &[ASSIST.index as u32, u32::MAX, 4],
            12,
            UsageError::InvalidSlice,
        );
    }),
    ("kipc read_task_dump_region: a device", || {
        granted_misuse(
            DUMP,
            &[ASSIST.index as u32, 0x0a00_0000, 4],
            12,
            UsageError::InvalidSlice,
        );
    }),
    ("kipc software_irq: bits that are no interrupt", || {
        for bits in [0, 16, 3] {
            granted_misuse(IRQ, &[ASSIST.index as u32, bits], 8, UsageError::NoIrq);
        }
        granted_misuse(IRQ, &[SERVER as u32, 1], 8, UsageError::NoIrq);
    }),
    ("kipc find_faulted_task: none, and one", || {
        equal(kipc::find_faulted_task(0), None);
        hold(LOW.index);
        kipc::fault_task(LOW.index);
        equal(kipc::find_faulted_task(1).map(usize::from), Some(LOW.index));
        equal(
            kipc::find_faulted_task(LOW.index).map(usize::from),
            Some(LOW.index),
        );
        equal(kipc::find_faulted_task(LOW.index + 1), None);
        // One past the last is where a walk ends.
        equal(kipc::find_faulted_task(END as usize), None);
    }),
    ("kipc find_faulted_task: behind the end", || {
        misuse(FAULTED, &[END + 1], 4, UsageError::TaskOutOfRange)
    }),
    ("kipc read_panic_message: nobody's", || {
        misuse(MESSAGE, &[END], 4, UsageError::TaskOutOfRange)
    }),
];

#[track_caller]
fn misuse(operation: u16, words: &[u32], len: u32, wanted: UsageError) {
    equal(
        ASSIST.asking_kernel_faults(operation, words, len),
        usage(wanted),
    );
}

#[track_caller]
fn granted_misuse(operation: u16, words: &[u32], len: u32, wanted: UsageError) {
    equal(
        LOW.asking_kernel_faults(operation, words, len),
        usage(wanted),
    );
}

#[track_caller]
fn refused(operation: u16, words: &[u32], len: u32) {
    misuse(operation, words, len, UsageError::NotSupervisor);
    equal(faults(LOW.index).0, 0);
}
