// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! Kernel IPC: messages to [`TaskId::KERNEL`](abi::TaskId::KERNEL), answered before the sender goes on.

use abi::{
    DEFECT, FaultInfo, Kipcnum, NO_PANIC_MESSAGE, PANIC_BUFFER_UNUSABLE, TaskDumpRegion, TaskState,
    UsageError,
};
use hubpack::SerializedSize;
use num_traits::FromPrimitive;
use serde::{Serialize, de::DeserializeOwned};

use crate::access::Access;
use crate::copy::{Blame, End, transfer};
use crate::{Kernel, Machine, Slice};

/// Room for every request and every serialised reply.
const BUFFER: usize = 32;
const _: () = assert!(TaskState::MAX_SIZE <= BUFFER);
const _: () = assert!(<(u32, TaskDumpRegion)>::MAX_SIZE <= BUFFER);

const fn misuse(error: UsageError) -> FaultInfo {
    FaultInfo::SyscallUsage(error)
}

/// What may be done to other tasks or to the machine only by the supervisor, or by a task to which `app.toml` grants it.
const fn is_privileged(operation: Kipcnum) -> bool {
    match operation {
        Kipcnum::ReinitTask
        | Kipcnum::FaultTask
        | Kipcnum::Reset
        | Kipcnum::GetTaskDumpRegion
        | Kipcnum::ReadTaskDumpRegion
        | Kipcnum::SoftwareIrq => true,
        Kipcnum::ReadTaskStatus
        | Kipcnum::ReadImageId
        | Kipcnum::FindFaultedTask
        | Kipcnum::ReadPanicMessage => false,
    }
}

impl<M: Machine> Kernel<'_, M> {
    /// The running task sent `message` to the kernel.
    #[inline(never)]
    pub(crate) fn kernel_message(&mut self, message: Slice) -> Result<(), FaultInfo> {
        let caller = &self.tasks[self.current];
        let number = caller.registers.argument::<0>() as u16;
        let operation = Kipcnum::from_u16(number).ok_or(misuse(UsageError::BadKernelMessage))?;
        let granted = self.current == 0 || caller.desc.kipc & 1 << number != 0;
        if is_privileged(operation) && !granted {
            return Err(misuse(UsageError::NotSupervisor));
        }
        match operation {
            Kipcnum::ReadTaskStatus => {
                let index = self.request(message)?;
                let state = self.tasks[self.index(index)?].state();
                self.answer(&state)
            }
            Kipcnum::ReinitTask => {
                let (index, start) = self.request::<(u32, bool)>(message)?;
                let index = self.index(index)?;
                // Without the supervisor nothing is ever restarted, and nobody would learn of it.
                if index == 0 && self.current != 0 {
                    return Err(misuse(UsageError::IllegalTask));
                }
                // First the answer, since the caller may restart itself.
                self.respond(0, 0);
                self.restart(index, start);
                self.preempt();
                Ok(())
            }
            Kipcnum::FaultTask => {
                let index = self.request(message)?;
                let index = self.index(index)?;
                if index == 0 || index == self.current {
                    return Err(misuse(UsageError::IllegalTask));
                }
                self.respond(0, 0);
                let caller = self.tasks[self.current].id;
                self.force_fault(index, FaultInfo::Injected(caller));
                self.preempt();
                Ok(())
            }
            Kipcnum::ReadImageId => self.answer(&self.image.id.to_le()),
            Kipcnum::Reset => self.machine.reset(),
            Kipcnum::GetTaskDumpRegion => {
                let (index, number) = self.request::<(u32, u32)>(message)?;
                let task = &self.tasks[self.index(index)?];
                let region = match number.checked_sub(1) {
                    None => Some(task.dump_region()),
                    Some(number) => task.regions.dump(number).map(|slice| TaskDumpRegion {
                        base: slice.base(),
                        size: slice.length(),
                    }),
                };
                self.answer(&region)
            }
            Kipcnum::ReadTaskDumpRegion => self.read_dump(message),
            Kipcnum::SoftwareIrq => {
                let (index, notification) = self.request::<(u32, u32)>(message)?;
                let index = self.index(index)?;
                self.for_interrupts(index, notification, |machine, intid| {
                    machine.set_pending(intid, true);
                })?;
                self.respond(0, 0);
                Ok(())
            }
            Kipcnum::FindFaultedTask => {
                let start = self.request::<u32>(message)? as usize;
                // One past the end is where a caller that walks all tasks stops.
                let rest = self.tasks.get(start..);
                let rest = rest.ok_or(misuse(UsageError::TaskOutOfRange))?;
                let found = rest.iter().position(|task| task.status.is_faulted());
                self.answer(&found.map_or(0, |position| (start + position) as u32))
            }
            Kipcnum::ReadPanicMessage => self.read_panic_message(message),
        }
    }

    /// An index from a message, if there is such a task.
    fn index(&self, index: u32) -> Result<usize, FaultInfo> {
        if (index as usize) < self.tasks.len() {
            Ok(index as usize)
        } else {
            Err(misuse(UsageError::TaskOutOfRange))
        }
    }

    /// Decodes the running task's message. What follows the request is ignored.
    fn request<T: DeserializeOwned>(&mut self, message: Slice) -> Result<T, FaultInfo> {
        let regions = &self.tasks[self.current].regions;
        regions.check(message, Access::READ)?;
        let mut buffer = [0; BUFFER];
        let length = buffer.len().min(message.length() as usize);
        let bytes = &mut buffer[..length];
        self.machine
            .read(message.base(), bytes)
            .map_err(|error| error.fault())?;
        match hubpack::deserialize(bytes) {
            Ok((request, _)) => Ok(request),
            Err(_) => Err(misuse(UsageError::BadKernelMessage)),
        }
    }

    /// The running task's room for a reply.
    fn reply_buffer(&self) -> Result<Slice, FaultInfo> {
        let registers = &self.tasks[self.current].registers;
        let buffer = Slice::new(registers.argument::<3>(), registers.argument::<4>())?;
        let regions = &self.tasks[self.current].regions;
        regions.check(buffer, Access::WRITE)?;
        Ok(buffer)
    }

    /// Sets the running task's results.
    fn respond(&mut self, code: u32, length: u32) {
        let registers = &mut self.tasks[self.current].registers;
        registers.set_response(code, length);
    }

    /// Answers with a serialised value: as much as fits, and the length that it takes.
    fn answer<T: Serialize + SerializedSize>(&mut self, value: &T) -> Result<(), FaultInfo> {
        let mut buffer = [0; BUFFER];
        // Cannot fail: there is room for every reply, see above. An empty answer would be a bug that callers notice.
        let length = hubpack::serialize(&mut buffer, value).unwrap_or(0);
        let room = self.reply_buffer()?;
        let fits = length.min(room.length() as usize);
        self.machine
            .write(room.base(), &buffer[..fits])
            .map_err(|error| error.fault())?;
        self.respond(0, length as u32);
        Ok(())
    }

    fn read_panic_message(&mut self, message: Slice) -> Result<(), FaultInfo> {
        let index = self.request(message)?;
        let task = self.index(index)?;
        let room = self.reply_buffer()?;
        if self.tasks[task].state_fault() != Some(FaultInfo::Panic) {
            self.respond(NO_PANIC_MESSAGE, 0);
            return Ok(());
        }
        // The registers are as the task's last system call left them: base and length.
        let registers = &self.tasks[task].registers;
        let (base, length) = (registers.argument::<0>(), registers.argument::<1>());
        let Ok(text) = Slice::new(base, length) else {
            self.respond(PANIC_BUFFER_UNUSABLE, 0);
            return Ok(());
        };
        match self.copy_to_caller(task, text, room) {
            Ok(length) => self.respond(0, length),
            Err(Blame::Destination(fault)) => return Err(fault),
            Err(Blame::Source(_)) => self.respond(PANIC_BUFFER_UNUSABLE, 0),
        }
        Ok(())
    }

    fn read_dump(&mut self, message: Slice) -> Result<(), FaultInfo> {
        let (index, region) = self.request::<(u32, TaskDumpRegion)>(message)?;
        let task = self.index(index)?;
        let room = self.reply_buffer()?;
        let slice = Slice::new(region.base, region.size)?;
        let record = self.tasks[task].dump_region();
        let offset = slice.base().wrapping_sub(record.base);
        if offset < record.size && slice.length() <= record.size - offset {
            let length = slice.length().min(room.length());
            self.machine
                .write_record(room.base(), &self.tasks[task], offset, length)
                .map_err(|error| error.fault())?;
            self.respond(0, length);
            return Ok(());
        }
        // The task that is dumped has done nothing: the caller asked for what is no part of a dump.
        let regions = &self.tasks[task].regions;
        if regions.check(slice, Access::READ).is_err() {
            return Err(misuse(UsageError::InvalidSlice));
        }
        match self.copy_to_caller(task, slice, room) {
            Ok(length) => self.respond(0, length),
            Err(Blame::Destination(fault)) => return Err(fault),
            // Memory that does not answer has nothing to be dumped, and is nobody's fault.
            Err(Blame::Source(_)) => self.respond(DEFECT, 0),
        }
        Ok(())
    }

    fn copy_to_caller(&mut self, task: usize, slice: Slice, room: Slice) -> Result<u32, Blame> {
        transfer(
            &mut self.machine,
            End {
                task: &self.tasks[task],
                slice,
                access: Access::READ,
            },
            End {
                task: &self.tasks[self.current],
                slice: room,
                access: Access::WRITE,
            },
        )
    }
}
