// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! The assistants, as the cases see them.

use hubris_num_tasks::Task;
use test_suite_common::order::{self, Order, place};
use test_suite_common::raw;
use userlib::*;

use crate::expect::{equal, fail, faults};

task_slot!(ASSIST_SLOT, assist);

/// One of the assistants.
#[derive(Copy, Clone)]
pub struct Assist {
    /// Its index.
    pub index: usize,
}

/// More important than the suite; may do nothing to others; owns two interrupts.
pub const ASSIST: Assist = Assist {
    index: Task::assist as usize,
};
/// Less important than the suite; may use all kernel IPC except resets, and the performance counters.
pub const LOW: Assist = Assist {
    index: Task::low as usize,
};
/// The suite itself.
pub const SUITE: usize = Task::suite as usize;
/// The generated server.
pub const SERVER: usize = Task::server as usize;
/// Where memory begins.
const MEMORY: u32 = 0x4000_0000;
/// An index that no task has.
pub const NOBODY: u16 = 300;

/// The suite's present name.
pub fn me() -> TaskId {
    sys_refresh_task_id(TaskId::for_index(SUITE))
}

impl Assist {
    /// Its present name.
    pub fn id(self) -> TaskId {
        if self.index == ASSIST.index {
            ASSIST_SLOT.get_task_id()
        } else {
            sys_refresh_task_id(TaskId::for_index(self.index))
        }
    }

    /// Gives an order. `Err` is the response code, a dead code.
    pub fn order(self, operation: u16, words: Order) -> Result<[u32; 8], u32> {
        let mut message = [0; 32];
        for (bytes, word) in message.chunks_exact_mut(4).zip(words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        let mut answer = [0; 32];
        match sys_send(self.id(), operation, &message, &mut answer, &[]) {
            (0, _) => {
                let mut words = [0; 8];
                for (word, bytes) in words.iter_mut().zip(answer.chunks_exact(4)) {
                    *word = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
                }
                Ok(words)
            }
            (code, _) => Err(code),
        }
    }

    /// Gives an order that must be carried out.
    #[track_caller]
    pub fn does(self, operation: u16, words: Order) -> [u32; 8] {
        match self.order(operation, words) {
            Ok(answer) => answer,
            Err(code) => fail(format_args!(
                "order {operation} {words:x?} answered {code:#x}: {:x?}",
                faults(self.index).1
            )),
        }
    }

    /// Gives an order that must fault the assistant, and returns the fault.
    #[track_caller]
    pub fn faults(self, operation: u16, words: Order) -> FaultInfo {
        let before = faults(self.index).0;
        let id = self.id();
        match self.order(operation, words) {
            Ok(answer) => fail(format_args!(
                "expected a fault, but order {operation} {words:x?} answered {answer:x?}"
            )),
            Err(code) => equal(
                extract_new_generation(code),
                Some(id.next_generation().generation()),
            ),
        }
        self.fault_after(before)
    }

    /// The fault that it committed after so many others.
    #[track_caller]
    pub fn fault_after(self, before: u32) -> FaultInfo {
        match faults(self.index) {
            (count, TaskState::Faulted { fault, .. }) if count == before + 1 => fault,
            (count, state) => fail(format_args!(
                "expected one more fault than {before}, saw {count} and {state:x?}"
            )),
        }
    }

    /// Makes a system call that comes back: r4 to r11.
    #[track_caller]
    pub fn calls(self, number: Sysnum, arguments: [u32; 7]) -> [u32; 8] {
        self.does(order::CALL, raw::registers(number as u32, arguments))
    }

    /// Makes a system call that faults it.
    #[track_caller]
    pub fn call_faults(self, number: Sysnum, arguments: [u32; 7]) -> FaultInfo {
        self.faults(order::CALL, raw::registers(number as u32, arguments))
    }

    /// Makes a system call once it has said that it will.
    #[track_caller]
    pub fn calls_later(self, number: Sysnum, arguments: [u32; 7]) {
        self.does(order::CALL_LATER, raw::registers(number as u32, arguments));
    }

    /// Lets it run until it waits for something.
    #[track_caller]
    pub fn settles(self) {
        for _ in 0..10_000 {
            hl::sleep_for(1);
            if kipc::read_task_status(self.index) != TaskState::Healthy(SchedState::Runnable) {
                return;
            }
        }
        fail(format_args!("task {} runs on and on", self.index))
    }

    /// How many late calls came back in its present life, and the registers after the last of them.
    #[track_caller]
    pub fn returned(self) -> (u32, [u32; 8]) {
        (
            self.does(order::RETURNED, [0; 8])[0],
            self.does(order::RESULT, [0; 8]),
        )
    }

    /// One of its addresses: see `place`.
    #[track_caller]
    pub fn place(self, which: usize) -> u32 {
        self.does(order::PLACES, [0; 8])[which]
    }

    /// Its buffer.
    #[track_caller]
    pub fn buffer(self) -> u32 {
        self.place(place::BUFFER)
    }

    /// Its stack, data and variables: base and size.
    pub fn ram(self) -> TaskDumpRegion {
        // A page below all memory may come before it: see `hole` in the chip's file.
        let mut regions =
            (1..3).filter_map(|number| kipc::get_task_dump_region(self.index, number));
        match regions.find(|region| region.base >= MEMORY) {
            Some(region) => region,
            None => fail(format_args!("no dump region")),
        }
    }

    /// Writes words into its buffer, from a byte offset on. Returns the address of the first.
    #[track_caller]
    pub fn pokes(self, offset: u32, words: &[u32]) -> u32 {
        let base = self.buffer() + offset;
        for (number, chunk) in words.chunks(6).enumerate() {
            let mut order = [0; 8];
            order[0] = base + 24 * number as u32;
            order[1] = chunk.len() as u32;
            order[2..2 + chunk.len()].copy_from_slice(chunk);
            self.does(order::WRITE, order);
        }
        base
    }

    /// Reads a word.
    #[track_caller]
    pub fn peeks(self, address: u32) -> u32 {
        self.does(order::READ, [address, 0, 0, 0, 0, 0, 0, 0])[0]
    }

    /// Executes an instruction that comes back.
    #[track_caller]
    pub fn executes(self, instruction: u32, word: u32) -> u32 {
        self.does(order::EXECUTE, [instruction, word, 0, 0, 0, 0, 0, 0])[0]
    }

    /// Executes an instruction that faults it.
    #[track_caller]
    pub fn execution_faults(self, instruction: u32) -> FaultInfo {
        self.faults(order::EXECUTE, [instruction, 0, 0, 0, 0, 0, 0, 0])
    }

    /// Sends a message of the words in its buffer to the kernel, with room for 64 bytes of reply. Returns code, length, first two words.
    #[track_caller]
    pub fn asks_kernel(self, operation: u16, words: &[u32], len: u32) -> [u32; 4] {
        let base = self.pokes(0, words);
        let after = self.calls(
            Sysnum::Send,
            [kernel(operation), base, len, base + 64, 64, 0, 0],
        );
        [
            after[0],
            after[1],
            self.peeks(base + 64),
            self.peeks(base + 68),
        ]
    }

    /// The same, faulting it.
    #[track_caller]
    pub fn asking_kernel_faults(self, operation: u16, words: &[u32], len: u32) -> FaultInfo {
        let base = self.pokes(0, words);
        self.call_faults(
            Sysnum::Send,
            [kernel(operation), base, len, base + 64, 64, 0, 0],
        )
    }
}

/// Target and operation of a message to the kernel.
pub fn kernel(operation: u16) -> u32 {
    to(TaskId::KERNEL, operation)
}

/// Target and operation of a message.
pub fn to(target: TaskId, operation: u16) -> u32 {
    u32::from(target.0) << 16 | u32::from(operation)
}

/// The fault of a misused system call.
pub fn usage(error: UsageError) -> FaultInfo {
    FaultInfo::SyscallUsage(error)
}

/// The fault of giving the kernel memory that is not one's own.
pub fn given(address: u32) -> FaultInfo {
    FaultInfo::MemoryAccess {
        address: Some(address),
        source: FaultSource::Kernel,
    }
}

/// The fault of touching memory that is not one's own.
pub fn touched(address: u32) -> FaultInfo {
    FaultInfo::MemoryAccess {
        address: Some(address),
        source: FaultSource::User,
    }
}
