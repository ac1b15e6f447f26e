// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Kernel IPC: questions and orders to the kernel about tasks.
//!
//! Restarting, faulting, dumping and resetting is for the supervisor, unless `app.toml` grants it (`kipc = [...]` of a task). A task that does it
//! nevertheless is faulted, as is one that names a task which does not exist.

use core::num::NonZeroUsize;
use core::str::Utf8Chunks;

pub use abi::ReadPanicMessageError;
use abi::{Kipcnum, NO_PANIC_MESSAGE, TaskDumpRegion, TaskId, TaskState};

use crate::{PANIC_MESSAGE_MAX_LEN, UnwrapLite, sys_send};

fn call(operation: Kipcnum, message: &[u8], response: &mut [u8]) -> (u32, usize) {
    sys_send(TaskId::KERNEL, operation as u16, message, response, &[])
}

/// Two little-endian words.
fn pair(first: u32, second: u32) -> [u8; 8] {
    let mut bytes = [0; 8];
    let (low, high) = bytes.split_at_mut(4);
    low.copy_from_slice(&first.to_le_bytes());
    high.copy_from_slice(&second.to_le_bytes());
    bytes
}

/// What task number `task` is doing, or why it was stopped.
pub fn read_task_status(task: usize) -> TaskState {
    let mut response = [0; <TaskState as hubpack::SerializedSize>::MAX_SIZE];
    call(
        Kipcnum::ReadTaskStatus,
        &(task as u32).to_le_bytes(),
        &mut response,
    );
    hubpack::deserialize(&response).unwrap_lite().0
}

/// Puts task number `task` back to its first instruction, in its next generation, and lets it run if `start`. Never returns when it is the
/// caller itself.
pub fn reinit_task(task: usize, start: bool) {
    let mut message = [0; 5];
    message[..4].copy_from_slice(&(task as u32).to_le_bytes());
    message[4] = start.into();
    call(Kipcnum::ReinitTask, &message, &mut []);
}

/// Faults task number `task`, which must be neither the supervisor nor the caller.
pub fn fault_task(task: usize) {
    call(Kipcnum::FaultTask, &(task as u32).to_le_bytes(), &mut []);
}

/// Identifies the build of the image.
pub fn read_image_id() -> u64 {
    let mut response = [0; 8];
    call(Kipcnum::ReadImageId, &[], &mut response);
    u64::from_le_bytes(response)
}

/// Restarts the machine.
pub fn reset() -> ! {
    call(Kipcnum::Reset, &[], &mut []);
    // The machine is going down; nothing here can matter any more.
    loop {
        core::hint::spin_loop();
    }
}

/// Restarts the machine. The name that Hubris uses.
pub fn system_restart() -> ! {
    reset()
}

/// The region number `region` of a dump of task number `task`, or `None` behind the last. Region 0 is the kernel's record of the task, with
/// its registers (the stack pointer is at [`RECORD_STACK_POINTER`](abi::RECORD_STACK_POINTER)); the others are the memory that it may
/// write and no device shares.
pub fn get_task_dump_region(task: usize, region: usize) -> Option<TaskDumpRegion> {
    let mut response = [0; 9];
    call(
        Kipcnum::GetTaskDumpRegion,
        &pair(task as u32, region as u32),
        &mut response,
    );
    hubpack::deserialize(&response).unwrap_lite().0
}

/// Copies memory of task number `task` to `response`. Returns how many bytes; 0 if the memory does not answer.
pub fn read_task_dump_region(task: usize, region: TaskDumpRegion, response: &mut [u8]) -> usize {
    let mut message = [0; 12];
    message[..4].copy_from_slice(&(task as u32).to_le_bytes());
    message[4..].copy_from_slice(&pair(region.base, region.size));
    let (_, len) = call(Kipcnum::ReadTaskDumpRegion, &message, response);
    len.min(response.len())
}

/// Makes the interrupt behind a notification bit of task number `task` pending, as if the device had raised it.
pub fn software_irq(task: usize, notification: u32) {
    call(
        Kipcnum::SoftwareIrq,
        &pair(task as u32, notification),
        &mut [],
    );
}

/// The first faulted task at or after number `start`.
///
/// The supervisor is never an answer: when it faults, nobody is left to ask.
pub fn find_faulted_task(start: usize) -> Option<NonZeroUsize> {
    let mut response = [0; 4];
    call(
        Kipcnum::FindFaultedTask,
        &(start as u32).to_le_bytes(),
        &mut response,
    );
    NonZeroUsize::new(u32::from_le_bytes(response) as usize)
}

/// The message with which task number `task` panicked, as text. The chunks that are not valid UTF-8 come from a message that was cut
/// off inside a character, or from a task that made the system call itself.
///
/// # Errors
///
/// [`ReadPanicMessageError`] says why there is none.
pub fn read_panic_message(
    task: usize,
    buffer: &mut [u8; PANIC_MESSAGE_MAX_LEN],
) -> Result<Utf8Chunks<'_>, ReadPanicMessageError> {
    read_panic_message_bytes(task, buffer).map(<[u8]>::utf8_chunks)
}

/// As [`read_panic_message`], as bytes.
///
/// # Errors
///
/// As [`read_panic_message`].
pub fn read_panic_message_bytes(
    task: usize,
    buffer: &mut [u8; PANIC_MESSAGE_MAX_LEN],
) -> Result<&[u8], ReadPanicMessageError> {
    let (code, len) = call(
        Kipcnum::ReadPanicMessage,
        &(task as u32).to_le_bytes(),
        buffer,
    );
    match code {
        0 => Ok(buffer.get(..len).unwrap_or(buffer)),
        NO_PANIC_MESSAGE => Err(ReadPanicMessageError::TaskNotPanicked),
        _ => Err(ReadPanicMessageError::BadPanicBuffer),
    }
}
