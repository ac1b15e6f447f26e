// This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.
// If a copy of the MPL was not distributed with this file, You can obtain one at https://mozilla.org/MPL/2.0/.

//! SEND, REPLY, REPLY_FAULT, POST and REFRESH_TASK_ID. RECV is in `receive`.

use abi::{FaultInfo, ReplyFaultReason, TaskId, ULease, UsageError, dead_response_code};
use num_traits::FromPrimitive;

use crate::access::Access;
use crate::copy::{Blame, End};
use crate::{Kernel, Machine, Slice, Status};

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
        lease_table(registers.argument::<5>(), registers.argument::<6>())?;
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
        if self.tasks[receiver].status.accepts(self.tasks[sender].id) {
            match self.deliver(sender, receiver) {
                Ok(()) => {
                    self.block_current(Status::in_reply(target));
                    self.make_runnable(receiver);
                    self.hand_over(sender, receiver);
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

    /// Goes from a sender straight to its receiver. The sender was the most important runnable task, so a receiver that is
    /// as important is so now.
    #[inline(always)]
    fn hand_over(&mut self, sender: usize, receiver: usize) {
        if self.tasks[receiver].priority <= self.tasks[sender].priority {
            self.current = receiver;
        } else {
            self.reschedule();
        }
    }

    /// Copies a sender's message to a receiver and sets the receiver's results. Changes neither one's state.
    #[inline(always)]
    pub(crate) fn deliver(&mut self, sender: usize, receiver: usize) -> Result<(), Blame> {
        let from = &self.tasks[sender].registers;
        let to = &self.tasks[receiver].registers;
        let message =
            Slice::new(from.argument::<1>(), from.argument::<2>()).map_err(Blame::Source)?;
        let buffer =
            Slice::new(to.argument::<0>(), to.argument::<1>()).map_err(Blame::Destination)?;
        let id = self.tasks[sender].id;
        let operation = from.argument::<0>() & 0xffff;
        let (capacity, leases) = (from.argument::<4>(), from.argument::<6>());
        self.transfer(
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
        let to = &mut self.tasks[receiver].registers;
        to.set_response(0, u32::from(id.0));
        to.set_result::<2>(operation);
        // The true length: how the receiver learns that it got a prefix.
        to.set_result::<3>(message.length());
        to.set_result::<4>(capacity);
        to.set_result::<5>(leases);
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
        let waiting = &self.tasks[client].registers;
        let (room, capacity) = (waiting.argument::<3>(), waiting.argument::<4>());
        if length > capacity {
            return Err(FaultInfo::SyscallUsage(UsageError::ReplyTooBig));
        }
        let copied = match Slice::new(room, capacity) {
            Ok(buffer) => self.transfer(
                End {
                    task: server,
                    slice: message,
                    access: Access::READ,
                },
                End {
                    task: client,
                    slice: buffer,
                    access: Access::WRITE,
                },
            ),
            Err(fault) => Err(Blame::Destination(fault)),
        };
        match copied {
            Ok(length) => {
                self.tasks[client].registers.set_response(code, length);
                self.make_runnable(client);
                self.preempt_for(client);
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

/// The slice of a lease table.
#[inline(always)]
pub(crate) fn lease_table(base: u32, count: u32) -> Result<Slice, FaultInfo> {
    const ENTRY: u32 = size_of::<ULease>() as u32;
    Slice::table::<ENTRY>(base, count)
}
