// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! SEND, REPLY, REPLY_FAULT, POST and REFRESH_TASK_ID. RECV is in `receive`.

use abi::{FaultInfo, ReplyFaultReason, TaskId, ULease, UsageError, dead_response_code};
use num_traits::FromPrimitive;

use crate::access::Access;
use crate::copy::{Blame, End, transfer};
use crate::{Kernel, Machine, Slice, Status, Task};

/// What a task's name stands for now.
pub(crate) enum Peer<T = usize> {
    /// The task with this index, in the life that was named; or what is known of it.
    Alive(T),
    /// An earlier life; the dead code tells the present one.
    Dead(u32),
}

impl<M: Machine> Kernel<'_, M> {
    /// Looks up a task's name.
    ///
    /// # Errors
    ///
    /// There is no task with that index: the fault of whoever asked.
    #[inline(always)]
    pub(crate) fn peer(&self, id: TaskId) -> Result<Peer, FaultInfo> {
        let index = id.index();
        match self.tasks.get(index) {
            Some(task) if task.id == id => Ok(Peer::Alive(index)),
            Some(task) => Ok(Peer::Dead(dead_response_code(task.id.generation()))),
            None => Err(FaultInfo::SyscallUsage(UsageError::TaskOutOfRange)),
        }
    }

    /// SEND: target and operation, message, reply buffer, lease table.
    #[inline(always)]
    pub(crate) fn send(&mut self) -> Result<(), FaultInfo> {
        let sender = self.current;
        let registers = &self.tasks[sender].registers;
        let target = TaskId((registers.argument::<0>() >> 16) as u16);
        let message = Slice::new(registers.argument::<1>(), registers.argument::<2>())?;
        // These two are used later, from the same registers, which nothing changes while the sender waits. A reply
        // buffer or lease table that makes no sense is refused here, where it is the sender's own doing.
        Slice::new(registers.argument::<3>(), registers.argument::<4>())?;
        let (table, leases) = (registers.argument::<5>(), registers.argument::<6>());
        if leases != 0 {
            let table = lease_table(table, leases)?;
            self.tasks[sender].regions.check_exclusive(table)?;
        }
        if target == TaskId::KERNEL {
            return self.kernel_message(message);
        }
        let receiver = match self.peer(target)? {
            Peer::Alive(index) => index,
            Peer::Dead(code) => {
                self.tasks[sender].registers.set_response(code, 0);
                return Ok(());
            }
        };
        if self.tasks[receiver].status.accepts(self.tasks[sender].id)
            && let Ok([from, to]) = self.tasks.get_disjoint_mut([sender, receiver])
        {
            match deliver(&mut self.machine, from, to) {
                Ok(()) => {
                    from.status = Status::in_reply(target);
                    to.status = Status::RUNNABLE;
                    self.ready = self.ready & !from.bit | to.bit;
                    // The sender was the most important runnable task, so a receiver that is as important is so now.
                    if to.priority <= from.priority {
                        self.current = receiver;
                    } else {
                        self.reschedule();
                    }
                    return Ok(());
                }
                Err(Blame::Source(fault)) => return Err(fault),
                Err(Blame::Destination(fault)) => self.force_fault(receiver, fault),
            }
        }
        self.block_current(Status::in_send(target));
        let bit = self.tasks[sender].bit;
        self.tasks[receiver].senders |= bit;
        self.reschedule();
        Ok(())
    }

    /// REPLY: peer, response code, message. Ignored unless the peer waits for exactly this.
    #[inline(always)]
    pub(crate) fn reply(&mut self) -> Result<(), FaultInfo> {
        let server = self.current;
        let registers = &self.tasks[server].registers;
        let peer = TaskId(registers.argument::<0>() as u16);
        let code = registers.argument::<1>();
        let (base, length) = (registers.argument::<2>(), registers.argument::<3>());
        let Some(client) = self.client(peer)? else {
            return Ok(());
        };
        let message = Slice::new(base, length)?;
        // A task does not wait for its own reply while it runs, so these are two.
        let Ok([from, to]) = self.tasks.get_disjoint_mut([server, client]) else {
            return Ok(());
        };
        let (room, capacity) = (to.registers.argument::<3>(), to.registers.argument::<4>());
        if length > capacity {
            return Err(FaultInfo::SyscallUsage(UsageError::ReplyTooBig));
        }
        let copied = match Slice::new(room, capacity) {
            Ok(buffer) => transfer(
                &mut self.machine,
                End {
                    task: from,
                    slice: message,
                    access: Access::READ,
                },
                End {
                    task: to,
                    slice: buffer,
                    access: Access::WRITE,
                },
            ),
            Err(fault) => Err(Blame::Destination(fault)),
        };
        match copied {
            Ok(length) => {
                to.registers.set_response(code, length);
                to.status = Status::RUNNABLE;
                self.ready |= to.bit;
                if to.priority < from.priority {
                    self.current = client;
                }
                Ok(())
            }
            Err(Blame::Source(fault)) => Err(fault),
            Err(Blame::Destination(fault)) => {
                self.force_fault(client, fault);
                self.preempt();
                Ok(())
            }
        }
    }

    /// The index of a task that waits for the running task's reply; `None` for any other.
    #[inline(always)]
    pub(crate) fn client(&self, peer: TaskId) -> Result<Option<usize>, FaultInfo> {
        let waiting = Status::in_reply(self.tasks[self.current].id);
        Ok(match self.peer(peer)? {
            Peer::Alive(index) if self.tasks[index].status == waiting => Some(index),
            _ => None,
        })
    }

    /// REPLY_FAULT: peer, reason. Ignored unless the peer waits for the running task's reply.
    pub(crate) fn reply_fault(&mut self) -> Result<(), FaultInfo> {
        let server = &self.tasks[self.current];
        let id = server.id;
        let peer = TaskId(server.registers.argument::<0>() as u16);
        let reason = ReplyFaultReason::from_u32(server.registers.argument::<1>())
            .ok_or(FaultInfo::SyscallUsage(UsageError::BadReplyFaultReason))?;
        if let Some(client) = self.client(peer)? {
            self.force_fault(client, FaultInfo::FromServer(id, reason));
            self.preempt();
        }
        Ok(())
    }

    /// POST: peer, notification bits.
    pub(crate) fn post_from_task(&mut self) -> Result<(), FaultInfo> {
        let poster = self.current;
        let registers = &self.tasks[poster].registers;
        let peer = TaskId(registers.argument::<0>() as u16);
        let bits = registers.argument::<1>();
        let code = match self.peer(peer)? {
            Peer::Alive(index) => {
                self.post(index, bits);
                0
            }
            Peer::Dead(code) => code,
        };
        self.tasks[poster].registers.set_result::<0>(code);
        self.preempt();
        Ok(())
    }

    /// REFRESH_TASK_ID: a name in, the present name out.
    pub(crate) fn refresh_task_id(&mut self) -> Result<(), FaultInfo> {
        let index = TaskId(self.tasks[self.current].registers.argument::<0>() as u16).index();
        let id = self
            .tasks
            .get(index)
            .ok_or(FaultInfo::SyscallUsage(UsageError::TaskOutOfRange))?
            .id;
        let registers = &mut self.tasks[self.current].registers;
        registers.set_result::<0>(u32::from(id.0));
        Ok(())
    }
}

/// Copies a sender's message to a receiver and sets the receiver's results. Changes neither one's state.
#[inline(always)]
pub(crate) fn deliver<M: Machine>(
    machine: &mut M,
    sender: &Task,
    receiver: &mut Task,
) -> Result<(), Blame> {
    let (from, to) = (&sender.registers, &receiver.registers);
    let message = Slice::new(from.argument::<1>(), from.argument::<2>()).map_err(Blame::Source)?;
    let buffer = Slice::new(to.argument::<0>(), to.argument::<1>()).map_err(Blame::Destination)?;
    transfer(
        machine,
        End {
            task: sender,
            slice: message,
            access: Access::READ,
        },
        End {
            task: receiver,
            slice: buffer,
            access: Access::WRITE,
        },
    )?;
    let (from, to) = (&sender.registers, &mut receiver.registers);
    to.set_response(0, u32::from(sender.id.0));
    to.set_result::<2>(from.argument::<0>() & 0xffff);
    // The true length: how the receiver learns that it got a prefix.
    to.set_result::<3>(from.argument::<2>());
    to.set_result::<4>(from.argument::<4>());
    to.set_result::<5>(from.argument::<6>());
    Ok(())
}

/// The slice of a lease table.
#[inline(always)]
pub(crate) fn lease_table(base: u32, count: u32) -> Result<Slice, FaultInfo> {
    const ENTRY: u32 = size_of::<ULease>() as u32;
    Slice::table::<ENTRY>(base, count)
}
